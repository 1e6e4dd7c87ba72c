//! A WebSocket to the collector, for a steady stream of sealed requests.
//!
//! A message costs the browser a fraction of what a request does: each request passes through the proxies that Chromium
//! puts before all of them while an extension listens to webRequest, and is reported to that extension, our own, five
//! times. So a second request that closely follows the first opens a connection behind it, and those after it are its
//! messages. Nothing waits for the connection, and without it every request goes through `fetch`.

use super::clock::monotonic_ms;
use crate::delivery::{MAX_REPLY_BYTES, Target, TransportError};
use crate::sealed;
use crate::wake::WakeList;
use gloo_timers::future::TimeoutFuture;
use js_sys::{ArrayBuffer, Uint8Array};
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
/// A connection without requests is closed; the collector would close it after 30 seconds.
const IDLE_MS: u32 = 5_000;
/// After a connection that could not be opened, the next one is tried so much later: a policy may forbid them, and the
/// browser reports each try in the console.
const RETRY_MS: f64 = 600_000.0;

/// The connection of a transport, while there is one. It carries one request at a time.
#[derive(Debug)]
pub(super) struct Socket {
    address: String,
    /// The connection, unless a request is using it.
    idle: Rc<RefCell<Option<Connection>>>,
    used_at_ms: Cell<f64>,
    retry_at_ms: Cell<f64>,
}

impl Socket {
    pub(super) fn new(target: &Target) -> Self {
        let query = target.pairing().map_or_else(String::new, |pairing| {
            let pairing: String = form_urlencoded::byte_serialize(pairing.as_bytes()).collect();
            format!("?pairing={pairing}")
        });
        Self {
            address: format!("ws://{}{}{query}", target.host_port(), sealed::PATH),
            idle: Rc::default(),
            used_at_ms: Cell::new(f64::NEG_INFINITY),
            retry_at_ms: Cell::new(f64::NEG_INFINITY),
        }
    }

    /// Returns the connection for one request. Without one, a connection is opened for the requests that follow if this
    /// is the second of a stream.
    pub(super) fn connected(&self) -> Option<InUse> {
        let now_ms = monotonic_ms();
        let follows_closely = now_ms - self.used_at_ms.replace(now_ms) < STREAM_MS;
        let connection = self.idle.take();
        match connection
            .as_ref()
            .map(|connection| connection.events.state.get())
        {
            Some(State::Open) => {
                return connection.map(|connection| InUse {
                    connection,
                    idle: Rc::downgrade(&self.idle),
                });
            }
            Some(State::Opening) => drop(self.idle.replace(connection)),
            Some(State::Closed { was_open: false, .. }) => self.retry_at_ms.set(now_ms + RETRY_MS),
            Some(State::Closed { .. }) => {}
            None if follows_closely && now_ms >= self.retry_at_ms.get() => {
                match Connection::open(&self.address) {
                    Ok(connection) => {
                        let events = Rc::downgrade(&connection.events);
                        drop(self.idle.replace(Some(connection)));
                        let idle = Rc::downgrade(&self.idle);
                        wasm_bindgen_futures::spawn_local(close_when_idle(idle, events));
                    }
                    // There are no WebSockets here.
                    Err(_) => self.retry_at_ms.set(f64::INFINITY),
                }
            }
            None => {}
        }
        None
    }
}

/// Closes a connection after a time without a request.
async fn close_when_idle(idle: Weak<RefCell<Option<Connection>>>, events: Weak<Events>) {
    let mut before = 0;
    loop {
        TimeoutFuture::new(IDLE_MS).await;
        let (Some(idle), Some(events)) = (idle.upgrade(), events.upgrade()) else {
            return;
        };
        let requests = events.requests.get();
        if requests == before && idle.borrow().is_some() {
            drop(idle.take());
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

/// What the browser has said of a connection.
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
        // It fails only with a code that is none.
        let _ = self.socket.close();
    }
}

/// The bytes of a message. A text is no sealed answer.
fn answer(data: &JsValue) -> Result<Vec<u8>, TransportError> {
    let Some(buffer) = data.dyn_ref::<ArrayBuffer>() else {
        return Ok(Vec::new());
    };
    if buffer.byte_length() as usize > MAX_REPLY_BYTES {
        return Err(TransportError::ReplyTooLong);
    }
    Ok(Uint8Array::new(buffer).to_vec())
}

/// A connection that carries a request. It is idle again after the answer; without one it is closed, so that no later
/// request takes that answer for its own.
#[derive(Debug)]
pub(super) struct InUse {
    connection: Connection,
    idle: Weak<RefCell<Option<Connection>>>,
}

impl InUse {
    /// Sends a sealed request and returns its answer.
    pub(super) async fn exchange(self, request: &[u8], timeout_ms: f64) -> Result<Vec<u8>, TransportError> {
        let Self { connection, idle } = self;
        let events = &connection.events;
        events.requests.set(events.requests.get() + 1);
        *events.answer.borrow_mut() = None;
        connection.socket.send_with_u8_array(request)?;
        let mut timeout = pin!(TimeoutFuture::new(timeout_ms as u32));
        let answer = poll_fn(|context| {
            events.wake.park(context.waker());
            if let Some(answer) = events.answer.take() {
                return Poll::Ready(answer);
            }
            if let State::Closed { code, .. } = events.state.get() {
                return Poll::Ready(Err(closed(code)));
            }
            let timed_out = |()| Err(TransportError::TimedOut(timeout_ms));
            timeout.as_mut().poll(context).map(timed_out)
        })
        .await?;
        if let Some(idle) = idle.upgrade() {
            drop(idle.replace(Some(connection)));
        }
        Ok(answer)
    }
}

fn closed(code: u16) -> TransportError {
    match code.checked_sub(sealed::CLOSED_WITH_STATUS) {
        Some(status @ 400..=599) => TransportError::NotProven(status),
        _ => TransportError::Failed(format!("the connection was closed with code {code}")),
    }
}
