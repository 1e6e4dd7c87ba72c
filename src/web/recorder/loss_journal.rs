//! Going on in memory: writing down, outside of it, what would be lost with it.
//!
//! The resume record of a volatile session is none to go on from. It says what memory alone holds, and is
//! written again after every publish batch and every acknowledgement, one write at a time. Relays are
//! answered when it is written: what they let go of is then either delivered or counted as lost.

use super::open::{ResumeRecord, save_resume};
use crate::delivery::Delivery;
use crate::log::RelayCursor;
use crate::relay::RelayLedger;
use crate::ring::RingBuffer;
use crate::session::{CaptureSession, CommitWatch, Committed, LossRecord, State, UndeliveredCounter};
use crate::web::status::StatusNotice;
use js_sys::Function;
use std::cell::{Cell, RefCell};
use std::ops::RangeInclusive;
use std::rc::Rc;
use wasm_bindgen::JsValue;

/// Keeps the record of a session that lost its log, or never had one.
#[derive(Debug)]
pub(super) struct LossJournal {
    pub(super) parts: Parts,
    tally: RefCell<UndeliveredCounter>,
    /// How the next worker goes on with this session, while it can.
    resume: RefCell<ResumeRecord>,
    /// What ended with the memory of earlier workers, or may end with this log, and no collector has
    /// acknowledged yet.
    ended: RefCell<Vec<LossRecord>>,
    /// The last seq in the log, since there is no more to come there.
    logged_seq: Cell<Option<u64>>,
    is_saving: Cell<bool>,
    is_stale: Cell<bool>,
    /// What is saved belongs to the next session from now on.
    is_closed: Cell<bool>,
    saved: CommitWatch,
}

/// What it looks at.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) session: Rc<RefCell<CaptureSession>>,
    pub(super) ring: RingBuffer,
    pub(super) ledger: Rc<RefCell<RelayLedger>>,
    pub(super) delivery: Rc<RefCell<Option<Delivery>>>,
    pub(super) save_resume: Function,
    pub(super) notice: Rc<StatusNotice>,
}

impl LossJournal {
    pub(super) fn new(parts: Parts, record: Option<ResumeRecord>) -> Rc<Self> {
        let mut resume = record.unwrap_or_default();
        let ended = RefCell::new(std::mem::take(&mut resume.volatile));
        let session_id = parts.session.borrow().session_id();
        let is_volatile = parts.session.borrow().state() == State::Volatile;
        Rc::new(Self {
            tally: RefCell::new(UndeliveredCounter::new(session_id, parts.ring.clone())),
            parts,
            resume: RefCell::new(resume),
            ended,
            logged_seq: Cell::new(is_volatile.then_some(0)),
            is_saving: Cell::default(),
            is_stale: Cell::default(),
            is_closed: Cell::default(),
            saved: CommitWatch::new(0),
        })
    }

    /// The session is about to turn volatile: nobody may resume it any more.
    pub(super) async fn begin(&self) {
        let logged_seq = self.parts.session.borrow().committed_seq();
        self.logged_seq.set(Some(logged_seq));
        self.resume.take();
        self.save_or_report().await;
    }

    /// The session is in its log again, and the next worker goes on with it. A log that has failed once may
    /// be lost yet, and the next worker find nothing to go on with: until the collector has what memory held,
    /// the record says that, too.
    pub(super) fn end(self: &Rc<Self>) {
        let undelivered = self.unkept_after(0, self.logged_seq.get().unwrap_or(0));
        if !undelivered.undelivered_by_category.is_empty() {
            self.ended.borrow_mut().push(undelivered);
        }
        let session = self.parts.session.borrow();
        if session.state() == State::Logged {
            let (session_id, epoch) = (Some(session.session_id()), session.epoch());
            self.resume.replace(ResumeRecord { session_id, epoch, volatile: Vec::new() });
        }
        drop(session);
        self.logged_seq.set(None);
        self.save_soon();
    }

    /// Lets a delivery tell of what ended.
    pub(super) fn deliver_losses(&self, delivery: &Delivery) {
        let ours = self.parts.session.borrow().session_id();
        for record in self.ended.borrow().iter().filter(|record| record.session_id != ours) {
            delivery.add_finished_session(record.session_id, record.to_gap_ring());
        }
    }

    /// The collector has answered.
    pub(super) fn on_ack(self: &Rc<Self>) {
        let before = self.ended.borrow().len();
        if let Some(delivery) = &*self.parts.delivery.borrow() {
            let is_told = |it: &LossRecord| delivery.acked_seq(it.session_id) >= it.latest_seq();
            self.ended.borrow_mut().retain(|record| !is_told(record));
        }
        if self.logged_seq.get().is_some() || self.ended.borrow().len() < before {
            self.save_soon();
        }
    }

    /// There is more in memory.
    pub(super) fn published(self: &Rc<Self>) {
        if self.logged_seq.get().is_some() {
            self.save_soon();
        }
    }

    fn save_soon(self: &Rc<Self>) {
        if self.is_closed.get() {
            self.saved.advance(self.parts.ring.latest_seq());
            return;
        }
        self.is_stale.set(true);
        if self.is_saving.replace(true) {
            return;
        }
        let this = self.clone();
        wasm_bindgen_futures::spawn_local(async move {
            while this.is_stale.replace(false) {
                this.save_or_report().await;
            }
            this.is_saving.set(false);
        });
    }

    /// Resolves once the record speaks of `seq`; `None` while the session has its log.
    pub(super) fn persisted(&self, seq: u64) -> Option<Committed> {
        self.logged_seq.get().map(|_| self.saved.wait(seq))
    }

    /// Without the record or with it: going on in memory is all that is left.
    async fn save_or_report(&self) {
        if let Err(thrown) = self.save().await {
            self.parts.notice.problem("volatile", &format!("what memory holds was not noted: {thrown:?}"));
        }
    }

    /// The session is over: nobody goes on with it.
    pub(super) async fn close(&self) -> Result<(), JsValue> {
        self.resume.take();
        self.is_stale.set(false);
        self.is_closed.set(true);
        self.save().await
    }

    /// How far a relay's messages were taken by a session that has ended and is not buried.
    pub(super) fn last_message_of(&self, relay_id: &str) -> u64 {
        let ended = self.ended.borrow();
        let relays = ended.iter().flat_map(|record| &record.relays);
        relays.filter(|cursor| cursor.relay_id == relay_id).map(|cursor| cursor.message).max().unwrap_or(0)
    }

    /// How far messages were taken into memory of relays whose last ones have one of `seqs`, or came earlier
    /// in this time without the log.
    pub(super) fn relays(&self, seqs: RangeInclusive<u64>) -> Vec<RelayCursor> {
        let first_seq = self.logged_seq.get().map_or(*seqs.start(), |logged| logged + 1).min(*seqs.start());
        self.parts.ledger.borrow().cursors_in(first_seq..=*seqs.end())
    }

    async fn save(&self) -> Result<(), JsValue> {
        let undelivered_by_category = self.undelivered_by_category();
        let latest_seq = self.parts.ring.latest_seq();
        let mut record = self.resume.borrow().clone();
        record.volatile.extend(self.ended.borrow().iter().cloned());
        record.volatile.extend(
            undelivered_by_category.filter(|undelivered_by_category| !undelivered_by_category.is_empty()),
        );
        let is_resumable = record.session_id.is_some();
        let says_something = is_resumable || !record.volatile.is_empty();
        let mut saved = save_resume(&self.parts.save_resume, says_something.then_some(record).as_ref()).await;
        if saved.is_err() && !is_resumable {
            // An older record must not let anyone go on with this session, and spend its seqs again.
            saved = save_resume(&self.parts.save_resume, None).await.and(saved);
        }
        self.saved.advance(latest_seq);
        saved
    }

    fn undelivered_by_category(&self) -> Option<LossRecord> {
        self.logged_seq.get().map(|logged_seq| self.unkept_after(logged_seq, logged_seq))
    }

    /// What no collector has after `seq`, and how far relays' messages were taken after `logged_seq`.
    fn unkept_after(&self, seq: u64, logged_seq: u64) -> LossRecord {
        let acked_seq = self.parts.delivery.borrow().as_ref().map_or(0, |it| it.status().acked_seq);
        // What is not shown yet is nobody's: relays will send it again.
        let relays = self.parts.ledger.borrow().cursors_in(logged_seq + 1..=self.parts.ring.latest_seq());
        self.tally.borrow_mut().record(acked_seq.max(seq), relays)
    }
}
