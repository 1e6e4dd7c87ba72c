//! Sealed requests as messages of a WebSocket.

use crate::common::*;
use crate::sealed::{batch, recorder};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, StatusCode};
use serde_json::Value;
use std::time::{Duration, Instant};
use tabtape_collector::app::Limits;
use tabtape_collector::auth::NewPairing;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

type Socket = WebSocketStream<TcpStream>;

/// Far longer than anything here takes; what ends only then has not ended.
const PATIENCE: Duration = Duration::from_secs(60);

async fn connect(collector: &Collector, pairing: &str, origin: &str) -> Result<Socket, Error> {
    let host = collector.address.to_string();
    let request = Request::get(format!("ws://{host}{}?pairing={pairing}", tabtape::sealed::PATH))
        .header("host", &host)
        .header("origin", origin)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", generate_key())
        .body(())
        .unwrap();
    let stream = TcpStream::connect(collector.address).await.unwrap();
    client_async(request, stream).await.map(|(socket, _)| socket)
}

async fn connected(collector: &Collector, pairing: &NewPairing) -> Socket {
    connect(collector, &pairing.pairing, EXTENSION).await.unwrap()
}

async fn next(socket: &mut Socket) -> Message {
    let message = tokio::time::timeout(PATIENCE, socket.next()).await;
    message.expect("an answer or an end").expect("a message").unwrap()
}

/// The code with which the collector closes.
async fn close_code(socket: &mut Socket) -> u16 {
    match next(socket).await {
        Message::Close(Some(frame)) => frame.code.into(),
        other => panic!("{other:?}"),
    }
}

fn sealed_batch(collector: &Collector, pairing: &NewPairing, seq: u64) -> (Seal, Vec<u8>) {
    let seal = Seal::new(pairing, &collector.address.to_string());
    let (path, body) = batch(seq);
    let request = seal.request("POST", &path, Some("application/x-ndjson"), &body);
    (seal, request)
}

/// Sends a batch and returns the status and body of the answer.
async fn deliver(collector: &Collector, socket: &mut Socket, pairing: &NewPairing, seq: u64) -> (u16, Value) {
    let (seal, request) = sealed_batch(collector, pairing, seq);
    socket.send(Message::Binary(request.into())).await.unwrap();
    match next(socket).await {
        Message::Binary(answer) => seal.open_bytes(&answer),
        other => panic!("no answer: {other:?}"),
    }
}

/// Sends a batch and returns what the collector has acknowledged.
async fn acked(collector: &Collector, socket: &mut Socket, pairing: &NewPairing, seq: u64) -> u64 {
    let (status, receipt) = deliver(collector, socket, pairing, seq).await;
    assert_eq!(status, 200, "{receipt}");
    receipt["acked_seq"].as_u64().unwrap()
}

#[tokio::test]
async fn each_message_is_a_request_and_is_answered_in_its_turn() {
    let collector = Collector::start().await;
    let pairing = recorder(&collector);
    let mut socket = connected(&collector, &pairing).await;
    for seq in 1..=3 {
        assert_eq!(acked(&collector, &mut socket, &pairing, seq).await, seq);
    }
    socket.send(Message::Ping("still there?".into())).await.unwrap();
    assert!(matches!(next(&mut socket).await, Message::Pong(_)));
    assert_eq!(acked(&collector, &mut socket, &pairing, 4).await, 4);
    assert_eq!(collector.lines(SESSION).await.len(), 4);
    let stored = collector.json(&format!("/v1/sessions/{SESSION}")).await;
    assert_eq!(stored["pairing"], pairing.pairing.as_str());
}

#[tokio::test]
async fn a_wrong_seal_closes_the_connection_with_its_status() {
    let collector = Collector::start().await;
    let pairing = recorder(&collector);
    let (_, whole) = sealed_batch(&collector, &pairing, 1);
    let mut changed = whole.clone();
    changed[40] ^= 1;
    let sent: [(Message, u16); 4] = [
        (Message::Binary(changed.into()), 4403),
        (Message::Binary(Vec::new().into()), 4403),
        (Message::Text("{}".into()), 1003),
        (Message::Binary(vec![0; 9 << 20].into()), 1006),
    ];
    for (message, expected) in sent {
        let mut socket = connected(&collector, &pairing).await;
        let length = message.len();
        // A message that is too long is not even read to its end.
        let sent = socket.send(message).await;
        let got = match tokio::time::timeout(PATIENCE, socket.next())
            .await
            .expect("an end")
        {
            Some(Ok(Message::Close(Some(frame)))) => frame.code.into(),
            Some(Err(_)) | None => 1006,
            other => panic!("{other:?}"),
        };
        assert!(sent.is_ok() || expected == 1006, "{sent:?}");
        assert_eq!(got, expected, "{length} bytes");
    }

    let mut socket = connected(&collector, &pairing).await;
    socket.send(Message::Binary(whole.clone().into())).await.unwrap();
    assert!(matches!(next(&mut socket).await, Message::Binary(_)));
    socket.send(Message::Binary(whole.into())).await.unwrap();
    assert_eq!(close_code(&mut socket).await, 4409, "it was carried out already");
    assert_eq!(collector.lines(SESSION).await.len(), 1);
}

#[tokio::test]
async fn a_connection_is_refused_as_a_request_would_be() {
    let collector = Collector::start().await;
    let pairing = recorder(&collector);
    let status = async |pairing: &str, origin: &str| match connect(&collector, pairing, origin).await {
        Err(Error::Http(response)) => response.status(),
        other => panic!("{other:?}"),
    };
    let own = pairing.pairing.as_str();
    assert_eq!(status(own, "https://evil.test").await, StatusCode::FORBIDDEN);
    assert_eq!(status("p_none", EXTENSION).await, StatusCode::FORBIDDEN);
    let plain = collector
        .get(&format!("{}?pairing={own}", tabtape::sealed::PATH))
        .await;
    assert_eq!(plain.status(), 400);
    assert_eq!(plain.json::<Value>().await.unwrap()["code"], "no_websocket");

    // The extension of another pairing connects, and what it asks for is refused.
    let mut socket = connect(&collector, own, OTHER_EXTENSION).await.unwrap();
    let (_, problem) = deliver(&collector, &mut socket, &pairing, 1).await;
    assert_eq!(problem["code"], "wrong_origin");
}

#[tokio::test]
async fn a_pairing_that_is_ended_ends_its_connection_at_the_next_request() {
    let collector = Collector::start().await;
    let pairing = recorder(&collector);
    let mut socket = connected(&collector, &pairing).await;
    assert_eq!(acked(&collector, &mut socket, &pairing, 1).await, 1);
    collector.app.auth.revoke_pairing(&pairing.pairing).unwrap();
    let (_, request) = sealed_batch(&collector, &pairing, 2);
    socket.send(Message::Binary(request.into())).await.unwrap();
    assert_eq!(close_code(&mut socket).await, 4403);
}

#[tokio::test]
async fn a_connection_without_requests_is_closed_also_if_it_pings() {
    let folder = tempfile::tempdir().unwrap();
    let short = Duration::from_millis(300);
    let limits = Limits {
        head_time: short,
        body_time: short,
        ..Limits::default()
    };
    let collector = Collector::open_with(folder.path(), limits).await;
    let pairing = recorder(&collector);
    for has_asked in [false, true] {
        let mut socket = connected(&collector, &pairing).await;
        if has_asked {
            assert_eq!(acked(&collector, &mut socket, &pairing, 1).await, 1);
        }
        let closed = async {
            loop {
                match tokio::time::timeout(short / 6, socket.next()).await {
                    Err(_) => drop(socket.send(Message::Ping("".into())).await),
                    Ok(Some(Ok(Message::Pong(_)))) => {}
                    Ok(Some(Ok(Message::Close(Some(frame))))) => return u16::from(frame.code),
                    Ok(other) => panic!("{other:?}"),
                }
            }
        };
        let code = tokio::time::timeout(PATIENCE, closed).await;
        assert_eq!(code.expect("an end"), 1000, "after a request: {has_asked}");
    }
}

/// A collector that stops closes what is open, and does not wait for its clients.
#[tokio::test]
async fn the_connections_of_a_collector_that_stops_are_closed() {
    let collector = Collector::start().await;
    let pairing = recorder(&collector);
    let mut open = connected(&collector, &pairing).await;
    let began = Instant::now();
    let (code, _) = tokio::join!(close_code(&mut open), collector.stop());
    assert_eq!(code, 1001);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_client_that_closes_is_answered() {
    let collector = Collector::start().await;
    let pairing = recorder(&collector);
    let mut socket = connected(&collector, &pairing).await;
    socket.close(None).await.unwrap();
    assert!(matches!(next(&mut socket).await, Message::Close(_)));
    let end = tokio::time::timeout(PATIENCE, socket.next()).await;
    assert!(end.expect("an end").is_none());
}

/// A connection counts among those that may be open until it is closed.
#[tokio::test]
async fn a_connection_holds_its_permit_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let collector = Collector::open_with(folder.path(), limits).await;
    let pairing = recorder(&collector);
    let mut socket = connected(&collector, &pairing).await;
    assert_eq!(acked(&collector, &mut socket, &pairing, 1).await, 1);
    // A refusal may come before the request has been sent.
    let is_served = async || {
        let answer = client().get(format!("{}/healthz", collector.url)).send().await;
        answer.is_ok_and(|answer| answer.status() == StatusCode::OK)
    };
    assert!(!is_served().await);
    assert_eq!(acked(&collector, &mut socket, &pairing, 2).await, 2);
    drop(socket);
    let served = async { while !is_served().await {} };
    let served = tokio::time::timeout(PATIENCE, served).await;
    served.expect("the permit is free again");
}
