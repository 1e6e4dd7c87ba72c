//! What a [`Flusher`](super::Flusher) wants done.

use super::batch::Limits;
use super::flush::FlushReason;
use crate::record::SessionId;
use std::collections::BTreeSet;

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Read the sessions of the log: [`Flusher::listed`](super::Flusher::listed) or [`Flusher::not_listed`](super::Flusher::not_listed).
    ListSessions,
    /// Challenge the collector: [`Flusher::greeted`](super::Flusher::greeted).
    Hello,
    /// Read a cursor: [`Flusher::loaded`](super::Flusher::loaded).
    LoadAcked {
        /// The session.
        session_id: SessionId,
        /// Whose ack.
        store_id: String,
    },
    /// Write a cursor; [`Flusher::not_stored`](super::Flusher::not_stored) when that failed.
    StoreAcked {
        /// The session.
        session_id: SessionId,
        /// Whose ack.
        store_id: String,
        /// The cursor.
        acked_seq: u64,
    },
    /// Build and send a batch: [`Flusher::began`](super::Flusher::began) and [`Flusher::answered`](super::Flusher::answered), or [`Flusher::unreadable`](super::Flusher::unreadable).
    Send(Order),
    /// Nothing before this time, unless something is committed or asked for.
    WaitUntil(f64),
    /// Nothing until something is committed or asked for.
    Idle,
}

/// A batch to be built and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The session.
    pub session_id: SessionId,
    /// It begins after this seq.
    pub after_seq: u64,
    /// The last seq that is known to be committed.
    pub latest_seq: u64,
    /// How large it may be.
    pub limits: Limits,
    /// First seqs of records whose place a gap takes.
    pub refused: BTreeSet<u64>,
    /// First seqs of records that are sent alone.
    pub suspects: BTreeSet<u64>,
    /// Why now.
    pub reason: FlushReason,
}
