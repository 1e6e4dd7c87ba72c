//! The environment of a delivery: time, chance, and one HTTP request.

use bytes::Bytes;
use std::fmt;
use std::future::Future;

/// Implemented by the browser's globals, and by a virtual clock in tests.
pub trait Platform {
    /// Milliseconds of a clock that never goes back.
    fn now_ms(&self) -> f64;
    /// Milliseconds since 1970 of the wall clock, which may jump.
    fn unix_ms(&self) -> f64;
    /// Resolves after `ms` milliseconds.
    fn sleep(&self, ms: f64) -> impl Future<Output = ()>;
    /// Fills `bytes` from a generator fit for secrets.
    fn fill_random(&self, bytes: &mut [u8]);
}

/// A number from 0 to below 1.
pub(super) fn random_unit(platform: &impl Platform) -> f64 {
    let mut bytes = [0; 4];
    platform.fill_random(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}

/// Longest reply that is read. A receipt has some 200 bytes; a process that answers more is no collector.
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
