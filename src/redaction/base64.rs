//! Base64 of either alphabet, read leniently: as far as it goes, padding or not.

/// The bytes that `text` encodes, up to the first character that is not base64.
pub(super) fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let mut bits = 0u32;
    let mut held = 0;
    for byte in text {
        let sextet = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(sextet);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xFF) as u8);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;
    #[test]
    fn either_alphabet_is_read_as_far_as_it_goes() {
        assert_eq!(super::decode(b"dXNlcjpwYXNz"), b"user:pass");
        assert_eq!(super::decode(b"dXNlcjpwYXNzMQ=="), b"user:pass1");
        assert_eq!(super::decode(b"-_-_"), super::decode(b"+/+/"));
        assert_eq!(super::decode(b"dXNl*cjpw"), b"use");
    }
}
