use super::*;
use crate::event::Trust;
use crate::log::{Fault, Limits, MemoryLog};
use crate::record::StoredGap;
use crate::ring::RingBuffer;
use crate::session::tests::{id, now};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn publish(session: &RefCell<CaptureSession>, category: &str, count: u64) {
    for _ in 0..count {
        let event = format!(r#"{{"type":"a.b","category":"{category}","source":{{"kind":"extension"}}}}"#);
        session
            .borrow_mut()
            .publish(event.as_bytes(), Trust::Untrusted, 5)
            .unwrap();
    }
}

/// A session that had two events in its log when that failed.
fn volatile(log: &MemoryLog, capacity: usize) -> RefCell<CaptureSession> {
    let ring = RingBuffer::new(capacity, 1 << 24).unwrap();
    let session = RefCell::new(CaptureSession::with_log(id(), ring, &log.open(id())));
    publish(&session, "page", 2);
    now(crate::session::commit(&mut session.borrow_mut(), log, 0.0)).unwrap();
    session.borrow_mut().degrade_to_memory();
    session
}

fn logged(log: &MemoryLog) -> Vec<Entry> {
    now(log.read(id(), 0, Limits::new(100_000, 1 << 30))).unwrap()
}

#[test]
fn what_is_in_memory_gets_into_the_log_as_it_is() {
    let log = MemoryLog::default();
    let session = volatile(&log, 10_000);
    publish(&session, "console", 3);
    session
        .borrow_mut()
        .record_drop("network", 7, "queue_full")
        .unwrap();
    // More than one part.
    publish(&session, "page", 9_000);
    let cursor = RelayCursor {
        relay_id: "r1".into(),
        message: 5,
    };
    now(recover_log(&session, &log, |seqs| {
        assert_eq!(seqs, 3..=9_012);
        vec![cursor.clone()]
    }))
    .unwrap();
    assert_eq!(session.borrow().state(), State::Logged);
    let shown: Vec<_> = logged(&log);
    assert_eq!(shown.len(), 2 + 3 + 1 + 9_000);
    assert_eq!(shown.last().map(Entry::last_seq), Some(9_012));
    assert_eq!(log.relay("r1"), Some(5));
    assert!(log.commits() > 2, "in parts");
    // And on it goes.
    publish(&session, "console", 1);
    assert_eq!(session.borrow().committed_seq(), 9_012);
    now(crate::session::commit(&mut session.borrow_mut(), &log, 0.0)).unwrap();
    assert_eq!(logged(&log).last().map(Entry::last_seq), Some(9_013));
}

#[test]
fn records_that_the_ring_evicted_are_a_gap() {
    let log = MemoryLog::default();
    let session = volatile(&log, 4);
    publish(&session, "console", 10);
    now(recover_log(&session, &log, |_| Vec::new())).unwrap();
    let logged = logged(&log);
    let Entry::Gap(StoredGap { gap, .. }) = &logged[2] else {
        panic!("{logged:?}")
    };
    assert_eq!(
        (gap.first_seq, gap.last_seq, gap.reason.as_str()),
        (3, 8, NOT_RETAINED)
    );
    assert_eq!(
        logged[3..].iter().map(Entry::first_seq).collect::<Vec<_>>(),
        [9, 10, 11, 12]
    );
}

#[test]
fn a_log_that_fails_again_is_tried_from_where_it_is() {
    let log = MemoryLog::default();
    let session = volatile(&log, 10_000);
    publish(&session, "console", 9_000);
    log.fail_with(vec![
        Fault::Abort(LogError::QuotaExceeded),
        Fault::AnswerLost(LogError::Blocked),
    ]);
    for failed in [LogError::Blocked, LogError::QuotaExceeded] {
        assert_eq!(now(recover_log(&session, &log, |_| Vec::new())), Err(failed));
        assert_eq!(session.borrow().state(), State::Volatile);
    }
    now(recover_log(&session, &log, |_| Vec::new())).unwrap();
    assert_eq!(
        logged(&log).iter().map(Entry::first_seq).collect::<Vec<_>>(),
        (1..=9_002).collect::<Vec<_>>()
    );
}

#[test]
fn a_log_that_was_emptied_gets_what_there_is() {
    let session = volatile(&MemoryLog::default(), 100);
    publish(&session, "console", 1);
    let empty = MemoryLog::default();
    now(recover_log(&session, &empty, |_| Vec::new())).unwrap();
    assert_eq!(
        logged(&empty).iter().map(Entry::first_seq).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    publish(&session, "console", 1);
    now(crate::session::commit(&mut session.borrow_mut(), &empty, 0.0)).unwrap();
    assert_eq!(logged(&empty).len(), 4);
}

#[test]
fn a_session_that_was_closed_meanwhile_stays_closed() {
    let log = MemoryLog::default();
    let session = volatile(&log, 100);
    publish(&session, "console", 1);
    let closing = |_| {
        session.borrow_mut().close();
        Vec::new()
    };
    now(recover_log(&session, &log, closing)).unwrap();
    assert_eq!((session.borrow().state(), logged(&log).len()), (State::Closed, 3));
}

#[test]
fn nothing_is_taken_from_another_owner() {
    let log = MemoryLog::default();
    let session = volatile(&log, 100);
    publish(&session, "console", 1);
    log.open(id());
    let gone_back = now(recover_log(&session, &log, |_| Vec::new()));
    assert!(
        matches!(gone_back, Err(LogError::Superseded { .. })),
        "{gone_back:?}"
    );
    assert_eq!(
        (session.borrow().state(), logged(&log).len()),
        (State::Volatile, 2)
    );
}
