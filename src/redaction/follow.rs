//! Reads what follows a name: `":` of a JSON key, `=` or `:` in text, the next element of a pair.
//!
//! One grammar for every depth: JSON in strings (`\"password\":\"x\"`), JSON in URLs
//! (`%22password%22%3A%22x%22`), form bodies, header lines, Python and JavaScript literals, XML, HTML
//! inputs and multipart forms.

use super::escapes::{at, percent_at, quote_at, run_len_back, skip_blank, unicode_escape_at, word_starts_at};
use super::harmless::is_code;
use super::names::NameMatch;
use super::pairs::ends_element;
use super::placeholder::Decoding;
use super::rules::{Places, ValueKind};
use super::scan::Scan;
use super::text::TextValue;

/// How a name is enclosed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Enclosed {
    No,
    /// In quotes of a level.
    Json(u32),
    /// In `'`, or in percent-encoded quotes.
    Other,
}

/// The joint between a name and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    Colon,
    Equals,
    /// `=` or `:` written as a percent escape.
    Percent,
    /// `>` of an XML element.
    Tag,
}

/// `Some` if a secret was replaced. What was not is left for the other rules to look at.
pub(super) type Replaced = Option<()>;

impl Scan<'_> {
    /// Redacts the value of the name that ends at `end`.
    pub(super) fn redact_after_name(&mut self, found: NameMatch, end: usize) -> Replaced {
        let json = self.json;
        let mut i = end;
        let mut enclosed = Enclosed::No;
        // `user[password]=x`
        if at(json, i) == b']' {
            i += 1;
        } else if let Some((b']', after)) = percent_at(json, i) {
            i = after;
        }
        if let Some(quote) = quote_at(json, i) {
            (i, enclosed) = (quote.end, Enclosed::Json(quote.level));
            if quote.level == 0 {
                return match at(json, i) {
                    b':' => self.redact_member(found, i + 1, 0),
                    _ => self.redact_pair(found, end, i, 0),
                };
            }
        } else if matches!(at(json, i), b'\'' | b'`') {
            (i, enclosed) = (i + 1, Enclosed::Other);
        } else if let Some((b'"', after)) = percent_at(json, i) {
            (i, enclosed) = (after, Enclosed::Other);
        }
        let before_joint = i;
        let Some((joint, after)) = joint_at(json, skip_spaces(json, i), enclosed) else {
            return match enclosed {
                Enclosed::Json(level) => self.redact_pair(found, end, before_joint, level),
                _ => None,
            };
        };
        if let (Enclosed::Json(level), Joint::Colon) = (enclosed, joint)
            && self
                .redact_member(found, skip_blank(json, after), level)
                .is_some()
        {
            return Some(());
        }
        self.redact_text(found, joint, enclosed, after)
    }

    /// The member of an object whose name was found.
    fn redact_member(&mut self, found: NameMatch, value: usize, level: u32) -> Replaced {
        if found.name.value == ValueKind::Pair {
            return self.redact_value_before_name(value, level);
        }
        if !found.name.places.overlap(Places::JSON) {
            return None;
        }
        self.redact_json_value(value, level, found.name)
    }

    /// A name and its value in free text, in a URL or in a form body.
    fn redact_text(&mut self, found: NameMatch, joint: Joint, enclosed: Enclosed, after: usize) -> Replaced {
        let json = self.json;
        let name = found.name;
        if name.value == ValueKind::Pair {
            return None;
        }
        let start = self.parameter_start(found.start);
        let mut is_parameter = joint != Joint::Colon && self.parameter_begins_at(start);
        if joint == Joint::Tag && !self.element_begins_before(found.start) {
            return None;
        }
        let value = skip_spaces(json, after);
        if let Some(quote) = quote_at(json, value)
            && joint == Joint::Colon
            && enclosed == Enclosed::No
            && (quote.level == 0 || ends_element(json, quote))
        {
            // `"the token:"`, a whole string.
            return self.redact_pair(NameMatch { start, ..found }, after - 1, quote.end, quote.level);
        }
        if matches!(name.value, ValueKind::Cookies | ValueKind::SetCookie) {
            let done = value < self.cookies_to;
            if done || !name.places.overlap(Places::TEXT) || joint == Joint::Percent {
                return None;
            }
            return self.redact_content(self.cookie_line(value), Decoding::TEXT, name, true);
        }
        // `code=…` counts at the start of a form body as well, which shows only by the `&` after it.
        let in_form = !is_parameter && joint == Joint::Equals && self.string_starts_at(start, 0);
        if !name.places.overlap(Places::TEXT) && !is_parameter && !in_form && joint != Joint::Percent {
            return None;
        }
        let TextValue { content, quoted, end } =
            self.text_value(value, joint == Joint::Percent, is_parameter, name.value)?;
        is_parameter |= in_form && at(json, end) == b'&';
        let in_url = is_parameter || joint == Joint::Percent;
        if !name.places.overlap(if in_url {
            Places::URL.and(Places::TEXT)
        } else {
            Places::TEXT
        }) {
            return None;
        }
        let text = json.get(content.clone())?;
        let prose =
            joint == Joint::Colon && !quoted && super::text::is_prose(text) || !quoted && is_code(text);
        let too_short = !is_parameter && !quoted && text.len() < 3;
        if prose || too_short {
            return None;
        }
        let decoding = if in_url { Decoding::URL } else { Decoding::TEXT };
        self.redact_content(content, decoding, name, true)
    }

    /// Returns the start of the parameter name that the match may be the end of: `my_token`, `user[password]`.
    fn parameter_start(&self, start: usize) -> usize {
        let before = &self.json[start.saturating_sub(64)..start];
        let begin = start - run_len_back(before, |b| b.is_ascii_alphanumeric() || b"-_.[]".contains(&b));
        // The letters of an escape are not part of the name.
        (begin..start)
            .find(|i| word_starts_at(self.json, *i) && self.parameter_begins_at(*i))
            .unwrap_or(begin)
    }

    /// Whether the name of which the match may be the end is that of an XML element.
    fn element_begins_before(&self, start: usize) -> bool {
        let before = &self.json[start.saturating_sub(64)..start];
        let name = run_len_back(before, |b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
        self.json[..start - name].ends_with(b"<")
    }

    /// Whether a parameter of a query, fragment or form may begin at `i`.
    fn parameter_begins_at(&self, i: usize) -> bool {
        let json = self.json;
        let byte = |back: usize| i.checked_sub(back).map_or(0, |b| json[b]);
        if matches!(byte(1), b'?' | b'&' | b'#' | b';') {
            return true;
        }
        let escape = |back: usize| {
            i.checked_sub(back).and_then(|b| {
                percent_at(json, b)
                    .or_else(|| unicode_escape_at(json, b))
                    .filter(|(_, end)| *end == i)
            })
        };
        [3, 5, 6]
            .into_iter()
            .any(|back| matches!(escape(back), Some((b'?' | b'&' | b'#', _))))
    }

    /// Whether a string of `level` begins right before `i`.
    pub(super) fn string_starts_at(&self, i: usize, level: u32) -> bool {
        let quote = i
            .checked_sub(1 << level)
            .and_then(|quote| quote_at(self.json, quote));
        quote.is_some_and(|quote| quote.level == level)
    }
}

/// Skips blanks that keep the line.
pub(super) fn skip_spaces(json: &[u8], mut i: usize) -> usize {
    loop {
        i = match at(json, i) {
            b' ' => i + 1,
            b'%' if matches!(percent_at(json, i), Some((b' ', _))) => percent_at(json, i).map_or(i, |p| p.1),
            _ => return i,
        };
    }
}

/// Returns the joint between a name and a value at `i`, and the start of the value.
fn joint_at(json: &[u8], i: usize, enclosed: Enclosed) -> Option<(Joint, usize)> {
    let next = at(json, i + 1);
    match at(json, i) {
        b':' if next == b'=' => Some((Joint::Equals, i + 2)),
        // `Token::new`, `secret://…`
        b':' if next == b':' || json.get(i + 1..)?.starts_with(b"//") => None,
        b':' => Some((Joint::Colon, i + 1)),
        // A Ruby or PHP hash; without quotes it is an arrow function.
        b'=' if next == b'>' => (enclosed != Enclosed::No).then_some((Joint::Colon, i + 2)),
        // A comparison.
        b'=' if next == b'=' => None,
        b'=' => Some((Joint::Equals, i + 1)),
        b'>' if enclosed == Enclosed::No => Some((Joint::Tag, i + 1)),
        b'%' => percent_at(json, i)
            .filter(|(byte, _)| matches!(byte, b'=' | b':'))
            .map(|p| (Joint::Percent, p.1)),
        b'\\' => unicode_escape_at(json, i)
            .filter(|(byte, _)| *byte == b'=')
            .map(|p| (Joint::Equals, p.1)),
        _ => None,
    }
}
