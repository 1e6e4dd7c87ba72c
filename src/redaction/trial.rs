//! Tries the rules on a text of a person, and reports which rule replaced what.

use serde::Serialize;

use super::escapes::run_len;
use super::placeholder::{self, is_placeholder};
use super::{Finding, Redactor};
use crate::json;

/// The result of [`Redactor::try_text`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// The text without its secrets. JSON comes back without white space between its tokens.
    pub text: String,
    /// The secrets that were replaced, in their order in the text.
    pub replaced: Vec<Replaced>,
}

/// A secret that a trial replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replaced {
    /// The id of the rule that found it.
    pub rule: String,
    /// The secret as it was written, escapes included.
    pub secret: String,
    /// The placeholder in its place.
    pub placeholder: String,
}

impl Redactor {
    /// Redacts a text as an event's `data` would be: a JSON object or array as such, any other text as one string.
    pub fn try_text(&mut self, text: &str) -> Trial {
        let is_value = text.trim_start().starts_with(['{', '[']) && json::validate(text.as_bytes()).is_ok();
        let mut value = Vec::new();
        if is_value {
            json::compact(text.as_bytes(), &mut value);
        } else {
            value = serde_json::Value::from(text).to_string().into_bytes();
        }
        let mut out = Vec::new();
        let mut findings = Vec::new();
        let _ = self.redact_reporting(&value, &mut out, &mut findings);
        if findings.is_empty() {
            return Trial {
                text: text.to_owned(),
                replaced: Vec::new(),
            };
        }
        let replaced = self.replaced(&value, &out, &findings);
        let redacted = String::from_utf8_lossy(&out).into_owned();
        let text = if is_value {
            redacted
        } else {
            serde_json::from_str(&redacted).unwrap_or(redacted)
        };
        Trial { text, replaced }
    }

    /// Pairs each finding with its placeholder. Both follow each other in the order of the text, and the bytes between
    /// two findings are the same before and after.
    fn replaced(&self, value: &[u8], out: &[u8], findings: &[Finding]) -> Vec<Replaced> {
        let mut value_at = 0;
        let mut out_at = 0;
        let mut replaced = Vec::new();
        for finding in findings {
            out_at += finding.range.start.saturating_sub(value_at);
            value_at = finding.range.end;
            // A value without quotes gets a placeholder in quotes, which have backslashes inside of a string.
            let rest = out.get(out_at..).unwrap_or_default();
            let quote = run_len(rest, |byte| matches!(byte, b'"' | b'\\'));
            let found = rest[quote..].get(..placeholder::LEN);
            let found = found.filter(|found| is_placeholder(found)).unwrap_or_default();
            out_at += 2 * quote + found.len();
            let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            replaced.push(Replaced {
                rule: self.rule_id(finding.rule).to_owned(),
                secret: lossy(value.get(finding.range.clone()).unwrap_or_default()),
                placeholder: lossy(found),
            });
        }
        replaced
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redaction::RuleTable;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn tried(text: &str) -> (Trial, Vec<(String, String)>) {
        let rules = br#"{"names":[{"id":"acme","names":["acme-ref"]}],"shapes":[{"id":"acme_key","prefix":"acme_"}]}"#;
        let mut redactor = Redactor::new([7; 32], &RuleTable::from_json(rules).unwrap());
        let trial = redactor.try_text(text);
        let found = trial
            .replaced
            .iter()
            .map(|one| (one.rule.clone(), one.secret.clone()))
            .collect();
        (trial, found)
    }

    #[test]
    fn each_secret_is_reported_with_its_rule_and_its_placeholder() {
        let text =
            "[redacted:00000000] acmeRef: Zq7 then \"password\": 1234, \npin=4711 and acme_0123456789abcdef.";
        let (trial, found) = tried(text);
        let expected = [
            ("acme", "Zq7"),
            ("password", "1234"),
            ("otp", "4711"),
            ("acme_key", "acme_0123456789abcdef"),
        ];
        assert_eq!(
            found,
            expected.map(|(rule, secret)| (rule.to_owned(), secret.to_owned()))
        );
        let mut expected = text.to_owned();
        for one in &trial.replaced {
            assert!(is_placeholder(one.placeholder.as_bytes()), "{one:?}");
            expected = expected.replacen(&one.secret, &one.placeholder, 1);
        }
        assert_eq!(trial.text.replace("\"[", "[").replace("]\"", "]"), expected);
    }

    #[test]
    fn json_is_redacted_as_json() {
        let (trial, found) =
            tried("{ \"password\": 471147,\n \"deep\": [\"{\\\"token\\\":\\\"Zq7hunter\\\"}\"] }");
        let expected = [("password", "471147"), ("token", "Zq7hunter")];
        assert_eq!(
            found,
            expected.map(|(rule, secret)| (rule.to_owned(), secret.to_owned()))
        );
        let value: serde_json::Value = serde_json::from_str(&trial.text).unwrap();
        assert_eq!(value["password"], *trial.replaced[0].placeholder);
        let inner: serde_json::Value = serde_json::from_str(value["deep"][0].as_str().unwrap()).unwrap();
        assert_eq!(inner["token"], *trial.replaced[1].placeholder);
    }

    #[test]
    fn a_text_without_secrets_comes_back_as_it_was() {
        for text in [
            "", "{ \"a\" : 1 }", "{ not JSON", "tea \u{1F375}\n", "12", "\"quoted\"",
        ] {
            assert_eq!(
                tried(text).0,
                Trial {
                    text: text.to_owned(),
                    replaced: Vec::new()
                }
            );
        }
    }
}
