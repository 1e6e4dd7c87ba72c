//! Finds text in a record's JSON, in either case and whatever its escapes, without allocating.
//!
//! The text of JSON consists of the characters outside its strings, and inside them of the characters that
//! the escapes represent. A match never crosses a quote that begins or ends a string, so
//! `failed` is found in `{"state":"failed"}` and `state failed` is not.
//!
//! How: nearly every record keeps nearly every character as itself, so the longest run of characters
//! that are never escaped by `JSON.stringify` is looked for with `memchr` on its rarest byte. Only
//! when that cannot settle it (other producers write `\u00e9` or `\/`) is the text decoded character by
//! character.

use super::caseless::{positions, rarest};

/// A word or phrase to look for.
#[derive(Debug, Clone)]
pub(crate) struct Needle {
    /// Characters in folded case, never empty.
    folded: Box<[char]>,
    /// The longest part that JSON does not escape, in lower case. Empty: every character may be escaped.
    run: Box<[u8]>,
    /// Whether `run` is all of it.
    run_is_all: bool,
    /// Index in `run` of the byte expected to be rarest in records.
    rarest: usize,
}

impl Needle {
    /// `None` for empty text.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let folded: Box<[char]> = text.chars().map(fold).collect();
        if folded.is_empty() {
            return None;
        }
        let longest = folded
            .split(|c| !is_plain(*c))
            .max_by_key(|run| run.len())
            .unwrap_or_default();
        let run: Box<[u8]> = longest.iter().filter_map(|c| u8::try_from(*c).ok()).collect();
        Some(Self {
            run_is_all: run.len() == folded.len(),
            rarest: rarest(&run),
            folded,
            run,
        })
    }

    /// Whether it occurs in `json`: the inside of a JSON string, or any JSON text.
    pub(crate) fn is_in(&self, json: &[u8]) -> bool {
        match self.run_is_in(json) {
            true if self.run_is_all => return true,
            // The run may be missing only because it is written with escapes that are not needed.
            false if !has_needless_escapes(json) => return false,
            _ => {}
        }
        self.is_in_decoded(json)
    }

    fn run_is_in(&self, json: &[u8]) -> bool {
        self.run.is_empty()
            || positions(json, &self.run, self.rarest).any(|start| !is_inside_escape(json, start))
    }

    fn is_in_decoded(&self, json: &[u8]) -> bool {
        let (first, rest) = (self.folded[0], &self.folded[1..]);
        let mut characters = Characters { rest: json };
        while let Some(character) = characters.next() {
            if character == Some(first) {
                let mut ahead = characters;
                if rest.iter().all(|c| ahead.next() == Some(Some(*c))) {
                    return true;
                }
            }
        }
        false
    }
}

/// Whether `JSON.stringify` writes a character in folded case as itself, in one byte.
fn is_plain(c: char) -> bool {
    (' '..='~').contains(&c) && c != '"' && c != '\\'
}

/// Case is folded character by character: what has no single lower-case character stays as it is, and
/// no other alphabet folds into ASCII (the Kelvin sign is not a `k`).
fn fold(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(single), None) if !single.is_ascii() => single,
        _ => c,
    }
}

/// `\u` or `\/` anywhere, preceded by whatever.
fn has_needless_escapes(json: &[u8]) -> bool {
    memchr::memchr_iter(b'\\', json).any(|at| matches!(json.get(at + 1), Some(b'u' | b'/')))
}

/// Whether the byte at `at` belongs to an escape that began before it: the `n` of `\n`, the `4` of `\u0041`.
fn is_inside_escape(json: &[u8], at: usize) -> bool {
    let begins_escape = |backslash: usize| {
        let run = json[..=backslash]
            .iter()
            .rev()
            .take_while(|b| **b == b'\\')
            .count();
        run % 2 == 1
    };
    let before = |distance: usize| at.checked_sub(distance).map(|index| (index, json[index]));
    if matches!(before(1), Some((index, b'\\')) if begins_escape(index)) {
        return true;
    }
    (1..=4).any(|distance| {
        matches!(before(distance), Some((_, b'u')))
            && matches!(before(distance + 1), Some((index, b'\\')) if begins_escape(index))
    })
}

/// The characters of JSON text in folded case. `Some(None)` is what no needle holds: a quote that begins
/// or ends a string, half a surrogate pair, bytes that are no text.
#[derive(Clone, Copy)]
struct Characters<'a> {
    rest: &'a [u8],
}

impl Characters<'_> {
    fn take(&mut self, len: usize) {
        self.rest = self.rest.get(len..).unwrap_or_default();
    }

    fn next(&mut self) -> Option<Option<char>> {
        let (&byte, after) = self.rest.split_first()?;
        if byte == b'\\' {
            return Some(self.escape());
        }
        if byte.is_ascii() {
            self.rest = after;
            return Some((byte != b'"').then(|| char::from(byte.to_ascii_lowercase())));
        }
        let len = match byte {
            0xf0.. => 4,
            0xe0.. => 3,
            _ => 2,
        };
        let decoded = self
            .rest
            .get(..len)
            .and_then(|bytes| std::str::from_utf8(bytes).ok());
        let character = decoded.and_then(|text| text.chars().next());
        self.take(character.map_or(1, char::len_utf8));
        Some(character.map(fold))
    }

    fn escape(&mut self) -> Option<char> {
        let letter = self.rest.get(1).copied();
        if letter != Some(b'u') {
            self.take(2);
            return match letter? {
                b'n' => Some('\n'),
                b't' => Some('\t'),
                b'r' => Some('\r'),
                b'b' => Some('\u{8}'),
                b'f' => Some('\u{c}'),
                other => Some(char::from(other)),
            };
        }
        let high = unit(self.rest);
        self.take(6);
        let high = high?;
        if let Some(character) = char::from_u32(high) {
            return Some(fold(character));
        }
        let low = unit(self.rest).filter(|low| high < 0xdc00 && (0xdc00..0xe000).contains(low))?;
        self.take(6);
        char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)).map(fold)
    }
}

/// The four hex digits of a `\uXXXX` that begins here.
fn unit(json: &[u8]) -> Option<u32> {
    let digits = json.strip_prefix(b"\\u")?.get(..4)?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::{Needle, fold};
    use crate::selector::tests::written;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn found(needle: &str, json: &str) -> bool {
        Needle::new(needle).unwrap().is_in(json.as_bytes())
    }

    proptest! {
        #[test]
        fn text_is_found_exactly_where_the_decoded_string_holds_it(
            text in "[aA/\"\\\\nu0é\n😀İ]{0,12}",
            needle in "[aA/\"\\\\nu0É\n😀]{1,3}",
            styles in prop::collection::vec(any::<u8>(), 1..5),
        ) {
            let json = written(&text, &styles);
            prop_assert_eq!(serde_json::from_str::<String>(&json).ok(), Some(text.clone()), "{}", json);
            let folded = |text: &str| text.chars().map(fold).collect::<String>();
            let expected = folded(&text).contains(&folded(&needle));
            prop_assert_eq!(found(&needle, &json), expected, "{} in {}", needle, json);
        }

        #[test]
        fn no_bytes_make_it_panic(json in prop::collection::vec(any::<u8>(), 0..64), needle in ".{1,4}") {
            let _ = Needle::new(&needle).unwrap().is_in(&json);
        }
    }

    #[test]
    fn a_letter_of_an_escape_is_not_text() {
        assert!(!found("name", r#""\name""#));
        assert!(found("name", r#""\\name""#));
        assert!(!found("0041", r#""\u0041""#));
        assert!(!found("u0041", r#""\u0041""#));
        assert!(found("u0041", r#""\\u0041""#));
        assert!(found("a", r#""\u0041""#));
    }

    #[test]
    fn a_match_never_crosses_a_string_end() {
        assert!(found("failed", r#"{"state":"failed"}"#));
        assert!(!found("state failed", r#"{"state":"failed"}"#));
        assert!(!found("state\":\"failed", r#"{"state":"failed"}"#));
        assert!(found("say \"hi\"", r#"{"a":"Say \"Hi\""}"#));
    }

    #[test]
    fn numbers_and_literals_are_text() {
        assert!(found("404", r#"{"status":404,"ok":false}"#));
        assert!(found("FALSE", r#"{"status":404,"ok":false}"#));
    }
}
