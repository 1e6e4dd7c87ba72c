//! The records that a volatile session holds in memory alone, and the gaps that report them when memory is lost.
//!
//! While a session continues without its log, its owner keeps a [`LossRecord`] somewhere that outlives
//! the owner: how far the collector has the session, and how much of each category it has not. The next
//! owner makes gaps of what the record counts. It [`append_gaps_to`](LossRecord::append_gaps_to)s the session at the end of
//! its log, where the log takes it, for those who read there; the collector gets [`to_gap_ring`](LossRecord::to_gap_ring)
//! from memory, because a log that has failed once may be lost again. So memory may be lost, but not silently.

use super::CaptureSession;
use crate::log::{Head, Limits, LogError, LogStore, RelayCursor};
use crate::record::reason::{NOT_RETAINED, VOLATILE};
use crate::record::{Entry, SessionId, UNKNOWN_CATEGORY};
use crate::ring::{ReadResult, Reader, RingBuffer};
use crate::selector::Selector;
use std::collections::BTreeMap;

/// The most that is read of the log at a time.
const READ: Limits = Limits::new(4_096, 4 << 20);

/// The records that would be lost if a volatile session ended now.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LossRecord {
    /// The session.
    pub session_id: SessionId,
    /// The last seq that the log or the collector has.
    pub after_seq: u64,
    /// How many seqs after that each category has: events, and what was lost before.
    pub undelivered_by_category: BTreeMap<String, u64>,
    /// How far messages of relays were taken into memory: they are not to be taken again.
    pub relays: Vec<RelayCursor>,
    /// Whether the log has the gaps.
    #[serde(default)]
    pub gaps_logged: bool,
    /// The records were in a log that is gone, not in memory alone.
    #[serde(default)]
    pub is_log_lost: bool,
}

impl LossRecord {
    /// The records of a session from after `after_seq` to `latest_seq`, whose categories are unknown.
    pub fn uncounted(session_id: SessionId, after_seq: u64, latest_seq: u64) -> Self {
        Self::new(session_id, BTreeMap::new(), after_seq, latest_seq)
    }

    /// The records of a session from after `after_seq` to `latest_seq`, of which `counted` may lack some.
    fn new(
        session_id: SessionId,
        mut counted: BTreeMap<String, u64>,
        after_seq: u64,
        latest_seq: u64,
    ) -> Self {
        let count = latest_seq.saturating_sub(after_seq);
        let missed = count.saturating_sub(counted.values().sum());
        add(&mut counted, UNKNOWN_CATEGORY, missed);
        Self {
            session_id,
            after_seq,
            undelivered_by_category: counted,
            relays: Vec::new(),
            gaps_logged: false,
            is_log_lost: false,
        }
    }

    /// The last seq that it counts.
    pub fn latest_seq(&self) -> u64 {
        self.after_seq + self.undelivered_by_category.values().sum::<u64>()
    }

    /// Whether it counts nothing.
    pub fn is_empty(&self) -> bool {
        self.undelivered_by_category.is_empty() && self.relays.is_empty()
    }

    /// Finds the record of a session.
    pub(crate) fn of(records: &[Self], session_id: SessionId) -> Option<&Self> {
        records.iter().find(|record| record.session_id == session_id)
    }

    /// Finds the record of a session, to change it.
    pub(crate) fn of_mut(records: &mut [Self], session_id: SessionId) -> Option<&mut Self> {
        records.iter_mut().find(|record| record.session_id == session_id)
    }

    /// Counts also `logged`, the records of the same session that were in the log, which is gone.
    pub fn prepend_lost_log(&mut self, logged: Self) {
        self.append(&logged);
        self.relays.extend(logged.relays);
        if logged.undelivered_by_category.is_empty() {
            return;
        }
        self.after_seq = logged.after_seq;
        self.gaps_logged = false;
        self.is_log_lost = true;
    }

    /// The end of the session, as its ring would show it.
    pub fn to_gap_ring(&self) -> RingBuffer {
        let mut session = self.gap_session(&Head {
            latest_seq: self.after_seq,
            ..Head::default()
        });
        session.degrade_to_memory();
        session.ring
    }

    /// Writes what is lost to the end of the session's log, in one commit. What the log turns out to have is not lost,
    /// and is returned. Doing it again adds nothing, unless the log was emptied meanwhile.
    ///
    /// # Errors
    /// The error of the log: nothing was written.
    pub async fn append_gaps_to<L: LogStore>(&mut self, log: &L) -> Result<Option<Self>, LogError> {
        let head = log.reopen(self.session_id).await?;
        let held = if self.gaps_logged {
            None
        } else {
            self.exclude_logged(log, head.latest_seq).await?
        };
        super::commit(&mut self.gap_session(&head), log, 0.0).await?;
        self.gaps_logged = true;
        // The log has newer counters from now on.
        self.relays.clear();
        Ok(held)
    }

    /// Counts only what follows the log: its last commit may have succeeded without an answer, and a recovery may have
    /// ended between two commits. Returns the records that the log has.
    async fn exclude_logged<L: LogStore>(
        &mut self,
        log: &L,
        logged_seq: u64,
    ) -> Result<Option<Self>, LogError> {
        let logged_seq = logged_seq.min(self.latest_seq());
        let mut held = Self::uncounted(self.session_id, self.after_seq, self.after_seq);
        while self.after_seq < logged_seq {
            let entries = log.read(self.session_id, self.after_seq, READ).await?;
            let read_seq = entries.last().map_or(logged_seq, Entry::last_seq).min(logged_seq);
            let mut unknown = read_seq - self.after_seq;
            for entry in &entries {
                let first_seq = entry.first_seq().max(self.after_seq + 1);
                let count = (entry.last_seq().min(read_seq) + 1).saturating_sub(first_seq);
                self.exclude(entry.category(), count);
                add(&mut held.undelivered_by_category, entry.category(), count);
                unknown = unknown.saturating_sub(count);
            }
            self.exclude(UNKNOWN_CATEGORY, unknown);
            add(&mut held.undelivered_by_category, UNKNOWN_CATEGORY, unknown);
            self.after_seq = read_seq;
        }
        self.undelivered_by_category.retain(|_, count| *count > 0);
        Ok(Some(held).filter(|held| held.latest_seq() > held.after_seq))
    }

    /// Counts also the records that follow, as `next` counts them.
    pub fn append(&mut self, next: &Self) {
        for (category, count) in &next.undelivered_by_category {
            add(&mut self.undelivered_by_category, category, *count);
        }
    }

    /// Takes `count` seqs from a category, and what it does not have from the others: the log may have gaps of an
    /// unknown category where this record knows it.
    fn exclude(&mut self, category: &str, mut count: u64) {
        let (same, others): (Vec<_>, Vec<_>) = self
            .undelivered_by_category
            .iter_mut()
            .partition(|(other, _)| *other == category);
        for (_, left) in same.into_iter().chain(others) {
            let both = count.min(*left);
            count -= both;
            *left -= both;
        }
    }

    /// A session that has still to commit what follows `head`.
    fn gap_session(&self, head: &Head) -> CaptureSession {
        let ring = RingBuffer::unbounded();
        let mut session = CaptureSession::with_log(self.session_id, ring, head);
        for (category, count, reason) in self.drops(head.latest_seq) {
            let mut left = count;
            while left > 0 {
                let part = left.min(u64::from(u32::MAX));
                // Only a record that was tampered with has an invalid category.
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

    /// Returns category, count and reason of what follows `latest_seq`, the last one in the log. Records of unknown
    /// category come first: they are the oldest, and the collector may turn out to have them.
    fn drops(&self, latest_seq: u64) -> impl Iterator<Item = (&str, u64, &'static str)> {
        let delivered = self.after_seq.saturating_sub(latest_seq);
        let reason = if self.is_log_lost { NOT_RETAINED } else { VOLATILE };
        let (unknown, known): (Vec<_>, Vec<_>) = self
            .undelivered_by_category
            .iter()
            .map(|(category, count)| (category.as_str(), *count, reason))
            .partition(|(category, ..)| *category == UNKNOWN_CATEGORY);
        let is_there = latest_seq >= self.latest_seq();
        std::iter::once((UNKNOWN_CATEGORY, delivered, NOT_RETAINED))
            .chain(unknown)
            .chain(known)
            .filter(move |(_, count, _)| *count > 0 && !is_there)
    }
}

/// Counts what [`LossRecord`]s say, looking at each entry once as long as nothing is acknowledged.
#[derive(Debug)]
pub struct UndeliveredCounter {
    session_id: SessionId,
    ring: RingBuffer,
    counted: Option<Counted>,
}

#[derive(Debug)]
struct Counted {
    after_seq: u64,
    /// The last seq in the log.
    logged_seq: u64,
    logged: BTreeMap<String, u64>,
    memory: BTreeMap<String, u64>,
    reader: Reader,
}

/// The records of one session that no collector has acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// Those that are in the log.
    pub logged: LossRecord,
    /// Those that memory alone holds.
    pub memory: LossRecord,
}

impl UndeliveredCounter {
    /// Counts what `ring` shows of a session.
    pub const fn new(session_id: SessionId, ring: RingBuffer) -> Self {
        Self {
            session_id,
            ring,
            counted: None,
        }
    }

    /// Returns what follows `acked_seq`. The log has everything up to `logged_seq`. The records name no relays.
    pub fn count(&mut self, acked_seq: u64, logged_seq: u64) -> Undelivered {
        let latest_seq = self.ring.latest_seq();
        let after_seq = acked_seq.min(latest_seq);
        let logged_seq = logged_seq.min(latest_seq).max(after_seq);
        let is_unchanged = |counted: &Counted| {
            counted.after_seq == after_seq && (counted.logged_seq == logged_seq || logged_seq == latest_seq)
        };
        if !self.counted.as_ref().is_some_and(is_unchanged) {
            let reader = self.ring.reader(after_seq, Selector::default()).ok();
            self.counted = reader.map(|reader| Counted {
                after_seq,
                logged_seq,
                logged: BTreeMap::new(),
                memory: BTreeMap::new(),
                reader,
            });
        }
        let (logged, memory) = match &mut self.counted {
            None => Default::default(),
            Some(counted) => {
                counted.read(logged_seq);
                (counted.logged.clone(), counted.memory.clone())
            }
        };
        Undelivered {
            logged: LossRecord::new(self.session_id, logged, after_seq, logged_seq),
            memory: LossRecord::new(self.session_id, memory, logged_seq, latest_seq),
        }
    }
}

impl Counted {
    /// Reads to the end of the ring. `logged_seq` is unchanged, or the end of the ring.
    fn read(&mut self, logged_seq: u64) {
        if logged_seq > self.logged_seq {
            self.logged_seq = logged_seq;
            for (category, count) in std::mem::take(&mut self.memory) {
                add(&mut self.logged, &category, count);
            }
        }
        while let Some(read) = self.reader.try_read() {
            let entry = match read {
                ReadResult::Record(entry) => entry,
                ReadResult::Dropped { .. } => continue,
                ReadResult::Closed => break,
            };
            let first_seq = entry.first_seq().max(self.after_seq + 1);
            let in_log = (entry.last_seq().min(self.logged_seq) + 1).saturating_sub(first_seq);
            let in_memory = entry.last_seq() + 1 - first_seq - in_log;
            add(&mut self.logged, entry.category(), in_log);
            add(&mut self.memory, entry.category(), in_memory);
        }
    }
}

fn add(by_category: &mut BTreeMap<String, u64>, category: &str, count: u64) {
    match by_category.get_mut(category) {
        Some(counted) => *counted += count,
        None if count > 0 => _ = by_category.insert(category.to_owned(), count),
        None => {}
    }
}

#[cfg(test)]
mod tests;
