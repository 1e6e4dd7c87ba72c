//! The parts of a session that spans are made of: lives of documents, interactions, requests.

use opentelemetry_proto::tonic::trace::v1::span::Event;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Events of one span; OpenTelemetry's SDKs have the same limit
/// (<https://opentelemetry.io/docs/specs/otel/trace/sdk/#span-limits>).
const MAX_EVENTS: usize = 128;

pub(super) type TraceId = [u8; 16];
pub(super) type SpanId = [u8; 8];

/// The names of a span in its trace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
}

impl Ids {
    /// Derives ids from names, so that a span that is sent again has the same.
    pub(super) fn derived(names: &[&str]) -> Self {
        let digest = Sha256::digest(names.join("\n"));
        let mut ids = Self::default();
        ids.trace.copy_from_slice(&digest[..16]);
        ids.span.copy_from_slice(&digest[16..24]);
        ids
    }

    /// Reads a `traceparent` header (<https://www.w3.org/TR/trace-context/#traceparent-header>).
    pub(super) fn of_traceparent(header: &str) -> Option<Self> {
        let mut fields = header.trim().split('-');
        let (version, trace, span) = (fields.next()?, fields.next()?, fields.next()?);
        if version.len() != 2 || version == "ff" || fields.next()?.len() != 2 {
            return None;
        }
        let mut ids = Self::default();
        hex::decode_to_slice(trace, &mut ids.trace).ok()?;
        hex::decode_to_slice(span, &mut ids.span).ok()?;
        (ids.trace != [0; 16] && ids.span != [0; 8]).then_some(ids)
    }
}

/// The events of a span, and how many more there were.
#[derive(Debug, Clone, Default)]
pub(super) struct Events {
    pub(super) kept: Vec<Event>,
    pub(super) dropped: u32,
}

impl Events {
    pub(super) fn add(&mut self, event: Event) {
        if self.kept.len() < MAX_EVENTS {
            self.kept.push(event);
        } else {
            self.dropped += 1;
        }
    }
}

/// A navigation and the document that it led to, until the document ends.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub(super) ids: Ids,
    /// The position of its first record.
    pub(super) first: u64,
    pub(super) start_ts: u64,
    pub(super) last_ts: u64,
    /// The record of its start was read, so that `start_ts` is its start.
    pub(super) has_start: bool,
    pub(super) tab: String,
    pub(super) frame: String,
    pub(super) document: Option<String>,
    pub(super) parent_document: Option<String>,
    pub(super) url: String,
    pub(super) transition: Option<String>,
    /// The browser's name of the failure of the navigation.
    pub(super) error: Option<String>,
    pub(super) events: Events,
    /// By the id that causes name.
    pub(super) interactions: BTreeMap<String, Interaction>,
    /// Span ids that the document's requests have sent to servers.
    pub(super) sent_spans: BTreeSet<SpanId>,
    /// The last value of each vital, by its type.
    pub(super) vitals: BTreeMap<String, f64>,
    pub(super) has_ended: bool,
}

/// An interaction, from its record or from the first effect that names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interaction {
    pub(super) span: SpanId,
    /// The trace of the first request that it caused, if the page sent one.
    pub(super) trace: Option<TraceId>,
    /// A span that depends on `trace` was made.
    pub(super) is_fixed: bool,
    pub(super) has_record: bool,
    pub(super) last_ts: u64,
}

/// A request, from its first record to its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    pub(super) id: String,
    /// The position and the seq of its first record.
    pub(super) first: u64,
    pub(super) first_seq: u64,
    pub(super) start_ts: Option<u64>,
    pub(super) method: Option<String>,
    pub(super) url: String,
    pub(super) resource_type: Option<String>,
    /// Key of its document's life, if it is known.
    pub(super) life: Option<String>,
    pub(super) tab: Option<String>,
    /// The interaction that it came from.
    pub(super) cause: Option<String>,
    /// The page's own span.
    pub(super) sent: Option<Ids>,
    /// An earlier request has sent the same span.
    pub(super) is_repeat: bool,
    pub(super) events: Events,
    /// The data of a stream's response, until the stream ends.
    pub(super) response: Value,
}

impl Request {
    /// Returns a field of `data`, that of its last record, or else of its response.
    pub(super) fn field<'a>(&'a self, data: &'a Value, name: &str) -> Option<&'a Value> {
        let mut known = [data, &self.response].into_iter().map(|data| &data[name]);
        known.find(|value| !value.is_null())
    }

    pub(super) fn status(&self, data: &Value) -> Option<u64> {
        let status = self.field(data, "status").and_then(Value::as_u64);
        status.filter(|status| *status > 0)
    }

    /// Returns the error with which it ended, or else its status if that is one of an error.
    pub(super) fn error_type(&self, data: &Value) -> Option<String> {
        let status = || self.status(data).filter(|status| *status >= 400);
        let error = data["error"].as_str().map(ToOwned::to_owned);
        error.or_else(|| status().map(|status| status.to_string()))
    }
}

/// Why, when and at which record something ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) position: u64,
    pub(super) ts: u64,
    pub(super) reason: &'static str,
}
