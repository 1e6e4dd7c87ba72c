//! The capture config of a patch, without a recorder.

use super::errors::error;
use crate::config::CaptureConfig;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// Returns the capture config, as JSON, that a recorder with the merge patch `patch` begins with.
///
/// # Errors
/// `invalid_config`.
#[wasm_bindgen(js_name = captureConfig)]
pub fn capture_config(patch: &str) -> Result<String, JsValue> {
    let mut config = CaptureConfig::default();
    config
        .apply(patch)
        .map_err(|wrong| error("invalid_config", &wrong))?;
    Ok(serde_json::to_string(&config).unwrap_or_default())
}
