//! Why a session refuses.

use super::MAX_BATCH_BYTES;
use super::categories::MAX_CATEGORIES;
use crate::event::EventError;
use std::fmt;

/// Why something was not accepted. No seq was spent on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishError {
    /// The event is wrong.
    Event(EventError),
    /// A category beyond the limit.
    TooManyCategories(String),
    /// A batch of more than one record that is too large; its bytes.
    BatchTooLarge(usize),
    /// A drop that cannot be recorded: the field, its value, what would be right.
    Drop(&'static str, String, String),
    /// Every seq up to 2⁵³ − 1 is spent.
    OutOfSeqs,
    /// The session was closed.
    Closed,
    /// Another owner resumed the session.
    Superseded,
}

impl PublishError {
    /// The code of this error in every interface.
    #[must_use]
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

impl From<EventError> for PublishError {
    fn from(error: EventError) -> Self {
        Self::Event(error)
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(error) => error.fmt(f),
            Self::TooManyCategories(name) => {
                write!(
                    f,
                    "category: {name:?} would be number {}; a session has at most {MAX_CATEGORIES}",
                    MAX_CATEGORIES + 1
                )
            }
            Self::BatchTooLarge(bytes) => {
                write!(
                    f,
                    "a batch of {bytes} bytes; at most {MAX_BATCH_BYTES} are allowed, or one record"
                )
            }
            Self::Drop(field, value, expected) => write!(f, "{field}: expected {expected}, got {value:?}"),
            Self::OutOfSeqs => f.write_str("every seq up to 9007199254740991 is spent; begin a new session"),
            Self::Closed => f.write_str("the session is closed"),
            Self::Superseded => f.write_str("another worker has resumed this session"),
        }
    }
}

impl std::error::Error for PublishError {}

/// One event of a batch that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedAt {
    /// Its index in the batch, from 0.
    pub index: usize,
    /// Why.
    pub error: PublishError,
}

/// Why a seq will not be committed by this owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotCommitted {
    /// Another owner resumed the session before.
    Superseded,
    /// The session was closed before.
    Closed,
}

impl NotCommitted {
    /// The code of this error in every interface.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for NotCommitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Superseded => f.write_str("another worker resumed the session before this was committed"),
            Self::Closed => f.write_str("the session was closed before this was committed"),
        }
    }
}

impl std::error::Error for NotCommitted {}
