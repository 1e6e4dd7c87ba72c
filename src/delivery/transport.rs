//! The transport that the flusher needs: one HTTP request.

use bytes::Bytes;
use std::fmt;
use std::future::Future;

/// Longest reply that is read. A receipt has some 200 bytes; whoever answers more is no collector.
pub const MAX_REPLY_BYTES: usize = 64 * 1024;
/// How long a batch may take. A collector answers after an `fsync`, so far below it; a connection that
/// hangs is given up before the browser ends an idle worker, 30 s after its last event.
pub const BATCH_TIMEOUT_MS: f64 = 20_000.0;

/// A POST.
#[derive(Debug, Clone)]
pub struct Request {
    /// Path and query, beginning with a slash.
    pub path: String,
    /// The body's type.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
    /// Whether it is [sealed](crate::sealed). Only a hello is not.
    pub is_sealed: bool,
    /// After how long it fails with [`TransportError::TimedOut`], reading the reply included.
    pub timeout_ms: f64,
}

/// A reply that arrived whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` header, in milliseconds from now.
    pub retry_after_ms: Option<f64>,
    /// The body, at most [`MAX_REPLY_BYTES`].
    pub body: Vec<u8>,
}

/// No reply, or not a whole one. Whether the request was carried out is not known.
#[derive(Debug, Clone, PartialEq)]
pub enum TransportError {
    /// Refused, reset, cut off, redirected: what the environment said.
    Failed(String),
    /// Nothing whole within so many milliseconds.
    TimedOut(f64),
    /// The reply is longer than [`MAX_REPLY_BYTES`].
    ReplyTooLong,
    /// Something answered a sealed request with this status, but not the paired collector.
    NotProven(u16),
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(message) => f.write_str(message),
            Self::TimedOut(ms) => write!(f, "no answer within {} s", ms / 1_000.0),
            Self::NotProven(status) => {
                write!(
                    f,
                    "it answers a sealed request with {status} and does not know the pairing secret"
                )
            }
            Self::ReplyTooLong => write!(f, "the answer is longer than {MAX_REPLY_BYTES} bytes"),
        }
    }
}

impl std::error::Error for TransportError {}

/// Sends POST requests to one collector. Dropping the future abandons the request.
pub trait Transport {
    /// Sends `request` and reads the whole reply, whatever its status. Redirects are failures. A reply to a sealed
    /// request is the collector's own.
    fn post(&self, request: Request) -> impl Future<Output = Result<Response, TransportError>>;
}
