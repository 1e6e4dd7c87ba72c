//! A capture session as JavaScript holds it.

use super::clock::{BrowserClock, wall_micros};
use super::errors::error;
use super::indexed_db::IndexedDbLog;
use super::input_buffer::InputBuffer;
use super::logs::JsLogs;
use super::platform::BrowserPlatform;
use super::reader::JsReader;
use super::redaction;
use crate::event::Trust;
use crate::log::LogError;
use crate::record::SessionId;
use crate::recorder::{CommitObserver, Committer, new_session_id};
use crate::redaction::Redactor;
use crate::ring::{RingBuffer, ZeroCapacity};
use crate::selector::Selector;
use crate::session::{BatchReceipt, CaptureSession};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// The wasm half of the TypeScript `CaptureSession`.
#[wasm_bindgen(js_name = WasmSession)]
#[derive(Debug)]
pub struct JsSession {
    session: Rc<RefCell<CaptureSession>>,
    input: InputBuffer,
    committer: Option<Committer<IndexedDbLog, NoopObserver, BrowserPlatform>>,
}

/// Observes nothing: no other owner resumes a session of this kind, and its owner asks for its state.
#[derive(Debug)]
struct NoopObserver;

impl CommitObserver for NoopObserver {
    fn committed(&self, _seq: u64) {}

    fn failed(&self, _error: &LogError) {}

    async fn before_degrading(&self) {}
}

#[wasm_bindgen(js_class = WasmSession)]
impl JsSession {
    /// Begins a session in memory, with a new id unless one is given.
    ///
    /// # Errors
    /// `invalid_session_id`, `invalid_capacity`.
    #[wasm_bindgen(constructor)]
    pub fn new(session_id: Option<String>, ring_capacity: u32, ring_max_bytes: u32) -> Result<Self, JsValue> {
        let ring = ring(ring_capacity, ring_max_bytes)?;
        let session = CaptureSession::new(session_id_or_new(session_id)?, ring);
        Ok(Self {
            session: Rc::new(RefCell::new(session)),
            input: InputBuffer::default(),
            committer: None,
        })
    }

    /// Begins or resumes the session whose logs were opened.
    ///
    /// # Errors
    /// `invalid_capacity`.
    #[wasm_bindgen(js_name = withLog)]
    pub fn with_log(logs: &JsLogs, ring_capacity: u32, ring_max_bytes: u32) -> Result<Self, JsValue> {
        let ring = ring(ring_capacity, ring_max_bytes)?;
        let session = CaptureSession::with_log(logs.session_id, ring, &logs.head);
        let session = Rc::new(RefCell::new(session));
        let committer = Some(Committer::new(
            session.clone(),
            logs.log.clone(),
            NoopObserver,
            BrowserPlatform,
        ));
        Ok(Self {
            session,
            input: InputBuffer::default(),
            committer,
        })
    }

    fn published(&self) {
        if let Some(committer) = &self.committer {
            committer.schedule();
        }
    }

    /// Redacts every later event, with placeholders hashed under 32 bytes and by the rules of a JSON text.
    ///
    /// # Errors
    /// `invalid_redaction_key`, `invalid_redaction`.
    #[wasm_bindgen(js_name = redactWith)]
    pub fn redact_with(&self, key: &[u8], rules: &str) -> Result<(), JsValue> {
        let key: [u8; 32] = key.try_into().map_err(|_| {
            let message = format!("redactionKey: expected 32 bytes, got {}", key.len());
            error("invalid_redaction_key", &message)
        })?;
        self.session
            .borrow_mut()
            .set_redactor(Some(Redactor::new(key, &redaction::rules(rules)?)));
        Ok(())
    }

    /// Redacts every later event by other rules.
    ///
    /// # Errors
    /// `invalid_redaction`: nothing has changed.
    #[wasm_bindgen(js_name = setRedaction)]
    pub fn set_redaction(&self, rules: &str) -> Result<(), JsValue> {
        self.session
            .borrow_mut()
            .set_redaction_rules(&redaction::rules(rules)?);
        Ok(())
    }

    /// Makes room in the [input buffer](super::input_buffer).
    pub fn reserve(&self, length: usize) -> *const u8 {
        self.input.reserve(length)
    }

    /// Publishes the event in the input buffer.
    ///
    /// # Errors
    /// `invalid_event`, `too_many_categories`, `closed`, …
    pub fn publish(&self, length: usize, data_last: bool) -> Result<f64, JsValue> {
        let published = publish(&self.session, &self.input, length, data_last);
        self.published();
        published
    }

    /// Publishes the lines in the input buffer: `[first_seq, last_seq, index, code, message, …]`.
    ///
    /// # Errors
    /// `batch_too_large`, `closed`, `superseded`.
    #[wasm_bindgen(js_name = publishBatch)]
    pub fn publish_batch(&self, length: usize, data_last: bool) -> Result<js_sys::Array, JsValue> {
        let mut session = self.session.borrow_mut();
        let receipt = self.input.read(length, |lines| {
            session.publish_batch(lines, trust(data_last), BrowserClock)
        });
        drop(session);
        self.published();
        Ok(packed(&receipt?))
    }

    /// Spends seqs on a gap.
    ///
    /// # Errors
    /// `invalid_drop`, `closed`, `superseded`.
    #[wasm_bindgen(js_name = recordDrop)]
    pub fn record_drop(&self, category: &str, count: u32, reason: &str) -> Result<f64, JsValue> {
        let recorded = record_drop(&self.session, category, count, reason);
        self.published();
        recorded
    }

    /// A reader after `after_seq`; the selector as JSON: an object, or a string that is its text form.
    ///
    /// # Errors
    /// `cursor_ahead`, `invalid_selector`.
    pub fn reader(&self, after_seq: f64, selector: &str) -> Result<JsReader, JsValue> {
        reader(&self.session, after_seq, selector)
    }

    /// Resolves once `seq` is committed.
    ///
    /// # Errors
    /// `cursor_ahead`, `closed`, `superseded`.
    pub async fn committed(&self, seq: f64) -> Result<(), JsValue> {
        if let Some(committer) = &self.committer {
            committer.hurry();
        }
        committed(&self.session.clone(), seq).await
    }

    /// Takes no more publishes.
    pub fn close(&self) {
        self.session.borrow_mut().close();
        self.published();
    }

    /// Its id.
    #[wasm_bindgen(getter, js_name = sessionId)]
    pub fn session_id(&self) -> String {
        self.session.borrow().session_id().to_string()
    }

    /// The last seq spent.
    #[wasm_bindgen(getter, js_name = latestSeq)]
    pub fn latest_seq(&self) -> f64 {
        self.session.borrow().latest_seq() as f64
    }

    /// The last seq committed.
    #[wasm_bindgen(getter, js_name = committedSeq)]
    pub fn committed_seq(&self) -> f64 {
        self.session.borrow().committed_seq() as f64
    }

    /// `logged`, `volatile`, `closed` or `superseded`.
    #[wasm_bindgen(getter)]
    pub fn state(&self) -> String {
        self.session.borrow().state().as_str().to_owned()
    }
}

const fn trust(data_last: bool) -> Trust {
    if data_last {
        Trust::OwnDataLast
    } else {
        Trust::Untrusted
    }
}

pub(super) fn session_id(text: &str) -> Result<SessionId, JsValue> {
    text.parse().map_err(|bad| error("invalid_session_id", &bad))
}

pub(super) fn session_id_or_new(text: Option<String>) -> Result<SessionId, JsValue> {
    text.map_or_else(|| Ok(new_session_id(&BrowserPlatform)), |text| session_id(&text))
}

pub(super) fn ring(capacity: u32, max_bytes: u32) -> Result<RingBuffer, JsValue> {
    RingBuffer::new(capacity as usize, max_bytes as usize).map_err(|zero| error(ZeroCapacity::CODE, &zero))
}

/// Publishes the event in the input buffer.
pub(super) fn publish(
    session: &RefCell<CaptureSession>,
    input: &InputBuffer,
    length: usize,
    data_last: bool,
) -> Result<f64, JsValue> {
    let publish = |event: &[u8]| {
        session
            .borrow_mut()
            .publish(event, trust(data_last), BrowserClock)
    };
    Ok(input.read(length, publish)? as f64)
}

pub(super) fn record_drop(
    session: &RefCell<CaptureSession>,
    category: &str,
    count: u32,
    reason: &str,
) -> Result<f64, JsValue> {
    let last_seq = session
        .borrow_mut()
        .record_drop(category, u64::from(count), reason)?;
    Ok(last_seq as f64)
}

pub(super) async fn committed(session: &RefCell<CaptureSession>, seq: f64) -> Result<(), JsValue> {
    let waiting = session.borrow().committed(seq as u64)?;
    waiting.await.map_err(|why| error(why.code(), &why))
}

pub(super) fn reader(
    session: &RefCell<CaptureSession>,
    after_seq: f64,
    selector: &str,
) -> Result<JsReader, JsValue> {
    let selector =
        Selector::from_json(selector, wall_micros()).map_err(|wrong| error("invalid_selector", &wrong))?;
    let reader = session.borrow().reader(after_seq as u64, selector)?;
    Ok(JsReader::new(reader))
}

fn packed(receipt: &BatchReceipt) -> js_sys::Array {
    let array = js_sys::Array::of2(
        &(receipt.first_seq as f64).into(),
        &(receipt.last_seq as f64).into(),
    );
    for refused in &receipt.refused {
        array.push(&(refused.index as f64).into());
        array.push(&refused.error.code().into());
        array.push(&refused.error.to_string().into());
    }
    array
}
