//! Clocks, timers and random bytes of the browser.
//!
//! Works in service workers, dedicated workers and pages, and in Node, whose globals have the same names.

use super::clock::monotonic_ms;
use crate::delivery::Platform;
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues, catch)]
    fn get_random_values(bytes: &Uint8Array) -> Result<JsValue, JsValue>;
}

/// The globals of the browser.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BrowserPlatform;

impl Platform for BrowserPlatform {
    fn now_ms(&self) -> f64 {
        monotonic_ms()
    }

    fn unix_ms(&self) -> f64 {
        js_sys::Date::now()
    }

    async fn sleep(&self, ms: f64) {
        // setTimeout takes at most 2^31 - 1; the loop looks again and sleeps on.
        let ms = ms.ceil().clamp(0.0, f64::from(i32::MAX));
        gloo_timers::future::TimeoutFuture::new(ms as u32).await;
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        let random = Uint8Array::new_with_length(bytes.len() as u32);
        // It fails only above 65,536 bytes.
        if get_random_values(&random).is_ok() {
            random.copy_to(bytes);
        }
    }
}
