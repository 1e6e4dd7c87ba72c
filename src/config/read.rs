//! From JSON to a config: every field by hand, so that each refusal has its path and says what would be right.

use super::{CaptureConfig, CategoryConfig, ConfigError, Sites, category};
use crate::levels::DetailLevel;
use crate::record::MAX_LINE_BYTES;
use crate::selector::key::nearest;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::str::FromStr;

/// As many as a session takes.
const MAX_CATEGORIES: usize = 64;

type Read<T> = Result<T, ConfigError>;

/// Reads a config. What is absent or null has its default.
pub(super) fn config(value: &Value) -> Read<CaptureConfig> {
    let mut config = CaptureConfig::default();
    for (name, value) in object(value, "", &["categories", "sites", "noise", "observe_requests"])? {
        match name.as_str() {
            "categories" => config.categories = categories(value)?,
            "sites" => config.sites = sites(value)?,
            "observe_requests" => {
                config.observe_requests = value
                    .as_bool()
                    .ok_or_else(|| wrong(name, value, "true or false"))?;
            }
            _ => config.noise = all_named(value, "noise", "an array of noise presets like source_maps")?,
        }
    }
    Ok(config)
}

fn categories(value: &Value) -> Read<BTreeMap<String, CategoryConfig>> {
    let Value::Object(fields) = value else {
        return Err(wrong("categories", value, "an object of categories by name"));
    };
    let mut categories = category::defaults();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        if !crate::event::is_category_name(name.as_bytes()) {
            let name: String = name.chars().take(64).collect();
            let message = format!("no category can be named {name:?}; expected [a-z][a-z0-9_]{{0,31}}");
            return Err(ConfigError {
                path: "categories".into(),
                message,
            });
        }
        categories.insert(name.clone(), category_config(name, value)?);
    }
    if categories.len() > MAX_CATEGORIES {
        let message = format!(
            "{} categories; expected at most {MAX_CATEGORIES}",
            categories.len()
        );
        return Err(ConfigError {
            path: "categories".into(),
            message,
        });
    }
    Ok(categories)
}

fn category_config(name: &str, value: &Value) -> Read<CategoryConfig> {
    let path = format!("categories.{name}");
    let mut config = CategoryConfig::default_of(name);
    for (field, value) in object(value, &path, &["enabled", "detail_level", "max_event_bytes"])? {
        let path = format!("{path}.{field}");
        match field.as_str() {
            "enabled" => {
                config.enabled = value
                    .as_bool()
                    .ok_or_else(|| wrong(&path, value, "true or false"))?;
            }
            "detail_level" => config.detail_level = named::<DetailLevel>(value, &path)?,
            _ => {
                let max = value.as_u64().and_then(|max| u32::try_from(max).ok());
                let max = max.filter(|max| (1..=MAX_LINE_BYTES as u32).contains(max));
                config.max_event_bytes =
                    max.ok_or_else(|| wrong(&path, value, "whole bytes from 1 to 1000000"))?;
            }
        }
    }
    Ok(config)
}

fn sites(value: &Value) -> Read<Sites> {
    let mut sites = Sites::default();
    for (name, value) in object(value, "sites", &["include", "exclude"])? {
        let path = format!("sites.{name}");
        let patterns = all_named(value, &path, "an array of site patterns like *.example.com")?;
        *(if name == "include" {
            &mut sites.include
        } else {
            &mut sites.exclude
        }) = patterns;
    }
    Ok(sites)
}

/// The fields of an object that are not null, all of them known.
fn object<'a>(
    value: &'a Value,
    path: &str,
    known: &'static [&'static str],
) -> Read<impl Iterator<Item = (&'a String, &'a Value)> + use<'a>> {
    let expected = || known.join(", ");
    let Value::Object(fields) = value else {
        return Err(wrong(path, value, &format!("an object of {}", expected())));
    };
    if let Some(unknown) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        let path = if path.is_empty() {
            unknown.clone()
        } else {
            format!("{path}.{unknown}")
        };
        let message = match nearest(unknown, known.iter().copied()) {
            Some(name) => format!("unknown field; did you mean `{name}`?"),
            None => format!("unknown field; expected {}", expected()),
        };
        return Err(ConfigError { path, message });
    }
    Ok(Map::iter(fields).filter(|(_, value)| !value.is_null()))
}

/// An array of strings that each name one of a kind.
fn all_named<T: FromStr<Err: ToString>, C: FromIterator<T>>(
    value: &Value,
    path: &str,
    expected: &str,
) -> Read<C> {
    let Value::Array(items) = value else {
        return Err(wrong(path, value, expected));
    };
    items
        .iter()
        .enumerate()
        .map(|(index, item)| named(item, &format!("{path}[{index}]")))
        .collect()
}

/// A string that names one of its kind.
fn named<T: FromStr<Err: ToString>>(value: &Value, path: &str) -> Read<T> {
    let text = value.as_str().ok_or_else(|| wrong(path, value, "a string"))?;
    text.parse().map_err(|error: T::Err| ConfigError {
        path: path.to_owned(),
        message: error.to_string(),
    })
}

fn wrong(path: &str, value: &Value, expected: &str) -> ConfigError {
    let got: String = value.to_string().chars().take(64).collect();
    ConfigError {
        path: path.to_owned(),
        message: format!("expected {expected}, got {got}"),
    }
}
