//! Why an event is refused.

use crate::json::JsonError;
use std::fmt;

/// The correct form of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A whole number of Unix microseconds.
    Timestamp,
    /// A whole number that can be a seq.
    Seq,
    /// A category name.
    Category,
    /// A type name.
    Type,
    /// `source.kind`.
    SourceKind,
    /// `detail_level`.
    DetailLevel,
    /// A string, of at most this many bytes.
    String(usize),
    /// An object of this shape.
    Object(&'static str),
    /// `true` or `false`.
    Boolean,
    /// A type that relays may publish.
    RelayType,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timestamp => f.write_str("whole Unix microseconds from 0 to 9007199254740991"),
            Self::Seq => f.write_str("a whole number from 0 to 9007199254740991"),
            Self::Category => f.write_str("a name like [a-z][a-z0-9_]{0,31}"),
            Self::Type => f.write_str("a name like [a-z][A-Za-z0-9_.:-]{0,127}"),
            Self::SourceKind => f.write_str("one of cdp, kernel_api, extension, local_process"),
            Self::DetailLevel => f.write_str("one of minimal, standard, verbose, raw"),
            Self::String(usize::MAX) => f.write_str("a string"),
            Self::String(max) => write!(f, "a string of at most {max} bytes"),
            Self::Object(shape) => write!(f, "an object {shape}"),
            Self::Boolean => f.write_str("true or false"),
            Self::RelayType => f.write_str(
                "console.* of category console, page.* of page (except the worker's own) or input.* of interaction",
            ),
        }
    }
}

/// Why an event is refused. No seq is spent on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The text is not JSON.
    #[error("the event is not JSON: {0}")]
    NotJson(#[from] JsonError),
    /// A field holds something else than it must.
    #[error("{path}: expected {expected}, got {value}")]
    Field {
        /// Its path, as in `source.kind`.
        path: &'static str,
        /// Its JSON text, truncated to 64 characters.
        value: String,
        /// The correct form.
        expected: Expected,
    },
    /// A field that an event does not have.
    #[error("unknown field {name:?}{}", known_fields(.within))]
    UnknownField {
        /// The object of the field: "" for a published event, `relayed` for a relay's, or `source`.
        within: &'static str,
        /// Its name, truncated to 64 characters.
        name: String,
    },
    /// A field that appears twice.
    #[error("{0}: appears twice")]
    RepeatedField(&'static str),
    /// A field that must be there is not.
    #[error("{0}: missing")]
    MissingField(&'static str),
}

impl EventError {
    /// The code of this error in every interface.
    pub const CODE: &'static str = "invalid_event";

    pub(super) fn field(path: &'static str, value: &[u8], expected: Expected) -> Self {
        Self::Field {
            path,
            value: excerpt(value),
            expected,
        }
    }
}

fn known_fields(within: &str) -> &'static str {
    match within {
        "" => "; an event has ts, type, category, detail_level, source, url, data, truncated",
        "relayed" => {
            "; a relayed event has ts, type, category, source_event, detail_level, interaction_id, cause_id, detail_of, detail_id, url, data, truncated"
        }
        _ => " in source, which has kind, event, metadata",
    }
}

/// The first 64 characters of `text`.
pub(super) fn excerpt(text: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&text[..text.len().min(260)]);
    let mut excerpt: String = shown.chars().take(64).collect();
    if excerpt.len() < text.len() {
        excerpt.push('…');
    }
    excerpt
}
