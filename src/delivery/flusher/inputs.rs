//! Inputs of a flusher: what was committed, what the log answered, and what the collector replied.

use super::{Flusher, InFlight};
use crate::delivery::batch::Batch;
use crate::delivery::progress::{LOG_RETRY_MS, Progress, Refusal};
use crate::delivery::status::{LinkState, Notice, SessionStop};
use crate::delivery::target::HelloOutcome;
use crate::delivery::transport::Reply;
use crate::protocol::Receipt;
use crate::record::SessionId;

impl Flusher {
    /// The session that is being recorded, and its last committed seq.
    pub fn on_live(&mut self, session_id: SessionId, latest_seq: u64) {
        self.live = Some(session_id);
        self.pace.on_live();
        self.sessions.on_committed(session_id, latest_seq);
    }

    /// Something was committed.
    pub fn on_committed(&mut self, session_id: SessionId, latest_seq: u64) {
        if let Some(progress) = self.sessions.get_mut(session_id) {
            progress.on_committed(latest_seq);
        }
    }

    /// The live session's records up to this seq may be the last before the browser ends: they are sent as
    /// soon as they are committed, even if no reader follows the collector's stream.
    pub fn on_urgent(&mut self, latest_seq: u64) {
        self.pace.on_urgent(latest_seq);
    }

    /// A session ends: what is left of it goes at once.
    pub fn on_closing(&mut self, session_id: SessionId) {
        if let Some(progress) = self.sessions.get_mut(session_id) {
            progress.on_closing();
        }
    }

    /// Someone waits for everything to be acked: no waiting, unless the collector asked for it.
    pub fn on_flush_requested(&mut self) {
        self.pace.on_flush_requested();
        self.link.on_flush_requested();
        for (_, progress) in self.sessions.iter_mut() {
            progress.on_flush_requested();
        }
    }

    /// The sessions of the log, each with its last committed seq.
    pub fn on_sessions(&mut self, sessions: impl IntoIterator<Item = (SessionId, u64)>) {
        self.list_at_ms = f64::INFINITY;
        for (id, latest_seq) in sessions {
            // The owner of the live session reports its commits itself.
            if !self.is_live(id) {
                self.sessions.on_committed(id, latest_seq);
            }
        }
    }

    /// The end of an older session, which the log may not have.
    pub fn on_finished_session(&mut self, session_id: SessionId, latest_seq: u64) {
        self.sessions.on_committed(session_id, latest_seq);
    }

    /// The list could not be read. The live session continues meanwhile.
    pub fn on_sessions_unreadable(&mut self, error: String, now_ms: f64) {
        self.list_at_ms = now_ms + LOG_RETRY_MS;
        self.notices.push(Notice::LogUnreadable { error });
    }

    /// The log's cursor of a session.
    pub fn on_acked_loaded(&mut self, session_id: SessionId, store_id: &str, acked_seq: u64) {
        if self.link.store_id() != Some(store_id) {
            return;
        }
        let is_older =
            |(id, progress): &(SessionId, &Progress)| !self.is_live(*id) && progress.latest_seq() > 0;
        let newest_older = self.sessions.iter().rfind(is_older).map(|(id, _)| id);
        let Some(progress) = self.sessions.get_mut(session_id) else {
            return;
        };
        progress.on_cursor_loaded(acked_seq);
        if Some(session_id) == newest_older && !std::mem::replace(&mut self.probed, true) {
            progress.ask_again();
        }
    }

    /// A cursor could not be stored.
    pub fn on_acked_not_stored(&mut self, session_id: SessionId, now_ms: f64) {
        if let Some(progress) = self.sessions.get_mut(session_id) {
            progress.on_cursor_not_stored(now_ms);
        }
    }

    /// A batch is on its way.
    pub fn on_sent(&mut self, batch: &Batch, now_ms: f64) {
        let is_live = self.is_live(batch.session_id);
        let Some(progress) = self.sessions.get_mut(batch.session_id) else {
            return;
        };
        progress.on_sent(batch.last_seq);
        let is_full = batch.last_seq < progress.latest_seq();
        self.pace.on_sent(is_live, is_full, now_ms);
        self.in_flight = Some(InFlight {
            session_id: batch.session_id,
            after_seq: batch.first_seq - 1,
            records: batch.records.clone(),
            bytes: batch.body.len(),
        });
    }

    /// A challenge was answered. `random` is from 0 to below 1.
    pub fn on_hello(&mut self, outcome: HelloOutcome, now_ms: f64, random: f64) {
        match outcome {
            HelloOutcome::Proven { store_id } => self.on_proven(store_id, now_ms),
            HelloOutcome::Impostor(error) => {
                self.link_failed(LinkState::Impostor, error, None, now_ms, random);
            }
            HelloOutcome::Failed(reply) => {
                let retry_after_ms = match reply {
                    Reply::Busy { retry_after_ms, .. } => retry_after_ms,
                    _ => None,
                };
                self.retry(reply.detail(), retry_after_ms, now_ms, random);
            }
        }
    }

    fn on_proven(&mut self, store_id: String, now_ms: f64) {
        let before = self.link.on_proven(&store_id, now_ms);
        for (_, progress) in self.sessions.iter_mut() {
            progress.on_proven(before.is_some());
        }
        if let Some(from) = before {
            self.pace.on_rewound();
            self.notices.push(Notice::StoreChanged { from, to: store_id });
        }
        // After failures, only an ack shows that it works again: hello needs no disk.
        if !self.link.has_failed() {
            self.notices.extend(self.link.on_works());
        }
    }

    fn retry(&mut self, error: String, retry_after_ms: Option<f64>, now_ms: f64, random: f64) {
        self.link_failed(LinkState::Retrying, error, retry_after_ms, now_ms, random);
    }

    fn link_failed(
        &mut self,
        state: LinkState,
        error: String,
        retry_after_ms: Option<f64>,
        now_ms: f64,
        random: f64,
    ) {
        self.failures += 1;
        self.pace.on_link_failed();
        if self
            .link
            .on_failed(state, error.clone(), retry_after_ms, now_ms, random)
        {
            self.notices.push(match state {
                LinkState::Impostor => Notice::Impostor { error },
                LinkState::Unauthorized => Notice::Unauthorized { error },
                _ => Notice::Lost { error },
            });
        }
    }

    /// The batch in flight was answered. `random` is from 0 to below 1.
    pub fn on_reply(&mut self, reply: Reply, now_ms: f64, random: f64) {
        let Some(flight) = self.in_flight.take() else {
            return;
        };
        self.handle_reply(&flight, reply, now_ms, random);
        let last_seq = flight.records.last().map_or(0, |record| record.1);
        let progress = self.sessions.get(flight.session_id);
        if self.is_live(flight.session_id)
            && progress.is_some_and(|progress| progress.acked_seq() < Some(last_seq))
        {
            self.pace.on_live_not_acked();
        }
    }

    fn handle_reply(&mut self, flight: &InFlight, reply: Reply, now_ms: f64, random: f64) {
        let error = reply.detail();
        match reply {
            Reply::Broken(error) => self.retry(error, None, now_ms, random),
            Reply::NotProven(error) => {
                self.link_failed(LinkState::Impostor, error, None, now_ms, random);
            }
            Reply::Busy { retry_after_ms, .. } => self.retry(error, retry_after_ms, now_ms, random),
            Reply::Denied { .. } => {
                self.link_failed(LinkState::Unauthorized, error, None, now_ms, random);
            }
            Reply::Acked(receipt) => {
                if self.apply_receipt(flight, &receipt, now_ms, random) {
                    self.pace.on_fit();
                }
            }
            Reply::LineRefused { line, receipt, .. } => {
                let Some(record) = usize::try_from(line)
                    .ok()
                    .and_then(|line| flight.records.get(line.checked_sub(1)?))
                else {
                    let error = format!(
                        "it refused line {line} of a batch of {}: {error}",
                        flight.records.len()
                    );
                    return self.retry(error, None, now_ms, random);
                };
                if receipt.is_none_or(|receipt| self.apply_receipt(flight, &receipt, now_ms, random)) {
                    self.refused(flight, record.0, error, now_ms);
                }
            }
            Reply::TooLarge(_) if flight.records.len() == 1 => {
                self.refused(flight, flight.records[0].0, format!("413: {error}"), now_ms);
            }
            Reply::TooLarge(_) => {
                self.pace.on_too_large(flight.records.len(), flight.bytes);
                self.link.on_answered(now_ms);
            }
            Reply::Conflict { seq, receipt, .. } => {
                if receipt.is_none_or(|receipt| self.apply_receipt(flight, &receipt, now_ms, random)) {
                    self.link.on_answered(now_ms);
                    self.stop_session(flight.session_id, SessionStop::SeqConflict { seq });
                }
            }
            Reply::Refused { .. } => {
                self.link.on_answered(now_ms);
                let notice = Notice::BatchRefused {
                    session_id: flight.session_id,
                    error: error.clone(),
                };
                self.session_failed(flight.session_id, error, notice, now_ms, random);
            }
        }
    }

    /// The log could not be read for the batch that was to be sent.
    pub fn on_log_unreadable(&mut self, session_id: SessionId, error: String, now_ms: f64, random: f64) {
        let notice = Notice::LogUnreadable { error: error.clone() };
        self.session_failed(session_id, error, notice, now_ms, random);
    }

    /// Applies a receipt. `false`: it contradicts our state, and was ignored.
    fn apply_receipt(&mut self, flight: &InFlight, receipt: &Receipt, now_ms: f64, random: f64) -> bool {
        let ours = self.link.store_id().unwrap_or_default();
        if receipt.store_id != ours {
            let error = format!(
                "it answered hello with store {ours} and a batch with {}",
                receipt.store_id
            );
            self.retry(error, None, now_ms, random);
            return false;
        }
        if receipt.session != flight.session_id.as_str() {
            let error = format!(
                "it answered a batch of session {} with {}",
                flight.session_id, receipt.session
            );
            self.retry(error, None, now_ms, random);
            return false;
        }
        let is_live = self.is_live(flight.session_id);
        let Some(progress) = self.sessions.get_mut(flight.session_id) else {
            return false;
        };
        let session_id = flight.session_id;
        let Some(acked_seq) = progress.accepted_ack(receipt.acked_seq, is_live) else {
            let notice = Notice::AckBeyondSent {
                session_id,
                acked_seq: receipt.acked_seq,
                sent_seq: progress.sent_seq(),
            };
            self.session_failed(session_id, notice.to_string(), notice, now_ms, random);
            return false;
        };
        self.pace.on_subscribers(receipt.subscribers);
        let from_seq = progress.on_acked(acked_seq, flight.after_seq, now_ms, random);
        self.acks += 1;
        self.link.on_answered(now_ms);
        self.notices.extend(self.link.on_works());
        if acked_seq < from_seq {
            self.rewound(session_id, from_seq, acked_seq);
        }
        true
    }

    /// A store that lost part of one session may have lost parts of others.
    fn rewound(&mut self, session_id: SessionId, from_seq: u64, to_seq: u64) {
        self.pace.on_rewound();
        self.notices.push(Notice::Rewound {
            session_id,
            from_seq,
            to_seq,
        });
        for (id, progress) in self.sessions.iter_mut() {
            if id != session_id {
                progress.on_other_session_rewound();
            }
        }
    }

    /// A record was refused: among others, it is sent alone next; alone, a gap takes its place.
    fn refused(&mut self, flight: &InFlight, first_seq: u64, error: String, now_ms: f64) {
        self.link.on_answered(now_ms);
        self.notices.extend(self.link.on_works());
        let session_id = flight.session_id;
        let Some(progress) = self.sessions.get_mut(session_id) else {
            return;
        };
        match progress.on_record_refused(first_seq, flight.records.len() == 1) {
            Refusal::SendAlone => {}
            Refusal::Gap => {
                self.notices.push(Notice::Refused {
                    session_id,
                    seq: first_seq,
                    error,
                });
            }
            Refusal::GapRefused => {
                self.stop_session(
                    session_id,
                    SessionStop::GapRefused {
                        first_seq,
                        detail: error,
                    },
                );
            }
        }
    }

    fn stop_session(&mut self, session_id: SessionId, why: SessionStop) {
        self.failures += 1;
        if let Some(progress) = self.sessions.get_mut(session_id) {
            progress.stop(why.to_string());
            self.notices.push(Notice::SessionStopped { session_id, why });
        }
    }

    fn session_failed(
        &mut self,
        session_id: SessionId,
        error: String,
        notice: Notice,
        now_ms: f64,
        random: f64,
    ) {
        self.failures += 1;
        let Some(progress) = self.sessions.get_mut(session_id) else {
            return;
        };
        if progress.on_failed(error, now_ms, random) {
            self.notices.push(notice);
        }
    }
}
