//! The key of this installation.

use super::IndexedDbLog;
use super::request::{RequestFuture, put};
use super::schema::META;
use crate::delivery::Platform;
use crate::log::LogError;
use crate::web::platform::BrowserPlatform;
use js_sys::Uint8Array;
use wasm_bindgen::JsCast;

const INSTALL_KEY: &str = "install_key";

/// 32 random bytes of this installation, made at the first call: the key that redacted values are hashed with.
pub(super) async fn install_key(log: &IndexedDbLog) -> Result<[u8; 32], LogError> {
    let transaction = log.connection.write(&[META]).await?;
    let meta = transaction.store(META)?;
    let stored = RequestFuture::of(meta.get(&INSTALL_KEY.into()))?.await?;
    let stored = stored.dyn_into::<Uint8Array>().map(|key| key.to_vec());
    if let Ok(key) = <[u8; 32]>::try_from(stored.unwrap_or_default()) {
        return Ok(key);
    }
    let mut key = [0; 32];
    BrowserPlatform.fill_random(&mut key);
    put(&meta, &Uint8Array::from(&key[..]), &INSTALL_KEY.into())?;
    transaction.complete().await?;
    Ok(key)
}
