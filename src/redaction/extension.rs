//! Reads what a user adds to the rule table, and refuses what is wrong with the path of the field.

use std::borrow::Cow;

use serde_json::Value;

use super::fields::{Field, LENGTHS, RuleError};

use super::rules::{
    Charset, Matching, NameList, NameRule, Places, RuleTable, Shape, ShapeRule, TokenShape, ValueKind,
};

/// Most rules a user may add, and most names in one; far beyond any need, and they bound the tables.
const MAX_RULES: usize = 32;
const MAX_NAMES: usize = 16;

/// Most ids to switch on or off: more than there can be rules.
const MAX_IDS: usize = 256;

impl RuleTable {
    /// The built-in table, extended by a user's JSON; see [the module](self) for its form.
    ///
    /// # Errors
    ///
    /// Refuses text that is no JSON object of that form, with the path of the first wrong field.
    pub fn from_json(json: &[u8]) -> Result<Self, RuleError> {
        let value: Value = serde_json::from_slice(json).map_err(|error| RuleError {
            path: String::new(),
            problem: format!("not JSON: {error}"),
        })?;
        let mut table = Self::default();
        let root = Field {
            path: String::new(),
            value: &value,
        };
        let root = root.object(&["disable", "enable", "names", "shapes"])?;
        for rule in root.list("names", MAX_RULES)? {
            table.names.push(name_rule(rule)?);
        }
        for rule in root.list("shapes", MAX_RULES)? {
            table.shapes.push(shape_rule(rule)?);
        }
        for id in root.list("enable", MAX_IDS)? {
            let id = known_id(&table, id)?;
            table.disabled.retain(|off| *off != id);
        }
        for id in root.list("disable", MAX_IDS)? {
            let id = known_id(&table, id)?;
            table.disabled.push(id);
        }
        Ok(table)
    }
}

fn known_id(table: &RuleTable, field: Field<'_>) -> Result<String, RuleError> {
    let id = field.string()?;
    let ids = table.ids();
    if ids.contains(&id) {
        return Ok(id.to_owned());
    }
    Err(field.wrong(format!("no rule has the id {id:?}; there are {}", ids.join(", "))))
}

fn name_rule(field: Field<'_>) -> Result<NameRule, RuleError> {
    let object = field.object(&["id", "names", "match", "in", "min_length"])?;
    let mut names = Vec::new();
    for field in object.list("names", MAX_NAMES)? {
        let name = field.text()?.to_ascii_lowercase().replace(['-', '.', ' '], "_");
        if name.bytes().filter(u8::is_ascii_alphanumeric).count() < *LENGTHS.start()
            || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            let expected = "at least three letters or digits, and `_`, `-`, `.` or blanks between words";
            return Err(field.wrong(format!("{:?} is no name; expected {expected}", field.value)));
        }
        names.push(name);
    }
    if names.is_empty() {
        return Err(object.required("names", "an array of names"));
    }
    let matching = match object.get("match") {
        None => Matching::Word,
        Some(field) => field.one_of(&[
            ("exact", Matching::Exact),
            ("word", Matching::Word),
            ("suffix", Matching::Suffix),
        ])?,
    };
    let mut places = None;
    for field in object.list("in", 3)? {
        let place = field.one_of(&[
            ("json", Places::JSON),
            ("url", Places::URL),
            ("text", Places::TEXT),
        ])?;
        places = Some(places.map_or(place, |places: Places| places.and(place)));
    }
    Ok(NameRule {
        id: object.id()?,
        names: NameList::Own(names),
        matching,
        places: places.unwrap_or(Places::ALL),
        value: ValueKind::Secret,
        min_length: object.length("min_length", 1)?,
    })
}

fn shape_rule(field: Field<'_>) -> Result<ShapeRule, RuleError> {
    let object = field.object(&["id", "prefix", "charset", "min_length", "max_length"])?;
    let prefix_field = object
        .get("prefix")
        .ok_or_else(|| object.required("prefix", "what the token begins with"))?;
    let prefix = prefix_field.text()?;
    // Digits alone could be outside a string, and so could `true`.
    if !prefix.bytes().any(|b| b.is_ascii_alphabetic()) || prefix.bytes().any(|b| b == b'"' || b == b'\\') {
        return Err(prefix_field.wrong(format!("{prefix:?} needs a letter, and no quote or backslash")));
    }
    let charset = match object.get("charset") {
        None => Charset::new("A-Za-z0-9_-"),
        Some(field) => {
            let spec = field.text()?;
            let charset = Charset::new(spec);
            if let Some(bad) =
                (0..128).find(|b| charset.contains(*b) && (!b.is_ascii_graphic() || b"\"\\'".contains(b)))
            {
                return Err(field.wrong(format!(
                    "{spec:?} contains {:?}, where a token ends",
                    char::from(bad)
                )));
            }
            charset
        }
    };
    let min_length = object.length("min_length", 16)?;
    let max_length = object.length("max_length", 255.max(min_length))?;
    if max_length < min_length {
        let at = object.get("max_length").unwrap_or(Field {
            path: object.path.clone(),
            value: &Value::Null,
        });
        return Err(at.wrong(format!("{max_length} is less than min_length, {min_length}")));
    }
    let shape = Shape::Token(TokenShape {
        prefix: Cow::Owned(prefix.to_owned()),
        charset,
        min_length,
        max_length,
        min_cut: min_length.min(4),
        mixed: false,
    });
    Ok(ShapeRule {
        id: object.id()?,
        shape,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redaction::{Redacted, Redactor};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_wrong_field_is_named_with_what_would_be_right() {
        for (json, expected) in [
            ("[]", "redaction rules: expected an object, found []"),
            (
                r#"{"name":[]}"#,
                "redaction rules: name: unknown field; expected disable, enable, names, shapes",
            ),
            (
                r#"{"names":{}}"#,
                "redaction rules: names: expected an array, found {}",
            ),
            (
                r#"{"names":[{"id":"abc","names":["ab"]}]}"#,
                "redaction rules: names[0].names[0]: expected 3 to 48 ASCII characters, found \"ab\"",
            ),
            (
                r#"{"names":[{"id":"abc"}]}"#,
                "redaction rules: names[0].names: missing; expected an array of names",
            ),
            (
                r#"{"names":[{"names":["abc"]}]}"#,
                "redaction rules: names[0].id: missing; expected a name to count by",
            ),
            (
                r#"{"names":[{"id":"abc","names":["abc"],"match":"regex"}]}"#,
                "redaction rules: names[0].match: expected \"exact\" or \"word\" or \"suffix\", found \"regex\"",
            ),
            (
                r#"{"names":[{"id":"abc","names":["abc"],"in":["header"]}]}"#,
                "redaction rules: names[0].in[0]: expected \"json\" or \"url\" or \"text\", found \"header\"",
            ),
            (
                r#"{"names":[{"id":"abc","names":["abc"],"min_length":-1}]}"#,
                "redaction rules: names[0].min_length: expected a whole number from 1 to 4096, found -1",
            ),
            (
                r#"{"shapes":[{"id":"abc"}]}"#,
                "redaction rules: shapes[0].prefix: missing; expected what the token begins with",
            ),
            (
                r#"{"shapes":[{"id":"abc","prefix":"123"}]}"#,
                "redaction rules: shapes[0].prefix: \"123\" needs a letter, and no quote or backslash",
            ),
            (
                r#"{"shapes":[{"id":"abc","prefix":"acme_","charset":" -~"}]}"#,
                "redaction rules: shapes[0].charset: \" -~\" contains ' ', where a token ends",
            ),
            (
                r#"{"shapes":[{"id":"abc","prefix":"acme_","min_length":9,"max_length":8}]}"#,
                "redaction rules: shapes[0].max_length: 8 is less than min_length, 9",
            ),
        ] {
            let error = RuleTable::from_json(json.as_bytes())
                .map(|_| ())
                .map_err(|error| error.to_string());
            assert_eq!(error, Err(expected.to_owned()), "{json}");
        }
        let error = RuleTable::from_json(br#"{"disable":["emial"]}"#).unwrap_err();
        assert_eq!(error.path, "disable[0]");
        assert!(error.problem.contains("email"), "{error}");
        assert!(
            RuleTable::from_json(b"{")
                .unwrap_err()
                .to_string()
                .contains("not JSON")
        );
    }

    #[test]
    fn a_user_adds_names_and_shapes_and_switches_rules() {
        let rules = br#"{
            "enable": ["email"], "disable": ["card_number"],
            "names": [{"id":"acme","names":["acme-ref"],"match":"exact","in":["json"]}],
            "shapes": [{"id":"acme_key","prefix":"acme_","charset":"a-f0-9","min_length":8}]
        }"#;
        let mut redactor = Redactor::new([7; 32], &RuleTable::from_json(rules).unwrap());
        let json = br#"{"acmeRef":"x","a":"acme_0123abcd ann@example.com 4111111111111111","b":"acme_xyz"}"#;
        let mut out = Vec::new();
        assert_eq!(redactor.redact(json, &mut out), Redacted::Changed { secrets: 3 });
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.contains("4111111111111111") && text.contains("acme_xyz"),
            "{text}"
        );
        let counted: Vec<(&str, u64)> = redactor.counts().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("acme", 1), ("email", 1), ("acme_key", 1)]);
    }

    #[test]
    fn other_rules_hold_from_the_next_text_on_and_keep_the_counts() {
        let table = |json: &str| RuleTable::from_json(json.as_bytes()).unwrap();
        let own = table(r#"{"names":[{"id":"acme","names":["acme ref"]}]}"#);
        let mut redactor = Redactor::new([7; 32], &own);
        let json = br#"{"acmeRef":"Zq7","password":"hunter2"}"#;
        let mut redact = |rules: Option<RuleTable>| {
            rules.iter().for_each(|rules| redactor.set_rules(rules));
            let mut out = Vec::new();
            let _ = redactor.redact(json, &mut out);
            (String::from_utf8(out).unwrap(), redactor.total())
        };
        let (both, total) = redact(None);
        assert!(
            !both.contains("Zq7") && !both.contains("hunter2") && total == 2,
            "{both} {total}"
        );
        let (built_in, total) = redact(Some(RuleTable::default()));
        assert!(
            built_in.contains("Zq7") && !built_in.contains("hunter2") && total == 3,
            "{built_in} {total}"
        );
        let (none, total) = redact(Some(table(r#"{"disable":["password"]}"#)));
        assert_eq!((none.as_str(), total), ("", 3));
        // The same key: the same placeholders.
        assert_eq!(redact(Some(own)), (both, 5));
    }

    #[test]
    fn the_largest_table_compiles() {
        let names: Vec<String> = (0..MAX_RULES * MAX_NAMES)
            .map(|i| format!("{:?}", format!("{i:0>48}")))
            .collect();
        let rules: Vec<String> = names
            .chunks(MAX_NAMES)
            .map(|names| format!(r#"{{"id":"big","names":[{}]}}"#, names.join(",")))
            .collect();
        let table = RuleTable::from_json(format!(r#"{{"names":[{}]}}"#, rules.join(",")).as_bytes()).unwrap();
        let mut redactor = Redactor::new([7; 32], &table);
        let last = format!(r#"{{"{:0>48}":"x"}}"#, MAX_RULES * MAX_NAMES - 1);
        assert_eq!(
            redactor.redact(last.as_bytes(), &mut Vec::new()),
            Redacted::Changed { secrets: 1 }
        );
    }
}
