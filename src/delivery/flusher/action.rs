//! The actions that a [`Flusher`](super::Flusher) asks for.

use super::super::batch::BatchPlan;
use crate::record::SessionId;

/// One action.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Read the sessions of the log: [`Flusher::on_sessions`](super::Flusher::on_sessions) or [`Flusher::on_sessions_unreadable`](super::Flusher::on_sessions_unreadable).
    ListSessions,
    /// Challenge the collector: [`Flusher::on_hello`](super::Flusher::on_hello).
    Hello,
    /// Read a cursor: [`Flusher::on_acked_loaded`](super::Flusher::on_acked_loaded).
    LoadAcked {
        /// The session.
        session_id: SessionId,
        /// The store that acknowledged.
        store_id: String,
    },
    /// Write a cursor; [`Flusher::on_acked_not_stored`](super::Flusher::on_acked_not_stored) when that failed.
    StoreAcked {
        /// The session.
        session_id: SessionId,
        /// The store that acknowledged.
        store_id: String,
        /// The cursor.
        acked_seq: u64,
    },
    /// Build and send a batch: [`Flusher::on_sent`](super::Flusher::on_sent) and [`Flusher::on_reply`](super::Flusher::on_reply), or [`Flusher::on_log_unreadable`](super::Flusher::on_log_unreadable).
    Send(BatchPlan),
    /// Nothing before this time, unless something is committed or asked for.
    WaitUntil(f64),
    /// Nothing until something is committed or asked for.
    Idle,
}
