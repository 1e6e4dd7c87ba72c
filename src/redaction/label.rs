//! A value that the text before it names: `console.log("token", value)`, `console.log("pin: %d", value)`.
//!
//! The text of a console call is put together from its arguments, so where one begins is known here and
//! does not have to be guessed.

use super::escapes::{at, is_word};
use super::harmless::{is_no_secret, is_opaque};
use super::names::{Name, Names};
use super::placeholder::Decoding;
use super::rules::{Places, ValueKind};
use super::scan::Scan;
use super::text::is_prose;

/// A name, and how surely the next argument is its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label {
    name: Name,
    /// Whether `:` or `=` follows the name, or it is all that its argument says.
    sure: bool,
}

/// The name that `before`, the content of a JSON string, ends with. The argument or literal before the
/// value begins at `part_start`.
pub(super) fn ending(names: &Names, before: &[u8], part_start: usize) -> Option<Label> {
    let (end, joined) = without_joint(before);
    if !names.may_end_at(before, end) {
        return None;
    }
    let found = names.ending_at(before, 0, end)?;
    let whole = found.start <= part_start || !before[part_start..found.start].iter().copied().any(is_word);
    let places = if whole { Places::ALL } else { Places::TEXT };
    let fits = found.name.places.overlap(places) && !is_only_in_urls(found.name);
    let fits = fits && found.name.value != ValueKind::Pair;
    fits.then_some(Label {
        name: found.name,
        sure: joined || whole,
    })
}

/// A parameter's name alone, `key` or `code`, means nothing before an argument.
fn is_only_in_urls(name: Name) -> bool {
    !name.places.overlap(Places::JSON) && !name.places.overlap(Places::TEXT)
}

/// Returns the end of `text` without blanks, quotes and the joint of a name and its value; and whether there was a joint.
fn without_joint(text: &[u8]) -> (usize, bool) {
    let mut end = text.len();
    let mut joined = false;
    while end > 0 {
        match text[end - 1] {
            b' ' | b'\'' | b'"' | b'`' | b'(' | b'[' => end -= 1,
            b':' | b'=' | b'>' => (end, joined) = (end - 1, true),
            b'-' if at(text, end) == b'>' => end -= 1,
            b'n' | b'r' | b't' if end > 1 && text[end - 2] == b'\\' => end -= 2,
            b'\\' => end -= 1,
            _ => break,
        }
    }
    // "the password is: x"
    match text[..end].strip_suffix(b" is") {
        Some(name) => (name.len(), true),
        None => (end, joined),
    }
}

impl Scan<'_> {
    /// Redacts the whole JSON value that a label names.
    pub(super) fn redact_labelled(&mut self, label: Label) {
        let json = self.json;
        let Label { name, sure } = label;
        match json.first() {
            Some(b'"') if json.len() > 2 => {
                let text = &json[1..json.len() - 1];
                if is_no_secret(text) || is_prose(text) || !sure && !is_opaque(text) {
                    return;
                }
                self.redact_content(1..json.len() - 1, Decoding::TEXT, name, false);
            }
            _ if sure || name.value == ValueKind::Digits => {
                self.redact_json_value(0, 0, name);
            }
            _ => {}
        }
    }
}
