//! The key of this installation.

use super::IndexedDbLog;
use super::request::{RequestFuture, put};
use super::schema::META;
use crate::delivery::Platform;
use crate::log::LogError;
use crate::web::fetch::BrowserPlatform;
use wasm_bindgen::{JsCast, JsValue};

const INSTALL_KEY: &str = "install_key";
impl IndexedDbLog {
    /// 32 random bytes of this installation, made at the first call: the key that redacted values are
    /// hashed with.
    pub async fn install_key(&self) -> Result<[u8; 32], LogError> {
        let transaction = self.connection.write(&[META]).await?;
        let meta = transaction.store(META)?;
        let stored = RequestFuture::of(meta.get(&INSTALL_KEY.into()))?.await?;
        let stored = stored
            .dyn_into::<js_sys::Uint8Array>()
            .map(|key| key.to_vec())
            .unwrap_or_default();
        if let Ok(key) = <[u8; 32]>::try_from(stored) {
            return Ok(key);
        }
        let mut key = [0; 32];
        BrowserPlatform.fill_random(&mut key);
        let value = JsValue::from(js_sys::Uint8Array::from(&key[..]));
        put(&meta, &value, &INSTALL_KEY.into())?;
        transaction.complete().await?;
        Ok(key)
    }
}
