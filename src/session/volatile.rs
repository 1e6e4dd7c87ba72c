//! What a volatile session holds in memory alone, and what is said of it when that memory is gone.
//!
//! While a session goes on without its log, its owner keeps a [`VolatileRecord`] somewhere that outlives
//! the owner: how far the collector has the session, and how much of each category it has not. The next
//! owner makes gaps of what the record counts. It [`bury`](VolatileRecord::bury)s the session at the end of
//! its log, where the log takes it, for those who read there; the collector gets [`end`](VolatileRecord::end)
//! from memory, because a log that has failed once may be lost again. So memory may be lost, but not silently.

use super::CaptureSession;
use crate::envelope::SessionId;
use crate::envelope::reason::{NOT_RETAINED, UNKNOWN_CATEGORY, VOLATILE};
use crate::log::{Head, LogError, LogStore, RelayCursor};
use crate::ring::{ReadResult, Reader, RingBuffer, StoredGap};
use crate::selector::Selector;
use std::collections::BTreeMap;

/// What would be lost if a volatile session ended now.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VolatileRecord {
    /// Whose.
    pub session_id: SessionId,
    /// Up to here the log or the collector has it.
    pub after_seq: u64,
    /// How many seqs after that each category has: events, and what was lost before.
    pub unkept: BTreeMap<String, u64>,
    /// How far messages of relays were taken into memory: they are not to be taken again.
    pub relays: Vec<RelayCursor>,
    /// The log has been told.
    #[serde(default)]
    pub is_buried: bool,
}

impl VolatileRecord {
    /// The last seq it speaks of.
    #[must_use]
    pub fn latest_seq(&self) -> u64 {
        self.after_seq + self.unkept.values().sum::<u64>()
    }

    /// Whether there is anything to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unkept.is_empty() && self.relays.is_empty()
    }

    /// The end of the session, as its ring would show it.
    #[must_use]
    pub fn end(&self) -> RingBuffer {
        let mut session = self.ended(&Head { latest_seq: self.after_seq, ..Head::default() });
        session.turn_volatile();
        session.ring
    }

    /// Writes what is lost to the end of the session's log, in one commit. What the log turns out to have
    /// is not lost. Doing it again adds nothing, unless the log was emptied meanwhile.
    ///
    /// # Errors
    /// What the log said: nothing was written.
    pub async fn bury<L: LogStore>(&mut self, log: &L) -> Result<(), LogError> {
        let head = log.reopen(self.session_id).await?;
        if !self.is_buried {
            self.begin_after(head.latest_seq);
        }
        super::commit(&mut self.ended(&head), log, 0.0).await?;
        self.is_buried = true;
        // The log has newer counters from now on.
        self.relays.clear();
        Ok(())
    }

    /// The last commit may have been made although nobody was told.
    fn begin_after(&mut self, logged_seq: u64) {
        let mut logged = logged_seq.saturating_sub(self.after_seq);
        self.after_seq = self.after_seq.max(logged_seq.min(self.latest_seq()));
        for count in self.unkept.values_mut() {
            let both = logged.min(*count);
            logged -= both;
            *count -= both;
        }
        self.unkept.retain(|_, count| *count > 0);
    }

    /// A session that has still to commit what follows `head`.
    fn ended(&self, head: &Head) -> CaptureSession {
        let ring = RingBuffer::unbounded();
        let mut session = CaptureSession::with_log(self.session_id, ring, head);
        for (category, count, reason) in self.drops(head.latest_seq) {
            let mut left = count;
            while left > 0 {
                let part = left.min(u64::from(u32::MAX));
                // Only a record that was tampered with has a category that is none.
                if session.record_drop(category, part, reason).is_err() {
                    let _ = session.record_drop(UNKNOWN_CATEGORY, part, reason);
                }
                left -= part;
            }
        }
        for RelayCursor { relay_id, message } in &self.relays {
            session.note_relay(relay_id, *message);
        }
        session
    }

    /// Category, count and reason of what follows `latest_seq`, the last one in the log.
    fn drops(&self, latest_seq: u64) -> impl Iterator<Item = (&str, u64, &'static str)> {
        let delivered = self.after_seq.saturating_sub(latest_seq);
        let unkept = self.unkept.iter().map(|(category, count)| (category.as_str(), *count, VOLATILE));
        let is_there = latest_seq >= self.latest_seq();
        std::iter::once((UNKNOWN_CATEGORY, delivered, NOT_RETAINED))
            .chain(unkept)
            .filter(move |(_, count, _)| *count > 0 && !is_there)
    }
}

/// Counts what a [`VolatileRecord`] says, looking at each entry once as long as nothing is acknowledged.
#[derive(Debug)]
pub struct VolatileTally {
    session_id: SessionId,
    ring: RingBuffer,
    counted: Option<Counted>,
}

#[derive(Debug)]
struct Counted {
    after_seq: u64,
    unkept: BTreeMap<String, u64>,
    reader: Reader,
}

impl VolatileTally {
    /// Counts what `ring` shows of a session.
    #[must_use]
    pub const fn new(session_id: SessionId, ring: RingBuffer) -> Self {
        Self { session_id, ring, counted: None }
    }

    /// What is shown after `after_seq`. `relays` is how far messages were taken into memory.
    pub fn record(&mut self, after_seq: u64, relays: Vec<RelayCursor>) -> VolatileRecord {
        let latest_seq = self.ring.latest_seq();
        let after_seq = after_seq.min(latest_seq);
        if self.counted.as_ref().is_none_or(|counted| counted.after_seq != after_seq) {
            let reader = self.ring.reader(after_seq, Selector::default()).ok();
            self.counted = reader.map(|reader| Counted { after_seq, unkept: BTreeMap::new(), reader });
        }
        let unkept = self.counted.as_mut().map_or_else(BTreeMap::new, |counted| counted.up_to(latest_seq));
        VolatileRecord { session_id: self.session_id, after_seq, unkept, relays, is_buried: false }
    }
}

impl Counted {
    fn up_to(&mut self, latest_seq: u64) -> BTreeMap<String, u64> {
        let next_seq = self.after_seq + 1;
        while let Some(read) = self.reader.try_read() {
            let (category, count) = match &read {
                ReadResult::Event(event) => (event.category(), 1),
                ReadResult::Gap(StoredGap { gap, .. }) => {
                    (gap.category.as_str(), gap.last_seq + 1 - gap.first_seq.max(next_seq))
                }
                ReadResult::Dropped { .. } => continue,
                ReadResult::Closed => break,
            };
            match self.unkept.get_mut(category) {
                Some(unkept) => *unkept += count,
                None => _ = self.unkept.insert(category.to_owned(), count),
            }
        }
        let mut unkept = self.unkept.clone();
        let counted: u64 = unkept.values().sum();
        // What the ring had let go of before it was counted.
        let missed = (latest_seq - self.after_seq).saturating_sub(counted);
        if missed > 0 {
            *unkept.entry(UNKNOWN_CATEGORY.to_owned()).or_default() += missed;
        }
        unkept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Trust;
    use crate::log::{Fault, MemoryLog};
    use crate::ring::Entry;
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

    /// A session that had `logged` events in its log when that failed, and its ring.
    fn volatile(log: &MemoryLog, logged: u64, capacity: usize) -> (CaptureSession, RingBuffer) {
        let ring = RingBuffer::new(capacity, 1 << 20).unwrap();
        let mut session = CaptureSession::with_log(id(), ring.clone(), &log.open(id()));
        publish(&mut session, "page", logged);
        now(super::super::commit(&mut session, log, 0.0)).unwrap();
        session.turn_volatile();
        (session, ring)
    }

    fn publish(session: &mut CaptureSession, category: &str, count: u64) {
        for _ in 0..count {
            let event =
                format!(r#"{{"type":"a.b","category":"{category}","source":{{"kind":"extension"}}}}"#);
            session.publish(event.as_bytes(), Trust::Untrusted, 5).unwrap();
        }
    }

    fn bury(record: &mut VolatileRecord, log: &MemoryLog) {
        now(record.bury(log)).unwrap();
    }

    /// First and last seq, category and reason of each gap in the log; an event is `None`.
    fn logged(log: &MemoryLog) -> Vec<Option<(u64, u64, String, String)>> {
        let entries = now(log.read(id(), 0, 1_000, 1 << 20)).unwrap();
        let gap = |entry| match entry {
            Entry::Event(_) => None,
            Entry::Gap(StoredGap { gap, .. }) => {
                Some((gap.first_seq, gap.last_seq, gap.category, gap.reason))
            }
        };
        entries.into_iter().map(gap).collect()
    }

    fn gap(
        first_seq: u64,
        last_seq: u64,
        category: &str,
        reason: &str,
    ) -> Option<(u64, u64, String, String)> {
        Some((first_seq, last_seq, category.to_owned(), reason.to_owned()))
    }

    #[test]
    fn what_memory_alone_held_becomes_gaps_by_category() {
        let log = MemoryLog::default();
        let (mut session, ring) = volatile(&log, 2, 100);
        publish(&mut session, "console", 3);
        session.record_drop("network", 10, "queue_full").unwrap();
        publish(&mut session, "console", 1);
        let mut record = VolatileTally::new(id(), ring).record(2, Vec::new());
        assert_eq!(record.latest_seq(), 16);
        bury(&mut record, &log);
        let gaps = [gap(3, 6, "console", VOLATILE), gap(7, 16, "network", VOLATILE)];
        assert_eq!(logged(&log)[2..], gaps);
        bury(&mut record, &log);
        assert_eq!(logged(&log)[2..], gaps, "twice");
        let empty = MemoryLog::default();
        bury(&mut record, &empty);
        assert_eq!(logged(&empty)[1..], gaps, "again, as the log was emptied");
    }

    #[test]
    fn what_the_collector_has_is_not_lost_and_not_kept_here() {
        let log = MemoryLog::default();
        let (mut session, ring) = volatile(&log, 1, 100);
        publish(&mut session, "console", 5);
        bury(&mut VolatileTally::new(id(), ring).record(4, Vec::new()), &log);
        assert_eq!(logged(&log)[1..], [gap(2, 4, "system", NOT_RETAINED), gap(5, 6, "console", VOLATILE)]);
    }

    #[test]
    fn a_tally_follows_the_stream_and_its_acknowledgements() {
        let log = MemoryLog::default();
        let (mut session, ring) = volatile(&log, 0, 100);
        let mut tally = VolatileTally::new(id(), ring);
        for round in 1..=3 {
            publish(&mut session, "console", 2);
            assert_eq!(tally.record(0, Vec::new()).unkept["console"], 2 * round);
        }
        session.record_drop("console", 10, "queue_full").unwrap();
        // The cursor may stand inside a gap.
        assert_eq!(tally.record(9, Vec::new()).unkept["console"], 7);
        assert_eq!(tally.record(16, Vec::new()).unkept, BTreeMap::new());
        assert!(tally.record(99, Vec::new()).is_empty());
    }

    #[test]
    fn what_the_ring_let_go_of_is_counted_too() {
        let log = MemoryLog::default();
        let (mut session, ring) = volatile(&log, 0, 4);
        publish(&mut session, "console", 10);
        let record = VolatileTally::new(id(), ring.clone()).record(0, Vec::new());
        assert_eq!(record.unkept, BTreeMap::from([("console".into(), 4), ("system".into(), 6)]));
        let after = VolatileTally::new(id(), ring).record(3, Vec::new());
        assert_eq!(after.unkept, BTreeMap::from([("console".into(), 4), ("system".into(), 3)]));
    }

    #[test]
    fn a_commit_that_was_made_unnoticed_is_not_counted_again() {
        let log = MemoryLog::default();
        let (mut session, ring) = volatile(&log, 0, 100);
        publish(&mut session, "console", 5);
        publish(&mut session, "page", 5);
        let mut record = VolatileTally::new(id(), ring).record(0, Vec::new());
        let mut unnoticed =
            VolatileRecord { unkept: BTreeMap::from([("console".into(), 7)]), ..record.clone() };
        bury(&mut unnoticed, &log);
        bury(&mut record, &log);
        assert_eq!(logged(&log), [gap(1, 7, "console", VOLATILE), gap(8, 10, "page", VOLATILE)]);
    }

    #[test]
    fn the_collector_gets_it_from_memory() {
        let log = MemoryLog::default();
        let (mut session, ring) = volatile(&log, 2, 100);
        publish(&mut session, "console", 3);
        let end = VolatileTally::new(id(), ring).record(3, Vec::new()).end();
        assert_eq!((end.oldest_seq(), end.latest_seq()), (4, 5));
        let read = end.reader(3, Selector::default()).unwrap().try_read();
        let Some(ReadResult::Gap(StoredGap { gap, .. })) = read else { panic!("{read:?}") };
        assert_eq!((gap.first_seq, gap.last_seq, gap.reason.as_str()), (4, 5, VOLATILE));
    }

    #[test]
    fn relays_are_told_with_the_gaps_or_not_at_all() {
        let log = MemoryLog::default();
        let (mut session, ring) = volatile(&log, 0, 100);
        publish(&mut session, "console", 1);
        let relays = vec![RelayCursor { relay_id: "r1".into(), message: 7 }];
        let mut record = VolatileTally::new(id(), ring).record(0, relays);
        log.fail_with(vec![Fault::Abort(LogError::QuotaExceeded)]);
        assert_eq!(now(record.bury(&log)), Err(LogError::QuotaExceeded));
        assert_eq!((logged(&log).len(), log.relay("r1")), (0, None));
        bury(&mut record, &log);
        assert_eq!((logged(&log).len(), log.relay("r1")), (1, Some(7)));
    }

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        let record = VolatileRecord {
            session_id: id(),
            after_seq: 3,
            unkept: BTreeMap::from([("console".into(), 2)]),
            relays: vec![RelayCursor { relay_id: "r1".into(), message: 7 }],
            is_buried: true,
        };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<VolatileRecord>(&text).unwrap(), record);
    }
}
