//! Verifies what has more structure than a prefix and a charset: JWT, PEM, credentials, addresses.

use std::ops::Range;

use super::base64;
use super::escapes::{
    at, backslashes_ending, percent_at, quote_at, run_len_back, string_ends_at, word_starts_at,
};
use super::placeholder::is_placeholder;
use super::shapes::run_end;

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// A JSON Web Token, signed or encrypted, possibly cut off (RFC 7519, 7516).
pub(super) fn jwt(json: &[u8], start: usize, literal_end: usize) -> Option<Range<usize>> {
    // After a `-` it would be the rest of another token.
    if !word_starts_at(json, start) || start.checked_sub(1).is_some_and(|i| json[i] == b'-') {
        return None;
    }
    let header_end = run_end(json, literal_end, is_base64url);
    if at(json, header_end) == b'.' {
        let end = run_end(json, header_end, |b| is_base64url(b) || matches!(b, b'.' | b'='));
        let rest = &json[header_end + 1..end];
        let signed = rest.starts_with(b"eyJ") || rest.starts_with(b"eyA") || rest.starts_with(b"ewog");
        let is_token = signed || rest.contains(&b'.') || is_header(&json[start..header_end]);
        return is_token.then_some(start..end);
    }
    let cut = header_end - start >= 12 && string_ends_at(json, header_end);
    (cut && is_header(&json[start..header_end])).then_some(start..header_end)
}

/// Whether base64 text decodes to the beginning of a token's header and not of any other JSON.
fn is_header(text: &[u8]) -> bool {
    // Registered header parameters (RFC 7515 to 7519, 7797) and Microsoft's nonce.
    const FIRST: &[&[u8]] = &[
        b"alg\"", b"typ\"", b"kid\"", b"enc\"", b"x5t\"", b"x5c\"", b"x5u\"", b"jku\"", b"jwk\"", b"cty\"",
        b"zip\"", b"b64\"", b"nonce\"", b"crit\"", b"x5t#S256\"",
    ];
    let decoded = base64::decode(&text[..text.len().min(64)]);
    let inner: Vec<u8> = decoded.into_iter().filter(|b| !b.is_ascii_whitespace()).collect();
    let Some(first) = inner.strip_prefix(b"{\"") else {
        return false;
    };
    FIRST.iter().any(|name| first.starts_with(name))
}

/// The body of a private key in PEM (RFC 7468), possibly cut off.
pub(super) fn pem_body(json: &[u8], literal_end: usize) -> Option<Range<usize>> {
    let rest = json.get(literal_end..)?;
    let label = memchr::memmem::find(&rest[..rest.len().min(64)], b"-----")?;
    memchr::memmem::find(&rest[..label], b"PRIVATE")?;
    let body = literal_end + label + 5;
    if json[body..].starts_with(b"-----END") {
        return None;
    }
    let quote = memchr::memchr(b'"', &json[body..]).map_or(json.len(), |i| body + i);
    let string_end = quote - backslashes_ending(&json[body..quote]);
    let end = memchr::memmem::find(&json[body..string_end], b"-----END").map_or(string_end, |i| body + i);
    let text = &json[body..end];
    // Less gives nothing away, and brackets are another rule's doing.
    let key = text.iter().filter(|b| b.is_ascii_alphanumeric()).count() >= 8 && !text[1..].contains(&b'[');
    key.then_some(body..end)
}

/// Reads the token after `Bearer`.
pub(super) fn bearer(json: &[u8], start: usize, literal_end: usize) -> Option<Range<usize>> {
    /// Parameters of a challenge, which names a scheme and holds no secret (RFC 6750 §3, RFC 9728).
    const CHALLENGE: &[&str] = &[
        "realm", "scope", "error", "charset", "authorization_uri", "resource_metadata",
    ];
    let token = after_scheme(json, start, literal_end)?;
    let is_challenge = |name: &&[u8]| {
        let (word, rest) = json[token..].split_at_checked(name.len()).unwrap_or_default();
        word.eq_ignore_ascii_case(name) && matches!(rest.first(), Some(b'=' | b'_'))
    };
    if CHALLENGE.iter().any(|name| is_challenge(&name.as_bytes())) {
        return None;
    }
    let end = run_end(json, token, |b| is_base64url(b) || b".~+/=%".contains(&b));
    let text = &json[token..end];
    let digit = text.iter().any(u8::is_ascii_digit);
    let least = if string_ends_at(json, end) { 4 } else { 8 };
    (digit && text.len() >= least || text.len() >= 24).then_some(token..end)
}

/// Reads the credentials after `Basic`: base64 of `user:password` (RFC 7617), possibly cut off.
pub(super) fn basic(json: &[u8], start: usize, literal_end: usize) -> Option<Range<usize>> {
    /// Characters of base64 among which a user's name must have ended.
    const MOST_NAME: usize = 512;
    let token = after_scheme(json, start, literal_end)?;
    let decoded = base64::decode(&json[token..json.len().min(token + MOST_NAME)]);
    let colon = decoded.iter().position(|b| *b == b':')?;
    let printable = decoded[..colon].iter().all(|b| !b.is_ascii_control());
    let end = run_end(json, token, |b| is_base64url(b) || b"+/=".contains(&b));
    (printable && end - token >= 4).then_some(token..end)
}

/// Returns the start of the token after a scheme's name and one blank, however written.
fn after_scheme(json: &[u8], start: usize, literal_end: usize) -> Option<usize> {
    if !word_starts_at(json, start) {
        return None;
    }
    match at(json, literal_end) {
        b' ' => Some(super::follow::skip_spaces(json, literal_end)),
        b'+' => Some(literal_end + 1),
        _ => percent_at(json, literal_end)
            .filter(|(byte, _)| *byte == b' ')
            .map(|(_, end)| end),
    }
}

/// The user and password before a host. `authority` is one past `://`.
pub(super) fn user_info(json: &[u8], authority: usize, percent: bool) -> Option<Range<usize>> {
    /// Far beyond any real one; bounds the look ahead.
    const MOST: usize = 1024;
    let mut i = authority;
    let mut at_sign = None;
    while i < json.len().min(authority + MOST) {
        match json[i] {
            b'@' => (at_sign, i) = (Some(i), i + 1),
            b'/' | b'?' | b'#' | b'"' | b'\\' | b' ' | b'<' | b'>' | b'\'' | b'&' | b'`' => break,
            // Redacted already, be it by another rule.
            b'[' if is_placeholder(&json[i..]) => return None,
            b'%' if percent => match percent_at(json, i) {
                Some((b'@', end)) => (at_sign, i) = (Some(i), end),
                Some((b'/' | b'?' | b'#' | b'&' | b' ', _)) => break,
                Some((_, end)) => i = end,
                None => i += 1,
            },
            _ => i += 1,
        }
    }
    at_sign.filter(|end| *end > authority).map(|end| authority..end)
}

/// The secret part of a path, from `from` to the end of the address.
pub(super) fn secret_path(json: &[u8], from: usize) -> Option<Range<usize>> {
    let end = run_end(json, from, |b| b.is_ascii_alphanumeric() || b"/_-%".contains(&b));
    (end - from >= 8).then_some(from..end)
}

/// The path segment at `from` if a machine has made it up: long, with letters and digits, and not words.
pub(super) fn opaque_segment(json: &[u8], from: usize) -> Option<Range<usize>> {
    let end = run_end(json, from, |b| {
        b.is_ascii_alphanumeric() || b"._~-=%".contains(&b)
    });
    let segment = &json[from..end];
    let digits = segment.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = segment.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let is_word = |word: &[u8]| {
        word.iter().all(u8::is_ascii_lowercase) || word.len() <= 4 && word.iter().all(u8::is_ascii_digit)
    };
    let is_slug = segment.contains(&b'-') && segment.split(|b| *b == b'-').all(is_word);
    (segment.len() >= 16 && digits >= 2 && letters >= 2 && !is_slug).then_some(from..end)
}

/// The e-mail address around the `@` at `i`.
pub(super) fn email(json: &[u8], floor: usize, i: usize) -> Option<Range<usize>> {
    /// Bytes of a local part (RFC 5321 §4.5.3.1.1).
    const MOST: usize = 64;
    let before = &json[floor.max(i.saturating_sub(MOST + 1))..i];
    let length = run_len_back(before, |b| b.is_ascii_alphanumeric() || b"._%+-".contains(&b));
    if length > MOST {
        return None;
    }
    let mut start = i - length;
    // The letters of an escape (`\nbob@…`) are not part of it.
    if start > floor && json[start - 1] == b'\\' {
        start += if json[start] == b'u' { 5 } else { 1 };
    }
    let end = run_end(json, i + 1, |b| b.is_ascii_alphanumeric() || b".-".contains(&b));
    let host = json[i + 1..end].strip_suffix(b".").unwrap_or(&json[i + 1..end]);
    let top = host.rsplit(|b| *b == b'.').next()?;
    let is_host = host.contains(&b'.') && top.len() >= 2 && top.iter().all(u8::is_ascii_alphabetic);
    (start < i && is_host && quote_at(json, start).is_none()).then_some(start..i + 1 + host.len())
}
