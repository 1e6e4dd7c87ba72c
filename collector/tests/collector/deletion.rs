use crate::common::*;
use rusqlite::{OpenFlags, OptionalExtension as _};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tabtape_collector::auth::NewPairing;
use tabtape_collector::store::Retention;

async fn delete(collector: &Collector, token: &str, query: &str) -> (u16, Value) {
    let response = collector
        .http
        .delete(format!("{}/v1/events?{query}", collector.url))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Returns whether the index has forgotten all that was deleted.
fn is_forgotten(store: &Path) -> bool {
    let number = |file: &str, query: &str| -> Option<i64> {
        rusqlite::Connection::open_with_flags(store.join(file), OpenFlags::SQLITE_OPEN_READ_ONLY)
            .unwrap()
            .query_row(query, [], |row| row.get(0))
            .optional()
            .unwrap()
    };
    let deleted = number("events.db", "SELECT max(id) FROM unindex");
    number("index.db", "SELECT value FROM state WHERE key = 'forgotten'") >= deleted
}

#[tokio::test]
async fn what_is_deleted_is_gone_leaves_a_gap_and_never_comes_back() {
    let collector = Collector::start().await;
    let mut lines = events(SESSION, 1, 600);
    for line in &mut lines[99..300] {
        *line = line
            .replace("shop.example", "bank.example")
            .replace("number", "topsecretword")
            .replace("\"ts\":1764", "\"ts\":1765");
    }
    collector.deliver(SESSION, 1, 600, &lines).await;
    while collector.app.store.indexed_to() < 512 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (status, result) = delete(&collector, &collector.admin, "q=site:bank.example").await;
    assert_eq!((status, &result["deleted"]), (200, &201.into()));

    let stored = collector.lines(SESSION).await;
    assert_eq!(stored.len(), 400);
    assert_eq!(stored[99], gap(SESSION, 100, 300, "deleted"));
    assert_eq!(
        collector
            .get("/v1/events?q=topsecretword%20-category:console")
            .await
            .text()
            .await
            .unwrap(),
        ""
    );
    // The recorder sends it all again.
    let (_, receipt) = collector.deliver(SESSION, 1, 600, &lines).await;
    assert_eq!(
        (&receipt["accepted"], &receipt["acked_seq"]),
        (&0.into(), &600.into())
    );
    assert_eq!(collector.lines(SESSION).await, stored);
    let summary = collector.json(&format!("/v1/sessions/{SESSION}")).await;
    assert_eq!(
        (&summary["events"], &summary["gaps"]),
        (&399.into(), &json!({"deleted": 201}))
    );

    // Nor is it in any file: not in free pages, the log, or the index.
    let forgotten = async {
        while !is_forgotten(collector.path()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), forgotten)
        .await
        .unwrap();
    let folder = collector.stop().await.unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            memchr::memmem::find(&bytes, b"topsecretword").is_none(),
            "{}",
            file.display()
        );
    }
    let index = rusqlite::Connection::open(folder.path().join("index.db")).unwrap();
    for table in ["blocks", "block_groups"] {
        let latest = format!("SELECT max(max_ts) < 1765000000000000 FROM {table}");
        assert!(
            index.query_row(&latest, [], |row| row.get::<_, bool>(0)).unwrap(),
            "{table}"
        );
    }
}

#[tokio::test]
async fn a_recorder_forgets_only_what_it_delivered_and_others_nothing() {
    let collector = Collector::start().await;
    collector.deliver(SESSION, 1, 2, &events(SESSION, 1, 2)).await;
    let pair = |name, recorder| {
        collector
            .app
            .auth
            .create_pairing(Some(EXTENSION), name, recorder)
            .unwrap()
    };
    let (other, deliver_only) = (pair("other", true), pair("third", false));
    let forget = async |pairing: &NewPairing, query: &str| {
        let path = format!("/v1/events?{query}");
        collector
            .sealed(pairing, Some(EXTENSION), "DELETE", &path, Value::Null)
            .await
    };
    assert_eq!(forget(&other, "all=true").await.1["deleted"], 0);
    assert_eq!(forget(&deliver_only, "all=true").await.0, 403);
    for token in [&collector.read, &collector.ingest, &other.token] {
        assert_eq!(
            delete(&collector, token, "all=true").await.0,
            403,
            "a token alone"
        );
    }
    let own = collector.app.auth.local_pairing().unwrap();
    assert_eq!(forget(&own, "").await.1["code"], "invalid_parameter");
    assert_eq!(forget(&own, "q=site:shop.example").await.1["deleted"], 2);
}

#[tokio::test]
async fn a_stream_that_is_behind_is_not_shown_what_was_deleted() {
    let collector = Collector::start().await;
    collector.deliver(SESSION, 1, 3, &events(SESSION, 1, 3)).await;
    delete(&collector, &collector.admin, "q=%22number%202%22").await;
    let text = collector.get("/v1/events").await.text().await.unwrap();
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        [
            event(SESSION, 1, "number 1"),
            event(SESSION, 3, "number 3"),
            gap(SESSION, 2, 2, "deleted")
        ]
    );
}

#[tokio::test]
async fn retention_takes_the_oldest_and_keeps_the_ledger_true() {
    let collector = Collector::start().await;
    for batch in 0..20 {
        let (first, last) = (batch * 1000 + 1, batch * 1000 + 1000);
        collector
            .deliver(SESSION, first, last, &events(SESSION, first, last))
            .await;
    }
    let retention = Retention {
        max_bytes: 3 << 20,
        ..Retention::default()
    };
    let taken = collector.app.store.retain(retention).await.unwrap();
    assert!(taken > 1000, "{taken}");
    let stored = collector.lines(SESSION).await;
    assert_eq!(seq_of(&stored[0]), taken + 1);
    assert_eq!(stored.len() as u64, 20_000 - taken);
    let summary = collector.json(&format!("/v1/sessions/{SESSION}")).await;
    assert_eq!(
        (&summary["acked_seq"], &summary["pruned"]),
        (&20_000.into(), &taken.into())
    );
    assert_eq!(summary["events"], 20_000 - taken);
    // A removed record that is sent again is a duplicate.
    let (_, receipt) = collector.deliver(SESSION, 1, 10, &events(SESSION, 1, 10)).await;
    assert_eq!(
        (&receipt["accepted"], &receipt["duplicates"]),
        (&0.into(), &10.into())
    );
    // A second look has nothing to do.
    assert_eq!(collector.app.store.retain(retention).await.unwrap(), 0);
    let old = Retention {
        max_age: Duration::ZERO,
        ..Retention::default()
    };
    assert_eq!(collector.app.store.retain(old).await.unwrap(), 20_000 - taken);
    assert!(collector.lines(SESSION).await.is_empty());
}
