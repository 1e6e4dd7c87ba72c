//! The built program: killed, restarted, stopped, on a port that is taken.

use crate::common::*;
use crate::program::*;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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
        let url = format!(
            "{}/v1/batches?session={SESSION}&first_seq={first}&last_seq={last}",
            process.url
        );
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
    let text = http
        .get(format!("{}/v1/events?session={SESSION}", process.url))
        .bearer_auth(&process.token);
    let text = text.send().await.unwrap().text().await.unwrap();
    assert_eq!(text.lines().collect::<Vec<_>>(), events(SESSION, 1, TOTAL));
}

#[tokio::test]
async fn a_signal_ends_it_cleanly_and_its_tokens_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path());
    let http = client();
    let stream = http
        .get(format!("{}/v1/stream", process.url))
        .bearer_auth(&process.token)
        .send()
        .await
        .unwrap();
    let started = Instant::now();
    assert!(
        Command::new("kill")
            .args(["-TERM", &process.child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    assert!(process.child.wait().unwrap().success());
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "an open stream does not hold it up"
    );
    drop(stream);
    assert!(!folder.path().join("collector.json").exists());
    let wal = std::fs::metadata(folder.path().join("events.db-wal"));
    assert!(wal.is_err() || wal.unwrap().len() == 0, "checkpointed");
    let (token, ingest) = (process.token.clone(), process.ingest.clone());
    let again = Process::start(folder.path());
    assert_eq!((&again.token, &again.ingest), (&token, &ingest));
}

#[test]
fn it_listens_on_loopback_only_and_moves_on_from_a_taken_port() {
    let folder = tempfile::tempdir().unwrap();
    let (status, _, error) = run(folder.path(), &["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(status, 1);
    assert!(error.contains("loopback only"), "{error}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut child = Command::new(PROGRAM)
        .args([
            "serve",
            "--json",
            "--listen",
            &taken.local_addr().unwrap().to_string(),
            "--data-dir",
        ])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let announced: Value = serde_json::from_str(&line).unwrap();
    child.kill().unwrap();
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    child.wait().unwrap();
    assert_ne!(
        announced["url"],
        format!("http://{}", taken.local_addr().unwrap())
    );
    assert!(error.contains("is taken; using"), "{error}");
}

/// Starts a collector and closes the readers of its stdout and stderr, as `serve 2>&1 | head -1` does.
fn unread(folder: &Path) -> Process {
    let mut child = Command::new(PROGRAM)
        .args(["serve", "--json", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    drop(child.stderr.take());
    let running: Value =
        serde_json::from_slice(&std::fs::read(folder.join("collector.json")).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Process {
        child,
        url: text(&running["url"]),
        token: text(&running["token"]),
        ingest: text(&running["pairing"]["token"]),
    }
}

#[tokio::test]
async fn without_readers_of_its_output_it_works_and_each_signal_ends_it_cleanly() {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let folder = tempfile::tempdir().unwrap();
        let mut process = unread(folder.path());
        assert_eq!(
            process.deliver(SESSION, 1, 3, &events(SESSION, 1, 3)).await.0,
            200
        );
        // A deletion writes a line to the log.
        let delete = client().delete(format!("{}/v1/events?all=true", process.url));
        let deleted = delete.bearer_auth(&process.token).send().await.unwrap();
        assert_eq!(deleted.status(), 200, "{}", deleted.text().await.unwrap());
        let pid = process.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        let started = Instant::now();
        let status = loop {
            if let Some(status) = process.child.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "{signal} is ignored");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert!(status.success(), "{signal}: {status}");
        assert!(!folder.path().join("collector.json").exists(), "{signal}");
    }
}

#[test]
fn a_closed_pipe_is_an_exit_status_in_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let _process = Process::start(folder.path());
    for args in [
        &["completions", "bash"][..],
        &["sessions"],
        &["query", "--json"],
        &["query"],
        &["export", "--format", "har"],
        &["export", "--format", "markdown"],
        &["export", "--format", "otlp"],
        &["tail", "--no-follow"],
        &["coverage"],
        &["diagnose"],
        &["mark", "unread"],
        &["delete", "--all", "--yes"],
        &["viewer"],
        &["mcp"],
        &["token", "create", "--scope", "read"],
        &["pair"],
        &["recover", "missing.db"],
        &["--help"],
        &["doctor"],
        &["token", "list"],
        &["pair", "list"],
        &["nothing-of-this-name"],
    ] {
        let (stdout_reader, stdout) = std::io::pipe().unwrap();
        let (stderr_reader, stderr) = std::io::pipe().unwrap();
        drop((stdout_reader, stderr_reader));
        let mut command = Command::new(PROGRAM);
        command.args(args);
        if !["completions", "--help"].contains(&args[0]) {
            command.arg("--data-dir").arg(folder.path());
        }
        let status = command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .status()
            .unwrap();
        let status = status.code().expect("ended by no signal");
        assert!((0..=4).contains(&status), "{args:?} ended with {status}");
    }
}
