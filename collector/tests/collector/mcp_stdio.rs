//! `tabtape mcp` as an agent's client runs it: the built program, its stdin and its stdout.

use crate::common::{SESSION, event};
use crate::program::*;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A bridge that runs, killed when dropped.
struct Bridge {
    child: Child,
    input: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Bridge {
    fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    fn start_with(folder: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["mcp", "--data-dir"])
            .arg(folder)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, answers) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self {
            child,
            input,
            answers,
        }
    }

    fn say(&mut self, line: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(line).unwrap();
        input.write_all(b"\n").unwrap();
    }

    fn ask(&mut self, id: u64, method: &str, params: Value) {
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.say(message.to_string().as_bytes());
    }

    fn call(&mut self, id: u64, tool: &str, arguments: Value) {
        self.ask(id, "tools/call", json!({"name": tool, "arguments": arguments}));
    }

    /// The next line; `None` at the end.
    fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        if self.answers.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        Some(serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}")))
    }

    /// The answer to `id`, when nothing else is open.
    fn answer(&mut self, id: u64) -> Value {
        let answer = self.next().unwrap();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
}

const HELLO: &str = "2025-06-18";

fn hello() -> Value {
    json!({"protocolVersion": HELLO, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}})
}

#[test]
fn a_line_that_is_no_message_gets_an_error_and_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut bridge = Bridge::start(folder.path());
    let too_long = vec![b'x'; 5 << 20];
    for (line, code) in [
        (&b"\xff\xfe{"[..], -32_700),
        (b"not JSON", -32_700),
        (b"{\"jsonrpc\":\"2.0\"", -32_700),
        (br#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32_600),
        (b"7", -32_600),
        (br#"{"jsonrpc":"2.0","id":1}"#, -32_600),
        (br#"{"id":1,"method":"ping"}"#, -32_600),
        (&too_long, -32_600),
    ] {
        bridge.say(line);
        let answer = bridge.next().unwrap();
        assert_eq!(
            (&answer["error"]["code"], &answer["id"]),
            (&json!(code), &Value::Null),
            "{answer}"
        );
    }
    bridge.say(b"  ");
    bridge.ask(2, "ping", json!({}));
    assert_eq!(bridge.answer(2)["result"], json!({}));
}

#[test]
fn it_starts_without_a_collector_and_finds_each_one_that_comes() {
    let folder = tempfile::tempdir().unwrap();
    let mut bridge = Bridge::start(folder.path());
    bridge.ask(1, "initialize", hello());
    let answer = bridge.answer(1);
    assert_eq!(answer["result"]["serverInfo"]["name"], "tabtape");
    assert_eq!(answer["result"]["protocolVersion"], HELLO);
    bridge.say(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    bridge.ask(2, "tools/list", json!({}));
    let listed = bridge.answer(2);
    assert_eq!(listed["result"]["tools"][0]["name"], "diagnose");
    bridge.call(3, "diagnose", json!({}));
    let answer = bridge.answer(3);
    assert!(
        answer["result"]["isError"] == true && text(&answer).contains("tabtape serve"),
        "{answer}"
    );

    let first = Process::start(folder.path());
    bridge.call(4, "mark", json!({"text": "with the first"}));
    assert_eq!(text(&bridge.answer(4)), "marked");
    bridge.ask(5, "tools/list", json!({}));
    assert_eq!(
        bridge.answer(5)["result"]["tools"],
        listed["result"]["tools"],
        "the same with and without one"
    );

    first.kill();
    bridge.call(6, "diagnose", json!({}));
    let answer = bridge.answer(6);
    assert!(
        answer["result"]["isError"] == true && text(&answer).contains("no collector answers"),
        "{answer}"
    );

    let second = Process::start(folder.path());
    bridge.call(7, "search", json!({"q": "with-the \"with the first\""}));
    bridge.answer(7);
    bridge.call(8, "search", json!({"q": "\"with the first\""}));
    let answer = bridge.answer(8);
    assert!(text(&answer).contains("with the first"), "{answer}");
    second.kill();
}

#[test]
fn a_cancelled_call_is_not_answered_and_the_end_of_input_ends_open_ones() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let mut bridge = Bridge::start(folder.path());
    bridge.call(1, "wait", json!({"q": "type:system.mark", "seconds": 1}));
    let answer = bridge.answer(1);
    let (_, cursor) = text(&answer).split_once("Next: same q, ").unwrap();
    let mut mark: Value = serde_json::from_str(cursor).unwrap();
    (mark["q"], mark["seconds"]) = (json!("type:system.mark"), json!(300));
    bridge.call(2, "wait", mark.clone());
    bridge.call(3, "wait", mark);
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}});
    bridge.say(cancel.to_string().as_bytes());
    bridge.call(4, "mark", json!({"text": "here"}));
    let mut answered = [bridge.next().unwrap(), bridge.next().unwrap()].map(|answer| answer["id"].as_u64());
    answered.sort_unstable();
    assert_eq!(answered, [Some(3), Some(4)]);

    bridge.call(5, "wait", json!({"q": "nothing-like-it", "seconds": 300}));
    bridge.ask(6, "ping", json!({}));
    bridge.answer(6);
    let ended = Instant::now();
    bridge.input = None;
    assert_eq!(bridge.next(), None);
    assert!(bridge.child.wait().unwrap().success());
    // It is less than a second on a machine that has nothing else to do.
    assert!(ended.elapsed() < Duration::from_secs(60));
    process.kill();
}

#[test]
fn progress_passes_the_bridge() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let mut bridge = Bridge::start(folder.path());
    let params =
        json!({"name": "wait", "arguments": {"q": "x", "seconds": 1}, "_meta": {"progressToken": 7}});
    bridge.ask(1, "tools/call", params);
    let progress = bridge.next().unwrap();
    assert_eq!(progress["method"], "notifications/progress", "{progress}");
    assert_eq!(progress["params"]["progressToken"], 7);
    assert!(text(&bridge.answer(1)).starts_with("Nothing matched within 1 s."));
    process.kill();
}

#[tokio::test]
async fn an_agent_that_is_limited_to_sites_reads_nothing_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let error = |seq, text: &str| event(SESSION, seq, text).replace("console.log", "console.error");
    let lines = [
        error(1, "of the shop"),
        error(2, "of the bank").replace("https://shop.example", "https://bank.example"),
    ];
    assert_eq!(process.deliver(SESSION, 1, 2, &lines).await.0, 200);
    let mut bridge = Bridge::start_with(folder.path(), &["--sites", "localhost:3000,shop.example"]);
    for (id, tool, arguments) in [
        (1, "diagnose", json!({})),
        (2, "search", json!({"q": "site:bank.example,shop.example"})),
        (3, "led_to", json!({"event": "s1:1"})),
    ] {
        bridge.call(id, tool, arguments);
        let answer = bridge.answer(id);
        assert!(
            text(&answer).contains("of the shop") && !text(&answer).contains("bank"),
            "{answer}"
        );
    }
    bridge.call(4, "event", json!({"event": "s1:2"}));
    let answer = bridge.answer(4);
    assert!(text(&answer).contains("found no event"), "{answer}");
    process.kill();
}
