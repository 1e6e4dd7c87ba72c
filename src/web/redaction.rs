//! Redaction rules as JavaScript gives them, and their trial on a text.

use super::errors::error;
use super::platform::BrowserPlatform;
use crate::delivery::Platform;
use crate::redaction::{Redactor, RuleTable};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// Reads rules from JSON.
///
/// # Errors
/// `invalid_redaction`, with the path of the wrong field.
pub(super) fn rules(json: &str) -> Result<RuleTable, JsValue> {
    RuleTable::from_json(json.as_bytes()).map_err(|wrong| error("invalid_redaction", &wrong))
}

/// Returns every rule as JSON, built-in ones first; see the TypeScript `RedactionRule`.
///
/// # Errors
/// `invalid_redaction`.
#[wasm_bindgen(js_name = redactionRules)]
pub fn redaction_rules(json: &str) -> Result<String, JsValue> {
    Ok(serde_json::to_string(&rules(json)?.overview()).unwrap_or_default())
}

/// Redacts a text by the rules and returns the result as JSON; see the TypeScript `RedactionTrial`. Its placeholders are
/// those of no session.
///
/// # Errors
/// `invalid_redaction`.
#[wasm_bindgen(js_name = tryRedaction)]
pub fn try_redaction(json: &str, text: &str) -> Result<String, JsValue> {
    let mut key = [0; 32];
    BrowserPlatform.fill_random(&mut key);
    let trial = Redactor::new(key, &rules(json)?).try_text(text);
    Ok(serde_json::to_string(&trial).unwrap_or_default())
}
