//! The status of a recorder: `RecorderStatus` in `types.ts`.

use super::clock::{monotonic_ms, wall_micros};
use crate::recorder::Lowered;
use gloo_timers::callback::Timeout;
use js_sys::Function;
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::{Rc, Weak};
use wasm_bindgen::JsValue;

/// Most problems remembered.
const MAX_PROBLEMS: usize = 16;
/// A person sees changes at most this often.
const NOTICE_INTERVAL_MS: f64 = 1_000.0;

/// The whole status.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    pub(super) session_id: String,
    pub(super) epoch: u64,
    pub(super) state: &'static str,
    pub(super) latest_seq: u64,
    pub(super) committed_seq: u64,
    pub(super) categories: BTreeMap<String, CategoryStatus>,
    pub(super) errors: u64,
    pub(super) warnings: u64,
    pub(super) redactions: u64,
    pub(super) backlog_events: u64,
    pub(super) storage_bytes: u64,
    pub(super) storage_quota_bytes: Option<u64>,
    pub(super) storage_persistent: bool,
    pub(super) collector: CollectorStatus,
    pub(super) lowered: Vec<Lowered>,
    pub(super) problems: Vec<Problem>,
}

/// One category since this worker began.
#[derive(Debug, Serialize)]
pub(super) struct CategoryStatus {
    pub(super) events: u64,
    pub(super) dropped: u64,
}

/// How delivery goes.
#[derive(Debug, Default, Serialize)]
pub(super) struct CollectorStatus {
    pub(super) state: &'static str,
    pub(super) url: Option<String>,
    pub(super) store_id: Option<String>,
    pub(super) acked_seq: u64,
    pub(super) last_ack_ts: Option<u64>,
    pub(super) error: Option<String>,
}

/// Something a person should know.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Problem {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) ts: u64,
}

/// Remembers problems and notifies the callback that the status changed, at most once per second.
#[derive(Debug)]
pub(super) struct StatusNotice {
    listener: Option<Function>,
    problems: RefCell<VecDeque<Problem>>,
    last_notified_ms: Cell<f64>,
    timer: RefCell<Option<Timeout>>,
}

impl StatusNotice {
    pub(super) fn new(listener: Option<Function>) -> Rc<Self> {
        Rc::new(Self {
            listener,
            problems: RefCell::default(),
            last_notified_ms: Cell::new(f64::NEG_INFINITY),
            timer: RefCell::default(),
        })
    }

    /// Newest first.
    pub(super) fn problems(&self) -> Vec<Problem> {
        self.problems.borrow().iter().rev().cloned().collect()
    }

    /// Remembers a problem; a repeat of the newest only moves its time.
    pub(super) fn problem(self: &Rc<Self>, code: &str, message: &str) {
        let problem = Problem {
            code: code.to_owned(),
            message: message.to_owned(),
            ts: wall_micros(),
        };
        let mut problems = self.problems.borrow_mut();
        match problems.back_mut() {
            Some(newest) if newest.code == problem.code && newest.message == problem.message => {
                *newest = problem
            }
            _ => problems.push_back(problem),
        }
        if problems.len() > MAX_PROBLEMS {
            problems.pop_front();
        }
        drop(problems);
        self.changed();
    }

    /// Something else in the status changed.
    pub(super) fn changed(self: &Rc<Self>) {
        if self.listener.is_none() || self.timer.borrow().is_some() {
            return;
        }
        let since = monotonic_ms() - self.last_notified_ms.get();
        let wait = (NOTICE_INTERVAL_MS - since).clamp(0.0, NOTICE_INTERVAL_MS);
        let weak = Rc::downgrade(self);
        *self.timer.borrow_mut() = Some(Timeout::new(wait.ceil() as u32, move || Self::tell(&weak)));
    }

    fn tell(weak: &Weak<Self>) {
        let Some(this) = weak.upgrade() else { return };
        if let Some(fired) = this.timer.borrow_mut().take() {
            fired.forget();
        }
        this.last_notified_ms.set(monotonic_ms());
        if let Some(listener) = &this.listener {
            // A listener that throws is its owner's concern; the recorder continues.
            let _ = listener.call0(&JsValue::NULL);
        }
    }
}
