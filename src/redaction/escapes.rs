//! Finds the end of strings when JSON is inside JSON, from the number of backslashes.
//!
//! A quote's *level* says how many strings deep it delimits. A quote of level `k` is written with
//! `2^k - 1` backslashes, and a backslash inside a string of level `k` with `2^(k+1)`; so among the
//! backslashes before a quote the number of trailing one bits **is** its level, whatever content
//! precedes it. That lets every verification work in place, without parsing from the start.

use std::ops::Range;

/// The byte at `i`, 0 past the end.
pub(super) fn at(json: &[u8], i: usize) -> u8 {
    json.get(i).copied().unwrap_or(0)
}

/// A quote with the backslashes that belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quote {
    /// Its first byte, a backslash unless the level is 0.
    pub(super) start: usize,
    /// One past the `"`.
    pub(super) end: usize,
    /// How many strings deep it delimits; 0 is the JSON value itself.
    pub(super) level: u32,
}

/// Counts the bytes at the start of `text` that `is` accepts one after another.
pub(super) fn run_len(text: &[u8], is: impl Fn(u8) -> bool) -> usize {
    text.iter().take_while(|b| is(**b)).count()
}

/// Counts the bytes at the end of `text` that `is` accepts one after another.
pub(super) fn run_len_back(text: &[u8], is: impl Fn(u8) -> bool) -> usize {
    text.iter().rev().take_while(|b| is(**b)).count()
}

/// How many backslashes follow one another from `i`.
fn backslashes_from(json: &[u8], i: usize) -> usize {
    run_len(json.get(i..).unwrap_or_default(), |b| b == b'\\')
}

/// How many backslashes `text` ends with.
pub(super) fn backslashes_ending(text: &[u8]) -> usize {
    run_len_back(text, |b| b == b'\\')
}

/// The quote that begins exactly at `i`.
pub(super) fn quote_at(json: &[u8], i: usize) -> Option<Quote> {
    let backslashes = backslashes_from(json, i);
    let level = backslashes.trailing_ones();
    let exact = level < 16 && backslashes + 1 == 1 << level;
    (exact && at(json, i + backslashes) == b'"').then_some(Quote {
        start: i,
        end: i + backslashes + 1,
        level,
    })
}

/// The first quote from `from` on that closes a string of `level`: its own, or one around it, in this
/// case the string was cut off. The end of the input if no quote follows.
pub(super) fn closing_quote(json: &[u8], from: usize, level: u32) -> Quote {
    let mut i = from;
    while let Some(step) = memchr::memchr(b'"', json.get(i..).unwrap_or_default()) {
        let quote = i + step;
        let found = backslashes_ending(&json[from..quote]).trailing_ones();
        if found <= level {
            return Quote {
                start: quote - ((1 << found) - 1),
                end: quote + 1,
                level: found,
            };
        }
        i = quote + 1;
    }
    Quote {
        start: json.len(),
        end: json.len(),
        level: 0,
    }
}

/// Whether the string that surrounds `i` ends there, be it by a quote or by a preview's ellipsis.
pub(super) fn string_ends_at(json: &[u8], i: usize) -> bool {
    let rest = json.get(i..).unwrap_or_default();
    let backslashes = backslashes_from(json, i);
    rest.is_empty()
        || at(json, i + backslashes) == b'"'
        || rest.starts_with("…".as_bytes())
        || rest.starts_with(b"...")
}

/// Skips blanks and escaped line breaks of any level.
pub(super) fn skip_blank(json: &[u8], mut i: usize) -> usize {
    loop {
        let backslashes = backslashes_from(json, i);
        i = match at(json, i + backslashes) {
            b' ' | b'\t' | b'\n' | b'\r' if backslashes == 0 => i + 1,
            b'n' | b'r' | b't' if backslashes > 0 => i + backslashes + 1,
            _ => return i,
        };
    }
}

/// Whether an escaped line break, of any level, begins at `i`.
pub(super) fn line_break_at(json: &[u8], i: usize) -> bool {
    let backslashes = backslashes_from(json, i);
    backslashes > 0 && matches!(at(json, i + backslashes), b'n' | b'r')
}

/// The byte that a percent escape at `i` encodes, and where the escape ends. `%2525…` counts as well.
pub(super) fn percent_at(json: &[u8], i: usize) -> Option<(u8, usize)> {
    if at(json, i) != b'%' {
        return None;
    }
    let mut digits = i + 1;
    while json
        .get(digits..digits + 4)
        .is_some_and(|d| &d[..2] == b"25" && d[2..].iter().all(u8::is_ascii_hexdigit))
    {
        digits += 2;
    }
    let byte = hex(at(json, digits))? << 4 | hex(at(json, digits + 1))?;
    Some((byte, digits + 2))
}

/// The ASCII byte that a `\u00XX` escape at `i` encodes, and where the escape ends.
pub(super) fn unicode_escape_at(json: &[u8], i: usize) -> Option<(u8, usize)> {
    let u = i + backslashes_from(json, i);
    if u == i || !json.get(u..)?.starts_with(b"u00") {
        return None;
    }
    let byte = hex(at(json, u + 3))? << 4 | hex(at(json, u + 4))?;
    Some((byte, u + 5))
}

/// The value of a hexadecimal digit.
pub(super) fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// Letters, digits and `_`: what a word is made of.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a word can begin at `i`: the character before it is no word character, or is the end of an escape.
pub(super) fn word_starts_at(json: &[u8], i: usize) -> bool {
    let Some(before) = i.checked_sub(1).map(|b| json[b]) else {
        return true;
    };
    if !is_word(before) {
        return true;
    }
    let tail = |n: usize| i.checked_sub(n).map(|start| &json[start..i]);
    let is_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    matches!(tail(2), Some([b'\\', b'n' | b'r' | b't' | b'b' | b'f']))
        || tail(3).is_some_and(|t| t[0] == b'%' && is_hex(&t[1..]))
        || tail(5).is_some_and(|t| t[0] == b'%' && t[1..3] == *b"25" && is_hex(&t[3..]))
        || tail(6).is_some_and(|t| t.starts_with(b"\\u") && is_hex(&t[2..]))
}

/// Undoes `levels` layers of JSON escaping. What is no escape stays, so a cut-off string is fine.
pub(super) fn unescape(text: &[u8], levels: u32) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..levels {
        if memchr::memchr(b'\\', &text).is_none() {
            break;
        }
        text = unescape_once(&text);
    }
    text
}

fn unescape_once(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut i = 0;
    while i < text.len() {
        if text[i] != b'\\' {
            out.push(text[i]);
            i += 1;
            continue;
        }
        let (byte, len) = match at(text, i + 1) {
            b'n' => (b'\n', 2),
            b'r' => (b'\r', 2),
            b't' => (b'\t', 2),
            b'b' => (8, 2),
            b'f' => (12, 2),
            byte @ (b'"' | b'\\' | b'/') => (byte, 2),
            b'u' => {
                if let Some((unit, end)) = utf16_escape(text, i) {
                    let mut utf8 = [0; 4];
                    out.extend_from_slice(unit.encode_utf8(&mut utf8).as_bytes());
                    i = end;
                    continue;
                }
                (b'\\', 1)
            }
            _ => (b'\\', 1),
        };
        out.push(byte);
        i += len;
    }
    out
}

/// The character of a `\uXXXX` escape (or pair of them) at `i`, and where it ends.
fn utf16_escape(text: &[u8], i: usize) -> Option<(char, usize)> {
    let unit = |i: usize| {
        let digits: Range<usize> = i + 2..i + 6;
        let text = text.get(i..)?.starts_with(b"\\u").then_some(text)?;
        text.get(digits)?
            .iter()
            .try_fold(0u16, |unit, d| Some(unit << 4 | u16::from(hex(*d)?)))
    };
    let first = unit(i)?;
    let mut units = [first, 0];
    let paired = unit(i + 6);
    let count = if (0xD800..0xDC00).contains(&first) && paired.is_some() {
        2
    } else {
        1
    };
    units[1] = paired.unwrap_or(0);
    let character = char::decode_utf16(units.into_iter().take(count))
        .next()?
        .unwrap_or('\u{FFFD}');
    let width = if character.len_utf16() == 2 { 12 } else { 6 };
    Some((character, i + width))
}

/// Undoes percent escapes. What is no escape stays.
pub(super) fn unpercent(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut i = 0;
    while i < text.len() {
        match percent_at(text, i) {
            Some((byte, end)) => {
                out.push(byte);
                i = end;
            }
            None => {
                out.push(text[i]);
                i += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_quotes_level_is_read_from_its_backslashes() {
        let mut value = "secret \" \\ end".to_owned();
        for level in 0..4 {
            let json = serde_json::to_string(&value).unwrap();
            let open = quote_at(json.as_bytes(), 0).unwrap();
            assert_eq!(
                closing_quote(json.as_bytes(), open.end, 0).end,
                json.len(),
                "level {level}"
            );
            value = json;
        }
        // The innermost string, found from its own opening quote.
        let text = value.as_bytes();
        let inner = value.find("secret").unwrap();
        let close = closing_quote(text, inner, 3);
        assert_eq!(unescape(&text[inner..close.start], 4), b"secret \" \\ end");
    }

    #[test]
    fn a_cut_string_ends_where_the_one_around_it_does() {
        let json = br#""{\"password\":\"hun""#;
        let from = json.iter().position(|b| *b == b'h').unwrap();
        let close = closing_quote(json, from, 1);
        assert_eq!((&json[from..close.start], close.level), (&b"hun"[..], 0));
    }

    #[test]
    fn surrogates_and_broken_escapes_decode_without_loss_of_the_rest() {
        assert_eq!(
            unescape(br"a\u00e9\ud83d\ude00\ud83dx\q", 1),
            "aé😀\u{FFFD}x\\q".as_bytes()
        );
        assert_eq!(unpercent(b"a%2Fb%252Fc%zz"), b"a/b/c%zz");
    }

    #[test]
    fn words_begin_after_escapes() {
        for text in [
            r"\npin", "%20pin", "%2520pin", r"\u0026pin", " pin", "-pin", "pin",
        ] {
            assert!(word_starts_at(text.as_bytes(), text.len() - 3), "{text}");
        }
        for text in ["spin", "_pin", "0pin", "npin"] {
            assert!(!word_starts_at(text.as_bytes(), text.len() - 3), "{text}");
        }
    }
}
