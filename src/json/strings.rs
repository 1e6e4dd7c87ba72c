//! Inside JSON strings: finding the end, decoding, and where it is safe to truncate.

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// How many bytes from the start of `text` are ordinary string content: no quote, no backslash, no
/// control character. Eight at a time.
#[inline]
pub fn plain_run(text: &[u8]) -> usize {
    let mut pos = 0;
    while let Some(chunk) = text.get(pos..pos + 8) {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        let word = u64::from_le_bytes(word);
        // https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord: the lowest flagged byte is exact.
        let quote = word ^ (LOW_BITS * b'"' as u64);
        let backslash = word ^ (LOW_BITS * b'\\' as u64);
        let special = (quote.wrapping_sub(LOW_BITS) & !quote)
            | (backslash.wrapping_sub(LOW_BITS) & !backslash)
            | (word.wrapping_sub(LOW_BITS * 0x20) & !word);
        let special = special & HIGH_BITS;
        if special != 0 {
            return pos + (special.trailing_zeros() / 8) as usize;
        }
        pos += 8;
    }
    while pos < text.len() && !matches!(text[pos], b'"' | b'\\' | 0..0x20) {
        pos += 1;
    }
    pos
}

/// One past the closing quote of the string that opens at `open`, in valid JSON.
#[inline]
pub(super) fn string_end(text: &[u8], open: usize) -> usize {
    let mut pos = open + 1;
    while pos < text.len() {
        match text[pos] {
            b'"' => return pos + 1,
            b'\\' => pos += 2,
            _ => pos += plain_run(&text[pos..]).max(1),
        }
    }
    text.len()
}

/// The longest prefix of valid string `content` (without quotes) of at most `limit` bytes that splits
/// neither a UTF-8 character, nor an escape, nor a surrogate pair written as two escapes.
pub fn char_boundary_at_most(content: &[u8], limit: usize) -> usize {
    if content.len() <= limit {
        return content.len();
    }
    let mut pos = 0;
    let mut after_high_surrogate = false;
    let mut before_pair = 0;
    while pos < limit {
        let length = match content[pos] {
            b'\\' if content.get(pos + 1) == Some(&b'u') => 6,
            b'\\' => 2,
            byte => utf8_length(byte),
        };
        if pos + length > limit {
            break;
        }
        after_high_surrogate = length == 6 && matches!(hex4(&content[pos + 2..]), Some(0xD800..=0xDBFF));
        before_pair = pos;
        pos += length;
    }
    if after_high_surrogate { before_pair } else { pos }
}

fn utf8_length(first: u8) -> usize {
    match first {
        0..0x80 => 1,
        0x80..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    }
}

fn hex4(text: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(text.get(..4)?).ok()?;
    u32::from_str_radix(digits, 16).ok()
}

/// Decodes valid string `content` (without quotes). Lone surrogates become U+FFFD.
pub fn unescape(content: &[u8]) -> String {
    let mut out = Vec::with_capacity(content.len());
    let mut pos = 0;
    while pos < content.len() {
        if content[pos] != b'\\' {
            let run = plain_run(&content[pos..]).max(1);
            out.extend_from_slice(&content[pos..pos + run]);
            pos += run;
            continue;
        }
        let decoded = match content.get(pos + 1) {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => {
                let high = hex4(&content[pos + 2..]).unwrap_or(0xFFFD);
                pos += 4;
                let low = (content.get(pos + 2..pos + 4) == Some(b"\\u"))
                    .then(|| hex4(&content[pos + 4..]))
                    .flatten()
                    .filter(|low| (0xDC00..=0xDFFF).contains(low) && (0xD800..=0xDBFF).contains(&high));
                let code = match low {
                    Some(low) => {
                        pos += 6;
                        0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
                    }
                    None => high,
                };
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            Some(&byte) => char::from(byte),
            None => char::REPLACEMENT_CHARACTER,
        };
        out.extend_from_slice(decoded.encode_utf8(&mut [0; 4]).as_bytes());
        pos += 2;
    }
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
