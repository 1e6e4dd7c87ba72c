//! How much is stored, and how much may be.

use super::IndexedDbLog;
use super::error::from_thrown;
use super::rows::field;
use crate::log::LogError;
use js_sys::Reflect;
use std::collections::BTreeMap;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::StorageManager;

/// The storage that the logs use, and the quota.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Storage {
    /// Bytes of all segments by category, over all sessions.
    pub bytes_by_category: BTreeMap<String, u64>,
    /// Bytes that this origin uses, as the browser estimates them.
    pub usage_bytes: Option<u64>,
    /// Bytes that this origin may use.
    pub quota_bytes: Option<u64>,
    /// Whether the browser has promised not to clear it by itself.
    pub persisted: bool,
}

impl IndexedDbLog {
    /// How much is stored by category, and what the browser allows.
    pub async fn storage(&self) -> Result<Storage, LogError> {
        let mut storage = Storage::default();
        for (_, row) in self.head_rows().await? {
            for (category, bytes) in row.bytes_by_category() {
                *storage.bytes_by_category.entry(category.clone()).or_default() += bytes;
            }
        }
        // Outside secure contexts there is no manager; the browser then gives no estimate.
        if let Some(manager) = manager() {
            let estimate = settled(manager.estimate()).await?;
            storage.usage_bytes = field(&estimate, "usage");
            storage.quota_bytes = field(&estimate, "quota");
            storage.persisted = settled(manager.persisted()).await?.is_truthy();
        }
        Ok(storage)
    }

    /// Asks the browser never to clear the database by itself. Tells whether it promises. An extension with
    /// `unlimitedStorage` needs no question; a page's answer is up to the browser.
    pub async fn persist(&self) -> Result<bool, LogError> {
        let Some(manager) = manager() else {
            return Ok(false);
        };
        // A worker's manager has no persist(): only documents may ask.
        // https://storage.spec.whatwg.org/#storagemanager
        let may_ask = Reflect::get(&manager, &"persist".into()).is_ok_and(|persist| persist.is_function());
        let asked = if may_ask {
            manager.persist()
        } else {
            manager.persisted()
        };
        Ok(settled(asked).await?.is_truthy())
    }
}

fn manager() -> Option<StorageManager> {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).ok()?;
    let manager = Reflect::get(&navigator, &"storage".into()).ok()?;
    manager.is_object().then(|| manager.unchecked_into())
}

async fn settled(promise: Result<js_sys::Promise, JsValue>) -> Result<JsValue, LogError> {
    JsFuture::from(promise.map_err(from_thrown)?)
        .await
        .map_err(from_thrown)
}
