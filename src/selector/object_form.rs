//! The object form: the same terms as JSON, for those who build selectors rather than type them.
//!
//! `{"categories", "types", "kinds", "detail", "severity", "status", "tabs", "sites", "urls",
//! "sessions", "since", "until", "text", "not", "and"}`, each optional; a value or an array of
//! alternatives. `text` is the exception: each of its entries must occur. `not` holds the same fields
//! and refuses what fits any of them; `and` is a list of further objects that must fit too.

use super::error::excerpt;
use super::key::nearest;
use super::{Filter, Key, Problem, Selector, SelectorError, Term, values};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value};

/// Reads the terms of a JSON object.
pub(crate) fn parse(object: &Value, now_micros: u64) -> Result<Vec<Term>, SelectorError> {
    let mut reader = Reader {
        terms: Vec::new(),
        now_micros,
    };
    reader.object(object, "", Scope::Top)?;
    Ok(reader.terms)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Top,
    And,
    Not,
}

struct Reader {
    terms: Vec<Term>,
    now_micros: u64,
}

impl Reader {
    fn object(&mut self, value: &Value, path: &str, scope: Scope) -> Result<(), SelectorError> {
        let fields = value
            .as_object()
            .ok_or_else(|| shape(path, "an object of selector fields"))?;
        for (name, value) in fields {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            match (Key::from_field(name), name.as_str(), scope) {
                (Some(key), ..) => self.field(key, value, &path, scope == Scope::Not)?,
                (None, "not", Scope::Top | Scope::And) => self.object(value, &path, Scope::Not)?,
                (None, "and", Scope::Top) => {
                    let objects = value
                        .as_array()
                        .ok_or_else(|| shape(&path, "an array of objects"))?;
                    for (index, object) in objects.iter().enumerate() {
                        self.object(object, &format!("{path}[{index}]"), Scope::And)?;
                    }
                }
                _ => return Err(SelectorError::in_object(path, unknown(name, scope))),
            }
        }
        Ok(())
    }

    fn field(&mut self, key: Key, value: &Value, path: &str, negated: bool) -> Result<(), SelectorError> {
        let given = match value {
            Value::Array(items) => items.as_slice(),
            single => std::slice::from_ref(single),
        };
        let at = |index: usize| {
            if value.is_array() {
                format!("{path}[{index}]")
            } else {
                path.to_owned()
            }
        };
        let mut texts = Vec::with_capacity(given.len());
        for (index, item) in given.iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text.clone()),
                Value::Number(number) => texts.push(number.to_string()),
                _ => return Err(shape(&at(index), "a string, a number or an array of them")),
            }
        }
        if texts.is_empty() {
            return Err(shape(path, "at least one value"));
        }
        // Words of text must all occur, so each is a term of its own.
        let per_term = if key == Key::Text { 1 } else { texts.len() };
        for (chunk, part) in texts.chunks(per_term).enumerate() {
            let filter = values::filter(key, part, self.now_micros).map_err(|bad| {
                let index = chunk * per_term + bad.index;
                let value = texts.get(index).map(|value| excerpt(value)).unwrap_or_default();
                let problem = Problem::BadValue {
                    key: key.field(),
                    value,
                    expected: bad.expected,
                };
                SelectorError::in_object(at(index), problem)
            })?;
            self.terms.push(Term { negated, filter });
        }
        Ok(())
    }
}

fn shape(path: &str, expected: &'static str) -> SelectorError {
    SelectorError::in_object(path, Problem::WrongShape { expected })
}

fn unknown(name: &str, scope: Scope) -> Problem {
    let nested: &[&str] = match scope {
        Scope::Top => &["not", "and"],
        Scope::And => &["not"],
        Scope::Not => &[],
    };
    let names = || {
        Key::ALL
            .iter()
            .map(|key| key.field())
            .chain(nested.iter().copied())
    };
    Problem::UnknownKey {
        key: excerpt(name),
        suggestion: Key::from_name(name)
            .map(Key::field)
            .or_else(|| nearest(name, names())),
        expected: names().collect::<Vec<_>>().join(", "),
    }
}

/// The object of `terms`, which are in canonical order.
pub(crate) fn object(terms: &[Term]) -> Value {
    let mut top = Map::new();
    let mut not = Map::new();
    let mut and = Vec::new();
    for term in terms {
        let field = term.filter.key().field();
        let target = if term.negated { &mut not } else { &mut top };
        match (target.get_mut(field), json(&term.filter)) {
            (None, value) => {
                target.insert(field.to_owned(), value);
            }
            (Some(Value::Array(texts)), Value::Array(more)) if matches!(term.filter, Filter::Text(_)) => {
                texts.extend(more);
            }
            (Some(_), value) => and.push(Value::Object(Map::from_iter([(field.to_owned(), value)]))),
        }
    }
    if !not.is_empty() {
        top.insert("not".to_owned(), Value::Object(not));
    }
    if !and.is_empty() {
        top.insert("and".to_owned(), Value::Array(and));
    }
    Value::Object(top)
}

fn json(filter: &Filter) -> Value {
    match filter {
        Filter::Tab(tabs) => tabs.as_slice().into(),
        Filter::Detail(_) | Filter::Severity(_) | Filter::Since(_) | Filter::Until(_) => {
            filter.values().remove(0).into()
        }
        _ => filter.values().into(),
    }
}

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object(self.terms()).serialize(serializer)
    }
}
