//! The output of redacted JSON: nothing until the first secret, then everything up to it.

use std::ops::Range;

use super::Finding;
use super::escapes::Quote;
use super::placeholder::{self, Decoding, is_placeholder};

/// The output of one run over one JSON text.
#[derive(Debug)]
pub(super) struct Sink<'a> {
    pub(super) json: &'a [u8],
    pub(super) key: &'a [u8; 32],
    pub(super) out: &'a mut Vec<u8>,
    /// By rule.
    pub(super) counts: &'a mut [u64],
    /// The replacements, for a caller that asked.
    pub(super) findings: Option<&'a mut Vec<Finding>>,
    /// Everything before is in `out`, redacted.
    pub(super) copied: usize,
    /// Up to here secrets are placeholders, be it since now or since an earlier run; going on from here
    /// either way is what makes a second run change nothing.
    pub(super) passed: usize,
    /// How many secrets were replaced.
    pub(super) found: u32,
}

impl<'a> Sink<'a> {
    /// Returns an empty output.
    pub(super) const fn new(
        json: &'a [u8],
        key: &'a [u8; 32],
        out: &'a mut Vec<u8>,
        counts: &'a mut [u64],
        findings: Option<&'a mut Vec<Finding>>,
    ) -> Self {
        Self {
            json,
            key,
            out,
            counts,
            findings,
            copied: 0,
            passed: 0,
            found: 0,
        }
    }

    /// Puts a placeholder in a secret's place. What is a placeholder already stays, and of what
    /// overlaps an earlier secret the rest goes.
    pub(super) fn replace(&mut self, secret: Range<usize>, rule: u16, decoding: Decoding) {
        let mut start = secret.start.max(self.copied);
        while is_placeholder(self.json.get(start..secret.end).unwrap_or_default()) {
            start += placeholder::LEN;
            self.passed = self.passed.max(start);
        }
        let secret = start..secret.end;
        let text = self.json.get(secret.clone()).unwrap_or_default();
        if text.is_empty() {
            return;
        }
        self.copy_to(secret.start);
        self.out
            .extend_from_slice(&placeholder::placeholder(self.key, text, decoding));
        self.mark(secret, rule);
    }

    /// Puts a quoted placeholder where a bare value was, in quotes of the value's level.
    pub(super) fn replace_bare(&mut self, secret: Range<usize>, rule: u16, level: u32) {
        let text = self.json.get(secret.clone()).unwrap_or_default();
        if text.is_empty() || secret.start < self.copied {
            return;
        }
        self.copy_to(secret.start);
        let quote = |out: &mut Vec<u8>| {
            out.extend(std::iter::repeat_n(b'\\', (1 << level) - 1));
            out.push(b'"');
        };
        quote(self.out);
        let decoding = Decoding {
            levels: level,
            percent: false,
        };
        self.out
            .extend_from_slice(&placeholder::placeholder(self.key, text, decoding));
        quote(self.out);
        self.mark(secret, rule);
    }

    /// Copies what is left.
    pub(super) fn finish(&mut self) {
        if self.found > 0 {
            self.copy_to(self.json.len());
        }
    }

    fn copy_to(&mut self, end: usize) {
        self.out
            .extend_from_slice(self.json.get(self.copied..end).unwrap_or_default());
        self.copied = end;
    }

    fn mark(&mut self, secret: Range<usize>, rule: u16) {
        (self.copied, self.passed) = (secret.end, self.passed.max(secret.end));
        self.found += 1;
        if let Some(count) = self.counts.get_mut(usize::from(rule)) {
            *count += 1;
        }
        if let Some(findings) = &mut self.findings {
            findings.push(Finding { range: secret, rule });
        }
    }
}

/// The text between an opening and a closing quote.
pub(super) fn between(open: Quote, close: Quote) -> Range<usize> {
    open.end..close.start.max(open.end)
}
