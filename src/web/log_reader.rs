//! Category logs for readers without write access: a viewer without a collector. It owns no session and never
//! blocks the recorder.

use super::clock::wall_micros;
use super::errors::error;
use super::indexed_db::{Durability, IndexedDbLog};
use super::session::session_id;
use crate::coverage::{Coverage, MILESTONES, WatchedUntil, previous_session};
use crate::log::{Columns, PageLimit, Tally, read_page};
use crate::record::{Entry, SessionId};
use crate::selector::Selector;
use js_sys::{Array, Uint8Array};
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// Looked through in one call; the page that asked draws between calls.
const MAX_SCANNED_BYTES: usize = 4 << 20;

/// The wasm half of the TypeScript `LogReader`.
#[wasm_bindgen(js_name = WasmLogReader)]
#[derive(Debug)]
pub struct JsLogReader {
    log: IndexedDbLog,
    tallies: RefCell<BTreeMap<SessionId, Tally>>,
    /// The coverage of each session, and the seq up to which it was read.
    coverages: RefCell<BTreeMap<SessionId, (Coverage, u64)>>,
}

#[wasm_bindgen(js_class = WasmLogReader)]
impl JsLogReader {
    /// Opens the database.
    ///
    /// # Errors
    /// `no_indexeddb`, `log_blocked`, `log_version_change`, …
    pub async fn open(database_name: String) -> Result<JsLogReader, JsValue> {
        Ok(Self {
            log: IndexedDbLog::open(&database_name, Durability::Relaxed).await?,
            tallies: RefCell::default(),
            coverages: RefCell::default(),
        })
    }

    /// Every session, oldest first, as JSON: `[{session, latest_seq, committed_ms, bytes, categories}, …]`.
    pub async fn sessions(&self) -> Result<String, JsValue> {
        let heads = self.log.clone().heads().await?;
        let sessions = heads.iter().map(|(session_id, head, bytes)| {
            json!({
                "session": session_id.to_string(),
                "latest_seq": head.latest_seq,
                "committed_ms": head.committed_ms,
                "bytes": bytes,
                "categories": head.categories,
            })
        });
        Ok(serde_json::Value::Array(sessions.collect()).to_string())
    }

    /// Records after a seq: `[lines, after_seq, is_last]`, the lines each with its newline.
    ///
    /// # Errors
    /// `invalid_selector`, `log_missing`, `log_corrupt`, …
    pub async fn read(
        &self,
        session: String,
        after_seq: f64,
        selector: String,
        max_entries: usize,
    ) -> Result<Array, JsValue> {
        let page = self.page(&session, after_seq, &selector, max_entries).await?;
        let mut lines = Vec::new();
        for entry in &page.entries {
            lines.extend_from_slice(entry.line());
            lines.push(b'\n');
        }
        let lines = Uint8Array::from(&lines[..]);
        Ok(Array::of3(
            &lines,
            &(page.after_seq as f64).into(),
            &page.is_last.into(),
        ))
    }

    /// Headers after a seq and up to another: `[columns as JSON, after_seq, is_last]`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn headers(
        &self,
        session: String,
        after_seq: f64,
        until_seq: f64,
        selector: String,
        max_entries: usize,
    ) -> Result<Array, JsValue> {
        let page = self.page(&session, after_seq, &selector, max_entries).await?;
        let mut columns = Columns::default();
        // One that reaches beyond is the reader's of what follows.
        let within = |entry: &&Entry| entry.last_seq() as f64 <= until_seq;
        page.entries
            .iter()
            .filter(within)
            .for_each(|entry| columns.push(entry));
        let json = serde_json::to_string(&columns).map_err(|wrong| error("log_failed", &wrong))?;
        let after_seq = page.after_seq as f64;
        let is_last = page.is_last || after_seq >= until_seq;
        Ok(Array::of3(&json.into(), &after_seq.into(), &is_last.into()))
    }

    /// Counts on from where it stopped, and tells as JSON what a session holds so far.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn tally(&self, session: String) -> Result<String, JsValue> {
        let session_id = session_id(&session)?;
        let mut tally = self
            .tallies
            .borrow()
            .get(&session_id)
            .cloned()
            .unwrap_or_default();
        let page = self
            .page(&session, tally.after_seq as f64, "", usize::MAX)
            .await?;
        page.entries.iter().for_each(|entry| tally.take(entry));
        let json = serde_json::to_string(&tally).map_err(|wrong| error("log_failed", &wrong))?;
        self.tallies.borrow_mut().insert(session_id, tally);
        Ok(json)
    }

    /// Returns the coverage of a session as JSON: `{watched, unwatched, lost}`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn coverage(&self, session: String) -> Result<String, JsValue> {
        let mut coverage = self.recorded_coverage(&session).await?;
        if let Some((until, last_ts)) = self.end_known_later(&session).await? {
            coverage.end_unclosed(last_ts, Some(&until));
        }
        serde_json::to_string(&coverage).map_err(|wrong| error("log_failed", &wrong))
    }

    /// Returns how far a session was watched, if the session after it says so, and when its last commit was made.
    async fn end_known_later(&self, session: &str) -> Result<Option<(WatchedUntil, u64)>, JsValue> {
        let session_id = session_id(session)?;
        let heads = self.log.heads().await?;
        let Some(at) = heads.iter().position(|(id, ..)| *id == session_id) else {
            return Ok(None);
        };
        let Some((next, ..)) = heads.get(at + 1) else {
            return Ok(None);
        };
        let page = self
            .page(&next.to_string(), 0.0, "type:system.session_started", 1)
            .await?;
        let Some(Entry::Event(event)) = page.entries.first() else {
            return Ok(None);
        };
        let data = serde_json::from_slice(event.record().data()).unwrap_or_default();
        let last_ts = heads[at].1.committed_ms * 1_000;
        Ok(previous_session(&data)
            .filter(|(previous, _)| previous == session)
            .and_then(|(_, until)| Some((until?, last_ts))))
    }

    /// Reads what a session says of its own coverage.
    async fn recorded_coverage(&self, session: &str) -> Result<Coverage, JsValue> {
        let selector = format!("type:{}", MILESTONES.join(","));
        let session_id = session_id(session)?;
        let known = self.coverages.borrow().get(&session_id).cloned();
        let (mut coverage, mut after_seq) = known.unwrap_or_default();
        loop {
            let page = self
                .page(session, after_seq as f64, &selector, usize::MAX)
                .await?;
            for entry in &page.entries {
                let Entry::Event(event) = entry else { continue };
                let record = event.record();
                let data = serde_json::from_slice(record.data()).unwrap_or_default();
                coverage.take(record.header.ts_micros, record.type_(), &data, |_| true);
            }
            after_seq = page.after_seq;
            if page.is_last {
                self.coverages
                    .borrow_mut()
                    .insert(session_id, (coverage.clone(), after_seq));
                return Ok(coverage);
            }
        }
    }

    /// Counts again from the beginning at the next [`tally`](Self::tally): something was forgotten.
    #[wasm_bindgen(js_name = tallyAnew)]
    pub fn tally_anew(&self) {
        self.tallies.borrow_mut().clear();
        self.coverages.borrow_mut().clear();
    }

    /// How much is stored, as JSON: `{bytes_by_category, usage_bytes, quota_bytes, persisted}`.
    pub async fn storage(&self) -> Result<String, JsValue> {
        let storage = self.log.clone().storage().await?;
        Ok(json!({
            "bytes_by_category": storage.bytes_by_category,
            "usage_bytes": storage.usage_bytes,
            "quota_bytes": storage.quota_bytes,
            "persisted": storage.persisted,
        })
        .to_string())
    }

    /// Leaves gaps of reason `deleted` in the places of what a selector wants, and tells how many events those
    /// were.
    ///
    /// # Errors
    /// `invalid_selector`, or the log cannot be written.
    pub async fn forget(&self, selector: String) -> Result<f64, JsValue> {
        let selector = parsed(&selector)?;
        let events = self.log.clone().forget(&selector).await?;
        self.tally_anew();
        Ok(events as f64)
    }

    /// Closes the connection.
    pub fn close(&self) {
        self.log.close();
    }

    async fn page(
        &self,
        session: &str,
        after_seq: f64,
        selector: &str,
        max_entries: usize,
    ) -> Result<crate::log::Page, JsValue> {
        let session_id = session_id(session)?;
        let selector = parsed(selector)?;
        let limit = PageLimit {
            max_entries,
            max_scanned_bytes: MAX_SCANNED_BYTES,
        };
        Ok(read_page(&self.log, session_id, after_seq as u64, &selector, limit).await?)
    }
}

pub(super) fn parsed(selector: &str) -> Result<Selector, JsValue> {
    Selector::parse(selector, wall_micros()).map_err(|wrong| error("invalid_selector", &wrong))
}
