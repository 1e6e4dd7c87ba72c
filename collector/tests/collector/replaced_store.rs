//! The store's file is deleted or replaced under a running collector: no receipt for what is not there.

use crate::common::*;
use crate::program::*;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// A collector opens its store again within a few seconds; a loaded machine gets more.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Sends what `request` builds, once more if the collector hung up without reading it: it closes connections
/// that carry no request while it opens the store again. A collector that ended refuses the second attempt.
async fn send(request: impl Fn() -> reqwest::RequestBuilder) -> Value {
    let response = match request().send().await {
        Err(error) if error.is_request() && !error.is_connect() => request().send().await,
        other => other,
    };
    let response = response.unwrap();
    let status = response.status().as_u16();
    json!({"status": status, "body": response.json::<Value>().await.unwrap()})
}

/// Publishes one event, and returns the status and the problem's code.
async fn publish(process: &Process, number: u64) -> (u16, String) {
    let body = json!({"type": "app.step", "category": "app", "source": {"kind": "local_process"}, "data": {"number": number}}).to_string() + "\n";
    let request = || {
        let request = client()
            .post(format!("{}/v1/events?producer=test", process.url))
            .bearer_auth(&process.token);
        request
            .header("content-type", "application/x-ndjson")
            .body(body.clone())
    };
    let answer = send(request).await;
    let code = answer["body"]["code"].as_str().unwrap_or_default().to_owned();
    (answer["status"].as_u64().unwrap() as u16, code)
}

pub async fn health(process: &Process) -> Value {
    let url = format!("{}/healthz", process.url);
    send(|| client().get(&url).bearer_auth(&process.token)).await["body"].take()
}

/// Numbers of all published events that are stored.
pub async fn stored(process: &Process) -> Vec<u64> {
    let text = process
        .get("/v1/events?q=type:app.step")
        .await
        .text()
        .await
        .unwrap();
    let number =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["event"]["data"]["number"].as_u64();
    text.lines().filter_map(number).collect()
}

/// Publishes from `number` on until something is acknowledged by a store that is open again; returns the
/// numbers that were acknowledged.
pub async fn publish_until_reopened(process: &Process, mut number: u64) -> Vec<u64> {
    let (mut acked, started) = (Vec::new(), Instant::now());
    loop {
        assert!(started.elapsed() < PATIENCE, "{}", health(process).await);
        let was_reopened = health(process).await["store_notice"].is_string();
        match publish(process, number).await {
            (200, _) => acked.push(number),
            (503, code) => assert!(["store_replaced", "shutting_down"].contains(&&*code), "{code}"),
            other => panic!("{other:?}"),
        }
        if was_reopened && acked.last() == Some(&number) {
            return acked;
        }
        number += 1;
    }
}

pub fn doctor(folder: &Path) -> String {
    run(folder, &["doctor", "--listen", "127.0.0.1:1"]).1
}

#[tokio::test]
async fn after_events_db_is_deleted_every_acknowledged_event_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let before = health(&process).await;
    assert_eq!(
        (publish(&process, 1).await.0, &before["status"]),
        (200, &json!("ok"))
    );
    std::fs::remove_file(folder.path().join("events.db")).unwrap();
    let acked = publish_until_reopened(&process, 2).await;

    let after = health(&process).await;
    assert_ne!(after["store_id"], before["store_id"], "recorders rewind");
    assert!(
        after["store_notice"]
            .as_str()
            .unwrap()
            .contains("events.db was deleted"),
        "{after}"
    );
    assert!(doctor(folder.path()).contains("events.db was deleted or replaced"));
    assert_eq!(stored(&process).await, acked);
    // The receipt corrects a recorder that has 1 to 3 as acknowledged, and its token is still valid.
    assert_eq!(
        process.deliver(SESSION, 1, 3, &events(SESSION, 1, 3)).await.0,
        200
    );
    process.kill();
    let again = Process::start(folder.path());
    assert_eq!(stored(&again).await, acked);
    assert_eq!(again.lines(SESSION).await, events(SESSION, 1, 3));
    assert!(health(&again).await["store_notice"].is_null());
}

#[tokio::test]
async fn a_copy_in_the_place_of_events_db_is_opened_whole_and_as_another_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let collector = Collector::open(folder.path()).await;
    assert_eq!(
        collector
            .deliver(SESSION, 1, 100, &events(SESSION, 1, 100))
            .await
            .0,
        200
    );
    collector.stop().await;
    let copy = folder.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();

    let process = Process::start(folder.path());
    let before = health(&process).await["store_id"].clone();
    assert_eq!(
        process
            .deliver(SESSION, 101, 900, &events(SESSION, 101, 900))
            .await
            .0,
        200
    );
    std::fs::rename(&copy, &path).unwrap();
    let acked = publish_until_reopened(&process, 1).await;
    assert_ne!(health(&process).await["store_id"], before);
    process.kill();
    let again = Process::start(folder.path());
    assert_eq!(again.lines(SESSION).await, events(SESSION, 1, 100));
    assert_eq!(stored(&again).await, acked);
    let connection = rusqlite::Connection::open(&path).unwrap();
    let whole: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(whole, "ok");
}

#[tokio::test]
async fn nothing_is_lost_with_a_deleted_write_ahead_log() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let before = health(&process).await["store_id"].clone();
    assert_eq!(publish(&process, 1).await.0, 200);
    std::fs::remove_file(folder.path().join("events.db-wal")).unwrap();
    let mut acked = vec![1];
    acked.extend(publish_until_reopened(&process, 2).await);
    assert_eq!(health(&process).await["store_id"], before);
    process.kill();
    let again = Process::start(folder.path());
    let stored = stored(&again).await;
    assert!(
        acked.iter().all(|number| stored.contains(number)),
        "{acked:?} {stored:?}"
    );
}

#[tokio::test]
async fn an_idle_collector_opens_a_deleted_store_again() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let before = health(&process).await["store_id"].clone();
    for name in ["events.db", "events.db-wal", "events.db-shm", "index.db"] {
        std::fs::remove_file(folder.path().join(name)).unwrap();
    }
    let started = Instant::now();
    while health(&process).await["store_id"] == before {
        assert!(started.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(health(&process).await["status"], "ok");
    let running: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("collector.json")).unwrap()).unwrap();
    assert_eq!(running["store_id"], health(&process).await["store_id"]);
}
