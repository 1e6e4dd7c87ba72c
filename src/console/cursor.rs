//! Reads compact JSON from left to right without building values. Text that is not JSON ends it.

use crate::json::plain_run;

#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The next byte, 0 at the end.
    pub(super) fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let next = self.at < self.text.len() && self.text[self.at] == byte;
        self.at += usize::from(next);
        next
    }

    pub(super) fn literal(&mut self, literal: &[u8]) -> Option<()> {
        self.rest().starts_with(literal).then(|| self.at += literal.len())
    }

    /// Passes a string and returns its content, escapes as they are.
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        self.literal(b"\"")?;
        let start = self.at;
        loop {
            self.at += plain_run(self.rest());
            match self.peek() {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => return None,
            }
        }
        let content = self.text.get(start..self.at)?;
        self.at += 1;
        Some(content)
    }

    /// Passes a value and returns it.
    pub(super) fn value(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        let mut depth = 0usize;
        loop {
            match self.peek() {
                b'"' => {
                    self.string()?;
                }
                b'[' | b'{' => (self.at, depth) = (self.at + 1, depth + 1),
                b']' | b'}' => (self.at, depth) = (self.at + 1, depth.checked_sub(1)?),
                b',' | b':' if depth > 0 => self.at += 1,
                _ => {
                    let word = self
                        .rest()
                        .iter()
                        .take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b));
                    let length = word.count();
                    if length == 0 {
                        return None;
                    }
                    self.at += length;
                }
            }
            if depth == 0 {
                return self.text.get(start..self.at);
            }
        }
    }

    /// Passes a small whole number.
    pub(super) fn index(&mut self) -> Option<usize> {
        let digits = self
            .rest()
            .iter()
            .take(6)
            .take_while(|b| b.is_ascii_digit())
            .count();
        let number = std::str::from_utf8(self.rest().get(..digits)?)
            .ok()?
            .parse()
            .ok()?;
        self.at += digits;
        Some(number)
    }
}
