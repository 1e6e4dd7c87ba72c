//! Category logs as JavaScript holds them: those of one session.

use super::indexed_db::{Durability, IndexedDbLog};
use super::session::session_id_or_new;
use crate::log::{Head, LogStore};
use crate::record::SessionId;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// The wasm half of the TypeScript `CategoryLogs`.
#[wasm_bindgen(js_name = WasmLogs)]
#[derive(Debug)]
pub struct JsLogs {
    pub(super) log: IndexedDbLog,
    pub(super) session_id: SessionId,
    pub(super) head: Head,
}

#[wasm_bindgen(js_class = WasmLogs)]
impl JsLogs {
    /// Opens the database and takes a session over: an existing one, whose earlier owner is superseded, or
    /// a new one.
    ///
    /// # Errors
    /// `no_indexeddb`, `log_blocked`, `log_version_change`, `invalid_session_id`, …
    pub async fn open(
        database_name: String,
        session_id: Option<String>,
        strict_durability: bool,
    ) -> Result<JsLogs, JsValue> {
        let session_id = session_id_or_new(session_id)?;
        let durability = Durability::new(strict_durability);
        let log = IndexedDbLog::open(&database_name, durability).await?;
        let head = log.reopen(session_id).await?;
        Ok(Self {
            log,
            session_id,
            head,
        })
    }

    /// The session these logs are of.
    #[wasm_bindgen(getter, js_name = sessionId)]
    pub fn session_id(&self) -> String {
        self.session_id.to_string()
    }

    /// The last seq in them when they were opened.
    #[wasm_bindgen(getter, js_name = latestSeq)]
    pub fn latest_seq(&self) -> f64 {
        self.head.latest_seq as f64
    }

    /// Asks the browser not to clear them by itself. Tells whether it promises.
    ///
    /// # Errors
    /// The browser does not answer.
    pub async fn persist(&self) -> Result<bool, JsValue> {
        Ok(self.log.clone().persist().await?)
    }

    /// Closes the connection.
    pub fn close(&self) {
        self.log.close();
    }
}
