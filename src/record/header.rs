//! The small part of a record that readers filter on, kept next to its bytes.
//!
//! A [`Header`] holds what is compared as numbers and, for the rest, where in the line it is, so
//! that matching a record parses nothing. It belongs to exactly one line: its spans mean nothing
//! next to another.

use crate::json::{JsonError, JsonErrorKind, Scanner, unescape};
use crate::levels::{DetailLevel, Severity, SourceKind};

/// A range of bytes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte. Equal to `start`: absent.
    pub end: u32,
}

impl Span {
    /// The bytes of `line` it covers; empty when it does not lie inside.
    pub fn of(self, line: &[u8]) -> &[u8] {
        line.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }

    /// Returns the span shifted by `to - from`. The span of an absent field begins at 0, as no other span does, and is
    /// returned unchanged.
    pub(super) const fn moved(self, from: u32, to: u32) -> Self {
        if self.start == 0 {
            return self;
        }
        Self {
            start: self.start - from + to,
            end: self.end - from + to,
        }
    }

    /// Whether there is nothing.
    pub const fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// The fields of a record that readers filter on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Order of acceptance in its session, from 1.
    pub seq: u64,
    /// Unix microseconds of the observation.
    pub ts_micros: u64,
    /// The kind of producer that observed it.
    pub source_kind: SourceKind,
    /// The detail level of the event.
    pub detail_level: DetailLevel,
    /// Derived from type, console method and HTTP status.
    pub severity: Severity,
    /// `data.status` of a network event, 100 to 599; 0 for none.
    pub status: u16,
    /// `source.metadata.tab_id` as a number; -1 for none.
    pub tab_id: i64,
    /// The type's characters, without quotes; ASCII, never escaped.
    pub type_: Span,
    /// The category's characters, without quotes; ASCII, never escaped.
    pub category: Span,
    /// The url's characters, without quotes, JSON escapes as they are.
    pub url: Span,
    /// The JSON text of `data`.
    pub data: Span,
}

/// A record to be matched: its header and its line.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The header of `line`.
    pub header: &'a Header,
    /// The serialized envelope, without a newline.
    pub line: &'a [u8],
}

impl<'a> Record<'a> {
    /// The semantic type.
    pub fn type_(&self) -> &'a str {
        str_of(self.header.type_, self.line)
    }

    /// The category.
    pub fn category(&self) -> &'a str {
        str_of(self.header.category, self.line)
    }

    /// The url as it is in the line (JSON escapes kept), empty when it has no url.
    pub fn url(&self) -> &'a str {
        str_of(self.header.url, self.line)
    }

    /// The JSON text of `data`, empty when it has no data.
    pub fn data(&self) -> &'a [u8] {
        self.header.data.of(self.line)
    }

    /// The tab, if the source named one.
    pub fn tab_id(&self) -> Option<i64> {
        (self.header.tab_id >= 0).then_some(self.header.tab_id)
    }

    /// The HTTP status of a network event.
    pub fn status(&self) -> Option<u16> {
        (self.header.status != 0).then_some(self.header.status)
    }
}

fn str_of(span: Span, line: &[u8]) -> &str {
    std::str::from_utf8(span.of(line)).unwrap_or_default()
}

/// The HTTP status of a network event, its `data.status` from 100 to 599; 0 for anything else.
pub fn http_status(category: &str, data: &[u8]) -> u16 {
    if category != "network" || data.first() != Some(&b'{') {
        return 0;
    }
    let mut status = 0;
    // Ends at the first `status`; data that is not an object has none.
    let _ = Scanner::trusted(data).object(|scanner, key| {
        let value = scanner.value()?;
        if key != b"status" && !(key.contains(&b'\\') && unescape(key) == "status") {
            return Ok(());
        }
        status = std::str::from_utf8(value)
            .ok()
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(0);
        Err(JsonError {
            kind: JsonErrorKind::UnexpectedEnd,
            offset: scanner.pos(),
        })
    });
    if (100..=599).contains(&status) { status } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::http_status;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_name_with_escapes_is_the_same_name() {
        assert_eq!(http_status("network", br#"{"st\u0061tus":404}"#), 404);
    }

    #[test]
    fn only_a_network_event_has_a_status() {
        assert_eq!(
            http_status("network", br#"{"a":{"status":500},"status":404}"#),
            404
        );
        assert_eq!(http_status("console", br#"{"status":404}"#), 0);
        for data in [
            &br#"{"status":99}"#[..],
            br#"{"status":"404"}"#,
            br#"{"status":40400}"#,
            b"[404]",
            b"",
        ] {
            assert_eq!(http_status("network", data), 0);
        }
    }
}
