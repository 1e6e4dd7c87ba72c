//! Secrets that are known by their shape, anywhere in a text.
//!
//! Every shape has a literal (`ghp_`, `eyJ`, `://`) whose rarest three bytes the prefilter looks for;
//! the rest of the shape is verified only there. Cards and e-mail addresses have none: see `card` and
//! `email`.

use super::escapes::{at, is_word, run_len, string_ends_at, word_starts_at};
use super::frequency;
use super::prefilter::Pattern;
use super::rules::{Shape, ShapeRule, TokenShape};

const WINDOW_BITS: u32 = 10;

#[derive(Debug)]
struct Literal {
    /// The rarest three bytes, letters folded.
    window: u32,
    text: Vec<u8>,
    /// Start of the window in `text`.
    offset: usize,
    fold: bool,
    shape: u16,
    /// One more than the index of another literal with the same hash; 0 for none.
    next: u8,
}

/// All shapes that have a literal, compiled.
#[derive(Debug)]
pub(super) struct Shapes {
    /// By hash of the window, one more than the index of a literal; 0 for none.
    windows: [u8; 1 << WINDOW_BITS],
    literals: Vec<Literal>,
    /// Each with its counter.
    shapes: Vec<(Shape, u16)>,
}

/// A literal found, to be verified.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) shape: &'a Shape,
    pub(super) rule: u16,
    /// Start of the literal.
    pub(super) start: usize,
    /// One past the literal.
    pub(super) end: usize,
}

/// The literals of a shape, and whether they are the same in either case.
fn literals(shape: &Shape) -> (Vec<&str>, bool) {
    match shape {
        Shape::Token(token) => (vec![token.prefix.as_ref()], false),
        // {" as base64, with a blank, with a line break.
        Shape::Jwt => (vec!["eyJ", "eyA", "ewog"], false),
        Shape::Pem => (vec!["-----BEGIN"], false),
        Shape::Bearer => (vec!["bearer"], true),
        Shape::Basic => (vec!["basic"], true),
        Shape::UserInfo => (vec!["://", ":\\/\\/", "%2f%2f"], true),
        Shape::SecretPath(path) | Shape::OpaqueSegment(path) => (vec![path], true),
        // `{"`, `{ `, `{` and a line break, `[{"`, and any other text in a `data:` address.
        Shape::Hidden => (vec!["eyJ", "eyA", "ewog", "ewo", "W3si", ";base64,"], false),
        Shape::Card | Shape::Email => (vec![], false),
    }
}

impl Shapes {
    /// Compiles rules, each with the index of its counter.
    pub(super) fn new<'a>(rules: impl Iterator<Item = (&'a ShapeRule, u16)>) -> Self {
        let mut compiled = Self {
            windows: [0; 1 << WINDOW_BITS],
            literals: Vec::new(),
            shapes: Vec::new(),
        };
        for (rule, counter) in rules {
            let (texts, fold) = literals(&rule.shape);
            for text in texts {
                let offset = rarest(text.as_bytes());
                let Some(window) = window_at(text.as_bytes(), offset + 2) else {
                    continue;
                };
                let shape = u16::try_from(compiled.shapes.len()).unwrap_or(u16::MAX);
                // A table too big for this is refused when it is read; see `extension`.
                let index = u8::try_from(compiled.literals.len() + 1).unwrap_or(0);
                let next = std::mem::replace(&mut compiled.windows[hash(window)], index);
                compiled.literals.push(Literal {
                    window,
                    text: text.into(),
                    offset,
                    fold,
                    shape,
                    next,
                });
            }
            compiled.shapes.push((rule.shape.clone(), counter));
        }
        compiled
    }

    /// The literals of the prefilter: the window of each literal and the byte before it.
    pub(super) fn patterns(shape: &Shape) -> impl Iterator<Item = Pattern> {
        let (texts, fold) = literals(shape);
        let email = matches!(shape, Shape::Email).then(|| {
            let word: Vec<u8> = (0..128u8).filter(u8::is_ascii_alphanumeric).collect();
            let local: Vec<u8> = word.iter().copied().chain(*b"._%+-").collect();
            Pattern::new([&(0..=255).collect::<Vec<u8>>(), &local, b"@", &word])
        });
        let cases = move |byte: u8| match fold {
            true => vec![byte.to_ascii_lowercase(), byte.to_ascii_uppercase()],
            false => vec![byte],
        };
        let literals = texts.into_iter().map(str::as_bytes).map(move |text| {
            let offset = rarest(text);
            let before = offset
                .checked_sub(1)
                .map_or_else(before_a_word, |i| cases(text[i]));
            let window = [0, 1, 2].map(|i| text.get(offset + i).map_or_else(Vec::new, |byte| cases(*byte)));
            Pattern::new([&before, &window[0], &window[1], &window[2]])
        });
        literals.chain(email)
    }

    /// The counter of a shape without a literal, if its rule is on.
    pub(super) fn counter_of(&self, is: impl Fn(&Shape) -> bool) -> Option<u16> {
        self.shapes
            .iter()
            .find(|(shape, _)| is(shape))
            .map(|(_, rule)| *rule)
    }

    /// Whether the window of a literal may end with the byte at `last`.
    #[inline]
    pub(super) fn may_end_at(&self, json: &[u8], last: usize) -> bool {
        window_at(json, last).is_some_and(|window| self.windows[hash(window)] != 0)
    }

    /// The literals whose window ends with the byte at `last`.
    pub(super) fn at(&self, json: &[u8], last: usize) -> impl Iterator<Item = Candidate<'_>> {
        let window = window_at(json, last);
        let mut index = window.map_or(0, |window| self.windows[hash(window)]);
        let same_hash = std::iter::from_fn(move || {
            let literal = self.literals.get(usize::from(index).checked_sub(1)?)?;
            index = literal.next;
            Some(literal)
        });
        same_hash.filter_map(move |literal| {
            let start = last.checked_sub(literal.offset + 2)?;
            let end = start + literal.text.len();
            let text = json.get(start..end).filter(|_| Some(literal.window) == window)?;
            let same = if literal.fold {
                text.eq_ignore_ascii_case(&literal.text)
            } else {
                text == literal.text
            };
            let (shape, rule) = self.shapes.get(usize::from(literal.shape)).filter(|_| same)?;
            Some(Candidate {
                shape,
                rule: *rule,
                start,
                end,
            })
        })
    }
}

/// Reports whether a byte may be before a word: anything but a letter, unless that ends an escape.
fn before_a_word() -> Vec<u8> {
    (0..=255u8)
        .filter(|b| !b.is_ascii_alphanumeric() || b.is_ascii_hexdigit() || b"nrt".contains(b))
        .collect()
}

/// The three bytes that end at `last`, letters folded.
#[inline]
fn window_at(text: &[u8], last: usize) -> Option<u32> {
    let bytes = text.get(last.checked_sub(2)?..=last)?;
    Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) | 0x0020_2020)
}

#[inline]
fn hash(window: u32) -> usize {
    (window.wrapping_mul(0x9E37_79B1) >> (32 - WINDOW_BITS)) as usize
}

/// Returns the start of the three bytes that are least common in logs.
fn rarest(text: &[u8]) -> usize {
    let common = |byte: &u8| u64::from(frequency::of(*byte));
    let commonness = |i: &usize| {
        let before = i.checked_sub(1).map_or(1000, |before| common(&text[before]));
        before * text[*i..*i + 3].iter().map(common).product::<u64>()
    };
    (0..text.len().saturating_sub(2))
        .min_by_key(commonness)
        .unwrap_or(0)
}

/// The end of a token whose prefix ends at `body`, if it is one.
pub(super) fn token_end(json: &[u8], start: usize, body: usize, token: &TokenShape) -> Option<usize> {
    let before = start.checked_sub(1).map_or(0, |i| json[i]);
    if !word_starts_at(json, start) || before == b'-' && token.prefix.len() <= 4 {
        return None;
    }
    let rest = json.get(body..)?;
    let longest = &rest[..rest.len().min(token.max_length + 1)];
    let len = run_len(longest, |b| token.charset.contains(b));
    if len > token.max_length || is_word(at(json, body + len)) && at(json, body + len) != b'_' {
        return None;
    }
    let cut = len >= token.min_cut && string_ends_at(json, body + len);
    let random = || {
        let text = &rest[..len];
        text.iter().any(u8::is_ascii_digit) && text.iter().any(u8::is_ascii_uppercase)
    };
    ((len >= token.min_length || cut) && (!token.mixed || random())).then_some(body + len)
}

/// The end of a run of bytes that `is` accepts.
pub(super) fn run_end(json: &[u8], from: usize, is: impl Fn(u8) -> bool) -> usize {
    from + run_len(json.get(from..).unwrap_or_default(), is)
}
