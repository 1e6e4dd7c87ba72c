//! A transaction that is never half done: dropping it before its commit is asked for aborts it.

use super::Durability;
use super::error::{from_exception, from_thrown};
use super::request::Slot;
use crate::log::LogError;
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DomException, IdbDatabase, IdbObjectStore, IdbRequest, IdbTransaction, IdbTransactionMode};

#[wasm_bindgen]
extern "C" {
    /// `IDBDatabase`, for the one call that web-sys has only behind a compiler flag.
    type WithOptions;

    #[wasm_bindgen(method, catch)]
    fn transaction(
        this: &WithOptions,
        stores: &JsValue,
        mode: &str,
        options: &JsValue,
    ) -> Result<IdbTransaction, JsValue>;
}

#[derive(Debug)]
pub(super) struct Transaction {
    raw: IdbTransaction,
    outcome: Rc<RefCell<Slot<Result<(), LogError>>>>,
    /// Kept for as long as the browser may call them.
    _handlers: [Closure<dyn FnMut()>; 2],
    decider: Option<Decider>,
    is_settled: bool,
}

impl Transaction {
    /// Begins one that reads. Nothing has to complete it.
    pub(super) fn read_only(database: &IdbDatabase, stores: &JsValue) -> Result<Self, JsValue> {
        let mode = IdbTransactionMode::Readonly;
        Ok(Self::watch(
            database.transaction_with_str_sequence_and_mode(stores, mode)?,
        ))
    }

    /// Begins one that writes.
    pub(super) fn read_write(
        database: &IdbDatabase,
        stores: &JsValue,
        durability: Durability,
    ) -> Result<Self, JsValue> {
        let options = js_sys::Object::new();
        js_sys::Reflect::set(&options, &"durability".into(), &durability.as_str().into())?;
        let raw =
            database
                .unchecked_ref::<WithOptions>()
                .transaction(stores, "readwrite", options.as_ref())?;
        Ok(Self::watch(raw))
    }

    fn watch(raw: IdbTransaction) -> Self {
        let outcome = Slot::shared();
        let on_complete = Closure::<dyn FnMut()>::new({
            let outcome = outcome.clone();
            move || outcome.borrow_mut().fill(Ok(()))
        });
        let on_abort = Closure::<dyn FnMut()>::new({
            let raw = raw.clone();
            let outcome = outcome.clone();
            move || outcome.borrow_mut().fill(Err(abort_reason(raw.error())))
        });
        raw.set_oncomplete(Some(on_complete.as_ref().unchecked_ref()));
        raw.set_onabort(Some(on_abort.as_ref().unchecked_ref()));
        Self {
            raw,
            outcome,
            _handlers: [on_complete, on_abort],
            decider: None,
            is_settled: false,
        }
    }

    pub(super) fn store(&self, name: &str) -> Result<IdbObjectStore, LogError> {
        self.raw.object_store(name).map_err(from_thrown)
    }

    /// Commits, and resolves when that is done. Without `commit()` the browser would first wait for the
    /// answers of all requests to come back here.
    pub(super) async fn complete(self) -> Result<(), LogError> {
        commit(&self.raw)?;
        self.outcome().await
    }

    /// Commits if `decide` agrees to the answer of `request`, and else aborts with its error.
    ///
    /// It decides in the event that brings the answer, not in the task that waits: were that late, the
    /// browser would commit what was asked for so far.
    pub(super) async fn complete_if(
        mut self,
        request: Result<IdbRequest, JsValue>,
        decide: impl FnOnce(&JsValue) -> Result<(), LogError> + 'static,
    ) -> Result<(), LogError> {
        let request = request.map_err(from_thrown)?;
        let on_success = Closure::<dyn FnMut()>::new({
            let request = request.clone();
            let raw = self.raw.clone();
            let outcome = self.outcome.clone();
            let mut decide = Some(decide);
            move || {
                let Some(decide) = decide.take() else { return };
                let decided = request
                    .result()
                    .map_err(from_thrown)
                    .and_then(|answer| decide(&answer));
                if let Err(error) = decided.and_then(|()| commit(&raw)) {
                    outcome.borrow_mut().fill(Err(error));
                    // It throws when the browser has aborted it before, which is as well.
                    let _ = raw.abort();
                }
            }
        });
        request.set_onsuccess(Some(on_success.as_ref().unchecked_ref()));
        self.decider = Some(Decider {
            request,
            _on_success: on_success,
        });
        self.outcome().await
    }

    async fn outcome(mut self) -> Result<(), LogError> {
        // With a decider, dropping this future before the answer comes aborts the transaction.
        self.is_settled = self.decider.is_none();
        let outcome = poll_fn(|context| self.outcome.borrow_mut().poll(context)).await;
        // An abort would throw, because the transaction has ended.
        self.is_settled = true;
        outcome
    }
}

/// The request whose answer decides.
#[derive(Debug)]
struct Decider {
    request: IdbRequest,
    _on_success: Closure<dyn FnMut()>,
}

impl Drop for Decider {
    fn drop(&mut self) {
        self.request.set_onsuccess(None);
    }
}

#[expect(
    deprecated,
    reason = "web-sys follows an old draft; the specification has commit()"
)]
fn commit(raw: &IdbTransaction) -> Result<(), LogError> {
    raw.commit().map_err(from_thrown)
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.raw.set_oncomplete(None);
        self.raw.set_onabort(None);
        if !self.is_settled {
            // It throws when the transaction has already ended, which is as well.
            let _ = self.raw.abort();
        }
    }
}

/// A transaction that was aborted by a failing request or commit has an error; one aborted by us or
/// because its connection went away has none. <https://w3c.github.io/IndexedDB/#abort-a-transaction>
fn abort_reason(error: Option<DomException>) -> LogError {
    error.map_or_else(
        || LogError::Other {
            name: "AbortError".into(),
            message: "the transaction was aborted, as when its database is closed or deleted".into(),
        },
        |error| from_exception(&error),
    )
}
