//! Forgetting while recording: ring and logs together, so that nothing is delivered of it later.

use super::JsRecorder;
use crate::record::reason::DELETED;
use crate::record::{Entry, Gap, LineWriter};
use crate::web::log_reader::parsed;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(js_class = WasmRecorder)]
impl JsRecorder {
    /// Leaves gaps of reason `deleted` in the places of everything so far that a selector wants, in all
    /// sessions of the database, and tells how many events those were. What a collector already has stays there.
    ///
    /// # Errors
    /// `invalid_selector`, or the log cannot be written.
    pub async fn forget(&self, selector: String) -> Result<f64, JsValue> {
        let recorder = self.recorder.clone();
        let selector = parsed(&selector)?;
        let latest_seq = recorder.session.borrow().latest_seq();
        recorder.commit().await?;
        let writer = LineWriter::new(recorder.session.borrow().session_id());
        let mut in_ring = 0_u64;
        recorder.ring.replace(|entry| {
            let Entry::Event(event) = entry else { return None };
            let record = event.record();
            if event.header.seq > latest_seq || !selector.matches(&record) {
                return None;
            }
            in_ring += 1;
            let seq = event.header.seq;
            Some(Entry::gap(
                &writer,
                Gap::new(seq..=seq, record.category(), DELETED),
            ))
        });
        let Some(log) = &recorder.log else {
            return Ok(in_ring as f64);
        };
        let in_log = log.forget(&selector).await?;
        recorder.notice.changed();
        Ok(in_log.max(in_ring) as f64)
    }
}
