//! Redacting the value of a name, once the value's place and kind are known.

use std::ops::Range;

use super::cookies::is_cookie_member;
use super::escapes::{at, closing_quote, quote_at, run_len, skip_blank};
use super::follow::Replaced;
use super::harmless::{is_description, is_description_member, is_no_secret, is_oauth_code};
use super::names::Name;
use super::placeholder::{Decoding, LEN, is_placeholder};
use super::rules::ValueKind;
use super::scan::Scan;
use super::shapes::run_end;
use super::sink::between;

/// Authentication schemes (IANA's registry and what APIs made up) that stay before their credentials.
const SCHEMES: &[&str] = &[
    "bearer", "basic", "digest", "token", "negotiate", "ntlm", "apikey", "api-key", "aws4-hmac-sha256",
    "aws", "hawk", "hoba", "mutual", "vapid", "oauth", "dpop", "key", "jwt", "gnap", "ssws", "splunk",
    "signature", "sharedkey", "sharedaccesssignature", "geniekey", "sapisidhash", "mac", "privatetoken",
    "scram-sha-256",
];

/// Bytes on either side of a parameter that tell what it is for.
const AROUND: usize = 200;

impl Scan<'_> {
    /// Redacts the JSON value at `value`, which is `level` strings deep. `Some` if there was a
    /// secret, now or before; the rest is for the other rules to look at.
    pub(super) fn redact_json_value(&mut self, value: usize, level: u32, name: Name) -> Replaced {
        let json = self.json;
        let before = self.sink.passed;
        match at(json, value) {
            b'0'..=b'9' | b'-' => {
                self.redact_number(value, level, name);
            }
            b'[' | b'{' => self.redact_container(value, level, name),
            _ => {
                if let Some(open) = quote_at(json, value).filter(|quote| quote.level == level) {
                    let close = closing_quote(json, open.end, level);
                    self.redact_content(between(open, close), Decoding::string(level), name, false);
                }
            }
        }
        (self.sink.passed > before).then_some(())
    }

    /// Redacts the number at `value` and returns its end.
    fn redact_number(&mut self, value: usize, level: u32, name: Name) -> usize {
        let end = run_end(self.json, value, |b| {
            matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
        });
        let digits = self.json[value..end]
            .iter()
            .filter(|b| b.is_ascii_digit())
            .count();
        let least = match name.value {
            // A card's check value has three digits.
            ValueKind::Digits => name.min_length,
            ValueKind::Strings | ValueKind::Scalar | ValueKind::OAuthCode | ValueKind::Base64 => usize::MAX,
            // Fewer are a count or a choice.
            _ => name.min_length.max(4),
        };
        if digits >= least {
            self.sink.replace_bare(value..end, name.rule, level);
        } else if digits > 12 {
            self.card(value);
        }
        end
    }

    /// Redacts every string, and for secrets every number, inside an array or object.
    fn redact_container(&mut self, start: usize, level: u32, name: Name) {
        let json = self.json;
        let of_names = matches!(
            name.value,
            ValueKind::Scalar | ValueKind::Digits | ValueKind::Base64
        );
        // A value inside another one was walked with it; again would take quadratic time.
        if of_names || start < self.walked_to || is_placeholder(&json[start..]) {
            return;
        }
        let mut i = start;
        let mut depth = 0usize;
        while i < json.len() {
            match at(json, i) {
                b'[' if is_placeholder(&json[i..]) => i += LEN,
                b'[' | b'{' => {
                    let numbers = name.value != ValueKind::Strings;
                    if let Some(end) = bytes_end(json, i).filter(|_| numbers) {
                        // Byte by byte, a placeholder each would be a substitution cipher.
                        self.sink.replace_bare(i..end, name.rule, level);
                        i = end;
                    } else {
                        (i, depth) = (i + 1, depth + 1);
                    }
                    if depth == 0 {
                        break;
                    }
                }
                b']' | b'}' => {
                    (i, depth) = (i + 1, depth.saturating_sub(1));
                    if depth == 0 {
                        break;
                    }
                }
                b'0'..=b'9' | b'-' => i = self.redact_number(i, level, name),
                b'"' | b'\\' => match self.redact_element(i, level, name) {
                    Some(next) => i = next,
                    None => break,
                },
                _ => i += 1,
            }
        }
        self.walked_to = i;
    }

    /// Redacts the string at `i` inside a container, unless it is a key. Returns where to continue, `None` if
    /// the string around the container ended.
    fn redact_element(&mut self, i: usize, level: u32, name: Name) -> Option<usize> {
        let json = self.json;
        let Some(open) = quote_at(json, i) else {
            return Some(skip_blank(json, i).max(i + 1));
        };
        if open.level < level {
            return None;
        }
        let close = closing_quote(json, open.end, level);
        let after = skip_blank(json, close.end);
        if close.level == level && at(json, after) == b':' {
            self.run_part(between(open, close));
            let key = &json[between(open, close)];
            if !is_cookie_member(key, name.value) && !is_description_member(key) {
                return Some(after + 1);
            }
            let value = skip_blank(json, after + 1);
            let end = end_of_scalar(json, value, level);
            self.run_part(value..end);
            return Some(end);
        }
        self.redact_content(between(open, close), Decoding::string(level), name, false);
        (close.level == level).then_some(close.end)
    }

    /// Redacts the content of a string (or, `in_text`, of a line of text) that is the value of a name.
    /// `Some` if there was one, now or before.
    pub(super) fn redact_content(
        &mut self,
        content: Range<usize>,
        decoding: Decoding,
        name: Name,
        in_text: bool,
    ) -> Replaced {
        let text = self.json.get(content.clone()).unwrap_or_default();
        let before = self.sink.passed;
        match name.value {
            ValueKind::Keep | ValueKind::Pair => {}
            ValueKind::Secret | ValueKind::Strings | ValueKind::Scalar => {
                if text.len() >= name.min_length && !is_no_secret(text) && !is_description(text) {
                    self.sink.replace(content, name.rule, decoding);
                }
            }
            ValueKind::OAuthCode => {
                let around =
                    content.start.saturating_sub(AROUND)..(content.end + AROUND).min(self.json.len());
                if text.len() >= name.min_length && is_oauth_code(text, &self.json[around]) {
                    self.sink.replace(content, name.rule, decoding);
                }
            }
            ValueKind::Base64 => {
                if text
                    .iter()
                    .all(|b| b.is_ascii_alphanumeric() || b"+/=-_\\".contains(b))
                    && self.hides_secrets(content.clone())
                {
                    self.sink.replace(content, name.rule, decoding);
                }
            }
            ValueKind::Digits => {
                let only = text
                    .iter()
                    .all(|b| b.is_ascii_digit() || matches!(b, b' ' | b'-'));
                let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
                if only && digits >= name.min_length {
                    self.sink.replace(content, name.rule, decoding);
                }
            }
            ValueKind::Credentials => {
                let secret = content.start + scheme_len(text)..content.end;
                let text = &self.json[secret.clone()];
                if !is_no_secret(text) && !SCHEMES.iter().any(|s| text.eq_ignore_ascii_case(s.as_bytes())) {
                    self.sink.replace(secret, name.rule, decoding);
                }
            }
            ValueKind::Cookies | ValueKind::SetCookie => {
                self.redact_cookies(content, decoding, name, in_text);
            }
        }
        (self.sink.passed > before).then_some(())
    }
}

/// How many bytes of `text` are a known scheme and the blanks after it.
pub(super) fn scheme_len(text: &[u8]) -> usize {
    let word = run_len(text, |b| b.is_ascii_alphanumeric() || b == b'-');
    let known = SCHEMES
        .iter()
        .any(|scheme| text[..word].eq_ignore_ascii_case(scheme.as_bytes()));
    let blank = run_len(&text[word..], |b| b == b' ');
    if known && blank > 0 { word + blank } else { 0 }
}

/// The end of a string, number or literal at `i`; of anything else, `i`.
pub(super) fn end_of_scalar(json: &[u8], i: usize, level: u32) -> usize {
    match quote_at(json, i) {
        Some(open) if open.level == level => {
            let close = closing_quote(json, open.end, level);
            if close.level == level {
                close.end
            } else {
                close.start
            }
        }
        _ => run_end(json, i, |b| b.is_ascii_alphanumeric()),
    }
}

/// The end of an array of numbers, or of a typed array written as an object, at `i`.
fn bytes_end(json: &[u8], i: usize) -> Option<usize> {
    let open = at(json, i);
    let mut i = i + 1;
    let level = quote_at(json, i).map(|quote| quote.level);
    if open == b'{' && level.is_none_or(|level| at(json, i + (1 << level)) != b'0') {
        return None;
    }
    let mut digits = false;
    loop {
        match at(json, i) {
            b'0'..=b'9' => digits = true,
            b']' if open == b'[' && digits => return Some(i + 1),
            b'}' if open == b'{' && digits => return Some(i + 1),
            b',' | b' ' | b'-' | b'+' | b'.' | b'e' | b'E' => {}
            b':' if open == b'{' => {}
            b'"' | b'\\' if open == b'{' => {
                let quote = quote_at(json, i).filter(|quote| Some(quote.level) == level)?;
                i = quote.end;
                continue;
            }
            _ => return None,
        }
        i += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn only_a_known_scheme_stays_before_its_credentials() {
        assert_eq!(scheme_len(b"Bearer  abc"), 8);
        assert_eq!(scheme_len(b"swordfish abc"), 0);
        assert_eq!(scheme_len(b"Bearer"), 0);
    }

    #[test]
    fn byte_arrays_are_seen_as_one_value() {
        assert_eq!(bytes_end(b"[1,2,3],", 0), Some(7));
        assert_eq!(bytes_end(br#"{"0":1,"1":255}"#, 0), Some(15));
        assert_eq!(bytes_end(br#"[1,"a"]"#, 0), None);
        assert_eq!(bytes_end(br#"{"a":1}"#, 0), None);
        assert_eq!(bytes_end(b"[]", 0), None);
    }
}
