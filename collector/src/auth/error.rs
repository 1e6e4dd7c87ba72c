//! Why somebody may not, each with what would mend it.

use std::path::PathBuf;

/// Why a token or a pairing is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The token is none of ours, or was revoked, or has expired.
    #[error(
        "the token is unknown, revoked or expired; make one with `tabtape token create`, or pair again with `tabtape pair`"
    )]
    UnknownToken,
    /// The origin is not the one that was paired.
    #[error(
        "this token is paired with {paired}, and does not work from {origin}; pair this extension with `tabtape pair`"
    )]
    WrongOrigin {
        /// What was paired.
        paired: String,
        /// What asked.
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
        /// What was asked for.
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
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The token's selector is none.
    #[error("{0}")]
    Selector(String),
}
