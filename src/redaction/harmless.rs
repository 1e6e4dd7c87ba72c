//! Harmless values in the place of a secret: a mask, the absence of a value, a message, a type.

use super::escapes::run_len;

/// Members that describe a secret and do not contain it: of a JSON Schema, of a form's state, and of a
/// preview (`$`, `class`, `length`).
const DESCRIPTIONS: &[&str] = &[
    "$", "class", "length", "size", "more", "byte_length", "type", "name", "format", "title", "description",
    "label", "placeholder", "message", "error", "errors", "pattern", "autocomplete", "minLength",
    "maxLength",
];

/// Whether a member of an object under a secret's name only describes the secret.
pub(super) fn is_description_member(key: &[u8]) -> bool {
    DESCRIPTIONS.iter().any(|member| key == member.as_bytes())
}

/// Whether `text` means the absence of a value, or is masked already.
pub(super) fn is_no_secret(text: &[u8]) -> bool {
    const ABSENT: &[&str] = &[
        "null", "undefined", "true", "false", "none", "nan", "nil", "[object Object]", "(none)", "(empty)",
        "...", "%s", "%o", "%d", "[Filtered]", "[REDACTED]", "<redacted>",
    ];
    ABSENT
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
        || text.iter().all(|b| *b == b'*')
        || text.len().is_multiple_of(3) && text.chunks(3).all(|c| c == "•".as_bytes())
}

/// Words of a message about a secret, or of a label for one.
const MESSAGE: &[&str] = &[
    "a", "an", "the", "is", "was", "are", "be", "been", "has", "have", "not", "no", "must", "should", "may",
    "can", "can't", "cannot", "could", "will", "do", "does", "don't", "doesn't", "too", "at", "least",
    "most", "please", "enter", "your", "you", "for", "from", "in", "of", "on", "to", "with", "by", "this",
    "that", "field", "required", "missing", "invalid", "expired", "wrong", "incorrect", "failed", "match",
    "blank", "empty", "short", "long", "weak", "characters", "contain", "forgot", "show", "hide", "new",
    "old", "current", "confirm", "repeat", "change", "reset", "choose", "create", "already", "use", "used",
    "we", "and", "or", "sie", "ihr", "ihre", "das", "der", "die", "ist", "nicht", "zu", "bitte", "eingeben",
    "vergessen", "neues", "su", "la", "el", "no", "es", "votre", "le", "de", "du",
];

/// Words for a secret in labels and messages.
const SUBJECTS: &[&str] = &[
    "password", "passwords", "passwort", "kennwort", "contraseña", "passe", "senha", "wachtwoord",
    "passphrase", "passcode", "token", "tokens", "secret", "secrets", "key", "keys", "pin", "code", "codes",
    "cookie", "cookies", "session", "credentials", "authorization", "пароль", "密码", "パスワード",
];

/// Values that say which kind of value belongs here: types of schemas, modes of `fetch`, samples.
const KINDS: &[&str] = &[
    "string", "text", "number", "boolean", "object", "array", "integer", "uuid", "date", "varchar",
    "required", "optional", "hidden", "include", "same-origin", "omit", "changeme", "example", "invalid",
    "missing", "expired", "erforderlich", "obligatorio", "requis",
];

/// Whether a value describes a secret: a type, a label, a message about it, a sample.
pub(super) fn is_description(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    let same = |words: &[&str], word: &str| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    if same(KINDS, text) {
        return true;
    }
    let lower = text.to_ascii_lowercase();
    let sample = lower.starts_with("your_") || lower.starts_with("your-") || lower.starts_with("{{");
    if sample || text.len() > 2 && text.bytes().all(|b| b == b'x' || b == b'X') {
        return true;
    }
    let words = || {
        text.split(' ')
            .map(|word| word.trim_matches(|c: char| ",.:!?()\"".contains(c)))
    };
    let is_plain = |word: &str| {
        word.chars()
            .all(|c| c.is_alphabetic() || matches!(c, '\'' | '’' | '-' | '/'))
            || word.len() <= 3 && word.bytes().all(|b| b.is_ascii_digit())
    };
    let is_subject = |word: &str| same(SUBJECTS, word);
    if !words().all(is_plain) {
        return false;
    }
    match words().count() {
        // "Password", a label; in small letters it may be a bad password.
        1 => {
            text.starts_with(char::is_uppercase) && is_subject(words().next().unwrap_or_default())
                || !text.is_ascii() && is_subject(text)
        }
        count => {
            words().any(is_subject) || words().filter(|word| same(MESSAGE, word)).count() * 2 >= count.max(4)
        }
    }
}

/// Whether an unquoted value is code: a call, or a member of a well-known object.
pub(super) fn is_code(text: &[u8]) -> bool {
    const OBJECTS: &[&str] = &[
        "this.", "self.", "req.", "request.", "res.", "process.env", "props.", "state.", "config.",
        "window.", "localStorage.", "sessionStorage.", "document.", "import.meta", "os.environ", "await",
        "new", "function", "async",
    ];
    let name = run_len(text, |b| b.is_ascii_alphanumeric() || b"_$.".contains(&b));
    let is_call = name > 0 && !text[0].is_ascii_digit() && text.get(name) == Some(&b'(');
    let object = OBJECTS.iter().any(|object| match object.as_bytes() {
        word if word.last().is_some_and(u8::is_ascii_lowercase) && !object.contains('.') => text == word,
        prefix => text.starts_with(prefix),
    });
    is_call || object
}

/// Whether `text` is an authorization code: long and mixed, or in a place where one is exchanged.
pub(super) fn is_oauth_code(text: &[u8], around: &[u8]) -> bool {
    const SIGNS: &[&str] = &[
        "state=", "state%3D", "state%3d", "client_secret", "grant_type", "client_id", "redirect_uri",
        "code_verifier", "callback", "/cb", "auth", "login", "signin", "verify", "confirm", "otp", "2fa",
        "mfa",
    ];
    let digit = text.iter().any(u8::is_ascii_digit);
    let letter = text.iter().any(u8::is_ascii_lowercase);
    let made_up = text.len() >= 20 && digit && letter;
    made_up
        || SIGNS
            .iter()
            .any(|sign| memchr::memmem::find(around, sign.as_bytes()).is_some())
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
