//! The capture config of one category.

use crate::levels::{BUILT_IN_CATEGORIES, DetailLevel};
use serde::Serialize;
use std::collections::BTreeMap;

/// Enough for a deep argument or a long stack; a hundredth of what the relay holds in flight.
const DEFAULT_MAX_EVENT_BYTES: u32 = 64 << 10;
/// Bodies at `verbose` are longer, and truncated ones cannot be read as JSON.
const DEFAULT_MAX_NETWORK_EVENT_BYTES: u32 = 256 << 10;

/// The settings of a producer for one category.
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
    /// Returns the default of `category`: enabled, at `standard`.
    pub fn default_of(category: &str) -> Self {
        let max_event_bytes = if category == "network" {
            DEFAULT_MAX_NETWORK_EVENT_BYTES
        } else {
            DEFAULT_MAX_EVENT_BYTES
        };
        Self {
            enabled: true,
            detail_level: DetailLevel::Standard,
            max_event_bytes,
        }
    }
}

/// The built-in categories with their defaults.
pub(super) fn defaults() -> BTreeMap<String, CategoryConfig> {
    BUILT_IN_CATEGORIES
        .into_iter()
        .map(|name| (name.to_owned(), CategoryConfig::default_of(name)))
        .collect()
}
