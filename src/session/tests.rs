use super::*;
use crate::event::Trust;
use crate::log::{Fault, Limits, LogError, LogStore, MemoryLog};
use crate::record::Entry;
use crate::redaction::{Redactor, RuleTable};
use crate::ring::ReadResult;
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const LOG: &[u8] =
    br#"{"type":"console.log","category":"console","source":{"kind":"extension"},"data":{"a":1}}"#;

pub(super) fn id() -> SessionId {
    SessionId::from_time(1_764_000_000_000, [7; 10])
}

fn ring() -> RingBuffer {
    RingBuffer::new(10_000, 1 << 24).unwrap()
}

fn in_memory() -> CaptureSession {
    CaptureSession::new(id(), ring())
}

fn logged(log: &MemoryLog) -> CaptureSession {
    CaptureSession::with_log(id(), ring(), &log.open(id()))
}

fn event(category: &str) -> Vec<u8> {
    format!(r#"{{"type":"a.b","category":"{category}","source":{{"kind":"extension"}}}}"#).into_bytes()
}

fn publish(session: &mut CaptureSession, category: &str) -> u64 {
    session.publish(&event(category), Trust::Untrusted, 5).unwrap()
}

/// The log never really waits, so one poll is enough.
pub(super) fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

fn waits(committed: &mut Committed) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    std::pin::Pin::new(committed).poll(&mut context).is_pending()
}

fn commit_now(session: &mut CaptureSession, log: &MemoryLog) -> Result<(), LogError> {
    now(commit(session, log, 0.0))
}

fn seqs(session: &CaptureSession) -> Vec<u64> {
    let mut reader = session.reader(0, Selector::default()).unwrap();
    std::iter::from_fn(|| match reader.try_read()? {
        ReadResult::Record(entry) => Some(entry.first_seq()),
        _ => None,
    })
    .collect()
}

fn stored(log: &MemoryLog) -> Vec<Entry> {
    now(log.read(id(), 0, Limits::new(usize::MAX, usize::MAX))).unwrap()
}

fn io_error() -> LogError {
    LogError::Other {
        name: "AbortError".into(),
        message: "the disk said no".into(),
    }
}

#[test]
fn seq_counts_from_one_and_absent_fields_get_their_defaults() {
    let mut session = in_memory();
    assert_eq!(publish(&mut session, "app"), 1);
    assert_eq!(publish(&mut session, "app"), 2);
    let mut reader = session.reader(0, Selector::default()).unwrap();
    let Some(ReadResult::Record(Entry::Event(event))) = reader.try_read() else {
        panic!()
    };
    assert_eq!(
        (event.header.ts_micros, event.header.detail_level.as_str()),
        (5, "standard")
    );
}

#[test]
fn a_refused_event_spends_no_seq() {
    let mut session = in_memory();
    for wrong in [
        &b"{}"[..],
        b"no",
        br#"{"type":"a","category":"a","source":{"kind":"x"}}"#,
    ] {
        let refused = session.publish(wrong, Trust::Untrusted, 0).unwrap_err();
        assert_eq!(refused.code(), "invalid_event");
    }
    assert_eq!(session.latest_seq(), 0);
    assert_eq!(publish(&mut session, "app"), 1);
}

#[test]
fn a_65th_category_is_refused_and_the_others_continue() {
    let mut session = in_memory();
    for index in 0..64 {
        publish(&mut session, &format!("c{index}"));
    }
    let refused = session.publish(&event("c64"), Trust::Untrusted, 0).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "category: \"c64\" would be number 65; a session has at most 64"
    );
    assert_eq!(
        session.record_drop("c65", 1, "queue_full").unwrap_err().code(),
        "too_many_categories"
    );
    assert_eq!(publish(&mut session, "c3"), 65);
}

#[test]
fn a_batch_reports_refusals_by_index_and_takes_the_rest() {
    let mut session = in_memory();
    let batch = [LOG, b"{}", LOG, b"nonsense"].join(&b'\n');
    let receipt = session.publish_batch(&batch, Trust::Untrusted, 0).unwrap();
    assert_eq!((receipt.first_seq, receipt.last_seq), (1, 2));
    assert_eq!(
        receipt
            .refused
            .iter()
            .map(|refused| refused.index)
            .collect::<Vec<_>>(),
        [1, 3]
    );
    assert_eq!(seqs(&session), [1, 2]);
}

#[test]
fn a_batch_over_the_limit_is_refused_unless_it_is_one_record() {
    let mut session = in_memory();
    let long = String::from_utf8(LOG.to_vec())
        .unwrap()
        .replace('1', &format!("\"{}\"", "x".repeat(MAX_BATCH_BYTES)));
    let single = session
        .publish_batch(long.as_bytes(), Trust::Untrusted, 0)
        .unwrap();
    assert_eq!(single.last_seq, 1);
    let two = format!("{long}\n{long}");
    let refused = session
        .publish_batch(two.as_bytes(), Trust::Untrusted, 0)
        .unwrap_err();
    assert_eq!((refused.code(), session.latest_seq()), ("batch_too_large", 1));
}

#[test]
fn a_drop_spends_its_seqs_on_a_gap() {
    let mut session = in_memory();
    publish(&mut session, "app");
    assert_eq!(session.record_drop("network", 12, "queue_full"), Ok(13));
    assert_eq!(publish(&mut session, "app"), 14);
    let counts = session.counts();
    assert_eq!((counts.events, counts.gap_seqs), (2, 12));
    for (category, count, reason, field) in [
        ("Net", 1, "full", "category"),
        ("net", 0, "full", "count"),
        ("net", 1, "Full!", "reason"),
    ] {
        let refused = session
            .record_drop(category, count, reason)
            .unwrap_err()
            .to_string();
        assert!(refused.starts_with(field), "{refused}");
    }
    assert_eq!(session.latest_seq(), 14);
}

#[test]
fn no_reader_sees_an_uncommitted_event() {
    let log = MemoryLog::default();
    let mut session = logged(&log);
    publish(&mut session, "app");
    let mut committed = session.committed(1).unwrap();
    assert!(seqs(&session).is_empty() && waits(&mut committed));
    commit_now(&mut session, &log).unwrap();
    assert_eq!(seqs(&session), [1]);
    assert_eq!(now(committed), Ok(()));
    assert_eq!(session.committed_seq(), 1);
    assert_eq!(session.committed(2).unwrap_err().latest_seq, 1);
}

#[test]
fn one_commit_holds_a_segment_a_category_in_seq_order() {
    let log = MemoryLog::default();
    let mut session = logged(&log);
    for category in ["b", "a", "b", "a"] {
        publish(&mut session, category);
    }
    session.record_drop("a", 3, "queue_full").unwrap();
    let handed = session.begin_commit(0.0).unwrap();
    assert_eq!(
        handed
            .segments
            .iter()
            .map(|s| (s.category.as_str(), s.rows.len()))
            .collect::<Vec<_>>(),
        [("b", 2), ("a", 3)]
    );
    assert_eq!(
        handed.entries.iter().map(Entry::first_seq).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5]
    );
    assert_eq!((handed.first_seq, handed.latest_seq), (1, 7));
    session.finish_commit(now(log.commit(&handed))).unwrap();
    assert_eq!(stored(&log), handed.entries);
    assert_eq!(log.commits(), 1);
}

#[test]
fn a_failed_commit_is_handed_out_again_with_the_same_seqs() {
    let log = MemoryLog::default();
    let mut session = logged(&log);
    publish(&mut session, "app");
    for fault in [Fault::Abort(io_error()), Fault::AnswerLost(io_error())] {
        log.fail_with(vec![fault]);
        assert_eq!(commit_now(&mut session, &log), Err(io_error()));
        publish(&mut session, "app");
        assert!(seqs(&session).is_empty());
    }
    commit_now(&mut session, &log).unwrap();
    assert_eq!(seqs(&session), [1, 2, 3]);
    assert_eq!(stored(&log).len(), 3);
}

#[test]
fn an_owner_that_was_superseded_stops() {
    let log = MemoryLog::default();
    let mut old = logged(&log);
    publish(&mut old, "app");
    commit_now(&mut old, &log).unwrap();
    publish(&mut old, "app");
    let mut waiting = old.committed(2).unwrap();
    assert!(waits(&mut waiting));
    let mut new = logged(&log);
    assert_eq!((new.epoch(), publish(&mut new, "app")), (2, 2));
    assert_eq!(
        commit_now(&mut old, &log),
        Err(LogError::Superseded { ours: 1, theirs: 2 })
    );
    assert_eq!(old.state(), State::Superseded);
    assert_eq!(
        old.publish(LOG, Trust::Untrusted, 0),
        Err(PublishError::Superseded)
    );
    assert_eq!(now(waiting), Err(NotCommitted::Superseded));
    commit_now(&mut new, &log).unwrap();
    assert_eq!(stored(&log).len(), 2);
}

#[test]
fn a_log_that_fails_for_five_seconds_turns_the_session_volatile() {
    let log = MemoryLog::default();
    let mut session = logged(&log);
    publish(&mut session, "app");
    session.begin_commit(1_000.0).unwrap();
    session.finish_commit(Err(io_error())).unwrap_err();
    assert!(!session.must_degrade(5_999.0));
    assert!(session.must_degrade(6_000.0));
    publish(&mut session, "app");
    let waiting = session.committed(2).unwrap();
    session.degrade_to_memory();
    assert_eq!(session.state(), State::Volatile);
    assert_eq!(now(waiting), Ok(()));
    publish(&mut session, "app");
    assert_eq!(seqs(&session), [1, 2, 3]);
    assert!(session.begin_commit(7_000.0).is_none());
}

#[test]
fn a_closed_session_whose_log_fails_ends_from_memory() {
    let log = MemoryLog::default();
    let mut session = logged(&log);
    publish(&mut session, "app");
    session.begin_commit(1_000.0).unwrap();
    publish(&mut session, "app");
    let mut reader = session.reader(0, Selector::default()).unwrap();
    let waiting = session.committed(2).unwrap();
    session.close();
    session.finish_commit(Err(io_error())).unwrap_err();
    assert!(!session.must_degrade(5_999.0));
    assert!(session.must_degrade(6_000.0));
    session.degrade_to_memory();
    assert_eq!(session.state(), State::Closed);
    assert_eq!(now(waiting), Ok(()));
    assert!(matches!(
        reader.try_read(),
        Some(ReadResult::Record(Entry::Event(_)))
    ));
    assert!(matches!(
        reader.try_read(),
        Some(ReadResult::Record(Entry::Event(_)))
    ));
    assert!(matches!(reader.try_read(), Some(ReadResult::Closed)));
    assert_eq!(
        (session.pending_bytes(), session.begin_commit(7_000.0).is_none()),
        (0, true)
    );
}

#[test]
fn a_success_forgives_earlier_failures() {
    let log = MemoryLog::default();
    let mut session = logged(&log);
    publish(&mut session, "app");
    log.fail_with(vec![Fault::Abort(io_error())]);
    commit_now(&mut session, &log).unwrap_err();
    commit_now(&mut session, &log).unwrap();
    assert!(!session.must_degrade(1e9));
}

#[test]
fn too_much_pending_turns_the_session_volatile() {
    let log = MemoryLog::default();
    let mut session = logged(&log);
    let event = String::from_utf8(LOG.to_vec())
        .unwrap()
        .replace('1', &format!("\"{}\"", "x".repeat(900_000)));
    while session.pending_bytes() < MAX_PENDING_BYTES {
        assert!(!session.must_degrade(0.0));
        session.publish(event.as_bytes(), Trust::Untrusted, 0).unwrap();
    }
    assert!(session.must_degrade(0.0));
}

#[test]
fn closing_commits_what_is_left_and_then_refuses_everything() {
    let log = MemoryLog::default();
    let mut session = logged(&log);
    publish(&mut session, "app");
    let mut reader = session.reader(0, Selector::default()).unwrap();
    session.close();
    session.close();
    assert_eq!(
        session.publish(LOG, Trust::Untrusted, 0),
        Err(PublishError::Closed)
    );
    assert_eq!(session.record_drop("app", 1, "late"), Err(PublishError::Closed));
    assert_eq!(reader.try_read(), None, "not committed yet");
    commit_now(&mut session, &log).unwrap();
    assert!(matches!(
        reader.try_read(),
        Some(ReadResult::Record(Entry::Event(_)))
    ));
    assert_eq!(reader.try_read(), Some(ReadResult::Closed));
    assert_eq!(stored(&log).len(), 1);
}

#[test]
fn a_resumed_session_has_its_categories() {
    let log = MemoryLog::default();
    let mut session = logged(&log);
    for index in 0..64 {
        publish(&mut session, &format!("c{index}"));
    }
    commit_now(&mut session, &log).unwrap();
    let mut resumed = logged(&log);
    assert_eq!(
        resumed
            .publish(&event("other"), Trust::Untrusted, 0)
            .unwrap_err()
            .code(),
        "too_many_categories"
    );
    assert_eq!(publish(&mut resumed, "c1"), 65);
}

#[test]
fn relay_counters_are_committed_with_their_messages() {
    let log = MemoryLog::default();
    let mut session = logged(&log);
    publish(&mut session, "console");
    session.note_relay("r1", 4);
    session.note_relay("r1", 9);
    log.fail_with(vec![Fault::Abort(io_error())]);
    commit_now(&mut session, &log).unwrap_err();
    assert_eq!(log.relay("r1"), None);
    commit_now(&mut session, &log).unwrap();
    assert_eq!(log.relay("r1"), Some(9));
}

#[derive(Debug, Clone)]
enum Step {
    Publish(u8),
    PublishWrong,
    Batch(u8),
    Drop(u8),
    Commit,
    CommitFails,
    AnswerLost,
    Resume,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..4).prop_map(Step::Publish),
        1 => Just(Step::PublishWrong),
        2 => (0u8..6).prop_map(Step::Batch),
        1 => (1u8..9).prop_map(Step::Drop),
        3 => Just(Step::Commit),
        1 => Just(Step::CommitFails),
        1 => Just(Step::AnswerLost),
        1 => Just(Step::Resume),
    ]
}

proptest! {
    /// Whatever happens, in whatever order: every seq is an event or in a gap, none is used twice, what
    /// was reported committed stays, and a resumed owner continues right after it.
    #[test]
    fn the_ledger_always_balances(steps in prop::collection::vec(step(), 0..60)) {
        let log = MemoryLog::default();
        let mut session = logged(&log);
        let mut before = Counts::default();
        let mut base = 0;
        for step in steps {
            match step {
                Step::Publish(category) => drop(publish(&mut session, &format!("c{category}"))),
                Step::PublishWrong => drop(session.publish(b"{}", Trust::Untrusted, 0).unwrap_err()),
                Step::Batch(count) => {
                    let batch = vec![LOG; usize::from(count)].join(&b'\n');
                    let receipt = session.publish_batch(&batch, Trust::Untrusted, 0).unwrap();
                    prop_assert_eq!(receipt.last_seq, if count == 0 { 0 } else { session.latest_seq() });
                }
                Step::Drop(count) => drop(session.record_drop("c0", u64::from(count), "queue_full").unwrap()),
                Step::Commit => commit_now(&mut session, &log).unwrap(),
                Step::CommitFails => {
                    log.fail_with(vec![Fault::Abort(io_error())]);
                    let _ = commit_now(&mut session, &log);
                    log.fail_with(vec![]);
                }
                Step::AnswerLost => {
                    log.fail_with(vec![Fault::AnswerLost(io_error())]);
                    let _ = commit_now(&mut session, &log);
                    log.fail_with(vec![]);
                }
                Step::Resume => {
                    let committed_seq = session.committed_seq();
                    session = logged(&log);
                    prop_assert!(session.latest_seq() >= committed_seq);
                    base = session.latest_seq();
                    before = Counts::default();
                }
            }
            let counts = session.counts();
            prop_assert!(counts.events >= before.events);
            before = counts;
            prop_assert_eq!(session.latest_seq() - base, counts.events + counts.gap_seqs);
            prop_assert!(session.committed_seq() <= session.latest_seq());
        }
        commit_now(&mut session, &log).unwrap();
        let mut next = 1;
        for entry in stored(&log) {
            prop_assert_eq!(entry.first_seq(), next, "no seq is missing and none is there twice");
            next = entry.last_seq() + 1;
        }
        prop_assert_eq!(next, session.latest_seq() + 1);
    }
}

#[test]
fn an_address_without_secrets_is_scanned_again_by_other_rules() {
    let mut session = in_memory();
    session.set_redactor(Some(Redactor::new([7; 32], &RuleTable::default())));
    let event = br#"{"type":"console.log","category":"console","source":{"kind":"extension"},"url":"https://a.test/?acme_ref=x7Kq92LmZ4","data":{"text":[0],"args":["x"]}}"#;
    let publish = |session: &mut CaptureSession| {
        session.publish(event, Trust::Untrusted, 5).unwrap();
    };
    publish(&mut session);
    publish(&mut session);
    let rules = br#"{"names":[{"id":"acme","names":["acme ref"]}]}"#;
    session.set_redaction_rules(&RuleTable::from_json(rules).unwrap());
    publish(&mut session);

    let mut reader = session.reader(0, Selector::default()).unwrap();
    let shown: Vec<bool> = std::iter::from_fn(|| match reader.try_read()? {
        ReadResult::Record(entry) => Some(memchr::memmem::find(entry.line(), b"x7Kq92LmZ4").is_some()),
        read => panic!("expected an event, got {read:?}"),
    })
    .collect();
    assert_eq!(shown, [true, true, false]);
}

#[test]
fn a_console_event_keeps_its_written_text_when_its_address_is_redacted() {
    let mut session = in_memory();
    session.set_redactor(Some(Redactor::new([7; 32], &RuleTable::default())));
    let event = br#"{"type":"console.log","category":"console","source":{"kind":"extension"},"url":"https://a.test/?password=x7Kq92LmZ4","data":{"text":["n ",0],"args":[1]},"truncated":true}"#;
    session.publish(event, Trust::Untrusted, 5).unwrap();

    let mut reader = session.reader(0, Selector::default()).unwrap();
    let Some(ReadResult::Record(Entry::Event(event))) = reader.try_read() else {
        panic!("expected an event");
    };
    let line = String::from_utf8(event.line.to_vec()).unwrap();
    assert!(line.contains("?password=[redacted:"), "{line}");
    assert!(
        line.ends_with(r#""data":{"text":"n 1","args":[1]},"truncated":true}}"#),
        "{line}"
    );
}
