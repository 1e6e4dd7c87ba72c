//! What stands where a secret would and is none: a mask, the absence of a value, a message, a type.

/// Members that describe a secret and do not contain it: of a JSON Schema, of a form's state, and of a
/// preview (`$`, `class`, `length`).
const DESCRIPTIONS: &[&str] = &[
    "$",
    "class",
    "length",
    "size",
    "more",
    "byte_length",
    "type",
    "format",
    "title",
    "description",
    "label",
    "placeholder",
    "message",
    "error",
    "errors",
    "pattern",
    "autocomplete",
    "minLength",
    "maxLength",
];

/// Whether a member of an object that a secret's name stands for only describes it.
pub(super) fn is_description_member(key: &[u8]) -> bool {
    DESCRIPTIONS.iter().any(|member| key == member.as_bytes())
}

/// What stands for the absence of a value, or is masked already.
pub(super) fn is_no_secret(text: &[u8]) -> bool {
    const ABSENT: &[&str] = &[
        "null",
        "undefined",
        "true",
        "false",
        "none",
        "nan",
        "nil",
        "[object Object]",
        "(none)",
        "(empty)",
        "...",
        "%s",
        "%o",
        "%d",
        "[Filtered]",
        "[REDACTED]",
        "<redacted>",
    ];
    ABSENT.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
        || text.iter().all(|b| *b == b'*')
        || text.len().is_multiple_of(3) && text.chunks(3).all(|c| c == "•".as_bytes())
}

/// Whether a value that only follows the name of a secret, without a joint, looks made up by a machine:
/// one word of some length, with a digit, or of both cases.
pub(super) fn is_opaque(text: &[u8]) -> bool {
    let inner_upper = text.iter().skip(1).any(u8::is_ascii_uppercase);
    let lower = text.iter().any(u8::is_ascii_lowercase);
    text.len() >= 6
        && text.iter().all(|b| b.is_ascii_graphic())
        && (text.iter().any(u8::is_ascii_digit) || inner_upper && lower)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn absent_and_masked_values_are_no_secrets() {
        for text in ["", "null", "undefined", "********", "••••", "%s"] {
            assert!(is_no_secret(text.as_bytes()), "{text}");
        }
        assert!(!is_no_secret(b"hunter2"));
    }

    #[test]
    fn a_made_up_word_is_opaque_and_prose_is_not() {
        for text in ["hunter22", "aB3dE5", "qWertz", "s3cr3t-value"] {
            assert!(is_opaque(text.as_bytes()), "{text}");
        }
        for text in ["refreshed", "Expired", "}", "is not valid", "a1"] {
            assert!(!is_opaque(text.as_bytes()), "{text}");
        }
    }
}
