//! OpenTelemetry, in and out; out against an endpoint that fails in every way, and a real one.

use crate::common::*;
use crate::program::{Process, run};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn attribute(record: &LogRecord, key: &str) -> Option<Any> {
    record
        .attributes
        .iter()
        .find(|attribute| attribute.key == key)?
        .value
        .clone()?
        .value
}

#[tokio::test]
async fn logs_come_in_as_json_and_as_protobuf() {
    let collector = Collector::start().await;
    let request = json!({"resourceLogs": [{
        "resource": {"attributes": [{"key": "service.instance.id", "value": {"stringValue": "api-1"}}]},
        "scopeLogs": [{"scope": {"name": "http"}, "logRecords": [
            {"timeUnixNano": "1764000000000000000", "severityNumber": 17, "body": {"stringValue": "it failed"},
             "attributes": [{"key": "n", "value": {"intValue": "7"}}]},
            {"timeUnixNano": "1764000000000001000", "eventName": "cart.updated"},
        ]}],
    }]});
    let send = async |content_type: &str, body: Vec<u8>| {
        let request = collector
            .http
            .post(format!("{}/v1/logs", collector.url))
            .bearer_auth(&collector.ingest);
        request
            .header("content-type", content_type)
            .body(body)
            .send()
            .await
            .unwrap()
    };
    let response = send("application/json", request.to_string().into_bytes()).await;
    assert_eq!(response.status(), 200, "{:?}", response.text().await);
    let typed: ExportLogsServiceRequest = serde_json::from_value(request).unwrap();
    assert_eq!(
        send("application/x-protobuf", typed.encode_to_vec())
            .await
            .status(),
        200
    );
    let text = collector.get("/v1/events").await.text().await.unwrap();
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.len(), 4);
    assert_eq!(events[0]["event"]["type"], "log.error");
    assert_eq!(events[0]["event"]["data"]["text"], "it failed");
    assert_eq!(events[0]["event"]["data"]["attributes"], json!({"n": 7}));
    assert_eq!(events[0]["event"]["ts"], 1_764_000_000_000_000_u64);
    assert_eq!(events[1]["event"]["type"], "cart.updated");
    assert_eq!(
        events[0]["capture_session_id"], events[3]["capture_session_id"],
        "a session per instance"
    );
    assert_eq!(
        collector.json("/v1/sessions").await["sessions"][0]["producer"],
        "otlp:api-1"
    );
    for (content_type, body, status) in [
        ("application/json", "{", 400),
        ("application/x-protobuf", "\u{7}\u{7}", 400),
        ("text/plain", "", 415),
    ] {
        assert_eq!(
            send(content_type, body.as_bytes().to_vec()).await.status(),
            status
        );
    }
}

/// Everything that proto3 JSON allows is stored; a record that is odd otherwise is refused alone.
#[tokio::test]
async fn an_odd_log_record_does_not_take_its_batch_with_it() {
    let collector = Collector::start().await;
    let body = |text: &str| format!(r#""body":{{"stringValue":"{text}"}}"#);
    let attribute = |value: &str| format!(r#""attributes":[{{"key":"n","value":{value}}}]"#);
    let records = [
        body(r"cut \ud83d"),
        format!("{},{}", body("nan"), attribute(r#"{"doubleValue":"NaN"}"#)),
        format!("{},{}", body("text"), attribute(r#"{"doubleValue":"1.5"}"#)),
        format!("{},{}", body("whole"), attribute(r#"{"intValue":1e3}"#)),
        format!(r#"{},"attributes":null,"traceId":null"#, body("null")),
        format!(
            r#"{},"time_unix_nano":1764000000000000000,"severity_number":"SEVERITY_NUMBER_WARN2""#,
            body("snake")
        ),
        r#""body":{"stringValue":5}"#.to_owned(),
        format!(r#"{},"severityText":"Error""#, body("by its text")),
        format!(
            r#"{},"severityNumber":17,"eventName":"cart.updated""#,
            body("named")
        ),
        format!(
            r#"{},"severityNumber":9,"eventName":"cart.updated""#,
            body("named too")
        ),
    ];
    let records: Vec<String> = records.iter().map(|fields| format!("{{{fields}}}")).collect();
    let request = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#,
        records.join(",")
    );
    let sent = collector
        .http
        .post(format!("{}/v1/logs", collector.url))
        .bearer_auth(&collector.ingest);
    let response = sent
        .header("content-type", "application/json")
        .body(request)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200, "{:?}", response.text().await);
    let answer: Value = response.json().await.unwrap();
    let partial = &answer["partialSuccess"];
    assert!(
        partial["rejectedLogRecords"] == "1" || partial["rejectedLogRecords"] == 1,
        "{answer}"
    );
    assert!(!partial["errorMessage"].as_str().unwrap().is_empty(), "{answer}");

    let text = collector.get("/v1/events").await.text().await.unwrap();
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let named = |text: &str| {
        let found = events.iter().find(|event| event["event"]["data"]["text"] == text);
        found.unwrap_or_else(|| panic!("{text} is not stored: {events:#?}"))["event"].clone()
    };
    assert_eq!(events.len(), 9);
    named("cut \u{fffd}");
    assert_eq!(named("nan")["data"]["attributes"]["n"], "NaN");
    assert_eq!(named("text")["data"]["attributes"]["n"], 1.5);
    assert_eq!(named("whole")["data"]["attributes"]["n"], 1000);
    named("null");
    let snake = named("snake");
    assert_eq!(
        (&snake["type"], &snake["ts"]),
        (&json!("log.warn"), &json!(1_764_000_000_000_000_u64))
    );
    assert_eq!(named("by its text")["type"], "log.error");
    assert_eq!(named("named")["type"], "cart.updated.error");
    assert_eq!(named("named too")["type"], "cart.updated");
    let errors = collector
        .get("/v1/events?q=severity:error")
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(errors.lines().count(), 2, "{errors}");
}

#[tokio::test]
async fn logs_come_in_packed() {
    let collector = Collector::start().await;
    let log = |text: &str| json!({"timeUnixNano": "1764000000000000000", "body": {"stringValue": text}});
    let records = [log("first"), log("second")];
    let request = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).to_string();
    let request = collector
        .http
        .post(format!("{}/v1/logs", collector.url))
        .bearer_auth(&collector.ingest)
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .body(gzip(request.as_bytes()));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.unwrap();
    assert!(answer["partialSuccess"].is_null(), "{answer}");
    let text = collector.get("/v1/events?q=first").await.text().await.unwrap();
    assert!(text.contains("\"first\""), "{text}");
}

/// An endpoint that keeps the records that it accepts, and answers first by a script.
#[derive(Clone, Default)]
pub struct Endpoint {
    pub taken: Arc<Mutex<Vec<LogRecord>>>,
    pub spans: Arc<Mutex<Vec<Span>>>,
    pub metrics: Arc<Mutex<Vec<ResourceMetrics>>>,
    /// Requests for spans and metrics are taken and not answered.
    pub is_silent: Arc<AtomicBool>,
    /// Statuses to answer first.
    pub script: Arc<Mutex<Vec<u16>>>,
    /// Path with query, and authorization, of each request.
    requests: Arc<Mutex<Vec<(String, String)>>>,
}

impl Endpoint {
    pub async fn start(&self) -> (String, tokio::task::JoinHandle<()>) {
        let router = axum::Router::new()
            .route("/v1/logs", axum::routing::post(take))
            .route("/v1/traces", axum::routing::post(take_spans))
            .route("/v1/metrics", axum::routing::post(take_metrics))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        (
            url,
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }),
        )
    }

    /// How often each seq of the session was taken.
    pub fn seqs(&self) -> BTreeMap<i64, usize> {
        let mut seqs = BTreeMap::new();
        for record in self.taken.lock().unwrap().iter() {
            if let Some(Any::IntValue(seq)) = attribute(record, "tabtape.seq") {
                *seqs.entry(seq).or_default() += 1;
            }
        }
        seqs
    }

    pub async fn wait_for(&self, count: usize) {
        for _ in 0..600 {
            if self.seqs().len() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} of {count} arrived", self.seqs().len());
    }
}

impl Endpoint {
    /// Returns the status of the script, or takes a request for spans or metrics.
    async fn take<M: prost::Message + Default>(&self, body: Bytes, keep: impl FnOnce(M)) -> StatusCode {
        let scripted = self.script.lock().unwrap().pop();
        if let Some(status) = scripted {
            return StatusCode::from_u16(status).unwrap();
        }
        let mut plain = Vec::new();
        let mut gzip = flate2::read::GzDecoder::new(&body[..]);
        let is_plain = gzip.read_to_end(&mut plain).is_err();
        keep(M::decode(if is_plain { &body[..] } else { &plain[..] }).unwrap());
        if self.is_silent.load(Relaxed) {
            std::future::pending::<()>().await;
        }
        StatusCode::OK
    }
}

async fn take_spans(State(endpoint): State<Endpoint>, body: Bytes) -> impl IntoResponse {
    let keep = |request: ExportTraceServiceRequest| {
        for resource in request.resource_spans {
            for scope in resource.scope_spans {
                assert!(
                    scope.schema_url.starts_with("https://opentelemetry.io/schemas/"),
                    "{scope:?}"
                );
                endpoint.spans.lock().unwrap().extend(scope.spans);
            }
        }
    };
    (endpoint.take(body, keep).await, [("retry-after", "0")])
}

async fn take_metrics(State(endpoint): State<Endpoint>, body: Bytes) -> impl IntoResponse {
    let keep = |request: ExportMetricsServiceRequest| {
        endpoint.metrics.lock().unwrap().extend(request.resource_metrics);
    };
    (endpoint.take(body, keep).await, [("retry-after", "0")])
}

async fn take(
    State(endpoint): State<Endpoint>,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let authorization = headers
        .get("authorization")
        .map_or("", |value| value.to_str().unwrap());
    endpoint
        .requests
        .lock()
        .unwrap()
        .push((uri.to_string(), authorization.to_owned()));
    let scripted = endpoint.script.lock().unwrap().pop();
    if let Some(status) = scripted {
        return (
            StatusCode::from_u16(status).unwrap(),
            [("retry-after", "0")],
            Vec::new(),
        );
    }
    assert_eq!(headers["content-encoding"], "gzip");
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&body[..])
        .read_to_end(&mut plain)
        .unwrap();
    let request = ExportLogsServiceRequest::decode(&plain[..]).unwrap();
    let mut records: Vec<LogRecord> = request
        .resource_logs
        .into_iter()
        .flat_map(|logs| logs.scope_logs)
        .flat_map(|scope| scope.log_records)
        .collect();
    // One record is poison: a batch that contains it is refused.
    let says = |record: &LogRecord, word: &str| format!("{:?}", record.body).contains(word);
    if records.iter().any(|record| says(record, "poison")) {
        return (StatusCode::BAD_REQUEST, [("retry-after", "0")], Vec::new());
    }
    // Another is dropped from a batch that is taken.
    let came = records.len();
    records.retain(|record| !says(record, "unwanted"));
    let rejected_log_records = (came - records.len()) as i64;
    endpoint.taken.lock().unwrap().extend(records);
    let partial = ExportLogsPartialSuccess {
        rejected_log_records,
        error_message: "unwanted".into(),
    };
    let answer = ExportLogsServiceResponse {
        partial_success: (rejected_log_records > 0).then_some(partial),
    };
    (StatusCode::OK, [("retry-after", "0")], answer.encode_to_vec())
}

/// Returns a counter of forwarding.
pub async fn counter(process: &Process, name: &str) -> u64 {
    let text = process.get("/metrics").await.text().await.unwrap();
    let name = format!("tabtape_otlp_{name}_total{{signal=\"logs\"}} ");
    let line = text
        .lines()
        .find(|line| line.starts_with(&name))
        .unwrap_or_else(|| panic!("no {name}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

pub async fn wait_until(what: &str, is_so: impl AsyncFn() -> bool) {
    let started = std::time::Instant::now();
    while !is_so().await {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "not within a minute: {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub fn start(folder: &Path, endpoint: &str) -> Process {
    Process::start_with(folder, &["--otlp-endpoint", endpoint])
}

async fn deliver(process: &Process, first: u64, last: u64) {
    let says = |seq| match seq {
        777 => "poison",
        888 => "unwanted",
        _ => "fine",
    };
    let line = |seq| event(SESSION, seq, says(seq));
    let lines: Vec<String> = (first..=last).map(line).collect();
    assert_eq!(process.deliver(SESSION, first, last, &lines).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forwarding_loses_nothing_through_failures_poison_and_deaths() {
    let endpoint = Endpoint::default();
    let (url, _serving) = endpoint.start().await;
    let folder = tempfile::tempdir().unwrap();
    *endpoint.script.lock().unwrap() = vec![503, 429, 500, 502];
    let first = start(folder.path(), &url);
    deliver(&first, 1, 3000).await;
    endpoint.wait_for(2998).await; // all but these two
    // The endpoint has the last batch before the collector has its answer.
    wait_until("2998 are forwarded", async || {
        counter(&first, "forwarded").await == 2998
    })
    .await;
    for (name, count) in [("rejected", 1), ("refused", 1), ("not_retained", 0)] {
        assert_eq!(counter(&first, name).await, count, "{name}");
    }
    *endpoint.script.lock().unwrap() = vec![503; 3];
    deliver(&first, 3001, 4000).await;
    drop(first); // killed with a batch on its way, or not
    let second = start(folder.path(), &url);
    deliver(&second, 4001, 5000).await;
    endpoint.wait_for(4998).await;
    let seqs = endpoint.seqs();
    let missing: Vec<i64> = (1..=5000).filter(|seq| !seqs.contains_key(seq)).collect();
    assert_eq!(missing, [777, 888]);
    let repeated = seqs.values().filter(|count| **count > 1).count();
    assert!(
        repeated <= 1000,
        "only what was on its way at a death is sent again: {repeated}"
    );
    // And only once there was one: nothing is sent again after a clean start.
    assert!(seqs.range(..=3000).all(|(_, count)| *count == 1));
}

/// Events that publishing accepts and `serde_json` refuses are forwarded and exported, and counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_json_is_forwarded_and_exported() {
    let endpoint = Endpoint::default();
    let (url, _serving) = endpoint.start().await;
    let folder = tempfile::tempdir().unwrap();
    let process = start(folder.path(), &url);
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let odd = [
        r#""cut \ud83d""#.to_owned(),
        "1e400".into(),
        nested(30),
        nested(125),
        nested(127),
    ];
    let event = |data: &str| {
        format!(
            r#"{{"type":"app.odd","category":"app","source":{{"kind":"local_process"}},"data":{{"odd":{data}}}}}"#
        )
    };
    let published: String = odd.iter().map(|data| event(data) + "\n").collect();
    let request = client()
        .post(format!("{}/v1/events?producer=odd", process.url))
        .bearer_auth(&process.token);
    let answer = request
        .header("content-type", "application/x-ndjson")
        .body(published)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    let line = |(seq, data): (usize, &String)| {
        format!(
            r#"{{"capture_session_id":"{SESSION}","seq":{},"event":{{"ts":1764000000000000,"type":"app.odd","category":"app","detail_level":"standard","source":{{"kind":"extension"}},"data":{{"odd":{data}}}}}}}"#,
            seq + 1
        )
    };
    let lines: Vec<String> = odd.iter().enumerate().map(line).collect();
    assert_eq!(process.deliver(SESSION, 1, 5, &lines).await.0, 200);
    let is_odd =
        |record: &&LogRecord| attribute(record, "tabtape.type") == Some(Any::StringValue("app.odd".into()));
    let started = std::time::Instant::now();
    while endpoint.taken.lock().unwrap().iter().filter(is_odd).count() < 2 * odd.len() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{:?}",
            endpoint.taken.lock().unwrap()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    wait_until("the altered records are counted", async || {
        counter(&process, "altered").await == 10
    })
    .await;
    assert_eq!(counter(&process, "unreadable").await, 0);
    let altered = |record: &LogRecord| attribute(record, "tabtape.altered") == Some(Any::BoolValue(true));
    assert!(endpoint.taken.lock().unwrap().iter().filter(is_odd).all(altered));
    let (status, exported, error) = run(folder.path(), &["export", "--format", "otlp"]);
    assert_eq!(
        (status, exported.matches("app.odd").count() >= 2 * odd.len()),
        (0, true),
        "{error}"
    );
}

/// A forwarder that cannot read its cursor ends. It is reported, and continues when the cursor can be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forwarder_that_ends_is_reported_and_started_again() {
    let endpoint = Endpoint::default();
    let (url, _serving) = endpoint.start().await;
    let folder = tempfile::tempdir().unwrap();
    drop(start(folder.path(), &url));
    let name = format!("otlp {url}/v1/logs");
    let database = rusqlite::Connection::open(folder.path().join("events.db")).unwrap();
    database.busy_timeout(Duration::from_secs(60)).unwrap();
    database
        .execute(
            "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, 'no number')",
            [&name],
        )
        .unwrap();
    let process = start(folder.path(), &url);
    deliver(&process, 1, 100).await;
    let health = async || process.get("/healthz").await.json::<Value>().await.unwrap();
    wait_until("the end of forwarding is reported", async || {
        health().await["status"] == "degraded"
    })
    .await;
    let task = &health().await["tasks"]["forwarding"];
    assert!(
        task["last_end"]
            .as_str()
            .unwrap()
            .contains("cannot read its cursor"),
        "{task}"
    );
    let (status, findings, _) = run(folder.path(), &["doctor"]);
    assert!(
        status == 1 && findings.contains("forwarding does not run"),
        "{findings}"
    );

    database
        .execute("UPDATE meta SET value = 0 WHERE key = ?1", [&name])
        .unwrap();
    endpoint.wait_for(100).await;
    wait_until("all tasks run", async || health().await["status"] == "ok").await;
    assert!(
        health().await["tasks"]["forwarding"]["restarts"]
            .as_u64()
            .unwrap()
            > 0
    );
    assert!(endpoint.seqs().values().all(|count| *count == 1));
}

/// An address that is wrong loses nothing, is reported, and records follow when it is mended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_endpoint_loses_nothing_and_is_reported() {
    for status in [301_u16, 308, 401, 404, 405, 408, 415] {
        let endpoint = Endpoint::default();
        *endpoint.script.lock().unwrap() = vec![status; 100_000];
        let (url, _serving) = endpoint.start().await;
        let folder = tempfile::tempdir().unwrap();
        let process = start(folder.path(), &url);
        deliver(&process, 1, 300).await;
        let health = async || process.get("/healthz").await.json::<Value>().await.unwrap();
        wait_until("the answer is reported", async || {
            let health = health().await;
            let problem = health["tasks"]["forwarding"]["problem"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            health["status"] == "degraded" && problem.contains(&format!("answered {status}"))
        })
        .await;
        let (exit, findings, _) = run(folder.path(), &["doctor"]);
        assert!(
            exit == 1 && findings.contains("forwarding does not work"),
            "{findings}"
        );
        endpoint.script.lock().unwrap().clear();
        endpoint.wait_for(300).await;
        wait_until("the problem is over", async || health().await["status"] == "ok").await;
        assert!(endpoint.seqs().values().all(|count| *count == 1), "{status}");
        assert_eq!(counter(&process, "refused").await, 0, "{status}");
    }
}

/// User and password of the endpoint are in no file, log or help; a proxy is not asked for this machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_keeps_its_secrets_and_needs_no_proxy() {
    let endpoint = Endpoint::default();
    let (url, _serving) = endpoint.start().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.txt");
    let with_secrets = format!(
        "{}/v1/logs/?tenant=a",
        url.replace("http://", "http://user:pass-word@")
    );
    let mut command = Command::new(crate::program::PROGRAM);
    command
        .args(["serve", "--json", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path());
    command
        .env("TABTAPE_OTLP_ENDPOINT", &with_secrets)
        .env("TABTAPE_LOG", "debug");
    for proxy in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(proxy, "http://127.0.0.1:1");
    }
    let process = Process::launch_logging(command, std::fs::File::create(&log).unwrap().into(), |_| {
        folder.path().to_owned()
    });
    deliver(&process, 1, 300).await;
    endpoint.wait_for(300).await;
    let seen = endpoint.requests.lock().unwrap().clone();
    // printf user:pass-word | base64
    let expected = (
        "/v1/logs?tenant=a".to_owned(),
        "Basic dXNlcjpwYXNzLXdvcmQ=".to_owned(),
    );
    assert!(
        !seen.is_empty() && seen.iter().all(|request| *request == expected),
        "{seen:?}"
    );
    wait_until("the cursor is stored", async || {
        counter(&process, "forwarded").await == 300
    })
    .await;

    let mut help = Command::new(crate::program::PROGRAM);
    help.args(["serve", "--help"])
        .env("TABTAPE_OTLP_ENDPOINT", &with_secrets);
    let shown = help.output().unwrap();
    let mut files: Vec<Vec<u8>> = vec![shown.stdout, shown.stderr];
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        files.push(std::fs::read(entry.unwrap().path()).unwrap_or_default());
    }
    assert!(files.len() > 5);
    let has_secret = |file: &Vec<u8>| String::from_utf8_lossy(file).contains("pass-word");
    assert!(!files.iter().any(has_secret));
    let (status, _, error) = run(
        folder.path(),
        &["serve", "--otlp-endpoint", "user:pass-word@a.test"],
    );
    assert!(status != 0 && !error.contains("pass-word"), "{error}");
}

/// PyPI's rotel, as `npm run setup` has unpacked it or TABTAPE_ROTEL names it.
fn rotel() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("TABTAPE_ROTEL") {
        return Some(named.into());
    }
    let cache = std::env::var_os("TABTAPE_CACHE").map_or_else(
        || directories::BaseDirs::new().unwrap().cache_dir().join("tabtape"),
        PathBuf::from,
    );
    let tools = std::fs::read_dir(cache.join("tools"))
        .into_iter()
        .flatten()
        .flatten();
    let unpacked = tools.filter(|tool| tool.file_name().to_string_lossy().starts_with("rotel-"));
    unpacked
        .map(|tool| tool.path().join("rotel/rotel-agent"))
        .find(|program| program.exists())
}

/// Starts rotel, which forwards to `behind`, on `http`. `None` if it is left out.
pub fn start_rotel(behind: &str, http: std::net::SocketAddr) -> Option<std::process::Child> {
    if std::env::var_os("TABTAPE_WITHOUT_ROTEL").is_some() {
        println!("left out: TABTAPE_WITHOUT_ROTEL is set");
        return None;
    }
    let rotel = rotel().expect("rotel is not there: `npm run setup` unpacks it, or name it in TABTAPE_ROTEL");
    let mut command = Command::new(rotel);
    command
        .args(["start", "--exporter", "otlp", "--otlp-exporter-protocol", "http"])
        .args(["--otlp-exporter-endpoint", behind, "--batch-timeout", "100ms"])
        .args(["--otlp-http-endpoint", &http.to_string()])
        .args(["--otlp-grpc-endpoint", &free_address().to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Some(command.spawn().unwrap())
}

pub fn free_address() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Through rotel, an OpenTelemetry collector, to an endpoint that keeps what it gets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_collector_killed_and_restarted_gets_everything() {
    let endpoint = Endpoint::default();
    let (behind, _serving) = endpoint.start().await;
    let http = free_address();
    let Some(mut first) = start_rotel(&behind, http) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let forwarding = start(folder.path(), &format!("http://{http}"));
    deliver(&forwarding, 1, 700).await;
    endpoint.wait_for(700).await;
    first.kill().unwrap();
    first.wait().unwrap();
    deliver(&forwarding, 701, 776).await;
    deliver(&forwarding, 778, 1400).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut second = start_rotel(&behind, http).unwrap();
    endpoint.wait_for(1398).await;
    second.kill().unwrap();
    second.wait().unwrap();
    let expected: Vec<i64> = (1..=1400).filter(|seq| ![777, 888].contains(seq)).collect();
    assert_eq!(endpoint.seqs().into_keys().collect::<Vec<_>>(), expected);
}
