//! Messages of relays: numbered, repeated until acknowledged, and never trusted.
//!
//! A relay sits in a page and sends lines, numbered from 1. A line is an event without provenance,
//!
//! ```json
//! {"ts":1764000000123456,"type":"console.log","category":"console","source_event":"console.log","url":"…","data":{}}
//! ```
//!
//! perhaps with `interaction_id`, the name of an interaction that later events of the document came from, or with
//! `cause_id`, the name of the interaction or of the request that it came from: both become fields of `source.metadata`.
//! An event with a `detail_id` may be followed by its detail: the receipt pairs that number with the seq, and the
//! detail, a line of its own, names the seq in `detail_of`, which becomes a field of `source.metadata`, too.
//!
//! A line `{"drop":{"category":"console","count":12,"reason":"queue_full"}}` counts messages for which the relay's queue
//! had no room. The worker puts `{"skip":"network"}` in place of a line that is not recorded (noise, or a request that
//! another producer records): it takes the line's number, so that the later ones keep theirs.
//!
//! The provenance of a line is stamped here, from the sender as the browser reports it: a page can forge its own console,
//! page and interaction events and its own reports of requests, and nothing else. `url` is the document's URL at the
//! moment of the event. It is used only if it has the origin of the sender's URL: a document moves within its origin,
//! and a page cannot claim the URL of another site.
//!
//! A message at or before the last one taken is a repeat and is passed over; one that leaves a gap is
//! refused whole, so that the relay sends again from what was acknowledged. The counter is committed with
//! the messages, so this holds across workers and sessions. A line that is refused still is a message:
//! what it would have said is counted as a drop with reason `invalid`. An event from a time in which its category was off
//! is taken and not recorded: its page had not heard of the switch.

mod off_times;

use crate::config::CaptureConfig;
use crate::event::{Event, EventError, Expected, Provenance, Shape, Trust};
use crate::log::RelayCursor;
use crate::record::reason::INVALID;
use crate::session::{CaptureSession, Clock, PublishError, lines};
use off_times::OffTimes;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::RangeInclusive;

/// Types of the categories below that only the worker records.
const WORKER_ONLY_TYPES: [&str; 5] = [
    "page.navigation_", "page.history_updated", "page.screenshot", "page.network_idle", "page.settled",
];

/// Types of the category `network` that a page observes.
const PAGE_REQUEST_TYPES: [&str; 8] = [
    "network.call", "network.response_body", "network.json_warning", "network.websocket_opened",
    "network.websocket_closed", "network.websocket_sent", "network.websocket_received",
    "network.eventsource_message",
];

const SKIP: &[u8] = b"{\"skip\":\"network\"}";

const EXCEPTION: &str = "console.exception";

/// The result of accepting a batch of messages.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RelayReceipt {
    /// The last message taken: acknowledge it once `seq` is committed.
    pub message: u64,
    /// Everything up to this message is committed when this seq is.
    pub seq: u64,
    /// Events accepted.
    pub accepted: u64,
    /// Uncaught errors among them.
    pub exceptions: u64,
    /// Messages that had been taken before.
    pub repeated: u64,
    /// The `detail_id` of accepted events that have one, each with the event's seq.
    pub details: Vec<(u64, u64)>,
    /// Lines refused.
    pub refused: Vec<RefusedLine>,
}

/// A line that was refused.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RefusedLine {
    /// Its message.
    pub message: u64,
    /// The error's code.
    pub code: &'static str,
    /// Why the message was refused.
    pub error: String,
}

/// Why a batch of messages was refused whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// Messages are missing before it: the first of the batch, and the one expected.
    #[error("first: expected message {expected} or an earlier one, got {first}")]
    Gap {
        /// The first message of the batch.
        first: u64,
        /// The message that would have been right.
        expected: u64,
    },
    /// The session takes nothing more.
    #[error("{0}")]
    Session(PublishError),
}

impl RelayError {
    /// The code of this error in every interface.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Gap { .. } => "relay_gap",
            Self::Session(error) => error.code(),
        }
    }
}

/// How far each relay's messages were taken by this worker.
#[derive(Debug, Default)]
pub struct RelayLedger {
    relays: HashMap<String, RelayProgress>,
    off_times: OffTimes,
}

#[derive(Debug, Clone, Copy, Default)]
struct RelayProgress {
    message: u64,
    seq: u64,
}

/// Beyond so many relays, those whose counter is in the log are forgotten, to be looked up there again.
const MAX_RELAYS: usize = 4_096;

/// Most events one line can report lost. Far more than a page can produce between two messages, and far
/// too few for a hostile one to spend every seq there is.
const MAX_DROP: u64 = 100_000_000;

impl RelayLedger {
    /// Follows `config`, which holds from `now_micros` (Unix) on: events of a category that is off are not recorded.
    pub fn follow(&mut self, config: &CaptureConfig, now_micros: u64) {
        self.off_times.follow(config, now_micros);
    }

    /// Whether the relay's counter is known, or must be [restored](Self::restore) from the log first.
    pub fn contains(&self, relay_id: &str) -> bool {
        self.relays.contains_key(relay_id)
    }

    /// Takes the last message that the log has of a relay; 0 for none.
    pub fn restore(&mut self, session: &CaptureSession, relay_id: &str, message: u64) {
        if self.relays.len() >= MAX_RELAYS {
            let durable_seq = session.durable_seq();
            self.relays.retain(|_, taken| taken.seq > durable_seq);
        }
        self.relays
            .entry(relay_id.to_owned())
            .or_insert(RelayProgress { message, seq: 0 });
    }

    /// How far messages were taken of each relay whose last ones have one of `seqs`; the newest, where
    /// there are very many.
    pub fn cursors_in(&self, seqs: RangeInclusive<u64>) -> Vec<RelayCursor> {
        let mut taken: Vec<_> = self
            .relays
            .iter()
            .filter(|(_, taken)| seqs.contains(&taken.seq))
            .collect();
        taken.sort_unstable_by_key(|(_, taken)| Reverse(taken.seq));
        taken.truncate(MAX_RELAYS);
        let cursor = |(relay_id, taken): (&String, &RelayProgress)| RelayCursor {
            relay_id: relay_id.clone(),
            message: taken.message,
        };
        taken.into_iter().map(cursor).collect()
    }

    /// Takes the messages `first_message…` of a relay, one a line, into `session`.
    ///
    /// # Errors
    /// Nothing was taken.
    pub fn take(
        &mut self,
        session: &mut CaptureSession,
        relay_id: &str,
        provenance: Provenance<'_>,
        first_message: u64,
        ndjson: &[u8],
        clock: impl Clock,
    ) -> Result<RelayReceipt, RelayError> {
        let taken = self.relays.entry(relay_id.to_owned()).or_default();
        if first_message == 0 || first_message > taken.message + 1 {
            return Err(RelayError::Gap {
                first: first_message,
                expected: taken.message + 1,
            });
        }
        let (mut accepted, mut exceptions) = (0, 0);
        let (mut details, mut refused) = (Vec::new(), Vec::new());
        let mut message = first_message - 1;
        let repeated_up_to = taken.message;
        for line in lines(ndjson) {
            message += 1;
            if message <= repeated_up_to {
                continue;
            }
            if line.trim_ascii() == SKIP {
                taken.message = message;
                continue;
            }
            match take_line(session, &self.off_times, provenance, line, &clock) {
                Ok(Taken {
                    is_exception,
                    detail_id,
                }) => {
                    accepted += 1;
                    exceptions += u64::from(is_exception);
                    details.extend(detail_id.map(|id| (id, session.latest_seq())));
                }
                Err(NotTaken::WhileOff) => {}
                Err(NotTaken::Refused(
                    error @ (PublishError::Closed | PublishError::Superseded | PublishError::OutOfSeqs),
                )) => return Err(RelayError::Session(error)),
                Err(NotTaken::Refused(error)) => refused.push(RefusedLine {
                    message,
                    code: error.code(),
                    error: error.to_string(),
                }),
            }
            taken.message = message;
        }
        if !refused.is_empty() {
            // A line that is not an event has no category; most lines of relays are console.
            let count = refused.len() as u64;
            session
                .accept_drop("console", count, INVALID)
                .map_err(RelayError::Session)?;
        }
        if message > repeated_up_to {
            taken.seq = session.latest_seq();
            session.note_relay(relay_id, message);
        }
        session.publish_pending_to_ring();
        let repeated = repeated_up_to.min(message).saturating_sub(first_message - 1);
        Ok(RelayReceipt {
            message: taken.message,
            seq: taken.seq,
            accepted,
            exceptions,
            repeated,
            details,
            refused,
        })
    }
}

/// The fields of an accepted line that the receipt reports.
#[derive(Default)]
struct Taken {
    is_exception: bool,
    detail_id: Option<u64>,
}

/// Why one line is not in the session.
enum NotTaken {
    /// It is from a time in which its category was off.
    WhileOff,
    Refused(PublishError),
}

impl From<PublishError> for NotTaken {
    fn from(error: PublishError) -> Self {
        Self::Refused(error)
    }
}

/// Accepts what one line says.
fn take_line(
    session: &mut CaptureSession,
    off_times: &OffTimes,
    provenance: Provenance<'_>,
    line: &[u8],
    clock: &impl Clock,
) -> Result<Taken, NotTaken> {
    let drop = read_drop(line).map_err(|wrong| PublishError::from(EventError::from(wrong)))?;
    if let Some(DropMessage {
        category,
        count,
        reason,
    }) = drop
    {
        if !may_relay(&category, "") {
            let expected = "console, page, interaction or network".to_owned();
            return Err(PublishError::Drop("category", category, expected).into());
        }
        if count > MAX_DROP {
            let expected = format!("a number from 1 to {MAX_DROP}");
            return Err(PublishError::Drop("count", count.to_string(), expected).into());
        }
        session.accept_drop(&category, count, &reason)?;
        return Ok(Taken::default());
    }
    let mut taken = Taken::default();
    let stamp = |event: &Event<'_>| {
        taken.is_exception = event.type_ == EXCEPTION && !event.is_detail;
        taken.detail_id = event.detail_id;
        let ts = event.ts_micros.unwrap_or_else(|| clock.now_micros());
        if off_times.contain(event.category, ts, || clock.now_micros()) {
            return Err(NotTaken::WhileOff);
        }
        if may_relay(event.category, event.type_) {
            return Ok(Some(provenance));
        }
        let value = format!("{} of category {}", event.type_, event.category);
        Err(NotTaken::Refused(PublishError::Event(EventError::Field {
            path: "type",
            value,
            expected: Expected::RelayType,
        })))
    };
    session.accept(line, Trust::Untrusted, Shape::Relayed, clock, stamp)?;
    Ok(taken)
}

/// Whether a relay may publish this type (or, for a drop, any type of this category).
fn may_relay(category: &str, type_: &str) -> bool {
    let prefix = match category {
        "console" => "console.",
        "page" => "page.",
        "interaction" => "input.",
        "network" => return type_.is_empty() || PAGE_REQUEST_TYPES.contains(&type_),
        _ => return false,
    };
    type_.is_empty()
        || (type_.starts_with(prefix)
            && !WORKER_ONLY_TYPES
                .iter()
                .any(|reserved| type_.starts_with(reserved)))
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct DropLine {
    drop: DropMessage,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct DropMessage {
    category: String,
    count: u64,
    reason: String,
}

/// The drop that a line reports, or `None` when it is an event.
fn read_drop(line: &[u8]) -> Result<Option<DropMessage>, crate::json::JsonError> {
    if !line.trim_ascii_start().starts_with(b"{\"drop\"") {
        return Ok(None);
    }
    crate::json::validate(line)?;
    Ok(serde_json::from_slice(line).ok().map(|DropLine { drop }| drop))
}

#[cfg(test)]
mod tests;
