use crate::common::*;
use serde_json::{Value, json};

fn app_event(text: &str) -> Value {
    json!({"type": "app.note", "category": "app", "source": {"kind": "local_process"}, "data": {"text": text}})
}

async fn publish(
    collector: &Collector,
    producer: &str,
    body: String,
    key: Option<&str>,
) -> reqwest::Response {
    let many = body.contains('\n');
    let mut request = collector
        .http
        .post(format!("{}/v1/events?producer={producer}", collector.url))
        .bearer_auth(&collector.ingest)
        .header(
            "content-type",
            if many {
                "application/x-ndjson"
            } else {
                "application/json"
            },
        );
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    request.body(body).send().await.unwrap()
}

#[tokio::test]
async fn a_process_gets_its_envelopes_back_in_a_session_of_its_own() {
    let collector = Collector::start().await;
    let first: Value = publish(&collector, "backend", app_event("one").to_string(), None)
        .await
        .json()
        .await
        .unwrap();
    let second: Value = publish(&collector, "backend", app_event("two").to_string(), None)
        .await
        .json()
        .await
        .unwrap();
    let other: Value = publish(&collector, "worker", app_event("three").to_string(), None)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        (
            first["seq"].as_u64(),
            second["seq"].as_u64(),
            other["seq"].as_u64()
        ),
        (Some(1), Some(2), Some(1))
    );
    assert_eq!(first["capture_session_id"], second["capture_session_id"]);
    assert_ne!(first["capture_session_id"], other["capture_session_id"]);
    assert!(first["event"]["ts"].as_u64().is_some());
    let session = first["capture_session_id"].as_str().unwrap();
    assert_eq!(collector.lines(session).await.len(), 2);
    assert_eq!(
        collector.json(&format!("/v1/sessions/{session}")).await["producer"],
        "backend"
    );
}

#[tokio::test]
async fn a_request_that_names_itself_is_carried_out_once_even_after_a_restart() {
    let collector = Collector::start().await;
    let body = app_event("pay").to_string();
    let first = publish(&collector, "backend", body.clone(), Some("k1"))
        .await
        .text()
        .await
        .unwrap();
    let again = publish(&collector, "backend", body.clone(), Some("k1")).await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.text().await.unwrap(), first);
    let other = publish(&collector, "backend", app_event("other").to_string(), Some("k1")).await;
    assert_eq!(other.status(), 422);
    let folder = collector.stop().await.unwrap();
    let collector = Collector::open(folder.path()).await;
    assert_eq!(
        publish(&collector, "backend", body.clone(), Some("k1"))
            .await
            .text()
            .await
            .unwrap(),
        first
    );
    let elsewhere = publish(&collector, "worker", body, Some("k1"))
        .await
        .text()
        .await
        .unwrap();
    assert_ne!(elsewhere, first, "a key is a producer's own");
}

#[tokio::test]
async fn what_is_refused_is_named_and_what_came_before_it_is_stored() {
    let collector = Collector::start().await;
    let wrong_kind = app_event("x").to_string().replace("local_process", "extension");
    let lines = [
        app_event("a").to_string(),
        app_event("b").to_string(),
        wrong_kind,
        app_event("c").to_string(),
    ];
    let response = publish(&collector, "backend", lines.join("\n"), None).await;
    assert_eq!(response.status(), 400);
    let problem: Value = response.json().await.unwrap();
    assert_eq!(
        (&problem["code"], &problem["line"], &problem["accepted"]),
        (&"invalid_event".into(), &3.into(), &2.into())
    );
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("expected local_process"),
        "{problem}"
    );
    let text = collector.get("/v1/events").await.text().await.unwrap();
    assert_eq!(text.lines().count(), 2);
    assert_eq!(
        publish(&collector, "no/slash", app_event("x").to_string(), None)
            .await
            .status(),
        400
    );
    assert_eq!(
        publish(&collector, "backend", "{".into(), None).await.status(),
        400
    );
}

#[tokio::test]
async fn secrets_of_processes_are_redacted_before_they_are_stored() {
    let collector = Collector::start().await;
    let event = json!({"type": "app.login", "category": "app", "source": {"kind": "local_process"}, "data": {"password": "hunter2hunter2"}});
    let stored = publish(&collector, "backend", event.to_string(), None)
        .await
        .text()
        .await
        .unwrap();
    assert!(
        !stored.contains("hunter2") && stored.contains("[redacted:"),
        "{stored}"
    );
}

/// Bodies as other systems and languages write them.
#[tokio::test]
async fn arrays_byte_order_marks_and_line_ends_of_other_systems_are_accepted() {
    let collector = Collector::start().await;
    let [one, two] = ["one", "two"].map(|text| app_event(text).to_string());
    let send = async |content_type: &str, body: String| {
        let url = format!("{}/v1/events?producer=habits", collector.url);
        let request = collector.http.post(url).bearer_auth(&collector.ingest);
        let response = request
            .header("content-type", content_type)
            .body(body)
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    for (content_type, body, count) in [
        ("application/json", format!("[{one},\r\n {two}]"), 2),
        ("application/json", format!("\u{feff}{one}\r\n"), 1),
        ("application/json", format!("\u{feff}[{one}]"), 1),
        (
            "application/x-ndjson",
            format!("\u{feff}{one}\r\n{two}\r\n\r\n"),
            2,
        ),
        ("application/x-ndjson", format!("\n{one}\n \n{two}"), 2),
    ] {
        let (status, answer) = send(content_type, body.clone()).await;
        assert_eq!(
            (status, answer.lines().count()),
            (200, count),
            "{body:?}: {answer}"
        );
    }
    for (content_type, body, part) in [
        ("application/json", "[]".to_owned(), "expected 1 to"),
        ("application/json", format!("[{one}"), "the body: "),
        ("application/json", format!("[{one}, 5]"), "line 2: "),
        ("application/x-ndjson", format!("{one}\r\n\r\n5\r\n"), "line 3: "),
    ] {
        let (status, answer) = send(content_type, body.clone()).await;
        assert!(
            status == 400 && answer.contains(part),
            "{body:?}: {status} {answer}"
        );
    }
}

#[tokio::test]
async fn a_time_in_another_unit_is_refused_with_the_right_one() {
    let collector = Collector::start().await;
    for (ts, part) in [
        (1_764_000_000_u64, "a time in seconds; expected microseconds"),
        (1_764_000_000_000, "a time in milliseconds; expected microseconds"),
        (1_764_000_000_000_000_000, "ts: "),
    ] {
        let mut event = app_event("when");
        event["ts"] = ts.into();
        let response = publish(&collector, "clock", event.to_string(), None).await;
        assert_eq!(response.status(), 400, "{ts}");
        let problem: Value = response.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(part), "{problem}");
    }
    let mut event = app_event("when");
    event["ts"] = 1_764_000_000_000_000_u64.into();
    assert_eq!(
        publish(&collector, "clock", event.to_string(), None)
            .await
            .status(),
        200
    );
}
