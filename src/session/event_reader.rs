//! From text to an event that may be written: parsed, without white space, without secrets.
//!
//! Most text has neither, and is then read once and copied nowhere.

use crate::event::{self, Event, EventError, Shape, Trust};
use crate::json::{Scanner, compact};
use crate::redaction::{Redacted, Redactor};
use std::ops::Range;

/// Reads events, and keeps the memory that doing so takes.
#[derive(Debug, Default)]
pub(crate) struct EventReader {
    redactor: Option<Redactor>,
    compacted: Vec<u8>,
    redacted: Vec<u8>,
}

/// Memory above this, needed by a rare large event, is released.
const KEPT_BYTES: usize = 2 << 20;

impl EventReader {
    pub(super) fn set_redactor(&mut self, redactor: Option<Redactor>) {
        self.redactor = redactor;
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
        let mut event = parse(text, trust, shape)?;
        if event.white_space {
            reset(&mut self.compacted);
            compact(text, &mut self.compacted);
            text = &self.compacted;
            event = parse(text, trust, shape)?;
        }
        let Some(redactor) = &mut self.redactor else {
            return Ok(event);
        };
        reset(&mut self.redacted);
        let (ranges, count) = redactable(text, &event);
        match redactor.redact_values(text, &ranges[..count], &mut self.redacted) {
            Redacted::Unchanged => Ok(event),
            Redacted::Changed { .. } => parse(&self.redacted, trust, shape),
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

fn parse(text: &[u8], trust: Trust, shape: Shape) -> Result<Event<'_>, EventError> {
    let mut scanner = match trust {
        Trust::Untrusted => Scanner::new(text)?,
        Trust::OwnDataLast => Scanner::trusted(text),
    };
    let event = event::object(&mut scanner, text, trust, shape)?;
    scanner.end()?;
    Ok(event)
}

fn reset(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT_BYTES);
}

/// Returns the ranges of `text` that may contain secrets: metadata, url and data, in their order in the text.
fn redactable(text: &[u8], event: &Event<'_>) -> ([Range<usize>; 3], usize) {
    let mut ranges = [0..0, 0..0, 0..0];
    let mut count = 0;
    let start_of = |part: &[u8]| part.as_ptr() as usize - text.as_ptr() as usize;
    // A url is the content of a string: its quotes stand around it.
    let url = event.url.map(|url| start_of(url) - 1..start_of(url) + url.len() + 1);
    let whole = |part: Option<&[u8]>| part.map(|part| start_of(part)..start_of(part) + part.len());
    for range in [whole(event.metadata), url, whole(event.data)].into_iter().flatten() {
        ranges[count] = range;
        count += 1;
    }
    ranges[..count].sort_unstable_by_key(|range| range.start);
    (ranges, count)
}
