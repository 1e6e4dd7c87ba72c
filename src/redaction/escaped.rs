//! Keys that hide their name behind escapes: `"p\\u0061ssword"`.

use super::escapes::{at, backslashes_ending, closing_quote, skip_blank, unescape};
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
        let Some(quote) = memchr::memrchr(b'"', &json[from..last]).map(|at| from + at) else {
            return false;
        };
        let level = backslashes_ending(&json[self.floor..quote]).trailing_ones();
        let close = closing_quote(json, quote + 1, level);
        let colon = skip_blank(json, close.end);
        if close.level != level || at(json, colon) != b':' {
            return false;
        }
        let name = unescape(&json[quote + 1..close.start], level + 1);
        let found = self.engine.names.ending_at(&name, 0, name.len());
        let found = found.filter(|found| found.name.places.overlap(Places::JSON));
        let value = skip_blank(json, colon + 1);
        found.is_some_and(|found| self.redact_json_value(value, level, found.name).is_some())
    }
}
