//! Unicode's normal form NFC, so that a text is found however its accents are composed.
//!
//! A keyboard of macOS and a file name write `é` as two characters, `e` and U+0301; other producers write one.
//! Both are the same text: <https://unicode.org/reports/tr15/>. The three characters whose normal form is ASCII stay as
//! they are, because an index of ASCII must not miss what matching finds.

use std::borrow::Cow;

/// Returns `text` in NFC.
pub(super) fn nfc(text: &str) -> Cow<'_, str> {
    if !text.chars().any(may_change) {
        return Cow::Borrowed(text);
    }
    let mut composed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| becomes_ascii(*c)) {
        composed += &compose(&rest[..at]);
        composed.push(c);
        rest = &rest[at + c.len_utf8()..];
    }
    composed += &compose(rest);
    Cow::Owned(composed)
}

/// Whether a text that contains `c` may not be in NFC. It is `false` for the characters of which most text consists, which
/// are in NFC, have no place among combining marks, and compose with no character before them.
pub(super) const fn may_change(c: char) -> bool {
    !matches!(c,
        '\0'..='\u{2ff}' // Latin
        | '\u{388}'..='\u{482}' // Greek, Cyrillic
        | '\u{48a}'..='\u{590}'
        | '\u{620}'..='\u{64a}' // Arabic
        | '\u{1e00}'..='\u{1eff}'
        | '\u{2002}'..='\u{20cf}' // punctuation, symbols
        | '\u{2190}'..='\u{2328}'
        | '\u{232b}'..='\u{2adb}'
        | '\u{3000}'..='\u{3029}' // Chinese, Japanese, Korean
        | '\u{3030}'..='\u{3098}'
        | '\u{309b}'..='\u{a66e}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{fe30}'..='\u{ffff}'
        | '\u{1f000}'..='\u{2f7ff}' // emoji, Chinese
    )
}

/// The Greek question mark, the Greek varia and the Kelvin sign.
const fn becomes_ascii(c: char) -> bool {
    matches!(c, '\u{37e}' | '\u{1fef}' | '\u{212a}')
}

#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
fn compose(text: &str) -> String {
    unicode_normalization::UnicodeNormalization::nfc(text).collect()
}

/// How the platform composes a text. A browser has Unicode's tables already; a copy of them would be a fifth of the wasm.
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
static PLATFORM: std::sync::OnceLock<fn(&str) -> String> = std::sync::OnceLock::new();

/// Composes every text by the platform's function from now on.
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub(crate) fn compose_by(platform: fn(&str) -> String) {
    PLATFORM.get_or_init(|| platform);
}

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
fn compose(text: &str) -> String {
    PLATFORM
        .get()
        .map_or_else(|| without_platform(text), |platform| platform(text))
}

#[cfg(all(target_arch = "wasm32", target_os = "unknown", not(test)))]
fn without_platform(text: &str) -> String {
    text.to_owned()
}

/// Unit tests run without the start of the instance, which names the platform's function.
#[cfg(all(target_arch = "wasm32", target_os = "unknown", test))]
fn without_platform(text: &str) -> String {
    unicode_normalization::UnicodeNormalization::nfc(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn accents_compose_and_three_characters_stay() {
        for (text, expected) in [
            ("plain ASCII", "plain ASCII"),
            ("cafe\u{301}", "caf\u{e9}"),
            ("caf\u{e9}", "caf\u{e9}"),
            ("q\u{307}\u{323}", "q\u{323}\u{307}"),
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
            ("\u{212b}", "\u{c5}"),
            (
                "e\u{301} 3\u{212a}\u{37e} e\u{301}",
                "\u{e9} 3\u{212a}\u{37e} \u{e9}",
            ),
        ] {
            assert_eq!(nfc(text), expected, "{text:?}");
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    #[test]
    fn a_character_that_cannot_change_is_in_nfc_and_composes_with_none_before_it() {
        use unicode_normalization::{IsNormalized, char::canonical_combining_class, is_nfc_quick};
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            assert!(
                may_change(c)
                    || (is_nfc_quick(std::iter::once(c)) == IsNormalized::Yes
                        && canonical_combining_class(c) == 0),
                "{c:?}"
            );
            assert!(
                c.is_ascii() || becomes_ascii(c) || !nfc(c.encode_utf8(&mut [0; 4])).is_ascii(),
                "{c:?}"
            );
        }
    }
}
