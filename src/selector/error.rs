//! Why a selector was refused: what is wrong, where it is, and what would be right.

use super::Key;
use super::text_form::quoted_if_need_be;
use std::fmt;
use std::ops::Range;

/// A refused selector.
///
/// `Display` is one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectorError {
    /// The mistake.
    pub problem: Problem,
    /// The place of the mistake.
    pub place: Place,
}

/// A mistake in a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A key or field that does not exist.
    #[error("unknown key `{key}`; {}", expected_key(*.suggestion, .expected))]
    UnknownKey {
        /// As it was written, truncated to 64 characters.
        key: String,
        /// The name that was probably meant.
        suggestion: Option<&'static str>,
        /// Every name that would have been right.
        expected: String,
    },
    /// Nothing after a colon or a comma.
    #[error("`{key}` needs a value here; expected {expected}")]
    MissingValue {
        /// The key before the colon.
        key: &'static str,
        /// The correct form.
        expected: String,
    },
    /// A value its key does not take.
    #[error("`{key}` does not take {value:?}; expected {expected}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// As it was written, truncated to 64 characters.
        value: String,
        /// The correct form.
        expected: String,
    },
    /// A quote that is never closed.
    #[error("this quote is never closed; expected another \"")]
    UnclosedQuote,
    /// A lone `-`.
    #[error("`-` needs a term right after it, like -url:*/ads/*")]
    NothingToNegate,
    /// `AND`, `OR`, `NOT` or a parenthesis, which this grammar does without.
    #[error(
        "there is no {0} here: terms must all hold, a comma means or (category:console,network), `-` means not"
    )]
    Operator(String),
    /// Longer than [`super::MAX_SELECTOR_BYTES`].
    #[error("a selector of {bytes} bytes; expected at most {}", super::MAX_SELECTOR_BYTES)]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A JSON value of the wrong kind in the object form.
    #[error("expected {expected}")]
    WrongShape {
        /// The correct form.
        expected: &'static str,
    },
    /// The object form is not JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
}

/// The place of a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the text form.
    Text {
        /// The whole selector.
        text: String,
        /// The bytes that are wrong; empty at the end of the text where something is missing.
        span: Range<usize>,
    },
    /// In the object form, as a path like `not.types[1]`; empty for the whole.
    Object {
        /// The path.
        path: String,
    },
}

impl SelectorError {
    pub(crate) fn in_text(text: &str, span: Range<usize>, problem: Problem) -> Self {
        Self {
            problem,
            place: Place::Text {
                text: text.to_owned(),
                span,
            },
        }
    }

    pub(crate) fn in_object(path: impl Into<String>, problem: Problem) -> Self {
        Self {
            problem,
            place: Place::Object { path: path.into() },
        }
    }

    /// Byte offset in the text form.
    pub fn offset(&self) -> Option<usize> {
        match &self.place {
            Place::Text { span, .. } => Some(span.start),
            Place::Object { .. } => None,
        }
    }

    /// Column in the text form, in characters, from 1.
    pub fn column(&self) -> Option<usize> {
        match &self.place {
            Place::Text { text, span } => Some(chars_in(text, 0..span.start) + 1),
            Place::Object { .. } => None,
        }
    }

    /// Describes the problem; in the text form, also how to search for the word as text.
    fn message(&self) -> String {
        match (&self.problem, &self.place) {
            (Problem::UnknownKey { .. } | Problem::Operator(_), Place::Text { text, span }) => {
                let rest = text.get(span.start..).unwrap_or_default();
                let word = excerpt(rest.split_whitespace().next().unwrap_or_default());
                let end = if self.problem.to_string().ends_with('?') {
                    ""
                } else {
                    "."
                };
                let quoted = quoted_if_need_be(&word, Key::Text);
                format!("{}{end} To search for the text, type {quoted}", self.problem)
            }
            _ => self.problem.to_string(),
        }
    }
}

fn expected_key(suggestion: Option<&str>, expected: &str) -> String {
    match suggestion {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("expected one of {expected}"),
    }
}

fn chars_in(text: &str, span: Range<usize>) -> usize {
    text.get(span).map_or(0, |part| part.chars().count())
}

/// At most 64 characters of what was written, for a message.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(64).collect()
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.place, self.column()) {
            (_, Some(column)) => write!(f, "column {column}: {}", self.message()),
            (Place::Object { path }, _) if !path.is_empty() => write!(f, "{path}: {}", self.problem),
            _ => self.problem.fmt(f),
        }
    }
}

impl std::error::Error for SelectorError {}
