//! Inside JSON strings: finding the end, decoding, and where it is safe to truncate.

/// How many bytes from the start of `text` are ordinary string content: no quote, no backslash, no
/// control character. Sixteen at a time.
#[inline]
pub fn plain_run(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((block, after)) = rest.split_first_chunk() {
        let special = special_bits(block);
        if special != 0 {
            return text.len() - rest.len() + special.trailing_zeros() as usize;
        }
        rest = after;
    }
    let run = rest.iter().position(|&byte| is_special(byte));
    text.len() - rest.len() + run.unwrap_or(rest.len())
}

const fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

/// A bit for each byte that is not ordinary string content, the first one lowest.
#[cfg(target_arch = "x86_64")]
#[inline]
fn special_bits(block: &[u8; 16]) -> u32 {
    use core::arch::x86_64::*;
    // SAFETY: sixteen readable bytes; `loadu` needs no alignment. SSE2 is part of x86-64.
    unsafe {
        let bytes = _mm_loadu_si128(block.as_ptr().cast());
        let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
        let backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control)) as u32
    }
}

/// A bit for each byte that is not ordinary string content, the first one lowest.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline]
fn special_bits(block: &[u8; 16]) -> u32 {
    use core::arch::wasm32::*;
    // SAFETY: sixteen readable bytes; wasm loads need no alignment.
    let bytes = unsafe { v128_load(block.as_ptr().cast()) };
    let quote = u8x16_eq(bytes, u8x16_splat(b'"'));
    let backslash = u8x16_eq(bytes, u8x16_splat(b'\\'));
    let control = u8x16_lt(bytes, u8x16_splat(0x20));
    u32::from(u8x16_bitmask(v128_or(v128_or(quote, backslash), control)))
}

/// A bit for each byte that is not ordinary string content, the first one lowest.
#[cfg(not(any(
    target_arch = "x86_64",
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
fn special_bits(block: &[u8; 16]) -> u32 {
    block
        .iter()
        .rev()
        .fold(0, |bits, &byte| bits << 1 | u32::from(is_special(byte)))
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
