//! The way back: a volatile session whose log works again goes on in it.

use super::{CaptureSession, State};
use crate::envelope::Gap;
use crate::envelope::reason::{NOT_RETAINED, UNKNOWN_CATEGORY};
use crate::log::{Commit, LogError, LogStore, RelayCursor, SegmentBuilder};
use crate::ring::{Entry, ReadResult, StoredGap};
use crate::selector::Selector;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Most bytes of one commit on the way back, unless a single record has more.
const PART_BYTES: usize = 1 << 20;

/// Writes to the log what is in memory alone, and then turns the session's state to logged. It takes
/// records meanwhile. `relays` says how far messages of relays were taken that have these seqs.
///
/// # Errors
/// What the log said. The session stays volatile, and what was written stays in the log.
/// [`LogError::Superseded`] when it is not volatile, or has had another owner meanwhile: then it has none of this.
pub async fn go_back<L: LogStore>(
    session: &RefCell<CaptureSession>,
    log: &L,
    relays: impl Fn(RangeInclusive<u64>) -> Vec<RelayCursor>,
) -> Result<(), LogError> {
    let (session_id, state, ours) = {
        let session = session.borrow();
        (session.session_id, session.state, session.epoch)
    };
    if state != State::Volatile {
        return Err(LogError::Superseded { ours, theirs: ours });
    }
    // The last commit may have been made although nobody was told, and the log may be another one.
    let head = log.reopen(session_id).await?;
    if head.epoch > ours + 1 {
        return Err(LogError::Superseded { ours, theirs: head.epoch - 1 });
    }
    session.borrow_mut().epoch = head.epoch;
    let mut logged_seq = head.latest_seq;
    loop {
        let part = session.borrow().part_after(logged_seq, head.epoch);
        let Some(mut part) = part else { break };
        if part.latest_seq == session.borrow().latest_seq {
            part.relays = relays(head.latest_seq + 1..=part.latest_seq);
        }
        log.commit(&part).await?;
        logged_seq = part.latest_seq;
    }
    session.borrow_mut().turn_logged();
    Ok(())
}

impl CaptureSession {
    /// What the ring shows after `logged_seq`, as far as one commit takes it. What it has let go of is a gap.
    fn part_after(&self, logged_seq: u64, epoch: u64) -> Option<Commit> {
        let mut reader = self.ring.reader(logged_seq, Selector::default()).ok()?;
        let (mut entries, mut bytes) = (Vec::new(), 0);
        let mut latest_seq = logged_seq;
        while bytes < PART_BYTES {
            let entry = match reader.try_read() {
                Some(ReadResult::Event(event)) => Entry::Event(event),
                Some(ReadResult::Gap(gap)) => Entry::Gap(gap),
                Some(ReadResult::Dropped { .. }) => continue,
                Some(ReadResult::Closed) | None => break,
            };
            if entry.first_seq() > latest_seq + 1 {
                entries.push(self.hole(latest_seq + 1, entry.first_seq() - 1));
            }
            latest_seq = entry.last_seq();
            bytes += entry.line().len() + 1;
            entries.push(entry);
        }
        let first_seq = entries.first().map(Entry::first_seq)?;
        let mut builders = BTreeMap::<&str, SegmentBuilder>::new();
        for entry in &entries {
            let builder = builders.entry(entry.category()).or_default();
            builder.lines().extend_from_slice(entry.line());
            let count = entry.last_seq() + 1 - entry.first_seq();
            builder.end_line(entry.first_seq(), u32::try_from(count).unwrap_or(u32::MAX));
        }
        let segments = builders.into_iter().map(|(category, mut builder)| builder.seal(category)).collect();
        let (session_id, relays) = (self.session_id, Vec::new());
        Some(Commit { session_id, epoch, first_seq, latest_seq, segments, entries, relays, bytes })
    }

    fn hole(&self, first_seq: u64, last_seq: u64) -> Entry {
        let (category, reason) = (UNKNOWN_CATEGORY.to_owned(), NOT_RETAINED.to_owned());
        let gap = Gap { first_seq, last_seq, category, reason };
        let mut line = Vec::new();
        self.writer.gap(&mut line, &gap);
        Entry::Gap(StoredGap { gap, line: line.into() })
    }

    /// The log has everything again.
    const fn turn_logged(&mut self) {
        if matches!(self.state, State::Volatile) {
            self.state = State::Logged;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::SessionId;
    use crate::event::Trust;
    use crate::log::{Fault, MemoryLog};
    use crate::ring::RingBuffer;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// No log here really waits.
    fn now<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => panic!("it waits"),
        }
    }

    fn id() -> SessionId {
        SessionId::from_time(1_764_000_000_000, [7; 10])
    }

    fn publish(session: &RefCell<CaptureSession>, category: &str, count: u64) {
        for _ in 0..count {
            let event =
                format!(r#"{{"type":"a.b","category":"{category}","source":{{"kind":"extension"}}}}"#);
            session.borrow_mut().publish(event.as_bytes(), Trust::Untrusted, 5).unwrap();
        }
    }

    /// A session that had two events in its log when that failed.
    fn volatile(log: &MemoryLog, capacity: usize) -> RefCell<CaptureSession> {
        let ring = RingBuffer::new(capacity, 1 << 24).unwrap();
        let session = RefCell::new(CaptureSession::with_log(id(), ring, &log.open(id())));
        publish(&session, "page", 2);
        now(super::super::commit(&mut session.borrow_mut(), log, 0.0)).unwrap();
        session.borrow_mut().turn_volatile();
        session
    }

    fn logged(log: &MemoryLog) -> Vec<Entry> {
        now(log.read(id(), 0, 100_000, 1 << 30)).unwrap()
    }

    #[test]
    fn what_is_in_memory_gets_into_the_log_as_it_is() {
        let log = MemoryLog::default();
        let session = volatile(&log, 10_000);
        publish(&session, "console", 3);
        session.borrow_mut().record_drop("network", 7, "queue_full").unwrap();
        // More than one part.
        publish(&session, "page", 9_000);
        let cursor = RelayCursor { relay_id: "r1".into(), message: 5 };
        now(go_back(&session, &log, |seqs| {
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
        now(super::super::commit(&mut session.borrow_mut(), &log, 0.0)).unwrap();
        assert_eq!(logged(&log).last().map(Entry::last_seq), Some(9_013));
    }

    #[test]
    fn what_the_ring_has_let_go_of_is_a_gap() {
        let log = MemoryLog::default();
        let session = volatile(&log, 4);
        publish(&session, "console", 10);
        now(go_back(&session, &log, |_| Vec::new())).unwrap();
        let logged = logged(&log);
        let Entry::Gap(StoredGap { gap, .. }) = &logged[2] else { panic!("{logged:?}") };
        assert_eq!((gap.first_seq, gap.last_seq, gap.reason.as_str()), (3, 8, NOT_RETAINED));
        assert_eq!(logged[3..].iter().map(Entry::first_seq).collect::<Vec<_>>(), [9, 10, 11, 12]);
    }

    #[test]
    fn a_log_that_fails_again_is_tried_from_where_it_is() {
        let log = MemoryLog::default();
        let session = volatile(&log, 10_000);
        publish(&session, "console", 9_000);
        log.fail_with(vec![Fault::Abort(LogError::QuotaExceeded), Fault::AnswerLost(LogError::Blocked)]);
        for failed in [LogError::Blocked, LogError::QuotaExceeded] {
            assert_eq!(now(go_back(&session, &log, |_| Vec::new())), Err(failed));
            assert_eq!(session.borrow().state(), State::Volatile);
        }
        now(go_back(&session, &log, |_| Vec::new())).unwrap();
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
        now(go_back(&session, &empty, |_| Vec::new())).unwrap();
        assert_eq!(logged(&empty).iter().map(Entry::first_seq).collect::<Vec<_>>(), [1, 2, 3]);
        publish(&session, "console", 1);
        now(super::super::commit(&mut session.borrow_mut(), &empty, 0.0)).unwrap();
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
        now(go_back(&session, &log, closing)).unwrap();
        assert_eq!((session.borrow().state(), logged(&log).len()), (State::Closed, 3));
    }

    #[test]
    fn nothing_is_taken_from_another_owner() {
        let log = MemoryLog::default();
        let session = volatile(&log, 100);
        publish(&session, "console", 1);
        log.open(id());
        let gone_back = now(go_back(&session, &log, |_| Vec::new()));
        assert!(matches!(gone_back, Err(LogError::Superseded { .. })), "{gone_back:?}");
        assert_eq!((session.borrow().state(), logged(&log).len()), (State::Volatile, 2));
    }
}
