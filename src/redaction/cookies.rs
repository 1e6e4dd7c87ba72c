//! Cookies: their names and attributes stay, so that a developer sees which were sent.

use std::ops::Range;

use super::escapes::{at, line_break_at, run_len, skip_blank};
use super::harmless::is_no_secret;
use super::names::Name;
use super::placeholder::Decoding;
use super::rules::ValueKind;
use super::scan::Scan;

/// Attributes of `Set-Cookie`, which are no secrets (RFC 6265bis, CHIPS).
const ATTRIBUTES: &[&str] = &[
    "path", "domain", "expires", "max-age", "secure", "httponly", "samesite", "partitioned", "priority",
];

/// Members of a cookie object that are no secrets (HAR, CDP and chrome.cookies together).
const COOKIE_MEMBERS: &[&str] = &[
    "name", "path", "domain", "expires", "expirationDate", "maxAge", "sameSite", "size", "priority",
    "storeId", "url", "sourceScheme", "sourcePort", "partitionKey", "comment",
];

impl Scan<'_> {
    /// Redacts the value of a `Cookie` or `Set-Cookie` header.
    pub(super) fn redact_cookies(
        &mut self,
        content: Range<usize>,
        decoding: Decoding,
        name: Name,
        in_text: bool,
    ) {
        if content.start < self.cookies_to {
            return;
        }
        self.cookies_to = content.end;
        let json = self.json;
        let mut start = content.start;
        while start < content.end {
            let end = cookie_end(json, start, content.end);
            let segment = &json[start..end];
            let blank = run_len(segment, |b| b == b' ');
            let equals = memchr::memchr(b'=', segment);
            let label = &segment[blank.min(segment.len())..equals.unwrap_or(segment.len())];
            let attribute = name.value == ValueKind::SetCookie
                && ATTRIBUTES
                    .iter()
                    .any(|a| label.trim_ascii_end().eq_ignore_ascii_case(a.as_bytes()));
            let secret = match equals {
                Some(equals) => start + equals + 1..end,
                None if in_text => end..end,
                None => start + blank..end,
            };
            // The rest of it is text like any other.
            self.run_part(
                start..if attribute {
                    end
                } else {
                    start + equals.unwrap_or(0)
                },
            );
            if !attribute && !is_no_secret(&json[secret.clone()]) {
                self.sink.replace(secret, name.rule, decoding);
            }
            start = if matches!(at(json, end), b';' | b',') {
                end + 1
            } else {
                skip_blank(json, end)
            };
            start = start.max(end + 1);
        }
    }
}

/// Returns the end of the cookie that begins at `start`: at `;`, a line break, or a `,` before another cookie.
fn cookie_end(json: &[u8], start: usize, end: usize) -> usize {
    let mut i = start;
    while i < end {
        match json[i] {
            b';' => return i,
            b'\\' if line_break_at(json, i) => return i,
            b',' => {
                let rest = &json[i + 1..end];
                let blank = run_len(rest, |b| b == b' ');
                let token = run_len(&rest[blank..], |b| {
                    b.is_ascii_alphanumeric() || b"_-.".contains(&b)
                });
                if token > 0 && rest.get(blank + token) == Some(&b'=') {
                    return i;
                }
            }
            _ => {}
        }
        i += 1;
    }
    end
}

/// Whether a member of a cookie object is no secret.
pub(super) fn is_cookie_member(key: &[u8], kind: ValueKind) -> bool {
    matches!(kind, ValueKind::Cookies | ValueKind::SetCookie)
        && COOKIE_MEMBERS.iter().any(|m| key == m.as_bytes())
}
