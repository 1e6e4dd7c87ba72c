//! The whole recorder of one service worker: session, category logs, relay ledger and delivery, wired.
//!
//! No rule about events lives here: it asks the core and passes the answers on.

mod forget;
mod housekeeping;
mod load;
mod relayed;
mod running;

use super::clock::wall_micros;
use super::delivery;
use super::errors::error;
use super::indexed_db::{Durability, IndexedDbLog};
use super::reader::JsReader;
use super::redaction;
use super::runtime::Worker;
use super::session as boundary;
use super::status::StatusNotice;
use crate::config::{CaptureConfig, SitePattern};
use crate::coverage::WatchedUntil;
use crate::delivery::{Delivery, DeliveryStatus, NotFlushed, Notice};
use crate::recorder::{Cost, Host, ResumeRecord, open};
use crate::session::State;
use crate::system;
use js_sys::Function;
use running::Recorder;
use serde::Deserialize;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// The options of `openRecorder`, apart from its callbacks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Options {
    database_name: String,
    resume: Option<ResumeRecord>,
    reason: String,
    config: serde_json::Value,
    /// JSON.
    redaction: String,
    strict_durability: bool,
    /// The browser clears nothing of this origin by itself.
    unlimited_storage: bool,
}

/// The wasm half of the TypeScript `Recorder`.
#[wasm_bindgen(js_name = WasmRecorder)]
#[derive(Debug)]
pub struct JsRecorder {
    recorder: Rc<Recorder>,
}

#[wasm_bindgen(js_class = WasmRecorder)]
impl JsRecorder {
    /// Opens the database, resumes or begins a session, and records that it did.
    ///
    /// A database that cannot be opened is a problem in the status, not an error: capture continues in
    /// memory.
    ///
    /// # Errors
    /// `invalid_options`, `invalid_config`, `invalid_redaction`, or what `save_resume` threw.
    pub async fn open(
        options: JsValue,
        save_resume: Function,
        on_status: Option<Function>,
    ) -> Result<JsRecorder, JsValue> {
        // Every other option is of its type already.
        let wrong_record = |wrong| {
            error(
                "invalid_options",
                &format!("resume: expected a record that saveResume was given: {wrong}"),
            )
        };
        let options: Options = serde_wasm_bindgen::from_value(options).map_err(wrong_record)?;
        let config = CaptureConfig::default()
            .merged(&options.config)
            .map_err(|wrong| error("invalid_config", &wrong))?;
        let rules = redaction::rules(&options.redaction)?;
        let notice = StatusNotice::new(on_status);
        let worker = Worker { save_resume, notice };
        let durability = Durability::new(options.strict_durability);
        let log = IndexedDbLog::new(&options.database_name, durability);
        let opened = open(log, options.resume, &worker).await;
        worker.save_resume(opened.record().as_ref()).await?;
        let recorder = Rc::new(Recorder::start(&opened, &options.reason, config, &rules, worker)?);
        housekeeping::begin(&recorder, options.unlimited_storage);
        recorder.load.begin(&recorder);
        Ok(Self { recorder })
    }

    /// Makes room in the [input buffer](super::input_buffer).
    pub fn reserve(&self, length: usize) -> *const u8 {
        self.recorder.input.reserve(length)
    }

    /// Publishes the event in the input buffer.
    ///
    /// # Errors
    /// `invalid_event`, `closed`, …
    pub fn publish(&self, length: usize, data_last: bool) -> Result<f64, JsValue> {
        let recorder = &self.recorder;
        let published = boundary::publish(&recorder.session, &recorder.input, length, data_last);
        recorder.published();
        published
    }

    /// Learns how far a relay's messages were taken, before its first message here: from the log, and from
    /// the relay, which has the acks of sessions that continued in memory, or that lost their log.
    #[wasm_bindgen(js_name = openRelay)]
    pub async fn open_relay(&self, relay_id: String, acknowledged: f64) -> Result<(), JsValue> {
        let recorder = self.recorder.clone();
        if recorder.ledger.borrow().contains(&relay_id) {
            return Ok(());
        }
        let logged = match &recorder.log {
            None => None,
            // Relays do not wait for a database that may never open.
            Some(log) if recorder.session.borrow().state() == State::Volatile && !log.is_open() => None,
            Some(log) => match log.relay_message(&relay_id).await {
                Err(failed) if recorder.session.borrow().state() != State::Volatile => {
                    return Err(failed.into());
                }
                read => read.unwrap_or(None),
            },
        };
        let message = logged
            .unwrap_or(0)
            .max(acknowledged as u64)
            .max(recorder.losses.last_message_of(&relay_id));
        recorder
            .ledger
            .borrow_mut()
            .restore(&recorder.session.borrow(), &relay_id, message);
        Ok(())
    }

    /// Takes the relay messages in the input buffer. `context` is a `RelayContext` as JSON.
    ///
    /// # Errors
    /// `relay_unknown` before [`open_relay`](Self::open_relay), `relay_gap`, `closed`, `superseded`.
    #[wasm_bindgen(js_name = publishRelay)]
    pub fn publish_relay(
        &self,
        relay_id: &str,
        context: &str,
        first_message: f64,
        length: usize,
    ) -> Result<JsValue, JsValue> {
        let recorder = &self.recorder;
        if !recorder.ledger.borrow().contains(relay_id) {
            return Err(error(
                "relay_unknown",
                &format!("relay {relay_id:?}: call and await openRelay first"),
            ));
        }
        let take = || recorder.take_relayed(relay_id, context, first_message as u64, length);
        let receipt = recorder.measured(take, |taken| taken.as_ref().map_or(0, |it| it.accepted))?;
        recorder.published();
        Ok(serde_wasm_bindgen::to_value(&receipt)?)
    }

    /// Notes how many messages a relay holds, and the microseconds that its page has spent on so many events.
    #[wasm_bindgen(js_name = noteRelay)]
    pub fn note_relay(&self, queued: f64, events: f64, micros: f64) {
        self.recorder.load.note_relay(queued as u64);
        let events = events as u64;
        self.recorder.health.borrow_mut().page(Cost { events, micros });
    }

    /// Spends seqs on a gap.
    ///
    /// # Errors
    /// `invalid_drop`, `closed`, `superseded`.
    #[wasm_bindgen(js_name = recordDrop)]
    pub fn record_drop(&self, category: &str, count: u32, reason: &str) -> Result<f64, JsValue> {
        let recorded = boundary::record_drop(&self.recorder.session, category, count, reason);
        self.recorder.published();
        recorded
    }

    /// Resolves once `seq` is committed: in the log, or, when the session continues in memory, noted for the
    /// next worker as what is lost with that.
    ///
    /// # Errors
    /// `cursor_ahead`, `closed`, `superseded`.
    pub async fn committed(&self, seq: f64) -> Result<(), JsValue> {
        let session = self.recorder.session.clone();
        boundary::committed(&session, seq).await?;
        if let Some(kept) = self.recorder.losses.persisted(seq as u64) {
            // Nothing ends it early: the record is written, or has failed to be.
            let _ = kept.await;
        }
        Ok(())
    }

    /// Commits and sends what was accepted without waiting for more.
    pub fn commit(&self) {
        self.recorder.commit_soon();
    }

    /// Stores how far the session was watched, as JSON of a [`WatchedUntil`]. Of a session that lives in memory nothing
    /// is stored: it would end with this memory.
    ///
    /// # Errors
    /// `invalid_watched_until`, or what the log says.
    #[wasm_bindgen(js_name = confirmWatched)]
    pub async fn confirm_watched(&self, until: String) -> Result<(), JsValue> {
        let until: WatchedUntil =
            serde_json::from_str(&until).map_err(|wrong| error("invalid_watched_until", &wrong))?;
        let (session_id, state, epoch) = {
            let session = self.recorder.session.borrow();
            (session.session_id(), session.state(), session.epoch())
        };
        let Some(log) = self.recorder.log.clone().filter(|_| state == State::Logged) else {
            return Ok(());
        };
        Ok(log.set_watched_until(session_id, epoch, &until).await?)
    }

    /// Applies a merge patch, in JSON, and records it. Returns the whole config, in JSON.
    ///
    /// # Errors
    /// `invalid_config`: nothing has changed.
    pub fn configure(&self, patch: &str) -> Result<String, JsValue> {
        let recorder = &self.recorder;
        let before = recorder.config();
        recorder
            .settings
            .borrow_mut()
            .apply(patch)
            .map_err(|wrong| error("invalid_config", &wrong))?;
        let patch = serde_json::from_str(patch).unwrap_or_default();
        recorder.load.forget_levels_in(&patch);
        let config = recorder.config();
        if config != before {
            recorder.ledger.borrow_mut().follow(&config, wall_micros());
            recorder.publish_system(&system::config_changed(&patch, &config));
        }
        Ok(self.config())
    }

    /// Redacts every later event by other rules.
    ///
    /// # Errors
    /// `invalid_redaction`: nothing has changed.
    #[wasm_bindgen(js_name = setRedaction)]
    pub fn set_redaction(&self, rules: &str) -> Result<(), JsValue> {
        let rules = redaction::rules(rules)?;
        self.recorder.session.borrow_mut().set_redaction_rules(&rules);
        self.recorder.relay_context.take();
        Ok(())
    }

    /// Returns the capture config as JSON.
    #[wasm_bindgen(getter)]
    pub fn config(&self) -> String {
        serde_json::to_string(&self.recorder.config()).unwrap_or_default()
    }

    /// Whether the page at `url` is on a recorded site.
    #[wasm_bindgen(js_name = isSiteRecorded)]
    pub fn is_site_recorded(&self, url: &str) -> bool {
        self.recorder.settings.borrow().site_matches(url)
    }

    /// The recorded sites as match patterns of content scripts, `{matches, exclude_matches}` in JSON. A site whose
    /// scheme has no content scripts has none.
    #[wasm_bindgen(js_name = matchPatterns)]
    pub fn match_patterns(&self) -> String {
        let config = self.recorder.settings.borrow();
        let patterns = |sites: &[SitePattern]| {
            sites
                .iter()
                .flat_map(SitePattern::match_patterns)
                .collect::<Vec<_>>()
        };
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
    /// `invalid_collector`; the delivery under way continues.
    pub fn connect(&self, target: JsValue) -> Result<(), JsValue> {
        let target = delivery::target(target)?;
        let recorder = &self.recorder;
        recorder.delivery.borrow_mut().take();
        let Some(target) = target else { return Ok(()) };
        let weak = Rc::downgrade(recorder);
        let on_change = move |_: &DeliveryStatus, notices: &[Notice]| {
            if let Some(recorder) = weak.upgrade() {
                recorder.on_notices(notices);
            }
        };
        let (session_id, ring) = (recorder.session.borrow().session_id(), recorder.ring.clone());
        let delivery = delivery::start(
            target,
            recorder.log.clone(),
            session_id,
            ring,
            Box::new(on_change),
        );
        recorder.losses.deliver_losses(&delivery);
        if recorder.session.borrow().state() == State::Volatile {
            delivery.on_log_lost();
        }
        *recorder.delivery.borrow_mut() = Some(delivery);
        Ok(())
    }

    /// Resolves once everything committed so far is acknowledged.
    ///
    /// # Errors
    /// `not_flushed`, with the reason.
    pub async fn flush(&self) -> Result<(), JsValue> {
        let recorder = self.recorder.clone();
        recorder.commit().await?;
        let flush = recorder.delivery.borrow().as_ref().map(Delivery::flush);
        let Some(flush) = flush else {
            return Err(error(NotFlushed::CODE, &"no collector is connected"));
        };
        flush.await.map_err(|why| error(NotFlushed::CODE, &why))
    }

    /// A reader of what is committed after `after_seq`.
    ///
    /// # Errors
    /// `cursor_ahead`, `invalid_selector`.
    pub async fn reader(&self, after_seq: f64, selector: String) -> Result<JsReader, JsValue> {
        let recorder = self.recorder.clone();
        if after_seq + 1.0 < recorder.ring.oldest_seq() as f64 {
            recorder.refill().await?;
        }
        boundary::reader(&recorder.session, after_seq, &selector)
    }

    /// Returns the status of the recorder.
    ///
    /// # Errors
    /// Never in practice: the status is plain data.
    pub fn status(&self) -> Result<JsValue, JsValue> {
        let plain = serde_wasm_bindgen::Serializer::json_compatible();
        Ok(serde::Serialize::serialize(&self.recorder.status(), &plain)?)
    }

    /// Its session.
    #[wasm_bindgen(getter, js_name = sessionId)]
    pub fn session_id(&self) -> String {
        self.recorder.session.borrow().session_id().to_string()
    }

    /// The epoch of this owner.
    #[wasm_bindgen(getter)]
    pub fn epoch(&self) -> f64 {
        self.recorder.session.borrow().epoch() as f64
    }

    /// The last seq spent.
    #[wasm_bindgen(getter, js_name = latestSeq)]
    pub fn latest_seq(&self) -> f64 {
        self.recorder.session.borrow().latest_seq() as f64
    }

    /// Records that the session ended, commits, and deletes the resume record, unless that has to say what
    /// ends with this memory.
    ///
    /// # Errors
    /// The last records could not be committed.
    pub async fn close(&self) -> Result<(), JsValue> {
        let recorder = self.recorder.clone();
        recorder.publish_system(&system::session_ended());
        recorder.session.borrow_mut().close();
        recorder.published();
        recorder.commit().await?;
        if let Some(delivery) = &*recorder.delivery.borrow() {
            delivery.on_closing();
        }
        recorder.losses.close().await
    }
}
