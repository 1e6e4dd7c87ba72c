//! Records as they are stored and sent: one line of JSON per record.
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

mod entry;
mod gap;
mod header;
mod parse;
pub mod reason;
mod session_id;
pub mod stored_line;
mod truncation;
mod write;

pub use entry::{Entry, StoredEvent, StoredGap};
pub use gap::{Gap, MAX_REASON_BYTES, UNKNOWN_CATEGORY, is_reason};
pub use header::{Header, Record, Span, http_status};
pub use parse::{Line, LineError, parse_line};
pub use session_id::{BadSessionId, SessionId};
pub(crate) use write::LineTemplate;
pub use write::LineWriter;

/// Most bytes of a line, newline not counted.
pub const MAX_LINE_BYTES: usize = 1_000_000;
/// Most bytes of a `url` kept when a record does not fit otherwise.
pub const MAX_CUT_URL_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests;
