//! Handles the replies to hellos and batches.

use super::decide::{Flusher, InFlight, Link};
use super::hello::HelloOutcome;
use super::notice::{Notice, SessionStop};
use super::reply::Reply;
use super::status::LinkState;
use super::{Limits, MAX_BATCH_BYTES, MAX_BATCH_EVENTS};
use crate::protocol::Receipt;
use crate::record::SessionId;

impl Flusher {
    /// A challenge was answered. `random` is from 0 to below 1.
    pub fn on_hello(&mut self, outcome: HelloOutcome, now_ms: f64, random: f64) {
        match outcome {
            HelloOutcome::Proven { store_id } => self.proven(store_id, now_ms),
            HelloOutcome::Impostor(error) => self.met_impostor(error, now_ms, random),
            HelloOutcome::Failed(reply) => {
                let retry_after_ms = match reply {
                    Reply::Busy { retry_after_ms, .. } => retry_after_ms,
                    _ => None,
                };
                self.lost(reply.detail(), retry_after_ms, now_ms, random);
            }
        }
    }

    fn proven(&mut self, store_id: String, now_ms: f64) {
        self.link = Link::Proven { at_ms: now_ms };
        let changed = self.store_id.as_ref().is_some_and(|known| *known != store_id);
        for (_, progress) in self.sessions.iter_mut() {
            progress.proved = false;
            if changed {
                progress.forget_store();
            }
        }
        if let Some(from) = self.store_id.replace(store_id.clone()).filter(|_| changed) {
            self.recovering = true;
            self.notices.push(Notice::StoreChanged { from, to: store_id });
        }
        // After failures, only an ack shows that it works again: hello needs no disk.
        if self.backoff.failures() == 0 {
            self.works();
        }
    }

    fn works(&mut self) {
        self.backoff.reset();
        self.error = None;
        if self.state != LinkState::Ok {
            self.state = LinkState::Ok;
            let store_id = self.store_id.clone().unwrap_or_default();
            self.notices.push(Notice::Connected { store_id });
        }
    }

    /// Nothing is left to be sent.
    pub(super) fn caught_up(&mut self) {
        if matches!(self.link, Link::Proven { .. }) {
            self.works();
        }
        self.requested = false;
        self.recovering = false;
    }

    fn lost(&mut self, error: String, retry_after_ms: Option<f64>, now_ms: f64, random: f64) {
        if self.state != LinkState::Retrying {
            self.notices.push(Notice::Lost { error: error.clone() });
        }
        self.link_failed(LinkState::Retrying, error, retry_after_ms, now_ms, random);
    }

    fn met_impostor(&mut self, error: String, now_ms: f64, random: f64) {
        if self.state != LinkState::Impostor {
            self.notices.push(Notice::Impostor { error: error.clone() });
        }
        self.link_failed(LinkState::Impostor, error, None, now_ms, random);
    }

    fn link_failed(
        &mut self,
        state: LinkState,
        error: String,
        retry_after_ms: Option<f64>,
        now_ms: f64,
        random: f64,
    ) {
        self.link = Link::Unproven;
        self.backoff.failed(now_ms, random, retry_after_ms);
        self.totals.failures += 1;
        self.state = state;
        self.error = Some(error);
        self.requested = false;
        self.recovering = true;
    }

    /// The batch in flight was answered. `random` is from 0 to below 1.
    pub fn on_reply(&mut self, reply: Reply, now_ms: f64, random: f64) {
        let Some(flight) = self.in_flight.take() else {
            return;
        };
        self.handle_reply(&flight, reply, now_ms, random);
        self.requeue_unacked(&flight);
    }

    fn handle_reply(&mut self, flight: &InFlight, reply: Reply, now_ms: f64, random: f64) {
        let error = reply.detail();
        match reply {
            Reply::Broken(error) => self.lost(error, None, now_ms, random),
            Reply::NotProven(error) => self.met_impostor(error, now_ms, random),
            Reply::Busy { retry_after_ms, .. } => self.lost(error, retry_after_ms, now_ms, random),
            Reply::Denied { .. } => {
                self.link_failed(LinkState::Unauthorized, error.clone(), None, now_ms, random);
                self.link = Link::Stopped;
                self.notices.push(Notice::Unauthorized { error });
            }
            Reply::Acked(receipt) => {
                if self.apply_receipt(flight, &receipt, now_ms, random) {
                    self.grow();
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
                    return self.lost(error, None, now_ms, random);
                };
                if receipt.is_none_or(|receipt| self.apply_receipt(flight, &receipt, now_ms, random)) {
                    self.refused(flight, record.0, error, now_ms);
                }
            }
            Reply::TooLarge(_) if flight.records.len() == 1 => {
                self.refused(flight, flight.records[0].0, format!("413: {error}"), now_ms);
            }
            Reply::TooLarge(_) => {
                self.limits = Limits {
                    events: flight.records.len() / 2,
                    bytes: flight.bytes.div_ceil(2),
                };
                self.link = Link::Proven { at_ms: now_ms };
            }
            Reply::Conflict { seq, receipt, .. } => {
                if receipt.is_none_or(|receipt| self.apply_receipt(flight, &receipt, now_ms, random)) {
                    self.link = Link::Proven { at_ms: now_ms };
                    self.stop_session(flight.session_id, SessionStop::SeqConflict { seq });
                }
            }
            Reply::Refused { .. } => {
                self.link = Link::Proven { at_ms: now_ms };
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

    /// Takes a receipt in. `false`: it contradicts what we know, and was not believed.
    fn apply_receipt(&mut self, flight: &InFlight, receipt: &Receipt, now_ms: f64, random: f64) -> bool {
        let ours = self.store_id.clone().unwrap_or_default();
        if receipt.store_id != ours {
            let error = format!(
                "it answered hello with store {ours} and a batch with {}",
                receipt.store_id
            );
            self.lost(error, None, now_ms, random);
            return false;
        }
        if receipt.session != flight.session_id.as_str() {
            let error = format!(
                "it answered a batch of session {} with {}",
                flight.session_id, receipt.session
            );
            self.lost(error, None, now_ms, random);
            return false;
        }
        let is_live = self.is_live(flight.session_id);
        let Some(progress) = self.sessions.get_mut(flight.session_id) else {
            return false;
        };
        let (session_id, sent_seq) = (flight.session_id, progress.sent_seq);
        let mut acked_seq = receipt.acked_seq;
        if acked_seq > sent_seq {
            // An older session may have gone on in its owner's memory after its log failed. Who says so twice
            // is believed as far as we know it ourselves.
            let insists = progress.last_excess_ack.replace(acked_seq) == Some(acked_seq);
            if is_live || !insists {
                let notice = Notice::AckBeyondSent {
                    session_id,
                    acked_seq,
                    sent_seq,
                };
                self.session_failed(session_id, notice.to_string(), notice, now_ms, random);
                return false;
            }
            acked_seq = sent_seq;
        }
        let from_seq = progress.acked_seq.unwrap_or(0);
        progress.acked_seq = Some(acked_seq);
        progress.probe = false;
        progress.proved = true;
        progress.error = None;
        progress.refused = progress.refused.split_off(&(acked_seq + 1));
        progress.send_alone = progress.send_alone.split_off(&(acked_seq + 1));
        progress.store_now |= acked_seq < from_seq;
        if acked_seq > flight.after_seq {
            progress.stalls = 0;
            progress.backoff.reset();
        } else {
            // Once is a rewind. Again and again, it takes our records and says it has none.
            progress.stalls += 1;
            if progress.stalls > 1 {
                progress.backoff.failed(now_ms, random, None);
            }
        }
        self.totals.accepted += receipt.accepted;
        self.totals.duplicates += receipt.duplicates;
        self.totals.acks += 1;
        self.link = Link::Proven { at_ms: now_ms };
        self.works();
        if acked_seq < from_seq {
            self.rewound(session_id, from_seq, acked_seq);
        }
        true
    }

    /// A store that lost part of one session may have lost parts of others.
    fn rewound(&mut self, session_id: SessionId, from_seq: u64, to_seq: u64) {
        self.recovering = true;
        self.notices.push(Notice::Rewound {
            session_id,
            from_seq,
            to_seq,
        });
        for (id, progress) in self.sessions.iter_mut() {
            if id != session_id && !progress.proved && progress.acked_seq.is_some() {
                progress.ask_again();
            }
        }
    }

    /// A record was refused: among others, it is sent alone next; alone, a gap takes its place.
    fn refused(&mut self, flight: &InFlight, first_seq: u64, error: String, now_ms: f64) {
        self.link = Link::Proven { at_ms: now_ms };
        self.works();
        let session_id = flight.session_id;
        let Some(progress) = self.sessions.get_mut(session_id) else {
            return;
        };
        if flight.records.len() > 1 {
            progress.send_alone.insert(first_seq);
        } else if progress.refused.insert(first_seq) {
            self.totals.refused += 1;
            self.notices.push(Notice::Refused {
                session_id,
                seq: first_seq,
                error,
            });
        } else {
            self.stop_session(
                session_id,
                SessionStop::GapRefused {
                    first_seq,
                    detail: error,
                },
            );
        }
    }

    fn stop_session(&mut self, session_id: SessionId, why: SessionStop) {
        self.totals.failures += 1;
        if let Some(progress) = self.sessions.get_mut(session_id) {
            progress.error = Some(why.to_string());
            progress.stopped = Some(why.clone());
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
        self.totals.failures += 1;
        let Some(progress) = self.sessions.get_mut(session_id) else {
            return;
        };
        if progress.backoff.failures() == 0 {
            self.notices.push(notice);
        }
        progress.error = Some(error);
        progress.backoff.failed(now_ms, random, None);
    }

    /// After a 413 batches became smaller; each one that fits lets the next be a little larger.
    fn grow(&mut self) {
        let Limits { events, bytes } = self.limits;
        self.limits = Limits {
            events: (events + events.div_ceil(8)).min(MAX_BATCH_EVENTS),
            bytes: (bytes + bytes.div_ceil(8)).min(MAX_BATCH_BYTES),
        };
    }
}
