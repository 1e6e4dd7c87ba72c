//! Properties of selectors as a whole; parts have theirs next to them.

mod agreement;
mod generated;
mod grammar;
mod model;
mod refusals;

use crate::record::{Header, Line, Record, parse_line};
use crate::selector::Selector;

/// The present of these tests, against which relative times are resolved: 2025-11-24T16:00:00Z.
pub(super) const NOW: u64 = 1_764_000_000_000_000;

pub(super) const SESSION: &str = "0193a5b0-0000-7000-8000-000000000001";

/// The header of an event's line.
pub(super) fn header(line: &str) -> Header {
    match parse_line(line.as_bytes()) {
        Ok(Line::Event { header, .. }) => header,
        other => panic!("{line}: {other:?}"),
    }
}

pub(super) fn parse(text: &str) -> Selector {
    Selector::parse(text, NOW).unwrap_or_else(|error| panic!("{}", error))
}

pub(super) fn matches(selector: &Selector, line: &str) -> bool {
    selector.matches(&Record {
        header: &header(line),
        line: line.as_bytes(),
    })
}

/// One string, written as JSON in the many ways JSON allows.
pub(in crate::selector) fn written(text: &str, styles: &[u8]) -> String {
    let mut json = String::from("\"");
    for (c, style) in text.chars().zip(styles.iter().cycle()) {
        match (c, style % 4) {
            (_, 0) => c
                .encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| json += &format!("\\u{unit:04x}")),
            (_, 1) => c
                .encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| json += &format!("\\u{unit:04X}")),
            ('\n', _) => json += "\\n",
            ('"' | '\\', _) | ('/', 2) => json.extend(['\\', c]),
            _ => json.push(c),
        }
    }
    json + "\""
}
