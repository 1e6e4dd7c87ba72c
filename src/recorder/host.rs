//! The environment of a recorder: its log, its timers, and a place that outlives it.

use crate::coverage::WatchedUntil;
use crate::delivery::Platform;
use crate::log::{Head, LogError, LogStore, PendingGaps};
use crate::record::SessionId;
use crate::session::LossRecord;
use serde::{Deserialize, Serialize};
use std::future::Future;

/// Timers and tasks. Implemented by the browser, and by a virtual clock in tests.
pub trait Runtime: Platform + Clone + 'static {
    /// A pending timer; dropping it cancels it.
    type Timer: 'static;

    /// Runs `work` after `ms` milliseconds.
    fn after(&self, ms: f64, work: impl FnOnce() + 'static) -> Self::Timer;

    /// Runs `work` on this thread, beginning after the current turn.
    fn spawn(&self, work: impl Future<Output = ()> + 'static);
}

/// The owner of a recorder: a service worker, or a test.
pub trait Host: Clone + 'static {
    /// Its timers and tasks.
    type Runtime: Runtime;

    /// Why the resume record was not saved.
    type SaveError: std::fmt::Debug;

    /// Returns its timers and tasks.
    fn runtime(&self) -> &Self::Runtime;

    /// Saves the resume record where the next recorder finds it, or deletes it.
    fn save_resume(&self, record: Option<&ResumeRecord>)
    -> impl Future<Output = Result<(), Self::SaveError>>;

    /// Shows a problem to a person.
    fn problem(&self, code: &str, message: &str);

    /// The status has changed.
    fn changed(&self);
}

/// A log that sessions are begun and resumed in.
pub trait RecorderLog: LogStore + Clone + 'static {
    /// Opens the database, if it is not open.
    fn open(&self) -> impl Future<Output = Result<(), LogError>>;

    /// Resumes a session, whose earlier owner is superseded; `None` when the log cannot continue it.
    fn resume_session(&self, session_id: SessionId) -> impl Future<Output = Result<Option<Head>, LogError>>;

    /// Begins a session, with epoch 1.
    ///
    /// # Errors
    /// The session exists already, or the log fails in one of the ways of [`LogError`].
    fn begin_session(&self, session_id: SessionId) -> impl Future<Output = Result<Head, LogError>>;

    /// How far a session was watched, if that was the last one for which it was stored.
    fn watched_until(
        &self,
        session_id: SessionId,
    ) -> impl Future<Output = Result<Option<WatchedUntil>, LogError>>;

    /// The key that redacted values are hashed with.
    fn install_key(&self) -> impl Future<Output = Result<[u8; 32], LogError>>;

    /// Begins a new database, and leaves the one that cannot be opened under its name.
    ///
    /// # Errors
    /// The new one cannot be opened either: nothing has changed.
    fn set_aside(&self) -> impl Future<Output = Result<(), LogError>>;

    /// Gaps that the quota has no room for: they are in memory alone.
    fn pending_gaps(&self) -> Vec<PendingGaps>;

    /// Takes over the gaps that the recorder before had no room for.
    fn restore_pending_gaps(&self, pending_gaps: Vec<PendingGaps>);
}

/// The record from which the next recorder of this browser session resumes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct ResumeRecord {
    /// The session to continue, if there is one.
    pub session_id: Option<SessionId>,
    /// The epoch of its last owner.
    pub epoch: u64,
    /// Events that degraded sessions held in memory only, when this was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volatile: Vec<LossRecord>,
    /// Events that only the log held, when this was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logged: Vec<LossRecord>,
    /// Gaps that the log has no room for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending_gaps: Vec<PendingGaps>,
}
