//! Relay messages on their way from the worker into the session.

use super::running::Recorder;
use crate::event::Provenance;
use crate::relay::RelayReceipt;
use crate::session::CaptureSession;
use crate::web::clock::BrowserClock;
use crate::web::errors::error;
use serde::Deserialize;
use std::collections::BTreeMap;
use wasm_bindgen::JsValue;

/// The provenance of one relay's messages, as the worker read it from their sender.
#[derive(Debug, Deserialize)]
struct Context {
    metadata: BTreeMap<String, String>,
    url: String,
}

/// A context as it is written into each event. The last one is kept: consecutive batches mostly have the same.
#[derive(Debug)]
pub(super) struct RedactedContext {
    /// The context's JSON.
    json: String,
    metadata: Vec<u8>,
    tab_id: i64,
    url: Vec<u8>,
}

impl RedactedContext {
    fn new(session: &mut CaptureSession, json: &str) -> Result<Self, serde_json::Error> {
        let context: Context = serde_json::from_str(json)?;
        let mut metadata = serde_json::to_vec(&context.metadata)?;
        let mut url = serde_json::to_vec(&context.url)?;
        metadata = session.redact(&metadata).unwrap_or(metadata);
        url = session.redact(&url).unwrap_or(url);
        let tab_id = context
            .metadata
            .get("tab_id")
            .and_then(|tab_id| tab_id.parse().ok())
            .unwrap_or(-1);
        Ok(Self {
            json: json.to_owned(),
            metadata,
            tab_id,
            url,
        })
    }

    fn provenance(&self) -> Provenance<'_> {
        Provenance {
            metadata: &self.metadata,
            tab_id: self.tab_id,
            url: &self.url[1..self.url.len() - 1],
        }
    }
}

impl Recorder {
    /// Takes the lines in the input buffer. `context` is JSON.
    pub(super) fn take_relayed(
        &self,
        relay_id: &str,
        context: &str,
        first_message: u64,
        length: usize,
    ) -> Result<RelayReceipt, JsValue> {
        let mut session = self.session.borrow_mut();
        let mut last = self.relay_context.borrow_mut();
        let context = match last.take().filter(|last| last.json == context) {
            Some(same) => last.insert(same),
            None => last.insert(
                RedactedContext::new(&mut session, context)
                    .map_err(|wrong| error("invalid_context", &wrong))?,
            ),
        };
        self.input
            .read(length, |lines| {
                self.ledger.borrow_mut().take(
                    &mut session,
                    relay_id,
                    context.provenance(),
                    first_message,
                    lines,
                    BrowserClock,
                )
            })
            .map_err(|refused| error(refused.code(), &refused))
    }
}
