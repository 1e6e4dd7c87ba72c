//! The buffer of a value while `put` clones it.
//!
//! `put` clones its value before it returns, the whole buffer under a view. So a view into the wasm's own
//! memory would take all of that along, and a fresh buffer each time costs as much as the rest of the copy:
//! the browser must find and clear its pages (0.4 ms of 2.0 for 500 KB, measured in Chromium). One buffer
//! that is resized to each value costs neither.

use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

/// More than a segment of a commit ever takes. Only what is used is ever backed by memory.
const MAX_BYTES: u32 = 4 << 20;

#[wasm_bindgen]
extern "C" {
    /// <https://tc39.es/ecma262/#sec-resizable-arraybuffer-objects>
    #[derive(Debug)]
    #[wasm_bindgen(js_name = ArrayBuffer)]
    type ResizableBuffer;

    #[wasm_bindgen(constructor, js_class = "ArrayBuffer", catch)]
    fn new(byte_length: u32, options: &JsValue) -> Result<ResizableBuffer, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn resize(this: &ResizableBuffer, byte_length: u32) -> Result<(), JsValue>;
}

#[derive(Debug)]
pub(super) struct ReusableBuffer {
    buffer: Option<ResizableBuffer>,
}

impl ReusableBuffer {
    pub(super) fn new() -> Self {
        let options = js_sys::Object::new();
        let resizable = js_sys::Reflect::set(&options, &"maxByteLength".into(), &MAX_BYTES.into());
        Self {
            buffer: resizable.and_then(|_| ResizableBuffer::new(0, &options)).ok(),
        }
    }

    /// `parts`, one after the other, until the next call.
    pub(super) fn fill(&self, parts: &[&[u8]]) -> Uint8Array {
        let all_bytes = parts.iter().map(|part| part.len()).sum::<usize>() as u32;
        let buffer = self
            .buffer
            .as_ref()
            .filter(|buffer| buffer.resize(all_bytes).is_ok());
        let value = match buffer {
            Some(buffer) => Uint8Array::new(buffer.unchecked_ref::<ArrayBuffer>()),
            // Too large, or a browser that has fixed buffers only (and ignores the option).
            None => Uint8Array::new_with_length(all_bytes),
        };
        let mut start = 0;
        for part in parts {
            let end = start + part.len() as u32;
            value.subarray(start, end).copy_from(part);
            start = end;
        }
        value
    }
}
