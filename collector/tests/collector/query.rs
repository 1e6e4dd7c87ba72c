use crate::common::*;
use serde_json::{Value, json};
use std::time::Duration;
use tabtape::record::{Line, Record, parse_line};
use tabtape::selector::Selector;
use tabtape_collector::clock::now_micros;

/// A small generator, so that the data is the same in every run.
struct Lcg(u64);

impl Lcg {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.next(of.len())]
    }
}

const WORDS: &[&str] = &[
    "checkout", "failed", "über", "Ünicode", "a\"quote", "new\nline", "42", "GET /api", "€", "x",
];

fn random_event(random: &mut Lcg, session: &str, seq: u64) -> String {
    let (type_, category) = *random.pick(&[
        ("console.log", "console"),
        ("console.error", "console"),
        ("network.response", "network"),
        ("network.failed", "network"),
        ("page.loaded", "page"),
        ("app.cart.updated", "app"),
    ]);
    let mut event = json!({
        "ts": 1_764_000_000_000_000_u64 + seq * 1000 + random.next(5000) as u64,
        "type": type_,
        "category": category,
        "detail_level": *random.pick(&["minimal", "standard", "verbose", "raw"]),
        "source": {"kind": *random.pick(&["extension", "cdp", "local_process"])},
        "data": {"text": format!("{} {}", random.pick(WORDS), random.pick(WORDS)), "n": random.next(1000)},
    });
    if random.next(3) > 0 {
        event["source"]["metadata"] = json!({"tab_id": random.next(4).to_string()});
    }
    if random.next(4) > 0 {
        let url = format!(
            "https://{}/{}",
            random.pick(&["shop.example", "a.shop.example", "other.test:8443"]),
            random.pick(WORDS)
        );
        event["url"] = json!(url);
    }
    if category == "network" {
        event["data"]["status"] = json!(*random.pick(&[200, 204, 301, 404, 503]));
    }
    json!({"capture_session_id": session, "seq": seq, "event": event}).to_string()
}

const SELECTORS: &[&str] = &[
    "category:console",
    "category:console,network severity:warn",
    "-category:console,page",
    "type:network.*",
    "type:*.failed,app.* -tab:1",
    "kind:cdp detail:verbose",
    "status:4xx,5xx",
    "-status:404",
    "tab:2,3",
    "site:shop.example",
    "site:other.test:8443 severity:error",
    "url:*/checkout*",
    "-url:*failed*",
    "session:0193b3a0-7c1e-7000-8000-ba*",
    "checkout",
    "CHECKOUT failed",
    "\"checkout failed\"",
    "ünicode",
    "-x",
    "\"a\\\"quote\"",
    "42 category:network",
    "since:1764000000000000 until:1764000001000000",
    "since:2099-01-01",
    "category:nonesuch",
    "zzzzzzzz",
    "type:*.loaded tab:0 über",
];

/// Terms of every key; most of them find something, some find nothing.
const TERMS: &[&str] = &[
    "category:console",
    "category:network,app",
    "type:network.*",
    "type:*.loaded,console.error",
    "kind:cdp",
    "kind:extension,local_process",
    "detail:verbose",
    "detail:minimal",
    "severity:warn",
    "severity:error",
    "severity:debug",
    "status:400..599",
    "status:204",
    "status:2xx,301..404",
    "tab:0",
    "tab:2,3",
    "site:shop.example",
    "site:other.test",
    "site:other.test:8443",
    "url:*/checkout*",
    "url:https://a.*",
    "session:0193b3a0-7c1e-7000-8000-ba*",
    "session:*",
    "since:1764000001000000",
    "until:1764000002000000",
    "checkout",
    "\"a\\\"quote\"",
    "42",
    "ünicode",
];

/// One to four terms, each wanted or not.
fn random_selector(random: &mut Lcg) -> String {
    let terms: Vec<String> = (0..=random.next(4))
        .map(|_| {
            format!(
                "{}{}",
                if random.next(3) == 0 { "-" } else { "" },
                random.pick(TERMS)
            )
        })
        .collect();
    terms.join(" ")
}

/// Ids of what the core's own matching finds, in the order of delivery.
fn expected(selector: &str, lines: &[String]) -> Vec<String> {
    let selector = Selector::parse(selector, 0).unwrap();
    let wanted = |line: &&String| match parse_line(line.as_bytes()).unwrap() {
        Line::Event { header, .. } => selector.matches(&Record {
            header: &header,
            line: line.as_bytes(),
        }),
        Line::Gap { .. } => unreachable!(),
    };
    lines.iter().filter(wanted).cloned().collect()
}

async fn indexed(collector: &Collector) {
    for _ in 0..200 {
        if collector.app.store.indexed_to() + 256 > collector.app.store.latest_position() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the index did not catch up");
}

#[tokio::test]
async fn a_query_finds_exactly_what_the_core_matches() {
    let collector = Collector::start().await;
    let mut random = Lcg(7);
    let mut all = Vec::new();
    for (session, count) in [(SESSION, 3000), (OTHER, 1500)] {
        // The first block of a group has little of what the others have.
        let lines: Vec<String> = (1..=count)
            .map(|seq| match seq {
                ..=300 => event(session, seq, "alike"),
                _ => random_event(&mut random, session, seq),
            })
            .collect();
        let (status, receipt) = collector.deliver(session, 1, count, &lines).await;
        assert_eq!(status, 200, "{receipt}");
        all.push(lines);
    }
    let everything: Vec<String> = all.concat();
    for round in ["without the index", "with the index"] {
        if round == "with the index" {
            indexed(&collector).await;
        }
        for selector in (0..120).map(|_| random_selector(&mut random)) {
            let q: String = form_urlencoded::byte_serialize(selector.as_bytes()).collect();
            let text = collector
                .get(&format!("/v1/events?q={q}"))
                .await
                .text()
                .await
                .unwrap();
            let found: Vec<&str> = text.lines().collect();
            assert!(
                found == expected(&selector, &everything),
                "{selector} {round}: {} found",
                found.len()
            );
        }
        for selector in SELECTORS {
            let q: String = form_urlencoded::byte_serialize(selector.as_bytes()).collect();
            let text = collector
                .get(&format!("/v1/events?q={q}"))
                .await
                .text()
                .await
                .unwrap();
            let found: Vec<&str> = text.lines().collect();
            let wanted = expected(selector, &everything);
            assert_eq!(found, wanted, "{selector} {round}");
            // In pages, and within a session.
            let mut paged = Vec::new();
            let mut path = format!("/v1/events?q={q}&session={SESSION}&format=json&limit=97");
            loop {
                let page = collector.json(&path).await;
                paged.extend(page["records"].as_array().unwrap().iter().map(Value::to_string));
                let Some(next) = page["next"].as_str() else { break };
                path = format!("/v1/events?q={q}&session={SESSION}&format=json&limit=97&after={next}");
            }
            let in_session: Vec<String> = expected(selector, &all[0])
                .iter()
                .map(|line| value(line))
                .collect();
            assert_eq!(paged, in_session, "{selector} {round}");
            // The last ones.
            let text = collector
                .get(&format!("/v1/events?q={q}&newest=true&limit=13"))
                .await
                .text()
                .await
                .unwrap();
            let last: Vec<&str> = text.lines().collect();
            assert_eq!(
                last,
                wanted[wanted.len().saturating_sub(13)..],
                "{selector} {round}"
            );
        }
    }
}

fn value(line: &str) -> String {
    serde_json::from_str::<Value>(line).unwrap().to_string()
}

#[tokio::test]
async fn newest_is_the_session_of_the_latest_event() {
    let collector = Collector::start().await;
    let newest = async || {
        let path = "/v1/events?session=newest&newest=true&limit=2";
        let text = collector.get(path).await.text().await.unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(newest().await, Vec::<String>::new());
    let lines = events(SESSION, 1, 3);
    collector.deliver(SESSION, 1, 3, &lines).await;
    // The other session was delivered later, its event is of an earlier time.
    let earlier = event(OTHER, 1, "x").replace("1764000000000001", "1");
    collector
        .deliver(OTHER, 1, 2, &[earlier, gap(OTHER, 2, 2, "quota")])
        .await;
    assert_eq!(newest().await, lines[1..]);
}

#[tokio::test]
async fn a_cursor_continues_where_it_stopped_and_says_when_it_cannot() {
    let collector = Collector::start().await;
    collector.deliver(SESSION, 1, 30, &events(SESSION, 1, 30)).await;
    let page = collector.json("/v1/events?format=json&limit=10").await;
    let next = page["next"].as_str().unwrap().to_owned();
    assert_eq!(next, format!("{}:10", collector.app.store.store_id()));
    let rest = collector
        .json(&format!("/v1/events?format=json&after={next}"))
        .await;
    assert_eq!(
        (rest["records"].as_array().unwrap().len(), &rest["next"]),
        (20, &Value::Null)
    );
    assert_eq!(
        collector.json("/v1/events?format=json&after=latest").await["records"],
        json!([])
    );

    for (query, status, code) in [
        ("after=31", 400, "cursor_ahead"),
        (
            "session=0193b3a0-7c1e-7000-8000-0123456789ab&after=31",
            400,
            "cursor_ahead",
        ),
        ("after=0193b3a0-7c1e-7000-8000-000000000000:5", 410, "other_store"),
        ("after=-1", 400, "invalid_parameter"),
        ("after=x", 400, "invalid_parameter"),
        ("limit=0", 400, "invalid_parameter"),
        ("limit=10001", 400, "invalid_parameter"),
        ("limit=x", 400, "invalid_parameter"),
        ("session=x", 400, "invalid_parameter"),
        ("format=xml", 400, "invalid_parameter"),
        ("wrong=1", 400, "invalid_parameter"),
        ("q=severity:loud", 400, "invalid_selector"),
    ] {
        let response = collector.get(&format!("/v1/events?{query}")).await;
        assert_eq!(response.status(), status, "{query}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["code"], code, "{query}");
        assert!(problem["detail"].as_str().unwrap().len() > 10);
    }
}

#[tokio::test]
async fn gaps_are_in_their_place_and_follow_their_category() {
    let collector = Collector::start().await;
    let lines = [
        event(SESSION, 1, "a"),
        gap(SESSION, 2, 5, "quota"),
        event(SESSION, 6, "b"),
    ];
    collector.deliver(SESSION, 1, 6, &lines).await;
    assert_eq!(collector.lines(SESSION).await, lines);
    let text = collector
        .get("/v1/events?q=b%20category:console")
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        lines[1..],
        "a gap may have held what was asked for"
    );
    let text = collector
        .get("/v1/events?q=category:network")
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(text, "");
    // No stored event has this type, but a dropped one may have had it.
    for order in ["", "&newest=true", &format!("&session={SESSION}")] {
        let path = format!("/v1/events?q=type:app.unheard_of&format=json{order}");
        let page = collector.json(&path).await;
        let gap: Value = serde_json::from_str(&lines[1]).unwrap();
        assert_eq!(page["records"], json!([gap]), "{order}");
        assert_eq!(page["next"], Value::Null, "{order}");
    }
}

/// Every number over 1,000 in an answer: the counts of what was stored are.
fn large_numbers(value: &Value, found: &mut Vec<u64>) {
    match value {
        Value::Number(number) => {
            found.extend(number.as_u64().filter(|number| (1_000..1 << 40).contains(number)))
        }
        Value::Array(items) => items.iter().for_each(|item| large_numbers(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| large_numbers(field, found)),
        _ => {}
    }
}

/// `é` as one character and as two, in the index, beyond its end, and in escapes.
#[tokio::test]
async fn text_is_found_however_its_accents_are_composed() {
    let collector = Collector::start().await;
    let forms = [
        "Caf\u{e9} noir", "Cafe\u{301} noir", r"Caf\u00e9 noir", r"Cafe\u0301 noir",
    ];
    let line = |seq: u64| match seq {
        1..=4 => event(SESSION, seq, "x").replace("\"x\"", &format!("\"{}\"", forms[seq as usize - 1])),
        301..=304 => event(SESSION, seq, "x").replace("\"x\"", &format!("\"{}\"", forms[seq as usize - 301])),
        _ => event(SESSION, seq, "Cafe noir"),
    };
    let lines: Vec<String> = (1..=304).map(line).collect();
    assert_eq!(collector.deliver(SESSION, 1, 304, &lines).await.0, 200);
    indexed(&collector).await;
    for typed in ["caf%C3%A9%20noir", "cafe%CC%81%20noir"] {
        let found = collector.get(&format!("/v1/events?q=%22{typed}%22")).await;
        let seqs: Vec<u64> = found.text().await.unwrap().lines().map(seq_of).collect();
        assert_eq!(seqs, [1, 2, 3, 4, 301, 302, 303, 304], "{typed}");
    }
    let plain = collector.get("/v1/events?q=%22cafe%20noir%22").await;
    assert_eq!(plain.text().await.unwrap().lines().count(), 296, "another letter");
}

#[tokio::test]
async fn a_token_bound_to_a_selector_sees_no_counts_of_the_rest() {
    let collector = Collector::start().await;
    collector
        .deliver(SESSION, 1, 1_500, &events(SESSION, 1, 1_500))
        .await;
    collector
        .deliver(SESSION, 3_001, 3_001, &events(SESSION, 3_001, 3_001))
        .await;
    let bound = collector
        .app
        .auth
        .create_token(
            tabtape_collector::auth::Scope::Read,
            "bound",
            Some("category:network"),
            None,
        )
        .unwrap()
        .token;
    let ask = async |token: &str, path: &str| {
        let request = collector
            .http
            .get(format!("{}{path}", collector.url))
            .bearer_auth(token);
        let response = request.header("accept", "application/json").send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    for path in [
        "/v1/sessions".to_owned(),
        format!("/v1/sessions/{SESSION}"),
        "/v1/coverage".to_owned(),
        format!("/v1/coverage?session={SESSION}"),
    ] {
        let numbers = |text: &str| {
            let mut found = Vec::new();
            large_numbers(&serde_json::from_str(text).unwrap(), &mut found);
            found
        };
        let (status, all) = ask(&collector.read, &path).await;
        assert!(status == 200 && !numbers(&all).is_empty(), "{path}: {all}");
        let (status, shown) = ask(&bound, &path).await;
        assert!(status == 200 && shown.contains(SESSION), "{path}: {shown}");
        assert_eq!(numbers(&shown), [0; 0], "{path}: {shown}");
    }
    let (_, page) = ask(&bound, "/v1/events").await;
    let coverage = &serde_json::from_str::<Value>(&page).unwrap()["coverage"];
    assert!(coverage[0]["tabs"].as_array().unwrap().is_empty(), "{coverage}");
    assert_eq!(ask(&bound, "/metrics").await.0, 403);
    assert_eq!(ask(&collector.read, "/metrics").await.0, 200);
}

#[tokio::test]
async fn a_tokens_selector_is_always_anded() {
    let collector = Collector::start().await;
    let lines = [
        event(SESSION, 1, "public"),
        event(SESSION, 2, "secret").replace("tab_id\":\"7", "tab_id\":\"8"),
    ];
    collector.deliver(SESSION, 1, 2, &lines).await;
    let token = collector
        .app
        .auth
        .create_token(tabtape_collector::auth::Scope::Read, "x", Some("tab:7"), None)
        .unwrap()
        .token;
    let read = async |path: &str| {
        let url = format!("{}{path}", collector.url);
        collector
            .http
            .get(url)
            .bearer_auth(&token)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    assert_eq!(read("/v1/events").await, format!("{}\n", lines[0]));
    assert_eq!(read("/v1/events?q=secret").await, "");
    assert_eq!(read("/v1/events?q=tab:8").await, "");
}

#[tokio::test]
async fn coverage_says_what_was_watched_and_what_was_not() {
    let collector = Collector::start().await;
    let system = |seq: u64, type_: &str, data: Value| {
        json!({"capture_session_id": SESSION, "seq": seq, "event": {
            "ts": 1000 * seq, "type": type_, "category": "system", "source": {"kind": "extension"}, "data": data,
        }})
        .to_string()
    };
    let config = |level: &str, network: bool| {
        json!({"categories": {
            "console": {"enabled": true, "detail_level": level},
            "network": {"enabled": network, "detail_level": "standard"},
        }})
    };
    let lines = [
        system(
            1,
            "system.session_started",
            json!({"config": config("standard", true)}),
        ),
        event(SESSION, 2, "x"),
        system(
            3,
            "system.worker_started",
            json!({"config": config("standard", true), "unwatched": {"from_ts": 2500, "to_ts": 2900}}),
        ),
        system(
            4,
            "system.config_changed",
            json!({"config": config("verbose", false)}),
        ),
        gap(SESSION, 5, 6, "quota"),
        system(7, "system.session_ended", json!({})),
    ];
    let (status, receipt) = collector.deliver(SESSION, 1, 7, &lines).await;
    assert_eq!(status, 200, "{receipt}");
    let coverage = collector.json("/v1/coverage").await;
    let session = &coverage["sessions"][0];
    assert_eq!(
        session["watched"],
        json!([
            {"from_ts": 1000, "to_ts": 4000, "categories": {"console": "standard", "network": "standard"}, "sites": null},
            {"from_ts": 4000, "to_ts": 7000, "categories": {"console": "verbose"}, "sites": null},
        ])
    );
    assert_eq!(session["unwatched"], json!([{"from_ts": 2500, "to_ts": 2900}]));
    assert_eq!(session["tabs"][0]["tab"], 7);
    assert_eq!(
        session["gaps"],
        json!([{"first_seq": 5, "last_seq": 6, "category": "console", "reason": "quota"}])
    );

    // An empty page says whether anybody looked.
    let page = collector.json("/v1/events?format=json&q=category:network").await;
    assert_eq!(page["records"], json!([]));
    assert_eq!(
        page["coverage"][0]["watched"][0]["categories"],
        json!({"network": "standard"})
    );
    assert_eq!(page["coverage"][0]["watched"][1]["categories"], json!({}));
}

/// A recorder says nothing while nothing happens, and a browser that is killed says no goodbye.
#[tokio::test]
async fn a_quiet_recorder_watches_on_and_one_that_was_followed_by_another_does_not() {
    let collector = Collector::start().await;
    let started = |session: &str, ts: u64, previous: Option<&str>| {
        json!({"capture_session_id": session, "seq": 1, "event": {
            "ts": ts, "type": "system.session_started", "category": "system", "source": {"kind": "extension"},
            "data": {"previous": previous, "config": {"categories": {"console": {}}}},
        }})
        .to_string()
    };
    let watched = async |q: &str| {
        let coverage = collector.json(&format!("/v1/coverage?q={q}")).await;
        let sessions = coverage["sessions"].as_array().unwrap().clone();
        let windows = sessions.iter().map(|session| {
            let windows = session["watched"].as_array().unwrap().iter();
            let windows: Vec<_> = windows
                .map(|window| (window["from_ts"].as_u64().unwrap(), window["to_ts"].as_u64()))
                .collect();
            (session["session"].as_str().unwrap().to_owned(), windows)
        });
        windows.collect::<Vec<_>>()
    };
    let at = |minute: u64| 1_764_000_000_000_000 + minute * 60_000_000;
    let time = |minute: u64| format!("2025-11-24T16:{minute:02}:00Z");
    assert_eq!(
        collector
            .deliver(SESSION, 1, 1, &[started(SESSION, at(0), None)])
            .await
            .0,
        200
    );
    let open = |from: u64| vec![(SESSION.to_owned(), vec![(at(from), None)])];
    // 16:00 is minute 0: 1,764,000,000 s.
    assert_eq!(watched("").await, open(0));
    assert_eq!(
        watched(&format!("since:{}", time(10))).await,
        open(10),
        "it still watches"
    );
    assert_eq!(
        watched(&format!("until:{}", time(10))).await,
        [(SESSION.to_owned(), vec![(at(0), Some(at(10)))])]
    );

    assert_eq!(
        collector
            .deliver(OTHER, 1, 1, &[started(OTHER, at(20), Some(SESSION))])
            .await
            .0,
        200
    );
    assert_eq!(
        watched("").await,
        [
            (OTHER.to_owned(), vec![(at(20), None)]),
            (SESSION.to_owned(), vec![(at(0), Some(at(0)))]),
        ]
    );
    let between = format!("since:{}%20until:{}", time(10), time(15));
    assert_eq!(watched(&between).await, [], "no session watched between the two");
}

#[tokio::test]
async fn headers_are_those_of_the_lines_page_by_page() {
    let collector = Collector::start().await;
    let mut random = Lcg(11);
    let mut lines: Vec<String> = (1..=60)
        .map(|seq| random_event(&mut random, SESSION, seq))
        .collect();
    lines.push(gap(SESSION, 61, 64, "quota"));
    lines.extend((65..=90).map(|seq| random_event(&mut random, SESSION, seq)));
    assert_eq!(collector.deliver(SESSION, 1, 90, &lines).await.0, 200);

    for selector in ["", "severity:error", "category:console", "tab:1"] {
        let wanted = collector
            .get(&format!(
                "/v1/events?session={SESSION}&format=ndjson&q={selector}"
            ))
            .await
            .text()
            .await
            .unwrap();
        let (mut rows, mut after) = (Vec::new(), String::from("0"));
        loop {
            let path = format!("/v1/headers?session={SESSION}&limit=7&after={after}&q={selector}");
            let page = collector.json(&path).await;
            let seqs = page["seq"].as_array().unwrap();
            assert!(seqs.len() <= 7);
            for (index, seq) in seqs.iter().enumerate() {
                let named = |names: &str, column: &str| {
                    page[names][page[column][index].as_u64().unwrap() as usize].clone()
                };
                let lost = page["gap"][index].as_u64().unwrap();
                rows.push(if lost > 0 {
                    json!({"seq": seq, "lost": lost, "category": named("categories", "category")})
                } else {
                    json!({
                        "seq": seq, "ts": page["ts"][index], "type": named("types", "type"),
                        "category": named("categories", "category"),
                        "severity": page["severity"][index], "tab": page["tab"][index],
                    })
                });
            }
            let Some(next) = page["next"].as_str() else { break };
            after = next.to_owned();
        }
        let expected: Vec<Value> = wanted
            .lines()
            .map(|line| match parse_line(line.as_bytes()).unwrap() {
                Line::Gap { gap, .. } => {
                    json!({"seq": gap.first_seq, "lost": gap.last_seq - gap.first_seq + 1, "category": gap.category})
                }
                Line::Event { header, .. } => {
                    let record = Record { header: &header, line: line.as_bytes() };
                    json!({
                        "seq": header.seq, "ts": header.ts_micros, "type": record.type_(),
                        "category": record.category(), "severity": header.severity as u8,
                        "tab": header.tab_id,
                    })
                }
            })
            .collect();
        assert!(!expected.is_empty());
        assert_eq!(rows, expected, "{selector:?}");
    }
}

#[tokio::test]
async fn headers_of_all_sessions_name_each_and_a_wrong_parameter_is_named() {
    let collector = Collector::start().await;
    for session in [SESSION, OTHER, SESSION] {
        let first = collector.lines(session).await.len() as u64 + 1;
        collector
            .deliver(session, first, first, &events(session, first, first))
            .await;
    }
    let page = collector.json("/v1/headers").await;
    assert_eq!(
        (&page["position"], &page["seq"]),
        (&json!([1, 2, 3]), &json!([1, 1, 2])),
        "{page}"
    );
    let of = |index: usize| page["sessions"][page["session"][index].as_u64().unwrap() as usize].clone();
    assert_eq!([of(0), of(1), of(2)], [SESSION, OTHER, SESSION]);
    for (query, named) in [
        ("session=nonsense", "session"),
        (&*format!("session={SESSION}&limit=0"), "limit"),
        (&*format!("session={SESSION}&limit=100001"), "limit"),
    ] {
        let reply = collector.get(&format!("/v1/headers?{query}")).await;
        assert_eq!(reply.status(), 400, "{query}");
        let problem: Value = reply.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(named), "{problem}");
    }
}

#[tokio::test]
async fn metrics_have_the_newest_health_of_each_live_recorder() {
    const ENDED: &str = "0193b3a0-7c1e-7000-8000-0000000000e1";
    let health = |session: &str, seq: u64, age_s: u64, lag: f64| {
        json!({"capture_session_id": session, "seq": seq, "event": {
            "ts": now_micros() - age_s * 1_000_000,
            "type": "system.health", "category": "system", "detail_level": "standard",
            "source": {"kind": "extension"},
            "data": {"commit_lag_ms": lag, "flush_lag_ms": null, "lowered": {"console": "minimal"}},
        }})
        .to_string()
    };
    let collector = Collector::start().await;
    let live = [health(SESSION, 1, 70, 1.0), health(SESSION, 2, 10, 4.5)];
    assert_eq!(collector.deliver(SESSION, 1, 2, &live).await.0, 200);
    let ended = [health(ENDED, 1, 3_600, 9.0)];
    assert_eq!(collector.deliver(ENDED, 1, 1, &ended).await.0, 200);
    let text = collector.get("/metrics").await.text().await.unwrap();
    let figures: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("tabtape_recorder_"))
        .collect();
    assert_eq!(
        figures,
        [
            format!("tabtape_recorder_commit_lag_ms{{session=\"{SESSION}\"}} 4.5"),
            format!("tabtape_recorder_lowered_categories{{session=\"{SESSION}\"}} 1"),
        ]
    );
}
