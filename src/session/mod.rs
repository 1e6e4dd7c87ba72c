//! One recording: the owner of a [`CaptureSession`] decides what was accepted, and in which order.
//!
//! [`publish`](CaptureSession::publish) takes an event, fills in what may be absent (`ts`,
//! `detail_level`), refuses what is wrong, redacts, spends a **seq**, cuts what is too long, and writes
//! the line once, into the segment it will be committed in. At all times
//! **latest_seq = events + gaps**: what cannot be kept is counted by
//! [`record_drop`](CaptureSession::record_drop), which spends seqs on a gap. A refused event spends none.
//!
//! ## Committing
//!
//! A session with a log shows an event to its readers only once it is durable. The owner drives it, because the
//! session itself does no I/O and owns no timer:
//! [`begin_commit`](CaptureSession::begin_commit) hands out what is pending,
//! [`finish_commit`](CaptureSession::finish_commit) takes what became of it, moves the records into the ring and
//! resolves [`committed`](CaptureSession::committed). [`commit`] does all three for a sole owner. A
//! commit that failed is handed out again with the same seqs. A session without a log commits to the
//! ring at once.
//!
//! ## Turning volatile
//!
//! When commits have failed for [`FAILING_LIMIT_MS`], or [`MAX_PENDING_BYTES`] are pending,
//! [`must_degrade`](CaptureSession::must_degrade) says so. The owner replaces the
//! resume record by a [`LossRecord`] and then calls [`degrade_to_memory`](CaptureSession::degrade_to_memory):
//! from then on the session lives in memory, and no owner can resume it and use a seq twice. The next owner
//! says what was lost. When the log works again while this owner lives, [`recover_log`] puts into it what memory
//! has, and the session is logged as before.
//!
//! ## Resuming and closing
//!
//! There is no session that is not started, and none is restarted: a resumed one is a new owner of the
//! same id, with a higher epoch, whose first seq follows the last committed one. When a commit answers
//! [`LogError::Superseded`](crate::log::LogError::Superseded), this owner is over. After [`close`](CaptureSession::close) every publish is
//! refused; the ring ends once the rest is committed. Closing twice is fine.
//!
//! ```
//! use tabtape::record::SessionId;
//! use tabtape::event::Trust;
//! use tabtape::ring::RingBuffer;
//! use tabtape::session::CaptureSession;
//!
//! let ring = RingBuffer::new(1024, 32 << 20)?;
//! let mut session = CaptureSession::new(SessionId::from_time(1_764_000_000_000, [7; 10]), ring);
//! let event = br#"{"type":"app.ready","category":"app","source":{"kind":"extension"},"data":{}}"#;
//! assert_eq!(session.publish(event, Trust::Untrusted, 1_764_000_000_000_000)?, 1);
//! assert_eq!(session.record_drop("network", 12, "queue_full")?, 13);
//! let counts = session.counts();
//! assert_eq!(session.latest_seq(), counts.events + counts.gap_seqs);
//! session.close();
//! assert!(session.publish(event, Trust::Untrusted, 0).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accepting;
mod categories;
mod clock;
mod committed;
mod committing;
mod error;
mod event_reader;
mod event_templates;
mod loss_record;
mod recover_log;

pub(crate) use accepting::lines;
pub use accepting::{BatchReceipt, MAX_BATCH_BYTES};
pub use clock::Clock;
pub(crate) use committed::CommitWatch;
pub use committed::Committed;
pub use committing::commit;
pub use error::{NotCommitted, PublishError, RefusedAt};
pub use loss_record::{LossRecord, Undelivered, UndeliveredCounter};
pub use recover_log::recover_log;

use crate::log::{Commit, Head, RelayCursor};
use crate::record::{Gap, Header, LineWriter, SessionId};
use crate::redaction::{Redactor, RuleTable};
use crate::ring::{CursorAhead, Reader, RingBuffer};
use crate::selector::Selector;
use categories::Categories;
use event_reader::EventReader;
use event_templates::EventTemplates;
use std::sync::Arc;

/// Commits failing for so long turn a session volatile.
pub const FAILING_LIMIT_MS: f64 = 5_000.0;
/// So many uncommitted bytes turn a session volatile: memory of a service worker is not a log.
pub const MAX_PENDING_BYTES: usize = 16 << 20;

/// The state of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Records become durable before readers see them.
    Logged,
    /// Records live in memory: the session has no log, or lost it.
    Volatile,
    /// No more publishes.
    Closed,
    /// Another owner resumed the session.
    Superseded,
}

impl State {
    /// Its name in every interface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logged => "logged",
            Self::Volatile => "volatile",
            Self::Closed => "closed",
            Self::Superseded => "superseded",
        }
    }
}

/// Counts of what a session has accepted since this owner began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Events accepted.
    pub events: u64,
    /// Seqs spent on gaps.
    pub gap_seqs: u64,
    /// Events of severity `error`.
    pub errors: u64,
    /// Events of severity `warn`.
    pub warnings: u64,
    /// Secrets replaced.
    pub redactions: u64,
}

/// The owner of one recording.
#[derive(Debug)]
pub struct CaptureSession {
    session_id: SessionId,
    ring: RingBuffer,
    writer: LineWriter,
    event_reader: EventReader,
    event_templates: EventTemplates,
    state: State,
    epoch: u64,
    latest_seq: u64,
    counts: Counts,
    categories: Categories,
    /// Everything not yet handed out, in seq order.
    pending: Vec<Pending>,
    pending_bytes: usize,
    relays: Vec<RelayCursor>,
    /// The commit that is under way, or has failed and will be retried.
    in_flight_commit: Option<Arc<Commit>>,
    /// Since when a commit has been under way without any succeeding.
    in_flight_since_ms: Option<f64>,
    watch: CommitWatch,
}

#[derive(Debug)]
struct Pending {
    category: usize,
    start: usize,
    end: usize,
    record: PendingRecord,
}

#[derive(Debug)]
enum PendingRecord {
    Event(Header),
    Gap(Gap),
}

impl CaptureSession {
    /// Begins a session that lives in memory.
    pub fn new(session_id: SessionId, ring: RingBuffer) -> Self {
        Self::begin(session_id, ring, State::Volatile, &Head::default())
    }

    /// Begins or resumes a session whose log has `head`, which this owner has just written: its epoch is
    /// this owner's. The first seq follows `head.latest_seq`.
    pub fn with_log(session_id: SessionId, ring: RingBuffer, head: &Head) -> Self {
        Self::begin(session_id, ring, State::Logged, head)
    }

    fn begin(session_id: SessionId, ring: RingBuffer, state: State, head: &Head) -> Self {
        ring.start_after(head.latest_seq);
        Self {
            session_id,
            ring,
            writer: LineWriter::new(session_id),
            event_reader: EventReader::default(),
            event_templates: EventTemplates::default(),
            state,
            epoch: head.epoch,
            latest_seq: head.latest_seq,
            counts: Counts::default(),
            categories: Categories::new(&head.categories),
            pending: Vec::new(),
            pending_bytes: 0,
            relays: Vec::new(),
            in_flight_commit: None,
            in_flight_since_ms: None,
            watch: CommitWatch::new(head.latest_seq),
        }
    }

    /// Redacts every later event.
    pub fn set_redactor(&mut self, redactor: Option<Redactor>) {
        self.event_templates.clear();
        self.event_reader.set_redactor(redactor);
    }

    /// Redacts every later event by other rules; does nothing in a session without a redactor.
    pub fn set_redaction_rules(&mut self, rules: &RuleTable) {
        self.event_templates.clear();
        self.event_reader.set_redaction_rules(rules);
    }

    /// Its id.
    pub const fn session_id(&self) -> SessionId {
        self.session_id
    }

    /// Returns the state.
    pub const fn state(&self) -> State {
        self.state
    }

    /// The epoch of this owner.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The last seq spent, committed or not.
    pub const fn latest_seq(&self) -> u64 {
        self.latest_seq
    }

    /// The last seq that is durable, or in memory for good when the session is volatile.
    pub fn committed_seq(&self) -> u64 {
        self.watch.committed_seq()
    }

    /// Returns the counts of what was accepted since this owner began.
    pub fn counts(&self) -> Counts {
        Counts {
            redactions: self.event_reader.redactions(),
            ..self.counts
        }
    }

    /// Events and seqs spent on gaps, by category, since this owner began.
    pub fn counts_by_category(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.categories.counts()
    }

    /// Bytes of accepted lines, by category, since this owner began.
    pub fn bytes_by_category(&self) -> impl Iterator<Item = (&str, u64)> {
        self.categories.bytes()
    }

    /// The last seq that a later owner will find in the log, with the relay counters committed next to it.
    pub(crate) fn durable_seq(&self) -> u64 {
        if self.state == State::Volatile {
            0
        } else {
            self.committed_seq()
        }
    }

    /// Bytes accepted and not yet settled.
    pub fn pending_bytes(&self) -> usize {
        self.pending_bytes + self.in_flight_commit.as_ref().map_or(0, |commit| commit.bytes)
    }

    /// A reader of what is committed after `after_seq`.
    ///
    /// # Errors
    /// The cursor lies beyond what is committed.
    pub fn reader(&self, after_seq: u64, selector: Selector) -> Result<Reader, CursorAhead> {
        self.ring.reader(after_seq, selector)
    }

    /// One compact JSON value without its secrets, as they would be redacted in an event; `None` when it
    /// has no secrets.
    pub fn redact(&mut self, json: &[u8]) -> Option<Vec<u8>> {
        self.event_reader.redact(json)
    }
}

#[cfg(test)]
mod tests;
