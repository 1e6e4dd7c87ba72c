//! Category logs: where records are before anyone outside sees them.
//!
//! One log a category, opened at its first record. A **commit** is one transaction: it checks that
//! this owner still is the owner (`head.epoch`), adds one [`Segment`] a category and moves the head to
//! the new `latest_seq`, together with the counters of the relays whose messages are in it. Either all of
//! it is there afterwards or none.
//!
//! ## Losing
//!
//! A commit that fails is tried again with the same seqs; see
//! [`CaptureSession`](crate::session::CaptureSession) for what happens when that persists.
//! [`LogError::Superseded`] is final: another owner resumed the session.

mod columns;
#[cfg(any(test, target_arch = "wasm32"))]
pub(crate) mod forget;
mod format;
#[cfg(any(test, target_arch = "wasm32"))]
pub(crate) mod merge;
mod page;
mod pending_gaps;
#[cfg(any(test, target_arch = "wasm32"))]
pub(crate) mod retention;
#[cfg(test)]
mod samples;
mod schedule;
mod tally;
#[cfg(any(test, target_arch = "wasm32"))]
pub(crate) mod tombstone;

pub use columns::Columns;
pub use format::{BadSegment, Row, Segment, SegmentBuilder};
pub use page::{Page, PageLimit, read_page};
pub use pending_gaps::PendingGaps;
#[cfg(any(test, target_arch = "wasm32"))]
pub use retention::{Retained, RetentionPolicy};
pub use schedule::{COMMIT_BYTES, COMMIT_INTERVAL_MS, CommitSchedule, Due};
pub use tally::Tally;

use crate::record::{Entry, SessionId};
use std::future::Future;

/// The records of one transaction.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The session of the records.
    pub session_id: SessionId,
    /// The epoch this owner resumed or began with.
    pub epoch: u64,
    /// The first seq in it.
    pub first_seq: u64,
    /// The last; the head's `latest_seq` afterwards.
    pub latest_seq: u64,
    /// One segment per category that has records.
    pub segments: Vec<Segment>,
    /// The same records in seq order, as the ring and the flusher take them.
    pub entries: Vec<Entry>,
    /// The last message of each relay that is in it.
    pub relays: Vec<RelayCursor>,
    /// Bytes of all lines, newlines counted.
    pub bytes: usize,
}

/// How far a relay's messages are committed, over all sessions.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RelayCursor {
    /// The relay's random name.
    pub relay_id: String,
    /// Its last committed message.
    pub message: u64,
}

/// The head of a session in the log: one small row, the only one that a resume reads.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Head {
    /// Raised by each owner that resumes the session.
    pub epoch: u64,
    /// The last committed seq; 0 before the first commit.
    pub latest_seq: u64,
    /// When the last commit was made, Unix milliseconds.
    pub committed_ms: u64,
    /// The categories that have a log, in order of opening.
    pub categories: Vec<String>,
}

/// How much is taken at once. A single record may be larger than `bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most records.
    pub entries: usize,
    /// Most bytes, newlines counted.
    pub bytes: usize,
}

impl Limits {
    /// Both limits.
    pub const fn new(entries: usize, bytes: usize) -> Self {
        Self { entries, bytes }
    }
}

/// A store of category logs.
///
/// Implemented by IndexedDB for the worker, and in memory for tests.
pub trait LogStore {
    /// Resumes a session, whose every earlier owner is superseded by that, or begins it.
    fn reopen(&self, session_id: SessionId) -> impl Future<Output = Result<Head, LogError>>;

    /// Makes `commit` durable, all or nothing.
    fn commit(&self, commit: &Commit) -> impl Future<Output = Result<(), LogError>>;

    /// Records after `after_seq` of a session, in seq order over all categories: as many whole ones as `limits`
    /// allow, and at least one if there is one.
    fn read(
        &self,
        session_id: SessionId,
        after_seq: u64,
        limits: Limits,
    ) -> impl Future<Output = Result<Vec<Entry>, LogError>>;

    /// Every session that has a head, oldest first.
    fn sessions(&self) -> impl Future<Output = Result<Vec<(SessionId, Head)>, LogError>>;

    /// How far the collector with `store_id` has acknowledged a session; 0 when it never did.
    fn acked_seq(&self, session_id: SessionId, store_id: &str)
    -> impl Future<Output = Result<u64, LogError>>;

    /// Keeps what the collector with `store_id` has acknowledged. It may be less than before: a store
    /// that was restored from a copy rewinds.
    fn set_acked_seq(
        &self,
        session_id: SessionId,
        store_id: &str,
        acked_seq: u64,
    ) -> impl Future<Output = Result<(), LogError>>;
}

/// Why a log did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Another owner resumed this session: ours is over.
    #[error("epoch {ours} of this session was superseded by epoch {theirs}")]
    Superseded {
        /// The epoch of the commit.
        ours: u64,
        /// The epoch in the head.
        theirs: u64,
    },
    /// The disk quota of this origin is used up.
    #[error("the browser's storage quota for this extension is used up")]
    QuotaExceeded,
    /// Another connection holds the database at an older version.
    #[error("another page or worker holds the database open at an older version")]
    Blocked,
    /// Another connection asked for a newer version; this one was closed.
    #[error("a newer version of the extension took the database over")]
    VersionChange,
    /// The session has no head: the store was emptied.
    #[error("the session is not in the database, which was cleared")]
    Missing,
    /// The session is in the database already and is not begun twice; without its first head, which said
    /// the last seq it spent, it cannot be resumed either.
    #[error("session {0} is in the database already and is not begun twice; begin a new one")]
    NotResumable(SessionId),
    /// A segment cannot be read.
    #[error("the segment of {category} at seq {first_seq} is corrupt: {reason}")]
    Corrupt {
        /// Its category.
        category: String,
        /// Its key.
        first_seq: u64,
        /// The mistake in it.
        reason: String,
    },
    /// This environment has no IndexedDB, or denies it.
    #[error("IndexedDB is not available: {0}")]
    Unavailable(String),
    /// Anything else, with the name the environment gave it.
    #[error("{name}: {message}")]
    Other {
        /// `AbortError`, `UnknownError`, …
        name: String,
        /// Its message.
        message: String,
    },
}

impl LogError {
    /// The code of this error in every interface.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Superseded { .. } => "superseded",
            Self::QuotaExceeded => "quota_exceeded",
            Self::Blocked => "log_blocked",
            Self::VersionChange => "log_version_change",
            Self::Missing => "log_missing",
            Self::NotResumable(_) => "log_not_resumable",
            Self::Corrupt { .. } => "log_corrupt",
            Self::Unavailable(_) => "no_indexeddb",
            Self::Other { .. } => "log_failed",
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::{Fault, MemoryLog};
