//! What is stored and sent: one line of JSON a record.
//!
//! ```json
//! {"capture_session_id":"0193…","seq":42,"event":{"ts":…,"type":"console.log",…}}
//! {"capture_session_id":"0193…","gap":{"first_seq":901,"last_seq":912,"category":"network","reason":"quota"}}
//! ```
//!
//! A line is written once, by [`LineWriter`], and never changed: the same bytes go to the category log,
//! the ring, the batch and the collector. It holds no raw newline and is never longer than
//! [`MAX_LINE_BYTES`]: [`LineWriter::event`] cuts content first and says so in `truncated`.
//! [`parse_line`] reads a line back into the [`Header`] that readers filter on.

mod header;
mod parse;
pub mod reason;
mod session_id;
mod truncation;
mod write;

pub use header::{Header, Record, Span, http_status};
pub use parse::{Line, LineError, parse_line};
pub use session_id::{BadSessionId, SessionId};
pub use write::LineWriter;

/// Most bytes of a line, newline not counted.
pub const MAX_LINE_BYTES: usize = 1_000_000;
/// Most bytes of a `url` kept when a record does not fit otherwise.
pub const MAX_CUT_URL_BYTES: usize = 8 * 1024;
/// Most bytes of a gap's reason.
pub const MAX_REASON_BYTES: usize = 64;
/// The category of a gap when whose events they were is gone with them.
pub const UNKNOWN_CATEGORY: &str = "system";

/// A counted hole in the stream: every seq from `first_seq` to `last_seq`, inclusive, carries nothing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Gap {
    /// The first seq of the hole.
    pub first_seq: u64,
    /// The last.
    pub last_seq: u64,
    /// Whose events are missing.
    pub category: String,
    /// Why: `[a-z][a-z0-9_]{0,63}`.
    pub reason: String,
}

impl Gap {
    /// How many seqs it covers.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.last_seq - self.first_seq + 1
    }
}

/// Whether `reason` may name why something was lost: `[a-z][a-z0-9_]{0,63}`.
#[must_use]
pub fn is_reason(reason: &[u8]) -> bool {
    reason.len() <= MAX_REASON_BYTES
        && reason.first().is_some_and(u8::is_ascii_lowercase)
        && reason.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
mod tests;
