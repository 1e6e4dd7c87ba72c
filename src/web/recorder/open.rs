//! Opening: what to resume, what to begin, and what an earlier worker may have missed.

use crate::log::{Head, LogError, LogStore};
use crate::record::SessionId;
use crate::session::LossRecord;
use crate::system::Unwatched;
use crate::web::clock::wall_micros;
use crate::web::indexed_db::{Durability, IndexedDbLog};
use crate::web::logs::new_session_id;
use crate::web::random;
use crate::web::status::StatusNotice;
use js_sys::{Function, Promise};
use serde::{Deserialize, Serialize};
use serde_wasm_bindgen::Serializer;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// The options of `openRecorder`, apart from its callbacks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Options {
    database_name: String,
    resume: Option<ResumeRecord>,
    pub(super) reason: String,
    pub(super) config: serde_json::Value,
    strict_durability: bool,
    /// The browser clears nothing of this origin by itself.
    pub(super) unlimited_storage: bool,
}

/// The resume record for the next worker of this browser session.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub(super) struct ResumeRecord {
    /// The session to go on with, if there is one.
    pub(super) session_id: Option<SessionId>,
    pub(super) epoch: u64,
    /// What sessions that went on in memory had when this was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) volatile: Vec<LossRecord>,
}

/// The result of opening the log.
pub(super) struct Opened {
    pub(super) session_id: SessionId,
    pub(super) head: Head,
    pub(super) log: Option<IndexedDbLog>,
    /// An earlier worker began the session.
    pub(super) resumed: bool,
    /// The session before, when this one is new.
    pub(super) previous: Option<SessionId>,
    pub(super) install_key: [u8; 32],
    /// What ended with the memory of earlier workers, and no collector has acknowledged yet.
    pub(super) ended: Vec<LossRecord>,
}

impl Opened {
    pub(super) async fn open(options: &Options, notice: &Rc<StatusNotice>) -> Self {
        match Self::in_log(options, notice).await {
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
                    ended: options.resume.as_ref().map_or_else(Vec::new, |it| it.volatile.clone()),
                }
            }
        }
    }

    async fn in_log(options: &Options, notice: &Rc<StatusNotice>) -> Result<Self, LogError> {
        let durability = if options.strict_durability { Durability::Strict } else { Durability::Relaxed };
        let log = IndexedDbLog::open(&options.database_name, durability).await?;
        let install_key = log.install_key().await?;
        let ResumeRecord { session_id, volatile: mut ended, .. } = options.resume.clone().unwrap_or_default();
        let resumed = match session_id {
            Some(session_id) => log.resume_session(session_id).await?.map(|head| (session_id, head)),
            None => None,
        };
        if let Some((session_id, _)) = &resumed {
            // It has come back into its log, and that is there.
            ended.retain(|record| record.session_id != *session_id);
        }
        log_gaps(&log, &mut ended, notice).await;
        if let Some((session_id, head)) = resumed {
            let log = Some(log);
            return Ok(Self { session_id, head, log, resumed: true, previous: None, install_key, ended });
        }
        if let Some(gone) = session_id {
            let why = format!("session {gone} is not in the log any more, nor what no collector had of it");
            notice.problem(LogError::Missing.code(), &why);
        }
        let last = log.sessions().await?.last().map(|(session_id, _)| *session_id);
        let previous = session_id.or(last);
        let session_id = new_session_id();
        let head = log.begin_session(session_id).await?;
        Ok(Self { session_id, head, log: Some(log), resumed: false, previous, install_key, ended })
    }

    /// What the next worker needs to go on; `None` for a session that nobody can resume.
    pub(super) fn record(&self) -> Option<ResumeRecord> {
        let volatile = self.ended.clone();
        match &self.log {
            Some(_) => {
                Some(ResumeRecord { session_id: Some(self.session_id), epoch: self.head.epoch, volatile })
            }
            None if volatile.is_empty() => None,
            None => Some(ResumeRecord { volatile, ..ResumeRecord::default() }),
        }
    }

    /// When worker events may have been lost: a worker that was killed left its last commit behind less
    /// than the idle time ago. One that was idle for longer died with nothing in its hands.
    pub(super) fn unwatched(&self) -> Option<Unwatched> {
        let (from_ts, to_ts) = (self.head.committed_ms * 1_000, wall_micros());
        let killed = self.resumed && to_ts.saturating_sub(from_ts) < IDLE_DEATH_MICROS;
        killed.then_some(Unwatched { from_ts, to_ts })
    }
}

/// Most ended sessions that are told of from memory. They are kept until a collector has acknowledged.
const MAX_ENDED: usize = 64;

/// Writes to the log what ended with the memory of earlier workers.
async fn log_gaps(log: &IndexedDbLog, ended: &mut Vec<LossRecord>, notice: &Rc<StatusNotice>) {
    for record in &mut *ended {
        if let Err(failed) = record.append_gaps_to(log).await {
            notice.problem(failed.code(), &format!("what {} lost: {failed}", record.session_id));
        }
    }
    ended.retain(|record| !record.undelivered_by_category.is_empty() || !record.gaps_logged);
    // What is in the log is delivered from there as well, as long as the log is not lost.
    let excess = ended.len().saturating_sub(MAX_ENDED);
    let mut dropped = 0;
    ended.retain(|record| {
        let goes = dropped < excess && record.gaps_logged;
        dropped += usize::from(goes);
        !goes
    });
}

/// Chrome stops a service worker this long after its last event.
/// <https://developer.chrome.com/docs/extensions/develop/concepts/service-workers/lifecycle#idle-shutdown>
const IDLE_DEATH_MICROS: u64 = 30_000_000;

/// Persists the resume record, or deletes it.
pub(super) async fn save_resume(save: &Function, record: Option<&ResumeRecord>) -> Result<(), JsValue> {
    // Plain objects: what keeps it may take JSON only, and a `Map` is none.
    let record = record.serialize(&Serializer::json_compatible())?;
    let saving = save.call1(&JsValue::NULL, &record)?;
    JsFuture::from(Promise::resolve(&saving)).await.map(|_| ())
}
