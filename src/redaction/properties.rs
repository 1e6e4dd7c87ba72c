//! Properties that hold for any input: valid JSON out, nothing more the second time, no seeded secret left,
//! everything else as it was, and the same answer from every kernel.

use proptest::prelude::*;

use super::simd::Kernel;
use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

thread_local! {
    static REDACTOR: std::cell::RefCell<Redactor> = {
        let mut table = RuleTable::default();
        table.disabled.clear();
        std::cell::RefCell::new(Redactor::new([9; 32], &table))
    };
}

fn redact_with(kernel: Option<Kernel>, json: &[u8]) -> (Vec<u8>, u32) {
    REDACTOR.with_borrow_mut(|redactor| {
        redactor.engine.kernel = kernel.unwrap_or_else(Kernel::detect);
        let mut out = Vec::new();
        match redactor.redact(json, &mut out) {
            Redacted::Unchanged => {
                assert!(out.is_empty());
                (json.to_vec(), 0)
            }
            Redacted::Changed { secrets } => (out, secrets),
        }
    })
}

fn redact(json: &[u8]) -> (Vec<u8>, u32) {
    redact_with(None, json)
}

/// Pieces of text that rules look at, so that random texts hit them often.
const PIECES: &[&str] = &[
    "password", "token", "Authorization", "cookie", "set-cookie", "apiKey", "code", "sig", "otp", "value",
    "name", "sid", "session_id", "secret", "credentials", "privateKey", ":", "=", "\"", "\\", "'", "&", "?",
    "#", ";", ",", " ", "\n", "\r\n", "\t", "%", "%3D", "%22", "%26", "[", "]", "{", "}", "(", ")", "<", ">",
    "/", "://", "@", ".", "-", "_", "eyJ", "eyJhbGciOiJIUzI1NiJ9", "ghp_", "sk-", "sk_live_", "AKIA",
    "xoxb-", "Bearer ", "Basic ", "dXNlcjpwYXNz", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----",
    "4111111111111111", "4111 1111 1111 1111", "1234", "ABCDEFGHIJKLMNOP", "0a1B2c3D4e5F6g7H8i9J", "hunter2",
    "é", "日本", "…", "\u{0}", "\u{1F600}", "[redacted:0123abcd]", "[redacted:", "\u{2028}", "https", "user",
    "null", "true", "+", "%2f%2f", "hooks.slack.com/services/", "\\u0026", "\\n", "=>", "value=",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9]{1,20}",
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        6 => text().prop_map(Value::String),
        1 => prop_oneof![any::<u64>(), Just(4111111111111111), 0u64..100_000].prop_map(Value::from),
        1 => prop::sample::select(vec![Value::Null, Value::Bool(true), Value::from(-1.5e-10)]),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            proptest::collection::vec(
                (
                    prop_oneof![text(), prop::sample::select(PIECES).prop_map(str::to_owned)],
                    inner.clone()
                ),
                0..5
            )
            .prop_map(|members| Value::Object(members.into_iter().collect())),
            // JSON in a string, whole and cut off.
            (inner, 0usize..6).prop_map(|(inner, cut)| {
                let text = inner.to_string();
                Value::String(
                    text.chars()
                        .take(text.chars().count() - cut.min(text.chars().count()))
                        .collect(),
                )
            }),
        ]
    })
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

/// A secret that shows itself only by its name, so that only its place can give it away.
fn plain_secret() -> impl Strategy<Value = String> {
    "Zq[a-z]{6}[0-9]{2}Xw"
}

/// How a named secret may be written, `$` standing for it.
const NAMED: &[&str] = &[
    r#"{"password":"$"}"#,
    r#"{"a":[{"apiKey":"$"}]}"#,
    r#"{"Authorization":"Bearer $"}"#,
    r#"{"cookie":"sid=$; b=$"}"#,
    r#"{"set-cookie":["a=$; Path=/"]}"#,
    r#"[{"name":"X-Api-Key","value":"$"}]"#,
    r#"[{"value":"$","name":"cookie"}]"#,
    r#"[["authorization","$"]]"#,
    r#"["token:","$"]"#,
    r#""https://a.test/?access_token=$&b=1""#,
    r#""/x#id_token=$""#,
    r#""password=$""#,
    r#""password: $ ok""#,
    r#""a=1&client_secret=$&b=2""#,
    r#""https://ann:$@host/""#,
    r#"{"tokens":["$",{"x":"$"}]}"#,
    r#""{ token: '$' }""#,
    r#""code_verifier=$""#,
    r#""?next=https%3A%2F%2Fb%2F%3Ftoken%3D$%26a%3D1""#,
    r#""Cookie: a=$; b=$\r\nHost: x""#,
    r#""<secret>$</secret>""#,
    r#"{"password":{"value":"$"}}"#,
    r#""https://x/cb?code=$&state=1""#,
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_result_is_json_and_stays_as_it_is(value in value()) {
        let json = value.to_string();
        let (once, _) = redact(json.as_bytes());
        prop_assert!(is_json(&once), "{}\n→ {}", json, String::from_utf8_lossy(&once));
        let (twice, more) = redact(&once);
        prop_assert_eq!(more, 0, "{}\n→ {}\n→ {}", json, String::from_utf8_lossy(&once), String::from_utf8_lossy(&twice));
    }

    #[test]
    fn every_kernel_gives_the_same_answer(value in value()) {
        let json = value.to_string();
        prop_assert_eq!(redact(json.as_bytes()), redact_with(Some(Kernel::Scalar), json.as_bytes()));
    }

    #[test]
    fn what_is_no_secret_stays_byte_for_byte(value in value()) {
        let json = value.to_string();
        let (redacted, secrets) = redact(json.as_bytes());
        // Cut at the placeholders, the rest is found in the original, in order.
        let mut from = 0;
        let mut new = 0;
        for kept in split_at_placeholders(&redacted) {
            let found = memchr::memmem::find(&json.as_bytes()[from..], kept);
            prop_assert!(found.is_some(), "{}\n→ {}", json, String::from_utf8_lossy(&redacted));
            from += found.unwrap_or(0) + kept.len();
            new += 1;
        }
        prop_assert!(new > secrets as usize);
    }

    #[test]
    fn no_named_secret_survives(secret in plain_secret(), i in 0..NAMED.len(), depth in 0usize..3, before in text()) {
        let mut json = NAMED[i].replace('$', &secret);
        for _ in 0..depth {
            json = serde_json::to_string(&json).unwrap();
        }
        let around = format!(r#"{{"n":1,"before":{},"x":{json}}}"#, serde_json::to_string(&before).unwrap());
        let (redacted, _) = redact(around.as_bytes());
        prop_assert!(
            memchr::memmem::find(&redacted, secret.as_bytes()).is_none() || before.contains(&secret),
            "{}\n→ {}", around, String::from_utf8_lossy(&redacted)
        );
    }
}

/// The pieces between placeholders; a quote next to one may have been added with it.
fn split_at_placeholders(text: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let mut i = 0;
    while i < text.len() {
        if placeholder::is_placeholder(&text[i..]) {
            pieces.push(trim_quote(&text[from..i]));
            i += placeholder::LEN;
            from = i;
        } else {
            i += 1;
        }
    }
    pieces.push(trim_quote(&text[from..]));
    pieces
}

fn trim_quote(piece: &[u8]) -> &[u8] {
    let is_quote = |b: &u8| matches!(b, b'"' | b'\\');
    let start = piece.iter().take_while(|b| is_quote(b)).count();
    let end = piece.len() - piece[start..].iter().rev().take_while(|b| is_quote(b)).count();
    &piece[start..end]
}

// std has no clock in this wasm.
#[cfg(not(target_arch = "wasm32"))]
#[test]
fn hostile_texts_take_linear_time() {
    let pieces = [
        "eyJ", "ghp_", "://", "\\\"value\\\":\\\"", "[[", "password", "password=", "cookie:",
        "-----BEGIN PRIVATE", "4111 ", "\\\\\\\\\\\\\\\"", "%3D", "token:\\\"", "sid=a;", "@a.b", "bearer ",
        "{\\\"0\\\":1,", "name\\\",",
    ];
    for piece in pieces {
        let json = format!("\"{}\"", piece.repeat(500_000 / piece.len()));
        if !is_json(json.as_bytes()) {
            continue;
        }
        let started = std::time::Instant::now();
        let _ = redact(json.as_bytes());
        // Far more than it takes, far less than quadratic would.
        assert!(
            started.elapsed().as_secs() < 20,
            "{piece}: {:?}",
            started.elapsed()
        );
    }
}
