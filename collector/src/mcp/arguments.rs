//! What the tools are asked, checked.

use super::tools::invalid;
use crate::auth::Grant;
use crate::clock::now_micros;
use rmcp::ErrorData;
use rmcp::schemars::{self, JsonSchema};
use serde::Deserialize;
use std::sync::Arc;
use tabtape::selector::Selector;

const DEFAULT_LIMIT: usize = 40;
const MAX_LIMIT: usize = 200;

/// What to look for.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Search {
    /// Selector: `category:console,network type:network.* severity:warn status:400..599 site:localhost tab:7 since:10m
    /// -url:*/hot-update* free words`. Everything when empty.
    #[serde(default)]
    pub(super) q: String,
    /// Where to go on: the token that the last answer ended with. Then from old to new.
    pub(super) after: Option<String>,
    /// Most events, 1 to 200; 40 when absent.
    pub(super) limit: Option<usize>,
}

/// The range in which to look for problems.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Diagnose {
    /// Selector that narrows it: `site:localhost tab:7 since:10m`. Everything when empty.
    #[serde(default)]
    pub(super) q: String,
    /// Most tokens of the answer, 100 to 10000; 1000 when absent.
    pub(super) budget: Option<usize>,
}

/// Which event.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Which {
    /// The session, as lines show it.
    pub(super) session: String,
    /// The seq, as lines show it.
    pub(super) seq: u64,
}

/// What led to an event.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Before {
    /// The session, as lines show it.
    pub(super) session: String,
    /// The seq, as lines show it.
    pub(super) seq: u64,
    /// Most events, 1 to 200; 40 when absent.
    pub(super) limit: Option<usize>,
}

/// What to wait for.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Wait {
    /// Selector of what is awaited.
    pub(super) q: String,
    /// Seconds, at most 60; 30 when absent.
    pub(super) seconds: Option<u64>,
}

/// A note.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Note {
    /// What to say.
    pub(super) text: String,
}

/// The selector that is meant, with the token's own ANDed.
pub(super) fn selector(q: &str, grant: &Grant) -> Result<Option<Arc<Selector>>, ErrorData> {
    if q.trim().is_empty() {
        return Ok(grant.selector.clone());
    }
    let asked = Selector::parse(q, now_micros()).map_err(|error| invalid(format!("q: {error}")))?;
    Ok(Some(Arc::new(match &grant.selector {
        Some(always) => asked.and(always),
        None => asked,
    })))
}

/// How many events are wanted.
pub(super) fn limit(asked: Option<usize>) -> Result<usize, ErrorData> {
    match asked.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        other => Err(invalid(format!("limit: expected 1 to {MAX_LIMIT}, got {other}"))),
    }
}

/// The bytes that an answer may have.
pub(super) fn budget_bytes(tokens: Option<usize>) -> Result<usize, ErrorData> {
    match tokens.unwrap_or(1_000) {
        tokens @ 100..=10_000 => Ok(tokens * 4),
        other => Err(invalid(format!("budget: expected 100 to 10000, got {other}"))),
    }
}
