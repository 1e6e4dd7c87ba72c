//! Decides the next action of a delivery. Pure: events, the time and a random number come in; it does no I/O.
//!
//! [`Flusher::next`] returns an action; the caller performs it and reports back ([`on_hello`](Flusher::on_hello),
//! [`on_sent`](Flusher::on_sent) and [`on_reply`](Flusher::on_reply), …) before it asks again.
//!
//! Its state has three parts with an owner each: the link to the collector, the pace of the batches, and the progress of
//! each session.

mod inputs;

use super::batch::{BatchPlan, FlushReason};
use super::link::Link;
use super::pace::Pace;
use super::progress::{Progress, Sessions};
use super::status::{DeliveryStatus, LinkState, NotFlushed, Notice};
use crate::record::SessionId;

/// One action.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Read the sessions of the log: [`Flusher::on_sessions`](Flusher::on_sessions) or [`Flusher::on_sessions_unreadable`](Flusher::on_sessions_unreadable).
    ListSessions,
    /// Challenge the collector: [`Flusher::on_hello`](Flusher::on_hello).
    Hello,
    /// Read a cursor: [`Flusher::on_acked_loaded`](Flusher::on_acked_loaded).
    LoadAcked {
        /// The session.
        session_id: SessionId,
        /// The store that acknowledged.
        store_id: String,
    },
    /// Write a cursor; [`Flusher::on_acked_not_stored`](Flusher::on_acked_not_stored) when that failed.
    StoreAcked {
        /// The session.
        session_id: SessionId,
        /// The store that acknowledged.
        store_id: String,
        /// The cursor.
        acked_seq: u64,
    },
    /// Build and send a batch: [`Flusher::on_sent`](Flusher::on_sent) and [`Flusher::on_reply`](Flusher::on_reply), or [`Flusher::on_log_unreadable`](Flusher::on_log_unreadable).
    Send(BatchPlan),
    /// Nothing before this time, unless something is committed or asked for.
    WaitUntil(f64),
    /// Nothing until something is committed or asked for.
    Idle,
}

/// How far the collector has a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// The session.
    pub session_id: SessionId,
    /// Up to here it has the session; 0 while that is not known.
    pub acked_seq: u64,
    /// The last committed seq.
    pub latest_seq: u64,
}

/// The batch on its way.
#[derive(Debug, Clone)]
struct InFlight {
    session_id: SessionId,
    after_seq: u64,
    records: Vec<(u64, u64)>,
    bytes: usize,
}

/// The decisions of one delivery.
#[derive(Debug, Default)]
pub struct Flusher {
    sessions: Sessions,
    live: Option<SessionId>,
    link: Link,
    pace: Pace,
    in_flight: Option<InFlight>,
    /// 0 for now; infinite once the sessions of the log are listed.
    list_at_ms: f64,
    /// The newest drained session was asked about again, or does not exist.
    probed: bool,
    /// Receipts, and requests that failed, since the delivery began.
    acks: u64,
    failures: u64,
    notices: Vec<Notice>,
}

enum Choice {
    Now(SessionId, FlushReason),
    At(f64),
}

impl Flusher {
    /// Returns the next action.
    pub fn next(&mut self, now_ms: f64) -> Action {
        if self.in_flight.is_some() {
            return Action::Idle;
        }
        let store_at_ms = match self.due_cursor(now_ms) {
            Ok(action) => return action,
            Err(at_ms) => at_ms,
        };
        if self.link.is_stopped() {
            return wait_until(store_at_ms);
        }
        if now_ms >= self.list_at_ms {
            return Action::ListSessions;
        }
        let at_ms = store_at_ms.min(self.list_at_ms);
        let retry_at_ms = self.link.retry_at_ms();
        if now_ms < retry_at_ms {
            return wait_until(at_ms.min(retry_at_ms));
        }
        let Some(store_id) = self.link.known_store() else {
            return Action::Hello;
        };
        if let Some((session_id, _)) = self
            .sessions
            .iter()
            .find(|(_, progress)| progress.acked_seq().is_none())
        {
            return Action::LoadAcked {
                session_id,
                store_id: store_id.to_owned(),
            };
        }
        match self.choose(now_ms) {
            Choice::Now(..) if !self.link.is_proven(now_ms) => Action::Hello,
            Choice::Now(session_id, reason) => self.plan(session_id, reason),
            Choice::At(choose_at_ms) => {
                if choose_at_ms == f64::INFINITY {
                    self.notices.extend(self.link.on_caught_up());
                    self.pace.on_caught_up();
                }
                wait_until(at_ms.min(choose_at_ms))
            }
        }
    }

    /// Chooses the next session. The live one and the older ones, oldest first, take turns.
    fn choose(&self, now_ms: f64) -> Choice {
        let mut at_ms = f64::INFINITY;
        let mut live = None;
        let mut older = None;
        for (id, progress) in self.sessions.iter() {
            if progress.after_seq().is_none() {
                continue;
            }
            let retry_at_ms = progress.retry_at_ms();
            if now_ms < retry_at_ms {
                at_ms = at_ms.min(retry_at_ms);
            } else if self.is_live(id) {
                match self.pace.live_reason(progress, now_ms) {
                    Ok(reason) => live = Some(Choice::Now(id, reason)),
                    Err(live_at_ms) => at_ms = at_ms.min(live_at_ms),
                }
            } else if older.is_none() {
                older = Some(Choice::Now(id, self.pace.older_reason(progress)));
            }
        }
        let chosen = if self.pace.prefers_backlog() {
            older.or(live)
        } else {
            live.or(older)
        };
        chosen.unwrap_or(Choice::At(at_ms))
    }

    fn plan(&self, session_id: SessionId, reason: FlushReason) -> Action {
        let Some((progress, after_seq)) = self
            .sessions
            .get(session_id)
            .and_then(|progress| Some((progress, progress.after_seq()?)))
        else {
            return Action::Idle;
        };
        Action::Send(BatchPlan {
            session_id,
            after_seq,
            latest_seq: progress.latest_seq(),
            limits: self.pace.limits(),
            refused: progress.refused().clone(),
            send_alone: progress.send_alone().clone(),
            reason,
        })
    }

    /// The next cursor to be stored, or when that will be.
    fn due_cursor(&mut self, now_ms: f64) -> Result<Action, f64> {
        let mut at_ms = f64::INFINITY;
        let Some(store_id) = self.link.store_id() else {
            return Err(at_ms);
        };
        for (session_id, progress) in self.sessions.iter_mut() {
            match progress.take_due_cursor(now_ms) {
                Ok(acked_seq) => {
                    return Ok(Action::StoreAcked {
                        session_id,
                        store_id: store_id.to_owned(),
                        acked_seq,
                    });
                }
                Err(due_ms) => at_ms = at_ms.min(due_ms),
            }
        }
        Err(at_ms)
    }

    /// The last committed seq of a session.
    pub fn latest_seq(&self, session_id: SessionId) -> u64 {
        self.sessions.get(session_id).map_or(0, Progress::latest_seq)
    }

    /// Returns the seq up to which the store has acked a session; 0 while that is unknown.
    pub fn acked_seq(&self, session_id: SessionId) -> u64 {
        self.sessions
            .get(session_id)
            .and_then(Progress::acked_seq)
            .unwrap_or(0)
    }

    /// The sessions that the store has not acked to their end.
    pub(super) fn backlogs(&self) -> Vec<Backlog> {
        let backlog = |(session_id, progress): (SessionId, &Progress)| Backlog {
            session_id,
            acked_seq: progress.acked_seq().unwrap_or(0),
            latest_seq: progress.latest_seq(),
        };
        let backlogs = self.sessions.iter().map(backlog);
        backlogs
            .filter(|backlog| backlog.acked_seq < backlog.latest_seq)
            .collect()
    }

    /// The status, without the caller's part.
    pub(super) fn status(&self, live: Option<SessionId>) -> DeliveryStatus {
        let live = live.and_then(|live| self.sessions.get(live));
        let backlog_events = self.sessions.iter().map(|(_, progress)| progress.backlog()).sum();
        DeliveryStatus {
            state: self.link.state(),
            url: String::new(),
            store_id: self.link.store_id().map(str::to_owned),
            acked_seq: live.and_then(Progress::acked_seq).unwrap_or(0),
            last_ack_ts: None,
            error: self
                .link
                .error()
                .or_else(|| {
                    self.sessions
                        .iter()
                        .rev()
                        .find_map(|(_, progress)| progress.error())
                })
                .map(str::to_owned),
            backlog_events,
            draining: backlog_events > 0 && self.link.state() != LinkState::Unauthorized,
        }
    }

    /// How often something failed since the delivery began.
    pub(super) const fn failures(&self) -> u64 {
        self.failures
    }

    /// Returns the notices since the last call, the link's state and the number of receipts.
    pub(super) fn drain_changes(&mut self) -> (Vec<Notice>, LinkState, u64) {
        (std::mem::take(&mut self.notices), self.link.state(), self.acks)
    }

    /// The result of a flush that began when the live session was at `live_seq`, after so many failures.
    /// `None`: it continues.
    pub(super) fn flushed(
        &self,
        live: Option<SessionId>,
        live_seq: u64,
        failures: u64,
    ) -> Option<Result<(), NotFlushed>> {
        let is_acked = |id: SessionId, progress: &Progress| {
            progress.is_acked(if Some(id) == live {
                live_seq
            } else {
                progress.latest_seq()
            })
        };
        let is_listed = self.list_at_ms == f64::INFINITY;
        if is_listed && self.link.store_id().is_some() && self.sessions.iter().all(|(id, p)| is_acked(id, p))
        {
            return Some(Ok(()));
        }
        let stopped = self.link.is_stopped()
            || self
                .sessions
                .iter()
                .any(|(id, p)| p.is_stopped() && !is_acked(id, p));
        if stopped || self.failures > failures {
            let reason = self.status(live).error.unwrap_or_default();
            return Some(Err(NotFlushed { reason }));
        }
        None
    }

    fn is_live(&self, session_id: SessionId) -> bool {
        Some(session_id) == self.live
    }
}

/// `Idle` when that is never.
fn wait_until(at_ms: f64) -> Action {
    if at_ms == f64::INFINITY {
        Action::Idle
    } else {
        Action::WaitUntil(at_ms)
    }
}

#[cfg(test)]
impl Flusher {
    pub(super) const fn older_gets_no_turn(&mut self) {
        self.pace.older_gets_no_turn();
    }

    pub(super) fn cursor(&self, session_id: SessionId) -> Option<u64> {
        self.sessions.get(session_id)?.acked_seq()
    }

    pub(super) fn has_refused(&self, session_id: SessionId) -> bool {
        self.sessions
            .get(session_id)
            .is_some_and(|progress| !progress.refused().is_empty())
    }
}
