use crate::common::*;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends bytes as they are and reads the answer to its end, or to what has come after `wait`.
async fn raw(collector: &Collector, bytes: &[u8], wait: Duration) -> String {
    let mut stream = TcpStream::connect(collector.address).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(wait, stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn is_alive(collector: &Collector) {
    assert_eq!(collector.get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn a_bomb_and_other_oversizes_are_refused_by_size() {
    let collector = Collector::start().await;
    let bomb = gzip(&vec![b' '; 300 << 20]);
    assert!(bomb.len() < 4 << 20);
    let (status, problem) = collector.deliver_bytes(SESSION, 1, 1, bomb, true).await;
    assert_eq!(
        (status, &problem["code"]),
        (413, &"body_too_large".into()),
        "{problem}"
    );
    let (status, problem) = collector
        .deliver_bytes(SESSION, 1, 1, vec![b' '; (8 << 20) + 1], false)
        .await;
    assert_eq!((status, &problem["code"]), (413, &"body_too_large".into()));
    let (status, problem) = collector
        .deliver_bytes(SESSION, 1, 1, vec![b'x'; 2 << 20], false)
        .await;
    assert_eq!(
        (status, &problem["code"], &problem["line"]),
        (413, &"record_too_large".into(), &1.into())
    );
    let (status, problem) = collector
        .deliver_bytes(SESSION, 1, 1, b"not gzip".to_vec(), true)
        .await;
    assert_eq!((status, &problem["code"]), (400, &"invalid_gzip".into()));
    is_alive(&collector).await;
}

#[tokio::test]
async fn types_and_encodings_it_does_not_know_are_named() {
    let collector = Collector::start().await;
    let url = format!(
        "{}/v1/batches?session={SESSION}&first_seq=1&last_seq=1",
        collector.url
    );
    for (name, value, code) in [
        ("content-type", "text/plain", "unsupported_type"),
        ("content-encoding", "br", "unsupported_encoding"),
    ] {
        let mut request = collector.http.post(&url).bearer_auth(&collector.ingest).body("x");
        if name != "content-type" {
            request = request.header("content-type", "application/x-ndjson");
        }
        let response = request.header(name, value).send().await.unwrap();
        assert_eq!(response.status(), 415);
        let problem: serde_json::Value = response.json().await.unwrap();
        assert_eq!(problem["code"], code);
    }
    for (method, path, status) in [
        ("PUT", "/v1/batches", 405),
        ("GET", "/v1/nothing", 404),
        ("POST", "/index.html", 405),
    ] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = collector
            .http
            .request(method, format!("{}{path}", collector.url))
            .bearer_auth(&collector.admin);
        let response = request.send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (status, &"application/problem+json".parse().unwrap()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_path_reaches_nothing_but_the_viewer() {
    let collector = Collector::start().await;
    let host = collector.address;
    for path in [
        "/../auth.json",
        "/%2e%2e/auth.json",
        "/..%2fauth.json",
        "//auth.json",
        "/v1/../../auth.json",
        "/auth.json",
        "/./collector.json",
        "/%00",
        "/\\..\\auth.json",
        "/%ff%fe",
        "/%c0%ae%c0%ae/auth.json",
        "/assets/../../auth.json",
        "/v1/sessions/..%2f..%2fauth.json",
        "/v1/sessions/%2e%2e",
        "/v1/openapi.json/../../auth.json",
    ] {
        let answer = raw(
            &collector,
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes(),
            Duration::from_secs(5),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 40"), "{path}: {answer}");
        assert!(!answer.contains("tt_admin"), "{path}");
    }
}

#[tokio::test]
async fn broken_requests_break_nothing() {
    let collector = Collector::start().await;
    let host = collector.address;
    let many_headers: String = (0..200).map(|n| format!("x-{n}: y\r\n")).collect();
    let huge_header = format!("x: {}\r\n", "y".repeat(200_000));
    let second = Duration::from_secs(1);
    for (request, starts) in [
        (
            format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
            "HTTP/1.1 40",
        ),
        (
            "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n".into(),
            "HTTP/1.1 40",
        ),
        (
            format!("GET http://evil.test/healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
            "HTTP/1.1 403",
        ),
        (
            format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n{many_headers}\r\n"),
            "HTTP/1.1 431",
        ),
        (
            format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n{huge_header}\r\n"),
            "HTTP/1.1 431",
        ),
        ("nonsense\r\n\r\n".into(), "HTTP/1.1 400"),
        ("\0\u{1}\u{2}".into(), "HTTP/1.1 400"),
    ] {
        let answer = raw(&collector, request.as_bytes(), second).await;
        assert!(answer.starts_with(starts), "{:.80}: {answer}", request);
    }
    is_alive(&collector).await;
}

#[tokio::test]
async fn a_connection_that_breaks_off_in_a_body_stores_nothing() {
    let collector = Collector::start().await;
    let line = event(SESSION, 1, "x");
    let head = format!(
        "POST /v1/batches?session={SESSION}&first_seq=1&last_seq=2 HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/x-ndjson\r\nContent-Length: 5000\r\n\r\n{line}\n",
        collector.address, collector.ingest
    );
    raw(&collector, head.as_bytes(), Duration::from_millis(200)).await;
    assert!(
        collector.lines(SESSION).await.is_empty(),
        "a body that broke off was never a batch"
    );
    is_alive(&collector).await;
}

#[tokio::test]
async fn nesting_as_deep_as_a_line_is_long_overflows_nothing() {
    let collector = Collector::start().await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let depth = 900_000 / (open.len() + close.len());
        let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        let line = event(SESSION, 1, "@").replace("{\"text\":\"@\"}", &deep);
        assert!(line.contains(&deep));
        let (status, problem) = collector.deliver(SESSION, 1, 1, &[line]).await;
        assert_eq!(
            (status, &problem["code"]),
            (400, &"invalid_record".into()),
            "{problem}"
        );
        let post = async |path: &str, token: &str| {
            let request = collector
                .http
                .post(format!("{}{path}", collector.url))
                .bearer_auth(token);
            let request = request
                .header("content-type", "application/json")
                .body(deep.clone());
            request
                .header("accept", "application/json, text/event-stream")
                .send()
                .await
                .unwrap()
                .status()
        };
        assert_eq!(post("/v1/events?producer=x", &collector.ingest).await, 400);
        assert_eq!(
            post("/v1/hello", &collector.ingest).await,
            413,
            "a nonce is short"
        );
        // Fields that it does not know are passed over, as OTLP wants it.
        assert!(!post("/v1/logs", &collector.ingest).await.is_server_error());
        assert!(post("/mcp", &collector.read).await.is_client_error());
        let q: String = form_urlencoded::byte_serialize(&deep.as_bytes()[..20_000]).collect();
        assert_eq!(collector.get(&format!("/v1/events?q={q}")).await.status(), 400);
    }
    is_alive(&collector).await;
}

#[tokio::test]
async fn one_bad_byte_of_utf8_spoils_its_line_alone() {
    let collector = Collector::start().await;
    let lines = events(SESSION, 1, 5);
    let mut body = (lines.join("\n") + "\n").into_bytes();
    let at = body.windows(8).position(|part| part == b"number 3").unwrap();
    body[at + 7] = 0xff;
    let (status, problem) = collector.deliver_bytes(SESSION, 1, 5, body, false).await;
    assert_eq!(
        (status, &problem["line"], &problem["acked_seq"]),
        (400, &3.into(), &2.into()),
        "{problem}"
    );
    assert!(problem["detail"].as_str().unwrap().contains("UTF-8"), "{problem}");
    assert_eq!(collector.lines(SESSION).await, lines[..2]);
}

/// One hostile string through every way out.
#[tokio::test]
async fn hostile_text_stays_text_in_json_ndjson_and_events() {
    let collector = Collector::start().await;
    let hostile = hostile();
    let line = event(SESSION, 1, &hostile);
    assert_eq!(
        collector
            .deliver(SESSION, 1, 1, std::slice::from_ref(&line))
            .await
            .0,
        200
    );
    assert_eq!(
        collector.get("/v1/events").await.text().await.unwrap(),
        format!("{line}\n")
    );
    let page = collector.json("/v1/events?format=json").await;
    assert_eq!(page["records"][0]["event"]["data"]["text"], hostile);
    let mut body = collector
        .http
        .get(format!("{}/v1/stream", collector.url))
        .bearer_auth(&collector.read)
        .send()
        .await
        .unwrap();
    let mut text = String::new();
    while !text.contains("\"data\":") {
        text.push_str(std::str::from_utf8(&body.chunk().await.unwrap().unwrap()).unwrap());
    }
    assert!(text.contains(&format!("\ndata: {line}\n\n")), "{text}");
    assert!(!text.contains("\ndata: forged"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_text_stays_text_in_a_terminal_and_in_every_export() {
    let collector = Collector::start().await;
    let hostile = hostile();
    let plain = event(SESSION, 1, &hostile);
    // A request to which everything that is named says the same.
    let mut request: Value = serde_json::from_str(&event(SESSION, 2, &hostile)).unwrap();
    request["event"]["type"] = "network.response".into();
    request["event"]["category"] = "network".into();
    request["event"]["source"]["metadata"]["request_id"] = "1".into();
    request["event"]["data"] = serde_json::json!({"method": hostile, "status": 200, "headers": [[hostile, hostile]], "body": hostile});
    assert_eq!(
        collector
            .deliver(SESSION, 1, 2, &[plain, request.to_string()])
            .await
            .0,
        200
    );

    let out = |args: &[&str]| {
        let mut command = std::process::Command::new(crate::program::PROGRAM);
        command
            .args(args)
            .args(["--url", &collector.url, "--token", &collector.read]);
        let (status, out, error) = crate::program::finish(command);
        assert_eq!(status, 0, "{args:?}: {error}");
        out
    };
    for command in [
        &["query"][..],
        &["tail", "--no-follow"],
        &["sessions"],
        &["coverage"],
    ] {
        let shown = out(command);
        assert!(!shown.is_empty() && is_harmless(&shown), "{command:?}: {shown:?}");
    }
    for format in ["ndjson", "har", "otlp"] {
        let text = out(&["export", "--format", format]);
        for line in text.lines() {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{format}: {error}: {line}"));
        }
        assert!(
            text.lines().count() <= 2,
            "{format}: a line ends where a record does"
        );
    }
    let report = out(&["export", "--format", "markdown"]);
    assert!(is_harmless(&report), "{report:?}");
    assert!(
        out(&["export", "--format", "ndjson"]).contains("data: forged"),
        "it is in there"
    );
}
