//! Globs: `*` is any run of characters, everything else is itself, ASCII letters in either case.
//!
//! There is no `?`, `[` or escape, because urls contain those as themselves.

use super::caseless::{positions, rarest};
use std::fmt;

/// A pattern for the whole of a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob {
    pattern: String,
    /// For each part between two `*`, the index of its byte that is expected to be rarest in records.
    anchors: Box<[usize]>,
}

impl Glob {
    /// Any text is a glob; runs of `*` become one.
    pub fn new(pattern: &str) -> Self {
        let mut kept = String::with_capacity(pattern.len());
        for c in pattern.chars() {
            if c != '*' || !kept.ends_with('*') {
                kept.push(c);
            }
        }
        let anchors = stars(kept.as_bytes())
            .map(|(first, last)| parts(kept.as_bytes(), first, last).map(rarest).collect())
            .unwrap_or_default();
        Self {
            pattern: kept,
            anchors,
        }
    }

    /// A glob for texts that contain `part`, unless a `*` in it says where it has to be.
    pub fn containing(part: &str) -> Self {
        if part.contains('*') {
            Self::new(part)
        } else {
            Self::new(&format!("*{part}*"))
        }
    }

    /// The pattern.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Whether it is `*`.
    pub fn matches_everything(&self) -> bool {
        self.pattern == "*"
    }

    /// Whether the whole of `text` fits.
    ///
    /// The part before the first `*` must begin the text and the part after the last must end it. Each part
    /// between matches at its first place, which leaves the most room for the next.
    pub fn matches(&self, text: &str) -> bool {
        let pattern = self.pattern.as_bytes();
        let text = text.as_bytes();
        let Some((first, last)) = stars(pattern) else {
            return pattern.eq_ignore_ascii_case(text);
        };
        let before = &pattern[..first];
        let after = &pattern[last + 1..];
        let Some(end) = text
            .len()
            .checked_sub(after.len())
            .filter(|end| *end >= before.len())
        else {
            return false;
        };
        if !text[..before.len()].eq_ignore_ascii_case(before) || !text[end..].eq_ignore_ascii_case(after) {
            return false;
        }
        let mut room = &text[before.len()..end];
        parts(pattern, first, last)
            .zip(&self.anchors)
            .all(|(part, anchor)| {
                let found = positions(room, part, *anchor).next();
                room = found.map(|at| &room[at + part.len()..]).unwrap_or_default();
                found.is_some()
            })
    }
}

/// Returns where the first and the last `*` are.
fn stars(pattern: &[u8]) -> Option<(usize, usize)> {
    Some((memchr::memchr(b'*', pattern)?, memchr::memrchr(b'*', pattern)?))
}

/// Returns the parts of a pattern between its first and its last `*`.
fn parts(pattern: &[u8], first: usize, last: usize) -> impl Iterator<Item = &[u8]> {
    let between = pattern.get(first + 1..last).unwrap_or_default();
    between
        .split(|byte| *byte == b'*')
        .filter(|part| !part.is_empty())
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// The definition, read off the rule.
    fn model(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|taken| model(rest, &text[taken..])),
            Some((byte, rest)) => text
                .split_first()
                .is_some_and(|(first, text)| first.eq_ignore_ascii_case(byte) && model(rest, text)),
        }
    }

    proptest! {
        #[test]
        fn a_glob_matches_as_its_definition_says(pattern in "[ab*A]{0,8}", text in "[abB*]{0,10}") {
            let expected = model(pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(Glob::new(&pattern).matches(&text), expected);
        }
    }

    #[test]
    fn characters_of_urls_are_themselves() {
        assert!(Glob::new("https://a.b/?q=[*]").matches("https://a.b/?q=[1]"));
        assert!(!Glob::new("https://a.b/?").matches("https://a.b/x"));
        assert!(Glob::new("*é*").matches("café!"));
    }

    #[test]
    fn a_part_without_a_star_means_contains() {
        assert_eq!(Glob::containing("login").as_str(), "*login*");
        assert_eq!(Glob::containing("*/login").as_str(), "*/login");
    }
}
