//! Rust errors as JavaScript `Error`s with a `code`.

use wasm_bindgen::JsValue;

/// `Object.assign(new Error(message), { code })`, with a name that says whose it is.
pub(super) fn error(code: &str, message: &dyn std::fmt::Display) -> JsValue {
    let error = js_sys::Error::new(&message.to_string());
    error.set_name("TabtapeError");
    // Setting a property of a fresh Error cannot fail.
    let _ = js_sys::Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}
