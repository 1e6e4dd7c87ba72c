//! The browser's two clocks.

use crate::session::Clock;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// Milliseconds since this context began, never going back.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub(super) fn monotonic_ms() -> f64;
}

/// The wall clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct BrowserClock;

impl Clock for BrowserClock {
    fn now_micros(&self) -> u64 {
        wall_micros()
    }
}

/// Unix microseconds of the wall clock.
pub(super) fn wall_micros() -> u64 {
    (js_sys::Date::now() * 1_000.0) as u64
}
