//! What is recorded of one category.

use crate::envelope::MAX_LINE_BYTES;
use crate::levels::DetailLevel;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// The categories of the native producers, which every config names.
pub const BUILT_IN: [&str; 6] = ["console", "network", "page", "tab", "interaction", "system"];

/// As many as a session takes.
const MAX_CATEGORIES: usize = 64;
/// Enough for a deep argument or a long stack; a hundredth of what the relay holds in flight.
const DEFAULT_MAX_EVENT_BYTES: u32 = 64 << 10;
/// Bodies at `verbose` are longer, and cut ones cannot be read as JSON.
const DEFAULT_MAX_NETWORK_EVENT_BYTES: u32 = 256 << 10;

/// What a producer records of one category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CategoryConfig {
    /// Whether anything is recorded.
    pub enabled: bool,
    /// How much of what happens is recorded.
    pub detail_level: DetailLevel,
    /// Most bytes of content kept of one event (a body, a deep argument), at least 1.
    pub max_event_bytes: u32,
}

impl CategoryConfig {
    /// What is recorded of `category` until someone says otherwise: everything, at `standard`.
    #[must_use]
    pub fn default_of(category: &str) -> Self {
        let max_event_bytes =
            if category == "network" { DEFAULT_MAX_NETWORK_EVENT_BYTES } else { DEFAULT_MAX_EVENT_BYTES };
        Self { enabled: true, detail_level: DetailLevel::Standard, max_event_bytes }
    }
}

/// The built-in categories with their defaults.
pub(super) fn defaults() -> BTreeMap<String, CategoryConfig> {
    BUILT_IN.into_iter().map(|name| (name.to_owned(), CategoryConfig::default_of(name))).collect()
}

/// Reads categories by name; a field, or a built-in category, that is not there has its default.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, CategoryConfig>, D::Error> {
    let given = BTreeMap::<Name, Given>::deserialize(deserializer)?;
    let mut categories = defaults();
    for (Name(name), given) in given {
        let default = CategoryConfig::default_of(&name);
        let config = CategoryConfig {
            enabled: given.enabled.unwrap_or(default.enabled),
            detail_level: given.detail_level.unwrap_or(default.detail_level),
            max_event_bytes: given.max_event_bytes.map_or(default.max_event_bytes, |MaxEventBytes(max)| max),
        };
        categories.insert(name, config);
    }
    if categories.len() > MAX_CATEGORIES {
        let message = format!("{} categories; expected at most {MAX_CATEGORIES}", categories.len());
        return Err(serde::de::Error::custom(message));
    }
    Ok(categories)
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, expecting = "an object of enabled, detail_level, max_event_bytes")]
struct Given {
    enabled: Option<bool>,
    detail_level: Option<DetailLevel>,
    max_event_bytes: Option<MaxEventBytes>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
struct Name(String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if crate::event::is_category_name(name.as_bytes()) {
            return Ok(Self(name));
        }
        let name: String = name.chars().take(64).collect();
        Err(format!("no category can be named {name:?}; expected [a-z][a-z0-9_]{{0,31}}"))
    }
}

struct MaxEventBytes(u32);

impl<'de> Deserialize<'de> for MaxEventBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let max = value.as_u64().and_then(|max| u32::try_from(max).ok());
        match max.filter(|max| (1..=MAX_LINE_BYTES as u32).contains(max)) {
            Some(max) => Ok(Self(max)),
            None => {
                let got: String = value.to_string().chars().take(64).collect();
                let message = format!("expected whole bytes from 1 to {MAX_LINE_BYTES}, got {got}");
                Err(serde::de::Error::custom(message))
            }
        }
    }
}
