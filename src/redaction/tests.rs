//! Secrets in every context are found; what only looks like one stays.

use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn redactor() -> Redactor {
    Redactor::new([7; 32], &RuleTable::default())
}

/// The redacted text, checked to be JSON and to stay as it is when redacted again.
fn redact(json: &str) -> String {
    let mut redactor = redactor();
    let mut out = Vec::new();
    let text = match redactor.redact(json.as_bytes(), &mut out) {
        Redacted::Unchanged => {
            assert!(out.is_empty());
            json.to_owned()
        }
        Redacted::Changed { secrets } => {
            assert_eq!(redactor.total(), u64::from(secrets));
            String::from_utf8(out).unwrap()
        }
    };
    serde_json::from_str::<serde::de::IgnoredAny>(&text).unwrap_or_else(|e| panic!("{json}\n→ {text}\n{e}"));
    let mut again = Vec::new();
    let twice = redactor.redact(text.as_bytes(), &mut again);
    assert_eq!(
        twice,
        Redacted::Unchanged,
        "{json}\n→ {text}\n→ {}",
        String::from_utf8_lossy(&again)
    );
    text
}

fn string(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// Every placeholder made `…`, to read tables easily.
fn short(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(i) = rest.find("[redacted:") {
        out.push_str(&rest[..i]);
        out.push('…');
        rest = &rest[i + placeholder::LEN..];
    }
    out + rest
}

const JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";

/// Text that is a secret by its shape alone.
fn shaped() -> Vec<String> {
    let alnum = "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3AbC4dE5fG6hI7jK8";
    let mut secrets = vec![JWT.to_owned()];
    for (prefix, len) in [
        ("ghp_", 36),
        ("gho_", 36),
        ("ghu_", 36),
        ("ghs_", 36),
        ("github_pat_", 50),
        ("glpat-", 20),
        ("xoxb-", 40),
        ("xoxp-", 40),
        ("xapp-", 40),
        ("sk_live_", 24),
        ("rk_live_", 24),
        ("sk_test_", 24),
        ("whsec_", 32),
        ("AIza", 35),
        ("ya29.", 40),
        ("sk-ant-api03-", 50),
        ("sk-proj-", 50),
        ("sk-", 48),
        ("npm_", 36),
        ("hf_", 34),
        ("pypi-AgEI", 50),
    ] {
        secrets.push(format!("{prefix}{}", &alnum[..len]));
    }
    secrets.push("AKIAIOSFODNN7EXAMPLE".into());
    secrets.push("ASIAIOSFODNN7EXAMPLE".into());
    secrets.push("4111 1111 1111 1111".into());
    secrets.push("5555555555554444".into());
    secrets
}

#[test]
fn shaped_secrets_are_found_in_every_context() {
    for secret in shaped() {
        let contexts = [
            secret.clone(),
            format!("got {secret} back"),
            format!("line\n{secret}\nline"),
            format!("({secret})"),
            format!("a,{secret},b"),
            format!("'{secret}'"),
            format!("https://api.test/v1/{secret}/x?y={secret}&z=1"),
            string(&format!(r#"{{"a":{}}}"#, string(&secret))),
            format!("value={secret}"),
            format!("Bearer {secret}"),
        ];
        for context in contexts {
            let redacted = redact(&format!(r#"{{"args":[{},1],"n":null}}"#, string(&context)));
            assert!(
                !redacted.contains(&secret[..secret.len() - 1]),
                "{secret} in {context}\n→ {redacted}"
            );
            assert!(redacted.contains("[redacted:"), "{redacted}");
        }
    }
}

#[test]
fn cut_off_secrets_are_found() {
    for secret in shaped()
        .into_iter()
        .filter(|s| !s.starts_with(|c: char| c.is_ascii_digit()))
    {
        for keep in [secret.len() - 1, secret.len() * 3 / 4] {
            let text = format!("log: {}", &secret[..keep]);
            let redacted = redact(&string(&text));
            assert!(redacted.contains("[redacted:"), "{text} → {redacted}");
        }
    }
    let pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7bq3\nabcdef";
    assert_eq!(
        short(&redact(&string(pem))),
        r#""-----BEGIN RSA PRIVATE KEY-----…""#
    );
    assert_eq!(short(&redact(&string(&JWT[..20]))), r#""…""#);
}

#[test]
fn named_secrets_are_found_in_every_context() {
    for (json, expected) in [
        (
            r#"{"password":"hunter2","user":"ann"}"#,
            r#"{"password":"…","user":"ann"}"#,
        ),
        (
            r#"{"newPassword":"x","PASSWD":"a\"b\\"}"#,
            r#"{"newPassword":"…","PASSWD":"…"}"#,
        ),
        (
            r#"{"otp":123456,"cvv":123,"pin":"1234"}"#,
            r#"{"otp":"…","cvv":"…","pin":"…"}"#,
        ),
        (
            r#"{"password":true,"token":null,"secret":""}"#,
            r#"{"password":true,"token":null,"secret":""}"#,
        ),
        (
            r#"{"tokens":["a","b",{"v":"c"}],"x":1}"#,
            r#"{"tokens":["…","…",{"v":"…"}],"x":1}"#,
        ),
        (
            r#"{"password":{"value":"hunter2","touched":true}}"#,
            r#"{"password":{"value":"…","touched":true}}"#,
        ),
        (
            r#"{"privateKey":[1,2,255],"secret":{"0":1,"1":2}}"#,
            r#"{"privateKey":"…","secret":"…"}"#,
        ),
        (
            r#"{"headers":{"Authorization":"Bearer abc","accept":"*/*"}}"#,
            r#"{"headers":{"Authorization":"Bearer …","accept":"*/*"}}"#,
        ),
        (
            r#"{"authorization":["Basic dTpw","xyz"]}"#,
            r#"{"authorization":["Basic …","…"]}"#,
        ),
        (
            r#"{"Cookie":"sid=abc; theme=dark"}"#,
            r#"{"Cookie":"sid=…; theme=…"}"#,
        ),
        (
            r#"{"set-cookie":"sid=abc; Path=/; HttpOnly; SameSite=Lax"}"#,
            r#"{"set-cookie":"sid=…; Path=/; HttpOnly; SameSite=Lax"}"#,
        ),
        (
            r#"{"set-cookie":["a=b; Path=/","c=d; Expires=Wed, 21 Oct 2026 07:28:00 GMT"]}"#,
            r#"{"set-cookie":["a=…; Path=/","c=…; Expires=Wed, 21 Oct 2026 07:28:00 GMT"]}"#,
        ),
        (
            r#"{"cookies":[{"name":"sid","value":"abc","path":"/","httpOnly":true}]}"#,
            r#"{"cookies":[{"name":"sid","value":"…","path":"/","httpOnly":true}]}"#,
        ),
        (
            r#"[{"name":"Authorization","value":"Bearer abc"},{"name":"Accept","value":"x"}]"#,
            r#"[{"name":"Authorization","value":"Bearer …"},{"name":"Accept","value":"x"}]"#,
        ),
        (
            r#"[{"value":"a=b","name":"Cookie"},{"value":"x","name":"Accept"}]"#,
            r#"[{"value":"a=…","name":"Cookie"},{"value":"x","name":"Accept"}]"#,
        ),
        (
            r#"[{"name":"x-api-key","value":"k"}]"#,
            r#"[{"name":"x-api-key","value":"…"}]"#,
        ),
        (
            r#"[{"name":"cookie","binaryValue":[97,98]}]"#,
            r#"[{"name":"cookie","binaryValue":"…"}]"#,
        ),
        (
            r#"[["authorization","Bearer abc"],["accept","x"]]"#,
            r#"[["authorization","Bearer …"],["accept","x"]]"#,
        ),
        (r#"{"args":["token:","abc"]}"#, r#"{"args":["token:","…"]}"#),
        (
            r#"{"url":"https://ann:pw@host/x?a=1&access_token=abc#id_token=x&state=1"}"#,
            r#"{"url":"https://…@host/x?a=1&access_token=…#id_token=…&state=1"}"#,
        ),
        (
            r#""https://app.test/cb?code=SplxlOBeZQQYbYS6WxSbIA&state=xyz""#,
            r#""https://app.test/cb?code=…&state=xyz""#,
        ),
        (
            r#""/cb?user%5Bpassword%5D=hunter2&x=1""#,
            r#""/cb?user%5Bpassword%5D=…&x=1""#,
        ),
        (
            r#""https://a.test/?next=https%3A%2F%2Fb.test%2F%3Ftoken%3Dabc%26x%3D1""#,
            r#""https://a.test/?next=https%3A%2F%2Fb.test%2F%3Ftoken%3D…%26x%3D1""#,
        ),
        (
            r#""https://s3.test/k?X-Amz-Credential=AKIA%2F2026&X-Amz-Signature=abcdef01&X-Amz-Expires=60""#,
            r#""https://s3.test/k?X-Amz-Credential=…&X-Amz-Signature=…&X-Amz-Expires=60""#,
        ),
        (
            r#""https://blob.test/f?sv=2020&se=2026-01-01&sp=r&sig=abc%2Bdef%3D""#,
            r#""https://blob.test/f?sv=2020&se=2026-01-01&sp=r&sig=…""#,
        ),
        (r#""user=ann&password=c&x=1""#, r#""user=ann&password=…&x=1""#),
        (r#""password=c&user=ann""#, r#""password=…&user=ann""#),
        (
            r#""grant_type=authorization_code&code=abcdef&client_secret=s""#,
            r#""grant_type=authorization_code&code=…&client_secret=…""#,
        ),
        (r#""login password=hunter2 ok""#, r#""login password=… ok""#),
        (r#""password: hunter2, user: ann""#, r#""password: …, user: ann""#),
        (
            r#""{ password: 'hunter2', user: 'ann' }""#,
            r#""{ password: '…', user: 'ann' }""#,
        ),
        (r#""{'token': 'abc', 'n': 1}""#, r#""{'token': '…', 'n': 1}""#),
        (
            r#""curl -H 'Authorization: Bearer abc' https://x.test""#,
            r#""curl -H 'Authorization: Bearer …' https://x.test""#,
        ),
        (
            r#""GET / HTTP/1.1\r\nCookie: a=b; c=d\r\nHost: x\r\n""#,
            r#""GET / HTTP/1.1\r\nCookie: a=…; c=…\r\nHost: x\r\n""#,
        ),
        (
            r#""document.cookie = \"sid=abc; path=/\"""#,
            r#""document.cookie = \"sid=…; path=…\"""#,
        ),
        (r#""token = abcdef""#, r#""token = …""#),
        (r#""<password>hunter2</password>""#, r#""<password>…</password>""#),
        (
            r#""<input name=\"password\" value=\"hunter2\">""#,
            r#""<input name=\"password\" value=\"…\">""#,
        ),
        (
            r#""name=\"password\"\r\n\r\nhunter2\r\n--x""#,
            r#""name=\"password\"\r\n\r\n…\r\n--x""#,
        ),
        (
            r#""{\"password\":\"x\",\"n\":1}""#,
            r#""{\"password\":\"…\",\"n\":1}""#,
        ),
        (
            r#""{\"a\":\"{\\\"password\\\":\\\"x\\\"}\"}""#,
            r#""{\"a\":\"{\\\"password\\\":\\\"…\\\"}\"}""#,
        ),
        (
            r#""{\n  \"password\": \"x\",\n  \"pin\": 1234\n}""#,
            r#""{\n  \"password\": \"…\",\n  \"pin\": \"…\"\n}""#,
        ),
        (r#""{\"password\":\"hun""#, r#""{\"password\":\"…""#),
        (
            r#""data=%7B%22password%22%3A%22hunter2%22%2C%22a%22%3A1%7D""#,
            r#""data=%7B%22password%22%3A%22…%22%2C%22a%22%3A1%7D""#,
        ),
        (r#""basic auth: Basic dXNlcjpwYXNz""#, r#""basic auth: Basic …""#),
        (
            r#""https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX""#,
            r#""https://hooks.slack.com/services/…""#,
        ),
        (
            r#"{"pin":"card 4111111111111111","cvv":["no","4111 1111 1111 1111"]}"#,
            r#"{"pin":"card …","cvv":["no","…"]}"#,
        ),
        (
            r#""cookie: none, card 4111111111111111""#,
            r#""cookie: none, card …""#,
        ),
        (
            r#"{"Authorization":4111111111111111}"#,
            r#"{"Authorization":"…"}"#,
        ),
        (
            r#"{"cookies":[{"name":"a","value":"b","url":"https://u:p@h/"}]}"#,
            r#"{"cookies":[{"name":"a","value":"…","url":"https://…@h/"}]}"#,
        ),
        (r#"["the token:","abc"]"#, r#"["the token:","…"]"#),
        (r#""pin=1234abc pin=1234""#, r#""pin=1234abc pin=…""#),
        (r#"{"amount":4111111111111111}"#, r#"{"amount":"…"}"#),
        (
            r#"{"k":"-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END PRIVATE KEY-----\n"}"#,
            r#"{"k":"-----BEGIN PRIVATE KEY-----…-----END PRIVATE KEY-----\n"}"#,
        ),
    ] {
        assert_eq!(short(&redact(json)), expected);
    }
}

#[test]
fn look_alikes_stay() {
    for json in [
        r#"{"ts":1764000000123456,"ms":1764000000123,"id":"4111111111111112"}"#,
        r#"{"uuid":"0193a1b2-4111-7111-8111-111111111111","hash":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#,
        r#"{"status_code":200,"code":"ERR_TIMEOUT","keyboard":"de","author":"ann"}"#,
        r#"{"nextPageToken":"abc","max_tokens":4096,"tokens":120,"total_tokens":3}"#,
        r#"{"capture_session_id":"0193","previous_session_id":"0193","cookieConsent":"yes"}"#,
        r#""Uncaught SyntaxError: Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON""#,
        r#""Invalid password: must be at least 8 characters""#,
        r#""Unexpected token: }""#,
        r#""https://shop.test/?code=DE&key=en&page=2#section""#,
        r#""https://unpkg.com/react@18/index.js and https://medium.com/@user""#,
        r#""WWW-Authenticate: Bearer realm=\"x\", error=\"invalid_token\"""#,
        r#""Basic authentication is classic""#,
        r#""the bearer of good news arrived""#,
        r#""class=\"sk-folding-cube sk-circle\" task-12345678901234567890""#,
        r#""pk_live_51H8abcdefghijklmnopqrstuvwx""#,
        r#""-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----""#,
        r#""cursor eyJpZCI6MTIzfQ== next""#,
        r#"{"cursor":"eyJpZCI6MTIzNDU2Nzg5MDEyfQ"}"#,
        r#""if (token === x) { token=>token.id }""#,
        r#""Token::new and secret://vault""#,
        r#"{"password":"********","token":"[redacted:0123abcd]"}"#,
        r#""mail ann@example.com""#,
        r#"{"name":"token","count":3,"required":["password","email"]}"#,
        r#"{"a":[true,false,null],"b":1.5e10}"#,
        r#""""#,
        "0",
    ] {
        assert_eq!(redact(json), json);
    }
}
