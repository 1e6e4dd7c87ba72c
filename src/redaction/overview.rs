//! The rules of a table, one by one, for a person who decides which of them are on.

use serde::Serialize;

use super::builtin;
use super::rules::{RuleTable, Shape, ValueKind};

/// The rules that share an id, and so a counter and a switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleOverview<'a> {
    /// The id.
    pub id: &'a str,
    /// Whether they are on.
    pub enabled: bool,
    /// Whether they are on in the built-in table. An added rule is.
    pub enabled_by_default: bool,
    /// Names whose values they replace.
    pub names: Vec<&'a str>,
    /// Descriptions of the texts that they replace wherever those are.
    pub shapes: Vec<String>,
}

impl RuleTable {
    /// Returns every rule, on or off, in the order of [`ids`](Self::ids).
    pub fn overview(&self) -> Vec<RuleOverview<'_>> {
        let overview = |id| {
            let names = self
                .names
                .iter()
                .filter(|rule| rule.id == id && rule.value != ValueKind::Keep);
            let shapes = self.shapes.iter().filter(|rule| rule.id == id);
            RuleOverview {
                id,
                enabled: self.is_enabled(id),
                enabled_by_default: !builtin::OFF_BY_DEFAULT.contains(&id),
                names: names.flat_map(|rule| rule.names.iter()).collect(),
                shapes: shapes.map(|rule| describe(&rule.shape)).collect(),
            }
        };
        self.ids().into_iter().map(overview).collect()
    }
}

fn describe(shape: &Shape) -> String {
    match shape {
        Shape::Token(token) => format!("{}…", token.prefix),
        Shape::Jwt => "JSON Web Token".to_owned(),
        Shape::Pem => "private key in PEM".to_owned(),
        Shape::Bearer => "Bearer …".to_owned(),
        Shape::Basic => "Basic …".to_owned(),
        Shape::UserInfo => "://user:password@host".to_owned(),
        Shape::SecretPath(literal) => format!("{literal}…"),
        Shape::OpaqueSegment(literal) => format!("{literal}…"),
        Shape::Hidden => "base64 that contains a secret".to_owned(),
        Shape::Card => "card number".to_owned(),
        Shape::Email => "e-mail address".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_rule_says_what_it_replaces_and_whether_it_is_on() {
        let rules = br#"{"disable":["jwt"],"names":[{"id":"acme","names":["acme ref"]}]}"#;
        let table = RuleTable::from_json(rules).unwrap();
        let overview = table.overview();
        for rule in &overview {
            assert!(!rule.names.is_empty() || !rule.shapes.is_empty(), "{rule:?}");
        }
        let find = |id| overview.iter().find(|rule| rule.id == id).unwrap();
        assert!(find("token").enabled && !find("token").names.contains(&"next_token"));
        assert!(!find("jwt").enabled && find("jwt").enabled_by_default);
        assert!(!find("email").enabled && !find("email").enabled_by_default);
        assert_eq!(find("acme").names, ["acme_ref"]);
        assert!(find("github_token").shapes.contains(&"ghp_…".to_owned()));
    }
}
