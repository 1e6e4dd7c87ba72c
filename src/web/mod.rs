//! The boundary to JavaScript: what crosses it, and how.
//!
//! Events cross as JSON bytes, never as objects: [`InputBuffer`](input_buffer::InputBuffer) is a region of wasm memory that
//! the TypeScript side of this folder encodes into, once per batch. Errors cross as real `Error`s with a
//! `code`. No rule about events lives here; `index.ts` and `types.ts` next to this file are the other side. It reads every
//! argument by the table in `signatures.ts` before it crosses, so numbers arrive whole, in range, and as the type says.

#![cfg_attr(
    not(feature = "recorder"),
    allow(dead_code, reason = "the recorder uses what sessions do not")
)]

#[cfg(feature = "recorder")]
pub mod capture_config;
mod clock;
#[cfg(feature = "recorder")]
mod delivery;
mod errors;
#[cfg(feature = "recorder")]
mod fetch;
pub mod indexed_db;
mod input_buffer;
#[cfg(feature = "recorder")]
mod lines;
#[cfg(feature = "recorder")]
mod log_reader;
mod logs;
mod platform;
mod reader;
#[cfg(feature = "recorder")]
mod recorder;
pub mod redaction;
mod runtime;
mod session;
#[cfg(feature = "recorder")]
mod socket;
mod status;
#[cfg(feature = "recorder")]
mod transport;

use wasm_bindgen::prelude::wasm_bindgen;

/// Runs once per instance: a panic is in the console before the instance traps, and text is composed by the browser.
#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
    crate::selector::compose_by(|text| js_sys::JsString::from(text).normalize("NFC").into());
}
