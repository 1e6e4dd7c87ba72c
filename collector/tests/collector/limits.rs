//! Clients that take too much: connections, time, bytes without an end.

use crate::common::*;
use crate::program::Process;
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use std::time::Duration;
use tabtape_collector::app::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Far longer than anything here takes; what ends only then has not ended.
const PATIENCE: Duration = Duration::from_secs(60);

async fn hasty(folder: &tempfile::TempDir) -> Collector {
    let short = Duration::from_millis(300);
    Collector::open_with(
        folder.path(),
        Limits {
            head_time: short,
            body_time: short,
            ..Limits::default()
        },
    )
    .await
}

/// Returns the bytes that arrived until the other side closed, cleanly or by a reset.
async fn to_the_end(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "the connection was never ended");
    String::from_utf8_lossy(&answer).into_owned()
}

fn problem(answer: &str) -> Value {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let head = head.to_ascii_lowercase();
    assert!(head.contains("content-type: application/problem+json"), "{head}");
    if let Some(length) = head.split("content-length: ").nth(1) {
        assert_eq!(length.lines().next().unwrap(), body.len().to_string(), "{answer}");
    }
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
}

/// Ten thousand connections at once: as many as fit are kept until their time is over, the others are
/// refused with a reason; an earlier stream continues; later connections are served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections_leave_room_for_those_who_come_later() {
    const FLOOD: usize = 10_000;
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    assert!(
        files > 11_000,
        "this needs 11,000 open files; raise the hard limit (`ulimit -Hn`) above {files}"
    );
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path());
    let mut before = process.get("/v1/stream").await.bytes_stream();
    before.next().await.unwrap().unwrap();

    let address = process.url.trim_start_matches("http://").to_owned();
    let flood: Vec<TcpStream> = stream::iter(0..FLOOD)
        .map(async |_| {
            let mut stream = TcpStream::connect(address.as_str()).await.unwrap();
            // One that says nothing may wait for a system that has forgotten it.
            stream.write_all(b"G").await.unwrap();
            stream
        })
        .buffer_unordered(256)
        .collect()
        .await;
    let ends = stream::iter(flood).map(|mut stream| async move { to_the_end(&mut stream).await });
    let answers: Vec<String> = ends.buffer_unordered(FLOOD).collect().await;
    assert_eq!(answers.len(), FLOOD);
    let refused: Vec<&String> = answers
        .iter()
        .filter(|answer| answer.starts_with("HTTP/1.1 503 "))
        .collect();
    assert!(!refused.is_empty(), "none was refused with a reason");
    assert_eq!(problem(refused[0])["code"], "too_many_connections");
    assert!(refused[0].contains("retry-after: 1"), "{}", refused[0]);

    assert_eq!(
        process.deliver(SESSION, 1, 1, &events(SESSION, 1, 1)).await.0,
        200
    );
    let metrics = process.get("/metrics").await.text().await.unwrap();
    let refused = metrics
        .lines()
        .find_map(|line| line.strip_prefix("tabtape_connections_refused_total "));
    let refused: usize = refused.unwrap().parse().unwrap();
    // On a busy machine the first have been cut off before the last came.
    assert!((1..FLOOD).contains(&refused), "{refused}");
    let mut seen = String::new();
    while !seen.contains("number 1") {
        let chunk = tokio::time::timeout(PATIENCE, before.next())
            .await
            .expect("the stream continues");
        seen.push_str(std::str::from_utf8(&chunk.expect("the stream continues").unwrap()).unwrap());
    }
    assert!(process.is_alive());
}

#[tokio::test]
async fn a_full_house_tells_also_those_who_have_already_asked() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let collector = Collector::open_with(folder.path(), limits).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(TcpStream::connect(collector.address).await.unwrap());
    }
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", collector.address);
    loop {
        // The two are accepted in their turn, before this one or after.
        let mut stream = TcpStream::connect(collector.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        if &first == b"HTTP/1.1 503" {
            let rest = to_the_end(&mut stream).await;
            assert_eq!(
                problem(&format!("HTTP/1.1 503{rest}"))["code"],
                "too_many_connections"
            );
            break;
        }
    }
    drop(held);
    // Room again, as soon as their end has been seen.
    while collector
        .http
        .get(format!("{}/healthz", collector.url))
        .send()
        .await
        .unwrap()
        .status()
        != 200
    {}
}

#[tokio::test]
async fn who_never_finishes_a_head_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let collector = hasty(&folder).await;
    for begun in [
        "",
        "G",
        "GET /healthz HTTP/1.1\r\nHo",
        "POST /v1/batches HTTP/1.1\r\nHost: x\r\n",
    ] {
        let mut stream = TcpStream::connect(collector.address).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        to_the_end(&mut stream).await;
    }
    // A little now and then does not buy more time.
    let (mut read, mut write) = TcpStream::connect(collector.address).await.unwrap().into_split();
    let dripping = tokio::spawn(async move {
        let mut drops = b"GET /healthz HTTP/1.1\r\nx: "
            .iter()
            .chain(std::iter::repeat(&b'y'));
        while write.write_all(&[*drops.next().unwrap()]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let _ = tokio::time::timeout(PATIENCE, read.read_to_end(&mut Vec::new()))
        .await
        .expect("it is cut off");
    dripping.await.unwrap();
    assert_eq!(collector.get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn a_body_that_drips_is_refused_wherever_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let collector = hasty(&folder).await;
    let line = event(SESSION, 1, "x");
    for (path, content_type, token) in [
        (
            format!("/v1/batches?session={SESSION}&first_seq=1&last_seq=1"),
            "application/x-ndjson",
            &collector.ingest,
        ),
        (
            "/v1/events?producer=x".into(),
            "application/x-ndjson",
            &collector.ingest,
        ),
        ("/v1/logs".into(), "application/json", &collector.ingest),
        ("/v1/hello".into(), "application/json", &collector.ingest),
        ("/v1/pair".into(), "application/json", &collector.ingest),
        ("/v1/viewer/session".into(), "application/json", &collector.ingest),
        ("/v1/tokens".into(), "application/json", &collector.admin),
        ("/mcp".into(), "application/json", &collector.read),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nContent-Type: {content_type}\r\n\
             Accept: application/json, text/event-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            collector.address,
            line.len()
        );
        let (mut read, mut write) = TcpStream::connect(collector.address).await.unwrap().into_split();
        write.write_all(head.as_bytes()).await.unwrap();
        let line = line.clone();
        let dripping = tokio::spawn(async move {
            for byte in &line.as_bytes()[..line.len() - 1] {
                if write.write_all(&[*byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            std::future::pending::<()>().await; // and never the last
        });
        let mut answer = Vec::new();
        // The end may come as a reset, for what was still dripping; the answer is there by then.
        let _ = tokio::time::timeout(PATIENCE, read.read_to_end(&mut answer))
            .await
            .expect("it is cut off");
        dripping.abort();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408"), "{path}: {answer}");
        assert_eq!(problem(&answer)["code"], "slow_body", "{path}");
    }
    assert!(collector.lines(SESSION).await.is_empty());
}

#[tokio::test]
async fn a_body_or_line_without_an_end_is_refused_where_it_gets_too_long() {
    let collector = Collector::start().await;
    for (path, content_type, token) in [
        (
            format!("/v1/batches?session={SESSION}&first_seq=1&last_seq=1"),
            "application/x-ndjson",
            &collector.ingest,
        ),
        (
            "/v1/events?producer=x".into(),
            "application/x-ndjson",
            &collector.ingest,
        ),
        ("/mcp".into(), "application/json", &collector.read),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nContent-Type: {content_type}\r\n\
             Accept: application/json, text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
            collector.address
        );
        let (mut read, mut write) = TcpStream::connect(collector.address).await.unwrap().into_split();
        write.write_all(head.as_bytes()).await.unwrap();
        let pouring = tokio::spawn(async move {
            let chunk = [b"10000\r\n".to_vec(), vec![b'x'; 0x10000], b"\r\n".to_vec()].concat();
            while write.write_all(&chunk).await.is_ok() {}
        });
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains('}') {
            let mut some = [0; 4096];
            let read = tokio::time::timeout(PATIENCE, read.read(&mut some))
                .await
                .expect("an answer")
                .unwrap();
            assert!(read > 0, "{path}: it ended before it answered");
            answer.extend_from_slice(&some[..read]);
        }
        pouring.abort();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 413"), "{path}: {answer}");
        assert_eq!(problem(&answer)["code"], "body_too_large", "{path}");
    }
    assert_eq!(collector.get("/healthz").await.status(), 200);
}

/// The most memory that a process has had, in bytes.
#[cfg(target_os = "linux")]
fn peak_memory(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Bodies of some kilobytes that unpack to more than is taken, and to just as much as is taken, all at once.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_bombs_at_once_stay_within_a_bound_of_memory() {
    const UNPACKED_AT_ONCE: u64 = 64 << 20;
    let folder = tempfile::tempdir().unwrap();
    let mut serve = std::process::Command::new(crate::program::PROGRAM);
    serve
        .args(["serve", "--json", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path());
    // One arena: memory that glibc keeps for each thread is not measured.
    serve.env("MALLOC_ARENA_MAX", "1");
    let mut process = Process::launch(serve, |_| folder.path().to_owned());
    assert_eq!(
        process.deliver(SESSION, 1, 1, &events(SESSION, 1, 1)).await.0,
        200
    );
    let before = peak_memory(&process);
    let line = event(OTHER, 1, "first") + "\n";
    // The second line is too long: what is unpacked is read to the end, and refused.
    let allowed = gzip(&[line.as_bytes(), &vec![b'x'; (16 << 20) - line.len()]].concat());
    let too_large = gzip(&vec![b'x'; 100 << 20]);
    let http = client();
    let mut open = tokio::task::JoinSet::new();
    for number in 0..40 {
        let body = if number % 2 == 0 { &allowed } else { &too_large };
        let url = format!(
            "{}/v1/batches?session={OTHER}&first_seq=1&last_seq=2",
            process.url
        );
        let request = http.post(url).bearer_auth(&process.ingest).body(body.clone());
        let request = request
            .header("content-type", "application/x-ndjson")
            .header("content-encoding", "gzip");
        open.spawn(async move { assert_eq!(request.send().await.unwrap().status(), 413) });
    }
    while let Some(done) = open.join_next().await {
        done.unwrap();
    }
    let grown = peak_memory(&process) - before;
    assert!(grown < 2 * UNPACKED_AT_ONCE, "{} MiB", grown >> 20);
    assert!(process.is_alive());
    assert_eq!(
        process.lines(OTHER).await,
        [event(OTHER, 1, "first")],
        "the good line before is kept"
    );
}
