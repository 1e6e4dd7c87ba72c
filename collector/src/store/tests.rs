//! Tests that need the store's internals.

use super::*;
use tabtape::record::parse_line;

const SESSION: &str = "0193b3a0-7c1e-7000-8000-0123456789ab";

fn line(seq: u64, text: &str) -> String {
    format!(
        r#"{{"capture_session_id":"{SESSION}","seq":{seq},"event":{{"ts":{seq},"type":"console.log","category":"console","source":{{"kind":"extension"}},"data":{{"text":"{text}"}}}}}}"#
    )
}

pub(super) fn batch(first: u64, last: u64, text: &str) -> Batch {
    let records = (first..=last)
        .map(|seq| {
            let line = line(seq, text);
            Incoming {
                parsed: parse_line(line.as_bytes()).unwrap(),
                line: line.into(),
            }
        })
        .collect();
    Batch {
        session_id: tabtape::record::SessionId::parse(SESSION.as_bytes()).unwrap(),
        producer: None,
        pairing: None,
        records,
        idempotency: None,
    }
}

pub(super) async fn stored(store: &Store) -> Vec<String> {
    let query = PageQuery::new(Order::Position, None, 10_000);
    let page = store.page(query).await.unwrap();
    assert!(page.done);
    page.records
        .iter()
        .map(|record| String::from_utf8(record.line.to_vec()).unwrap())
        .collect()
}

/// Text that cannot be packed much.
fn noise(bytes: usize) -> String {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(b'0' + (state >> 58) as u8 % 10)
    };
    (0..bytes).map(|_| next()).collect()
}

/// SQLite has no room for more pages, as on a full disk.
async fn pages(store: &Store, most: i64) {
    let limit = move |state: &mut write::writer::WriterState| {
        let count: i64 = state
            .connection
            .pragma_query_value(None, "page_count", |row| row.get(0))?;
        state
            .connection
            .pragma_update_and_check(None, "max_page_count", count + most, |_| Ok(()))?;
        Ok(())
    };
    store.inner.writer.run(limit).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_a_batch_whole_and_takes_it_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.ingest(batch(1, 10, "before")).await.unwrap();
    let before = stored(&store).await;
    pages(&store, 8).await;
    let filler = noise(20_000);
    let refused = store.ingest(batch(11, 20, &filler)).await.unwrap_err();
    assert!(matches!(refused, StoreError::DiskFull), "{refused}");
    assert_eq!(stored(&store).await, before);
    // A batch that fits is stored, also next to one that does not fit.
    let (large, small) = tokio::join!(
        store.ingest(batch(12, 20, &filler)),
        store.ingest(batch(11, 11, "y"))
    );
    assert!(matches!(large, Err(StoreError::DiskFull)));
    assert_eq!(
        (small.as_ref().unwrap().accepted, small.unwrap().acked_seq),
        (1, 11)
    );
    pages(&store, 1 << 20).await;
    assert_eq!(store.ingest(batch(12, 20, &filler)).await.unwrap().acked_seq, 20);
    let all = stored(&store).await;
    assert_eq!(all.len(), 20);
    store.close().await;
    drop(store);
    let again = Store::open(folder.path()).unwrap();
    assert_eq!(stored(&again).await, all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_line_is_a_gap_next_to_whole_ones() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let text = "a line that is long enough to be packed; ".repeat(20);
    store.ingest(batch(1, 3, &text)).await.unwrap();
    let whole = stored(&store).await;
    let damage = |state: &mut write::writer::WriterState| {
        state
            .connection
            .execute("UPDATE events SET line = x'02ffffff' WHERE seq = 2", [])?;
        Ok(())
    };
    store.inner.writer.run(damage).await.unwrap();
    let gap = format!(
        r#"{{"capture_session_id":"{SESSION}","gap":{{"first_seq":2,"last_seq":2,"category":"console","reason":"corrupt"}}}}"#
    );
    assert_eq!(stored(&store).await, [whole[0].clone(), gap, whole[2].clone()]);
    let one = |after| PageQuery::new(Order::Position, None, 1).within(after, u64::MAX);
    let seqs = async |after| {
        let page = store.page(one(after)).await.unwrap();
        page.records
            .iter()
            .map(|record| record.first_seq)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (seqs(0).await, seqs(1).await, seqs(2).await),
        (vec![1], vec![2], vec![3])
    );
    // A record that cannot be read does not match a selector.
    let selector = Some(Arc::new(
        tabtape::selector::Selector::parse("nowhere", 0).unwrap(),
    ));
    let deletion = Deletion {
        selector,
        session: None,
        pairing: None,
    };
    assert_eq!(store.delete(deletion).await.unwrap(), 0);
    // Delivered again, it is whole.
    let receipt = store.ingest(batch(1, 3, &text)).await.unwrap();
    assert_eq!((receipt.duplicates, receipt.acked_seq), (3, 3));
    assert_eq!(stored(&store).await, whole);
}
