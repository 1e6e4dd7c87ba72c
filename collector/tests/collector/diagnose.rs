//! Problems over HTTP and on the command line: the same as in an agent's answer.

use crate::common::*;
use crate::program::*;
use serde_json::{Value, json};

/// A click, the request that it started and that failed, and the exception after it; then lines of no interest.
fn failure() -> Vec<String> {
    let mut lines = Vec::new();
    let stack = "TypeError: no items\n    at pay (https://shop.example/src/checkout.ts:17:9)";
    for (type_, category, data) in [
        (
            "input.click",
            "interaction",
            json!({"selector": "button#pay", "label": "Pay now"}),
        ),
        (
            "network.response",
            "network",
            json!({"method": "POST", "status": 500, "body": "{\"error\":\"timeout\"}"}),
        ),
        (
            "console.exception",
            "console",
            json!({"text": "Uncaught TypeError: no items", "error": {"stack": stack}}),
        ),
        ("console.log", "console", json!({"text": "all is well"})),
    ] {
        let mut line: Value = serde_json::from_str(&event(SESSION, lines.len() as u64 + 1, "")).unwrap();
        let event = &mut line["event"];
        (event["type"], event["category"], event["data"]) = (json!(type_), json!(category), data);
        lines.push(line.to_string());
    }
    lines
}

#[tokio::test]
async fn a_failure_is_one_problem_with_its_chain() {
    let collector = Collector::start().await;
    let empty = collector.json("/v1/diagnose").await;
    assert_eq!(
        (&empty["problems"], &empty["watched"]),
        (&json!([]), &json!(["Nothing was watching then."]))
    );
    collector.deliver(SESSION, 1, 4, &failure()).await;
    let found = collector.json("/v1/diagnose?q=site:shop.example").await;
    assert_eq!(
        (
            found["errors"].as_u64(),
            found["problems"].as_array().unwrap().len()
        ),
        (Some(2), 1),
        "{found}"
    );
    let problem = &found["problems"][0];
    let types: Vec<&str> = problem["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["input.click", "network.response", "console.exception"]);
    assert_eq!(
        problem["events"][1]["text"],
        "POST https://shop.example/cart 500 {\"error\":\"timeout\"}"
    );
    assert_eq!(
        problem["events"][2]["text"],
        "Uncaught TypeError: no items at checkout.ts:17:9"
    );
    assert_eq!(
        (&problem["events"][2]["session"], &problem["events"][2]["seq"]),
        (&json!(SESSION), &json!(3))
    );
    assert_eq!(
        collector.json("/v1/diagnose?q=site:other.example").await["problems"],
        json!([])
    );

    let text = collector.get("/v1/diagnose?format=text&budget=250").await;
    assert_eq!(text.headers()["content-type"], "text/plain; charset=utf-8");
    let text = text.text().await.unwrap();
    assert!(
        text.len() <= 1_000 && text.contains("⟦POST /cart 500 {\"error\":\"timeout\"}⟧"),
        "{text}"
    );
    for wrong in ["budget=10", "format=xml", "q=severity:loud", "problems=3"] {
        assert_eq!(
            collector.get(&format!("/v1/diagnose?{wrong}")).await.status(),
            400,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_token_that_may_not_read_a_site_learns_nothing_of_it() {
    let collector = Collector::start().await;
    collector.deliver(SESSION, 1, 4, &failure()).await;
    let created = collector.app.auth.create_token(
        tabtape_collector::auth::Scope::Read,
        "bound",
        Some("-type:network.*"),
        None,
    );
    let request = collector.http.get(format!("{}/v1/diagnose", collector.url));
    let response = request.bearer_auth(created.unwrap().token).send().await.unwrap();
    let found: Value = response.json().await.unwrap();
    assert_eq!(found["errors"], 1, "{found}");
    assert!(
        !found.to_string().contains("timeout") && found.to_string().contains("no items"),
        "{found}"
    );
}

#[tokio::test]
async fn the_command_prints_the_chain_as_text_or_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    process.deliver(SESSION, 1, 4, &failure()).await;
    let (status, text, _) = run(folder.path(), &["diagnose", "site:shop.example"]);
    assert_eq!(status, 0);
    let parts = ["button#pay", "POST /cart 500", "no items at checkout.ts:17:9"];
    let order = parts.map(|part| text.find(part).unwrap_or_else(|| panic!("{part} in {text}")));
    assert!(order.is_sorted(), "{text}");
    let (status, json, _) = run(folder.path(), &["diagnose", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((status, &json["problems"][0]["count"]), (0, &json!(1)));
    assert_eq!(run(folder.path(), &["diagnose", "--budget", "1"]).0, 2);
    process.kill();
}

#[tokio::test]
async fn a_failed_response_has_the_body_that_its_page_reported() {
    let collector = Collector::start().await;
    let mut lines = failure();
    let mut change = |index: usize, change: &dyn Fn(&mut Value)| {
        let mut line: Value = serde_json::from_str(&lines[index]).unwrap();
        change(&mut line["event"]);
        lines[index] = line.to_string();
    };
    change(1, &|response| {
        response["data"]["body"].take();
        response["source"]["metadata"]["request_id"] = json!("81");
    });
    change(3, &|reported| {
        let data = json!({"response_status": 500, "body": "{\"error\":\"from the page\"}"});
        (reported["type"], reported["category"]) = (json!("network.response_body"), json!("network"));
        reported["data"] = data;
        reported["source"]["metadata"]["request_id"] = json!("81");
    });
    collector.deliver(SESSION, 1, 4, &lines).await;
    let found = collector.json("/v1/diagnose").await;
    assert_eq!(
        found["problems"][0]["events"][1]["text"],
        "POST https://shop.example/cart 500 {\"error\":\"from the page\"}"
    );
    assert_eq!(found["errors"], 2, "the body is not another error");
}
