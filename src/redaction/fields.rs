//! JSON read by hand, so that an error can name the field that is wrong and what would be right.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Bytes of a name, a prefix or an id.
pub(super) const LENGTHS: std::ops::RangeInclusive<usize> = 3..=48;

/// Bytes after a prefix.
const MAX_TOKEN: u64 = 4096;

/// Why a table was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("redaction rules: {path}{}{problem}", if .path.is_empty() { "" } else { ": " })]
pub struct RuleError {
    /// The path: `names[0].match`. Empty for the table itself.
    pub path: String,
    /// The fault, and what would be right.
    pub problem: String,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Field<'a> {
    pub(super) path: String,
    pub(super) value: &'a Value,
}

/// An object without unknown members, and its place.
#[derive(Debug)]
pub(super) struct Object<'a> {
    pub(super) path: String,
    members: &'a Map<String, Value>,
}

impl<'a> Field<'a> {
    pub(super) fn wrong(&self, problem: String) -> RuleError {
        RuleError {
            path: self.path.clone(),
            problem,
        }
    }

    pub(super) fn expected(&self, what: &str) -> RuleError {
        let found: String = self.value.to_string().chars().take(64).collect();
        self.wrong(format!("expected {what}, found {found}"))
    }

    pub(super) fn object(&self, known: &[&str]) -> Result<Object<'a>, RuleError> {
        let members = self.value.as_object().ok_or_else(|| self.expected("an object"))?;
        let object = Object {
            path: self.path.clone(),
            members,
        };
        if let Some(unknown) = members.keys().find(|key| !known.contains(&key.as_str())) {
            let problem = format!("unknown field; expected {}", known.join(", "));
            return Err(RuleError {
                path: object.path_of(unknown),
                problem,
            });
        }
        Ok(object)
    }

    pub(super) fn string(&self) -> Result<&'a str, RuleError> {
        self.value.as_str().ok_or_else(|| self.expected("a string"))
    }

    /// A short ASCII string.
    pub(super) fn text(&self) -> Result<&'a str, RuleError> {
        let text = self.string()?;
        if !text.is_ascii() || !LENGTHS.contains(&text.len()) {
            return Err(self.expected("3 to 48 ASCII characters"));
        }
        Ok(text)
    }

    pub(super) fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, RuleError> {
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
        let found = self
            .value
            .as_str()
            .and_then(|text| choices.iter().find(|(name, _)| *name == text));
        found
            .map(|(_, choice)| *choice)
            .ok_or_else(|| self.expected(&names.join(" or ")))
    }
}

impl<'a> Object<'a> {
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<Field<'a>> {
        self.members.get(key).map(|value| Field {
            path: self.path_of(key),
            value,
        })
    }

    pub(super) fn required(&self, key: &str, what: &str) -> RuleError {
        RuleError {
            path: self.path_of(key),
            problem: format!("missing; expected {what}"),
        }
    }

    pub(super) fn id(&self) -> Result<Cow<'static, str>, RuleError> {
        let id = self
            .get("id")
            .ok_or_else(|| self.required("id", "a name to count by"))?;
        Ok(Cow::Owned(id.text()?.to_owned()))
    }

    pub(super) fn length(&self, key: &str, default: usize) -> Result<usize, RuleError> {
        let Some(field) = self.get(key) else {
            return Ok(default);
        };
        let length = field
            .value
            .as_u64()
            .filter(|length| (1..=MAX_TOKEN).contains(length));
        length
            .and_then(|length| usize::try_from(length).ok())
            .ok_or_else(|| field.expected("a whole number from 1 to 4096"))
    }

    pub(super) fn list(&self, key: &str, most: usize) -> Result<Vec<Field<'a>>, RuleError> {
        let Some(field) = self.get(key) else {
            return Ok(Vec::new());
        };
        let items = field.value.as_array().ok_or_else(|| field.expected("an array"))?;
        if items.len() > most {
            return Err(field.wrong(format!("{} are too many; at most {most}", items.len())));
        }
        let item = |(i, value)| Field {
            path: format!("{}[{i}]", field.path),
            value,
        };
        Ok(items.iter().enumerate().map(item).collect())
    }
}
