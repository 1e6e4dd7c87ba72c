//! The capture config of the native producers: per category whether, at which level and how many bytes; and on which sites.
//!
//! A [`CaptureConfig`] is always whole and always valid. It changes only by an RFC 7396 merge patch
//! ([`CaptureConfig::apply`]), which is taken as a whole or refused as a whole with the path of the wrong
//! field. `null` in a patch puts the default back. It says nothing of readers: those have
//! [`crate::selector`], and neither ever changes the other.
//!
//! ```
//! use tabtape::config::CaptureConfig;
//! use tabtape::levels::DetailLevel;
//!
//! let mut config = CaptureConfig::default();
//! let patch = r#"{"categories": {"network": {"detail_level": "verbose"}}, "sites": {"exclude": ["*.bank.test"]}}"#;
//! assert!(config.apply(patch)?, "something changed");
//! assert_eq!(config.category("network").detail_level, DetailLevel::Verbose);
//! assert!(!config.site_matches("https://www.bank.test/"));
//!
//! let error = config.apply(r#"{"categories": {"network": {"detail_level": "vebose"}}}"#).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "categories.network.detail_level: unknown detail level \"vebose\"; expected minimal, standard, verbose, raw",
//! );
//! # Ok::<(), tabtape::config::ConfigError>(())
//! ```

mod category;
mod noise;
mod read;
mod site_pattern;

#[cfg(test)]
mod tests;

pub use category::CategoryConfig;
pub use noise::Noise;
pub use site_pattern::{BadSitePattern, SitePattern};

use crate::levels::DetailLevel;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The capture config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaptureConfig {
    /// By category; holds at least the [built-in](crate::levels::BUILT_IN_CATEGORIES) ones.
    categories: BTreeMap<String, CategoryConfig>,
    sites: Sites,
    /// The noise that is left out below `verbose`, in order; all noise by default.
    noise: BTreeSet<Noise>,
    /// Whether pages' `fetch` and `XMLHttpRequest` are observed; they are by default.
    observe_requests: bool,
}

/// The recorded sites: those that match an `include` and no `exclude`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sites {
    /// Every site unless said otherwise; none when empty.
    pub include: Vec<SitePattern>,
    /// No site unless said otherwise. Stronger than `include`.
    pub exclude: Vec<SitePattern>,
}

impl Default for CaptureConfig {
    fn default() -> Self {
        let noise = Noise::ALL.iter().copied().collect();
        Self {
            categories: category::defaults(),
            sites: Sites::default(),
            noise,
            observe_requests: true,
        }
    }
}

impl<'de> Deserialize<'de> for CaptureConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read::config(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Default for Sites {
    fn default() -> Self {
        Self {
            include: vec![SitePattern::everything()],
            exclude: Vec::new(),
        }
    }
}

impl CaptureConfig {
    /// Reads a config; what it leaves out has its default.
    ///
    /// # Errors
    /// The first wrong field, by its path.
    pub fn from_json(json: &str) -> Result<Self, ConfigError> {
        read::config(&parse(json)?)
    }

    /// This config with an RFC 7396 merge patch applied.
    ///
    /// # Errors
    /// The first field that would be wrong, by its path.
    pub fn merged(&self, patch: &Value) -> Result<Self, ConfigError> {
        let mut value = serde_json::to_value(self).map_err(|error| ConfigError {
            path: String::new(),
            message: error.to_string(),
        })?;
        merge(&mut value, patch);
        read::config(&value)
    }

    /// Applies an RFC 7396 merge patch, wholly or not at all. True: something changed.
    ///
    /// # Errors
    /// The first field that would be wrong, by its path; nothing has changed then.
    pub fn apply(&mut self, patch: &str) -> Result<bool, ConfigError> {
        let merged = self.merged(&parse(patch)?)?;
        let changed = merged != *self;
        *self = merged;
        Ok(changed)
    }

    /// Returns the settings of `category`. A category that was never configured has the default.
    pub fn category(&self, category: &str) -> CategoryConfig {
        self.categories
            .get(category)
            .copied()
            .unwrap_or_else(|| CategoryConfig::default_of(category))
    }

    /// Sets the detail level of `category`.
    pub(crate) fn set_detail_level(&mut self, category: &str, detail_level: DetailLevel) {
        let config = CategoryConfig {
            detail_level,
            ..self.category(category)
        };
        self.categories.insert(category.to_owned(), config);
    }

    /// Returns the recorded sites.
    pub const fn sites(&self) -> &Sites {
        &self.sites
    }

    /// Whether the page at `url` is recorded.
    pub fn site_matches(&self, url: &str) -> bool {
        let fits = |patterns: &[SitePattern]| patterns.iter().any(|pattern| pattern.matches(url));
        fits(&self.sites.include) && !fits(&self.sites.exclude)
    }
}

fn parse(json: &str) -> Result<Value, ConfigError> {
    serde_json::from_str(json).map_err(|error| ConfigError {
        path: String::new(),
        message: format!("not JSON: {error}"),
    })
}

/// RFC 7396, section 2.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.as_str()).or_insert(Value::Null), value);
        }
    }
}

/// A config that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}{}{message}", if .path.is_empty() { "" } else { ": " })]
pub struct ConfigError {
    /// The wrong field, like `categories.network.detail_level`; empty for the whole.
    pub path: String,
    /// The mistake, and the correct form.
    pub message: String,
}
