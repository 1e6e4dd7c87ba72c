//! Stores of every earlier schema, opened by this program. Each has the form that programs of that schema wrote.

use super::schema;
use crate::store::tests::{batch, stored};
use crate::store::{Order, PageQuery, Store, StoreError};
use rusqlite::Connection;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use tabtape::selector::Selector;

const SESSION: &str = "0193b3a0-7c1e-7000-8000-0123456789ab";
const HOLED: &str = "0193b3a0-7c1e-7000-8000-ba9876543210";

/// The files of earlier schemas, by number. All of them contain the same records.
const EARLIER: &[(i64, &str)] = &[
    (1, include_str!("../../../tests/fixtures/schema-1.sql")),
    (2, include_str!("../../../tests/fixtures/schema-2.sql")),
];

fn lay(folder: &Path, sql: &str) {
    let connection = Connection::open(folder.join("events.db")).unwrap();
    connection.execute_batch(sql).unwrap();
}

fn version(folder: &Path) -> i64 {
    let connection = Connection::open(folder.join("events.db")).unwrap();
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}

/// Returns the lines of the store of schema 1, which are not compressed.
fn lines_of_schema_1() -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    lay(folder.path(), EARLIER[0].1);
    let connection = Connection::open(folder.path().join("events.db")).unwrap();
    let mut lines = connection
        .prepare("SELECT CAST(line AS TEXT) FROM events ORDER BY position")
        .unwrap();
    lines
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

/// Returns the first byte of each line of the first session, as it is stored.
fn first_bytes(folder: &Path, seqs: RangeInclusive<u64>) -> Vec<u8> {
    let connection = Connection::open(folder.join("events.db")).unwrap();
    let mut lines = connection
        .prepare("SELECT line FROM events WHERE session = 1 AND seq BETWEEN ?1 AND ?2 ORDER BY seq")
        .unwrap();
    let first = |row: &rusqlite::Row<'_>| Ok(row.get_ref(0)?.as_blob().unwrap()[0]);
    lines
        .query_map([*seqs.start() as i64, *seqs.end() as i64], first)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

#[test]
fn there_is_a_store_of_every_earlier_schema() {
    let numbers: Vec<i64> = EARLIER.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..schema::VERSION).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_an_earlier_schema_keeps_everything_and_accepts_more() {
    let before = lines_of_schema_1();
    assert_eq!(before.len(), 23);
    for (number, sql) in EARLIER {
        let folder = tempfile::tempdir().unwrap();
        lay(folder.path(), sql);
        assert_eq!(version(folder.path()), *number);

        let store = Store::open(folder.path()).unwrap();
        let gaps = |lines: &[String]| lines.iter().filter(|line| line.contains("\"gap\":")).count();
        let lines = stored(&store).await;
        assert_eq!(gaps(&lines), 2, "what was lost and what was deleted");
        let events: Vec<&String> = lines.iter().filter(|line| !line.contains("\"gap\":")).collect();
        assert_eq!(
            events,
            before.iter().collect::<Vec<_>>(),
            "byte for byte, in order"
        );

        // The ledger with its missing seq: a repeat is a duplicate, and deleted records stay deleted.
        let sessions = store.sessions().await.unwrap();
        let acked = |session: &str| {
            sessions
                .iter()
                .find(|known| known.session == session)
                .unwrap()
                .acked_seq
        };
        assert_eq!((acked(SESSION), acked(HOLED)), (25, 0));
        let mut again = batch(10, 10, "back again");
        let receipt = store
            .ingest(batch(26, 30, &"written by this program and packed ".repeat(12)))
            .await
            .unwrap();
        assert_eq!((receipt.accepted, receipt.acked_seq), (5, 30));
        let receipt = store
            .ingest(std::mem::replace(&mut again, batch(2, 2, "other bytes")))
            .await
            .unwrap();
        assert_eq!((receipt.accepted, receipt.duplicates), (0, 1));
        assert_eq!(store.ingest(again).await.unwrap().conflict.unwrap().seq, 2);

        // Old and new are found alike.
        for (q, count) in [
            ("Größe", 1),
            ("status:404", 1),
            ("balance", 0),
            ("packed", 5),
            ("type:system.session_started", 1),
            ("category:console", 25),
        ] {
            let selector = Arc::new(Selector::parse(q, 0).unwrap());
            let query = PageQuery::new(Order::Position, Some(selector), 1000);
            let found = store.page(query).await.unwrap().records;
            assert_eq!(found.iter().filter(|record| !record.is_gap).count(), count, "{q}");
        }
        store.close().await;
        drop(store);
        assert_eq!(version(folder.path()), schema::VERSION);
        // Old lines have the form that they had; new ones are packed.
        let of_old = if *number == 1 { b'{' } else { 1 };
        assert_eq!(first_bytes(folder.path(), 1..=1), [of_old]);
        assert_eq!(first_bytes(folder.path(), 26..=30), [2; 5]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_a_newer_schema_is_refused_and_not_called_intact() {
    let folder = tempfile::tempdir().unwrap();
    let newer = schema::VERSION + 1;
    lay(folder.path(), &format!("PRAGMA user_version = {newer}"));
    let is_newer =
        |error: StoreError| matches!(error, StoreError::NewerSchema { found, .. } if found == newer);
    assert!(Store::open(folder.path()).is_err_and(is_newer));
    assert!(Store::damage_in(folder.path()).is_err_and(is_newer));
    assert_eq!(version(folder.path()), newer);
}

#[test]
fn a_step_that_fails_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    lay(folder.path(), EARLIER[0].1);
    let mut connection = Connection::open(folder.path().join("events.db")).unwrap();
    connection.execute_batch("PRAGMA query_only = true").unwrap();
    assert!(schema::migrate(&mut connection).is_err());
    drop(connection);
    assert_eq!(version(folder.path()), 1);
}
