//! When a batch goes, how large it is, and whose turn it is.

use super::batch::{FlushReason, MAX_BATCH_BYTES, MAX_BATCH_EVENTS};
use super::progress::Progress;
use crate::log::Limits;

/// With nothing in flight, what is committed goes at once, but at most this often.
pub const FLUSH_INTERVAL_MS: f64 = 20.0;
/// The same while no reader follows the collector's stream.
pub const UNWATCHED_INTERVAL_MS: f64 = 250.0;

/// The pace of the batches.
#[derive(Debug)]
pub(super) struct Pace {
    limits: Limits,
    /// A flush waits.
    requested: bool,
    /// From the first connection, and from each failure, until everything is acked.
    recovering: bool,
    live_began_ms: f64,
    /// Whether a reader may follow the collector's stream.
    is_watched: bool,
    /// The live session's records up to this seq are sent as if a reader followed the stream.
    urgent_seq: u64,
    /// The last batch of the live session could not take everything.
    batch_was_full: bool,
    /// The live session had the last turn.
    prefer_backlog: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            limits: Limits::new(MAX_BATCH_EVENTS, MAX_BATCH_BYTES),
            requested: false,
            recovering: true,
            live_began_ms: f64::NEG_INFINITY,
            is_watched: true,
            urgent_seq: 0,
            batch_was_full: false,
            prefer_backlog: false,
        }
    }
}

impl Pace {
    pub(super) const fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) const fn prefers_backlog(&self) -> bool {
        self.prefer_backlog
    }

    /// Returns the reason for which an older session is sent.
    pub(super) fn older_reason(&self, progress: &Progress) -> FlushReason {
        self.urgent_reason(progress).unwrap_or(FlushReason::Recovered)
    }

    /// Returns the reason for which the live session is sent now, or else the time at which it will be.
    pub(super) fn live_reason(&self, progress: &Progress, now_ms: f64) -> Result<FlushReason, f64> {
        if let Some(reason) = self.urgent_reason(progress) {
            return Ok(reason);
        }
        if self.batch_was_full || progress.backlog() >= self.limits.entries as u64 {
            return Ok(FlushReason::Size);
        }
        let interval_ms = if self.is_watched || progress.sent_seq() < self.urgent_seq {
            FLUSH_INTERVAL_MS
        } else {
            UNWATCHED_INTERVAL_MS
        };
        let due_ms = self.live_began_ms + interval_ms;
        if now_ms >= due_ms {
            Ok(FlushReason::Interval)
        } else {
            Err(due_ms)
        }
    }

    const fn urgent_reason(&self, progress: &Progress) -> Option<FlushReason> {
        match (progress.is_closing(), self.requested, self.recovering) {
            (true, ..) => Some(FlushReason::Closing),
            (_, true, _) => Some(FlushReason::Requested),
            (_, _, true) => Some(FlushReason::Recovered),
            _ => None,
        }
    }

    pub(super) const fn on_live(&mut self) {
        self.batch_was_full = false;
        self.urgent_seq = 0;
    }

    /// The live session's records up to this seq may be the last before the browser ends.
    pub(super) const fn on_urgent(&mut self, seq: u64) {
        self.urgent_seq = seq;
    }

    pub(super) const fn on_flush_requested(&mut self) {
        self.requested = true;
    }

    /// The store has less than it had: what is sent again does not wait.
    pub(super) const fn on_rewound(&mut self) {
        self.recovering = true;
    }

    pub(super) const fn on_caught_up(&mut self) {
        self.requested = false;
        self.recovering = false;
    }

    pub(super) const fn on_link_failed(&mut self) {
        self.requested = false;
        self.recovering = true;
    }

    /// A batch was sent, of the live session or an older one; `is_full` says that it could not take everything.
    pub(super) const fn on_sent(&mut self, is_live: bool, is_full: bool, now_ms: f64) {
        if is_live {
            self.live_began_ms = now_ms;
            self.batch_was_full = is_full;
        }
        self.prefer_backlog = is_live;
    }

    /// Takes the number of open streams from a receipt; an older collector does not send it.
    pub(super) const fn on_subscribers(&mut self, count: Option<u64>) {
        self.is_watched = !matches!(count, Some(0));
    }

    /// A reply did not acknowledge all of a live batch: the rest goes at once.
    pub(super) const fn on_live_not_acked(&mut self) {
        self.batch_was_full = true;
    }

    /// A batch of this size was too large.
    pub(super) const fn on_too_large(&mut self, entries: usize, bytes: usize) {
        self.limits = Limits::new(entries / 2, bytes.div_ceil(2));
    }

    /// A batch was small enough; each one lets the next be a little larger.
    pub(super) fn on_fit(&mut self) {
        let Limits { entries, bytes } = self.limits;
        self.limits = Limits {
            entries: (entries + entries.div_ceil(8)).min(MAX_BATCH_EVENTS),
            bytes: (bytes + bytes.div_ceil(8)).min(MAX_BATCH_BYTES),
        };
    }

    #[cfg(test)]
    pub(super) const fn older_gets_no_turn(&mut self) {
        self.prefer_backlog = false;
    }
}
