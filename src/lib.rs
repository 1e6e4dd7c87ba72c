//! Tabtape: a flight recorder for browser tabs.
//!
//! Producers publish [events](event) into a [`CaptureSession`], which decides their order, the **seq**,
//! and serializes each once, as a [line](record). A session with a [log](mod@log) makes lines durable
//! before anyone sees them; then they appear in the [ring](ring), where any number of readers follow, and
//! [delivery] sends them to a collector exactly once. Nothing is lost silently: what could not be
//! kept is a counted [gap](record::Gap) with a reason, and a reader that fell behind receives the
//! count of dropped records.
//!
//! ```
//! use tabtape::{CaptureSession, ReadResult, RingBuffer, Selector, SessionId, Trust};
//!
//! let ring = RingBuffer::new(1024, 32 << 20)?;
//! let mut session = CaptureSession::new(SessionId::from_time(1_764_000_000_000, [7; 10]), ring);
//! let mut warnings = session.reader(0, Selector::parse("severity:warn", 0)?)?;
//!
//! let now_micros = 1_764_000_000_123_456;
//! for type_ in ["console.log", "console.error"] {
//!     let event = format!(r#"{{"type":"{type_}","category":"console","source":{{"kind":"extension"}}}}"#);
//!     session.publish(event.as_bytes(), Trust::Untrusted, now_micros)?;
//! }
//! session.record_drop("console", 3, "queue_full")?;
//!
//! assert!(matches!(warnings.try_read(), Some(ReadResult::Record(event)) if event.first_seq() == 2));
//! assert!(matches!(warnings.try_read(), Some(ReadResult::Record(gap)) if gap.last_seq() == 5));
//! assert_eq!(warnings.try_read(), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`event`], [`record`], [`levels`], [`severity`] | the schema: what a producer says, what is stored, what readers filter on |
//! | [`session`], [`ring`] | acceptance and order; the window onto the newest records |
//! | [`mod@log`], [`delivery`], [`relay`] | durability, delivery, and messages that arrive more than once |
//! | [`selector`], [`config`] | what a reader wants; what the producers record. Neither touches the other |
//! | [`protocol`], [`sealed`] | what a recorder and its collector say, unreadable for others |
//! | [`redaction`], `console` | secrets, replaced before they reach a disk; the text of a console line |
//! | [`system`], [`coverage`] | the recorder's own events, and what they say was being watched |
//! | [`har`] | the network events as an HTTP archive |
//! | [`json`] | one validating pass over bytes |

pub mod config;
mod console;
pub mod coverage;
pub mod delivery;
pub mod event;
pub mod har;
pub mod json;
pub mod levels;
pub mod log;
pub mod protocol;
pub mod record;
pub mod recorder;
pub mod redaction;
pub mod relay;
pub mod ring;
pub mod sealed;
pub mod selector;
pub mod session;
pub mod severity;
pub mod system;
mod wake;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub mod web;

pub use config::CaptureConfig;
pub use event::{Event, Trust};
pub use levels::{DetailLevel, Severity, SourceKind};
pub use record::{Gap, Line, SessionId, parse_line};
pub use redaction::Redactor;
pub use ring::{ReadResult, Reader, RingBuffer};
pub use selector::Selector;
pub use session::CaptureSession;
