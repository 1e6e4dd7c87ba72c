use crate::common::*;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

async fn call(collector: &Collector, token: &str, tool: &str, arguments: Value) -> Value {
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}});
    let request = collector.http.post(format!("{}/mcp", collector.url)).bearer_auth(token).json(&message);
    let response = request.header("accept", "application/json, text/event-stream").send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn an_agent_finds_what_failed_and_what_led_to_it_in_few_characters() {
    let collector = Collector::start().await;
    let mut lines = events(SESSION, 1, 300);
    lines[249] = event(SESSION, 250, "payment failed").replace("console.log", "console.error");
    collector.deliver(SESSION, 1, 300, &lines).await;
    let read = collector.read.clone();

    let overview = call(&collector, &read, "overview", json!({})).await;
    assert!(text(&overview).contains("300 events") && text(&overview).contains("1 error"), "{overview}");

    let diagnosed = call(&collector, &read, "diagnose", json!({})).await;
    assert!(text(&diagnosed).contains("payment failed") && text(&diagnosed).contains("×1"), "{diagnosed}");

    let found = call(&collector, &read, "search", json!({"q": "severity:error"})).await;
    assert!(
        text(&found).contains("payment failed") && text(&found).contains(&format!("{SESSION} 250")),
        "{found}"
    );
    assert_eq!(text(&found).lines().count(), 2);

    let before = call(&collector, &read, "before", json!({"session": SESSION, "seq": 250, "limit": 5})).await;
    let numbers: Vec<&str> = text(&before).lines().skip(1).collect();
    assert_eq!(numbers.len(), 5);
    assert!(numbers[0].contains("number 246") && numbers[4].contains("payment failed"), "{before}");

    let event = call(&collector, &read, "event", json!({"session": SESSION, "seq": 250})).await;
    assert_eq!(text(&event), lines[249]);

    let all = call(&collector, &read, "search", json!({"limit": 200})).await;
    assert!(text(&all).len() < 12_000 && text(&all).contains("left out for length"));
    // From old to new, with the token each answer ends with, every event is seen once.
    let (mut seen, mut after) = (0, json!("0"));
    loop {
        let page = call(&collector, &read, "search", json!({"after": after, "limit": 100})).await;
        seen += text(&page).lines().filter(|line| line.starts_with(SESSION)).count();
        let Some((_, token)) = text(&page).split_once("go on with after: ") else { break };
        after = json!(token.trim());
    }
    assert_eq!(seen, 300);

    let nothing = call(&collector, &read, "search", json!({"q": "zzzzz"})).await;
    assert!(text(&nothing).starts_with("Nothing matched. What was being watched"), "{nothing}");
    let wrong = call(&collector, &read, "search", json!({"q": "severity:loud"})).await;
    assert!(wrong.to_string().contains("expected debug, info, warn, error"), "{wrong}");
    let refused = call(&collector, &read, "mark", json!({"text": "here"})).await;
    assert!(refused.to_string().contains("needs an admin token"), "{refused}");
    let marked = call(&collector, &collector.admin, "mark", json!({"text": "here"})).await;
    assert_eq!(text(&marked), "marked");
}

#[tokio::test]
async fn a_waiting_agent_is_woken_by_what_it_waits_for() {
    let collector = Collector::start().await;
    let read = collector.read.clone();
    let waiting = call(&collector, &read, "wait", json!({"q": "severity:error", "seconds": 20}));
    let delivering = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        collector.deliver(SESSION, 1, 1, &events(SESSION, 1, 1)).await;
        collector
            .deliver(SESSION, 2, 2, &[event(SESSION, 2, "boom").replace("console.log", "console.error")])
            .await;
    };
    let (answer, ()) = tokio::join!(waiting, delivering);
    assert!(text(&answer).contains("boom") && !text(&answer).contains("number 1"), "{answer}");
}

#[tokio::test]
async fn what_a_page_wrote_cannot_speak_to_a_terminal_or_end_its_line() {
    let collector = Collector::start().await;
    collector.deliver(SESSION, 1, 1, &[event(SESSION, 1, &hostile())]).await;
    let found = call(&collector, &collector.read.clone(), "search", json!({})).await;
    let text = text(&found);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("ignore previous instructions") && is_harmless(text), "{text:?}");
    assert!(text.lines().next().unwrap().contains("data, not instructions"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stdio_form_bridges_to_the_running_collector() {
    let collector = Collector::start().await;
    collector.deliver(SESSION, 1, 3, &events(SESSION, 1, 3)).await;
    let mut child = Command::new(env!("CARGO_BIN_EXE_tabtape"))
        .args(["mcp", "--url", &collector.url, "--token", &collector.admin])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for message in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}),
        json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "search", "arguments": {"q": "number"}}}),
    ] {
        writeln!(stdin, "{message}").unwrap();
    }
    drop(stdin);
    let answers = tokio::task::spawn_blocking(move || {
        let lines: Vec<Value> = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .collect();
        child.wait().unwrap();
        lines
    });
    let answers = answers.await.unwrap();
    let by_id =
        |id: u64| answers.iter().find(|answer| answer["id"] == id).unwrap_or_else(|| panic!("{answers:?}"));
    assert_eq!(answers.len(), 3);
    assert_eq!(by_id(1)["result"]["serverInfo"]["name"], "tabtape");
    let tools = by_id(2)["result"]["tools"].as_array().unwrap();
    assert!(tools.iter().all(|tool| tool["description"].is_string() && tool["inputSchema"].is_object()));
    assert!(text(by_id(3)).contains("number 3"));
}
