//! How far one session is delivered.

use super::backoff::Backoff;
use super::notice::SessionStop;
use crate::record::SessionId;
use std::collections::BTreeSet;

/// One session's cursor, and what stands in its way.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The last committed seq.
    pub(super) latest_seq: u64,
    /// The seq that the current store has acked; `None` until the log was read.
    pub(super) acked_seq: Option<u64>,
    /// The highest seq that anyone can have sent: earlier owners may have sent all they committed.
    pub(super) sent_seq: u64,
    /// The cursor in the log, and the time of its writing.
    pub(super) stored_seq: Option<u64>,
    pub(super) stored_at_ms: f64,
    /// Do not wait with storing it.
    pub(super) store_now: bool,
    /// First seqs of records that were refused alone: gaps take their places.
    pub(super) refused: BTreeSet<u64>,
    /// First seqs of records that were refused among others: they are sent alone.
    pub(super) send_alone: BTreeSet<u64>,
    /// Everything is acked, but the store may have lost it: ask again about the last record.
    pub(super) probe: bool,
    /// The store has answered for this session since it last proved its identity.
    pub(super) proved: bool,
    /// The last ack was beyond what was sent, and so far.
    pub(super) last_excess_ack: Option<u64>,
    /// Receipts in a row that did not get the session forward.
    pub(super) stalls: u32,
    pub(super) backoff: Backoff,
    pub(super) error: Option<String>,
    pub(super) stopped: Option<SessionStop>,
    /// No more will be committed: the rest does not wait for company.
    pub(super) closing: bool,
}

impl Progress {
    pub(super) fn new(latest_seq: u64) -> Self {
        Self {
            latest_seq,
            sent_seq: latest_seq,
            ..Self::default()
        }
    }

    pub(super) fn committed(&mut self, latest_seq: u64) {
        self.latest_seq = self.latest_seq.max(latest_seq);
    }

    /// Seqs committed and not acked.
    pub(super) fn backlog(&self) -> u64 {
        self.latest_seq.saturating_sub(self.acked_seq.unwrap_or(0))
    }

    /// Returns the seq after which the next batch begins, if there are records to send.
    pub(super) fn after_seq(&self) -> Option<u64> {
        let acked_seq = self.acked_seq.filter(|_| self.stopped.is_none())?;
        if acked_seq < self.latest_seq {
            return Some(acked_seq);
        }
        self.probe.then(|| self.latest_seq - 1)
    }

    /// Asks again about the last record, unless there is none.
    pub(super) fn ask_again(&mut self) {
        self.probe = self.latest_seq > 0;
    }

    /// Another store: nothing of what the last one said holds.
    pub(super) fn forget_store(&mut self) {
        self.acked_seq = None;
        self.stored_seq = None;
        self.refused.clear();
        self.send_alone.clear();
        self.probe = false;
        self.last_excess_ack = None;
        self.stalls = 0;
        self.backoff.reset();
        self.error = None;
        self.stopped = None;
    }

    /// When the cursor is to be stored; `None` when the log has it.
    pub(super) fn store_at_ms(&self, interval_ms: f64) -> Option<f64> {
        let acked_seq = self.acked_seq?;
        if self.stored_seq == Some(acked_seq) {
            return None;
        }
        Some(if self.store_now {
            f64::NEG_INFINITY
        } else {
            self.stored_at_ms + interval_ms
        })
    }
}

/// Sessions by age, oldest first. They are few.
#[derive(Debug, Default)]
pub(super) struct Sessions(Vec<(SessionId, Progress)>);

impl Sessions {
    pub(super) fn get(&self, id: SessionId) -> Option<&Progress> {
        let index = self.0.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&self.0[index].1)
    }

    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Progress> {
        let index = self.0.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&mut self.0[index].1)
    }

    /// Notes that `id` is committed up to `latest_seq`.
    pub(super) fn committed(&mut self, id: SessionId, latest_seq: u64) {
        match self.0.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(index) => self.0[index].1.committed(latest_seq),
            Err(index) => self.0.insert(index, (id, Progress::new(latest_seq))),
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (SessionId, &Progress)> {
        self.0.iter().map(|(id, progress)| (*id, progress))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (SessionId, &mut Progress)> {
        self.0.iter_mut().map(|(id, progress)| (*id, progress))
    }
}
