//! Refusals, each with its remedy.

use std::path::{Path, PathBuf};

/// Why a token or a pairing is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The token does not exist, was revoked, or has expired.
    #[error(
        "the token is unknown, revoked or expired; make one with `tabtape token create`, or pair again with `tabtape pair`"
    )]
    UnknownToken,
    /// The origin is not the one that was paired.
    #[error(
        "this token is paired with {paired}, and does not work from {origin}; pair this extension with `tabtape pair`"
    )]
    WrongOrigin {
        /// The paired origin.
        paired: String,
        /// The origin of the request.
        origin: String,
    },
    /// The code is wrong, used or too old.
    #[error(
        "the code is wrong, used already, or older than 60 s; get a new link with `tabtape viewer` or `tabtape pair`"
    )]
    WrongCode,
    /// No token or pairing of this id.
    #[error("there is no {what} {id:?}")]
    NoSuch {
        /// "token" or "pairing".
        what: &'static str,
        /// The id that was requested.
        id: String,
    },
    /// A pairing's token changes with its pairing.
    #[error("token {token:?} belongs to pairing {pairing:?}: use `tabtape pair rotate {pairing}`")]
    Paired {
        /// The token's id.
        token: String,
        /// The pairing's.
        pairing: String,
    },
    /// The file cannot be read or written.
    #[error("{path}: {why}")]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The token's selector is invalid.
    #[error("{0}")]
    Selector(String),
}

impl AuthError {
    pub(super) fn file(path: &Path, why: impl ToString) -> Self {
        Self::File {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }

    pub(super) fn no_such(what: &'static str, id: &str) -> Self {
        Self::NoSuch {
            what,
            id: id.to_owned(),
        }
    }
}
