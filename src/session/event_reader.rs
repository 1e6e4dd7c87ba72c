//! From text to an event that may be written: parsed, without white space, without secrets.
//!
//! Most text has neither, and is then read once and copied nowhere. Of a console event only `data` is written anew.

use crate::console;
use crate::event::{self, Event, EventError, Shape, Trust};
use crate::json::compact;
use crate::levels::DetailLevel;
use crate::redaction::{Redacted, Redactor, RuleTable};
use std::ops::Range;

/// Reads events, and keeps the memory that doing so takes.
#[derive(Debug, Default)]
pub(crate) struct EventReader {
    redactor: Option<Redactor>,
    compacted: Vec<u8>,
    /// The data of a console event with its text written.
    written: Vec<u8>,
    redacted: Vec<u8>,
    /// The last address without a secret. Consecutive events of a page mostly have the same, which is not scanned again.
    harmless_url: Vec<u8>,
}

/// Memory above this, needed by a rare large event, is released.
const KEPT_BYTES: usize = 2 << 20;

impl EventReader {
    pub(super) fn set_redactor(&mut self, redactor: Option<Redactor>) {
        self.harmless_url.clear();
        self.redactor = redactor;
    }

    pub(super) fn set_redaction_rules(&mut self, rules: &RuleTable) {
        self.harmless_url.clear();
        if let Some(redactor) = &mut self.redactor {
            redactor.set_rules(rules);
        }
    }

    /// Secrets replaced so far.
    pub(super) fn redactions(&self) -> u64 {
        self.redactor.as_ref().map_or(0, Redactor::total)
    }

    /// Reads one event.
    pub(super) fn read<'a>(
        &'a mut self,
        text: &'a [u8],
        trust: Trust,
        shape: Shape,
    ) -> Result<Event<'a>, EventError> {
        let mut text = text;
        let mut event = event::read(text, trust, shape)?;
        if event.white_space {
            reset(&mut self.compacted);
            compact(text, &mut self.compacted);
            text = &self.compacted;
            event = event::read(text, trust, shape)?;
        }
        let mut unread = event.data;
        if let Some(data) = unread.filter(|data| event.category == "console" && console::has_parts(data)) {
            reset(&mut self.written);
            let minimal = event.detail_level == Some(DetailLevel::Minimal);
            let redactor = self.redactor.as_mut();
            if let Some(written) = console::write_text(data, minimal, redactor, &mut self.written) {
                debug_assert!(crate::json::validate(&self.written).is_ok());
                event.truncated |= written.truncated;
                event.data = Some(&self.written);
                // Its secrets were replaced as it was written.
                unread = None;
            }
        }
        let Some(redactor) = &mut self.redactor else {
            return Ok(event);
        };
        let only_url = event.url.filter(|_| event.metadata.is_none() && unread.is_none());
        if only_url.is_some_and(|url| url == self.harmless_url) {
            return Ok(event);
        }
        reset(&mut self.redacted);
        let (ranges, count) = redactable(text, &event, unread);
        match redactor.redact_values(text, &ranges[..count], &mut self.redacted) {
            Redacted::Unchanged => {
                if let Some(url) = only_url {
                    self.harmless_url.clear();
                    self.harmless_url.extend_from_slice(url);
                }
                Ok(event)
            }
            Redacted::Changed { .. } => {
                let redacted = event::read(&self.redacted, trust, shape)?;
                Ok(Event {
                    truncated: event.truncated,
                    // The bytes that were written are not in the text.
                    data: if unread.is_none() {
                        event.data
                    } else {
                        redacted.data
                    },
                    ..redacted
                })
            }
        }
    }

    /// Returns the data of `text`, which begins at `start` and ends before the last byte, with its secrets replaced.
    /// Returns `None` if it has the parts of a console text, which is not written yet.
    pub(super) fn read_data<'a>(&'a mut self, text: &'a [u8], start: usize) -> Option<&'a [u8]> {
        let range = start..text.len() - 1;
        if console::has_parts(&text[range.clone()]) {
            return None;
        }
        let Some(redactor) = &mut self.redactor else {
            return Some(&text[range]);
        };
        reset(&mut self.redacted);
        match redactor.redact_values(text, std::slice::from_ref(&range), &mut self.redacted) {
            Redacted::Unchanged => Some(&text[range]),
            Redacted::Changed { .. } => self.redacted.get(start..self.redacted.len() - 1),
        }
    }

    /// One compact JSON value without secrets.
    pub(super) fn redact(&mut self, json: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        match self.redactor.as_mut()?.redact(json, &mut out) {
            Redacted::Unchanged => None,
            Redacted::Changed { .. } => Some(out),
        }
    }
}

fn reset(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT_BYTES);
}

fn offset_in(text: &[u8], part: &[u8]) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

/// Returns the ranges of `text` that may contain secrets: metadata, url and `data`, in their order in the text.
fn redactable(text: &[u8], event: &Event<'_>, data: Option<&[u8]>) -> ([Range<usize>; 3], usize) {
    let mut ranges = [0..0, 0..0, 0..0];
    let mut count = 0;
    // A url is the content of a string: its quotes are around it.
    let url = event
        .url
        .map(|url| offset_in(text, url) - 1..offset_in(text, url) + url.len() + 1);
    let whole =
        |part: Option<&[u8]>| part.map(|part| offset_in(text, part)..offset_in(text, part) + part.len());
    for range in [whole(event.metadata), url, whole(data)].into_iter().flatten() {
        ranges[count] = range;
        count += 1;
    }
    ranges[..count].sort_unstable_by_key(|range| range.start);
    (ranges, count)
}
