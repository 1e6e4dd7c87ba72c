//! Rust errors as JavaScript `Error`s with a `code`.

use crate::log::LogError;
use crate::ring::CursorAhead;
use crate::session::PublishError;
use wasm_bindgen::JsValue;

/// `Object.assign(new Error(message), { code })`, with a name that says whose it is.
pub(super) fn error(code: &str, message: &dyn std::fmt::Display) -> JsValue {
    let error = js_sys::Error::new(&message.to_string());
    error.set_name("TabtapeError");
    // Setting a property of a fresh Error cannot fail.
    let _ = js_sys::Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}

impl From<LogError> for JsValue {
    fn from(failed: LogError) -> Self {
        error(failed.code(), &failed)
    }
}

impl From<PublishError> for JsValue {
    fn from(refused: PublishError) -> Self {
        error(refused.code(), &refused)
    }
}

impl From<CursorAhead> for JsValue {
    fn from(ahead: CursorAhead) -> Self {
        error(CursorAhead::CODE, &ahead)
    }
}
