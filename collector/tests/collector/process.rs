//! The built program: killed, restarted, started twice, on folders it cannot use.

use crate::common::*;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tabtape");

struct Process {
    child: Child,
    url: String,
    token: String,
    ingest: String,
}

impl Process {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let announced: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("not started: {line:?}"));
        let running: Value =
            serde_json::from_slice(&std::fs::read(folder.join("collector.json")).unwrap()).unwrap();
        assert_eq!(announced["url"], running["url"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            child,
            url: text(&running["url"]),
            token: text(&running["token"]),
            ingest: text(&running["pairing"]["token"]),
        }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end: exit status, stdout, stderr.
fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(PROGRAM).args(args).arg("--data-dir").arg(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A recorder that delivers until everything is acknowledged, through any number of deaths.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_during_ingest_everything_is_stored_once() {
    const TOTAL: u64 = 6000;
    let folder = tempfile::tempdir().unwrap();
    let http = client();
    let (mut acked, mut sent_to, mut deaths, mut duplicates) = (0, 0, 0, 0);
    let mut process = Process::start(folder.path());
    while acked < TOTAL {
        let (first, last) = (acked + 1, (acked + 150).min(TOTAL));
        let url = format!("{}/v1/batches?session={SESSION}&first_seq={first}&last_seq={last}", process.url);
        let body = events(SESSION, first, last).join("\n") + "\n";
        let request = http
            .post(url)
            .bearer_auth(&process.ingest)
            .header("content-type", "application/x-ndjson")
            .body(body);
        let sending = tokio::spawn(async move { request.send().await?.json::<Value>().await });
        sent_to = last.max(sent_to);
        // A death at a moment that moves with each round.
        if deaths < 12 && acked / 450 >= deaths {
            tokio::time::sleep(Duration::from_micros(700 * (deaths + 1))).await;
            process.kill();
            deaths += 1;
            if let Ok(Ok(receipt)) = sending.await {
                acked = receipt["acked_seq"].as_u64().unwrap();
            }
            process = Process::start(folder.path());
            continue;
        }
        let receipt = sending.await.unwrap().unwrap();
        duplicates += receipt["duplicates"].as_u64().unwrap();
        let now = receipt["acked_seq"].as_u64().unwrap();
        assert!(now >= acked, "acked_seq never falls: {now} after {acked}");
        acked = now;
    }
    assert_eq!(deaths, 12);
    println!("{duplicates} records were sent again after a death that came after their commit");
    let text = http.get(format!("{}/v1/events?session={SESSION}", process.url)).bearer_auth(&process.token);
    let text = text.send().await.unwrap().text().await.unwrap();
    assert_eq!(text.lines().collect::<Vec<_>>(), events(SESSION, 1, TOTAL));
}

#[tokio::test]
async fn a_signal_ends_it_cleanly_and_its_tokens_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path());
    let http = client();
    let stream =
        http.get(format!("{}/v1/stream", process.url)).bearer_auth(&process.token).send().await.unwrap();
    let started = Instant::now();
    assert!(
        Command::new("kill").args(["-TERM", &process.child.id().to_string()]).status().unwrap().success()
    );
    assert!(process.child.wait().unwrap().success());
    assert!(started.elapsed() < Duration::from_secs(4), "an open stream does not hold it up");
    drop(stream);
    assert!(!folder.path().join("collector.json").exists());
    let wal = std::fs::metadata(folder.path().join("events.db-wal"));
    assert!(wal.is_err() || wal.unwrap().len() == 0, "checkpointed");
    let (token, ingest) = (process.token.clone(), process.ingest.clone());
    let again = Process::start(folder.path());
    assert_eq!((&again.token, &again.ingest), (&token, &ingest));
}

#[test]
fn a_second_collector_on_a_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Process::start(folder.path());
    let (status, _, error) = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(status, 1);
    assert!(error.contains("is in use by another collector"), "{error}");
}

#[test]
fn a_folder_or_store_it_cannot_use_is_named() {
    let serve = |folder: &Path| run(folder, &["serve", "--listen", "127.0.0.1:0"]);
    let (status, _, error) = serve(Path::new("/proc/nothing"));
    assert_eq!(status, 1);
    assert!(error.contains("/proc/nothing cannot be used"), "{error}");

    let newer = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(newer.path().join("events.db")).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    drop(connection);
    let (_, _, error) = serve(newer.path());
    assert!(error.contains("schema 999, this tabtape knows up to"), "{error}");

    let garbage = tempfile::tempdir().unwrap();
    std::fs::write(garbage.path().join("events.db"), vec![7; 100_000]).unwrap();
    let (_, _, error) = serve(garbage.path());
    assert!(error.contains("the store is damaged"), "{error}");

    let auth = tempfile::tempdir().unwrap();
    std::fs::write(auth.path().join("auth.json"), "{").unwrap();
    let (_, _, error) = serve(auth.path());
    assert!(error.contains("auth.json: is not what tabtape wrote"), "{error}");
}

#[tokio::test]
async fn a_store_cut_off_in_a_page_is_found_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::open(folder.path()).await;
    for batch in 0..10 {
        let (first, last) = (batch * 500 + 1, batch * 500 + 500);
        collector.deliver(SESSION, first, last, &events(SESSION, first, last)).await;
    }
    collector.stop().await;
    let path = folder.path().join("events.db");
    let length = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length / 2 + 1000).unwrap();
    let (status, _, error) = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(status, 1);
    assert!(error.contains("the store is damaged") && error.contains("move events.db away"), "{error}");
    // As it says: a new store beside the damaged one, with the same tokens.
    std::fs::rename(&path, folder.path().join("damaged.db")).unwrap();
    let again = Process::start(folder.path());
    assert_eq!(
        client()
            .get(format!("{}/v1/sessions", again.url))
            .bearer_auth(&again.token)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[test]
fn it_listens_on_loopback_only_and_moves_on_from_a_taken_port() {
    let folder = tempfile::tempdir().unwrap();
    let (status, _, error) = run(folder.path(), &["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(status, 1);
    assert!(error.contains("loopback only"), "{error}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["serve", "--json", "--listen", &taken.local_addr().unwrap().to_string(), "--data-dir"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let announced: Value = serde_json::from_str(&line).unwrap();
    child.kill().unwrap();
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    child.wait().unwrap();
    assert_ne!(announced["url"], format!("http://{}", taken.local_addr().unwrap()));
    assert!(error.contains("is taken; using"), "{error}");
}

#[test]
fn commands_find_the_collector_and_say_when_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let (status, _, error) = run(folder.path(), &["tail", "--no-follow"]);
    assert_eq!(status, 3, "{error}");
    assert!(error.contains("start one with `tabtape serve`"), "{error}");

    let _process = Process::start(folder.path());
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(folder.path().join("collector.json")).unwrap().permissions(),
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
    let (status, script, _) = run(folder.path(), &["completions", "bash"]);
    assert!(status == 0 && script.contains("tabtape"));
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
    assert!(otlp.contains("resourceLogs") && otlp.contains("system.mark"), "{otlp}");
    let zip = folder.path().join("bug.zip");
    let (status, ..) = run(folder.path(), &["export", "--format", "bundle", "-o", zip.to_str().unwrap()]);
    assert_eq!(status, 0);
    let mut bundle = zip::ZipArchive::new(std::fs::File::open(&zip).unwrap()).unwrap();
    let mut events = String::new();
    bundle.by_name("events.ndjson").unwrap().read_to_string(&mut events).unwrap();
    assert_eq!(events, stored);
    let (_, deleted, _) = run(folder.path(), &["delete", "type:system.mark"]);
    assert_eq!(deleted, "1 events deleted\n");
}
