//! Opening: what to resume, what to begin, and what an earlier worker may have missed.

use crate::envelope::SessionId;
use crate::js::clock::wall_micros;
use crate::js::logs::new_session_id;
use crate::js::random;
use crate::js::status::StatusNotice;
use crate::log::{Durability, Head, IndexedDbLog, LogError, LogStore};
use crate::system::Unwatched;
use js_sys::{Function, Promise};
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// What `openRecorder` takes, apart from its callbacks.
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

/// What the next worker of this browser session finds.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct ResumeRecord {
    session_id: String,
    epoch: u64,
}

/// What opening the log came to.
pub(super) struct Opened {
    pub(super) session_id: SessionId,
    pub(super) head: Head,
    pub(super) log: Option<IndexedDbLog>,
    /// An earlier worker began the session.
    pub(super) resumed: bool,
    /// The session before, when this one is new.
    pub(super) previous: Option<SessionId>,
    pub(super) install_key: [u8; 32],
}

impl Opened {
    pub(super) async fn open(options: &Options, notice: &Rc<StatusNotice>) -> Self {
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
        let record = options.resume.as_ref().and_then(|record| record.session_id.parse().ok());
        if let Some(session_id) = record
            && let Some(head) = log.resume_session(session_id).await?
        {
            return Ok(Self { session_id, head, log: Some(log), resumed: true, previous: None, install_key });
        }
        let previous = log.sessions().await?.last().map(|(session_id, _)| *session_id);
        let session_id = new_session_id();
        let head = log.begin_session(session_id).await?;
        Ok(Self { session_id, head, log: Some(log), resumed: false, previous, install_key })
    }

    /// What the next worker needs to go on; `None` for a session that nobody can resume.
    pub(super) fn record(&self) -> Option<ResumeRecord> {
        let record = ResumeRecord { session_id: self.session_id.to_string(), epoch: self.head.epoch };
        self.log.is_some().then_some(record)
    }

    /// When worker events may have been lost: a worker that was killed left its last commit behind less
    /// than the idle time ago. One that was idle for longer died with nothing in its hands.
    pub(super) fn unwatched(&self) -> Option<Unwatched> {
        let (from_ts, to_ts) = (self.head.committed_ms * 1_000, wall_micros());
        let killed = self.resumed && to_ts.saturating_sub(from_ts) < IDLE_DEATH_MICROS;
        killed.then_some(Unwatched { from_ts, to_ts })
    }
}

/// Chrome stops a service worker this long after its last event.
/// <https://developer.chrome.com/docs/extensions/develop/concepts/service-workers/lifecycle#idle-shutdown>
const IDLE_DEATH_MICROS: u64 = 30_000_000;

/// Persists the resume record, or deletes it.
pub(super) async fn save_resume(save: &Function, record: Option<&ResumeRecord>) -> Result<(), JsValue> {
    let record = record.map_or(Ok(JsValue::NULL), serde_wasm_bindgen::to_value)?;
    let saving = save.call1(&JsValue::NULL, &record)?;
    JsFuture::from(Promise::resolve(&saving)).await.map(|_| ())
}
