//! Opening: which session to continue or begin, and what earlier recorders lost.

use super::host::{Host, RecorderLog, ResumeRecord};
use crate::coverage::WatchedUntil;
use crate::delivery::Platform;
use crate::log::{Head, LogError};
use crate::record::SessionId;
use crate::session::LossRecord;
use crate::system::Unwatched;

/// Pauses between attempts to open a log, before the recorder begins in memory: what closes the database, such as the
/// worker before, is then gone. Observations wait meanwhile.
const OPEN_RETRY_MS: [f64; 2] = [100.0, 400.0];

/// Most finished sessions whose losses are kept in memory. They are kept until a collector has acknowledged them.
const MAX_FINISHED: usize = 64;

/// Chrome stops a service worker this long after its last event.
/// <https://developer.chrome.com/docs/extensions/develop/concepts/service-workers/lifecycle#idle-shutdown>
const IDLE_DEATH_MICROS: u64 = 30_000_000;
/// The longest time that an event of the browser is expected to take to a busy worker.
const UNDERWAY_MICROS: u64 = 1_000_000;

/// The session of a new recorder.
#[derive(Debug)]
pub struct Opened<L> {
    /// Its id.
    pub session_id: SessionId,
    /// Its head in the log; the default while it has none.
    pub head: Head,
    /// The log, unless this environment has none.
    pub log: Option<L>,
    /// Why the session begins in memory.
    pub failed: Option<LogError>,
    /// Whether an earlier recorder began the session.
    pub resumed: bool,
    /// The session before, when this one is new.
    pub previous: Option<SessionId>,
    /// How far the session before was watched, if that is known.
    pub previous_watched: Option<WatchedUntil>,
    /// The key that redacted values are hashed with.
    pub install_key: [u8; 32],
    /// Losses of earlier sessions that no collector has acknowledged yet.
    pub finished: Vec<LossRecord>,
    /// The records that only the log holds.
    pub held: Vec<LossRecord>,
    /// Events of earlier sessions that only the log held, while the log cannot be asked whether it still does.
    pub unconfirmed: Vec<LossRecord>,
}

/// Opens the log and continues the session of `resume`, or begins one. A log that cannot be opened is reported as a
/// problem, and the session begins in memory.
pub async fn open<L: RecorderLog, H: Host>(log: L, resume: Option<ResumeRecord>, host: &H) -> Opened<L> {
    let mut resume = resume.unwrap_or_default();
    log.restore_pending_gaps(std::mem::take(&mut resume.pending_gaps));
    let mut pauses = OPEN_RETRY_MS.into_iter();
    let failed = loop {
        match open_in(&log, &resume, host).await {
            Ok(opened) => return opened,
            Err(failed) => match pauses.next().filter(|_| matches!(failed, LogError::Other { .. })) {
                Some(pause_ms) => host.runtime().sleep(pause_ms).await,
                None => break failed,
            },
        }
    };
    host.problem(
        failed.code(),
        &format!("{failed}; this session is kept in memory until the log can be opened"),
    );
    let mut install_key = [0; 32];
    host.runtime().fill_random(&mut install_key);
    let has_log = !matches!(failed, LogError::Unavailable(_));
    Opened {
        session_id: new_session_id(host.runtime()),
        head: Head::default(),
        log: has_log.then_some(log),
        failed: Some(failed),
        resumed: false,
        previous: resume.session_id,
        previous_watched: None,
        install_key,
        finished: resume.volatile,
        held: Vec::new(),
        unconfirmed: resume.logged,
    }
}

async fn open_in<L: RecorderLog, H: Host>(
    log: &L,
    resume: &ResumeRecord,
    host: &H,
) -> Result<Opened<L>, LogError> {
    log.open().await?;
    let install_key = log.install_key().await?;
    let ResumeRecord {
        session_id,
        volatile: mut finished,
        logged,
        ..
    } = resume.clone();
    let (mut held, lost) = held_and_lost(log, logged).await?;
    let resumed = match session_id {
        // A log that was set back would spend the same seqs again.
        Some(session_id) if lost.iter().all(|lost| lost.session_id != session_id) => log
            .resume_session(session_id)
            .await?
            .map(|head| (session_id, head)),
        _ => None,
    };
    if let Some((session_id, _)) = &resumed {
        // Its records are in its log again.
        finished.retain(|record| record.session_id != *session_id);
    }
    add_lost_logs(&mut finished, lost);
    log_gaps(log, &mut finished, &mut held, host).await;
    let is_resumed = resumed.is_some();
    let mut previous = None;
    let mut previous_watched = None;
    let (session_id, head) = match resumed {
        Some(resumed) => resumed,
        None => {
            if let Some(gone) = session_id {
                let why =
                    format!("session {gone} is not in the log any more, nor what no collector had of it");
                host.problem(LogError::Missing.code(), &why);
            }
            // A browser that is killed as it starts leaves a session without an event. No collector receives it, so
            // it could not tell how far the session before it was watched.
            let sessions = log.sessions().await?;
            let last = sessions.iter().rev().find(|(_, head)| head.latest_seq > 0);
            previous = session_id.or(last.map(|(session_id, _)| *session_id));
            if let Some(previous) = previous {
                previous_watched = log.watched_until(previous).await?;
            }
            let session_id = new_session_id(host.runtime());
            (session_id, log.begin_session(session_id).await?)
        }
    };
    Ok(Opened {
        session_id,
        head,
        log: Some(log.clone()),
        failed: None,
        resumed: is_resumed,
        previous,
        previous_watched,
        install_key,
        finished,
        held,
        unconfirmed: Vec::new(),
    })
}

impl<L: RecorderLog> Opened<L> {
    /// Returns the record that the next recorder resumes from; `None` if it needs none.
    pub fn record(&self) -> Option<ResumeRecord> {
        let is_logged = self.failed.is_none();
        let record = ResumeRecord {
            session_id: is_logged.then_some(self.session_id),
            epoch: self.head.epoch,
            volatile: self.finished.clone(),
            logged: [&self.held[..], &self.unconfirmed].concat(),
            pending_gaps: self.log.as_ref().map_or_else(Vec::new, L::pending_gaps),
        };
        (record != ResumeRecord::default()).then_some(record)
    }

    /// When worker events may have been lost: a worker that was killed left its last commit behind less than the
    /// idle time ago. One that was idle for longer held nothing when it ended. What the browser had on its way to the
    /// worker was lost, too.
    pub fn unwatched(&self, host: &impl Platform) -> Option<Unwatched> {
        let committed_ts = self.head.committed_ms * 1_000;
        let to_ts = (host.unix_ms() * 1_000.0) as u64;
        let killed = self.resumed && to_ts.saturating_sub(committed_ts) < IDLE_DEATH_MICROS;
        let from_ts = committed_ts.saturating_sub(UNDERWAY_MICROS);
        killed.then_some(Unwatched { from_ts, to_ts })
    }
}

/// Returns the records that the log contains completely, and the others.
pub(super) async fn held_and_lost<L: RecorderLog>(
    log: &L,
    records: Vec<LossRecord>,
) -> Result<(Vec<LossRecord>, Vec<LossRecord>), LogError> {
    if records.is_empty() {
        return Ok((records, Vec::new()));
    }
    let sessions = log.sessions().await?;
    let is_held = |record: &LossRecord| {
        let has_all = |(session_id, head): &(SessionId, Head)| {
            *session_id == record.session_id && head.latest_seq >= record.latest_seq()
        };
        sessions.iter().any(has_all)
    };
    let (held, mut lost): (Vec<_>, Vec<_>) = records.into_iter().partition(is_held);
    for record in &mut lost {
        record.is_log_lost = true;
    }
    Ok((held, lost))
}

/// Adds what was lost with the log to what was lost with memory: one record per session.
pub(super) fn add_lost_logs(finished: &mut Vec<LossRecord>, lost: Vec<LossRecord>) {
    for record in lost {
        match LossRecord::of_mut(finished, record.session_id) {
            Some(memory) => memory.prepend_lost_log(record),
            None => finished.push(record),
        }
    }
}

/// Writes to the log what ended with the memory of earlier recorders. Records that it turns out to have are `held`.
pub(super) async fn log_gaps<L: RecorderLog>(
    log: &L,
    finished: &mut Vec<LossRecord>,
    held: &mut Vec<LossRecord>,
    host: &impl Host,
) {
    for record in &mut *finished {
        match record.append_gaps_to(log).await {
            Ok(None) => {}
            Ok(Some(more)) => match held
                .iter_mut()
                .find(|held| held.session_id == more.session_id && held.latest_seq() == more.after_seq)
            {
                Some(held) => held.append(&more),
                None => held.push(more),
            },
            Err(failed) => {
                let why = format!("the losses of session {}: {failed}", record.session_id);
                host.problem(failed.code(), &why);
            }
        }
    }
    finished.retain(|record| !record.undelivered_by_category.is_empty() || !record.gaps_logged);
    // Gaps in the log are delivered from there as well, as long as the log is not lost.
    let excess = finished.len().saturating_sub(MAX_FINISHED);
    let mut dropped = 0;
    finished.retain(|record| {
        let goes = dropped < excess && record.gaps_logged;
        dropped += usize::from(goes);
        !goes
    });
}

/// A new session id of the platform's time and randomness.
pub fn new_session_id(platform: &impl Platform) -> SessionId {
    let mut random = [0; 10];
    platform.fill_random(&mut random);
    SessionId::from_time(platform.unix_ms() as u64, random)
}
