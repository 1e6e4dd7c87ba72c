//! Inputs of a flusher, other than replies.

use super::super::batch::Batch;
use super::super::flush::FlushReason;
use super::super::notice::Notice;
use super::progress::Progress;
use super::{Flusher, InFlight, LOG_RETRY_MS};
use crate::record::SessionId;

impl Flusher {
    /// The session that is being recorded, and its last committed seq.
    pub fn on_live(&mut self, session_id: SessionId, latest_seq: u64) {
        self.live = Some(session_id);
        self.pace.on_live();
        self.sessions.on_committed(session_id, latest_seq);
    }

    /// Something was committed.
    pub fn on_committed(&mut self, session_id: SessionId, latest_seq: u64) {
        if let Some(progress) = self.sessions.get_mut(session_id) {
            progress.on_committed(latest_seq);
        }
    }

    /// A session ends: what is left of it goes at once.
    pub fn on_closing(&mut self, session_id: SessionId) {
        if let Some(progress) = self.sessions.get_mut(session_id) {
            progress.on_closing();
        }
    }

    /// Someone waits for everything to be acked: no waiting, unless the collector asked for it.
    pub fn on_flush_requested(&mut self) {
        self.pace.on_flush_requested();
        self.link.on_flush_requested();
        for (_, progress) in self.sessions.iter_mut() {
            progress.on_flush_requested();
        }
    }

    /// The sessions of the log, each with its last committed seq.
    pub fn on_sessions(&mut self, sessions: impl IntoIterator<Item = (SessionId, u64)>) {
        self.list_at_ms = f64::INFINITY;
        for (id, latest_seq) in sessions {
            // The owner of the live session reports its commits itself.
            if !self.is_live(id) {
                self.sessions.on_committed(id, latest_seq);
            }
        }
    }

    /// The end of an older session, which the log may not have.
    pub fn on_finished_session(&mut self, session_id: SessionId, latest_seq: u64) {
        self.sessions.on_committed(session_id, latest_seq);
    }

    /// The list could not be read. The live session continues meanwhile.
    pub fn on_sessions_unreadable(&mut self, error: String, now_ms: f64) {
        self.list_at_ms = now_ms + LOG_RETRY_MS;
        self.notices.push(Notice::LogUnreadable { error });
    }

    /// The log's cursor of a session.
    pub fn on_acked_loaded(&mut self, session_id: SessionId, store_id: &str, acked_seq: u64) {
        if self.link.store_id() != Some(store_id) {
            return;
        }
        let is_older =
            |(id, progress): &(SessionId, &Progress)| !self.is_live(*id) && progress.latest_seq() > 0;
        let newest_older = self.sessions.iter().rfind(is_older).map(|(id, _)| id);
        let Some(progress) = self.sessions.get_mut(session_id) else {
            return;
        };
        progress.on_cursor_loaded(acked_seq);
        if Some(session_id) == newest_older && !std::mem::replace(&mut self.probed, true) {
            progress.ask_again();
        }
    }

    /// A cursor could not be stored.
    pub fn on_acked_not_stored(&mut self, session_id: SessionId, now_ms: f64) {
        if let Some(progress) = self.sessions.get_mut(session_id) {
            progress.on_cursor_not_stored(now_ms);
        }
    }

    /// A batch is on its way.
    pub fn on_sent(&mut self, batch: &Batch, reason: FlushReason, now_ms: f64) {
        let is_live = self.is_live(batch.session_id);
        let Some(progress) = self.sessions.get_mut(batch.session_id) else {
            return;
        };
        progress.on_sent(batch.last_seq);
        let is_full = batch.last_seq < progress.latest_seq();
        self.pace.on_sent(is_live, is_full, now_ms);
        self.totals.flushes[reason as usize] += 1;
        self.in_flight = Some(InFlight {
            session_id: batch.session_id,
            after_seq: batch.first_seq - 1,
            records: batch.records.clone(),
            bytes: batch.body.len(),
        });
    }
}
