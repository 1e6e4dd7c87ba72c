//! Finds text in a record's JSON, in either case, whatever its escapes, and however its accents are composed. It
//! allocates only for text that may not be in [NFC](super::nfc).
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
use super::nfc::{may_change, nfc};

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
        let folded: Box<[char]> = nfc(text).chars().map(fold).collect();
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
        if !self.run.is_empty() {
            let mut has_run = false;
            for start in positions(json, &self.run, self.rarest) {
                if is_inside_escape(json, start) {
                    continue;
                }
                if self.run_is_all && !may_begin_mark(json.get(start + self.run.len()..).unwrap_or_default())
                {
                    return true;
                }
                has_run = true;
            }
            // The run may be missing only because it is written with needless escapes.
            if !has_run && !has_needless_escapes(json) {
                return false;
            }
        }
        let may_change = |json| Characters { rest: json }.any(|c| c.is_some_and(may_change));
        if may_have_marks(json) && may_change(json) {
            self.is_in_normalized(json)
        } else {
            self.is_in_decoded(json)
        }
    }

    fn is_in_decoded(&self, json: &[u8]) -> bool {
        let (first, rest) = (self.folded[0], &self.folded[1..]);
        let mut characters = Characters { rest: json };
        while let Some(character) = characters.next() {
            if character.map(fold) == Some(first) {
                let mut ahead = characters;
                if rest.iter().all(|c| ahead.next().flatten().map(fold) == Some(*c)) {
                    return true;
                }
            }
        }
        false
    }

    /// Normalizes each stretch of text that a needle can be in.
    fn is_in_normalized(&self, json: &[u8]) -> bool {
        let mut stretch = String::new();
        let mut characters = Characters { rest: json };
        loop {
            let character = characters.next();
            if let Some(Some(c)) = character {
                stretch.push(c);
                continue;
            }
            let folded: Vec<char> = nfc(&stretch).chars().map(fold).collect();
            if folded
                .windows(self.folded.len())
                .any(|part| part == &*self.folded)
            {
                return true;
            }
            if character.is_none() {
                return false;
            }
            stretch.clear();
        }
    }
}

/// The first byte of U+0300, the first combining mark, in UTF-8. Those of later characters are the same or higher.
const FIRST_BYTE_OF_MARKS: u8 = 0xcc;

/// Whether a combining mark may be in `json`, as itself or as an escape.
fn may_have_marks(json: &[u8]) -> bool {
    json.iter().any(|byte| *byte >= FIRST_BYTE_OF_MARKS) || has_needless_escapes(json)
}

/// Whether a combining mark may be at the beginning of `json`, so that the letter before it is another one.
fn may_begin_mark(json: &[u8]) -> bool {
    match json {
        [b'\\', b'u', ..] => true,
        [byte, ..] => *byte >= FIRST_BYTE_OF_MARKS,
        [] => false,
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

/// The characters of JSON text. `Some(None)` is what no needle holds: a quote that begins
/// or ends a string, half a surrogate pair, bytes that are no text.
#[derive(Clone, Copy)]
struct Characters<'a> {
    rest: &'a [u8],
}

impl Characters<'_> {
    fn skip(&mut self, len: usize) {
        self.rest = self.rest.get(len..).unwrap_or_default();
    }

    fn escape(&mut self) -> Option<char> {
        let letter = self.rest.get(1).copied();
        if letter != Some(b'u') {
            self.skip(2);
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
        self.skip(6);
        let high = high?;
        if let Some(character) = char::from_u32(high) {
            return Some(character);
        }
        let low = unit(self.rest).filter(|low| high < 0xdc00 && (0xdc00..0xe000).contains(low))?;
        self.skip(6);
        char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
    }
}

impl Iterator for Characters<'_> {
    type Item = Option<char>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&byte, after) = self.rest.split_first()?;
        if byte == b'\\' {
            return Some(self.escape());
        }
        if byte.is_ascii() {
            self.rest = after;
            return Some((byte != b'"').then(|| char::from(byte)));
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
        self.skip(character.map_or(1, char::len_utf8));
        Some(character)
    }
}

/// The four hex digits of a `\uXXXX` that begins here.
fn unit(json: &[u8]) -> Option<u32> {
    let digits = json.strip_prefix(b"\\u")?.get(..4)?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::{Needle, fold, nfc};
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
            text in "[aAe/\"\\\\nu0é\n😀İI\u{301}\u{307}]{0,12}",
            needle in "[aAe/\"\\\\nu0É\n😀İ\u{301}]{1,3}",
            styles in prop::collection::vec(any::<u8>(), 1..5),
        ) {
            let json = written(&text, &styles);
            prop_assert_eq!(serde_json::from_str::<String>(&json).ok(), Some(text.clone()), "{}", json);
            let folded = |text: &str| nfc(text).chars().map(fold).collect::<String>();
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
    fn an_accent_is_found_in_each_of_its_forms_and_changes_its_letter() {
        let forms = ["CAF\u{c9}", "cafe\u{301}", r"cafe\u0301", r"caf\u00e9"];
        for json in forms {
            let json = format!("\"a {json} b\"");
            for needle in ["caf\u{e9} b", "cafe\u{301}", "caf", " b"] {
                assert!(found(needle, &json), "{needle} in {json}");
            }
            assert!(!found("cafe", &json), "{json}");
        }
        assert!(found("cafe", r#""cafe\u0301 cafe""#));
    }

    #[test]
    fn numbers_and_literals_are_text() {
        assert!(found("404", r#"{"status":404,"ok":false}"#));
        assert!(found("FALSE", r#"{"status":404,"ok":false}"#));
    }
}
