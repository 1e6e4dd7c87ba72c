//! Decides the next action of a delivery. Pure: events, the time and a random number come in; it does no I/O.
//!
//! [`Flusher::next`] returns an action; the caller performs it and reports back ([`on_hello`](Flusher::on_hello),
//! [`on_sent`](Flusher::on_sent) and [`on_reply`](Flusher::on_reply), …) before it asks again.

use super::action::{Action, BatchPlan};
use super::backoff::Backoff;
use super::batch::Limits;
use super::flush::FlushReason;
use super::notice::Notice;
use super::progress::{Progress, Sessions};
use super::status::{LinkState, Totals};
use crate::record::SessionId;

/// With nothing in flight, what is committed goes at once, but at most this often.
pub const FLUSH_INTERVAL_MS: f64 = 20.0;
/// For so long after its last answer the collector need not prove again who it is: long enough that
/// recording costs no second request, too short to take its port over unnoticed.
pub const PROOF_MS: f64 = 5_000.0;
/// Cursors are stored at most this often while they move forward. A cursor that is behind costs a
/// collector some duplicates after a worker's death, nothing else.
pub const STORE_CURSOR_MS: f64 = 1_000.0;
/// Time after which a failed operation of the log is retried.
pub(super) const LOG_RETRY_MS: f64 = 30_000.0;

/// Whether the collector has proved that it is the paired one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Link {
    /// It has yet to prove it, again after each broken connection.
    Unproven,
    /// It has, and last answered then.
    Proven { at_ms: f64 },
    /// It does not let us in.
    Stopped,
}

/// The batch on its way.
#[derive(Debug, Clone)]
pub(super) struct InFlight {
    pub(super) session_id: SessionId,
    pub(super) after_seq: u64,
    pub(super) records: Vec<(u64, u64)>,
    pub(super) bytes: usize,
}

/// The decisions of one delivery.
#[derive(Debug)]
pub struct Flusher {
    pub(super) sessions: Sessions,
    pub(super) live: Option<SessionId>,
    pub(super) link: Link,
    pub(super) store_id: Option<String>,
    /// Failures of the connection; each session has its own besides.
    pub(super) backoff: Backoff,
    pub(super) in_flight: Option<InFlight>,
    pub(super) limits: Limits,
    pub(super) requested: bool,
    /// From the first connection, and from each failure, until everything is acked.
    pub(super) recovering: bool,
    pub(super) state: LinkState,
    pub(super) error: Option<String>,
    pub(super) totals: Totals,
    pub(super) notices: Vec<Notice>,
    /// Infinite once the sessions are known.
    pub(super) list_at_ms: f64,
    pub(super) live_began_ms: f64,
    /// The last batch of the live session could not take everything.
    pub(super) batch_was_full: bool,
    /// The live session had the last turn.
    pub(super) prefer_backlog: bool,
    /// The newest drained session was asked about again, or there is none.
    pub(super) probed: bool,
}

impl Default for Flusher {
    fn default() -> Self {
        Self {
            sessions: Sessions::default(),
            live: None,
            link: Link::Unproven,
            store_id: None,
            backoff: Backoff::default(),
            in_flight: None,
            limits: Limits::default(),
            requested: false,
            recovering: true,
            state: LinkState::Connecting,
            error: None,
            totals: Totals::default(),
            notices: Vec::new(),
            list_at_ms: f64::NEG_INFINITY,
            live_began_ms: f64::NEG_INFINITY,
            batch_was_full: false,
            prefer_backlog: false,
            probed: false,
        }
    }
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
        if self.link == Link::Stopped {
            return wait_until(store_at_ms);
        }
        if now_ms >= self.list_at_ms {
            return Action::ListSessions;
        }
        let at_ms = store_at_ms.min(self.list_at_ms);
        if now_ms < self.backoff.retry_at_ms() {
            return wait_until(at_ms.min(self.backoff.retry_at_ms()));
        }
        let (Some(store_id), true) = (&self.store_id, self.link != Link::Unproven) else {
            return Action::Hello;
        };
        if let Some((id, _)) = self
            .sessions
            .iter()
            .find(|(_, progress)| progress.acked_seq.is_none())
        {
            return Action::LoadAcked {
                session_id: id,
                store_id: store_id.clone(),
            };
        }
        match self.choose(now_ms) {
            Choice::Now(..) if !self.is_proven(now_ms) => Action::Hello,
            Choice::Now(session_id, reason) => self.plan(session_id, reason),
            Choice::At(choose_at_ms) => {
                if choose_at_ms == f64::INFINITY {
                    self.caught_up();
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
            if now_ms < progress.backoff.retry_at_ms() {
                at_ms = at_ms.min(progress.backoff.retry_at_ms());
            } else if Some(id) == self.live {
                match self.live_turn(id, progress, now_ms) {
                    Choice::At(live_at_ms) => at_ms = at_ms.min(live_at_ms),
                    now @ Choice::Now(..) => live = Some(now),
                }
            } else if older.is_none() {
                older = Some(Choice::Now(
                    id,
                    self.urgent(progress).unwrap_or(FlushReason::Recovered),
                ));
            }
        }
        let (first, second) = if self.prefer_backlog {
            (older, live)
        } else {
            (live, older)
        };
        first.or(second).unwrap_or(Choice::At(at_ms))
    }

    fn live_turn(&self, id: SessionId, progress: &Progress, now_ms: f64) -> Choice {
        if let Some(reason) = self.urgent(progress) {
            return Choice::Now(id, reason);
        }
        if self.batch_was_full || progress.backlog() >= self.limits.events as u64 {
            return Choice::Now(id, FlushReason::Size);
        }
        let due_ms = self.live_began_ms + FLUSH_INTERVAL_MS;
        if now_ms >= due_ms {
            Choice::Now(id, FlushReason::Interval)
        } else {
            Choice::At(due_ms)
        }
    }

    const fn urgent(&self, progress: &Progress) -> Option<FlushReason> {
        match (progress.closing, self.requested, self.recovering) {
            (true, ..) => Some(FlushReason::Closing),
            (_, true, _) => Some(FlushReason::Requested),
            (_, _, true) => Some(FlushReason::Recovered),
            _ => None,
        }
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
            latest_seq: progress.latest_seq,
            limits: self.limits,
            refused: progress.refused.clone(),
            send_alone: progress.send_alone.clone(),
            reason,
        })
    }

    /// The next cursor to be stored, or when that will be.
    fn due_cursor(&mut self, now_ms: f64) -> Result<Action, f64> {
        let mut at_ms = f64::INFINITY;
        let Some(store_id) = &self.store_id else {
            return Err(at_ms);
        };
        for (id, progress) in self.sessions.iter_mut() {
            let (Some(due_ms), Some(acked_seq)) = (progress.store_at_ms(STORE_CURSOR_MS), progress.acked_seq)
            else {
                continue;
            };
            if now_ms < due_ms {
                at_ms = at_ms.min(due_ms);
                continue;
            }
            progress.stored_seq = Some(acked_seq);
            progress.stored_at_ms = now_ms;
            progress.store_now = false;
            return Ok(Action::StoreAcked {
                session_id: id,
                store_id: store_id.clone(),
                acked_seq,
            });
        }
        Err(at_ms)
    }

    /// The last committed seq of a session.
    #[must_use]
    pub fn latest_seq(&self, session_id: SessionId) -> u64 {
        self.sessions
            .get(session_id)
            .map_or(0, |progress| progress.latest_seq)
    }

    /// Returns the seq up to which the store has acked a session; 0 while that is unknown.
    #[must_use]
    pub fn acked_seq(&self, session_id: SessionId) -> u64 {
        self.sessions
            .get(session_id)
            .and_then(|progress| progress.acked_seq)
            .unwrap_or(0)
    }

    pub(super) fn is_live(&self, session_id: SessionId) -> bool {
        Some(session_id) == self.live
    }

    /// Whether the sessions of the log are known.
    pub(super) const fn is_listed(&self) -> bool {
        self.list_at_ms == f64::INFINITY
    }

    fn is_proven(&self, now_ms: f64) -> bool {
        matches!(self.link, Link::Proven { at_ms } if now_ms - at_ms <= PROOF_MS)
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
        self.prefer_backlog = false;
    }
}
