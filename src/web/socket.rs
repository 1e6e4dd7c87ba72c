//! A WebSocket to the collector, for a steady stream of sealed requests.
//!
//! A message costs the browser a fraction of what a request does: each request passes through the proxies that Chromium
//! puts before all of them while an extension listens to webRequest, and is reported to that extension, our own, five
//! times. So a second request that closely follows the first opens a connection in the background, and those after it
//! are its messages. Nothing waits for the connection, and without it every request goes through `fetch`.

use super::clock::monotonic_ms;
use crate::delivery::{MAX_REPLY_BYTES, Target, TransportError};
use crate::sealed;
use crate::wake::WakeList;
use gloo_timers::future::TimeoutFuture;
use js_sys::Uint8Array;
use std::cell::{Cell, RefCell};
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::Poll;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

/// A request that follows another within this time belongs to a stream.
const STREAM_MS: f64 = 1_000.0;
/// A connection without requests is closed after one to two times this. The collector waits for longer.
const IDLE_MS: u32 = 5_000;
/// The time until the next attempt after a connection failed; it doubles with each failure.
const RETRY_MS: f64 = 1_000.0;
/// The longest such time: a policy may forbid WebSockets, and the browser reports each attempt in the console.
const MAX_RETRY_MS: f64 = 600_000.0;

/// The WebSocket of a transport, if one is open. It carries one request at a time.
#[derive(Debug)]
pub(super) struct Socket {
    address: String,
    used_at_ms: Cell<f64>,
    shared: Rc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The connection, unless a request is using it.
    idle: RefCell<Option<Connection>>,
    /// Failures since the last answer of the collector through a connection.
    failures: Cell<u32>,
    retry_at_ms: Cell<f64>,
}

impl Shared {
    fn on_failed(&self) {
        let failures = self.failures.get();
        let wait_ms = (RETRY_MS * f64::from(failures).exp2()).min(MAX_RETRY_MS);
        self.failures.set(failures.saturating_add(1));
        self.retry_at_ms.set(monotonic_ms() + wait_ms);
    }
}

impl Socket {
    pub(super) fn new(target: &Target) -> Self {
        let query = target.pairing().map_or_else(String::new, |pairing| {
            let pairing: String = form_urlencoded::byte_serialize(pairing.as_bytes()).collect();
            format!("?pairing={pairing}")
        });
        Self {
            address: format!("ws://{}{}{query}", target.host_port(), sealed::PATH),
            used_at_ms: Cell::new(f64::NEG_INFINITY),
            shared: Rc::new(Shared {
                idle: RefCell::default(),
                failures: Cell::new(0),
                retry_at_ms: Cell::new(f64::NEG_INFINITY),
            }),
        }
    }

    /// Takes the open connection for one request. Without one, a connection is opened for the requests that follow if
    /// this is the second of a stream.
    pub(super) fn take_connection(&self) -> Option<BusyConnection> {
        let now_ms = monotonic_ms();
        let follows_closely = now_ms - self.used_at_ms.replace(now_ms) < STREAM_MS;
        let shared = &self.shared;
        let connection = shared.idle.take();
        match connection.as_ref().map(Connection::state) {
            Some(State::Open) => {
                return connection.map(|connection| BusyConnection {
                    connection: Some(connection),
                    shared: Rc::clone(shared),
                });
            }
            Some(State::Opening) => drop(shared.idle.replace(connection)),
            Some(State::Closed { was_open: false, .. }) => shared.on_failed(),
            Some(State::Closed { .. }) => {}
            None if follows_closely && now_ms >= shared.retry_at_ms.get() => self.open(),
            None => {}
        }
        None
    }

    fn open(&self) {
        match Connection::open(&self.address) {
            Ok(connection) => {
                let events = Rc::downgrade(&connection.events);
                drop(self.shared.idle.replace(Some(connection)));
                wasm_bindgen_futures::spawn_local(close_when_idle(Rc::downgrade(&self.shared), events));
            }
            // This environment has no WebSockets, or refuses this address.
            Err(_) => self.shared.retry_at_ms.set(f64::INFINITY),
        }
    }
}

/// Closes a connection after a time without a request, or if it does not open.
async fn close_when_idle(shared: Weak<Shared>, events: Weak<Events>) {
    let mut before = 0;
    loop {
        TimeoutFuture::new(IDLE_MS).await;
        let (Some(shared), Some(events)) = (shared.upgrade(), events.upgrade()) else {
            return;
        };
        let requests = events.requests.get();
        if requests == before && shared.idle.borrow().is_some() {
            if matches!(
                events.state.get(),
                State::Opening | State::Closed { was_open: false, .. }
            ) {
                shared.on_failed();
            }
            drop(shared.idle.take());
            return;
        }
        before = requests;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Opening,
    Open,
    Closed { was_open: bool, code: u16 },
}

/// The state of a connection, as the browser's events report it.
#[derive(Debug)]
struct Events {
    state: Cell<State>,
    /// The answer to the last request.
    answer: RefCell<Option<Result<Vec<u8>, TransportError>>>,
    wake: WakeList,
    requests: Cell<u64>,
}

/// A WebSocket. Dropping it closes it.
#[derive(Debug)]
struct Connection {
    socket: WebSocket,
    events: Rc<Events>,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl Connection {
    fn state(&self) -> State {
        match self.events.state.get() {
            // It is being closed; the event follows.
            State::Open if self.socket.ready_state() != WebSocket::OPEN => State::Closed {
                was_open: true,
                code: 0,
            },
            state => state,
        }
    }

    fn open(address: &str) -> Result<Self, JsValue> {
        let socket = WebSocket::new(address)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let events = Rc::new(Events {
            state: Cell::new(State::Opening),
            answer: RefCell::default(),
            wake: WakeList::default(),
            requests: Cell::new(0),
        });
        let on_open = Closure::new({
            let events = Rc::clone(&events);
            move || events.state.set(State::Open)
        });
        let on_message = Closure::new({
            let events = Rc::clone(&events);
            move |message: MessageEvent| {
                *events.answer.borrow_mut() = Some(answer(&message.data()));
                events.wake.wake();
            }
        });
        let on_close = Closure::new({
            let events = Rc::clone(&events);
            move |close: CloseEvent| {
                let was_open = events.state.get() == State::Open;
                let code = close.code();
                events.state.set(State::Closed { was_open, code });
                events.wake.wake();
            }
        });
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Self {
            socket,
            events,
            _on_open: on_open,
            _on_message: on_message,
            _on_close: on_close,
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // It throws only for an invalid close code, and this call has none.
        let _ = self.socket.close();
    }
}

/// Returns the bytes of a message: none for a text, which is never a sealed answer.
fn answer(data: &JsValue) -> Result<Vec<u8>, TransportError> {
    if data.is_string() {
        return Ok(Vec::new());
    }
    let bytes = Uint8Array::new(data);
    if bytes.length() as usize > MAX_REPLY_BYTES {
        return Err(TransportError::ReplyTooLong);
    }
    Ok(bytes.to_vec())
}

/// A connection that carries a request. Dropping it closes it, so that a late answer is never matched to a later
/// request.
#[derive(Debug)]
pub(super) struct BusyConnection {
    connection: Option<Connection>,
    shared: Rc<Shared>,
}

impl BusyConnection {
    /// Sends a sealed request and returns the next message, which is its answer if it opens.
    pub(super) async fn exchange(&self, request: &[u8], timeout_ms: f64) -> Result<Vec<u8>, TransportError> {
        let Some(Connection { socket, events, .. }) = &self.connection else {
            return Err(close_error(0));
        };
        events.requests.set(events.requests.get() + 1);
        *events.answer.borrow_mut() = None;
        socket.send_with_u8_array(request)?;
        let mut timeout = pin!(TimeoutFuture::new(timeout_ms as u32));
        poll_fn(|context| {
            events.wake.park(context.waker());
            if let Some(answer) = events.answer.take() {
                return Poll::Ready(answer);
            }
            if let State::Closed { code, .. } = events.state.get() {
                return Poll::Ready(Err(close_error(code)));
            }
            let timed_out = |()| Err(TransportError::TimedOut(timeout_ms));
            timeout.as_mut().poll(context).map(timed_out)
        })
        .await
    }

    /// The answer was the collector's own: the connection is free for the next request.
    pub(super) fn release(mut self) {
        self.shared.failures.set(0);
        drop(self.shared.idle.replace(self.connection.take()));
    }
}

impl Drop for BusyConnection {
    fn drop(&mut self) {
        if self.connection.is_some() {
            self.shared.on_failed();
        }
    }
}

fn close_error(code: u16) -> TransportError {
    match code.checked_sub(sealed::CLOSE_CODE_BASE) {
        Some(status @ 400..=599) => TransportError::NotProven(status),
        _ => TransportError::Failed(format!("the connection was closed with code {code}")),
    }
}
