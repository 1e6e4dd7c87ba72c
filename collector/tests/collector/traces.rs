//! Traces and metrics: what a session becomes, once, however often the collector is killed.

use crate::common::*;
use crate::otlp::{Endpoint, free_address, start_rotel, wait_until};
use crate::program::{Process, run};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

const TS: u64 = 1_764_000_000_000_000;
const SPANS_PER_DOCUMENT: usize = 6;

fn start(folder: &Path, endpoint: &str) -> Process {
    Process::start_with(
        folder,
        &["--otlp-endpoint", endpoint, "--otlp-traces", "--otlp-metrics"],
    )
}

/// A session that is delivered piece by piece.
#[derive(Default)]
struct Recording {
    lines: Vec<String>,
    delivered: u64,
}

impl Recording {
    fn add(&mut self, type_: &str, url: &str, metadata: Value, data: Value) -> u64 {
        let seq = self.lines.len() as u64 + 1;
        let category = match type_.split('.').next().unwrap() {
            "input" => "interaction",
            other => other,
        };
        let line = json!({"capture_session_id": SESSION, "seq": seq, "event": {
            "ts": TS + seq * 1000, "type": type_, "category": category, "detail_level": "standard",
            "source": {"kind": "extension", "metadata": metadata}, "url": url, "data": data,
        }});
        self.lines.push(line.to_string());
        seq
    }

    /// A document in a tab of its own, with everything that becomes a span; its tab stays open.
    fn open(&mut self, tab: u64) {
        let url = format!("https://shop.test/orders/{tab}?token=x");
        let api = "https://api.test/cart";
        let navigation =
            json!({"tab_id": tab.to_string(), "frame_id": "0", "navigation_id": format!("n.{tab}")});
        let with = |more: Value| {
            let mut all = navigation.as_object().unwrap().clone();
            all.insert("document_id".into(), format!("D{tab}").into());
            all.extend(more.as_object().unwrap().clone());
            Value::Object(all)
        };
        let request = |kind: &str| with(json!({"request_id": format!("{tab}{kind}")}));
        let caused = |more: Value| {
            let mut metadata = with(json!({"cause_id": format!("i{tab}.1")}));
            metadata
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            metadata
        };
        self.add("page.navigation_started", &url, navigation.clone(), json!({}));
        self.add(
            "page.navigation_committed",
            &url,
            with(json!({})),
            json!({"transition": "link"}),
        );
        self.add("page.lcp", &url, with(json!({})), json!({"value_ms": 9000}));
        self.add("page.lcp", &url, with(json!({})), json!({"value_ms": 1200}));
        let sent = format!("00-{tab:032x}-{:016x}-01", tab + 1);
        let headers = json!([["traceparent", sent]]);
        self.add(
            "network.request",
            api,
            request("a"),
            json!({"method": "POST", "headers": headers}),
        );
        self.add(
            "network.redirect",
            api,
            request("a"),
            json!({"method": "POST", "status": 307, "redirect_url": api}),
        );
        self.add(
            "network.response",
            api,
            request("a"),
            json!({"method": "POST", "status": 503, "duration_ms": 4}),
        );
        // A page's reports arrive after the browser's.
        let made = caused(json!({"request_id": format!("{tab}a")}));
        self.add(
            "network.call",
            api,
            made,
            json!({"method": "POST", "api": "fetch"}),
        );
        let click = with(json!({"interaction_id": format!("i{tab}.1")}));
        self.add(
            "input.click",
            &url,
            click,
            json!({"selector": "#buy", "label": "Buy"}),
        );
        let error =
            json!({"text": "Uncaught x", "error": {"$": "TypeError", "message": "x", "stack": "at a"}});
        self.add("console.exception", &url, caused(json!({})), error);
        self.add("console.error", &url, with(json!({})), json!({"text": "no cart"}));
        self.add(
            "page.long_frame",
            &url,
            with(json!({})),
            json!({"duration_ms": 120, "blocking_ms": 70}),
        );
        // A call may also be reported before its request.
        let made = caused(json!({"request_id": format!("{tab}b")}));
        self.add(
            "network.call",
            "https://cdn.test/x",
            made,
            json!({"api": "fetch"}),
        );
        self.add(
            "network.request",
            "https://cdn.test/x",
            request("b"),
            json!({"method": "GET"}),
        );
        let failed = json!({"method": "GET", "error": "net::ERR_CONNECTION_REFUSED"});
        self.add("network.failed", "https://cdn.test/x", request("b"), failed);
        self.add(
            "network.request",
            "https://slow.test/",
            request("c"),
            json!({"method": "GET"}),
        );
        self.add("page.navigation_loaded", &url, with(json!({})), json!({}));
    }

    fn close(&mut self, tab: u64) {
        self.add("tab.removed", "", json!({"tab_id": tab.to_string()}), json!({}));
    }

    async fn deliver(&mut self, process: &Process) {
        let (first, last) = (self.delivered + 1, self.lines.len() as u64);
        let lines = &self.lines[self.delivered as usize..];
        assert_eq!(process.deliver(SESSION, first, last, lines).await.0, 200);
        self.delivered = last;
    }
}

fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Any> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.as_ref()?.value.as_ref()
}

fn says(attributes: &[KeyValue], key: &str) -> String {
    match attribute(attributes, key) {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// Returns the spans by id; a span that came twice is the same.
fn by_id(endpoint: &Endpoint) -> BTreeMap<Vec<u8>, Span> {
    let mut spans = BTreeMap::new();
    for span in endpoint.spans.lock().unwrap().iter() {
        let before = spans.insert(span.span_id.clone(), span.clone());
        assert!(
            before.is_none_or(|before| before == *span),
            "two contents of {span:?}"
        );
    }
    spans
}

async fn wait_for_spans(endpoint: &Endpoint, count: usize) -> BTreeMap<Vec<u8>, Span> {
    wait_until(&format!("{count} spans"), async || by_id(endpoint).len() >= count).await;
    by_id(endpoint)
}

/// Returns the count of a metric by an attribute. A point that came twice is the same, and counts once.
fn counts(endpoint: &Endpoint, metric: &str, key: &str) -> BTreeMap<String, u64> {
    let mut points = BTreeMap::new();
    for resource in endpoint.metrics.lock().unwrap().iter() {
        let instance = says(
            &resource.resource.as_ref().unwrap().attributes,
            "service.instance.id",
        );
        for found in resource.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
            let mut add = |attributes: &Vec<KeyValue>, interval: (u64, u64), count: u64| {
                assert!(interval.0 < interval.1, "{found:?}");
                let point = (instance.clone(), format!("{attributes:?}"), interval);
                let before = points.insert(point, (says(attributes, key), count));
                assert!(
                    before.is_none_or(|before| before.1 == count),
                    "two contents of {found:?}"
                );
            };
            match &found.data {
                _ if found.name != metric => {}
                Some(Data::Histogram(histogram)) => {
                    for point in &histogram.data_points {
                        assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
                        add(
                            &point.attributes,
                            (point.start_time_unix_nano, point.time_unix_nano),
                            point.count,
                        );
                    }
                }
                Some(Data::Sum(sum)) => {
                    for point in &sum.data_points {
                        let Some(number_data_point::Value::AsInt(count)) = point.value else {
                            panic!("{point:?}")
                        };
                        add(
                            &point.attributes,
                            (point.start_time_unix_nano, point.time_unix_nano),
                            count as u64,
                        );
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let mut counts = BTreeMap::new();
    for (value, count) in points.into_values() {
        *counts.entry(value).or_default() += count;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_is_a_trace_and_a_request_is_in_that_of_its_server() {
    let endpoint = Endpoint::default();
    let (url, _serving) = endpoint.start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut recording = Recording::default();
    recording.open(7);
    recording.add(
        "system.health",
        "",
        json!({}),
        json!({"commit_lag_ms": 4.5, "lowered": {"console": "minimal"}}),
    );
    recording.close(7);
    let process = Process::start(folder.path());
    recording.deliver(&process).await;
    drop(process);
    let _process = start(folder.path(), &url);
    let spans = wait_for_spans(&endpoint, SPANS_PER_DOCUMENT).await;
    assert_eq!(spans.len(), SPANS_PER_DOCUMENT, "{spans:#?}");
    let named = |name: &str, key: &str, value: &str| {
        let mut found = spans
            .values()
            .filter(|span| span.name == name && says(&span.attributes, key) == value);
        found
            .next()
            .unwrap_or_else(|| panic!("no {name} with {key} {value} in {spans:#?}"))
    };
    let document = named("navigation", "tabtape.end_reason", "tab_removed");
    let phases: Vec<&str> = document.events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(
        phases,
        ["page.navigation_committed", "exception", "page.navigation_loaded"]
    );
    assert_eq!(
        says(&document.events[1].attributes, "exception.message"),
        "no cart"
    );
    assert_eq!(
        (document.start_time_unix_nano, document.parent_span_id.len()),
        ((TS + 1000) * 1000, 0)
    );

    // The page's own trace: from the click to the span that the server has as its parent.
    let sent = named("POST", "http.response.status_code", "503");
    assert_eq!(sent.trace_id, hex::decode(format!("{:032x}", 7)).unwrap());
    assert_eq!(sent.span_id, hex::decode(format!("{:016x}", 8)).unwrap());
    assert_eq!((sent.kind, sent.status.as_ref().unwrap().code), (3, 2));
    assert_eq!(sent.events[0].name, "network.redirect");
    assert_eq!(says(&sent.attributes, "server.address"), "api.test");
    let click = named("input.click", "tabtape.selector", "#buy");
    assert_eq!(
        (&sent.trace_id, &sent.parent_span_id),
        (&click.trace_id, &click.span_id)
    );
    assert_eq!(says(&click.events[0].attributes, "exception.type"), "TypeError");
    assert_eq!(
        (&click.links[0].trace_id, &click.links[0].span_id),
        (&document.trace_id, &document.span_id)
    );

    let failed = named("GET", "error.type", "net::ERR_CONNECTION_REFUSED");
    let unended = named("GET", "tabtape.unended", "tab_removed");
    let frame = named(
        "page.long_frame",
        "url.full",
        "https://shop.test/orders/7?token=x",
    );
    assert_eq!(frame.end_time_unix_nano - frame.start_time_unix_nano, 120_000_000);
    assert_eq!(
        (&failed.trace_id, &failed.parent_span_id),
        (&click.trace_id, &click.span_id)
    );
    for child in [unended, frame] {
        assert_eq!(
            (&child.trace_id, &child.parent_span_id),
            (&document.trace_id, &document.span_id)
        );
    }

    let errors = |key| counts(&endpoint, "tabtape.errors", key);
    wait_until("two errors are counted", async || errors("error.type").len() == 2).await;
    assert_eq!(errors("tabtape.site"), BTreeMap::from([("shop.test".into(), 2)]));
    assert_eq!(
        counts(&endpoint, "browser.web_vital.lcp", "tabtape.page"),
        BTreeMap::from([("/orders/*".into(), 1)])
    );
    let requests = counts(&endpoint, "http.client.request.duration", "error.type");
    assert_eq!(
        requests,
        BTreeMap::from([("503".into(), 1), ("net::ERR_CONNECTION_REFUSED".into(), 1)])
    );
    wait_until("the collector's own figures", async || {
        let names = endpoint.metrics.lock().unwrap().clone();
        let mut names = names
            .iter()
            .flat_map(|resource| &resource.scope_metrics)
            .flat_map(|scope| &scope.metrics);
        names.any(|metric| metric.name == "tabtape_otlp_forwarded_total")
    })
    .await;
    let gauges = |name: &str| -> Vec<(String, Option<number_data_point::Value>)> {
        let resources = endpoint.metrics.lock().unwrap().clone();
        let mut gauges = Vec::new();
        for resource in resources {
            let of = says(&resource.resource.unwrap().attributes, "service.instance.id");
            for metric in resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
                if let Some(Data::Gauge(gauge)) = metric.data.filter(|_| metric.name == name) {
                    let points = gauge.data_points.into_iter();
                    gauges.extend(points.map(|point| (of.clone(), point.value)));
                }
            }
        }
        gauges
    };
    for (name, figure) in [("commit_lag_ms", 4.5), ("lowered_categories", 1.0)] {
        assert_eq!(
            gauges(&format!("tabtape_recorder_{name}")),
            [(
                SESSION.to_owned(),
                Some(number_data_point::Value::AsDouble(figure))
            )]
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_whose_end_was_not_recorded_ends_with_its_document_and_says_why() {
    let endpoint = Endpoint::default();
    let (url, _serving) = endpoint.start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut recording = Recording::default();
    for tab in 1..=4 {
        recording.open(tab);
    }
    let next = json!({"tab_id": "1", "frame_id": "0", "document_id": "next", "navigation_id": "n.next"});
    recording.add("page.navigation_committed", "https://shop.test/", next, json!({}));
    let crashed = json!({"tab_id": "2", "document_id": "D2"});
    recording.add("tab.crashed", "", crashed, json!({"outermost": true}));
    recording.add(
        "tab.replaced",
        "",
        json!({"tab_id": "9"}),
        json!({"replaced_tab_id": "3"}),
    );
    recording.add("system.session_ended", "", json!({}), Value::Null);
    let process = start(folder.path(), &url);
    recording.deliver(&process).await;
    let spans = wait_for_spans(&endpoint, 4 * SPANS_PER_DOCUMENT + 1).await;
    let reasons = |key: &str| -> BTreeSet<(String, String)> {
        let with_reason = spans
            .values()
            .filter(|span| attribute(&span.attributes, key).is_some());
        with_reason
            .map(|span| (says(&span.attributes, "url.full"), says(&span.attributes, key)))
            .collect()
    };
    let of = |tab: u64| format!("https://shop.test/orders/{tab}?token=x");
    let expected = [
        (of(1), "navigated"),
        (of(2), "crashed"),
        (of(3), "tab_replaced"),
        (of(4), "session_ended"),
        ("https://shop.test/".to_owned(), "session_ended"),
    ];
    let expected = BTreeSet::from(expected.map(|(url, reason)| (url, reason.to_owned())));
    assert_eq!(reasons("tabtape.end_reason"), expected);
    let unended: BTreeSet<String> = reasons("tabtape.unended")
        .into_iter()
        .filter(|(url, _)| url == "https://slow.test/")
        .map(|(_, reason)| reason)
        .collect();
    assert_eq!(
        unended,
        ["crashed", "navigated", "session_ended", "tab_replaced"]
            .map(str::to_owned)
            .into()
    );
}

/// The endpoint has a batch and does not answer when the collector is killed: the batch is sent again, as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_forwards_every_span_and_every_count_arrives_once() {
    const ROUNDS: u64 = 4;
    const DOCUMENTS: u64 = 20;
    let endpoint = Endpoint::default();
    let (url, _serving) = endpoint.start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut recording = Recording::default();
    let mut process = start(folder.path(), &url);
    for round in 0..ROUNDS {
        endpoint.is_silent.store(true, Relaxed);
        let before = endpoint.spans.lock().unwrap().len();
        let tabs = |round: u64| (round * DOCUMENTS + 1)..=(round + 1) * DOCUMENTS;
        tabs(round).for_each(|tab| recording.open(tab));
        if round > 0 {
            tabs(round - 1).for_each(|tab| recording.close(tab));
        }
        recording.deliver(&process).await;
        wait_until("a batch is under way", async || {
            endpoint.spans.lock().unwrap().len() > before
        })
        .await;
        process.kill();
        endpoint.is_silent.store(false, Relaxed);
        process = start(folder.path(), &url);
    }
    (1..=ROUNDS * DOCUMENTS).for_each(|tab| recording.close(tab));
    recording.deliver(&process).await;
    let total = (ROUNDS * DOCUMENTS) as usize;
    let spans = wait_for_spans(&endpoint, total * SPANS_PER_DOCUMENT).await;
    let received = endpoint.spans.lock().unwrap().len();
    assert!(received > spans.len(), "something was sent again: {received}");

    // Without deaths, to another endpoint, the same records are the same spans.
    let other = Endpoint::default();
    let (other_url, _serving) = other.start().await;
    let requests = |endpoint: &Endpoint| counts(endpoint, "http.client.request.duration", "error.type");
    let expected: BTreeMap<String, u64> = ["503", "net::ERR_CONNECTION_REFUSED"]
        .map(|error| (error.to_owned(), total as u64))
        .into();
    wait_until("every request is counted once", async || {
        requests(&endpoint) == expected
    })
    .await;
    let vitals = BTreeMap::from([("/orders/*".to_owned(), total as u64)]);
    wait_until("every document's vitals are counted once", async || {
        counts(&endpoint, "browser.web_vital.lcp", "tabtape.page") == vitals
    })
    .await;
    drop(process);
    let _process = start(folder.path(), &other_url);
    assert_eq!(wait_for_spans(&other, total * SPANS_PER_DOCUMENT).await, spans);
}

/// The page's reports of a request and of an error come after the spans of the request and of its click were sent. Then
/// the collector is killed with a later request in flight, whose span depends on those that were sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_after_its_span_changes_no_span_that_is_sent_again() {
    let endpoint = Endpoint::default();
    let (url, _serving) = endpoint.start().await;
    let folder = tempfile::tempdir().unwrap();
    let (page, api) = ("https://shop.test/", "https://api.test/");
    let with = |key: &str, value: &str| {
        let mut metadata = json!({"tab_id": "1", "frame_id": "0", "document_id": "D", "navigation_id": "n"});
        metadata[key] = value.into();
        metadata
    };
    let call = |id: &str| {
        let mut metadata = with("cause_id", "i");
        metadata["request_id"] = id.into();
        metadata
    };
    let start = || Process::start_with(folder.path(), &["--otlp-endpoint", &url, "--otlp-traces"]);
    let counts = async |process: &Process, name: &str, count: u64| {
        let line = format!("tabtape_otlp_{name}_total{{signal=\"traces\"}} {count}\n");
        process
            .get("/metrics")
            .await
            .text()
            .await
            .unwrap()
            .contains(&line)
    };
    let mut recording = Recording::default();
    recording.add(
        "page.navigation_committed",
        page,
        with("frame_id", "0"),
        json!({}),
    );
    let sent = json!([["traceparent", format!("00-{:032x}-{:016x}-01", 1, 2)]]);
    let post = json!({"method": "POST", "headers": sent});
    recording.add("network.request", api, with("request_id", "a"), post);
    let ok = json!({"status": 200});
    recording.add("network.response", api, with("request_id", "a"), ok.clone());
    let selector = json!({"selector": "#buy"});
    recording.add("input.click", page, with("interaction_id", "i"), selector);
    let mut process = start();
    recording.deliver(&process).await;
    wait_until("the request and the click are accepted", async || {
        counts(&process, "forwarded", 2).await
    })
    .await;

    endpoint.is_silent.store(true, Relaxed);
    recording.add("network.call", api, call("a"), json!({}));
    let error = json!({"text": "late"});
    recording.add("console.exception", page, with("cause_id", "i"), error);
    recording.add("network.call", api, call("b"), json!({}));
    let get = json!({"method": "GET"});
    recording.add("network.request", api, with("request_id", "b"), get);
    recording.add("network.response", api, with("request_id", "b"), ok);
    recording.deliver(&process).await;
    wait_until("the second request is under way", async || {
        endpoint.spans.lock().unwrap().len() > 2
    })
    .await;
    assert!(
        counts(&process, "late", 2).await,
        "the call and the error are counted"
    );
    process.kill();
    endpoint.is_silent.store(false, Relaxed);
    process = start();
    recording.close(1);
    recording.deliver(&process).await;
    let spans = wait_for_spans(&endpoint, 4).await;
    assert!(endpoint.spans.lock().unwrap().len() > 4, "one was sent again");
    let named = |name: &str| spans.values().find(|span| span.name == name).unwrap();
    let click = named("input.click");
    assert_eq!(
        (&named("GET").trace_id, &named("GET").parent_span_id),
        (&click.trace_id, &click.span_id)
    );
    let events = &named("navigation").events;
    let errors = events.iter().filter(|event| event.name == "exception");
    assert_eq!(errors.count(), 1, "{events:?}");
}

/// With a wrong address for one signal nothing is lost, the status reports it, and the other signals continue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_address_for_traces_loses_nothing_and_is_reported() {
    let endpoint = Endpoint::default();
    *endpoint.script.lock().unwrap() = vec![404; 100_000];
    let (url, _serving) = endpoint.start().await;
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start_with(folder.path(), &["--otlp-endpoint", &url, "--otlp-traces"]);
    let mut recording = Recording::default();
    recording.open(1);
    recording.close(1);
    recording.deliver(&process).await;
    let problem = async || {
        let health: Value = process.get("/healthz").await.json().await.unwrap();
        health["tasks"]["forwarding of traces"]["problem"].to_string()
    };
    wait_until("the answer is reported", async || {
        problem()
            .await
            .contains("answered 404 Not Found: no OTLP/HTTP endpoint for traces")
    })
    .await;
    let (exit, findings, _) = run(folder.path(), &["doctor"]);
    assert!(
        exit == 1 && findings.contains("forwarding of traces does not work"),
        "{findings}"
    );
    endpoint.script.lock().unwrap().clear();
    assert_eq!(
        wait_for_spans(&endpoint, SPANS_PER_DOCUMENT).await.len(),
        SPANS_PER_DOCUMENT
    );
    wait_until("the problem is over", async || problem().await == "null").await;
    assert!(
        endpoint.metrics.lock().unwrap().is_empty(),
        "metrics are switched on apart"
    );
}

/// Through rotel, an OpenTelemetry collector, to an endpoint that keeps what it gets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_collector_takes_traces_and_metrics() {
    let endpoint = Endpoint::default();
    let (behind, _serving) = endpoint.start().await;
    let http = free_address();
    let Some(mut rotel) = start_rotel(&behind, http) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let process = start(folder.path(), &format!("http://{http}"));
    let mut recording = Recording::default();
    recording.open(1);
    recording.close(1);
    recording.deliver(&process).await;
    let spans = wait_for_spans(&endpoint, SPANS_PER_DOCUMENT).await;
    let names: BTreeSet<&str> = spans.values().map(|span| span.name.as_str()).collect();
    assert_eq!(
        names,
        BTreeSet::from(["GET", "POST", "input.click", "navigation", "page.long_frame"])
    );
    wait_until("the requests are counted", async || {
        counts(&endpoint, "http.client.request.duration", "error.type").len() == 2
    })
    .await;
    rotel.kill().unwrap();
    rotel.wait().unwrap();
}
