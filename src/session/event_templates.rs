//! Templates: recent events without their `ts` and `data`, to accept later events that differ in nothing else.
//!
//! One producer's events mostly have the same type, category, source and url. If an event fits a template, these fields
//! are compared and copied instead of being parsed, redacted and written anew.
//!
//! A text that begins like another is in the same state of the parser there, so that only the rest is read: nothing of
//! `data` but its depth if our own `JSON.stringify` wrote it, and every byte otherwise.
//!
//! An event becomes a template if its `data` comes last, its `ts` first or never, nothing of it was redacted or
//! truncated, and its category is not `network`, because the severity of a network event depends on its `data`.
//! Redaction of the fields before `data` does not depend on `data`.

use crate::event::{Event, Trust, max_safe_integer};
use crate::json::{Scanner, too_deep};
use crate::record::{Header, LineTemplate};
// `starts_with` compares byte by byte in wasm.
use memchr::arch::all::is_prefix;

/// Most templates of a session, in which several producers take turns.
const MAX_TEMPLATES: usize = 8;
/// Number of events without a template per template that is stored. To store each is wasted work if no event repeats another.
const STORE_INTERVAL: u32 = 8;
/// Most bytes of a template's text. Few addresses are longer.
const MAX_TEXT_BYTES: usize = 1_024;
/// Number of bytes at the end of a template's text that are compared first.
const TAIL_BYTES: usize = 32;
const LEADING_TS: &[u8] = b"{\"ts\":";
/// Number of digits of the largest `ts`.
const MAX_TS_DIGITS: usize = 16;

/// The templates of one session.
#[derive(Debug, Default)]
pub(super) struct EventTemplates {
    templates: Vec<EventTemplate>,
    /// Index of the template to be replaced next.
    oldest: usize,
    /// Number of events so far that were read and could become a template.
    candidates: u32,
}

#[derive(Debug)]
pub(super) struct EventTemplate {
    /// The event's text from after its `ts` (then a comma is first), or from its beginning, up to its `data`.
    text: Vec<u8>,
    /// Index of its category in the session's categories.
    pub(super) category: usize,
    /// The same text as a line contains it.
    pub(super) line: LineTemplate,
}

/// The parts of an event that its template does not contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TsAndData {
    pub(super) ts_micros: Option<u64>,
    /// Offset of `data`, which ends before the last byte of the text.
    pub(super) data_start: usize,
}

impl EventTemplate {
    /// Returns whether `rest`, an event from after its `ts` on, begins with the text of this template.
    fn begins(&self, rest: &[u8]) -> bool {
        // Events of the same type often differ in the end of their url only.
        let tail = |text: &[u8]| -> Option<[u8; TAIL_BYTES]> {
            let end = self.text.len();
            text.get(end.checked_sub(TAIL_BYTES)?..end)?.try_into().ok()
        };
        tail(rest) == tail(&self.text) && is_prefix(rest, &self.text)
    }
}

impl EventTemplates {
    /// Removes all templates, because other rules of redaction may apply to their text.
    pub(super) fn clear(&mut self) {
        self.templates.clear();
        self.oldest = 0;
    }

    /// Returns the template that `text` fits.
    pub(super) fn find(&self, text: &[u8], trust: Trust) -> Option<(&EventTemplate, TsAndData)> {
        let (ts_micros, after_ts) = leading_ts(text).map_or((None, 0), |(ts, end)| (Some(ts), end));
        let rest = &text[after_ts..];
        // A template with a `ts` continues after it, and one without begins the event.
        let first = if ts_micros.is_some() { b',' } else { b'{' };
        if rest.first() != Some(&first) {
            return None;
        }
        let mut templates = self.templates.iter();
        let template = templates.find(|template| template.begins(rest))?;
        let data_start = after_ts + template.text.len();
        let parts = TsAndData {
            ts_micros,
            data_start,
        };
        is_data_and_end(&text[data_start..], trust).then_some((template, parts))
    }

    /// Stores the template of `text`, which was just accepted as `line`. Its `data` begins at `data_start`.
    pub(super) fn store(
        &mut self,
        text: &[u8],
        data_start: usize,
        category: usize,
        header: &Header,
        line: &[u8],
    ) {
        let is_due = self.candidates.is_multiple_of(STORE_INTERVAL);
        self.candidates = self.candidates.wrapping_add(1);
        if !is_due {
            return;
        }
        let after_ts = leading_ts(text).map_or(0, |(_, end)| end);
        let Some(text) = text.get(after_ts..data_start) else {
            return;
        };
        // An event may fit a template and still have to be read, because of its `data`.
        let is_stored = |template: &EventTemplate| template.text == text;
        if text.len() > MAX_TEXT_BYTES || self.templates.iter().any(is_stored) {
            return;
        }
        let template = EventTemplate {
            text: text.to_vec(),
            category,
            line: LineTemplate::of(header, line),
        };
        if self.templates.len() < MAX_TEMPLATES {
            self.templates.push(template);
        } else {
            self.templates[self.oldest] = template;
            self.oldest = (self.oldest + 1) % MAX_TEMPLATES;
        }
    }
}

/// Returns whether `rest` is a compact JSON value and the brace that ends its event.
fn is_data_and_end(rest: &[u8], trust: Trust) -> bool {
    if trust == Trust::OwnDataLast {
        return rest.len() > 1 && !too_deep(rest);
    }
    let Ok(mut scanner) = Scanner::new(rest) else {
        return false;
    };
    scanner.skip().is_ok() && !scanner.saw_white_space() && rest.get(scanner.pos()..) == Some(b"}")
}

/// Returns the offset of `data` in `text` if `event`, read from it, may become a template.
pub(super) fn data_start(event: &Event<'_>, text: &[u8]) -> Option<usize> {
    let data = event.data?;
    // After a replacement all of the event is in another buffer.
    let data_start = (data.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let is_last = data_start.checked_add(data.len() + 1) == Some(text.len());
    let ts_is_first = event.ts_micros == leading_ts(text).map(|(ts, _)| ts);
    let may = is_last && ts_is_first && !event.truncated && event.category != "network";
    may.then_some(data_start)
}

/// Returns the `ts` with which `text` begins, and the offset of its end.
fn leading_ts(text: &[u8]) -> Option<(u64, usize)> {
    let digits = text.strip_prefix(LEADING_TS)?;
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let has_leading_zero = count > 1 && digits[0] == b'0';
    if has_leading_zero || !(1..=MAX_TS_DIGITS).contains(&count) {
        return None;
    }
    let number = |ts, digit: &u8| ts * 10 + u64::from(digit - b'0');
    let ts = digits[..count].iter().fold(0, number);
    (ts <= max_safe_integer()).then_some((ts, LEADING_TS.len() + count))
}

#[cfg(test)]
mod tests;
