//! How far one session is delivered.

use super::link::Backoff;
use crate::record::SessionId;
use std::collections::BTreeSet;

/// Time after which a failed operation of the log is retried.
pub(super) const LOG_RETRY_MS: f64 = 30_000.0;
/// Cursors are stored at most this often while they move forward. A cursor that is behind costs a
/// collector some duplicates after a worker's death, nothing else.
pub const STORE_CURSOR_MS: f64 = 1_000.0;

/// One session's cursor, and what blocks it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The last committed seq.
    latest_seq: u64,
    /// The seq that the current store has acked; `None` until the log was read.
    acked_seq: Option<u64>,
    /// The highest seq that can have been sent: earlier owners may have sent all they committed.
    sent_seq: u64,
    /// The cursor in the log, and the time of its writing.
    stored_seq: Option<u64>,
    stored_at_ms: f64,
    /// The cursor went back: it is stored without waiting.
    store_now: bool,
    /// First seqs of records that were refused alone: gaps take their places.
    refused: BTreeSet<u64>,
    /// First seqs of records that were refused among others: they are sent alone.
    send_alone: BTreeSet<u64>,
    /// Everything is acked, but the store may have lost it: ask again about the last record.
    probe: bool,
    /// The store has answered for this session since it last proved its identity.
    proved: bool,
    /// The last ack that was beyond what was sent.
    last_excess_ack: Option<u64>,
    /// Receipts in a row that did not get the session forward.
    stalls: u32,
    backoff: Backoff,
    error: Option<String>,
    /// Its delivery has ended; `error` says why.
    stopped: bool,
    /// No more will be committed: the rest does not wait for company.
    closing: bool,
}

/// The consequence of a refused record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is sent alone next.
    SendAlone,
    /// A gap takes its place.
    Gap,
    /// Its gap was refused as well.
    GapRefused,
}

impl Progress {
    fn new(latest_seq: u64) -> Self {
        Self {
            latest_seq,
            sent_seq: latest_seq,
            ..Self::default()
        }
    }

    pub(super) const fn latest_seq(&self) -> u64 {
        self.latest_seq
    }

    pub(super) const fn acked_seq(&self) -> Option<u64> {
        self.acked_seq
    }

    pub(super) const fn sent_seq(&self) -> u64 {
        self.sent_seq
    }

    pub(super) const fn refused(&self) -> &BTreeSet<u64> {
        &self.refused
    }

    pub(super) const fn send_alone(&self) -> &BTreeSet<u64> {
        &self.send_alone
    }

    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    pub(super) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    pub(super) const fn is_closing(&self) -> bool {
        self.closing
    }

    pub(super) const fn retry_at_ms(&self) -> f64 {
        self.backoff.retry_at_ms()
    }

    /// Returns whether everything up to `seq` is acked, and the store is not asked again.
    pub(super) fn is_acked(&self, seq: u64) -> bool {
        self.acked_seq.is_some_and(|acked_seq| acked_seq >= seq) && !self.probe
    }

    /// Seqs committed and not acked.
    pub(super) fn backlog(&self) -> u64 {
        self.latest_seq.saturating_sub(self.acked_seq.unwrap_or(0))
    }

    /// Returns the seq after which the next batch begins, if there are records to send.
    pub(super) fn after_seq(&self) -> Option<u64> {
        let acked_seq = self.acked_seq.filter(|_| !self.stopped)?;
        if acked_seq < self.latest_seq {
            return Some(acked_seq);
        }
        self.probe.then(|| self.latest_seq - 1)
    }

    pub(super) fn on_committed(&mut self, latest_seq: u64) {
        self.latest_seq = self.latest_seq.max(latest_seq);
    }

    pub(super) const fn on_closing(&mut self) {
        self.closing = true;
    }

    pub(super) const fn on_flush_requested(&mut self) {
        self.backoff.hurry();
    }

    pub(super) fn on_sent(&mut self, last_seq: u64) {
        self.sent_seq = self.sent_seq.max(last_seq);
        self.on_committed(last_seq);
    }

    /// Asks again about the last record, if there is one.
    pub(super) const fn ask_again(&mut self) {
        self.probe = self.latest_seq > 0;
    }

    /// Asks again if the store has acked records of this session, but not since it proved its identity.
    pub(super) const fn on_other_session_rewound(&mut self) {
        if !self.proved && self.acked_seq.is_some() {
            self.ask_again();
        }
    }

    /// The store has proved its identity. If it is another one, nothing that the last one said holds.
    pub(super) fn on_proven(&mut self, is_another_store: bool) {
        self.proved = false;
        if is_another_store {
            *self = Self {
                latest_seq: self.latest_seq,
                sent_seq: self.sent_seq,
                stored_at_ms: self.stored_at_ms,
                store_now: self.store_now,
                closing: self.closing,
                ..Self::default()
            };
        }
    }

    pub(super) fn on_cursor_loaded(&mut self, acked_seq: u64) {
        self.acked_seq = Some(acked_seq);
        self.stored_seq = Some(acked_seq);
        // A cursor that was stored is an ack that was accepted.
        self.sent_seq = self.sent_seq.max(acked_seq);
    }

    /// Tries again later, so that delivery does not wait for a log that fails.
    pub(super) fn on_cursor_not_stored(&mut self, now_ms: f64) {
        self.stored_seq = None;
        self.stored_at_ms = now_ms + LOG_RETRY_MS - STORE_CURSOR_MS;
    }

    /// Returns the cursor if it is to be stored now, which counts as done, or else the time at which it will be.
    pub(super) fn take_due_cursor(&mut self, now_ms: f64) -> Result<u64, f64> {
        let acked_seq = self
            .acked_seq
            .filter(|_| self.stored_seq != self.acked_seq)
            .ok_or(f64::INFINITY)?;
        let due_ms = self.stored_at_ms + STORE_CURSOR_MS;
        if !self.store_now && now_ms < due_ms {
            return Err(due_ms);
        }
        self.stored_seq = Some(acked_seq);
        self.stored_at_ms = now_ms;
        self.store_now = false;
        Ok(acked_seq)
    }

    /// Returns the seq that an ack is good for; `None` if it is to be ignored.
    ///
    /// An older session may have continued in its owner's memory after its log failed, and that owner may have sent
    /// more than this one has committed. So for such a session an ack beyond what was sent is accepted the second time
    /// the collector repeats it, capped at the last seq that can have been sent from here.
    pub(super) fn accepted_ack(&mut self, acked_seq: u64, is_live: bool) -> Option<u64> {
        if acked_seq <= self.sent_seq {
            return Some(acked_seq);
        }
        let is_repeated = self.last_excess_ack.replace(acked_seq) == Some(acked_seq);
        (!is_live && is_repeated).then_some(self.sent_seq)
    }

    /// Moves the cursor after the batch that began after `after_seq` was answered; returns its last position.
    pub(super) fn on_acked(&mut self, acked_seq: u64, after_seq: u64, now_ms: f64, random: f64) -> u64 {
        let from_seq = self.acked_seq.unwrap_or(0);
        self.acked_seq = Some(acked_seq);
        self.probe = false;
        self.proved = true;
        self.error = None;
        self.refused = self.refused.split_off(&(acked_seq + 1));
        self.send_alone = self.send_alone.split_off(&(acked_seq + 1));
        self.store_now |= acked_seq < from_seq;
        if acked_seq > after_seq {
            self.stalls = 0;
            self.backoff.reset();
        } else {
            // Once is a rewind. Again and again, it takes our records and says it has none.
            self.stalls += 1;
            if self.stalls > 1 {
                self.backoff.failed(now_ms, random, None);
            }
        }
        from_seq
    }

    /// A record was refused, alone or among others.
    pub(super) fn on_record_refused(&mut self, first_seq: u64, was_alone: bool) -> Refusal {
        if !was_alone {
            self.send_alone.insert(first_seq);
            Refusal::SendAlone
        } else if self.refused.insert(first_seq) {
            Refusal::Gap
        } else {
            Refusal::GapRefused
        }
    }

    pub(super) fn stop(&mut self, error: String) {
        self.error = Some(error);
        self.stopped = true;
    }

    /// Waits before the next attempt; returns whether this is the first failure in a row.
    pub(super) fn on_failed(&mut self, error: String, now_ms: f64, random: f64) -> bool {
        let is_first = self.backoff.failures() == 0;
        self.error = Some(error);
        self.backoff.failed(now_ms, random, None);
        is_first
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
    pub(super) fn on_committed(&mut self, id: SessionId, latest_seq: u64) {
        match self.0.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(index) => self.0[index].1.on_committed(latest_seq),
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
