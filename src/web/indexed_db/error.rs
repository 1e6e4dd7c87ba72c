//! Turns exceptions of IndexedDB into [`LogError`]s.

use crate::log::LogError;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::DomException;

/// Maps by the exception's name, which is the part the specification fixes; its text is free.
/// <https://w3c.github.io/IndexedDB/#exceptions>
pub(super) fn from_exception(exception: &DomException) -> LogError {
    let name = exception.name();
    let message = exception.message();
    match name.as_str() {
        "QuotaExceededError" => LogError::QuotaExceeded,
        // The database is newer than we are.
        "VersionError" => LogError::VersionChange,
        "SecurityError" => LogError::Unavailable(message),
        _ => LogError::Other { name, message },
    }
}

/// Maps whatever a call threw.
pub(super) fn from_thrown(thrown: JsValue) -> LogError {
    match thrown.dyn_into::<DomException>() {
        Ok(exception) => from_exception(&exception),
        Err(other) => match other.dyn_into::<js_sys::Error>() {
            Ok(error) => LogError::Other {
                name: error.name().into(),
                message: error.message().into(),
            },
            Err(other) => LogError::Other {
                name: "unknown".into(),
                message: format!("{other:?}"),
            },
        },
    }
}

/// A row that is not what this version writes.
pub(super) fn bad_row(store: &str, what: &str) -> LogError {
    LogError::Other {
        name: "DataError".into(),
        message: format!("a row of {store} {what}"),
    }
}
