//! Secrets that are known by their shape, wherever they stand.
//!
//! Every shape has a literal (`ghp_`, `eyJ`, `://`) whose rarest three bytes the prefilter looks for;
//! the rest of the shape is verified only there. Cards and e-mail addresses have none: see `card` and
//! `email`.

use super::escapes::{at, is_word, string_ends_at, word_starts_at};
use super::frequency;
use super::prefilter::Pattern;
use super::rules::{Shape, ShapeRule, TokenShape};

const WINDOW_BITS: u32 = 12;

#[derive(Debug)]
struct Literal {
    /// The rarest three bytes, letters folded.
    window: u32,
    text: Vec<u8>,
    /// Where in `text` the window begins.
    offset: usize,
    fold: bool,
    shape: u16,
}

/// All shapes that have a literal, compiled.
#[derive(Debug)]
pub(super) struct Shapes {
    windows: [u64; 1 << (WINDOW_BITS - 6)],
    /// In order of window.
    literals: Vec<Literal>,
    /// Each with its counter.
    shapes: Vec<(Shape, u16)>,
}

/// A literal found, to be verified.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) shape: &'a Shape,
    pub(super) rule: u16,
    /// Where the literal begins.
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
        Shape::SecretPath(path) => (vec![path], true),
        Shape::Card | Shape::Email => (vec![], false),
    }
}

impl Shapes {
    /// Compiles rules, each with the index of its counter.
    pub(super) fn new<'a>(rules: impl Iterator<Item = (&'a ShapeRule, u16)>) -> Self {
        let mut compiled =
            Self { windows: [0; 1 << (WINDOW_BITS - 6)], literals: Vec::new(), shapes: Vec::new() };
        for (rule, counter) in rules {
            let (texts, fold) = literals(&rule.shape);
            for text in texts {
                let offset = rarest(text.as_bytes());
                let Some(window) = window_at(text.as_bytes(), offset + 2) else { continue };
                compiled.windows[hash(window) >> 6] |= 1 << (hash(window) & 63);
                let shape = u16::try_from(compiled.shapes.len()).unwrap_or(u16::MAX);
                compiled.literals.push(Literal { window, text: text.into(), offset, fold, shape });
            }
            compiled.shapes.push((rule.shape.clone(), counter));
        }
        compiled.literals.sort_by_key(|literal| literal.window);
        compiled
    }

    /// What the prefilter looks for: the window of each literal and the byte before it.
    pub(super) fn patterns(&self) -> impl Iterator<Item = Pattern> {
        self.literals.iter().map(|literal| {
            let cases = |byte: u8| match literal.fold {
                true => vec![byte.to_ascii_lowercase(), byte.to_ascii_uppercase()],
                false => vec![byte],
            };
            let window = &literal.text[literal.offset..literal.offset + 3];
            let before = literal.offset.checked_sub(1).map_or_else(before_a_word, |i| cases(literal.text[i]));
            Pattern::new([&before, &cases(window[0]), &cases(window[1]), &cases(window[2])])
        })
    }

    /// The counter of a shape without a literal, if its rule is on.
    pub(super) fn counter_of(&self, is: impl Fn(&Shape) -> bool) -> Option<u16> {
        self.shapes.iter().find(|(shape, _)| is(shape)).map(|(_, rule)| *rule)
    }

    /// The literals whose window ends with the byte at `last`.
    #[inline]
    pub(super) fn at(&self, json: &[u8], last: usize) -> impl Iterator<Item = Candidate<'_>> {
        let window =
            window_at(json, last).filter(|w| self.windows[hash(*w) >> 6] >> (hash(*w) & 63) & 1 == 1);
        let first = window.map_or(self.literals.len(), |w| self.literals.partition_point(|l| l.window < w));
        let same = self.literals[first..].iter().take_while(move |literal| Some(literal.window) == window);
        same.filter_map(move |literal| {
            let start = last.checked_sub(literal.offset + 2)?;
            let end = start + literal.text.len();
            let text = json.get(start..end)?;
            let same =
                if literal.fold { text.eq_ignore_ascii_case(&literal.text) } else { text == literal.text };
            let (shape, rule) = self.shapes.get(usize::from(literal.shape)).filter(|_| same)?;
            Some(Candidate { shape, rule: *rule, start, end })
        })
    }
}

/// What may stand before a word: anything but a letter, unless that ends an escape.
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

/// Where the three bytes begin that are least common in logs.
fn rarest(text: &[u8]) -> usize {
    let common = |byte: &u8| u64::from(frequency::of(*byte));
    let commonness = |i: &usize| {
        let before = i.checked_sub(1).map_or(1000, |before| common(&text[before]));
        before * text[*i..*i + 3].iter().map(common).product::<u64>()
    };
    (0..text.len().saturating_sub(2)).min_by_key(commonness).unwrap_or(0)
}

/// The end of a token whose prefix ends at `body`, if it is one.
pub(super) fn token_end(json: &[u8], start: usize, body: usize, token: &TokenShape) -> Option<usize> {
    let before = start.checked_sub(1).map_or(0, |i| json[i]);
    if !word_starts_at(json, start) || before == b'-' && token.prefix.len() <= 4 {
        return None;
    }
    let rest = json.get(body..)?;
    let len = rest.iter().take(token.max_length + 1).take_while(|b| token.charset.contains(**b)).count();
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
    from + json.get(from..).unwrap_or_default().iter().take_while(|b| is(**b)).count()
}
