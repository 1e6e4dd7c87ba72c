//! A session without its log: what would be lost with its memory is kept outside of it.
//!
//! The resume record of a degraded session cannot be resumed. It counts, per category, what memory alone holds, and is
//! saved again after every publish batch and every acknowledgement, one save at a time. Relays are answered when it is
//! saved: what they then drop is either delivered or counted as lost.
//!
//! While the session has its log, the record says every few seconds what the log alone holds. Should the next recorder
//! find that log empty, or unable to be opened for good, it makes gaps of that. Chromium clears a database that a full
//! disk has damaged: after a first failure the record is saved at every commit, and relays are answered after that.

mod recovery;

use super::committer::CommitObserver;
use super::health::HealthMeter;
use super::host::{Host, RecorderLog, ResumeRecord, Runtime};
use super::open::Opened;
use crate::delivery::{Delivery, Platform};
use crate::event::Trust;
use crate::log::{LogError, RelayCursor};
use crate::relay::RelayLedger;
use crate::ring::RingBuffer;
use crate::session::{
    CaptureSession, CommitWatch, Committed, LossRecord, State, Undelivered, UndeliveredCounter,
};
use crate::system;
use std::cell::{Cell, RefCell};
use std::ops::RangeInclusive;
use std::rc::Rc;

/// How old the record of what the log alone holds may become, while no commit has failed.
const LOGGED_RECORD_MS: f64 = 5_000.0;

/// After so many failed retries, which take about a minute, a database that cannot be opened counts as damaged.
const SET_ASIDE_FAILURES: u32 = 6;

/// The state that the parts of a recorder share.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The session.
    pub session: Rc<RefCell<CaptureSession>>,
    /// Its ring.
    pub ring: RingBuffer,
    /// The relays that send to it.
    pub ledger: Rc<RefCell<RelayLedger>>,
    /// Its delivery, while a collector is connected.
    pub delivery: Rc<RefCell<Option<Delivery>>>,
    /// Its costs and lags.
    pub health: Rc<RefCell<HealthMeter>>,
}

/// Keeps the record of what may be lost. Cloning it gives another handle.
#[derive(Debug, Clone)]
pub struct LossJournal<H: Host, L> {
    inner: Rc<Inner<H, L>>,
}

struct Inner<H: Host, L> {
    host: H,
    log: Option<L>,
    shared: Shared,
    counter: RefCell<UndeliveredCounter>,
    /// The session and epoch that the next recorder continues, while it can.
    resumable: RefCell<ResumeRecord>,
    /// Losses of earlier sessions, or of this one should its log be lost after all, that no collector has acknowledged.
    finished: RefCell<Vec<LossRecord>>,
    /// The records of earlier sessions that only the log holds, by category as far as an earlier recorder counted them.
    older: RefCell<Vec<LossRecord>>,
    /// The records of earlier sessions that only the log held, until the log can be read.
    unconfirmed: RefCell<Vec<LossRecord>>,
    /// The last seq in the log, while the session is degraded.
    logged_seq: Cell<Option<u64>>,
    /// The log has failed in the life of this recorder, and may be cleared when it is next opened.
    is_log_suspect: Cell<bool>,
    is_saving: Cell<bool>,
    is_stale: Cell<bool>,
    /// The saved record belongs to the next session from now on.
    is_closed: Cell<bool>,
    saved: CommitWatch,
    /// Saves the record of what the log holds.
    logged_timer: RefCell<Option<<H::Runtime as Runtime>::Timer>>,
}

impl<H: Host, L> std::fmt::Debug for Inner<H, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LossJournal")
            .field("finished", &self.finished)
            .finish_non_exhaustive()
    }
}

impl<H: Host, L: RecorderLog> LossJournal<H, L> {
    /// Begins with what earlier recorders lost.
    pub fn new(host: H, shared: Shared, opened: &Opened<L>) -> Self {
        let session_id = opened.session_id;
        let is_degraded = shared.session.borrow().state() == State::Volatile;
        let resumable = opened.record().filter(|_| !is_degraded).unwrap_or_default();
        let mut older = opened.held.clone();
        older.retain(|record| record.session_id != session_id);
        let inner = Inner {
            host,
            log: opened.log.clone(),
            counter: RefCell::new(UndeliveredCounter::new(session_id, shared.ring.clone())),
            shared,
            resumable: RefCell::new(ResumeRecord {
                volatile: Vec::new(),
                logged: Vec::new(),
                pending_gaps: Vec::new(),
                ..resumable
            }),
            finished: RefCell::new(opened.finished.clone()),
            older: RefCell::new(older),
            unconfirmed: RefCell::new(opened.unconfirmed.clone()),
            logged_seq: Cell::new(is_degraded.then_some(0)),
            is_log_suspect: Cell::new(is_degraded),
            is_saving: Cell::default(),
            is_stale: Cell::default(),
            is_closed: Cell::default(),
            saved: CommitWatch::new(0),
            logged_timer: RefCell::default(),
        };
        Self {
            inner: Rc::new(inner),
        }
    }

    /// Lets a new delivery report the losses of earlier sessions. A session whose log may have records before those that
    /// were lost waits until the log can be read: a gap would take their place.
    pub fn deliver_losses(&self, delivery: &Delivery) {
        let unconfirmed = self.inner.unconfirmed.borrow();
        let is_known = |record: &&LossRecord| {
            unconfirmed.iter().all(|logged| {
                logged.session_id != record.session_id || logged.undelivered_by_category.is_empty()
            })
        };
        for record in self.inner.finished.borrow().iter().filter(is_known) {
            delivery.add_finished_session(record.session_id, record.to_gap_ring());
        }
        for record in &*self.inner.older.borrow() {
            let lost = LossRecord {
                is_log_lost: true,
                ..record.clone()
            };
            delivery.add_logged_session(record.session_id, lost.to_gap_ring());
        }
    }

    /// The collector has answered.
    pub fn on_ack(&self) {
        let before = self.inner.finished.borrow().len();
        if let Some(delivery) = &*self.inner.shared.delivery.borrow() {
            let acked_seq = delivery.acked_seq(self.inner.shared.session.borrow().session_id());
            let now_ms = || self.inner.host.runtime().now_ms();
            self.inner.shared.health.borrow_mut().acked(acked_seq, now_ms);
            let is_reported = |it: &LossRecord| delivery.acked_seq(it.session_id) >= it.latest_seq();
            for records in [&self.inner.finished, &self.inner.older] {
                records.borrow_mut().retain(|record| !is_reported(record));
            }
        }
        if self.inner.finished.borrow().len() < before {
            self.inner.save_soon();
        } else {
            self.inner.save_in_time();
        }
    }

    /// More was committed, or published to a degraded session: notifies delivery and the status, and updates the
    /// resume record.
    pub fn on_committed(&self) {
        let committed_seq = self.inner.shared.session.borrow().committed_seq();
        let is_delivered = self.inner.shared.delivery.borrow().is_some();
        let mut health = self.inner.shared.health.borrow_mut();
        health.committed(committed_seq, is_delivered, || self.inner.host.runtime().now_ms());
        drop(health);
        if let Some(delivery) = &*self.inner.shared.delivery.borrow() {
            delivery.on_committed();
        }
        self.inner.host.changed();
        self.inner.save_in_time();
    }

    /// Resolves once the record counts `seq`; `None` while the log is enough.
    pub fn persisted(&self, seq: u64) -> Option<Committed> {
        self.inner
            .is_log_suspect
            .get()
            .then(|| self.inner.saved.wait(seq))
    }

    /// The session is over: no recorder continues it.
    ///
    /// # Errors
    /// The record was not saved.
    pub async fn close(&self) -> Result<(), H::SaveError> {
        self.inner.resumable.take();
        self.inner.logged_timer.take();
        self.inner.is_stale.set(false);
        self.inner.is_closed.set(true);
        self.inner.save().await
    }

    /// How far a relay's messages were taken by a session whose losses are not in the log, or not yet known.
    pub fn last_message_of(&self, relay_id: &str) -> u64 {
        let finished = self.inner.finished.borrow();
        let unconfirmed = self.inner.unconfirmed.borrow();
        let records = finished.iter().chain(&*unconfirmed);
        let relays = records.flat_map(|record| &record.relays);
        relays
            .filter(|cursor| cursor.relay_id == relay_id)
            .map(|cursor| cursor.message)
            .max()
            .unwrap_or(0)
    }
}

impl<H: Host, L: RecorderLog> CommitObserver for LossJournal<H, L> {
    fn committed(&self, _seq: u64) {
        self.on_committed();
    }

    fn failed(&self, error: &LogError) {
        self.inner.host.problem(error.code(), &error.to_string());
        self.inner.is_log_suspect.set(true);
        self.inner.save_soon();
    }

    async fn before_degrading(&self) {
        self.inner.is_log_suspect.set(true);
        let why = "commits failed for too long; this session is kept in memory until the log works again";
        self.inner.host.problem("volatile", why);
        self.inner
            .publish_system(&system::storage_volatile("volatile", why));
        let logged_seq = self.inner.shared.session.borrow().committed_seq();
        self.inner.logged_seq.set(Some(logged_seq));
        self.inner.resumable.take();
        self.inner.logged_timer.take();
        self.inner.save_or_report().await;
        if let Some(delivery) = &*self.inner.shared.delivery.borrow() {
            delivery.on_log_lost();
        }
    }

    /// Also messages that came earlier in this time without the log.
    fn relays(&self, seqs: RangeInclusive<u64>) -> Vec<RelayCursor> {
        let logged_seq = self.inner.logged_seq.get();
        let first_seq = logged_seq
            .map_or(*seqs.start(), |logged| logged + 1)
            .min(*seqs.start());
        self.inner
            .shared
            .ledger
            .borrow()
            .cursors_in(first_seq..=*seqs.end())
    }

    async fn on_log_retry_failed(&self, error: &LogError, failures: u32) {
        let Some(log) = &self.inner.log else { return };
        let may_be_damaged = failures >= SET_ASIDE_FAILURES && matches!(error, LogError::Other { .. });
        // A database that opens has another trouble, which the log's own repairs are for.
        if !may_be_damaged || !matches!(log.open().await, Err(LogError::Other { .. })) {
            return;
        }
        if log.set_aside().await.is_ok() {
            let why = format!(
                "the database cannot be opened ({error}); a new one was begun, and it was left as it is"
            );
            self.inner.host.problem("log_set_aside", &why);
        }
    }

    fn on_log_recovered(&self) {
        self.inner.on_log_recovered();
    }
}

impl<H: Host, L: RecorderLog> Inner<H, L> {
    /// Publishes an event of our own. A session that was closed meanwhile refuses it, which loses nothing.
    fn publish_system(&self, event: &str) {
        let now_micros = (self.host.runtime().unix_ms() * 1_000.0) as u64;
        let _ = self
            .shared
            .session
            .borrow_mut()
            .publish(event.as_bytes(), Trust::Untrusted, now_micros);
    }

    /// Saves the record now if the log has failed, or else within [`LOGGED_RECORD_MS`].
    fn save_in_time(self: &Rc<Self>) {
        if self.is_log_suspect.get() {
            return self.save_soon();
        }
        if self.is_closed.get() || self.logged_timer.borrow().is_some() {
            return;
        }
        let weak = Rc::downgrade(self);
        let timer = self.host.runtime().after(LOGGED_RECORD_MS, move || {
            let Some(this) = weak.upgrade() else { return };
            drop(this.logged_timer.take());
            this.save_soon();
        });
        self.logged_timer.replace(Some(timer));
    }

    fn save_soon(self: &Rc<Self>) {
        if self.is_closed.get() {
            self.saved.advance(self.shared.ring.latest_seq());
            return;
        }
        self.is_stale.set(true);
        if self.is_saving.replace(true) {
            return;
        }
        let this = self.clone();
        self.host.runtime().spawn(async move {
            while this.is_stale.replace(false) {
                this.save_or_report().await;
            }
            this.is_saving.set(false);
        });
    }

    /// Without the record or with it, memory is all that is left.
    async fn save_or_report(&self) {
        if let Err(error) = self.save().await {
            self.host.problem(
                "volatile",
                &format!("the record of what memory holds was not saved: {error:?}"),
            );
        }
    }

    async fn save(&self) -> Result<(), H::SaveError> {
        let latest_seq = self.shared.ring.latest_seq();
        let mut record = self.resumable.borrow().clone();
        record.volatile.extend(self.finished.borrow().iter().cloned());
        record.logged = self.unconfirmed.borrow().clone();
        record.logged.extend(self.older_logged());
        let Undelivered { logged, memory } = self.undelivered();
        // Also when the collector has everything: a log that was set back must not spend its seqs again.
        record
            .logged
            .extend(Some(logged).filter(|logged| logged.latest_seq() > 0));
        record
            .volatile
            .extend(Some(memory).filter(|memory| !memory.is_empty()));
        record.pending_gaps = self.log.as_ref().map_or_else(Vec::new, L::pending_gaps);
        let is_resumable = record.session_id.is_some();
        let says_something = record != ResumeRecord::default();
        let mut saved = self.host.save_resume(says_something.then_some(&record)).await;
        if saved.is_err() && !is_resumable {
            // An older record must not let a recorder continue this session, and spend its seqs again.
            saved = self.host.save_resume(None).await.and(saved);
        }
        self.saved.advance(latest_seq);
        saved
    }

    /// The records of earlier sessions that only the log holds. Delivery has found those that no recorder counted.
    fn older_logged(&self) -> Vec<LossRecord> {
        let mut records = self.older.borrow().clone();
        let finished = self.finished.borrow();
        let ours = self.shared.session.borrow().session_id();
        let delivery = self.shared.delivery.borrow();
        let backlogs = delivery.as_ref().map_or_else(Vec::new, Delivery::backlogs);
        let unconfirmed = self.unconfirmed.borrow();
        for backlog in backlogs {
            let is_counted = unconfirmed
                .iter()
                .any(|record| record.session_id == backlog.session_id);
            if backlog.session_id == ours || is_counted {
                continue;
            }
            let memory = LossRecord::of(&finished, backlog.session_id);
            let latest_seq = memory.map_or(backlog.latest_seq, |memory| memory.after_seq);
            let uncounted = LossRecord::uncounted(backlog.session_id, backlog.acked_seq, latest_seq);
            match LossRecord::of_mut(&mut records, backlog.session_id) {
                Some(record) if backlog.acked_seq <= record.after_seq => {}
                Some(record) => *record = uncounted,
                None => records.push(uncounted),
            }
        }
        records.retain(|record| !record.undelivered_by_category.is_empty());
        records
    }

    /// The records that only memory or a log that may be lost holds, and how far relays' messages were taken into each.
    fn undelivered(&self) -> Undelivered {
        let acked_seq = self
            .shared
            .delivery
            .borrow()
            .as_ref()
            .map_or(0, |it| it.status().acked_seq);
        let latest_seq = self.shared.ring.latest_seq();
        let logged_seq = self.logged_seq.get().unwrap_or(latest_seq);
        let mut undelivered = self.counter.borrow_mut().count(acked_seq, logged_seq);
        // The collector may have more than the log.
        undelivered.logged.after_seq = undelivered.logged.after_seq.min(logged_seq);
        // Relays are answered at once while the log is trusted, and later if it is not: they may send again what was
        // delivered.
        let relays_after = if self.is_log_suspect.get() { 0 } else { acked_seq };
        let ledger = self.shared.ledger.borrow();
        undelivered.logged.relays = ledger.cursors_in(relays_after + 1..=logged_seq);
        // Records that the ring does not show yet are not counted: relays will send them again.
        undelivered.memory.relays = ledger.cursors_in(logged_seq + 1..=latest_seq);
        undelivered
    }
}
