//! The names of all rules, read backwards from where a name ends.
//!
//! A candidate is the byte after a name (a quote, `=`, `:` …). Two looks decide: a bitmap of the last
//! three bytes before it, which nearly every candidate fails, then a trie of reversed names that skips
//! `-`, `_`, `.` and blanks and folds case. The longest rule that fits wins, so that `nextPageToken`
//! may be kept although `token` is a secret.

use super::escapes::{at, is_word, run_len_back, word_starts_at};
use super::rules::{Matching, NameRule, Places, ValueKind};

/// The verdict of a compiled name rule about a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    /// Index of the counter.
    pub(super) rule: u16,
    pub(super) matching: Matching,
    pub(super) places: Places,
    pub(super) value: ValueKind,
    pub(super) min_length: usize,
}

/// A name found in the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct NameMatch {
    /// Its first byte.
    pub(super) start: usize,
    pub(super) name: Name,
}

#[derive(Debug, Clone, Copy, Default)]
struct Node {
    byte: u8,
    /// One more than an index into `rules`; 0 for none.
    rule: u16,
    child: u16,
    sibling: u16,
}

/// Separators between the words of a name, as far as a name may be spelled with them.
const SEPARATORS: [u8; 4] = [b'_', b'-', b'.', b' '];

const TAIL_BITS: u32 = 12;

/// All names, compiled.
#[derive(Debug)]
pub(super) struct Names {
    tails: [u64; 1 << (TAIL_BITS - 6)],
    /// The children of the root by their byte, since it has many; 0 for none.
    roots: [u16; 256],
    nodes: Vec<Node>,
    rules: Vec<Name>,
}

impl Names {
    /// Compiles rules, each with the index of its counter. The same name said twice: the later counts.
    pub(super) fn new<'a>(rules: impl Iterator<Item = (&'a NameRule, u16)>) -> Self {
        let mut names = Self {
            tails: [0; 1 << (TAIL_BITS - 6)],
            roots: [0; 256],
            nodes: vec![Node::default()],
            rules: Vec::new(),
        };
        for (rule, counter) in rules {
            names.rules.push(Name {
                rule: counter,
                matching: rule.matching,
                places: rule.places,
                value: rule.value,
                min_length: rule.min_length,
            });
            for name in rule.names.iter() {
                for tail in tails(name) {
                    let hash = tail_hash(tail);
                    names.tails[hash >> 6] |= 1 << (hash & 63);
                }
                names.insert(name);
            }
        }
        names
    }

    fn insert(&mut self, name: &str) {
        let mut node = 0;
        for byte in name.bytes().rev().filter(|byte| !SEPARATORS.contains(byte)) {
            let mut child = self.child(node, byte);
            if child == 0 {
                let sibling = self.nodes[node].child;
                // A table too big for the trie is refused when it is read; see `rules`.
                child = u16::try_from(self.nodes.len()).unwrap_or(0);
                self.nodes.push(Node {
                    byte,
                    sibling,
                    ..Node::default()
                });
                self.nodes[node].child = child;
                if node == 0 {
                    self.roots[usize::from(byte)] = child;
                }
            }
            node = usize::from(child);
        }
        self.nodes[node].rule = u16::try_from(self.rules.len()).unwrap_or(0);
    }

    /// The child of a node for a byte; 0 for none.
    #[inline]
    fn child(&self, node: usize, byte: u8) -> u16 {
        if node == 0 {
            return self.roots[usize::from(byte)];
        }
        let mut child = self.nodes[node].child;
        while child != 0 && self.nodes[usize::from(child)].byte != byte {
            child = self.nodes[usize::from(child)].sibling;
        }
        child
    }

    /// Whether some name has the three bytes before `end` as its tail.
    #[inline]
    pub(super) fn may_end_at(&self, json: &[u8], end: usize) -> bool {
        let Some(tail) = end.checked_sub(3).and_then(|start| json.get(start..end)) else {
            return false;
        };
        let hash = tail_hash([tail[0], tail[1], tail[2]]);
        self.tails[hash >> 6] >> (hash & 63) & 1 == 1
    }

    /// The longest rule whose name ends right before `end` and begins at or after `floor`.
    pub(super) fn ending_at(&self, json: &[u8], floor: usize, end: usize) -> Option<NameMatch> {
        let mut node = 0;
        let mut i = end;
        let mut best = None;
        let mut separated = false;
        while i > floor {
            let byte = json[i - 1];
            if SEPARATORS.contains(&byte) {
                if separated || i == end {
                    break;
                }
                separated = true;
                i -= 1;
                continue;
            }
            let child = usize::from(self.child(node, byte.to_ascii_lowercase()));
            if child == 0 {
                break;
            }
            (separated, node, i) = (false, child, i - 1);
            let Some(name) = usize::from(self.nodes[node].rule)
                .checked_sub(1)
                .map(|rule| self.rules[rule])
            else {
                continue;
            };
            if begins_where_it_must(json, floor, i, name.matching) {
                best = Some(NameMatch { start: i, name });
            } else if name.matching == Matching::Exact
                && name.places.overlap(Places::JSON)
                && ends_own_header(json, floor, i)
            {
                // A header counts wherever headers are written.
                best = Some(NameMatch {
                    start: i,
                    name: Name {
                        places: Places::ALL,
                        ..name
                    },
                });
            }
        }
        best.filter(|found: &NameMatch| found.name.value != ValueKind::Keep)
    }

    /// The last three bytes of names, in lower case, for the prefilter.
    pub(super) fn tails<'a>(rules: impl Iterator<Item = &'a NameRule>) -> Vec<[u8; 3]> {
        let mut distinct = Vec::new();
        for tail in rules.flat_map(|rule| rule.names.iter()).flat_map(tails) {
            if !distinct.contains(&tail) {
                distinct.push(tail);
            }
        }
        distinct
    }
}

/// Whether `x-`, or `x-` and other words, precedes `start`.
fn ends_own_header(json: &[u8], floor: usize, start: usize) -> bool {
    let before = &json[floor.max(start.saturating_sub(48))..start];
    let length = run_len_back(before, |b| b.is_ascii_alphanumeric() || b == b'-');
    matches!(
        &json[start - length..start],
        [b'x' | b'X', b'-', .., b'-'] | [b'x' | b'X', b'-']
    )
}

fn begins_where_it_must(json: &[u8], floor: usize, start: usize, matching: Matching) -> bool {
    if matching == Matching::Suffix || start == floor || word_starts_at(json, start) {
        let before = start.checked_sub(1).map_or(0, |i| json[i]);
        return matching != Matching::Exact || start == floor || !matches!(before, b'-' | b'.' | b'$');
    }
    let before = json[start - 1];
    let camel = at(json, start).is_ascii_uppercase() && !before.is_ascii_uppercase();
    matching == Matching::Word && (camel || !is_word(before) || before == b'_')
}

/// Every way the last three bytes of a name may be spelled: only a last word of two letters brings its
/// separator into them, and such names are written with `_`, `-` or nothing.
fn tails(name: &str) -> impl Iterator<Item = [u8; 3]> {
    [None, Some(b'_'), Some(b'-')]
        .into_iter()
        .filter_map(|separator| {
            let mut tail = [0; 3];
            let mut spelled = name
                .bytes()
                .rev()
                .filter_map(|byte| if byte == b'_' { separator } else { Some(byte) });
            for byte in tail.iter_mut().rev() {
                *byte = spelled.next()?;
            }
            Some(tail)
        })
}

/// A hash of three bytes, letters folded.
#[inline]
fn tail_hash(tail: [u8; 3]) -> usize {
    let folded = u32::from_le_bytes([tail[0], tail[1], tail[2], 0]) | 0x0020_2020;
    (folded.wrapping_mul(0x9E37_79B1) >> (32 - TAIL_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redaction::builtin;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn found(text: &str) -> Option<(String, ValueKind)> {
        let rules = builtin::names();
        let names = Names::new(rules.iter().zip(0..));
        let end = text.len();
        assert_eq!(
            names.ending_at(text.as_bytes(), 0, end).is_some(),
            names.may_end_at(text.as_bytes(), end) && names.ending_at(text.as_bytes(), 0, end).is_some(),
            "{text}"
        );
        let found = names.ending_at(text.as_bytes(), 0, end)?;
        Some((
            rules[usize::from(found.name.rule)].id.to_string(),
            found.name.value,
        ))
    }

    #[test]
    fn names_are_found_in_every_spelling() {
        for name in [
            "password", "PASSWORD", "db_password", "newPassword", "access_token", "accessToken",
            "access-token", "X-CSRF-Token", "apiKey", "api_key", "X-Api-Key", "api key", "client-secret",
            "AWS_SECRET_ACCESS_KEY", "card_no", "cardNo", "userOtp", "user_otp", "otp", "connect.sid",
            "PHPSESSID", "ASP.NET_SessionId", "Proxy-Authorization", "set-cookie", "password2", "cvv2",
            "x-acme-auth", "X-Session-Id", "Passwort", "Kennwort", "contraseña", "Пароль",
        ] {
            assert!(found(name).is_some(), "{name}");
        }
    }

    #[test]
    fn look_alikes_are_not_names() {
        for name in [
            "author", "tokenize", "tokens_used", "laptop", "spin", "pinned", "nextPageToken", "next-token",
            "capture_session_id", "previous_session_id", "cookieConsent", "passwordless", "keyboard",
            "monkey", "my_code", "design", "compass", "x-sig", "status_code", "acme-auth",
            "capture-session-id",
        ] {
            assert_eq!(found(name), None, "{name}");
        }
    }

    #[test]
    fn the_longest_name_decides() {
        assert_eq!(found("Set-Cookie").map(|f| f.1), Some(ValueKind::SetCookie));
        assert_eq!(found("Cookie").map(|f| f.1), Some(ValueKind::Cookies));
    }
}
