//! Category logs as JavaScript holds them: those of one session.

use super::fetch::BrowserPlatform;
use super::indexed_db::{Durability, IndexedDbLog};
use crate::log::{Head, LogStore};
use crate::record::SessionId;
use crate::recorder::new_session_id;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// The wasm half of the TypeScript `CategoryLogs`.
#[wasm_bindgen(js_name = WasmLogs)]
#[derive(Debug)]
pub struct JsLogs {
    log: IndexedDbLog,
    session_id: SessionId,
    head: Head,
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
        let session_id = session_id.map_or_else(
            || Ok(new_session_id(&BrowserPlatform)),
            |id| super::session::session_id(&id),
        )?;
        let durability = if strict_durability {
            Durability::Strict
        } else {
            Durability::Relaxed
        };
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
    pub fn session_id_text(&self) -> String {
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

impl JsLogs {
    pub(super) const fn session_id(&self) -> SessionId {
        self.session_id
    }

    pub(super) const fn head(&self) -> &Head {
        &self.head
    }

    pub(super) fn log(&self) -> IndexedDbLog {
        self.log.clone()
    }
}
