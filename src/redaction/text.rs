//! Finds the end of an unquoted value in free text, and decides whether it is only prose.

use std::ops::Range;

use super::escapes::{
    at, closing_quote, is_word, percent_at, quote_at, run_len, run_len_back, unicode_escape_at,
};
use super::placeholder::is_placeholder;
use super::rules::ValueKind;
use super::scan::Scan;
use super::shapes::run_end;
use super::values::scheme_len;

/// A value in text.
#[derive(Debug, Clone)]
pub(super) struct TextValue {
    pub(super) content: Range<usize>,
    /// Whether quotes of some kind enclose it.
    pub(super) quoted: bool,
    /// The position to continue at.
    pub(super) end: usize,
}

impl Scan<'_> {
    /// The value at `i`. `None` if no value begins there: a bracket, the end, a value that is redacted.
    pub(super) fn text_value(
        &self,
        i: usize,
        percent: bool,
        parameter: bool,
        kind: ValueKind,
    ) -> Option<TextValue> {
        let json = self.json;
        let quoted = |start: usize, end: usize| TextValue {
            content: start..end,
            quoted: true,
            end,
        };
        if let Some(open) = quote_at(json, i) {
            return (open.level > 0)
                .then(|| quoted(open.end, closing_quote(json, open.end, open.level).start));
        }
        match at(json, i) {
            quote @ (b'\'' | b'`') => return Some(quoted(i + 1, self.quoted_end(i + 1, quote))),
            b'{' | b'[' | b'(' | b'<' | b'$' => return None,
            _ => {}
        }
        if let Some((b'"', start)) = percent_at(json, i) {
            return Some(quoted(start, self.run_end(start, true, false)));
        }
        if kind == ValueKind::Digits && !at(json, i).is_ascii_digit() {
            return None;
        }
        let scheme = scheme_len(&json[i..]);
        if is_placeholder(&json[i + scheme..]) {
            return None;
        }
        let end = match kind {
            // No longer than what they can be: most of the time it is something else.
            ValueKind::Digits => run_end(json, i, |b| b.is_ascii_digit() || b == b'-'),
            _ => self.run_end(i + scheme, percent, parameter),
        };
        if kind == ValueKind::Digits && is_word(at(json, end)) {
            return None;
        }
        let trimmed = end - run_len_back(&json[i + scheme..end], |b| b",.)]}:!?".contains(&b));
        Some(TextValue {
            content: i..trimmed,
            quoted: false,
            end,
        })
    }

    /// The end of a `'…'`, or of the line or string if it does not end before.
    fn quoted_end(&self, start: usize, quote: u8) -> usize {
        let json = self.json;
        let mut i = start;
        while i < json.len() && json[i] != quote && json[i] != b'"' {
            i = match json[i] {
                b'\\' => match escape_at(json, i) {
                    Escape::Ends(end) => return end,
                    Escape::Goes(next) => next,
                },
                _ => i + 1,
            };
        }
        i
    }

    /// The rest of the line at `start`, up to the end of its string.
    pub(super) fn line_value(&self, start: usize) -> Range<usize> {
        let end = self.quoted_end(start, b'"');
        start..end
    }

    /// The rest of a cookie header at `start`; in code, the string it is in.
    pub(super) fn cookie_line(&self, start: usize) -> Range<usize> {
        let json = self.json;
        if let Some(open) = quote_at(json, start).filter(|open| open.level > 0) {
            return open.end..closing_quote(json, open.end, open.level).start;
        }
        match at(json, start) {
            quote @ (b'\'' | b'`') => start + 1..self.quoted_end(start + 1, quote),
            _ => start..self.quoted_end(start, b'\''),
        }
    }

    /// The end of an unquoted value that begins at `i`.
    fn run_end(&self, mut i: usize, percent: bool, parameter: bool) -> usize {
        let json = self.json;
        while i < json.len() {
            match json[i] {
                b' ' | b'"' | b'\'' | b'`' | b'&' | b';' | b'<' | b'>' | b'|' => break,
                b'#' if parameter => break,
                b',' if ends_at_comma(json, i) => break,
                b'%' => match percent_at(json, i) {
                    Some((b'&' | b'"' | b'#' | b' ' | b',' | b'}' | b'\n' | b'\r', _)) if percent => break,
                    Some((_, end)) => i = end,
                    None => i += 1,
                },
                b'\\' => match unicode_escape_at(json, i) {
                    Some((b'&' | b'<' | b'>' | b' ' | b'"' | b'\'' | 0..=31, _)) => break,
                    Some((_, end)) => i = end,
                    None => match escape_at(json, i) {
                        Escape::Ends(end) => return end,
                        Escape::Goes(next) => i = next,
                    },
                },
                _ => i += 1,
            }
        }
        i
    }
}

/// The meaning of a run of backslashes for the value that contains it.
enum Escape {
    /// The line or the string ends; the value ends here.
    Ends(usize),
    /// The value continues here.
    Goes(usize),
}

/// The run of backslashes at `i`, always taken whole: half of one would be another escape.
fn escape_at(json: &[u8], i: usize) -> Escape {
    let backslashes = run_len(&json[i..], |b| b == b'\\');
    match at(json, i + backslashes) {
        b'"' => {
            let level = backslashes.trailing_ones();
            Escape::Ends(i + backslashes - ((1 << level) - 1))
        }
        b'n' | b'r' | b't' => Escape::Ends(i),
        0 => Escape::Ends(i + backslashes),
        _ => Escape::Goes(i + backslashes + 1),
    }
}

/// Whether a comma at `i` divides: a blank, an end, or another `name=` follows.
fn ends_at_comma(json: &[u8], i: usize) -> bool {
    let rest = json.get(i + 1..).unwrap_or_default();
    let word = run_len(&rest[..rest.len().min(64)], |b| {
        b.is_ascii_alphanumeric() || b"_-".contains(&b)
    });
    match rest.get(word) {
        Some(b'=' | b':') => word > 0,
        Some(b' ' | b'"' | b'\'' | b'\\') | None => word == 0,
        _ => false,
    }
}

/// Words that follow `password:` in a message about one: "Invalid password: must be longer".
const PROSE: &[&str] = &[
    "a", "an", "the", "is", "was", "are", "has", "have", "not", "no", "must", "should", "may", "can",
    "cannot", "could", "will", "expected", "unexpected", "invalid", "required", "missing", "failed",
    "expired", "string", "number", "object", "boolean", "function", "any", "unknown", "wrong", "too", "at",
    "please", "enter", "your", "punc", "for", "from", "in", "of", "on", "to", "with", "yes", "ok",
];

/// Whether the value is a word of a sentence.
pub(super) fn is_prose(text: &[u8]) -> bool {
    PROSE
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
}
