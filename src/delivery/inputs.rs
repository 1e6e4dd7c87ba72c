//! Inputs of a flusher, other than replies.

use super::batch::Batch;
use super::decide::{Flusher, InFlight, LOG_RETRY_MS, STORE_CURSOR_MS};
use super::flush::FlushReason;
use super::notice::Notice;
use super::progress::Progress;
use crate::record::SessionId;

impl Flusher {
    /// The session that is being recorded, and its last committed seq.
    pub fn set_live(&mut self, session_id: SessionId, latest_seq: u64) {
        self.live = Some(session_id);
        self.batch_was_full = false;
        self.sessions.committed(session_id, latest_seq);
    }

    /// Something was committed.
    pub fn committed(&mut self, session_id: SessionId, latest_seq: u64) {
        if let Some(progress) = self.sessions.get_mut(session_id) {
            progress.committed(latest_seq);
        }
    }

    /// A session ends: what is left of it goes at once.
    pub fn closing(&mut self, session_id: SessionId) {
        if let Some(progress) = self.sessions.get_mut(session_id) {
            progress.closing = true;
        }
    }

    /// Someone waits for everything to be acked: no waiting, unless the collector asked for it.
    pub fn request(&mut self) {
        self.requested = true;
        self.backoff.hurry();
        for (_, progress) in self.sessions.iter_mut() {
            progress.backoff.hurry();
        }
    }

    /// The sessions of the log, each with its last committed seq.
    pub fn on_sessions(&mut self, sessions: impl IntoIterator<Item = (SessionId, u64)>) {
        self.list_at_ms = f64::INFINITY;
        for (id, latest_seq) in sessions {
            // The owner of the live session reports its commits itself.
            if Some(id) != self.live {
                self.sessions.committed(id, latest_seq);
            }
        }
    }

    /// The end of an older session, which the log may not have.
    pub fn on_finished_session(&mut self, session_id: SessionId, latest_seq: u64) {
        self.sessions.committed(session_id, latest_seq);
    }

    /// The list could not be read. The live session continues meanwhile.
    pub fn on_sessions_unreadable(&mut self, error: String, now_ms: f64) {
        self.list_at_ms = now_ms + LOG_RETRY_MS;
        self.notices.push(Notice::LogUnreadable { error });
    }

    /// The log's cursor of a session.
    pub fn on_acked_loaded(&mut self, session_id: SessionId, store_id: &str, acked_seq: u64) {
        if self.store_id.as_deref() != Some(store_id) {
            return;
        }
        let is_older =
            |(id, progress): &(SessionId, &Progress)| Some(*id) != self.live && progress.latest_seq > 0;
        let newest_older = self.sessions.iter().rfind(is_older).map(|(id, _)| id);
        let Some(progress) = self.sessions.get_mut(session_id) else {
            return;
        };
        progress.acked_seq = Some(acked_seq);
        progress.stored_seq = Some(acked_seq);
        // A cursor that was stored is an ack that was believed.
        progress.sent_seq = progress.sent_seq.max(acked_seq);
        if Some(session_id) == newest_older && !std::mem::replace(&mut self.probed, true) {
            progress.ask_again();
        }
    }

    /// A cursor could not be stored; it will be tried again, but so that delivery does not wait for a log
    /// that fails.
    pub fn on_acked_not_stored(&mut self, session_id: SessionId, now_ms: f64) {
        if let Some(progress) = self.sessions.get_mut(session_id) {
            progress.stored_seq = None;
            progress.stored_at_ms = now_ms + LOG_RETRY_MS - STORE_CURSOR_MS;
        }
    }

    /// A batch is on its way.
    pub fn on_sent(&mut self, batch: &Batch, reason: FlushReason, now_ms: f64) {
        let is_live = Some(batch.session_id) == self.live;
        let Some(progress) = self.sessions.get_mut(batch.session_id) else {
            return;
        };
        progress.sent_seq = progress.sent_seq.max(batch.last_seq);
        progress.committed(batch.last_seq);
        if is_live {
            self.live_began_ms = now_ms;
            self.batch_was_full = batch.last_seq < progress.latest_seq;
        }
        self.prefer_backlog = is_live;
        self.totals.flushes[reason as usize] += 1;
        self.in_flight = Some(InFlight {
            session_id: batch.session_id,
            after_seq: batch.first_seq - 1,
            records: batch.records.clone(),
            bytes: batch.body.len(),
        });
    }

    /// Sends records of the live session again at once if a reply did not acknowledge them.
    pub(super) fn requeue_unacked(&mut self, flight: &InFlight) {
        let last_seq = flight.records.last().map_or(0, |record| record.1);
        let progress = self
            .sessions
            .get(flight.session_id)
            .filter(|_| Some(flight.session_id) == self.live);
        self.batch_was_full |= progress.is_some_and(|progress| progress.acked_seq < Some(last_seq));
    }
}
