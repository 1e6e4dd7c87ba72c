//! Keys that hide their name behind escapes: `"p\\u0061ssword"`.

use super::escapes::{Quote, at, closing_quote, skip_blank, unescape};
use super::prefilter::Pattern;
use super::rules::Places;
use super::scan::Scan;

/// Bytes of a key up to its first escaped letter.
const MOST: usize = 96;

/// The literals of the prefilter: the escape of a letter.
pub(super) fn pattern() -> Pattern {
    Pattern::new([b"u", b"0", b"0", b"4567"])
}

/// Whether the bytes up to `last` begin the escape of an ASCII letter.
#[inline]
pub(super) fn may_end_at(json: &[u8], last: usize) -> bool {
    matches!(
        json.get(..=last),
        Some([.., b'\\', b'u', b'0', b'0', b'4'..=b'7'])
    )
}

impl Scan<'_> {
    /// Redacts the value of the key that the escape before `last` is in, if its decoded name is a secret's.
    #[inline(never)]
    pub(super) fn escaped_name(&mut self, last: usize) -> bool {
        let json = self.json;
        let from = self.floor.max(last.saturating_sub(MOST));
        let Some(quote) = json[from..last]
            .iter()
            .rposition(|b| *b == b'"')
            .map(|at| from + at)
        else {
            return false;
        };
        let backslashes = json[self.floor..quote]
            .iter()
            .rev()
            .take_while(|b| **b == b'\\')
            .count();
        let level = backslashes.trailing_ones();
        let close: Quote = closing_quote(json, quote + 1, level);
        let colon = skip_blank(json, close.end);
        if close.level != level || at(json, colon) != b':' {
            return false;
        }
        let name = unescape(&json[quote + 1..close.start], level + 1);
        let found = self.engine.names.ending_at(&name, 0, name.len());
        let found = found.filter(|found| found.name.places.overlap(Places::JSON));
        let before = self.sink.passed;
        if let Some(found) = found {
            self.redact_json_value(skip_blank(json, colon + 1), level, found.name);
        }
        self.sink.passed > before
    }
}
