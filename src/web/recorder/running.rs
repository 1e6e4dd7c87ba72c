//! A running recorder: the parts, and what passes between them.

use super::housekeeping::Housekeeping;
use super::load::LoadWatch;
use super::relayed::RedactedContext;
use crate::config::CaptureConfig;
use crate::delivery::{Delivery, Notice};
use crate::event::Trust;
use crate::log::Limits;
use crate::recorder::{Committer, HealthMeter, LossJournal, Opened, Shared};
use crate::redaction::{Redactor, RuleTable};
use crate::relay::RelayLedger;
use crate::ring::RingBuffer;
use crate::session::{CaptureSession, State};
use crate::system;
use crate::web::clock::{BrowserClock, monotonic_ms, wall_micros};
use crate::web::delivery;
use crate::web::indexed_db::IndexedDbLog;
use crate::web::input_buffer::InputBuffer;
use crate::web::platform::BrowserPlatform;
use crate::web::runtime::Worker;
use crate::web::session as boundary;
use crate::web::status::{CategoryStatus, CollectorStatus, Status, StatusNotice};
use js_sys::Promise;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

/// Some minutes of everyday browsing.
const RING_CAPACITY: u32 = 16 * 1024;
const RING_MAX_BYTES: u32 = 32 << 20;

type Losses = LossJournal<Worker, IndexedDbLog>;

/// A recorder from its opening to its end.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) session: Rc<RefCell<CaptureSession>>,
    pub(super) ring: RingBuffer,
    pub(super) log: Option<IndexedDbLog>,
    committer: Option<Committer<IndexedDbLog, Losses, BrowserPlatform>>,
    pub(super) ledger: Rc<RefCell<RelayLedger>>,
    /// The capture config as a person set it.
    pub(super) settings: RefCell<CaptureConfig>,
    pub(super) input: InputBuffer,
    /// The context of the last relay messages, redacted by the present rules.
    pub(super) relay_context: RefCell<Option<RedactedContext>>,
    pub(super) notice: Rc<StatusNotice>,
    pub(super) delivery: Rc<RefCell<Option<Delivery>>>,
    pub(super) housekeeping: Housekeeping,
    pub(super) losses: Losses,
    pub(super) health: Rc<RefCell<HealthMeter>>,
    pub(super) load: LoadWatch,
    /// Number of errors accepted up to the last publish batch.
    errors: Cell<u64>,
    refilled: RefCell<Option<Promise>>,
}

impl Recorder {
    pub(super) fn start(
        opened: &Opened<IndexedDbLog>,
        reason: &str,
        config: CaptureConfig,
        rules: &RuleTable,
        worker: Worker,
    ) -> Result<Self, JsValue> {
        let ring = boundary::ring(RING_CAPACITY, RING_MAX_BYTES)?;
        let mut session = match &opened.failed {
            None => CaptureSession::with_log(opened.session_id, ring.clone(), &opened.head),
            Some(_) => CaptureSession::new(opened.session_id, ring.clone()),
        };
        session.set_redactor(Some(Redactor::new(opened.install_key, rules)));
        let shared = Shared {
            session: Rc::new(RefCell::new(session)),
            ring,
            ledger: Rc::default(),
            delivery: Rc::default(),
            health: Rc::new(RefCell::new(HealthMeter::new(monotonic_ms()))),
        };
        let notice = worker.notice.clone();
        let losses = LossJournal::new(worker, shared.clone(), opened);
        let committer = opened
            .log
            .clone()
            .map(|log| Committer::new(shared.session.clone(), log, losses.clone(), BrowserPlatform));
        let Shared {
            session,
            ring,
            ledger,
            delivery,
            health,
        } = shared;
        let recorder = Self {
            session,
            ring,
            log: opened.log.clone(),
            committer,
            ledger,
            settings: RefCell::new(config),
            input: InputBuffer::default(),
            relay_context: RefCell::default(),
            notice,
            delivery,
            housekeeping: Housekeeping::default(),
            losses,
            health,
            load: LoadWatch::default(),
            errors: Cell::default(),
            refilled: RefCell::new(None),
        };
        let config = recorder.settings.borrow().clone();
        recorder.ledger.borrow_mut().follow(&config, wall_micros());
        if !opened.resumed {
            recorder.publish_system(&system::session_started(
                opened.previous,
                opened.previous_watched.as_ref(),
                &config,
            ));
        }
        recorder.publish_system(&system::worker_started(
            reason,
            opened.head.epoch,
            opened.head.latest_seq,
            opened.unwatched(&BrowserPlatform),
            &config,
        ));
        if let Some(failed) = &opened.failed {
            recorder.publish_system(&system::storage_volatile(failed.code(), &failed.to_string()));
            if let Some(committer) = &recorder.committer {
                committer.begin_degraded();
            }
        }
        Ok(recorder)
    }

    /// Publishes one of our own events.
    pub(super) fn publish_system(&self, event: &str) {
        let published = self
            .session
            .borrow_mut()
            .publish(event.as_bytes(), Trust::Untrusted, BrowserClock);
        if let Err(refused) = published {
            self.notice.problem(refused.code(), &refused.to_string());
        }
        self.published();
    }

    /// The end of every publish batch.
    pub(super) fn published(&self) {
        let latest_seq = self.session.borrow().latest_seq();
        self.health.borrow_mut().accepted(latest_seq, monotonic_ms);
        self.load.beat_later();
        match &self.committer {
            Some(committer) if self.session.borrow().state() != State::Volatile => committer.schedule(),
            _ => self.losses.on_committed(),
        }
        let errors = self.session.borrow().counts().errors;
        if errors > self.errors.replace(errors) {
            self.send_soon();
        }
    }

    /// Sends what was accepted as soon as it is committed: the browser may be about to end.
    fn send_soon(&self) {
        if let Some(delivery) = &*self.delivery.borrow() {
            delivery.hurry(self.session.borrow().latest_seq());
        }
    }

    /// Commits and sends what was accepted without waiting for more.
    pub(super) fn commit_soon(&self) {
        if let Some(committer) = &self.committer
            && self.session.borrow().state() != State::Volatile
        {
            committer.hurry();
        }
        self.send_soon();
    }

    /// Resolves once everything accepted so far is committed.
    pub(super) async fn commit(&self) -> Result<(), JsValue> {
        self.commit_soon();
        let latest_seq = self.session.borrow().latest_seq();
        boundary::committed(&self.session, latest_seq as f64).await
    }

    /// Passes on the notices of delivery: to a person in the status, to the stream as `system` events.
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

    /// Refills the ring of a resumed session from its log, before its first reader of what was before it.
    pub(super) async fn refill(self: &Rc<Self>) -> Result<(), JsValue> {
        let recorder = Rc::clone(self);
        let begin = || future_to_promise(async move { recorder.read_tail().await });
        // Readers that come meanwhile wait for the same refill.
        let promise = self.refilled.borrow_mut().get_or_insert_with(begin).clone();
        JsFuture::from(promise).await.map(drop).inspect_err(|_| {
            self.refilled.take();
        })
    }

    async fn read_tail(&self) -> Result<JsValue, JsValue> {
        let Some(log) = &self.log else {
            return Ok(JsValue::UNDEFINED);
        };
        let (session_id, oldest_seq) = (self.session.borrow().session_id(), self.ring.oldest_seq());
        if oldest_seq == 1 {
            return Ok(JsValue::UNDEFINED);
        }
        let limits = Limits::new(RING_CAPACITY as usize, RING_MAX_BYTES as usize);
        let tail = log.tail(session_id, limits).await?;
        self.ring
            .prepend(tail.into_iter().filter(|entry| entry.last_seq() < oldest_seq));
        Ok(JsValue::UNDEFINED)
    }

    /// The capture config that holds now: a person's, with the levels that the load has lowered.
    pub(super) fn config(&self) -> CaptureConfig {
        self.load.apply(&self.settings.borrow())
    }

    pub(super) fn status(&self) -> Status {
        let session = self.session.borrow();
        let counts = session.counts();
        let none = CollectorStatus {
            state: "none",
            ..CollectorStatus::default()
        };
        let (collector, backlog_events) = self
            .delivery
            .borrow()
            .as_ref()
            .map_or((none, session.committed_seq()), delivery::status);
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
            lowered: self.load.lowered(&self.settings.borrow()),
            problems: self.notice.problems(),
        }
    }
}
