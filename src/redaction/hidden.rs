//! Base64 that hides secrets: JSON in a parameter, a `data:` address, the content of a binary frame.

use std::ops::Range;

use super::base64;
use super::escapes::{at, percent_at, unpercent, word_starts_at};
use super::scan::Scan;
use super::sink::Sink;

/// Shorter text hides nothing that has a name.
const LEAST: usize = 16;
/// Bytes of base64 that are looked into.
const MOST: usize = 256 << 10;

impl Scan<'_> {
    /// The base64 around a literal if secrets are found in it.
    pub(super) fn hidden(&mut self, start: usize, literal_end: usize) -> Option<Range<usize>> {
        let is_data = at(self.json, literal_end - 1) == b',';
        if is_data && !self.is_text_before(start) {
            return None;
        }
        let start = if is_data { literal_end } else { start };
        let inside = start
            .checked_sub(1)
            .is_some_and(|before| matches!(self.json[before], b'+' | b'-'));
        let begins = is_data || word_starts_at(self.json, start) && !inside;
        (begins && self.hides_secrets(start..self.base64_end(start))).then(|| start..self.base64_end(start))
    }

    /// Whether the media type that ends at `end` is one of text: an image holds no names, and is large.
    fn is_text_before(&self, end: usize) -> bool {
        const TEXTS: &[&[u8]] = &[b"text/", b"json", b"xml", b"urlencoded", b"script", b"data:;"];
        let media = &self.json[end.saturating_sub(64).max(self.floor)..(end + 1).min(self.json.len())];
        let from = memchr::memmem::rfind(media, b"data:").unwrap_or(0);
        TEXTS
            .iter()
            .any(|text| memchr::memmem::find(&media[from..], text).is_some())
    }

    fn base64_end(&self, start: usize) -> usize {
        let json = self.json;
        let mut i = start;
        while i < json.len() && i < start + MOST {
            i = match json[i] {
                b'+' | b'/' | b'-' | b'_' | b'=' => i + 1,
                b'%' => match percent_at(json, i) {
                    Some((b'+' | b'/' | b'=', end)) => end,
                    _ => break,
                },
                b'\\' if at(json, i + 1) == b'/' => i + 2,
                byte if byte.is_ascii_alphanumeric() => i + 1,
                _ => break,
            };
        }
        i
    }

    /// Whether base64 decodes to text in which a rule finds a secret.
    pub(super) fn hides_secrets(&mut self, text: Range<usize>) -> bool {
        if self.is_hidden || text.len() < LEAST || text.start < self.hidden_to {
            return false;
        }
        self.hidden_to = text.end;
        let text = unpercent(&self.json[text])
            .into_iter()
            .filter(|b| *b != b'\\')
            .collect::<Vec<u8>>();
        let decoded = base64::decode(&text);
        let is_json = matches!(decoded.first(), Some(b'{' | b'['));
        let readable = String::from_utf8_lossy(&decoded);
        // As JSON where it is JSON; else as what a string says.
        let json = if is_json {
            readable.into_owned()
        } else {
            serde_json::to_string(&readable).unwrap_or_default()
        };
        let (mut out, mut counts) = (Vec::new(), vec![0; self.sink.counts.len()]);
        let sink = Sink::new(json.as_bytes(), self.sink.key, &mut out, &mut counts, None);
        let mut inner = Scan::new(self.engine, sink);
        inner.is_hidden = true;
        inner.run(0);
        inner.sink.found > 0
    }
}
