//! One validating pass over JSON text, without building values.
//!
//! The core keeps `data` byte for byte, so it never parses JSON into a tree and back: it walks the
//! bytes, checks them against RFC 8259, and remembers where values are. Refused: anything the RFC
//! refuses, bytes that are not UTF-8, and nesting deeper than [`MAX_DEPTH`]. Kept as they are: number
//! text, key order, duplicate keys, escapes, lone surrogates written as escapes.

mod scan;
mod strings;

pub use scan::Scanner;
pub use strings::{char_boundary_at_most, plain_run, unescape};

/// Deepest nesting of arrays and objects. Every reader of a record (`serde_json`, SQLite, a
/// viewer's `JSON.parse`) copes with it; deeper values are refused rather than stored unreadable.
pub const MAX_DEPTH: usize = 128;

/// Why text is not JSON, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct JsonError {
    /// The kind of the error.
    pub kind: JsonErrorKind,
    /// Byte offset in the text that was handed in.
    pub offset: usize,
}

/// The kind of an error in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonErrorKind {
    /// The text ends inside a value.
    #[error("the text ends inside a value")]
    UnexpectedEnd,
    /// A byte that is not allowed here.
    #[error("unexpected {:?}", char::from(*.0))]
    UnexpectedByte(u8),
    /// A control character (below U+0020) inside a string, which must be written as an escape.
    #[error("control character 0x{0:02x} in a string; write it as \\u{0:04x}")]
    ControlCharacter(u8),
    /// A backslash followed by something that is no escape.
    #[error("a backslash that begins no JSON escape")]
    BadEscape,
    /// Digits missing, or a leading zero.
    #[error("a number that JSON does not allow")]
    BadNumber,
    /// The bytes are not UTF-8.
    #[error("bytes that are not UTF-8")]
    NotUtf8,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {} levels", MAX_DEPTH)]
    TooDeep,
}

/// Checks that `text` is exactly one JSON value.
///
/// # Errors
/// The first thing wrong with it, with its offset.
pub fn validate(text: &[u8]) -> Result<(), JsonError> {
    let mut scanner = Scanner::new(text)?;
    scanner.value()?;
    scanner.end()
}

/// Appends valid JSON `text` to `out` without the white space between its tokens.
pub fn compact(text: &[u8], out: &mut Vec<u8>) {
    let mut pos = 0;
    while pos < text.len() {
        match text[pos] {
            b'"' => {
                let end = strings::string_end(text, pos);
                out.extend_from_slice(&text[pos..end]);
                pos = end;
            }
            b' ' | b'\t' | b'\n' | b'\r' => pos += 1,
            byte => {
                out.push(byte);
                pos += 1;
            }
        }
    }
}

/// Whether valid JSON `text` nests deeper than [`MAX_DEPTH`].
///
/// Text that came out of our own `JSON.stringify` is valid, but may be deep. Counting opening
/// brackets runs at memory speed; only text with more than [`MAX_DEPTH`] of them is walked.
pub fn too_deep(text: &[u8]) -> bool {
    // `[` is 0x5b and `{` is 0x7b: one comparison finds both. A byte-wide sum of a fixed number of bytes vectorizes.
    let count =
        |bytes: &[u8]| usize::from(bytes.iter().map(|byte| u8::from(byte | 0x20 == b'{')).sum::<u8>());
    let (chunks, rest) = text.as_chunks::<128>();
    let brackets = chunks.iter().map(|chunk| count(chunk)).sum::<usize>() + count(rest);
    brackets > MAX_DEPTH && validate(text).is_err_and(|error| error.kind == JsonErrorKind::TooDeep)
}

#[cfg(test)]
mod tests;
