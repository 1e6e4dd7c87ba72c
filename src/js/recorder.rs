//! The whole recorder of one service worker: session, category logs, relay ledger and delivery, wired.
//!
//! No rule about events lives here: it asks the core and passes the answers on.

use super::clock::{monotonic_ms, wall_micros};
use super::delivery;
use super::errors::error;
use super::inbox::Inbox;
use super::logs::new_session_id;
use super::random;
use super::reader::JsReader;
use super::session as boundary;
use super::status::{CategoryStatus, CollectorStatus, Status, StatusNotice};
use crate::config::{CaptureConfig, SitePattern};
use crate::envelope::SessionId;
use crate::event::{Provenance, Trust};
use crate::flusher::{Delivery, DeliveryStatus, NotFlushed, Notice};
use crate::log::{Durability, Head, IndexedDbLog, LogError, LogStore};
use crate::redaction::{Redactor, RuleTable};
use crate::relay::{RelayLedger, RelayReceipt};
use crate::ring::RingBuffer;
use crate::session::{CaptureSession, CommitObserver, Committer};
use crate::system::{self, Unwatched};
use js_sys::{Function, Promise};
use serde::Deserialize;
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

const RING_CAPACITY: u32 = 16 * 1024;
const RING_MAX_BYTES: u32 = 32 << 20;

/// What `openRecorder` takes, apart from its callbacks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Options {
    database_name: String,
    resume: Option<ResumeRecord>,
    reason: String,
    config: serde_json::Value,
    strict_durability: bool,
}

/// What the next worker of this browser session finds.
#[derive(Debug, Clone, Deserialize, serde::Serialize)]
struct ResumeRecord {
    session_id: String,
    epoch: u64,
}

/// The wasm half of the TypeScript `Recorder`.
#[wasm_bindgen(js_name = WasmRecorder)]
#[derive(Debug)]
pub struct JsRecorder {
    recorder: Rc<Recorder>,
}

#[derive(Debug)]
struct Recorder {
    session: Rc<RefCell<CaptureSession>>,
    ring: RingBuffer,
    log: Option<IndexedDbLog>,
    committer: Option<Committer<IndexedDbLog, Observer>>,
    ledger: RefCell<RelayLedger>,
    config: RefCell<CaptureConfig>,
    inbox: Inbox,
    save_resume: Function,
    notice: Rc<StatusNotice>,
    refilled: Cell<bool>,
    delivery: Rc<RefCell<Option<Delivery>>>,
}

/// Passes on what becomes of commits.
#[derive(Debug, Clone)]
struct Observer {
    save_resume: Function,
    notice: Rc<StatusNotice>,
    delivery: Rc<RefCell<Option<Delivery>>>,
}

impl CommitObserver for Observer {
    fn now_ms(&self) -> f64 {
        monotonic_ms()
    }

    fn committed(&self, _seq: u64) {
        if let Some(delivery) = &*self.delivery.borrow() {
            delivery.notify();
        }
        self.notice.changed();
    }

    fn failed(&self, error: &LogError) {
        self.notice.problem(error.code(), &error.to_string());
    }

    fn before_volatile(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        let (save, delivery) = (self.save_resume.clone(), self.delivery.clone());
        self.notice.problem("volatile", "commits failed for too long; this session goes on in memory only");
        Box::pin(async move {
            // Without the record or with it: going on in memory is all that is left.
            let _ = save_resume(&save, None).await;
            if let Some(delivery) = &*delivery.borrow() {
                delivery.turned_volatile();
            }
        })
    }
}

async fn save_resume(save: &Function, record: Option<&ResumeRecord>) -> Result<(), JsValue> {
    let record = record.map_or(Ok(JsValue::NULL), serde_wasm_bindgen::to_value)?;
    let saving = save.call1(&JsValue::NULL, &record)?;
    JsFuture::from(Promise::resolve(&saving)).await.map(|_| ())
}

#[wasm_bindgen(js_class = WasmRecorder)]
impl JsRecorder {
    /// Opens the database, resumes or begins a session, and records that it did.
    ///
    /// A database that cannot be opened is a problem in the status, not an error: capture goes on in
    /// memory.
    ///
    /// # Errors
    /// `invalid_options`, `invalid_config`, or what `save_resume` threw.
    pub async fn open(
        options: JsValue,
        save_resume: Function,
        on_status: Option<Function>,
    ) -> Result<JsRecorder, JsValue> {
        let options: Options =
            serde_wasm_bindgen::from_value(options).map_err(|wrong| error("invalid_options", &wrong))?;
        let config = CaptureConfig::default()
            .merged(&options.config)
            .map_err(|wrong| error("invalid_config", &wrong))?;
        let notice = StatusNotice::new(on_status);
        let opened = Opened::open(&options, &notice).await;
        let record = ResumeRecord { session_id: opened.session_id.to_string(), epoch: opened.head.epoch };
        self::save_resume(&save_resume, opened.log.is_some().then_some(&record)).await?;
        let recorder = Recorder::start(opened, &options, config, save_resume, notice).await?;
        Ok(Self { recorder: Rc::new(recorder) })
    }

    /// Makes room in the inbox; see [`Inbox`].
    #[must_use]
    pub fn reserve(&self, length: usize) -> *const u8 {
        self.recorder.inbox.reserve(length)
    }

    /// Publishes the event in the inbox.
    ///
    /// # Errors
    /// `invalid_event`, `closed`, …
    pub fn publish(&self, length: usize, data_last: bool) -> Result<f64, JsValue> {
        let trust = boundary::trust(data_last);
        let published = self
            .recorder
            .inbox
            .read(length, |event| self.recorder.session.borrow_mut().publish(event, trust, wall_micros()));
        self.recorder.published();
        published.map(|seq| seq as f64).map_err(|refused| boundary::publish_error(&refused))
    }

    /// Learns from the log how far a relay's messages were taken: before its first message here.
    ///
    /// # Errors
    /// The log cannot be read.
    #[wasm_bindgen(js_name = openRelay)]
    pub async fn open_relay(&self, relay_id: String) -> Result<(), JsValue> {
        let recorder = self.recorder.clone();
        if recorder.ledger.borrow().knows(&relay_id) {
            return Ok(());
        }
        let message = match &recorder.log {
            None => None,
            Some(log) => {
                log.relay_message(&relay_id).await.map_err(|failed| error(failed.code(), &failed))?
            }
        };
        recorder.ledger.borrow_mut().learn(&relay_id, message.unwrap_or(0));
        Ok(())
    }

    /// Takes the relay messages in the inbox.
    ///
    /// # Errors
    /// `relay_unknown` before [`open_relay`](Self::open_relay), `relay_hole`, `closed`, `superseded`.
    #[wasm_bindgen(js_name = publishRelay)]
    pub fn publish_relay(
        &self,
        relay_id: &str,
        context: JsValue,
        first_message: f64,
        length: usize,
    ) -> Result<JsValue, JsValue> {
        let recorder = &self.recorder;
        if !recorder.ledger.borrow().knows(relay_id) {
            return Err(error(
                "relay_unknown",
                &format!("relay {relay_id:?}: call and await openRelay first"),
            ));
        }
        let context: Context =
            serde_wasm_bindgen::from_value(context).map_err(|wrong| error("invalid_context", &wrong))?;
        let receipt = recorder.take_relayed(relay_id, &context, first_message as u64, length)?;
        recorder.published();
        receipt_to_js(&receipt)
    }

    /// Spends seqs on a gap.
    ///
    /// # Errors
    /// `invalid_drop`, `closed`, `superseded`.
    #[wasm_bindgen(js_name = recordDrop)]
    pub fn record_drop(&self, category: &str, count: f64, reason: &str) -> Result<f64, JsValue> {
        let recorded = boundary::record_drop(&self.recorder.session, category, count, reason);
        self.recorder.published();
        recorded
    }

    /// Resolves once `seq` is committed.
    ///
    /// # Errors
    /// `cursor_ahead`, `closed`, `superseded`.
    pub async fn committed(&self, seq: f64) -> Result<(), JsValue> {
        let session = self.recorder.session.clone();
        boundary::committed(&session, seq).await
    }

    /// Applies a merge patch, in JSON, and records it. Returns the whole config, in JSON.
    ///
    /// # Errors
    /// `invalid_config`: nothing has changed.
    pub fn configure(&self, patch: &str) -> Result<String, JsValue> {
        let recorder = &self.recorder;
        let changed =
            recorder.config.borrow_mut().apply(patch).map_err(|wrong| error("invalid_config", &wrong))?;
        if changed {
            let patch = serde_json::from_str(patch).unwrap_or_default();
            let event = system::config_changed(&patch, &recorder.config.borrow());
            recorder.tell(&event);
        }
        Ok(self.config())
    }

    /// What is recorded, in JSON.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn config(&self) -> String {
        serde_json::to_string(&*self.recorder.config.borrow()).unwrap_or_default()
    }

    /// Whether the page at `url` is on a recorded site.
    #[wasm_bindgen(js_name = isSiteRecorded)]
    #[must_use]
    pub fn is_site_recorded(&self, url: &str) -> bool {
        self.recorder.config.borrow().site_matches(url)
    }

    /// The recorded sites as match patterns of content scripts, `{matches, exclude_matches}` in JSON. A site
    /// whose scheme has no content scripts has none.
    #[wasm_bindgen(js_name = matchPatterns)]
    #[must_use]
    pub fn match_patterns(&self) -> String {
        let config = self.recorder.config.borrow();
        let patterns =
            |sites: &[SitePattern]| sites.iter().filter_map(SitePattern::match_pattern).collect::<Vec<_>>();
        let sites = config.sites();
        serde_json::json!({
            "matches": patterns(&sites.include),
            "exclude_matches": patterns(&sites.exclude),
        })
        .to_string()
    }

    /// Begins delivering to a collector, or stops with null.
    ///
    /// # Errors
    /// `invalid_collector`; what was under way goes on.
    pub fn connect(&self, target: JsValue) -> Result<(), JsValue> {
        let target = delivery::target(target)?;
        let recorder = &self.recorder;
        recorder.delivery.borrow_mut().take();
        let Some(target) = target else { return Ok(()) };
        let weak = Rc::downgrade(recorder);
        let on_change = move |_: &DeliveryStatus, notices: &[Notice]| {
            if let Some(recorder) = weak.upgrade() {
                recorder.hear(notices);
            }
        };
        let (session_id, ring) = (recorder.session.borrow().session_id(), recorder.ring.clone());
        let delivery = delivery::start(target, recorder.log.clone(), session_id, ring, Box::new(on_change));
        *recorder.delivery.borrow_mut() = Some(delivery);
        Ok(())
    }

    /// Resolves once everything committed so far is acknowledged.
    ///
    /// # Errors
    /// `not_flushed`, with what stands in the way.
    pub async fn flush(&self) -> Result<(), JsValue> {
        let recorder = self.recorder.clone();
        let latest_seq = recorder.session.borrow().latest_seq();
        boundary::committed(&recorder.session, latest_seq as f64).await?;
        let flush = recorder.delivery.borrow().as_ref().map(Delivery::flush);
        let Some(flush) = flush else {
            return Err(error(NotFlushed::CODE, &"no collector is connected"));
        };
        flush.await.map_err(|why| error(NotFlushed::CODE, &why))
    }

    /// A reader of what is committed after `after_seq`.
    ///
    /// # Errors
    /// `cursor_ahead`, `invalid_cursor`, `invalid_selector`.
    pub async fn reader(&self, after_seq: f64, selector: String) -> Result<JsReader, JsValue> {
        let recorder = self.recorder.clone();
        recorder.refill().await?;
        boundary::reader(&recorder.session, after_seq, &selector)
    }

    /// What a person would want to know.
    ///
    /// # Errors
    /// Never in practice: the status is plain data.
    pub fn status(&self) -> Result<JsValue, JsValue> {
        let plain = serde_wasm_bindgen::Serializer::json_compatible();
        Ok(serde::Serialize::serialize(&self.recorder.status(), &plain)?)
    }

    /// Its session.
    #[wasm_bindgen(getter, js_name = sessionId)]
    #[must_use]
    pub fn session_id(&self) -> String {
        self.recorder.session.borrow().session_id().to_string()
    }

    /// The epoch of this owner.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn epoch(&self) -> f64 {
        self.recorder.session.borrow().epoch() as f64
    }

    /// The last seq spent.
    #[wasm_bindgen(getter, js_name = latestSeq)]
    #[must_use]
    pub fn latest_seq(&self) -> f64 {
        self.recorder.session.borrow().latest_seq() as f64
    }

    /// Records that the session ended, commits, and deletes the resume record.
    ///
    /// # Errors
    /// What was left could not be committed.
    pub async fn close(&self) -> Result<(), JsValue> {
        let recorder = self.recorder.clone();
        recorder.tell(&system::session_ended());
        recorder.session.borrow_mut().close();
        recorder.published();
        let latest_seq = recorder.session.borrow().latest_seq();
        boundary::committed(&recorder.session, latest_seq as f64).await?;
        if let Some(delivery) = &*recorder.delivery.borrow() {
            delivery.closing();
        }
        save_resume(&recorder.save_resume, None).await
    }
}

/// Where the messages of one relay come from, as the worker read it off their sender.
#[derive(Debug, Deserialize)]
struct Context {
    metadata: std::collections::BTreeMap<String, String>,
    url: String,
}

/// What opening the log came to.
struct Opened {
    session_id: SessionId,
    head: Head,
    log: Option<IndexedDbLog>,
    /// The head as an earlier worker left it.
    resumed: bool,
    previous: Option<SessionId>,
    install_key: [u8; 32],
}

impl Opened {
    async fn open(options: &Options, notice: &Rc<StatusNotice>) -> Self {
        match Self::in_log(options).await {
            Ok(opened) => opened,
            Err(failed) => {
                notice.problem(failed.code(), &format!("{failed}; this session is kept in memory only"));
                Self {
                    session_id: new_session_id(),
                    head: Head::default(),
                    log: None,
                    resumed: false,
                    previous: None,
                    install_key: random::bytes(),
                }
            }
        }
    }

    async fn in_log(options: &Options) -> Result<Self, LogError> {
        let durability = if options.strict_durability { Durability::Strict } else { Durability::Relaxed };
        let log = IndexedDbLog::open(&options.database_name, durability).await?;
        let install_key = log.install_key().await?;
        if let Some(session_id) = options.resume.as_ref().and_then(|record| record.session_id.parse().ok()) {
            if let Some(head) = log.resume_session(session_id).await? {
                let log = Some(log);
                return Ok(Self { session_id, head, log, resumed: true, previous: None, install_key });
            }
        }
        let previous = log.sessions().await?.last().map(|(session_id, _)| *session_id);
        let session_id = new_session_id();
        let head = log.begin_session(session_id).await?;
        Ok(Self { session_id, head, log: Some(log), resumed: false, previous, install_key })
    }

    /// When worker events may have been lost: a worker that was killed left its last commit behind less
    /// than the idle time ago. One that was idle for longer died with nothing in its hands.
    fn unwatched(&self) -> Option<Unwatched> {
        let (from_ts, to_ts) = (self.head.committed_ms * 1_000, wall_micros());
        let killed = self.resumed && to_ts.saturating_sub(from_ts) < IDLE_DEATH_MICROS;
        killed.then_some(Unwatched { from_ts, to_ts })
    }
}

/// Chrome stops a service worker this long after its last event.
/// <https://developer.chrome.com/docs/extensions/develop/concepts/service-workers/lifecycle#idle-shutdown>
const IDLE_DEATH_MICROS: u64 = 30_000_000;

impl Recorder {
    async fn start(
        opened: Opened,
        options: &Options,
        config: CaptureConfig,
        save_resume: Function,
        notice: Rc<StatusNotice>,
    ) -> Result<Self, JsValue> {
        let ring = boundary::ring(f64::from(RING_CAPACITY), f64::from(RING_MAX_BYTES))?;
        let unwatched = opened.unwatched();
        let Opened { session_id, head, log, resumed, previous, install_key } = opened;
        let mut session = match &log {
            Some(_) => CaptureSession::with_log(session_id, ring.clone(), &head),
            None => CaptureSession::new(session_id, ring.clone()),
        };
        session.set_redactor(Some(Redactor::new(install_key, &RuleTable::default())));
        let session = Rc::new(RefCell::new(session));
        let delivery = Rc::new(RefCell::new(None));
        let observer =
            Observer { save_resume: save_resume.clone(), notice: notice.clone(), delivery: delivery.clone() };
        let committer = log.as_ref().map(|log| Committer::new(session.clone(), log.clone(), observer));
        let recorder = Self {
            session,
            ring,
            log,
            committer,
            ledger: RefCell::default(),
            config: RefCell::new(config),
            inbox: Inbox::default(),
            save_resume,
            notice,
            refilled: Cell::new(false),
            delivery,
        };
        let config = recorder.config.borrow().clone();
        if !resumed {
            recorder.tell(&system::session_started(previous, &config));
        }
        recorder.tell(&system::worker_started(
            &options.reason,
            head.epoch,
            head.latest_seq,
            unwatched,
            &config,
        ));
        Ok(recorder)
    }

    /// Publishes one of our own events.
    fn tell(&self, event: &str) {
        let told = self.session.borrow_mut().publish(event.as_bytes(), Trust::Untrusted, wall_micros());
        if let Err(refused) = told {
            self.notice.problem(refused.code(), &refused.to_string());
        }
        self.published();
    }

    /// The end of every publish batch.
    fn published(&self) {
        match &self.committer {
            Some(committer) => committer.kick(),
            None => {
                if let Some(delivery) = &*self.delivery.borrow() {
                    delivery.notify();
                }
                self.notice.changed();
            }
        }
    }

    /// Hears what delivery has to say: a person through the status, the stream through `system` events.
    fn hear(&self, notices: &[Notice]) {
        for notice in notices {
            if notice.is_problem() {
                self.notice.problem(notice.code(), &notice.to_string());
            }
            if let Some(event) = delivery::event_of(notice) {
                self.tell(&event);
            }
        }
        self.notice.changed();
    }

    fn take_relayed(
        &self,
        relay_id: &str,
        context: &Context,
        first_message: u64,
        length: usize,
    ) -> Result<RelayReceipt, JsValue> {
        let mut session = self.session.borrow_mut();
        let unwritable = |failed| error("invalid_context", &failed);
        let mut metadata = serde_json::to_vec(&context.metadata).map_err(unwritable)?;
        let mut url = serde_json::to_vec(&context.url).map_err(unwritable)?;
        // Once a batch, not once an event.
        metadata = session.redact(&metadata).unwrap_or(metadata);
        url = session.redact(&url).unwrap_or(url);
        let tab_id = context.metadata.get("tab_id").and_then(|tab_id| tab_id.parse().ok()).unwrap_or(-1);
        let provenance = Provenance { metadata: &metadata, tab_id, url: &url[1..url.len() - 1] };
        self.inbox
            .read(length, |lines| {
                self.ledger.borrow_mut().take(
                    &mut session,
                    relay_id,
                    provenance,
                    first_message,
                    lines,
                    wall_micros(),
                )
            })
            .map_err(|refused| error(refused.code(), &refused))
    }

    /// Refills the ring of a resumed session from its log, before its first reader.
    async fn refill(&self) -> Result<(), JsValue> {
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

    fn status(&self) -> Status {
        let session = self.session.borrow();
        let counts = session.counts();
        let none = CollectorStatus { state: "none", ..CollectorStatus::default() };
        let (collector, backlog_events) =
            self.delivery.borrow().as_ref().map_or((none, session.committed_seq()), delivery::status);
        let categories = session
            .counts_by_category()
            .map(|(name, events, dropped)| (name.to_owned(), CategoryStatus { events, dropped }))
            .collect();
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
            storage_bytes: 0,
            collector,
            problems: self.notice.problems(),
        }
    }
}

fn receipt_to_js(receipt: &RelayReceipt) -> Result<JsValue, JsValue> {
    #[derive(serde::Serialize)]
    struct Refusal {
        message: u64,
        code: &'static str,
        error: String,
    }
    #[derive(serde::Serialize)]
    struct Receipt {
        message: u64,
        seq: u64,
        accepted: u64,
        repeated: u64,
        refused: Vec<Refusal>,
    }
    let refused = receipt.refused.iter().map(|(message, refused)| Refusal {
        message: *message,
        code: refused.code(),
        error: refused.to_string(),
    });
    let receipt = Receipt {
        message: receipt.message,
        seq: receipt.seq,
        accepted: receipt.accepted,
        repeated: receipt.repeated,
        refused: refused.collect(),
    };
    Ok(serde_wasm_bindgen::to_value(&receipt)?)
}
