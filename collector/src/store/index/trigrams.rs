//! Three-letter parts of text: what lets a search skip nearly everything.
//!
//! A text holds a needle only if it holds every trigram of the needle. Text is taken as the core's
//! matching takes it, JSON escapes decoded and case folded; only trigrams of plain ASCII count, so other
//! letters cost precision and never a match.

use tabtape::json::unescape;
use tabtape::record::Record;

/// More trigrams of a needle than this narrow nothing down any further.
const MAX_NEEDLE: usize = 24;
/// Three times seven bits.
const SPACE: usize = 1 << 21;

/// A set of trigrams, reused from block to block.
#[derive(Debug)]
pub(super) struct TrigramSet {
    seen: Vec<u64>,
    members: Vec<u32>,
}

impl TrigramSet {
    pub(super) fn new() -> Self {
        Self {
            seen: vec![0; SPACE / 64],
            members: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        for member in self.members.drain(..) {
            self.seen[member as usize / 64] = 0;
        }
    }

    /// Adds the trigrams that a search of `record` could ask for: of its type, url and data.
    pub(super) fn add_record(&mut self, record: &Record<'_>) {
        self.add(record.type_().as_bytes());
        self.add_json(record.url().as_bytes());
        self.add_json(record.data());
    }

    fn add_json(&mut self, json: &[u8]) {
        if memchr::memchr(b'\\', json).is_some() {
            self.add(unescape(json).as_bytes());
        } else {
            self.add(json);
        }
    }

    fn add(&mut self, text: &[u8]) {
        for_each(text, |trigram| {
            let word = trigram as usize / 64;
            let bit = trigram % 64;
            if self.seen[word] & (1 << bit) == 0 {
                self.seen[word] |= 1 << bit;
                self.members.push(trigram);
            }
        });
    }

    /// The set as the text of one document.
    pub(super) fn document(&self) -> String {
        let mut document = String::with_capacity(self.members.len() * 6);
        for member in &self.members {
            push_token(&mut document, *member);
            document.push(' ');
        }
        document
    }
}

/// Returns an FTS5 query for blocks that may contain `needle`; `None` if the needle is too short.
pub(super) fn query(needle: &str) -> Option<String> {
    let mut trigrams = Vec::new();
    for_each(needle.as_bytes(), |trigram| {
        if trigrams.len() < MAX_NEEDLE && !trigrams.contains(&trigram) {
            trigrams.push(trigram);
        }
    });
    if trigrams.is_empty() {
        return None;
    }
    let mut query = String::new();
    for trigram in trigrams {
        if !query.is_empty() {
            query.push(' ');
        }
        push_token(&mut query, trigram);
    }
    Some(query)
}

/// A trigram's token: letters that FTS5 takes for one word and never for an operator.
fn push_token(out: &mut String, trigram: u32) {
    out.push('x');
    for shift in [20, 15, 10, 5, 0] {
        let digit = (trigram >> shift) & 31;
        out.push(char::from(b"0123456789abcdefghijklmnopqrstuv"[digit as usize]));
    }
}

fn for_each(text: &[u8], mut found: impl FnMut(u32)) {
    let mut trigram = 0u32;
    let mut length = 0;
    for byte in text {
        if !(b' '..=b'~').contains(byte) {
            length = 0;
            continue;
        }
        trigram = ((trigram << 7) | u32::from(byte.to_ascii_lowercase())) & (SPACE as u32 - 1);
        length += 1;
        if length >= 3 {
            found(trigram);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needle_in_a_text_has_no_trigram_that_the_text_has_not() {
        let mut set = TrigramSet::new();
        set.add_json(r#"{"text":"Checkout \u0066ailed:\n\"Über\" 42"}"#.as_bytes());
        let document = set.document();
        for needle in ["checkout", "FAILED", "ailed:", "42\"", "ber\"", "\"text\":\"che"] {
            let query = query(needle).unwrap();
            assert!(
                query
                    .split(' ')
                    .all(|token| document.split(' ').any(|known| known == token)),
                "{needle}"
            );
        }
        let absent = query("checkin").unwrap();
        assert!(absent.split(' ').any(|token| !document.contains(token)));
        assert_eq!(query("ab"), None);
        assert_eq!(query("aüb"), None);
        set.clear();
        assert_eq!(set.document(), "");
    }
}
