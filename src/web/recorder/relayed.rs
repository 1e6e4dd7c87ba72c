//! Relay messages on their way from the worker into the session.

use super::running::Recorder;
use crate::event::Provenance;
use crate::relay::RelayReceipt;
use crate::web::clock::BrowserClock;
use crate::web::errors::error;
use serde::Deserialize;
use std::collections::BTreeMap;
use wasm_bindgen::JsValue;

/// The provenance of one relay's messages, as the worker read it from their sender.
#[derive(Debug, Deserialize)]
pub(super) struct Context {
    metadata: BTreeMap<String, String>,
    url: String,
}

/// The receipt as `RelayReceipt` in `types.ts`.
pub(super) fn receipt_to_js(receipt: &RelayReceipt) -> Result<JsValue, JsValue> {
    #[derive(serde::Serialize)]
    struct Refusal {
        message: u64,
        code: &'static str,
        error: String,
    }
    #[derive(serde::Serialize)]
    struct Receipt {
        message: u64,
        seq: u64,
        accepted: u64,
        exceptions: u64,
        repeated: u64,
        refused: Vec<Refusal>,
    }
    let refused = receipt.refused.iter().map(|(message, refused)| Refusal {
        message: *message,
        code: refused.code(),
        error: refused.to_string(),
    });
    let receipt = Receipt {
        message: receipt.message,
        seq: receipt.seq,
        accepted: receipt.accepted,
        exceptions: receipt.exceptions,
        repeated: receipt.repeated,
        refused: refused.collect(),
    };
    Ok(serde_wasm_bindgen::to_value(&receipt)?)
}

impl Recorder {
    /// Takes the lines in the input buffer.
    pub(super) fn take_relayed(
        &self,
        relay_id: &str,
        context: &Context,
        first_message: u64,
        length: usize,
    ) -> Result<RelayReceipt, JsValue> {
        let mut session = self.session.borrow_mut();
        let unwritable = |failed| error("invalid_context", &failed);
        let mut metadata = serde_json::to_vec(&context.metadata).map_err(unwritable)?;
        let mut url = serde_json::to_vec(&context.url).map_err(unwritable)?;
        // Once a batch, not once an event.
        metadata = session.redact(&metadata).unwrap_or(metadata);
        url = session.redact(&url).unwrap_or(url);
        let tab_id = context
            .metadata
            .get("tab_id")
            .and_then(|tab_id| tab_id.parse().ok())
            .unwrap_or(-1);
        let provenance = Provenance {
            metadata: &metadata,
            tab_id,
            url: &url[1..url.len() - 1],
        };
        self.input
            .read(length, |lines| {
                self.ledger.borrow_mut().take(
                    &mut session,
                    relay_id,
                    provenance,
                    first_message,
                    lines,
                    BrowserClock,
                )
            })
            .map_err(|refused| error(refused.code(), &refused))
    }
}
