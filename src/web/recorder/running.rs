//! A running recorder: the parts, and what passes between them.

use super::housekeeping::Housekeeping;
use super::loss_journal::{self, LossJournal};
use super::open::{Opened, Options};
use crate::config::CaptureConfig;
use crate::delivery::{Delivery, Notice};
use crate::event::Trust;
use crate::log::{LogError, RelayCursor};
use crate::redaction::{Redactor, RuleTable};
use crate::relay::RelayLedger;
use crate::ring::RingBuffer;
use crate::session::{CaptureSession, State};
use crate::system;
use crate::web::clock::{BrowserClock, monotonic_ms};
use crate::web::committer::{CommitObserver, Committer};
use crate::web::delivery;
use crate::web::errors::error;
use crate::web::indexed_db::IndexedDbLog;
use crate::web::input_buffer::InputBuffer;
use crate::web::session as boundary;
use crate::web::status::{CategoryStatus, CollectorStatus, Status, StatusNotice};
use js_sys::Function;
use std::cell::{Cell, RefCell};
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::rc::Rc;
use wasm_bindgen::JsValue;

/// Some minutes of everyday browsing.
const RING_CAPACITY: u32 = 16 * 1024;
const RING_MAX_BYTES: u32 = 32 << 20;

/// A recorder from its opening to its end.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) session: Rc<RefCell<CaptureSession>>,
    pub(super) ring: RingBuffer,
    pub(super) log: Option<IndexedDbLog>,
    committer: Option<Committer<IndexedDbLog, Observer>>,
    pub(super) ledger: Rc<RefCell<RelayLedger>>,
    pub(super) config: RefCell<CaptureConfig>,
    pub(super) input: InputBuffer,
    pub(super) notice: Rc<StatusNotice>,
    pub(super) delivery: Rc<RefCell<Option<Delivery>>>,
    pub(super) housekeeping: Housekeeping,
    pub(super) losses: Rc<LossJournal>,
    refilled: Cell<bool>,
}

/// Passes on what becomes of commits.
#[derive(Debug)]
struct Observer {
    losses: Rc<LossJournal>,
}

impl CommitObserver for Observer {
    fn now_ms(&self) -> f64 {
        monotonic_ms()
    }

    fn committed(&self, _seq: u64) {
        let loss_journal::Parts { delivery, notice, .. } = &self.losses.parts;
        if let Some(delivery) = &*delivery.borrow() {
            delivery.notify();
        }
        notice.changed();
        self.losses.published();
    }

    fn failed(&self, error: &LogError) {
        self.losses.parts.notice.problem(error.code(), &error.to_string());
    }

    fn before_degrading(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        let losses = self.losses.clone();
        let why = "commits failed for too long; this session goes on in memory only";
        losses.parts.notice.problem("volatile", why);
        // Refused when the session was closed meanwhile, and then nobody needs to know.
        let event = system::storage_volatile("volatile", why);
        let _ = losses.parts.session.borrow_mut().publish(event.as_bytes(), Trust::Untrusted, BrowserClock);
        Box::pin(async move {
            losses.begin().await;
            if let Some(delivery) = &*losses.parts.delivery.borrow() {
                delivery.on_log_lost();
            }
        })
    }

    fn relays(&self, seqs: RangeInclusive<u64>) -> Vec<RelayCursor> {
        self.losses.relays(seqs)
    }

    fn on_log_recovered(&self) {
        let loss_journal::Parts { session, delivery, notice, .. } = &self.losses.parts;
        self.losses.end();
        if let Some(delivery) = &*delivery.borrow() {
            delivery.on_log_recovered();
        }
        // Refused when the session was closed meanwhile.
        let event = system::storage_recovered();
        let _ = session.borrow_mut().publish(event.as_bytes(), Trust::Untrusted, BrowserClock);
        notice.changed();
    }
}

impl Recorder {
    pub(super) fn start(
        opened: Opened,
        options: &Options,
        config: CaptureConfig,
        save_resume: Function,
        notice: Rc<StatusNotice>,
    ) -> Result<Self, JsValue> {
        let ring = boundary::ring(f64::from(RING_CAPACITY), f64::from(RING_MAX_BYTES))?;
        let (unwatched, record) = (opened.unwatched(), opened.record());
        let Opened { session_id, head, log, resumed, previous, install_key, .. } = opened;
        let mut session = match &log {
            Some(_) => CaptureSession::with_log(session_id, ring.clone(), &head),
            None => CaptureSession::new(session_id, ring.clone()),
        };
        session.set_redactor(Some(Redactor::new(install_key, &RuleTable::default())));
        let session = Rc::new(RefCell::new(session));
        let delivery = Rc::new(RefCell::new(None));
        let ledger = Rc::new(RefCell::default());
        let parts = loss_journal::Parts {
            session: session.clone(),
            ring: ring.clone(),
            ledger: ledger.clone(),
            delivery: delivery.clone(),
            save_resume,
            notice: notice.clone(),
        };
        let losses = LossJournal::new(parts, record);
        let observer = Observer { losses: losses.clone() };
        let committer = log.as_ref().map(|log| Committer::new(session.clone(), log.clone(), observer));
        let recorder = Self {
            session,
            ring,
            log,
            committer,
            ledger,
            config: RefCell::new(config),
            input: InputBuffer::default(),
            notice,
            delivery,
            housekeeping: Housekeeping::default(),
            losses,
            refilled: Cell::new(false),
        };
        let config = recorder.config.borrow().clone();
        if !resumed {
            recorder.publish_system(&system::session_started(previous, &config));
        }
        recorder.publish_system(&system::worker_started(
            &options.reason,
            head.epoch,
            head.latest_seq,
            unwatched,
            &config,
        ));
        Ok(recorder)
    }

    /// Publishes one of our own events.
    pub(super) fn publish_system(&self, event: &str) {
        let told = self.session.borrow_mut().publish(event.as_bytes(), Trust::Untrusted, BrowserClock);
        if let Err(refused) = told {
            self.notice.problem(refused.code(), &refused.to_string());
        }
        self.published();
    }

    /// The end of every publish batch.
    pub(super) fn published(&self) {
        match &self.committer {
            Some(committer) if self.session.borrow().state() != State::Volatile => committer.schedule(),
            _ => {
                if let Some(delivery) = &*self.delivery.borrow() {
                    delivery.notify();
                }
                self.notice.changed();
                self.losses.published();
            }
        }
    }

    /// Hears what delivery has to say: a person through the status, the stream through `system` events.
    pub(super) fn on_notices(&self, notices: &[Notice]) {
        for notice in notices {
            if notice.is_problem() {
                self.notice.problem(notice.code(), &notice.to_string());
            }
            if let Some(event) = delivery::event_of(notice) {
                self.publish_system(&event);
            }
        }
        self.notice.changed();
        self.losses.on_ack();
    }

    /// Refills the ring of a resumed session from its log, before its first reader.
    pub(super) async fn refill(&self) -> Result<(), JsValue> {
        let Some(log) = &self.log else { return Ok(()) };
        let (session_id, oldest_seq) = (self.session.borrow().session_id(), self.ring.oldest_seq());
        if oldest_seq == 1 || self.refilled.replace(true) {
            return Ok(());
        }
        let tail = log.tail(session_id, RING_CAPACITY as usize, RING_MAX_BYTES as usize).await;
        let tail = tail.map_err(|failed| error(failed.code(), &failed))?;
        self.ring.prepend(tail.into_iter().filter(|entry| entry.last_seq() < oldest_seq));
        Ok(())
    }

    pub(super) fn status(&self) -> Status {
        let session = self.session.borrow();
        let counts = session.counts();
        let none = CollectorStatus { state: "none", ..CollectorStatus::default() };
        let (collector, backlog_events) =
            self.delivery.borrow().as_ref().map_or((none, session.committed_seq()), delivery::status);
        let categories = session
            .counts_by_category()
            .map(|(name, events, dropped)| (name.to_owned(), CategoryStatus { events, dropped }))
            .collect();
        let seen = self.housekeeping.seen();
        Status {
            session_id: session.session_id().to_string(),
            epoch: session.epoch(),
            state: session.state().as_str(),
            latest_seq: session.latest_seq(),
            committed_seq: session.committed_seq(),
            categories,
            errors: counts.errors,
            warnings: counts.warnings,
            redactions: counts.redactions,
            backlog_events,
            storage_bytes: seen.storage_bytes,
            storage_quota_bytes: seen.quota_bytes,
            storage_persistent: seen.is_persistent,
            collector,
            problems: self.notice.problems(),
        }
    }
}
