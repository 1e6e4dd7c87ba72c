//! The text form: words, quotes, keys, commas and minus signs to terms.

use super::error::excerpt;
use super::key::nearest;
use super::{Key, Problem, SelectorError, Term, values};
use std::ops::Range;

/// Reads `text` into terms in their order.
pub(crate) fn parse(text: &str, now_micros: u64) -> Result<Vec<Term>, SelectorError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut terms = Vec::new();
    loop {
        lexer.skip_white_space();
        if lexer.rest().is_empty() {
            return Ok(terms);
        }
        terms.push(lexer.term(now_micros)?);
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_white_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn error(&self, span: Range<usize>, problem: Problem) -> SelectorError {
        SelectorError::in_text(self.text, span, problem)
    }

    fn eat(&mut self, c: char) -> bool {
        let eaten = self.rest().starts_with(c);
        if eaten {
            self.at += c.len_utf8();
        }
        eaten
    }

    /// Returns the text up to white space or one of `stops`.
    fn bare(&mut self, stops: &[char]) -> &'a str {
        let rest = self.rest();
        let len = rest
            .find(|c: char| c.is_whitespace() || stops.contains(&c))
            .unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// The inside of a quote that begins here; `\"` and `\\` are escapes, other backslashes themselves.
    fn quoted(&mut self) -> Result<String, SelectorError> {
        let start = self.at;
        self.at += 1;
        let mut inside = String::new();
        let mut characters = self.rest().char_indices().peekable();
        while let Some((offset, c)) = characters.next() {
            match c {
                '"' => {
                    self.at += offset + 1;
                    return Ok(inside);
                }
                '\\' => match characters.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                    Some((_, escaped)) => inside.push(escaped),
                    None => inside.push('\\'),
                },
                other => inside.push(other),
            }
        }
        Err(self.error(start..self.text.len(), Problem::UnclosedQuote))
    }

    fn term(&mut self, now_micros: u64) -> Result<Term, SelectorError> {
        let start = self.at;
        let negated = self.eat('-');
        let begin = self.at;
        if negated && self.rest().chars().next().is_none_or(char::is_whitespace) {
            return Err(self.error(start..begin, Problem::NothingToNegate));
        }
        let text = if self.rest().starts_with('"') {
            self.quoted()?
        } else {
            let word = self.bare(&[]);
            if let Some(key) = self.key(word, begin)? {
                self.at = begin + key.name().len() + 1;
                let filter = self.values(key, now_micros)?;
                return Ok(Term { negated, filter });
            }
            word.to_owned()
        };
        let made = values::filter(Key::Text, std::slice::from_ref(&text), now_micros);
        let filter = made.map_err(|bad| {
            let problem = Problem::BadValue {
                key: "text",
                value: excerpt(&text),
                expected: bad.expected,
            };
            self.error(begin..self.at, problem)
        })?;
        Ok(Term { negated, filter })
    }

    /// The key that `word` begins with; `None` when it is free text; an error when it only looks like
    /// a key, or like an operator.
    fn key(&self, word: &str, begin: usize) -> Result<Option<Key>, SelectorError> {
        if matches!(word, "AND" | "OR" | "NOT") {
            return Err(self.error(begin..begin + word.len(), Problem::Operator(word.to_owned())));
        }
        let Some((name, value)) = word.split_once(':') else {
            return Ok(None);
        };
        if let Some(key) = Key::from_name(name) {
            return Ok(Some(key));
        }
        if name.starts_with('(') && Key::from_name(name.trim_start_matches('(')).is_some() {
            return Err(self.error(begin..begin + 1, Problem::Operator("parenthesis".into())));
        }
        // `Error:`, `https://…` and `TypeError:x` are words that happen to hold a colon.
        let looks_like_key = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if !looks_like_key || value.is_empty() || value.starts_with("//") {
            return Ok(None);
        }
        let names = || {
            Key::ALL
                .iter()
                .filter(|key| **key != Key::Text)
                .map(|key| key.name())
        };
        let suggestion = nearest(name, names());
        if suggestion.is_none() && begins_with_port(value) {
            return Ok(None);
        }
        let problem = Problem::UnknownKey {
            key: excerpt(name),
            suggestion,
            expected: names().collect::<Vec<_>>().join(", "),
        };
        Err(self.error(begin..begin + name.len(), problem))
    }

    /// The values after a key's colon, separated by commas.
    fn values(&mut self, key: Key, now_micros: u64) -> Result<super::Filter, SelectorError> {
        let mut found = Vec::new();
        let mut spans = Vec::new();
        loop {
            let start = self.at;
            let value = if self.rest().starts_with('"') {
                self.quoted()?
            } else {
                self.bare(&[',']).to_owned()
            };
            if self.at == start {
                let problem = Problem::MissingValue {
                    key: key.name(),
                    expected: key.help().to_owned(),
                };
                return Err(self.error(start..start, problem));
            }
            found.push(value);
            spans.push(start..self.at);
            if !self.eat(',') {
                break;
            }
        }
        values::filter(key, &found, now_micros).map_err(|bad| {
            let value = found
                .get(bad.index)
                .map(|value| excerpt(value))
                .unwrap_or_default();
            let span = spans.get(bad.index).cloned().unwrap_or(self.at..self.at);
            self.error(
                span,
                Problem::BadValue {
                    key: key.name(),
                    value,
                    expected: bad.expected,
                },
            )
        })
    }
}

/// Returns whether `value` begins with a port of at least two digits, as in `localhost:3000/cart`.
fn begins_with_port(value: &str) -> bool {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    (2..=5).contains(&digits) && !value[digits..].starts_with(|c: char| c.is_alphanumeric())
}
