//! The records of a batch.

use super::super::{Batch, BatchPlan, FlushReason, MAX_BATCH_BYTES, MAX_BATCH_EVENTS};
use super::session;
use super::world::{Owner, TestLog};
use crate::log::{Limits, LogStore as _};
use crate::record::Entry;
use std::collections::BTreeSet;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn plan(after_seq: u64, latest_seq: u64) -> BatchPlan {
    BatchPlan {
        session_id: session(1),
        after_seq,
        latest_seq,
        limits: Limits::new(MAX_BATCH_EVENTS, MAX_BATCH_BYTES),
        refused: BTreeSet::new(),
        send_alone: BTreeSet::new(),
        reason: FlushReason::Interval,
    }
}

/// Events 1 to 3, a gap 4 to 9, events 10 to 12.
fn entries() -> Vec<Entry> {
    let log = TestLog::default();
    let mut owner = Owner::open(&log, 1);
    owner.publish(3);
    owner.drop_events(6);
    owner.publish(3);
    let mut read = pin!(log.memory.read(session(1), 0, Limits::new(100, 1 << 20)));
    match read.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(entries) => entries.unwrap(),
        Poll::Pending => panic!("the memory log waits"),
    }
}

fn lines(batch: &Batch) -> Vec<String> {
    assert_eq!(batch.body.last(), Some(&b'\n'));
    let text = String::from_utf8(batch.body.clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_batch_is_the_committed_lines_byte_for_byte() {
    let entries = entries();
    let batch = Batch::build(&plan(0, 12), &entries).unwrap();
    let expected: Vec<_> = entries
        .iter()
        .map(|e| String::from_utf8(e.line().to_vec()).unwrap())
        .collect();
    assert_eq!(lines(&batch), expected);
    assert_eq!((batch.first_seq, batch.last_seq), (1, 12));
    assert_eq!(
        batch.records,
        [(1, 1), (2, 2), (3, 3), (4, 9), (10, 10), (11, 11), (12, 12)]
    );
}

#[test]
fn what_no_record_covers_becomes_one_gap() {
    let entries = entries();
    let batch = Batch::build(&plan(0, 12), &entries[2..]).unwrap();
    assert_eq!(batch.records[..2], [(1, 2), (3, 3)]);
    assert!(
        lines(&batch)[0]
            .contains(r#""gap":{"first_seq":1,"last_seq":2,"category":"system","reason":"not_retained"}"#)
    );
    let nothing = Batch::build(&plan(5, 12), &[]).unwrap();
    assert_eq!((nothing.records, nothing.last_seq), (vec![(6, 12)], 12));
}

#[test]
fn a_cursor_inside_a_gap_sends_the_rest_of_it() {
    let batch = Batch::build(&plan(6, 12), &entries()).unwrap();
    assert_eq!((batch.first_seq, batch.records[0]), (7, (7, 9)));
    assert!(
        lines(&batch)[0].contains(r#""first_seq":7,"last_seq":9,"category":"network","reason":"queue_full""#)
    );
}

#[test]
fn a_batch_ends_at_its_limits_and_holds_at_least_one_record() {
    let entries = entries();
    let with = |events, bytes| {
        let limits = Limits::new(events, bytes);
        Batch::build(
            &BatchPlan {
                limits,
                ..plan(0, 12)
            },
            &entries,
        )
        .unwrap()
    };
    assert_eq!(with(2, 1 << 20).records.len(), 2);
    assert_eq!(with(2_000, 1).records.len(), 1);
    let three = entries[..3].iter().map(|entry| entry.line().len() + 1).sum();
    assert_eq!(with(2_000, three).records.len(), 3);
    assert_eq!(with(2_000, three - 1).records.len(), 2);
}

#[test]
fn a_refused_record_is_replaced_by_a_gap_of_its_category() {
    let refused = BTreeSet::from([2]);
    let batch = Batch::build(
        &BatchPlan {
            refused,
            ..plan(0, 12)
        },
        &entries(),
    )
    .unwrap();
    assert!(
        lines(&batch)[1]
            .contains(r#""gap":{"first_seq":2,"last_seq":2,"category":"console","reason":"refused"}"#)
    );
    assert_eq!(batch.last_seq, 12);
}

#[test]
fn a_suspect_travels_alone() {
    let entries = entries();
    let send = |after_seq| {
        let send_alone = BTreeSet::from([2, 4]);
        Batch::build(
            &BatchPlan {
                send_alone,
                ..plan(after_seq, 12)
            },
            &entries,
        )
        .unwrap()
        .records
    };
    assert_eq!(send(0), [(1, 1)]);
    assert_eq!(send(1), [(2, 2)]);
    assert_eq!(send(2), [(3, 3)]);
    assert_eq!(send(3), [(4, 9)]);
    assert_eq!(send(9).len(), 3);
}

#[test]
fn nothing_to_send_is_no_batch() {
    assert_eq!(Batch::build(&plan(12, 12), &[]), None);
}
