//! Stored lines in memory: what a page reads that has them from elsewhere, as a bundle has.

use super::errors::error;
use super::log_reader::parsed;
use crate::har::Archive;
use crate::record::Entry;
use bytes::Bytes;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// The wasm half of the TypeScript `Lines`.
#[wasm_bindgen(js_name = WasmLines)]
#[derive(Debug)]
pub struct JsLines {
    text: Bytes,
    /// The beginning and the end of each line.
    lines: Vec<(usize, usize)>,
}

#[wasm_bindgen(js_class = WasmLines)]
impl JsLines {
    /// Takes lines, each with its newline but the last.
    #[wasm_bindgen(constructor)]
    pub fn new(text: Box<[u8]>) -> Self {
        let mut lines = Vec::new();
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &text).chain(std::iter::once(text.len())) {
            if end > start {
                lines.push((start, end));
            }
            start = end + 1;
        }
        Self {
            text: text.into(),
            lines,
        }
    }

    /// Returns the indexes of the lines that a selector wants: events that match, and gaps of a wanted category.
    ///
    /// # Errors
    /// `invalid_selector`, or `log_corrupt` if a line is no record.
    pub fn select(&self, selector: &str) -> Result<Vec<u32>, JsValue> {
        let selector = parsed(selector)?;
        let mut found = Vec::new();
        for (index, (start, end)) in self.lines.iter().enumerate() {
            let line = self.text.slice(*start..*end);
            let entry = Entry::read(line).map_err(|wrong| error("log_corrupt", &wrong))?;
            if selector.wants(&entry) {
                found.push(u32::try_from(index).unwrap_or(u32::MAX));
            }
        }
        Ok(found)
    }

    /// Returns the network events as an HTTP archive; of one request if its id is given.
    pub fn har(&self, request: Option<String>) -> String {
        let mut archive = request.map_or_else(Archive::new, Archive::of_request);
        for (start, end) in &self.lines {
            archive.take(&self.text[*start..*end]);
        }
        archive.text(&[])
    }
}
