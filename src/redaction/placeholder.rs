//! The replacement of a secret: `[redacted:7f3a91c2]`.
//!
//! The eight digits are the head of a keyed BLAKE3 hash of the secret's **decoded** bytes, so that
//! one token in a header, in a URL and in a nested JSON string looks the same, and two different ones
//! look different; without the install's key they say nothing about the secret.

use super::escapes::{unescape, unpercent};

const OPEN: &[u8] = b"[redacted:";
const DIGITS: usize = 8;
/// Bytes of a placeholder.
pub(super) const LEN: usize = OPEN.len() + DIGITS + 1;

/// How the bytes in the JSON text become the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decoding {
    /// Layers of JSON strings to unescape.
    pub(super) levels: u32,
    /// Whether percent escapes follow.
    pub(super) percent: bool,
}

impl Decoding {
    /// The text of a plain JSON string.
    pub(super) const TEXT: Self = Self {
        levels: 1,
        percent: false,
    };
    /// The text of a URL in a JSON string.
    pub(super) const URL: Self = Self {
        levels: 1,
        percent: true,
    };

    /// A JSON string of this quote level.
    pub(super) const fn string(level: u32) -> Self {
        Self {
            levels: level + 1,
            percent: false,
        }
    }
}

/// Whether a whole placeholder begins at the start of `text`.
pub(super) fn is_placeholder(text: &[u8]) -> bool {
    text.starts_with(OPEN)
        && text.get(LEN - 1) == Some(&b']')
        && text[OPEN.len()..LEN - 1]
            .iter()
            .all(|d| matches!(d, b'0'..=b'9' | b'a'..=b'f'))
}

/// The placeholder of a secret.
pub(super) fn placeholder(key: &[u8; 32], secret: &[u8], decoding: Decoding) -> [u8; LEN] {
    let escaped = decoding.levels > 0 && memchr::memchr(b'\\', secret).is_some();
    let percent = decoding.percent && memchr::memchr(b'%', secret).is_some();
    let hash = match (escaped, percent) {
        (false, false) => blake3::keyed_hash(key, secret),
        (false, true) => blake3::keyed_hash(key, &unpercent(secret)),
        (true, false) => blake3::keyed_hash(key, &unescape(secret, decoding.levels)),
        (true, true) => blake3::keyed_hash(key, &unpercent(&unescape(secret, decoding.levels))),
    };
    let mut out = [b']'; LEN];
    out[..OPEN.len()].copy_from_slice(OPEN);
    for (digits, byte) in out[OPEN.len()..LEN - 1].chunks_exact_mut(2).zip(hash.as_bytes()) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        digits[0] = HEX[usize::from(byte >> 4)];
        digits[1] = HEX[usize::from(byte & 15)];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_secret_looks_the_same_however_it_is_escaped() {
        let key = [7; 32];
        let plain = placeholder(
            &key,
            b"a/b+c=\"",
            Decoding {
                levels: 0,
                percent: false,
            },
        );
        assert_eq!(placeholder(&key, br#"a\/b+c=\""#, Decoding::TEXT), plain);
        assert_eq!(placeholder(&key, br#"a/b+c=\\\""#, Decoding::string(1)), plain);
        assert_eq!(placeholder(&key, b"a%2Fb%2Bc%3D%22", Decoding::URL), plain);
        assert!(is_placeholder(&plain));
    }

    #[test]
    fn the_key_decides_the_digits() {
        let one = placeholder(&[1; 32], b"hunter2", Decoding::TEXT);
        let two = placeholder(&[2; 32], b"hunter2", Decoding::TEXT);
        assert_ne!(one, two);
    }

    #[test]
    fn only_a_whole_placeholder_is_one() {
        for text in [
            "[redacted:7f3a91c]", "[redacted:7f3a91cG]", "[redacted]", "redacted:7f3a91c2]",
        ] {
            assert!(!is_placeholder(text.as_bytes()), "{text}");
        }
    }
}
