//! The environment of a delivery: time, chance, one HTTP request, and the meaning of a reply to a batch.

use crate::protocol::{INCOMPLETE_BATCH, MIXED_SESSIONS, Problem, Receipt, SEQ_CONFLICT, SEQ_OUT_OF_ORDER};
use bytes::Bytes;
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
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TransportError {
    /// Refused, reset, cut off, redirected: what the environment said.
    #[error("{0}")]
    Failed(String),
    /// Nothing whole within so many milliseconds.
    #[error("no answer within {} s", .0 / 1_000.0)]
    TimedOut(f64),
    /// The reply is longer than [`MAX_REPLY_BYTES`].
    #[error("the answer is longer than {} bytes", MAX_REPLY_BYTES)]
    ReplyTooLong,
    /// Something answered a sealed request with this status, but not the paired collector.
    #[error("the answer to a sealed request has status {0} and is not sealed with the pairing secret")]
    NotProven(u16),
}

/// Sends POST requests to one collector. Dropping the future abandons the request.
pub trait Transport {
    /// Sends `request` and reads the whole reply, whatever its status. Redirects are failures. A reply to a sealed
    /// request is the collector's own.
    fn post(&self, request: Request) -> impl Future<Output = Result<Response, TransportError>>;
}

/// An answer, sorted by what is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Everything is stored.
    Acked(Receipt),
    /// One record is refused; the ones before it are stored.
    LineRefused {
        /// The line of the body, from 1.
        line: u64,
        /// The HTTP status.
        status: u16,
        /// Why.
        detail: String,
        /// The receipt for the stored records.
        receipt: Option<Receipt>,
    },
    /// 413: too much at once.
    TooLarge(String),
    /// A stored seq was sent with other bytes; the records before it are stored.
    Conflict {
        /// The seq.
        seq: u64,
        /// The collector's answer.
        detail: String,
        /// The receipt for the stored records.
        receipt: Option<Receipt>,
    },
    /// 401 or 403: the pairing does not let us in.
    Denied {
        /// The HTTP status.
        status: u16,
        /// Why.
        detail: String,
    },
    /// Not now: 408, 425, 429 or 5xx.
    Busy {
        /// The HTTP status.
        status: u16,
        /// When to come back.
        retry_after_ms: Option<f64>,
        /// Why.
        detail: String,
    },
    /// Any other status: the batch is refused, and not for one record in it.
    Refused {
        /// The HTTP status.
        status: u16,
        /// Why.
        detail: String,
    },
    /// The answer is not the paired collector's.
    NotProven(String),
    /// No whole answer, or one that makes no sense. The batch may be stored or not.
    Broken(String),
}

/// Codes that name a line and do not blame the record on it: the batch came apart on its way, or was
/// built wrong. Replacing records would not help.
const NOT_THE_RECORDS_FAULT: [&str; 3] = [INCOMPLETE_BATCH, MIXED_SESSIONS, SEQ_OUT_OF_ORDER];
/// Most characters of a foreign text that are shown.
const MAX_DETAIL_CHARS: usize = 300;

impl Reply {
    /// Sorts a response.
    pub fn of(response: &Response) -> Self {
        let Response {
            status,
            retry_after_ms,
            body,
        } = response;
        let status = *status;
        let retry_after_ms = *retry_after_ms;
        if status == 200 {
            return serde_json::from_slice(body).map_or_else(
                |error| Self::Broken(format!("the receipt is cut off or none: {error}")),
                Self::Acked,
            );
        }
        let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
        let code = problem.code.as_str();
        let said = if problem.detail.is_empty() {
            &problem.title
        } else {
            &problem.detail
        };
        let detail = if said.is_empty() {
            format!("status {status}")
        } else {
            printable(said)
        };
        let receipt = serde_json::from_slice::<Receipt>(body).ok();
        match (status, problem.line) {
            (400 | 413 | 422, Some(line)) if !NOT_THE_RECORDS_FAULT.contains(&code) => Self::LineRefused {
                line,
                status,
                detail,
                receipt,
            },
            (413, _) => Self::TooLarge(detail),
            (409, _) if code == SEQ_CONFLICT => Self::Conflict {
                seq: problem.seq.unwrap_or_default(),
                detail,
                receipt,
            },
            (401 | 403, _) => Self::Denied { status, detail },
            (408 | 425 | 429 | 500..=599, _) => Self::Busy {
                status,
                retry_after_ms,
                detail,
            },
            _ => Self::Refused { status, detail },
        }
    }

    /// Describes the failure for a person.
    pub fn detail(&self) -> String {
        match self {
            Self::Acked(_) => String::new(),
            Self::TooLarge(detail) | Self::Broken(detail) | Self::NotProven(detail) => detail.clone(),
            Self::LineRefused { status, detail, .. }
            | Self::Denied { status, detail }
            | Self::Busy { status, detail, .. }
            | Self::Refused { status, detail } => format!("{status}: {detail}"),
            Self::Conflict { detail, .. } => format!("409: {detail}"),
        }
    }
}

impl From<TransportError> for Reply {
    fn from(error: TransportError) -> Self {
        match error {
            // A proxy may answer 429 or 5xx for a collector that works again later. A browser repeats a request whose
            // connection broke, and the collector answers the repeated one with 409.
            TransportError::NotProven(status) if !matches!(status, 409 | 429 | 500..=599) => {
                Self::NotProven(error.to_string())
            }
            error => Self::Broken(error.to_string()),
        }
    }
}

/// Text of unknown origin, without what could steer a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(MAX_DETAIL_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn reply(status: u16, body: &str) -> Reply {
        Reply::of(&Response {
            status,
            retry_after_ms: None,
            body: body.into(),
        })
    }

    #[test]
    fn a_cut_off_receipt_is_no_receipt() {
        let whole = r#"{"store_id":"s","session":"x","acked_seq":3,"accepted":3,"duplicates":0}"#;
        assert!(matches!(
            reply(200, whole),
            Reply::Acked(Receipt {
                acked_seq: 3,
                accepted: 3,
                ..
            })
        ));
        for length in 0..whole.len() {
            assert!(
                matches!(reply(200, &whole[..length]), Reply::Broken(_)),
                "{length}"
            );
        }
        for wrong in [
            r#"{"store_id":"s","session":"x"}"#,
            r#"{"store_id":"s","session":"x","acked_seq":-1}"#,
            r#"{"store_id":"s","session":"x","acked_seq":"3"}"#,
        ] {
            assert!(matches!(reply(200, wrong), Reply::Broken(_)), "{wrong}");
        }
    }

    #[test]
    fn only_a_record_that_is_blamed_itself_is_refused() {
        let blamed =
            r#"{"code":"invalid_record","line":2,"detail":"no","store_id":"s","session":"x","acked_seq":1}"#;
        assert!(matches!(
            reply(400, blamed),
            Reply::LineRefused {
                line: 2,
                receipt: Some(_),
                ..
            }
        ));
        assert!(matches!(
            reply(413, r#"{"code":"record_too_large","line":1}"#),
            Reply::LineRefused { .. }
        ));
        assert!(matches!(reply(413, ""), Reply::TooLarge(_)));
        for code in NOT_THE_RECORDS_FAULT {
            let body = format!(r#"{{"code":"{code}","line":2}}"#);
            assert!(
                matches!(reply(400, &body), Reply::Refused { status: 400, .. }),
                "{code}"
            );
        }
        assert!(matches!(reply(400, "<html>"), Reply::Refused { .. }));
    }

    #[test]
    fn statuses_are_sorted_by_what_is_to_be_done() {
        for status in [401, 403] {
            assert!(matches!(reply(status, "{}"), Reply::Denied { .. }), "{status}");
        }
        for status in [408, 425, 429, 500, 502, 503, 507] {
            assert!(matches!(reply(status, "{}"), Reply::Busy { .. }), "{status}");
        }
        for status in [204, 302, 404, 409, 415] {
            assert!(matches!(reply(status, "{}"), Reply::Refused { .. }), "{status}");
        }
        assert!(matches!(
            reply(409, r#"{"code":"seq_conflict","seq":7}"#),
            Reply::Conflict { seq: 7, .. }
        ));
    }

    #[test]
    fn what_a_stranger_says_is_shown_short_and_harmless() {
        let body = serde_json::json!({ "detail": format!("\u{1b}[2J{}", "x".repeat(9_999)) }).to_string();
        let Reply::Busy { detail, .. } = reply(503, &body) else {
            panic!()
        };
        assert!(detail.starts_with("[2Jx") && detail.len() == MAX_DETAIL_CHARS);
    }
}
