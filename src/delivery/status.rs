//! The status of a delivery, and notices of its changes, for a person and for the recorder's own `system` events.

use crate::record::SessionId;

/// The state of the connection to the collector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LinkState {
    /// It was not reached yet.
    #[default]
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

/// The status of the delivery.
#[derive(Debug, Clone, PartialEq)]
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
}

/// Why a flush did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not everything is delivered: {reason}")]
pub struct NotFlushed {
    /// The obstacle.
    pub reason: String,
}

impl NotFlushed {
    /// The code of this error in every interface.
    pub const CODE: &'static str = "not_flushed";

    pub(super) fn stopped() -> Self {
        Self {
            reason: "the delivery was stopped".to_owned(),
        }
    }
}

/// Why the delivery of one session ended. Its records stay in the log, and a new flusher tries again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionStop {
    /// The store holds other bytes for a seq of it.
    #[error("the collector has stored seq {seq} of this session with other bytes")]
    SeqConflict {
        /// The seq.
        seq: u64,
    },
    /// The collector refuses even the gap that represents a refused record.
    #[error("the collector refuses the gap at seq {first_seq}: {detail}")]
    GapRefused {
        /// The first seq of the gap.
        first_seq: u64,
        /// The collector's answer.
        detail: String,
    },
}

/// Something changed that is worth saying. Each is given once, when it begins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Notice {
    /// The paired collector answers.
    #[error("the collector answers; its store is {store_id}")]
    Connected {
        /// The identity of its store.
        store_id: String,
    },
    /// It has another store than before.
    #[error("the collector has store {to} instead of {from}; everything still held is sent again")]
    StoreChanged {
        /// Before.
        from: String,
        /// Now.
        to: String,
    },
    /// It does not answer, or not as it should; this is tried again.
    #[error("the collector cannot be reached: {error}")]
    Lost {
        /// The error.
        error: String,
    },
    /// Something else answers at its address; it got neither token nor event.
    #[error("something that is not the paired collector answers at its address: {error}")]
    Impostor {
        /// The reason why the proof failed.
        error: String,
    },
    /// It does not let us in; delivery has stopped.
    #[error("the collector does not accept the token, pair again: {error}")]
    Unauthorized {
        /// The collector's answer.
        error: String,
    },
    /// Its store has lost what it had acknowledged; what is still held is sent again.
    #[error(
        "the store went back from seq {from_seq} to {to_seq} of session {session_id}; what is still held is sent again"
    )]
    Rewound {
        /// The session.
        session_id: SessionId,
        /// The seq that had been acknowledged.
        from_seq: u64,
        /// The seq that is acknowledged now.
        to_seq: u64,
    },
    /// It acknowledges what was never sent, and is ignored.
    #[error(
        "the collector acknowledged seq {acked_seq} of session {session_id}, of which at most {sent_seq} was sent; the acknowledgement is ignored"
    )]
    AckBeyondSent {
        /// The session.
        session_id: SessionId,
        /// The collector's answer.
        acked_seq: u64,
        /// The most that can have been sent.
        sent_seq: u64,
    },
    /// It refused a record that was sent alone; a gap takes its place.
    #[error("the collector refused seq {seq} of session {session_id}, a gap takes its place: {error}")]
    Refused {
        /// The session.
        session_id: SessionId,
        /// The record.
        seq: u64,
        /// The collector's answer.
        error: String,
    },
    /// It refuses a whole batch; this is tried again, other sessions continue.
    #[error("the collector refused a batch of session {session_id}: {error}")]
    BatchRefused {
        /// The session.
        session_id: SessionId,
        /// The collector's answer.
        error: String,
    },
    /// The delivery of a session has stopped; others continue.
    #[error("the delivery of session {session_id} has stopped: {why}")]
    SessionStopped {
        /// The session.
        session_id: SessionId,
        /// Why.
        why: SessionStop,
    },
    /// The log could not be read; this is tried again.
    #[error("the log could not be read: {error}")]
    LogUnreadable {
        /// The collector's answer.
        error: String,
    },
}

impl Notice {
    /// The code of this notice in every interface.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Connected { .. } => "collector_connected",
            Self::StoreChanged { .. } => "store_changed",
            Self::Lost { .. } => "collector_lost",
            Self::Impostor { .. } => "impostor",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Rewound { .. } => "store_rewound",
            Self::AckBeyondSent { .. } => "ack_beyond_sent",
            Self::Refused { .. } => "record_refused",
            Self::BatchRefused { .. } => "batch_refused",
            Self::SessionStopped {
                why: SessionStop::SeqConflict { .. },
                ..
            } => "seq_conflict",
            Self::SessionStopped {
                why: SessionStop::GapRefused { .. },
                ..
            } => "gap_refused",
            Self::LogUnreadable { .. } => "log_unreadable",
        }
    }

    /// Whether it is bad news.
    pub const fn is_problem(&self) -> bool {
        !matches!(self, Self::Connected { .. })
    }
}
