//! The status of the delivery, for a person.

use super::super::flush::{FlushReason, NotFlushed};
use super::super::notice::Notice;
use super::Flusher;
use super::progress::Progress;
use crate::record::SessionId;

/// The state of the connection to the collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// It was not reached yet.
    Connecting,
    /// It answers.
    Ok,
    /// It does not, or not as it should; it is tried again.
    Retrying,
    /// It does not accept the token. Delivery has stopped.
    Unauthorized,
    /// Something else answers at its address. It is tried again.
    Impostor,
}

/// Counts since the delivery began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Totals {
    /// Receipts.
    pub acks: u64,
    /// Records that were new to the collector.
    pub accepted: u64,
    /// Records that it had already.
    pub duplicates: u64,
    /// Records refused alone.
    pub refused: u64,
    /// Requests that failed.
    pub failures: u64,
    /// Batches by [`FlushReason`], in the order of [`FlushReason::ALL`].
    pub flushes: [u64; FlushReason::ALL.len()],
}

/// The status of the delivery.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct DeliveryStatus {
    /// The link.
    pub state: LinkState,
    /// The collector's address.
    pub url: String,
    /// Its store.
    pub store_id: Option<String>,
    /// The seq up to which the live session is acked.
    pub acked_seq: u64,
    /// When it last acked anything, in Unix microseconds.
    pub last_ack_ts: Option<u64>,
    /// The current error.
    pub error: Option<String>,
    /// Seqs committed and not acked, over all sessions in the log. Before a store is known, all of them.
    pub backlog_events: u64,
    /// Whether there is something to send, so that the worker is to be kept alive.
    pub draining: bool,
    /// Counts.
    pub totals: Totals,
}

impl Flusher {
    /// The status, without the caller's part.
    pub(in crate::delivery) fn status(&self, live: Option<SessionId>) -> DeliveryStatus {
        let live = live.and_then(|live| self.sessions.get(live));
        let backlog_events = self.sessions.iter().map(|(_, progress)| progress.backlog()).sum();
        DeliveryStatus {
            state: self.link.state(),
            url: String::new(),
            store_id: self.link.store_id().map(str::to_owned),
            acked_seq: live.and_then(Progress::acked_seq).unwrap_or(0),
            last_ack_ts: None,
            error: self
                .link
                .error()
                .or_else(|| {
                    self.sessions
                        .iter()
                        .rev()
                        .find_map(|(_, progress)| progress.error())
                })
                .map(str::to_owned),
            backlog_events,
            draining: backlog_events > 0 && self.link.state() != LinkState::Unauthorized,
            totals: self.totals,
        }
    }

    /// How often something failed since the delivery began.
    pub(in crate::delivery) const fn failures(&self) -> u64 {
        self.totals.failures
    }

    /// Returns the notices since the last call, the link's state and the number of receipts.
    pub(in crate::delivery) fn drain_changes(&mut self) -> (Vec<Notice>, LinkState, u64) {
        (
            std::mem::take(&mut self.notices),
            self.link.state(),
            self.totals.acks,
        )
    }

    /// The result of a flush that began when the live session was at `live_seq`, after so many failures.
    /// `None`: it continues.
    pub(in crate::delivery) fn flushed(
        &self,
        live: Option<SessionId>,
        live_seq: u64,
        failures: u64,
    ) -> Option<Result<(), NotFlushed>> {
        let is_acked = |id: SessionId, progress: &Progress| {
            progress.is_acked(if Some(id) == live {
                live_seq
            } else {
                progress.latest_seq()
            })
        };
        let is_listed = self.list_at_ms == f64::INFINITY;
        if is_listed && self.link.store_id().is_some() && self.sessions.iter().all(|(id, p)| is_acked(id, p))
        {
            return Some(Ok(()));
        }
        let stopped = self.link.is_stopped()
            || self
                .sessions
                .iter()
                .any(|(id, p)| p.is_stopped() && !is_acked(id, p));
        if stopped || self.totals.failures > failures {
            let reason = self.status(live).error.unwrap_or_default();
            return Some(Err(NotFlushed { reason }));
        }
        None
    }
}
