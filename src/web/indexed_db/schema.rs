//! The schema of the database.
//!
//! | store | key | value |
//! |---|---|---|
//! | `segments` | `[session, category, first_seq]` | one `Uint8Array`: a [`Segment`](crate::log::Segment) in its stored form, or what is left of a retired one |
//! | `heads` | `session` | `{ epoch, latest_seq, committed_ms, categories, bytes, retained_from }` |
//! | `relays` | `relay_id` | `{ message, committed_ms }` |
//! | `acked` | `[session, store_id]` | `{ acked_seq, acked_ms }` |
//! | `meta` | name | `install_key`: 32 random bytes; `watched_until`: how far the newest session was [watched](crate::coverage::WatchedUntil) |
//!
//! Keys are outside of the values and there is no index: a commit costs one put per category and one for
//! the head, and a new category costs nothing.

use super::error::{from_exception, from_thrown};
use super::request::{RequestFuture, Slot};
use crate::log::LogError;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, IdbDatabase, IdbFactory, IdbOpenDbRequest, IdbRequestReadyState};

pub(super) const SEGMENTS: &str = "segments";
pub(super) const HEADS: &str = "heads";
pub(super) const RELAYS: &str = "relays";
pub(super) const ACKED: &str = "acked";
pub(super) const META: &str = "meta";

const STORES: [&str; 5] = [SEGMENTS, HEADS, RELAYS, ACKED, META];

/// Version 1 of this schema is number 10 for IndexedDB, so that what came before it has numbers too.
const IDB_VERSION: u32 = 10;

/// This environment's `indexedDB`.
pub(super) fn factory() -> Result<IdbFactory, LogError> {
    // Reading the property throws where the origin is opaque (a sandboxed frame, a data: page).
    let value = js_sys::Reflect::get(&js_sys::global(), &"indexedDB".into())
        .map_err(|thrown| LogError::Unavailable(from_thrown(thrown).to_string()))?;
    value
        .dyn_into()
        .map_err(|_| LogError::Unavailable("there is no global indexedDB".into()))
}

/// The name of the database that is used in place of `base`: of `base`, `base.2`, `base.3` … the last that exists.
/// `base` where the browser does not list its databases.
pub(super) async fn newest(base: &str) -> String {
    let numbers = listed().await.unwrap_or_default();
    let number = numbers.iter().filter_map(|name| number_of(base, name)).max();
    numbered(base, number.unwrap_or(1))
}

/// Returns the number of a database whose name begins with `base`, from 1; `None` for another database.
pub(super) fn number_of(base: &str, name: &str) -> Option<u32> {
    match name.strip_prefix(base)? {
        "" => Some(1),
        rest => rest.strip_prefix('.')?.parse().ok().filter(|number| *number > 1),
    }
}

/// The name of a database in the line of `base`.
pub(super) fn numbered(base: &str, number: u32) -> String {
    if number == 1 {
        base.to_owned()
    } else {
        format!("{base}.{number}")
    }
}

/// The names of all databases of this origin. web-sys has `databases()` behind a flag that every build would have to
/// set. <https://w3c.github.io/IndexedDB/#dom-idbfactory-databases>
async fn listed() -> Result<Vec<String>, JsValue> {
    let factory = factory().map_err(|error| JsValue::from_str(&error.to_string()))?;
    let databases = js_sys::Reflect::get(&factory, &"databases".into())?.dyn_into::<js_sys::Function>()?;
    let listing = databases.call0(&factory)?.dyn_into::<js_sys::Promise>()?;
    let infos = js_sys::Array::from(&wasm_bindgen_futures::JsFuture::from(listing).await?);
    let name = |info: JsValue| js_sys::Reflect::get(&info, &"name".into()).ok()?.as_string();
    Ok(infos.iter().filter_map(name).collect())
}

/// Opens the database, making or upgrading it first.
///
/// After a [`LogError::Blocked`] the request stays queued in the browser: when the other connection goes,
/// it upgrades the database and closes it again, and the next open finds it done.
pub(super) async fn open(name: &str) -> Result<IdbDatabase, LogError> {
    let request = factory()?.open_with_u32(name, IDB_VERSION).map_err(from_thrown)?;
    Opening::new(request).await
}

struct Opening {
    outcome: Rc<RefCell<Slot<Result<IdbDatabase, LogError>>>>,
    /// The caller has stopped waiting: a connection that comes now is closed.
    abandoned: Rc<Cell<bool>>,
    /// `None` once the browser must keep it for what is still to come.
    on_event: Option<Closure<dyn FnMut(Event)>>,
    request: IdbOpenDbRequest,
}

impl Opening {
    fn new(request: IdbOpenDbRequest) -> Self {
        let outcome = Slot::shared();
        let abandoned = Rc::new(Cell::new(false));
        let on_event = Closure::new({
            let request = request.clone();
            let outcome = outcome.clone();
            let abandoned = abandoned.clone();
            move |event: Event| match on_event(&request, &event) {
                Some(Ok(database)) if abandoned.get() => database.close(),
                Some(result) => outcome.borrow_mut().fill(result),
                None => {}
            }
        });
        let handler = Some(on_event.as_ref().unchecked_ref());
        request.set_onsuccess(handler);
        request.set_onerror(handler);
        request.set_onupgradeneeded(handler);
        request.set_onblocked(handler);
        Self {
            outcome,
            abandoned,
            on_event: Some(on_event),
            request,
        }
    }
}

fn on_event(request: &IdbOpenDbRequest, event: &Event) -> Option<Result<IdbDatabase, LogError>> {
    match event.type_().as_str() {
        "success" => Some(request.result().map_err(from_thrown).map(JsCast::unchecked_into)),
        "upgradeneeded" => {
            let failed = upgrade(request).err()?;
            if let Some(transaction) = request.transaction() {
                // The abort raises a second error; the first one is reported.
                let _ = transaction.abort();
            }
            Some(Err(failed))
        }
        "blocked" => Some(Err(LogError::Blocked)),
        _ => Some(Err(match request.error() {
            Ok(Some(error)) => from_exception(&error),
            Ok(None) => return None,
            Err(thrown) => from_thrown(thrown),
        })),
    }
}

impl Future for Opening {
    type Output = Result<IdbDatabase, LogError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.outcome.borrow_mut().poll(context)
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if self.request.ready_state() == IdbRequestReadyState::Pending {
            self.abandoned.set(true);
            if let Some(on_event) = self.on_event.take() {
                on_event.forget();
            }
            return;
        }
        self.request.set_onsuccess(None);
        self.request.set_onerror(None);
        self.request.set_onupgradeneeded(None);
        self.request.set_onblocked(None);
    }
}

/// Brings a database of any earlier version here, keeping what is in it. Every row of an earlier version
/// is read by this one (fields that are absent have a default), so making what is missing is all.
fn upgrade(request: &IdbOpenDbRequest) -> Result<(), LogError> {
    let database: IdbDatabase = request.result().map_err(from_thrown)?.unchecked_into();
    let names = database.object_store_names();
    for store in STORES {
        if !names.contains(store) {
            database.create_object_store(store).map_err(from_thrown)?;
        }
    }
    Ok(())
}

/// Deletes the whole database: what "forget everything" does.
pub(super) async fn delete(name: &str) -> Result<(), LogError> {
    let request = factory()?.delete_database(name).map_err(from_thrown)?;
    RequestFuture::of(Ok(request.unchecked_into()))?.await.map(drop)
}
