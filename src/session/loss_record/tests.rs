use super::*;
use crate::event::Trust;
use crate::log::{Fault, MemoryLog};
use crate::record::{Entry, StoredGap};
use crate::session::tests::{id, now};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A session that had `logged` events in its log when that failed, and its ring.
fn volatile(log: &MemoryLog, logged: u64, capacity: usize) -> (CaptureSession, RingBuffer) {
    let ring = RingBuffer::new(capacity, 1 << 20).unwrap();
    let mut session = CaptureSession::with_log(id(), ring.clone(), &log.open(id()));
    publish(&mut session, "page", logged);
    now(crate::session::commit(&mut session, log, 0.0)).unwrap();
    session.degrade_to_memory();
    (session, ring)
}

fn publish(session: &mut CaptureSession, category: &str, count: u64) {
    for _ in 0..count {
        let event = format!(r#"{{"type":"a.b","category":"{category}","source":{{"kind":"extension"}}}}"#);
        session.publish(event.as_bytes(), Trust::Untrusted, 5).unwrap();
    }
}

fn log_gaps(record: &mut LossRecord, log: &MemoryLog) {
    now(record.append_gaps_to(log)).unwrap();
}

/// First and last seq, category and reason of each gap in the log; an event is `None`.
fn logged(log: &MemoryLog) -> Vec<Option<(u64, u64, String, String)>> {
    let entries = now(log.read(id(), 0, Limits::new(1_000, 1 << 20))).unwrap();
    let gap = |entry| match entry {
        Entry::Event(_) => None,
        Entry::Gap(StoredGap { gap, .. }) => Some((gap.first_seq, gap.last_seq, gap.category, gap.reason)),
    };
    entries.into_iter().map(gap).collect()
}

fn gap(first_seq: u64, last_seq: u64, category: &str, reason: &str) -> Option<(u64, u64, String, String)> {
    Some((first_seq, last_seq, category.to_owned(), reason.to_owned()))
}

#[test]
fn what_memory_alone_held_becomes_gaps_by_category() {
    let log = MemoryLog::default();
    let (mut session, ring) = volatile(&log, 2, 100);
    publish(&mut session, "console", 3);
    session.record_drop("network", 10, "queue_full").unwrap();
    publish(&mut session, "console", 1);
    let mut record = UndeliveredCounter::new(id(), ring).count(2, 2).memory;
    assert_eq!(record.latest_seq(), 16);
    log_gaps(&mut record, &log);
    let gaps = [gap(3, 6, "console", VOLATILE), gap(7, 16, "network", VOLATILE)];
    assert_eq!(logged(&log)[2..], gaps);
    log_gaps(&mut record, &log);
    assert_eq!(logged(&log)[2..], gaps, "twice");
    let empty = MemoryLog::default();
    log_gaps(&mut record, &empty);
    assert_eq!(logged(&empty)[1..], gaps, "again, as the log was emptied");
}

#[test]
fn what_the_collector_has_is_not_lost_and_not_kept_here() {
    let log = MemoryLog::default();
    let (mut session, ring) = volatile(&log, 1, 100);
    publish(&mut session, "console", 5);
    log_gaps(&mut UndeliveredCounter::new(id(), ring).count(4, 1).memory, &log);
    assert_eq!(
        logged(&log)[1..],
        [gap(2, 4, "system", NOT_RETAINED), gap(5, 6, "console", VOLATILE)]
    );
}

#[test]
fn a_tally_follows_the_stream_and_its_acknowledgements() {
    let log = MemoryLog::default();
    let (mut session, ring) = volatile(&log, 0, 100);
    let mut tally = UndeliveredCounter::new(id(), ring);
    for round in 1..=3 {
        publish(&mut session, "console", 2);
        assert_eq!(
            tally.count(0, 0).memory.undelivered_by_category["console"],
            2 * round
        );
    }
    session.record_drop("console", 10, "queue_full").unwrap();
    // The cursor may be inside a gap.
    assert_eq!(tally.count(9, 0).memory.undelivered_by_category["console"], 7);
    assert_eq!(tally.count(16, 0).memory.undelivered_by_category, BTreeMap::new());
    assert!(tally.count(99, 0).memory.is_empty());
}

#[test]
fn records_that_the_ring_evicted_are_counted_too() {
    let log = MemoryLog::default();
    let (mut session, ring) = volatile(&log, 0, 4);
    publish(&mut session, "console", 10);
    let record = UndeliveredCounter::new(id(), ring.clone()).count(0, 0).memory;
    assert_eq!(
        record.undelivered_by_category,
        BTreeMap::from([("console".into(), 4), ("system".into(), 6)])
    );
    let after = UndeliveredCounter::new(id(), ring).count(3, 0).memory;
    assert_eq!(
        after.undelivered_by_category,
        BTreeMap::from([("console".into(), 4), ("system".into(), 3)])
    );
}

#[test]
fn a_commit_that_was_made_unnoticed_is_not_counted_again() {
    let log = MemoryLog::default();
    let (mut session, ring) = volatile(&log, 0, 100);
    publish(&mut session, "console", 5);
    publish(&mut session, "page", 5);
    let mut record = UndeliveredCounter::new(id(), ring).count(0, 0).memory;
    let mut unnoticed = LossRecord {
        undelivered_by_category: BTreeMap::from([("console".into(), 7)]),
        ..record.clone()
    };
    log_gaps(&mut unnoticed, &log);
    log_gaps(&mut record, &log);
    assert_eq!(
        logged(&log),
        [gap(1, 7, "console", VOLATILE), gap(8, 10, "page", VOLATILE)]
    );
}

#[test]
fn a_recovery_that_ended_halfway_leaves_gaps_of_the_categories_that_are_missing() {
    let log = MemoryLog::default();
    let (mut session, ring) = volatile(&log, 0, 100);
    publish(&mut session, "page", 1);
    publish(&mut session, "console", 5);
    let mut record = UndeliveredCounter::new(id(), ring).count(0, 0).memory;
    // One commit of the recovery: the event of the page and three lines.
    let mut recovering = CaptureSession::with_log(id(), RingBuffer::unbounded(), &log.open(id()));
    publish(&mut recovering, "page", 1);
    publish(&mut recovering, "console", 3);
    now(crate::session::commit(&mut recovering, &log, 0.0)).unwrap();
    let held = now(record.append_gaps_to(&log)).unwrap().unwrap();
    assert_eq!(logged(&log)[4..], [gap(5, 6, "console", VOLATILE)]);
    let counts = [("page".to_owned(), 1), ("console".to_owned(), 3)];
    assert_eq!((held.after_seq, held.undelivered_by_category), (0, counts.into()));
}

#[test]
fn the_log_and_memory_are_counted_apart() {
    let log = MemoryLog::default();
    let (mut session, ring) = volatile(&log, 3, 100);
    publish(&mut session, "console", 2);
    session.record_drop("network", 10, "queue_full").unwrap();
    let mut counter = UndeliveredCounter::new(id(), ring);
    let Undelivered { logged, memory } = counter.count(1, 3);
    assert_eq!((logged.after_seq, memory.after_seq), (1, 3));
    assert_eq!(
        logged.undelivered_by_category,
        BTreeMap::from([("page".into(), 2)])
    );
    assert_eq!(memory.undelivered_by_category["network"], 10);
    publish(&mut session, "console", 1);
    assert_eq!(counter.count(1, 3).memory.undelivered_by_category["console"], 3);
    // The log has a part of the gap now.
    let Undelivered {
        mut logged,
        mut memory,
    } = counter.count(1, 9);
    assert_eq!((logged.latest_seq(), memory.latest_seq()), (9, 16));
    assert_eq!(logged.undelivered_by_category["network"], 4);
    logged.relays.push(RelayCursor {
        relay_id: "r".into(),
        message: 7,
    });
    memory.prepend_lost_log(logged);
    assert_eq!(
        (memory.after_seq, memory.latest_seq(), memory.relays.len()),
        (1, 16, 1)
    );
    log_gaps(&mut memory, &MemoryLog::default());
}

#[test]
fn a_lost_log_that_held_nothing_undelivered_changes_no_reason() {
    // The collector has five, the log had three.
    let mut memory = LossRecord::uncounted(id(), 5, 9);
    memory.prepend_lost_log(LossRecord::uncounted(id(), 3, 3));
    assert_eq!((memory.after_seq, memory.is_log_lost), (5, false));
}

#[test]
fn what_the_collector_turns_out_to_have_takes_no_category_from_what_is_lost() {
    let mut record = LossRecord {
        undelivered_by_category: [("console".to_owned(), 100), ("system".to_owned(), 1)].into(),
        ..LossRecord::uncounted(id(), 50, 50)
    };
    // A collector that has not answered yet may have all of the log, which is lost now.
    record.prepend_lost_log(LossRecord::uncounted(id(), 0, 50));
    let mut reader = record.to_gap_ring().reader(50, Selector::default()).unwrap();
    let mut lost = BTreeMap::new();
    while let Some(ReadResult::Record(Entry::Gap(StoredGap { gap, .. }))) = reader.try_read() {
        *lost.entry(gap.category).or_insert(0) += gap.last_seq + 1 - gap.first_seq.max(51);
    }
    assert_eq!(
        lost,
        [("console".to_owned(), 100), ("system".to_owned(), 1)].into()
    );
}

#[test]
fn the_collector_gets_it_from_memory() {
    let log = MemoryLog::default();
    let (mut session, ring) = volatile(&log, 2, 100);
    publish(&mut session, "console", 3);
    let end = UndeliveredCounter::new(id(), ring)
        .count(3, 0)
        .memory
        .to_gap_ring();
    assert_eq!((end.oldest_seq(), end.latest_seq()), (4, 5));
    let read = end.reader(3, Selector::default()).unwrap().try_read();
    let Some(ReadResult::Record(Entry::Gap(StoredGap { gap, .. }))) = read else {
        panic!("{read:?}")
    };
    assert_eq!(
        (gap.first_seq, gap.last_seq, gap.reason.as_str()),
        (4, 5, VOLATILE)
    );
}

#[test]
fn relay_cursors_are_written_with_the_gaps_or_not_at_all() {
    let log = MemoryLog::default();
    let (mut session, ring) = volatile(&log, 0, 100);
    publish(&mut session, "console", 1);
    let relays = vec![RelayCursor {
        relay_id: "r1".into(),
        message: 7,
    }];
    let mut record = UndeliveredCounter::new(id(), ring).count(0, 0).memory;
    record.relays = relays;
    log.fail_with(vec![Fault::Abort(LogError::QuotaExceeded)]);
    assert_eq!(now(record.append_gaps_to(&log)), Err(LogError::QuotaExceeded));
    assert_eq!((logged(&log).len(), log.relay("r1")), (0, None));
    log_gaps(&mut record, &log);
    assert_eq!((logged(&log).len(), log.relay("r1")), (1, Some(7)));
}

#[test]
fn a_record_is_read_back_as_it_was_written() {
    let record = LossRecord {
        session_id: id(),
        after_seq: 3,
        undelivered_by_category: BTreeMap::from([("console".into(), 2)]),
        relays: vec![RelayCursor {
            relay_id: "r1".into(),
            message: 7,
        }],
        gaps_logged: true,
        is_log_lost: false,
    };
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<LossRecord>(&text).unwrap(), record);
}
