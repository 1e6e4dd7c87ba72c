//! Why a session refuses.

use super::MAX_BATCH_BYTES;
use super::categories::MAX_CATEGORIES;
use crate::event::EventError;

/// Why something was not accepted. No seq was spent on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The event is wrong.
    #[error("{0}")]
    Event(#[from] EventError),
    /// A category beyond the limit.
    #[error(
        "category: {0:?} would be number {next}; a session has at most {most}",
        next = MAX_CATEGORIES + 1, most = MAX_CATEGORIES
    )]
    TooManyCategories(String),
    /// A batch of more than one record that is too large; its bytes.
    #[error("a batch of {0} bytes; at most {most} are allowed, or one record", most = MAX_BATCH_BYTES)]
    BatchTooLarge(usize),
    /// A drop that cannot be recorded: the field, its value, what would be right.
    #[error("{0}: expected {2}, got {1:?}")]
    Drop(&'static str, String, String),
    /// Every seq up to 2⁵³ − 1 is spent.
    #[error("every seq up to 9007199254740991 is spent; begin a new session")]
    OutOfSeqs,
    /// The session was closed.
    #[error("the session is closed")]
    Closed,
    /// Another owner resumed the session.
    #[error("another worker has resumed this session")]
    Superseded,
}

impl PublishError {
    /// The code of this error in every interface.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Event(_) => EventError::CODE,
            Self::TooManyCategories(_) => "too_many_categories",
            Self::BatchTooLarge(_) => "batch_too_large",
            Self::Drop(..) => "invalid_drop",
            Self::OutOfSeqs => "out_of_seqs",
            Self::Closed => "closed",
            Self::Superseded => "superseded",
        }
    }
}

/// One event of a batch that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedAt {
    /// Its index in the batch, from 0.
    pub index: usize,
    /// Why.
    pub error: PublishError,
}

/// Why a seq will not be committed by this owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCommitted {
    /// Another owner resumed the session before.
    #[error("another worker resumed the session before this was committed")]
    Superseded,
    /// The session was closed before.
    #[error("the session was closed before this was committed")]
    Closed,
}

impl NotCommitted {
    /// The code of this error in every interface.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Closed => "closed",
        }
    }
}
