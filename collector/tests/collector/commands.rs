//! The commands of the built program.

use crate::common::*;
use crate::program::*;
use serde_json::json;
use std::io::Read as _;

#[test]
fn commands_find_the_collector_and_say_when_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let (status, _, error) = run(folder.path(), &["tail", "--no-follow"]);
    assert_eq!(status, 3, "{error}");
    assert!(error.contains("start one with `tabtape serve`"), "{error}");

    let _process = Process::start(folder.path());
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(folder.path().join("collector.json"))
            .unwrap()
            .permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let (status, stored, _) = run(folder.path(), &["mark", "it \u{1b}[31mhappened", "--json"]);
    assert_eq!(status, 0);
    assert!(stored.contains("system.mark"), "{stored}");
    let (status, shown, error) = run(folder.path(), &["tail", "--no-follow"]);
    assert_eq!(status, 0, "{error}");
    assert!(
        shown.contains("system.mark") && shown.contains("it \\x1b[31mhappened") && !shown.contains('\u{1b}'),
        "{shown}"
    );
    let (_, json, _) = run(folder.path(), &["query", "type:system.mark", "--json"]);
    assert_eq!(json, stored);
    let (status, _, error) = run(folder.path(), &["query", "severity:loud"]);
    assert_eq!(status, 4);
    assert!(error.contains("expected debug, info, warn, error"), "{error}");
    let (status, ..) = run(folder.path(), &["query", "--nonsense"]);
    assert_eq!(status, 2);
    let (_, list, _) = run(folder.path(), &["sessions"]);
    assert!(list.contains("tabtape"), "{list}");
    let (status, found, _) = run(folder.path(), &["doctor"]);
    assert_eq!(status, 1, "no extension ever came");
    assert!(
        found.contains("BAD  extension") && found.contains("ok   hello") && found.contains("ok   token"),
        "{found}"
    );
    let (status, har, _) = run(folder.path(), &["export", "--format", "har"]);
    assert!(status == 0 && har.contains("\"version\":\"1.2\""), "{har}");
    let (_, otlp, _) = run(folder.path(), &["export", "--format", "otlp"]);
    assert!(
        otlp.contains("resourceLogs") && otlp.contains("system.mark"),
        "{otlp}"
    );
    let (status, report, _) = run(folder.path(), &["export", "--format", "markdown"]);
    assert!(
        status == 0 && report.starts_with("# Bug report: ` no problem was recorded `"),
        "{report}"
    );
    let (status, _, error) = run(folder.path(), &["export", "--format", "playwright"]);
    assert!(status == 4 && error.contains("no failure to repeat"), "{error}");
    let (status, _, error) = run(folder.path(), &["export", "--format", "bundle"]);
    assert!(status == 1 && error.contains("--output bug.html"), "{error}");
    let (_, deleted, _) = run(folder.path(), &["delete", "--yes", "type:system.mark"]);
    assert_eq!(deleted, "1 events deleted\n");
}

#[test]
fn a_shell_completes_commands_and_options() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (status, script, error) = run(folder.path(), &["completions", shell]);
        assert_eq!(status, 0, "{shell}: {error}");
        for word in ["serve", "doctor", "completions", "otlp-endpoint"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
    let (_, script, _) = run(folder.path(), &["completions", "bash"]);
    let file = folder.path().join("tabtape.bash");
    std::fs::write(&file, script).unwrap();
    let complete = |words: &str, last: usize| {
        let mut bash = std::process::Command::new("bash");
        bash.arg("-c").arg(format!(
            "source '{}'; COMP_WORDS=({words}); COMP_CWORD={last}; _tabtape tabtape \"${{COMP_WORDS[$COMP_CWORD]}}\" \"${{COMP_WORDS[$COMP_CWORD-1]}}\"; echo \"${{COMPREPLY[@]}}\"",
            file.display()
        ));
        let (status, out, error) = finish(bash);
        assert_eq!(status, 0, "{error}");
        out.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete("tabtape se", 1), ["serve", "sessions"]);
    assert_eq!(complete("tabtape export --format h", 3), ["har"]);
}

#[test]
fn tokens_and_pairings_are_made_rotated_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let _process = Process::start(folder.path());
    let json = |args: &[&str]| -> serde_json::Value {
        let (status, out, error) = run(folder.path(), &[args, &["--json"]].concat());
        assert_eq!(status, 0, "{args:?}: {error}");
        serde_json::from_str(&out).unwrap()
    };
    let works = |token: &str| run(folder.path(), &["sessions", "--token", token]).0;

    let made = json(&["token", "create", "--scope", "read", "--label", "ci"]);
    let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    assert_eq!(works(token), 0);
    let (status, rotated, said) = run(folder.path(), &["token", "rotate", id]);
    assert!(
        status == 0 && said.contains("only time it is shown") && said.contains(id),
        "{said}"
    );
    let rotated = rotated.trim();
    assert!(rotated.starts_with("tt_read_") && rotated != token);
    assert_eq!((works(token), works(rotated)), (4, 0));
    let (_, list, _) = run(folder.path(), &["token", "list"]);
    assert!(
        list.lines()
            .any(|line| line.contains(id) && line.contains("read") && line.contains("ci")),
        "{list}"
    );
    assert_eq!(
        run(folder.path(), &["token", "revoke", id]).1,
        format!("{id} revoked\n")
    );
    assert_eq!(works(rotated), 4);
    assert_eq!(run(folder.path(), &["token", "rotate", id]).0, 4, "it is gone");

    // This machine's own: collector.json follows, and commands continue to work.
    let local = json(&["token", "list"]);
    let local = local
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["scope"] == "admin")
        .unwrap();
    let before = std::fs::read_to_string(folder.path().join("collector.json")).unwrap();
    run(folder.path(), &["token", "rotate", local["id"].as_str().unwrap()]);
    let changed = || std::fs::read_to_string(folder.path().join("collector.json")).unwrap() != before;
    for _ in 0..200 {
        if changed() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(run(folder.path(), &["sessions"]).0, 0);

    let pairings = json(&["pair", "list"]);
    let pairing = pairings[0]["id"].as_str().unwrap();
    let paired = json(&["token", "list"]);
    let paired = paired
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["pairing"] == pairing)
        .unwrap();
    let (status, _, error) = run(
        folder.path(),
        &["token", "rotate", paired["id"].as_str().unwrap()],
    );
    assert!(
        status == 4 && error.contains(&format!("tabtape pair rotate {pairing}")),
        "{error}"
    );
    let (status, out, _) = run(folder.path(), &["pair", "rotate", pairing]);
    assert!(
        status == 0 && out.contains("token   tt_ingest_") && out.contains("secret  "),
        "{out}"
    );
    let (_, shown, _) = run(folder.path(), &["pair"]);
    assert!(
        shown.contains("/pair#code=") && shown.contains("Accept there"),
        "{shown}"
    );
    assert!(json(&["pair", "revoke", pairing])["revoked"] == pairing);
    assert!(json(&["pair", "list"]).as_array().unwrap().is_empty());
    assert!(json(&["viewer"])["url"].as_str().unwrap().contains("/#code="));
}

#[tokio::test]
async fn an_empty_answer_says_on_stderr_whether_anybody_was_watching() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let session = SESSION;
    let started = format!(
        r#"{{"capture_session_id":"{session}","seq":1,"event":{{"ts":1764000000000000,"type":"system.session_started","category":"system","source":{{"kind":"extension"}},"data":{{"config":{{"categories":{{"console":{{}}}}}}}}}}}}"#
    );
    assert_eq!(process.deliver(session, 1, 1, &[started]).await.0, 200);
    for command in [&["query"][..], &["query", "-n", "5"], &["tail", "--no-follow"]] {
        let (status, out, said) = run(folder.path(), &[command, &["category:console"]].concat());
        assert_eq!((status, out.as_str()), (0, ""), "{command:?}");
        assert!(
            said.starts_with("Nothing matches. What was being watched:"),
            "{command:?}: {said}"
        );
        assert!(
            said.contains("to an unknown end, last record 2025-") && said.contains("console:standard"),
            "{said}"
        );
        let (_, _, said) = run(folder.path(), &[command, &["category:network"]].concat());
        assert!(
            said.starts_with("Nothing matches, and nothing was watching for it."),
            "{command:?}: {said}"
        );
    }
    let (_, diagnosed, _) = run(folder.path(), &["diagnose"]);
    assert!(
        diagnosed.contains(" to an unknown end, last record "),
        "{diagnosed}"
    );
    let (_, shown, said) = run(folder.path(), &["query"]);
    assert!(shown.contains("system.session_started") && said.is_empty());
    let (_, coverage, _) = run(folder.path(), &["coverage", "category:network"]);
    assert!(coverage.contains("none of these"), "{coverage}");
    let list: serde_json::Value =
        serde_json::from_str(&run(folder.path(), &["sessions", "--json"]).1).unwrap();
    assert_eq!(list["sessions"][0]["session"], session);
    let gone: serde_json::Value =
        serde_json::from_str(&run(folder.path(), &["delete", "--all", "--yes", "--json"]).1).unwrap();
    assert_eq!(gone["deleted"], 1);
}

#[tokio::test]
async fn a_session_is_named_by_the_beginning_of_its_id() {
    use crate::common::{OTHER, SESSION, events};
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    for session in [SESSION, OTHER] {
        assert_eq!(
            process.deliver(session, 1, 3, &events(session, 1, 3)).await.0,
            200
        );
    }
    let count = |args: &[&str]| {
        let (status, out, error) = run(folder.path(), &[&["query", "--json"], args].concat());
        assert_eq!(status, 0, "{args:?}: {error}");
        (out.lines().count(), out.matches(SESSION).count())
    };
    let beginning = &SESSION[..25];
    assert!(!OTHER.starts_with(beginning));
    assert_eq!(count(&["--session", beginning]), (3, 3));
    assert_eq!(count(&["--session", &format!("{beginning}…")]), (3, 3));
    assert_eq!(count(&[&format!("session:{beginning}")]), (3, 3));
    assert_eq!(count(&[&format!("-session:{beginning}")]), (3, 0));
    let (status, _, error) = run(folder.path(), &["query", "--session", &SESSION[..8]]);
    assert!(
        status == 1 && error.contains(SESSION) && error.contains(OTHER),
        "{error}"
    );
    let (status, _, error) = run(folder.path(), &["query", "session:ffff"]);
    assert!(status == 1 && error.contains("no session begins with"), "{error}");
}

#[tokio::test]
async fn an_excluded_term_is_written_with_a_hyphen() {
    use crate::common::{SESSION, events};
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    assert_eq!(
        process.deliver(SESSION, 1, 3, &events(SESSION, 1, 3)).await.0,
        200
    );
    assert_eq!(run(folder.path(), &["mark", "seen"]).0, 0);
    for args in [
        &["query", "-type:console.*", "--json"][..],
        &["query", "--json", "-type:console.*"],
    ] {
        let (status, out, error) = run(folder.path(), args);
        assert!(
            status == 0 && out.lines().count() == 1 && out.contains("system.mark"),
            "{args:?}: {out}{error}"
        );
    }
}

#[tokio::test]
async fn a_deletion_shows_the_events_and_asks() {
    use crate::common::{SESSION, events};
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    assert_eq!(
        process.deliver(SESSION, 1, 3, &events(SESSION, 1, 3)).await.0,
        200
    );
    let mut command = std::process::Command::new(PROGRAM);
    command
        .args(["delete", "type:console.*", "--data-dir"])
        .arg(folder.path())
        .stdin(std::process::Stdio::null());
    let (status, out, error) = finish(command);
    assert_eq!((status, out.as_str()), (1, ""), "{error}");
    assert!(
        error.contains("3 events of 1 sessions, from 2025-11-2") && error.contains("3  console.log"),
        "{error}"
    );
    assert!(
        error.contains("--yes") && error.contains("nothing was deleted"),
        "{error}"
    );
    assert_eq!(process.lines(SESSION).await.len(), 3);

    // On a terminal, the person answers.
    let answered = |answer: &str| {
        let mut script = std::process::Command::new("script");
        let delete = format!(
            "{PROGRAM} delete 'type:console.*' --data-dir {}",
            folder.path().display()
        );
        script.args(["--quiet", "--return", "--command", &delete, "/dev/null"]);
        script
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped());
        let mut child = script.spawn().unwrap();
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), answer.as_bytes()).unwrap();
        let mut out = String::new();
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        (child.wait().unwrap().success(), out)
    };
    let (done, out) = answered("n\n");
    assert!(!done && out.contains("Delete them for good?"), "{out}");
    assert_eq!(process.lines(SESSION).await.len(), 3);
    let (done, out) = answered("y\n");
    assert!(done && out.contains("3 events deleted"), "{out}");
    let (_, list, _) = run(folder.path(), &["sessions"]);
    assert!(list.contains("0 missing  3 deleted"), "{list}");
}

#[tokio::test]
async fn without_a_collector_reading_commands_read_the_stores_file() {
    use crate::common::{SESSION, events};
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    assert_eq!(
        process.deliver(SESSION, 1, 3, &events(SESSION, 1, 3)).await.0,
        200
    );
    process.kill(); // collector.json stays
    // Another program may take the free port at once; at this one nothing answers.
    let state = folder.path().join("collector.json");
    let mut running: serde_json::Value = serde_json::from_slice(&std::fs::read(&state).unwrap()).unwrap();
    running["url"] = "http://127.0.0.1:1".into();
    std::fs::write(&state, running.to_string()).unwrap();
    let (status, out, error) = run(folder.path(), &["query", "--json"]);
    assert_eq!((status, out.lines().count()), (0, 3), "{error}");
    assert!(error.contains("No collector runs; reading the store"), "{error}");
    std::fs::write(&state, r#"{"url":"#).unwrap();
    let (status, out, error) = run(folder.path(), &["query", "--json"]);
    assert_eq!((status, out.lines().count()), (0, 3), "{error}");
    std::fs::remove_file(folder.path().join("collector.json")).unwrap();
    for (args, part) in [
        (&["sessions"][..], SESSION),
        (&["tail", "--no-follow"], "number 3"),
        (&["coverage"], SESSION),
        (&["export"], "number 2"),
    ] {
        let (status, out, error) = run(folder.path(), args);
        assert!(status == 0 && out.contains(part), "{args:?}: {out}{error}");
    }
    // A command that follows or writes needs a collector.
    for args in [&["tail"][..], &["mark", "x"], &["delete", "--all", "--yes"]] {
        let (status, _, error) = run(folder.path(), args);
        assert!(
            status == 3 && error.contains("start one with `tabtape serve`"),
            "{args:?}: {error}"
        );
    }
    let again = Process::start(folder.path());
    assert_eq!(again.lines(SESSION).await.len(), 3);
}

/// Lines that a following command prints, one after the other.
struct Following {
    child: std::process::Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
}

impl Following {
    fn start(args: &[&str]) -> Self {
        use std::io::BufRead as _;
        let mut command = std::process::Command::new(PROGRAM);
        let mut child = command
            .args(args)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn next(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    /// Ends it; what it said on stderr.
    fn end(mut self) -> String {
        self.child.kill().unwrap();
        let mut said = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        said
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn tail_follows_through_a_restart_of_the_collector() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let data = folder.path().to_str().unwrap().to_owned();
    let mark = |note: &str| assert_eq!(run(folder.path(), &["mark", note]).0, 0);
    mark("before");
    let mut text = Following::start(&["tail", "--data-dir", &data]);
    let mut json = Following::start(&["tail", "--json", "--data-dir", &data]);
    assert!(text.next().starts_with("── "), "the day");
    assert!(text.next().contains("before") && json.next().contains("before"));
    mark("while it runs");
    assert!(text.next().contains("while it runs"));
    let record: serde_json::Value = serde_json::from_str(&json.next()).unwrap();
    assert_eq!(record["event"]["data"]["text"], "while it runs");

    let address = process.url.trim_start_matches("http://").to_owned();
    process.kill();
    let mut again = std::process::Command::new(PROGRAM);
    again.args(["serve", "--json", "--listen", &address, "--data-dir", &data]);
    let _process = Process::launch(again, |_| folder.path().to_owned());
    mark("after it was killed");
    assert!(
        text.next().contains("after it was killed"),
        "nothing twice, nothing left out"
    );
    assert!(json.next().contains("after it was killed"));
    assert!(text.end().contains("trying again"));
    json.end();
}

/// A page reports a click late: the request that it caused is stored before it.
#[tokio::test]
async fn a_click_is_printed_above_what_it_caused_and_seq_stays_the_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let data = folder.path().to_str().unwrap().to_owned();
    let at = |seq: u64, ts: u64, what: &str| {
        let mut value: serde_json::Value = serde_json::from_str(&event(SESSION, seq, what)).unwrap();
        value["event"]["ts"] = (1_764_000_000_000_000 + ts).into();
        value.to_string()
    };
    let mut tail = Following::start(&["tail", "--data-dir", &data]);
    let mut json = Following::start(&["tail", "--json", "--data-dir", &data]);
    // Both follow once they print a first line.
    let mark = || assert_eq!(run(folder.path(), &["mark", "begin"]).0, 0);
    mark();
    tail.next();
    assert!(tail.next().contains("begin") && json.next().contains("begin"));
    let lines = [
        at(1, 10, "before"),
        at(2, 30, "request"),
        gap(SESSION, 3, 3, "quota"),
        at(4, 20, "click"),
        at(5, 40, "after"),
    ];
    assert_eq!(process.deliver(SESSION, 1, 5, &lines).await.0, 200);

    let words = ["before", "click", "request", "quota", "after"];
    let word_of = |line: &str| words.into_iter().find(|word| line.contains(word));
    let following: Vec<String> = (0..6).map(|_| tail.next()).collect();
    let found: Vec<&str> = following.iter().filter_map(|line| word_of(line)).collect();
    assert_eq!(found, words, "{following:?}");
    for args in [
        &["query", "--session", SESSION][..],
        &["query", "--session", SESSION, "-n", "9"],
        &["tail", "--no-follow", "--not", "type:system.mark"],
    ] {
        let (_, text, _) = run(folder.path(), args);
        assert_eq!(
            text.lines().filter_map(word_of).collect::<Vec<_>>(),
            words,
            "{args:?}: {text}"
        );
    }
    assert_eq!([(); 5].map(|()| json.next()), lines);
    let (_, text, _) = run(folder.path(), &["query", "--json", "--session", SESSION]);
    assert_eq!(text.lines().collect::<Vec<_>>(), lines);
}

#[tokio::test]
async fn a_line_says_the_point_of_its_event() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let page = "(https://shop.example/cart)";
    let cases = [
        (
            "input.click",
            "interaction",
            json!({"selector": "button#pay", "label": "Pay now"}),
            format!("“Pay now”  button#pay  {page}"),
        ),
        (
            "page.lcp",
            "page",
            json!({"value_ms": 2600, "rating": "needs-improvement"}),
            format!("2.60 s · needs improvement  {page}"),
        ),
        (
            "page.csp_violation",
            "page",
            json!({"directive": "img-src", "blocked_url": "https://ads.example/x.png"}),
            format!("img-src blocked https://ads.example/x.png  {page}"),
        ),
        (
            "network.failed",
            "network",
            json!({"method": "POST", "error": "net::ERR_CONNECTION_REFUSED"}),
            "POST https://shop.example/cart  ERR_CONNECTION_REFUSED".to_owned(),
        ),
        (
            "console.exception",
            "console",
            json!({"text": "Uncaught TypeError: no items", "location": {
                "url": "https://shop.example/src/app.js?v=2", "line": 17, "column": 9,
            }}),
            format!("Uncaught TypeError: no items  app.js:17:9  {page}"),
        ),
    ];
    let mut lines = Vec::new();
    for (type_, category, data, _) in &cases {
        let seq = lines.len() as u64 + 1;
        let mut line: serde_json::Value = serde_json::from_str(&event(SESSION, seq, "")).unwrap();
        let event = &mut line["event"];
        (event["type"], event["category"], event["data"]) = (json!(type_), json!(category), data.clone());
        lines.push(line.to_string());
    }
    assert_eq!(process.deliver(SESSION, 1, 5, &lines).await.0, 200);
    let (_, text, _) = run(folder.path(), &["query"]);
    for (line, (type_, .., point)) in text.lines().skip(1).zip(&cases) {
        assert!(line.contains(type_) && line.ends_with(point), "{type_}: {line}");
    }
    assert_eq!(text.lines().count(), 1 + cases.len(), "{text}");
}

/// The answer to a hello of who has the token `x`.
async fn prove(headers: http::HeaderMap, body: String) -> String {
    let hello: serde_json::Value = serde_json::from_str(&body).unwrap();
    let nonce = hex::decode(hello["nonce"].as_str().unwrap()).unwrap();
    let key = tabtape_collector::auth::token_key("x");
    let hmac = tabtape_collector::auth::hello_hmac(&key, &nonce, headers["host"].to_str().unwrap());
    serde_json::json!({"hmac": hmac}).to_string()
}

/// Records that retention removed are reported.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tail_says_what_retention_took_from_it() {
    use axum::routing::{get, post};
    let page = r#"{"records":[],"store_id":"s","read_to":3}"#;
    let stream = "retry: 1000\n\nid: s:9\nevent: dropped\ndata: {\"count\":6,\"next\":\"s:9\"}\n\nid: s:10\ndata: {\"seq\":1}\n\n";
    let router = axum::Router::new()
        .route("/v1/events", get(move || async move { page }))
        .route("/v1/stream", get(move || async move { stream }))
        .route("/v1/hello", post(prove));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let mut tail = Following::start(&["tail", "--json", "--url", &url, "--token", "x"]);
    assert_eq!(tail.next(), r#"{"seq":1}"#);
    assert!(tail.end().contains("retention removed 6 records"));
}

/// On a terminal of its own, `--json` says the same without anything that the terminal obeys or does not show.
#[cfg(target_os = "linux")]
#[test]
fn json_on_a_terminal_hides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let _process = Process::start(folder.path());
    let note = "\u{9b}31m\u{7f}\u{85}\u{202e}evil\u{200b}\u{2066}\u{ad}\u{e0041}";
    let (status, piped, error) = run(folder.path(), &["mark", note, "--json"]);
    assert!(
        status == 0 && piped.contains(note),
        "a pipe gets the bytes as they are: {error}"
    );
    let record: serde_json::Value = serde_json::from_str(&piped).unwrap();
    for command in [
        "query --json", "tail --no-follow --json", "export --format ndjson",
    ] {
        let command = format!("{PROGRAM} {command} --data-dir {}", folder.path().display());
        let mut script = std::process::Command::new("script");
        script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
        script.stdin(std::process::Stdio::null());
        let (status, out, error) = finish(script);
        assert_eq!(status, 0, "{error}");
        let shown = out.trim_end_matches("\r\n");
        assert!(
            shown.is_ascii() && !shown.chars().any(char::is_control),
            "{command}: {shown:?}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(shown).unwrap(),
            record,
            "{command}"
        );
    }
}

/// `script` gives a command a terminal of its own.
#[cfg(target_os = "linux")]
#[test]
fn colour_is_for_terminals_that_want_it() {
    let folder = tempfile::tempdir().unwrap();
    let _process = Process::start(folder.path());
    run(folder.path(), &["mark", "seen"]);
    let command = format!("{PROGRAM} query --data-dir {}", folder.path().display());
    let on_terminal = |no_color: Option<&str>| {
        let mut script = std::process::Command::new("script");
        script
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .env_remove("NO_COLOR");
        script.stdin(std::process::Stdio::null());
        script.envs(no_color.map(|value| ("NO_COLOR", value)));
        let (status, out, error) = finish(script);
        assert!(status == 0 && out.contains("seen"), "{out:?} {error}");
        out.contains('\u{1b}')
    };
    assert!(on_terminal(None));
    assert!(!on_terminal(Some("1")));
    assert!(
        !run(folder.path(), &["query"]).1.contains('\u{1b}'),
        "nor through a pipe"
    );
}
