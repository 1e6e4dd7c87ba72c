//! Reading.

use crate::log::fixture::{Recording, open, read_all, seqs};
use tabtape::log::{Limits, LogStore, PageLimit, read_page};
use tabtape::selector::Selector;
use wasm_bindgen_test::wasm_bindgen_test as test;

const MIXED: [&[&str]; 4] = [
    &["console", "network", "console", "page"],
    &["network"],
    &["page", "console"],
    &["console", "network", "network", "console"],
];

#[test]
async fn categories_are_merged_in_order_of_seq_from_any_cursor() {
    let log = open("merged").await;
    let mut recording = Recording::begin(&log, 1).await;
    for categories in MIXED {
        log.commit(&recording.commit(categories)).await.unwrap();
    }
    for after_seq in 0..=recording.latest_seq {
        let expected: Vec<_> = (after_seq + 1..=recording.latest_seq)
            .map(|seq| (seq, seq))
            .collect();
        assert_eq!(
            seqs(&read_all(&log, recording.session_id, after_seq).await),
            expected,
            "after {after_seq}"
        );
    }
}

#[test]
async fn a_read_takes_what_fits_and_at_least_one() {
    let log = open("limits").await;
    let mut recording = Recording::begin(&log, 1).await;
    for categories in MIXED {
        log.commit(&recording.commit(categories)).await.unwrap();
    }
    let line_bytes = recording.line("console", 1).len() + 1;
    let read = async |after_seq, max_entries, max_bytes| {
        seqs(
            &log.read(
                recording.session_id,
                after_seq,
                Limits::new(max_entries, max_bytes),
            )
            .await
            .unwrap(),
        )
    };
    assert_eq!(read(2, 3, usize::MAX).await, [(3, 3), (4, 4), (5, 5)]);
    assert_eq!(read(0, 10, 2 * line_bytes).await, [(1, 1), (2, 2)]);
    assert_eq!(read(5, 10, 1).await, [(6, 6)]);
    assert_eq!(read(recording.latest_seq, 10, 1000).await, []);
}

#[test]
async fn the_tail_comes_newest_first() {
    let log = open("tail").await;
    let mut recording = Recording::begin(&log, 1).await;
    assert_eq!(
        log.tail(recording.session_id, Limits::new(10, 1000))
            .await
            .unwrap(),
        []
    );
    for categories in MIXED {
        log.commit(&recording.commit(categories)).await.unwrap();
    }
    let newest_first: Vec<_> = (1..=recording.latest_seq).rev().map(|seq| (seq, seq)).collect();
    let tail = log
        .tail(recording.session_id, Limits::new(usize::MAX, usize::MAX))
        .await
        .unwrap();
    assert_eq!(seqs(&tail), newest_first);
    let tail = log
        .tail(recording.session_id, Limits::new(3, usize::MAX))
        .await
        .unwrap();
    assert_eq!(seqs(&tail), newest_first[..3]);
}

#[test]
async fn sessions_do_not_mix() {
    let log = open("two-sessions").await;
    let (mut one, mut two) = (Recording::begin(&log, 1).await, Recording::begin(&log, 2).await);
    for _ in 0..3 {
        log.commit(&one.commit(&["console"])).await.unwrap();
        log.commit(&two.commit(&["console", "network"])).await.unwrap();
    }
    assert_eq!(read_all(&log, one.session_id, 0).await.len(), 3);
    assert_eq!(read_all(&log, two.session_id, 0).await.len(), 6);
}

#[test]
async fn a_commit_larger_than_a_segment_reads_back_from_its_middle() {
    let log = open("large").await;
    let mut recording = Recording {
        data_bytes: 400_000,
        ..Recording::begin(&log, 1).await
    };
    log.commit(&recording.commit(&["console"; 7])).await.unwrap();
    let entries = read_all(&log, recording.session_id, 3).await;
    assert_eq!(seqs(&entries), [(4, 4), (5, 5), (6, 6), (7, 7)]);
    assert_eq!(entries[0].line(), recording.line("console", 4).as_bytes());
}

#[test]
async fn pages_of_a_selector_hold_what_it_wants_once() {
    let log = open("pages").await;
    let mut recording = Recording::begin(&log, 1).await;
    for _ in 0..20 {
        log.commit(&recording.commit(&["console", "network", "page"]))
            .await
            .unwrap();
    }
    let wanted: Vec<_> = (1..=60)
        .filter(|seq| seq % 3 == 2)
        .map(|seq| (seq, seq))
        .collect();
    let selector = Selector::parse("category:network", 0).unwrap();
    for (max_entries, max_scanned_bytes) in [(3, usize::MAX), (100, 1), (100, usize::MAX)] {
        let (mut after_seq, mut found, mut pages) = (0, Vec::new(), 0);
        loop {
            let limit = PageLimit {
                max_entries,
                max_scanned_bytes,
            };
            let page = read_page(&log, recording.session_id, after_seq, &selector, limit)
                .await
                .unwrap();
            assert!(page.entries.len() <= max_entries);
            found.extend(seqs(&page.entries));
            (after_seq, pages) = (page.after_seq, pages + 1);
            if page.is_last {
                break;
            }
        }
        assert_eq!(
            (found, after_seq),
            (wanted.clone(), 60),
            "{max_entries} {max_scanned_bytes}"
        );
        assert!(pages > 1 || max_entries == 100);
    }
}
