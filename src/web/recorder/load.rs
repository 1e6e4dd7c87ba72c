//! The beat of a recorder that works: measures its load, lowers and raises the detail, and reports its health.
//!
//! The first record after a quiet time starts the beat, and it ends when nothing is left to report or to raise: an idle
//! worker has no timer.

use super::running::Recorder;
use crate::config::CaptureConfig;
use crate::delivery::LinkState;
use crate::recorder::{Change, Cost, Load, Overload, Totals};
use crate::system;
use crate::web::clock::monotonic_ms;
use gloo_timers::callback::Timeout;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

const BEAT_MS: u32 = 2_000;

/// The load of a recorder, and what it has changed.
#[derive(Debug, Default)]
pub(super) struct LoadWatch {
    overload: RefCell<Overload>,
    /// The most messages that one relay has reported to hold since the last beat.
    relay_queue: Cell<u64>,
    /// The last seq at the last beat.
    seen_seq: Cell<u64>,
    timer: RefCell<Option<Timeout>>,
    recorder: RefCell<Weak<Recorder>>,
}

impl LoadWatch {
    /// Lets the beat reach its recorder.
    pub(super) fn begin(&self, recorder: &Rc<Recorder>) {
        self.recorder.replace(Rc::downgrade(recorder));
        self.beat_later();
    }

    /// Something was published.
    pub(super) fn beat_later(&self) {
        if self.timer.borrow().is_some() {
            return;
        }
        let weak = self.recorder.borrow().clone();
        if weak.strong_count() == 0 {
            return;
        }
        let timer = Timeout::new(BEAT_MS, move || {
            let Some(recorder) = weak.upgrade() else { return };
            if let Some(fired) = recorder.load.timer.borrow_mut().take() {
                fired.forget();
            }
            recorder.beat();
        });
        self.timer.replace(Some(timer));
    }

    /// A relay holds so many messages, and its page has spent time on its events.
    pub(super) fn note_relay(&self, queued: u64) {
        self.relay_queue.set(self.relay_queue.get().max(queued));
    }

    /// The detail levels in `patch` are a person's word: they hold although the load had lowered them.
    pub(super) fn forget_levels_in(&self, patch: &serde_json::Value) {
        for (category, changes) in patch["categories"].as_object().into_iter().flatten() {
            if changes.get("detail_level").is_some() {
                self.overload.borrow_mut().forget(category);
            }
        }
    }

    /// Returns `settings` with the lowered levels in place.
    pub(super) fn apply(&self, settings: &CaptureConfig) -> CaptureConfig {
        self.overload.borrow().apply(settings)
    }

    /// The lowered levels, for the status.
    pub(super) fn lowered(&self, settings: &CaptureConfig) -> Vec<crate::recorder::Lowered> {
        self.overload.borrow().lowered(settings)
    }
}

impl Recorder {
    fn beat(&self) {
        let load = self.load_now();
        let change = {
            let session = self.session.borrow();
            let bytes = |category: &str| {
                let mut all = session.bytes_by_category();
                all.find(|(name, _)| *name == category)
                    .map_or(0, |(_, bytes)| bytes)
            };
            let mut overload = self.load.overload.borrow_mut();
            overload.beat(load, &self.settings.borrow(), bytes)
        };
        if let Some(Change { category, to, reason }) = change {
            self.publish_system(&system::level_changed(category, to, &reason, &self.config()));
            self.notice.changed();
        }
        let mut health = self.health.borrow_mut();
        health.depths(
            load.relay_queue,
            load.uncommitted_bytes,
            self.status().backlog_events,
        );
        let totals = self.totals();
        let lowered = self.load.lowered(&self.settings.borrow());
        let names = lowered.iter().map(|one| (one.category, one.to.as_str()));
        let names: serde_json::Map<_, _> = names.map(|(name, to)| (name.into(), json!(to))).collect();
        let report = health.report(monotonic_ms(), &totals, &names.into());
        let is_unreported = report.is_none() && health.is_due_later(&totals);
        drop(health);
        if let Some(data) = report {
            self.publish_system(&system::health(&data));
        }
        let latest_seq = self.session.borrow().latest_seq();
        let is_busy = self.load.seen_seq.replace(latest_seq) != latest_seq;
        if is_busy || is_unreported || !lowered.is_empty() {
            self.load.beat_later();
        }
    }

    fn load_now(&self) -> Load {
        let delivery = self.delivery.borrow();
        let status = delivery.as_ref().map(crate::delivery::Delivery::status);
        let flows = status.filter(|status| status.state == LinkState::Ok);
        Load {
            relay_queue: self.load.relay_queue.take(),
            uncommitted_bytes: self.session.borrow().pending_bytes() as u64,
            undelivered_events: flows.map_or(0, |status| status.backlog_events),
        }
    }

    fn totals(&self) -> Totals {
        let session = self.session.borrow();
        let events = session.counts_by_category();
        Totals {
            events: events
                .map(|(name, events, _)| (name.to_owned(), events))
                .collect(),
            bytes: session.bytes_by_category().map(|(_, bytes)| bytes).sum(),
            dropped: session.counts().gap_seqs,
        }
    }

    /// Measures the time that `take` spends on events of a page.
    pub(super) fn measured<T>(&self, take: impl FnOnce() -> T, events: impl FnOnce(&T) -> u64) -> T {
        let begun_ms = monotonic_ms();
        let taken = take();
        let micros = (monotonic_ms() - begun_ms) * 1_000.0;
        let events = events(&taken);
        self.health.borrow_mut().worker(Cost { events, micros });
        taken
    }
}
