//! Random JSON, published through each door: it arrives in each sink, or is counted there.

use crate::common::*;
use crate::otlp::{Endpoint, counter, start, wait_until};
use crate::program::{Process, run};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::Value;

/// Documents that are published through each door.
const DOCUMENTS: usize = 48;

/// The literal of a string: any character, and escapes that no parser must fail on.
fn string() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        3 => any::<char>().prop_map(|c| {
            let literal = serde_json::to_string(&c).unwrap();
            literal[1..literal.len() - 1].to_owned()
        }),
        1 => prop::sample::select(vec![r"\ud83d", r"\udc00", r"\ud83d\ude00", r"\u0000", r"\/", r"\n", r#"\""#, r"\\"])
            .prop_map(ToOwned::to_owned),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

/// A JSON document without white space.
fn document() -> impl Strategy<Value = String> {
    let number = prop::sample::select(vec![
        "0", "-0.0", "1e400", "-1e400", "1e-999", "123456789012345678901234567890", "0.1", "null", "true",
    ]);
    let leaf = prop_oneof![string(), number.prop_map(ToOwned::to_owned)];
    let nested = leaf.prop_recursive(6, 24, 4, |inner| {
        let fields = prop::collection::vec((string(), inner.clone()), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            fields.prop_map(|fields| {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(key, value)| format!("{key}:{value}"))
                    .collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    });
    (nested, prop_oneof![9 => Just(0), 1 => 0..140_usize])
        .prop_map(|(inner, depth)| format!("{}{inner}{}", "[".repeat(depth), "]".repeat(depth)))
}

fn examples<S: Strategy<Value = String>>(strategy: &S) -> Vec<String> {
    let mut runner = TestRunner::default();
    (0..DOCUMENTS)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}

async fn post(process: &Process, path: &str, body: String) -> (u16, Value) {
    let request = client()
        .post(format!("{}{path}", process.url))
        .bearer_auth(&process.ingest)
        .header("content-type", "application/json");
    let response = request.body(body).send().await.unwrap();
    let status = response.status().as_u16();
    // A stored envelope may be JSON that `serde_json` refuses.
    (
        status,
        serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_json_of_each_door_arrives_in_each_sink_or_is_counted_there() {
    let endpoint = Endpoint::default();
    let (url, _serving) = endpoint.start().await;
    let folder = tempfile::tempdir().unwrap();
    let process = start(folder.path(), &url);
    let documents = examples(&document());

    // Each door accepts a document or refuses it by name.
    let mut delivered = Vec::new();
    for document in &documents {
        let seq = delivered.len() as u64 + 1;
        let line = event(SESSION, seq, "x").replace(r#"{"text":"x"}"#, document);
        let (status, answer) = process
            .deliver(SESSION, seq, seq, std::slice::from_ref(&line))
            .await;
        match status {
            200 => delivered.push(line),
            400 => assert!(answer["code"].is_string(), "{document}: {answer}"),
            _ => panic!("{document}: {status} {answer}"),
        }
    }
    let mut published = 0;
    for document in &documents {
        let event = format!(
            r#"{{"type":"app.odd","category":"app","source":{{"kind":"local_process"}},"data":{{"odd":{document}}}}}"#
        );
        let (status, answer) = post(&process, "/v1/events?producer=odd", event).await;
        match status {
            200 => published += 1,
            400 => assert!(answer["code"].is_string(), "{document}: {answer}"),
            _ => panic!("{document}: {status} {answer}"),
        }
    }
    let mut logged = 0;
    for text in examples(&string()) {
        let record = format!(
            r#"{{"body":{{"stringValue":{text}}},"attributes":[{{"key":"odd","value":{{"stringValue":{text}}}}}]}}"#
        );
        let logs = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{record}]}}]}}]}}"#);
        let (status, answer) = post(&process, "/v1/logs", logs).await;
        assert_eq!(status, 200, "{text}: {answer}");
        let rejected = &answer["partialSuccess"]["rejectedLogRecords"];
        let is_rejected = rejected.as_u64() == Some(1) || rejected == "1";
        logged += usize::from(!is_rejected);
    }
    assert!(delivered.len() > DOCUMENTS / 2 && published > DOCUMENTS / 2 && logged > DOCUMENTS / 2);

    let stored = process.get("/v1/events").await.text().await.unwrap();
    let stored: Vec<&str> = stored.lines().collect();
    let of = |kind: &str| stored.iter().filter(|line| line.contains(kind)).count();
    assert_eq!(process.lines(SESSION).await, delivered, "byte for byte");
    assert_eq!(of(r#""type":"app.odd""#), published);
    assert_eq!(stored.len(), delivered.len() + published + logged, "nothing else");

    let frames = process.get("/v1/stream").await;
    let mut frames = frames.bytes_stream();
    let mut streamed = Vec::new();
    let lines = loop {
        streamed.extend_from_slice(&futures_util::StreamExt::next(&mut frames).await.unwrap().unwrap());
        let text = String::from_utf8_lossy(&streamed).into_owned();
        let lines: Vec<String> = text
            .split_inclusive('\n')
            .filter_map(|line| Some(line.strip_prefix("data: ")?.strip_suffix('\n')?.to_owned()))
            .collect();
        if lines.len() >= stored.len() {
            break lines;
        }
    };
    assert_eq!(lines, stored, "the stream");

    wait_until("every record is forwarded or counted", async || {
        let mut sum = 0;
        for name in ["forwarded", "rejected", "refused"] {
            sum += counter(&process, name).await;
        }
        sum == stored.len() as u64
    })
    .await;
    let left_out = counter(&process, "rejected").await + counter(&process, "refused").await;
    assert_eq!(
        (endpoint.taken.lock().unwrap().len(), left_out),
        (stored.len(), 0)
    );

    let export = |format: &str| {
        let (status, out, error) = run(folder.path(), &["export", "--format", format]);
        assert_eq!(status, 0, "{format}: {error}");
        out
    };
    assert_eq!(export("ndjson").lines().collect::<Vec<_>>(), stored);
    let exported: usize = export("otlp")
        .lines()
        .map(|line| {
            let request: Value = serde_json::from_str(line).unwrap();
            let logs = request["resourceLogs"].as_array().unwrap().iter();
            let scopes = logs.flat_map(|logs| logs["scopeLogs"].as_array().unwrap());
            scopes
                .map(|scope| scope["logRecords"].as_array().unwrap().len())
                .sum::<usize>()
        })
        .sum();
    assert_eq!(exported, stored.len(), "OTLP export");
    let (_, text, _) = run(folder.path(), &["query"]);
    let printed = text.lines().filter(|line| !line.starts_with("── ")).count();
    assert_eq!(printed, stored.len(), "text");
}
