//! The one pass: candidates of the prefilter, verified in order, the secrets among them replaced.

use std::ops::Range;

use super::card;
use super::detect;
use super::escapes::backslashes_ending;
use super::names::Names;
use super::placeholder::Decoding;
use super::prefilter::{BLOCK, Tables};
use super::rules::Shape;
use super::shapes::{Candidate, Shapes, token_end};
use super::simd::Kernel;
use super::sink::Sink;

/// Blocks looked at before their candidates are verified: enough to keep the kernel's loop hot, little
/// enough to stay in the first-level cache.
const BLOCKS: usize = 32;

/// Bytes that may follow a name, that a card number has, and that end the beginning of a letter's escape.
const AFTER_NAME: u8 = 1;
const CARD: u8 = 2;
const ESCAPE: u8 = 4;
const CLASSES: [u8; 256] = {
    let (mut classes, after, card, escape) = ([0; 256], b"\"%'=:>\\] ", b"0123456789 -", b"4567");
    let mut i = 0;
    while i < after.len() {
        classes[after[i] as usize] |= AFTER_NAME;
        i += 1;
    }
    i = 0;
    while i < card.len() {
        classes[card[i] as usize] |= CARD;
        i += 1;
    }
    i = 0;
    while i < escape.len() {
        classes[escape[i] as usize] |= ESCAPE;
        i += 1;
    }
    classes
};

/// All rules, compiled. Read only.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) tables: Tables,
    pub(super) kernel: Kernel,
    pub(super) names: Names,
    pub(super) shapes: Shapes,
    /// Counters of the shapes without a literal, if they are on.
    pub(super) card: Option<u16>,
    pub(super) email: Option<u16>,
}

/// One JSON value being redacted.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    pub(super) engine: &'a Engine,
    /// Up to the end of the value.
    pub(super) json: &'a [u8],
    /// Start of the value.
    pub(super) floor: usize,
    pub(super) sink: Sink<'a>,
    /// Counts quotes up to here, to know what is inside a string.
    strings: StringState,
    /// Containers, and cookies, have been gone through up to here.
    pub(super) walked_to: usize,
    pub(super) cookies_to: usize,
    /// Base64 has been looked into up to here.
    pub(super) hidden_to: usize,
    /// Whether this is the content of base64, in which no other is looked for.
    pub(super) is_hidden: bool,
}

/// Whether the byte at `position` is inside a string; moves forward only.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct StringState {
    position: usize,
    inside: bool,
}

impl<'a> Scan<'a> {
    /// A scan of the text of `sink`.
    pub(super) fn new(engine: &'a Engine, sink: Sink<'a>) -> Self {
        Self {
            engine,
            json: sink.json,
            floor: 0,
            sink,
            strings: StringState::default(),
            walked_to: 0,
            cookies_to: 0,
            hidden_to: 0,
            is_hidden: false,
        }
    }

    /// Redacts the value at a range of the text.
    pub(super) fn run_value(&mut self, value: &Range<usize>) {
        self.floor = value.start;
        self.strings = StringState {
            position: value.start,
            inside: false,
        };
        self.run_part(value.clone());
    }

    /// Redacts a part that a rule passed over, as if nothing came after it.
    pub(super) fn run_part(&mut self, range: Range<usize>) {
        let json = self.json;
        self.json = json.get(..range.end).unwrap_or(json);
        self.run(range.start);
        self.json = json;
    }

    /// Redacts the value from `from` on.
    pub(super) fn run(&mut self, from: usize) {
        let json = self.json;
        let engine = self.engine;
        let mut masks = [0u64; BLOCKS];
        let mut start = from;
        while start < json.len() {
            let count = engine
                .kernel
                .fill(&engine.tables, json, self.floor, start, &mut masks);
            for (block, mask) in masks.iter().take(count).enumerate() {
                let first = start + block * BLOCK;
                let mut left = *mask;
                while left != 0 {
                    let last = first + left.trailing_zeros() as usize;
                    left &= left - 1;
                    if last >= self.sink.passed && last < json.len() {
                        self.candidate(last, last == first);
                    }
                }
            }
            start += count.max(1) * BLOCK;
        }
    }

    /// Looks twice at the candidate whose last byte is at `last`; nearly none passes. `is_first`: it is the first byte of
    /// a block.
    #[inline]
    fn candidate(&mut self, last: usize, is_first: bool) {
        let json = self.json;
        let engine = self.engine;
        let class = CLASSES[usize::from(json[last])];
        if class & CARD != 0 && card::is_reported_at(json, last, is_first) && self.card(last) {
            return;
        }
        // ` = ` and ` : ` are candidates themselves, since a blank after a name is not.
        let end = if class & CARD == 0 {
            last
        } else {
            last.saturating_sub(2)
        };
        if class & AFTER_NAME != 0 && engine.names.may_end_at(json, end) && self.name(end) {
            return;
        }
        if engine.shapes.may_end_at(json, last) && self.shapes(last) {
            return;
        }
        if class & ESCAPE != 0 && super::escaped::may_end_at(json, last) && self.escaped_name(last) {
            return;
        }
        if let Some(rule) = engine.email
            && let Some(at) = last
                .checked_sub(1)
                .filter(|at| *at >= self.floor && json[*at] == b'@')
        {
            self.found(detect::email(json, self.floor, at), rule, Decoding::TEXT);
        }
    }

    /// Redacts what follows the name that may end at `end`.
    #[inline(never)]
    fn name(&mut self, end: usize) -> bool {
        let found = self.engine.names.ending_at(self.json, self.floor, end);
        found.is_some_and(|found| self.redact_after_name(found, end).is_some())
    }

    /// Redacts the shape whose literal may have its window at `last`.
    #[inline(never)]
    fn shapes(&mut self, last: usize) -> bool {
        let engine = self.engine;
        engine.shapes.at(self.json, last).any(|found| self.shape(found))
    }

    fn shape(&mut self, found: Candidate<'_>) -> bool {
        let json = self.json;
        let Candidate {
            shape,
            rule,
            start,
            end,
        } = found;
        let (secret, decoding) = match shape {
            Shape::Token(token) => (
                token_end(json, start, end, token).map(|end| start..end),
                Decoding::TEXT,
            ),
            Shape::Jwt => (detect::jwt(json, start, end), Decoding::TEXT),
            Shape::Pem => (detect::pem_body(json, end), Decoding::TEXT),
            Shape::Bearer => (detect::bearer(json, start, end), Decoding::TEXT),
            Shape::Basic => (detect::basic(json, start, end), Decoding::URL),
            Shape::UserInfo => {
                let percent = json[start] == b'%';
                (
                    detect::user_info(json, end, percent),
                    Decoding { levels: 1, percent },
                )
            }
            Shape::SecretPath(_) => (detect::secret_path(json, end), Decoding::URL),
            Shape::OpaqueSegment(_) => (detect::opaque_segment(json, end), Decoding::URL),
            Shape::Hidden => (self.hidden(start, end), Decoding::URL),
            Shape::Card | Shape::Email => return false,
        };
        self.found(secret, rule, decoding)
    }

    fn found(&mut self, secret: Option<Range<usize>>, rule: u16, decoding: Decoding) -> bool {
        let before = self.sink.passed;
        if let Some(secret) = secret.filter(|secret| self.is_inside_string(secret.start)) {
            self.sink.replace(secret, rule, decoding);
        }
        self.sink.passed > before
    }

    /// Redacts the card number around `i`, if there is one.
    #[inline(never)]
    pub(super) fn card(&mut self, i: usize) -> bool {
        let floor = self.floor.max(self.sink.copied);
        let Some((rule, number)) = self.engine.card.zip(card::number(self.json, floor, i)) else {
            return false;
        };
        if card::is_sample(self.json, &number) {
            return false;
        }
        if self.is_inside_string(number.start) {
            self.sink.replace(number, rule, Decoding::TEXT);
        } else {
            self.sink.replace_bare(number, rule, 0);
        }
        true
    }

    /// Whether `i` is inside a string. Asked in rising order, and only of what is about to be replaced,
    /// so that it is linear in all.
    fn is_inside_string(&mut self, i: usize) -> bool {
        let json = self.json;
        let (mut position, mut inside) = (self.strings.position, self.strings.inside);
        if i < position {
            (position, inside) = (self.floor, false);
        }
        while position < i {
            let Some(step) = memchr::memchr(b'"', &json[position..i]) else {
                break;
            };
            let quote = position + step;
            if !inside || backslashes_ending(&json[position..quote]).is_multiple_of(2) {
                inside = !inside;
            }
            position = quote + 1;
        }
        self.strings = StringState { position, inside };
        inside
    }
}
