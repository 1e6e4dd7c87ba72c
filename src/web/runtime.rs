//! The browser as a recorder needs it: timers, tasks, and the callbacks of the worker that owns it.

use super::platform::BrowserPlatform;
use super::status::StatusNotice;
use crate::recorder::{Host, ResumeRecord, Runtime};
use gloo_timers::callback::Timeout;
use js_sys::{Function, Promise};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// A timeout that is cleared when it is dropped, unless it has fired.
pub(super) struct BrowserTimer {
    timeout: Option<Timeout>,
    has_fired: Rc<Cell<bool>>,
}

impl Drop for BrowserTimer {
    fn drop(&mut self) {
        // Dropping the handle frees the closure, which may be the one that is running.
        if let Some(timeout) = self.timeout.take().filter(|_| self.has_fired.get()) {
            timeout.forget();
        }
    }
}

impl Runtime for BrowserPlatform {
    type Timer = BrowserTimer;

    fn after(&self, ms: f64, work: impl FnOnce() + 'static) -> BrowserTimer {
        let has_fired = Rc::new(Cell::new(false));
        let timeout = Timeout::new(ms.ceil() as u32, {
            let has_fired = has_fired.clone();
            move || {
                has_fired.set(true);
                work();
            }
        });
        BrowserTimer {
            timeout: Some(timeout),
            has_fired,
        }
    }

    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        wasm_bindgen_futures::spawn_local(work);
    }
}

/// The service worker that owns a recorder.
#[derive(Debug, Clone)]
pub(super) struct Worker {
    pub(super) save_resume: Function,
    pub(super) notice: Rc<StatusNotice>,
}

impl Host for Worker {
    type Runtime = BrowserPlatform;
    type SaveError = JsValue;

    fn runtime(&self) -> &BrowserPlatform {
        &BrowserPlatform
    }

    async fn save_resume(&self, record: Option<&ResumeRecord>) -> Result<(), JsValue> {
        // Plain objects: the storage of an extension takes JSON only, and a `Map` is not JSON.
        let record = record.serialize(&Serializer::json_compatible())?;
        let saving = self.save_resume.call1(&JsValue::NULL, &record)?;
        JsFuture::from(Promise::resolve(&saving)).await.map(|_| ())
    }

    fn problem(&self, code: &str, message: &str) {
        self.notice.problem(code, message);
    }

    fn changed(&self) {
        self.notice.changed();
    }
}
