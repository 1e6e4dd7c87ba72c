//! The built-in rules.
//!
//! Names follow what Sentry, Datadog and gitleaks look for and what browsers' own header and storage
//! names are; shapes follow the vendors' published formats, as collected by GitHub secret scanning
//! (<https://docs.github.com/code-security/secret-scanning/introduction/supported-secret-scanning-patterns>).

use std::borrow::Cow;

use super::rules::{Charset, Matching, NameList, NameRule, Places, Shape, ShapeRule, TokenShape, ValueKind};
use Matching::{Exact, Suffix, Word};
use ValueKind::{
    Base64, Cookies, Credentials, Digits, Keep, OAuthCode, Pair, Scalar, Secret, SetCookie, Strings,
};

/// Ids of rules that exist but are off until a user enables them.
pub(super) const OFF_BY_DEFAULT: &[&str] = &["email"];

const ALL: Places = Places::ALL;
const URL: Places = Places::URL;
const KEYS: Places = Places::JSON.and(Places::URL);

type Row = (
    &'static str,
    Matching,
    Places,
    ValueKind,
    usize,
    &'static [&'static str],
);

#[rustfmt::skip]
const NAMES: &[Row] = &[
    ("password", Suffix, ALL, Secret, 1, &[
        "password", "passwd", "passphrase", "passcode", "password_confirm", "password_confirmation",
        "password_again", "password_repeat", "password1", "password2", "password_hash", "password_value",
    ]),
    ("password", Word, ALL, Secret, 1, &["pwd"]),
    // German, Spanish, French, Portuguese, Dutch, Scandinavian, Finnish, Polish, Czech, Hungarian, Italian,
    // Turkish, Russian, Ukrainian, Chinese, Japanese, Korean.
    ("password", Suffix, ALL, Secret, 1, &[
        "passwort", "kennwort", "zugangscode", "contraseña", "contrasena", "contrasenia", "mot_de_passe", "mdp",
        "senha", "palavra_passe", "wachtwoord", "lösenord", "losenord", "passord", "adgangskode", "kodeord",
        "salasana", "hasło", "haslo", "heslo", "jelszó", "jelszo", "parola", "şifre", "sifre", "пароль", "Пароль",
        "密码", "密碼", "パスワード", "비밀번호",
    ]),
    ("password", Exact, KEYS, Strings, 1, &["pass"]),
    ("password", Suffix, KEYS, Strings, 1, &["passwords"]),
    ("secret", Suffix, ALL, Secret, 1, &[
        "secret", "secret_key", "secret_access_key", "signing_key", "encryption_key", "master_key", "shared_key",
        "private_key", "account_key", "shared_access_key", "secret_value", "client_assertion", "connection_string",
    ]),
    ("secret", Suffix, KEYS, Strings, 1, &["secrets", "credentials"]),
    ("secret", Suffix, ALL, Strings, 8, &["mnemonic", "seed_phrase", "recovery_phrase"]),
    ("api_key", Suffix, ALL, Secret, 1, &[
        "api_key", "access_key", "access_key_id", "auth_key", "subscription_key", "functions_key", "app_key",
    ]),
    ("token", Suffix, ALL, Secret, 1, &["token", "token_value", "id_token_hint", "access_token_secret"]),
    ("token", Suffix, KEYS, Strings, 1, &["tokens"]),
    ("token", Word, ALL, Strings, 8, &["jwt"]),
    ("token", Exact, KEYS, Scalar, 8, &["auth", "x_auth", "bearer"]),
    ("token", Suffix, ALL, Keep, 0, &[
        "page_token", "next_token", "sync_token", "continuation_token", "cancel_token", "cancellation_token",
    ]),
    ("authorization", Suffix, ALL, Credentials, 1, &["authorization"]),
    ("cookie", Suffix, ALL, Cookies, 1, &["cookie"]),
    ("cookie", Suffix, KEYS, Cookies, 1, &["cookies"]),
    ("cookie", Suffix, ALL, SetCookie, 1, &["set_cookie", "set_cookie2"]),
    ("session", Exact, ALL, Secret, 4, &[
        "session_id", "sid", "connect_sid", "jsession_id", "phpsess_id", "asp_net_session_id", "session_key",
    ]),
    ("session", Exact, KEYS, Scalar, 16, &["session"]),
    ("csrf", Word, ALL, Secret, 4, &["csrf", "xsrf"]),
    ("card", Suffix, ALL, Secret, 4, &["card_number", "credit_card", "debit_card", "cc_number", "card_no"]),
    ("card", Word, ALL, Digits, 3, &["cvv", "cvc", "cvv2", "cvc2", "cvn", "card_code", "security_code"]),
    ("ssn", Word, ALL, Digits, 4, &["ssn", "social_security_number"]),
    ("otp", Word, ALL, Digits, 4, &["otp", "totp", "pin", "otp_code", "sms_code", "mfa_code", "pin_code"]),
    ("otp", Suffix, ALL, Secret, 4, &[
        "verification_code", "two_factor_code", "one_time_code", "recovery_code", "backup_code",
    ]),
    ("otp", Suffix, KEYS, Strings, 4, &["recovery_codes", "backup_codes"]),
    ("pair", Exact, KEYS, Pair, 0, &["value", "binary_value"]),
    ("oauth", Exact, URL, OAuthCode, 6, &["code"]),
    ("hidden", Exact, Places::JSON, Base64, 16, &["payload", "payload_data", "base64"]),
    ("oauth", Suffix, ALL, Strings, 6, &["code_verifier", "device_code", "oauth_verifier", "saml_response"]),
    ("oauth", Exact, KEYS, Strings, 6, &["authorization_code", "auth_code", "assertion"]),
    ("oauth", Exact, URL, Strings, 16, &["ticket", "key"]),
    ("signature", Exact, URL, Strings, 8, &[
        "sig", "signature", "x_amz_signature", "x_amz_credential", "x_goog_signature", "x_goog_credential",
        "oauth_signature", "hmac", "policy", "key_pair_id",
    ]),
];

pub(super) fn names() -> Vec<NameRule> {
    let rule = |&(id, matching, places, value, min_length, names): &Row| NameRule {
        id: Cow::Borrowed(id),
        names: NameList::BuiltIn(names),
        matching,
        places,
        value,
        min_length,
    };
    NAMES.iter().map(rule).collect()
}

/// Prefix, charset, fewest and most bytes after the prefix, fewest when cut off, whether mixed.
type Token = (
    &'static str,
    &'static str,
    &'static str,
    usize,
    usize,
    usize,
    bool,
);

const ALNUM: &str = "A-Za-z0-9";
const URLSAFE: &str = "A-Za-z0-9_-";
const LONG: usize = 4096;

#[rustfmt::skip]
const TOKENS: &[Token] = &[
    ("aws_access_key", "AKIA", "A-Z0-9", 16, 16, 8, false),
    ("aws_access_key", "ASIA", "A-Z0-9", 16, 16, 8, false),
    ("github_token", "ghp_", ALNUM, 30, 255, 4, false),
    ("github_token", "gho_", ALNUM, 30, 255, 4, false),
    ("github_token", "ghu_", ALNUM, 30, 255, 4, false),
    ("github_token", "ghs_", ALNUM, 30, 255, 4, false),
    ("github_token", "ghr_", ALNUM, 30, 255, 4, false),
    ("github_token", "github_pat_", "A-Za-z0-9_", 20, 255, 2, false),
    ("gitlab_token", "glpat-", URLSAFE, 20, 255, 4, false),
    ("slack_token", "xoxb-", "A-Za-z0-9-", 10, 255, 4, false),
    ("slack_token", "xoxp-", "A-Za-z0-9-", 10, 255, 4, false),
    ("slack_token", "xoxa-", "A-Za-z0-9-", 10, 255, 4, false),
    ("slack_token", "xoxr-", "A-Za-z0-9-", 10, 255, 4, false),
    ("slack_token", "xoxs-", "A-Za-z0-9-", 10, 255, 4, false),
    ("slack_token", "xoxe-", "A-Za-z0-9-", 10, 512, 4, false),
    ("slack_token", "xoxe.", "A-Za-z0-9.-", 10, 512, 4, false),
    ("slack_token", "xoxc-", "A-Za-z0-9-", 10, 255, 4, false),
    ("slack_token", "xoxd-", "A-Za-z0-9%/+=-", 10, 512, 4, false),
    ("slack_token", "xapp-", "A-Za-z0-9-", 10, 255, 4, false),
    ("stripe_key", "sk_live_", ALNUM, 10, 255, 2, false),
    ("stripe_key", "rk_live_", ALNUM, 10, 255, 2, false),
    ("stripe_key", "sk_test_", ALNUM, 10, 255, 2, false),
    ("stripe_key", "rk_test_", ALNUM, 10, 255, 2, false),
    ("stripe_key", "whsec_", "A-Za-z0-9+/=", 16, 255, 2, false),
    ("google_api_key", "AIza", URLSAFE, 35, 35, 6, false),
    ("google_oauth_token", "ya29.", URLSAFE, 20, LONG, 4, false),
    ("google_oauth_token", "GOCSPX-", URLSAFE, 20, 64, 4, false),
    ("ai_api_key", "sk-ant-", URLSAFE, 20, 255, 2, false),
    ("ai_api_key", "sk-proj-", URLSAFE, 20, 255, 2, false),
    ("ai_api_key", "sk-", URLSAFE, 20, 255, 12, true),
    ("huggingface_token", "hf_", ALNUM, 30, 64, 16, true),
    ("npm_token", "npm_", ALNUM, 30, 64, 6, false),
    ("pypi_token", "pypi-Ag", URLSAFE, 40, 512, 2, false),
    ("sendgrid_key", "SG.", "A-Za-z0-9_.-", 50, 80, 16, true),
    ("shopify_token", "shpat_", "a-fA-F0-9", 32, 32, 4, false),
    ("shopify_token", "shpss_", "a-fA-F0-9", 32, 32, 4, false),
    ("digitalocean_token", "dop_v1_", "a-f0-9", 64, 64, 4, false),
];

/// Literals before a path segment that is a secret if a machine has made it up.
const OPAQUE: &[&str] = &[
    "/session/", "/reset-password/", "/reset_password/", "/password-reset/", "/password/reset/", "/reset/",
    "/verify/", "/verify-email/", "/magic-link/", "/magic/", "/invite/", "/invitation/", "/confirm/",
    "/activate/", "/unsubscribe/", "/token/",
];

pub(super) fn shapes() -> Vec<ShapeRule> {
    let rule = |id: &'static str, shape| ShapeRule {
        id: Cow::Borrowed(id),
        shape,
    };
    let token = |&(id, prefix, charset, min_length, max_length, min_cut, mixed): &Token| {
        let prefix = Cow::Borrowed(prefix);
        let charset = Charset::new(charset);
        rule(
            id,
            Shape::Token(TokenShape {
                prefix,
                charset,
                min_length,
                max_length,
                min_cut,
                mixed,
            }),
        )
    };
    let mut rules: Vec<ShapeRule> = TOKENS.iter().map(token).collect();
    rules.extend([
        rule("jwt", Shape::Jwt),
        rule("private_key", Shape::Pem),
        rule("bearer", Shape::Bearer),
        rule("basic", Shape::Basic),
        rule("userinfo", Shape::UserInfo),
        rule("webhook", Shape::SecretPath("hooks.slack.com/services/")),
        rule("webhook", Shape::SecretPath("hooks.slack.com/workflows/")),
        rule("webhook", Shape::SecretPath("/api/webhooks/")),
        rule("hidden", Shape::Hidden),
    ]);
    rules.extend(OPAQUE.iter().map(|path| rule("path", Shape::OpaqueSegment(path))));
    rules.extend([rule("card_number", Shape::Card), rule("email", Shape::Email)]);
    rules
}
