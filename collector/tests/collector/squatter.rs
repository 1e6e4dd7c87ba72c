//! A process that takes the port of a collector that crashed, records every byte that it is sent, and answers as well
//! as it can.

use crate::common::{Collector, SESSION, client, event, events};
use crate::program::*;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// The squatter. Its listener stays open until the test ends.
struct Squatter {
    seen: Arc<Mutex<Vec<u8>>>,
    /// `host:port` of a collector to which it passes on what it is sent.
    relay: Arc<Mutex<Option<String>>>,
}

impl Squatter {
    fn take(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let squatter = Self {
            seen: Arc::default(),
            relay: Arc::default(),
        };
        let (seen, relay) = (squatter.seen.clone(), squatter.relay.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, relay) = (seen.clone(), relay.clone());
                std::thread::spawn(move || answer(stream, &seen, &relay));
            }
        });
        squatter
    }

    fn take_seen(&self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut *self.seen.lock().unwrap())).into_owned()
    }
}

/// Answers every request of a connection.
fn answer(mut stream: TcpStream, seen: &Mutex<Vec<u8>>, relay: &Mutex<Option<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let mut line = Vec::new();
            match reader.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            seen.lock().unwrap().extend_from_slice(&line);
            head.push_str(&String::from_utf8_lossy(&line));
        }
        let lower = head.to_ascii_lowercase();
        let length = lower
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.lines().next());
        let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        seen.lock().unwrap().extend_from_slice(&body);
        let to = relay.lock().unwrap().clone();
        if let Some(to) = to {
            let Ok(mut onward) = TcpStream::connect(to) else {
                return;
            };
            let _ = onward.write_all(
                head.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n")
                    .as_bytes(),
            );
            let _ = onward.write_all(&body);
            let mut back = Vec::new();
            let _ = onward.read_to_end(&mut back);
            let _ = stream.write_all(&back);
            return;
        }
        let body = format!(
            r#"{{"hmac":"{}","store_id":"s","status":"ok","sessions":[],"records":[]}}"#,
            "0".repeat(64)
        );
        let response = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(response.as_bytes()).is_err() {
            return;
        }
    }
}

/// Every command that talks to a collector.
const COMMANDS: &[&[&str]] = &[
    &["tail", "--no-follow"],
    &["query", "secret-word"],
    &["sessions"],
    &["export", "--format", "ndjson", "secret-word"],
    &["mcp"],
    &["doctor"],
    &["recover", "damaged.db"],
    &["mark", "secret-word"],
    &["delete", "--yes", "site:secret-word.example"],
    &["coverage"],
    &["diagnose", "secret-word"],
    &["token", "create", "--scope", "read"],
    &["token", "list"],
    &["token", "rotate", "t_secret-word"],
    &["token", "revoke", "t_secret-word"],
    &["pair"],
    &["pair", "list"],
    &["pair", "rotate", "p_secret-word"],
    &["pair", "revoke", "p_secret-word"],
    &["viewer"],
];

/// Runs a command whose stdin holds one message of the Model Context Protocol; its exit status.
fn run_with_input(folder: &Path, args: &[&str]) -> i32 {
    let mut command = Command::new(PROGRAM);
    command
        .args(args)
        .arg("--data-dir")
        .arg(folder)
        .current_dir(folder);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let message = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"secret-word"}}"#;
    let mut input = child.stdin.take().unwrap();
    // A command that reads no input may have ended already.
    let _ = writeln!(input, "{message}");
    // The bridge ends soon after its input, answered or not: the answer is awaited first.
    let (mut output, mut answer) = (BufReader::new(child.stdout.take().unwrap()), String::new());
    let _ = output.read_line(&mut answer);
    drop(input);
    let _ = output.read_to_string(&mut answer);
    child.wait().unwrap().code().unwrap()
}

#[test]
fn the_list_of_commands_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let (_, help, _) = run(folder.path(), &["--help"]);
    let listed = help
        .split("Commands:")
        .nth(1)
        .unwrap()
        .split("Options:")
        .next()
        .unwrap();
    let named: BTreeSet<&str> = listed
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| !matches!(*name, "serve" | "completions" | "help"))
        .collect();
    assert_eq!(named, COMMANDS.iter().map(|command| command[0]).collect());
}

#[tokio::test]
async fn no_command_sends_a_token_or_a_word_to_a_program_that_took_the_port() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::open(folder.path()).await;
    assert_eq!(
        collector.deliver(SESSION, 1, 3, &events(SESSION, 1, 3)).await.0,
        200
    );
    collector.stop().await;
    std::fs::copy(folder.path().join("events.db"), folder.path().join("damaged.db")).unwrap();
    let process = Process::start(folder.path());
    let (url, token) = (process.url.clone(), process.token.clone());
    let address = url.trim_start_matches("http://").to_owned();
    process.kill();
    let squatter = Squatter::take(&address);
    let look = |how: &str, args: &[&str], status: i32| {
        let seen = squatter.take_seen();
        assert!(!seen.is_empty(), "{how} {args:?} asked no program");
        let lower = seen.to_ascii_lowercase();
        for secret in [token.as_str(), "authorization", "bearer", "secret-word"] {
            assert!(
                !lower.contains(&secret.to_ascii_lowercase()),
                "{how} {args:?} sent {secret}: {seen}"
            );
        }
        // A bridge stays and answers with errors.
        assert!(
            args[0] == "mcp" || status != 0,
            "{how} {args:?} trusted the squatter"
        );
    };
    for args in COMMANDS {
        look("the file's token", args, run_with_input(folder.path(), args));
    }
    let given = ["--url", url.as_str(), "--token", token.as_str()];
    for args in [&["sessions"][..], &["mcp"], &["tail", "--no-follow"]] {
        look(
            "a given token",
            args,
            run_with_input(folder.path(), &[args, &given].concat()),
        );
    }

    // The collector is back on another port, and the squatter passes on what it is sent: the proof is for the port that
    // was dialled.
    let again = Process::start(folder.path());
    *squatter.relay.lock().unwrap() = Some(again.url.trim_start_matches("http://").to_owned());
    for args in [["sessions", "--url", &url], ["viewer", "--url", &url]] {
        let status = run_with_input(folder.path(), &args);
        let seen = squatter.take_seen();
        assert!(
            status != 0 && !seen.contains(&again.token) && seen.contains("/v1/hello"),
            "{status} {seen}"
        );
    }
}

#[tokio::test]
async fn after_a_crash_the_local_token_is_another_and_commands_find_it() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let leaked = process.token.clone();
    process.kill();
    let again = Process::start(folder.path());
    assert_ne!(again.token, leaked);
    let asked = client()
        .get(format!("{}/v1/sessions", again.url))
        .bearer_auth(&leaked);
    assert_eq!(asked.send().await.unwrap().status(), 401);
    assert_eq!(
        again.deliver(SESSION, 1, 1, &[event(SESSION, 1, "x")]).await.0,
        200
    );
    let (status, shown, error) = run(folder.path(), &["query"]);
    assert!(status == 0 && shown.contains("console.log"), "{error}");
}
