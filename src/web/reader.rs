//! A reader of a session's ring.

use crate::ring::{ReadResult, Reader};
use js_sys::Uint8Array;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// The wasm half of the TypeScript `Reader`.
#[wasm_bindgen(js_name = WasmReader)]
#[derive(Debug)]
pub struct JsReader {
    reader: Rc<RefCell<Reader>>,
}

impl JsReader {
    pub(super) fn new(reader: Reader) -> Self {
        Self {
            reader: Rc::new(RefCell::new(reader)),
        }
    }
}

#[wasm_bindgen(js_class = WasmReader)]
impl JsReader {
    /// The resume token.
    #[wasm_bindgen(getter, js_name = afterSeq)]
    pub fn after_seq(&self) -> f64 {
        self.reader.borrow().after_seq() as f64
    }

    /// The next result: `[kind, …]` as `index.ts` unpacks it, or undefined when caught up.
    #[wasm_bindgen(js_name = tryRead)]
    pub fn try_read(&self) -> JsValue {
        self.reader
            .borrow_mut()
            .try_read()
            .map_or(JsValue::UNDEFINED, |result| packed(&result))
    }

    /// The next result, waiting for it.
    pub async fn read(&self) -> JsValue {
        let reader = self.reader.clone();
        // Borrowed only while polled: `tryRead` in between is fine.
        let result = std::future::poll_fn(move |context| {
            let mut reader = reader.borrow_mut();
            std::pin::Pin::new(&mut reader.read()).poll(context)
        })
        .await;
        packed(&result)
    }
}

/// `["line", text]` for an event or a gap, `["dropped", count, nextSeq]`, `["closed"]`.
fn packed(result: &ReadResult) -> JsValue {
    let array = js_sys::Array::new();
    match result {
        ReadResult::Record(entry) => {
            array.push(&"line".into());
            array.push(&Uint8Array::from(&entry.line()[..]));
        }
        ReadResult::Dropped { count, next_seq } => {
            array.push(&"dropped".into());
            array.push(&(*count as f64).into());
            array.push(&(*next_seq as f64).into());
        }
        ReadResult::Closed => {
            array.push(&"closed".into());
        }
    }
    array.into()
}
