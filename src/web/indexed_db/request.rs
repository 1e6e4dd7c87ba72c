//! A request of IndexedDB as a future.
//!
//! A transaction stays open as long as requests are made from the event of an earlier one. The future
//! wakes in that event and its task runs in the microtask after it, where the transaction still is
//! active; so awaiting several answers of one transaction is fine, and awaiting anything else between
//! them is not. <https://w3c.github.io/IndexedDB/#transaction-lifecycle>

use super::error::{from_exception, from_thrown};
use crate::log::LogError;
use futures_channel::oneshot;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, IdbObjectStore, IdbRequest};

/// The result that an event will bring.
#[derive(Debug)]
pub(super) struct Slot<T> {
    /// `None` once it is filled.
    sender: Option<oneshot::Sender<T>>,
    receiver: oneshot::Receiver<T>,
}

impl<T> Slot<T> {
    pub(super) fn shared() -> Rc<RefCell<Self>> {
        let (sender, receiver) = oneshot::channel();
        Rc::new(RefCell::new(Self {
            sender: Some(sender),
            receiver,
        }))
    }

    /// The first value stays.
    pub(super) fn fill(&mut self, value: T) {
        if let Some(sender) = self.sender.take() {
            let _ = sender.send(value);
        }
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<T> {
        match Pin::new(&mut self.receiver).poll(context) {
            Poll::Ready(Ok(value)) => Poll::Ready(value),
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

/// Resolves with the result of a request. Dropping it leaves the request to its transaction.
#[derive(Debug)]
#[must_use = "the request is made, but its error goes unseen"]
pub(super) struct RequestFuture {
    request: IdbRequest,
    slot: Rc<RefCell<Slot<Result<JsValue, LogError>>>>,
    _on_event: Closure<dyn FnMut(Event)>,
}

impl RequestFuture {
    /// The result of `request`, whose failure aborts its transaction.
    pub(super) fn of(request: Result<IdbRequest, JsValue>) -> Result<Self, LogError> {
        Self::new(request, false)
    }

    /// The result of `request`, whose failure is no failure of its transaction.
    pub(super) fn or_survive(request: Result<IdbRequest, JsValue>) -> Result<Self, LogError> {
        Self::new(request, true)
    }

    fn new(request: Result<IdbRequest, JsValue>, survive: bool) -> Result<Self, LogError> {
        let request = request.map_err(from_thrown)?;
        let slot = Slot::shared();
        let on_event = Closure::new({
            let request = request.clone();
            let slot = slot.clone();
            move |event: Event| {
                let result = match request.error() {
                    Ok(Some(error)) => {
                        if survive {
                            event.prevent_default();
                        }
                        Err(from_exception(&error))
                    }
                    _ => request.result().map_err(from_thrown),
                };
                slot.borrow_mut().fill(result);
            }
        });
        let handler = Some(on_event.as_ref().unchecked_ref());
        request.set_onsuccess(handler);
        request.set_onerror(handler);
        Ok(Self {
            request,
            slot,
            _on_event: on_event,
        })
    }
}

/// Stores `value` at `key`. A failure aborts the transaction.
pub(super) fn put(store: &IdbObjectStore, value: &JsValue, key: &JsValue) -> Result<(), LogError> {
    store.put_with_key(value, key).map(drop).map_err(from_thrown)
}

impl Future for RequestFuture {
    type Output = Result<JsValue, LogError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.slot.borrow_mut().poll(context)
    }
}

impl Drop for RequestFuture {
    fn drop(&mut self) {
        self.request.set_onsuccess(None);
        self.request.set_onerror(None);
    }
}
