//! Local processes as producers: a capture session for each, and for each start of the collector.
//!
//! Their events go through the core's own `CaptureSession`, so that they are validated, redacted, numbered
//! and truncated like a recorder's, and are answered only once they are on disk. When the store fails, the
//! session is dropped: no reader has seen its seqs, and the next publish begins another session.

use crate::clock::now_micros;
use crate::store::{Batch, Idempotency, Incoming, Order, PageQuery, Store, StoreError};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use tabtape::event::{Event, Trust};
use tabtape::levels::SourceKind;
use tabtape::record::{Entry, Line, SessionId};
use tabtape::redaction::{Redactor, RuleTable};
use tabtape::ring::{ReadResult, Reader, RingBuffer};
use tabtape::selector::Selector;
use tabtape::session::CaptureSession;
use tokio::sync::Mutex;

/// Sessions kept open; beyond it the one that was quiet longest ends.
const MAX_OPEN: usize = 1024;
/// Events published at once: what the ring must hold until they are read back.
pub(crate) const MAX_EVENTS: usize = 10_000;
const RING_BYTES: usize = 64 << 20;
/// Longest name of a producer.
const MAX_NAME_BYTES: usize = 64;

/// Every local producer.
#[derive(Debug)]
pub struct Producers {
    store: Store,
    redaction_key: [u8; 32],
    open: std::sync::Mutex<HashMap<String, Slot>>,
}

#[derive(Debug)]
struct Slot {
    used_ts: u64,
    producer: Arc<Mutex<Option<Producer>>>,
}

#[derive(Debug)]
struct Producer {
    session: CaptureSession,
    reader: Reader,
}

/// The result of publishing.
#[derive(Debug)]
pub(crate) struct Published {
    /// The lines of the envelopes.
    pub(crate) lines: Vec<Bytes>,
    /// The event that was refused, from 0, and why; the ones before it are stored.
    pub(crate) refused: Option<(usize, String)>,
    /// Whether this is the answer of an earlier request of the same name.
    pub(crate) repeated: bool,
}

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    /// The producer's name is invalid.
    #[error("producer: expected 1 to 64 letters, digits, dots, hyphens, underscores or colons, got {0:?}")]
    Name(String),
    /// The name of the request was used for another one.
    #[error("this Idempotency-Key was used for another request")]
    OtherRequest,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system or the core refused what should always work.
    #[error("{0}")]
    Internal(String),
}

impl Producers {
    /// Producers that write to `store`; secrets get placeholders keyed with `redaction_key`.
    pub fn new(store: Store, redaction_key: [u8; 32]) -> Self {
        Self {
            store,
            redaction_key,
            open: std::sync::Mutex::default(),
        }
    }

    /// Publishes events of the process `name`, in order, up to the first that is refused.
    pub(crate) async fn publish(
        &self,
        name: &str,
        events: &[Bytes],
        idempotency: Option<Idempotency>,
    ) -> Result<Published, PublishError> {
        if !is_name(name) {
            return Err(PublishError::Name(name.chars().take(MAX_NAME_BYTES).collect()));
        }
        let slot = self.slot(name);
        let mut producer = slot.lock().await;
        let idempotency = idempotency.map(|asked| Idempotency {
            key: format!("{name}\n{}", asked.key),
            ..asked
        });
        if let Some(asked) = &idempotency
            && let Some(lines) = self.answered(asked).await?
        {
            return Ok(Published {
                lines,
                refused: None,
                repeated: true,
            });
        }
        // If anything fails, the producer is not put back.
        let mut current = match producer.take() {
            Some(current) => current,
            None => self.begin()?,
        };
        let refused = events.iter().enumerate().find_map(|(index, event)| {
            accept(&mut current.session, event)
                .err()
                .map(|error| (index, error))
        });
        let records = current.read();
        let lines = records.iter().map(|record| record.line.clone()).collect();
        if !records.is_empty() {
            let batch = Batch {
                session_id: current.session.session_id(),
                producer: Some(name.to_owned()),
                pairing: None,
                records,
                idempotency,
            };
            self.store.ingest(batch).await?;
        }
        *producer = Some(current);
        Ok(Published {
            lines,
            refused,
            repeated: false,
        })
    }

    fn slot(&self, name: &str) -> Arc<Mutex<Option<Producer>>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_OPEN && !open.contains_key(name) {
            let quietest = open
                .iter()
                .min_by_key(|(_, slot)| slot.used_ts)
                .map(|(name, _)| name.clone());
            quietest.map(|name| open.remove(&name));
        }
        let slot = open.entry(name.to_owned()).or_insert_with(|| Slot {
            used_ts: 0,
            producer: Arc::default(),
        });
        slot.used_ts = now_micros();
        Arc::clone(&slot.producer)
    }

    fn begin(&self) -> Result<Producer, PublishError> {
        let internal = |error: &dyn std::fmt::Display| PublishError::Internal(error.to_string());
        let mut random = [0; 10];
        getrandom::fill(&mut random).map_err(|error| internal(&error))?;
        let session_id = SessionId::from_time(now_micros() / 1000, random);
        let ring = RingBuffer::new(MAX_EVENTS, RING_BYTES).map_err(|error| internal(&error))?;
        let reader = ring
            .reader(0, Selector::everything())
            .map_err(|error| internal(&error))?;
        let mut session = CaptureSession::new(session_id, ring);
        session.set_redactor(Some(Redactor::new(self.redaction_key, &RuleTable::default())));
        Ok(Producer { session, reader })
    }

    async fn answered(&self, asked: &Idempotency) -> Result<Option<Vec<Bytes>>, PublishError> {
        let Some(answered) = self.store.idempotent_receipt(&asked.key).await? else {
            return Ok(None);
        };
        if answered.digest != asked.digest {
            return Err(PublishError::OtherRequest);
        }
        let query = PageQuery::new(Order::Seq(answered.session), None, MAX_EVENTS)
            .within(answered.first_seq - 1, answered.last_seq);
        let page = self.store.page(query).await?;
        Ok(Some(page.records.into_iter().map(|record| record.line).collect()))
    }
}

impl Producer {
    /// Reads the records that were published since the last call.
    fn read(&mut self) -> Vec<Incoming> {
        let session_id = self.session.session_id();
        std::iter::from_fn(|| self.reader.try_read())
            .filter_map(|result| match result {
                ReadResult::Record(Entry::Event(event)) => Some(Incoming {
                    line: event.line,
                    parsed: Line::Event {
                        session_id,
                        header: event.header,
                    },
                }),
                ReadResult::Record(Entry::Gap(gap)) => Some(Incoming {
                    line: gap.line,
                    parsed: Line::Gap {
                        session_id,
                        gap: gap.gap,
                    },
                }),
                ReadResult::Dropped { .. } | ReadResult::Closed => None,
            })
            .collect()
    }
}

/// Publishes one event, if it is one that a local process may publish.
fn accept(session: &mut CaptureSession, event: &[u8]) -> Result<(), String> {
    let parsed = Event::parse(event, Trust::Untrusted).map_err(|error| error.to_string())?;
    if parsed.source_kind != SourceKind::LocalProcess {
        return Err(format!(
            "source.kind: expected local_process from a local process, got {}",
            parsed.source_kind
        ));
    }
    if let Some(unit) = parsed.ts_micros.and_then(other_unit) {
        let ts = parsed.ts_micros.unwrap_or(0);
        return Err(format!(
            "ts: {ts} is a time in {unit}; expected microseconds since 1970, like 1764000000000000"
        ));
    }
    session
        .publish(event, Trust::Untrusted, now_micros())
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Returns the unit of a time that cannot be in microseconds, because these would be of the year 1970 to 1973.
const fn other_unit(ts: u64) -> Option<&'static str> {
    match ts {
        1_000_000_000..100_000_000_000 => Some("seconds"),
        100_000_000_000..100_000_000_000_000 => Some("milliseconds"),
        _ => None,
    }
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':'))
}
