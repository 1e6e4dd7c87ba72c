//! Reads records in the order of the store and reports spans and measurements as they end.
//!
//! The state is a function of the records that were read and of the calls of [`Walk::take`] between them, so that a
//! restart rebuilds it from [`Walk::first_needed`]. It does no I/O and reads no clock. [`Walk::take`] returns what ended up
//! to a position, and the caller calls it only after it has read further: a page reports a request's caller, and its last
//! errors, some time after the browser reports the request's end. A span that was taken does not change any more: a record
//! that comes after it is *late*, and counted.

mod session;

use super::life::End;
use super::metrics::Measure;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;
use session::Session;
use std::collections::BTreeMap;

/// The records that spans and measurements are made of.
pub(super) const SELECTOR: &str = "category:console,network,page,interaction,tab,system \
    type:console.error,console.exception,console.rejection,network.request,network.redirect,network.response,\
network.stream_ended,network.failed,network.call,network.websocket_closed,network.websocket_failed,\
page.navigation_*,page.history_updated,page.lcp,page.inp,page.layout_shift,page.fcp,page.ttfb,page.long_frame,\
input.*,tab.removed,tab.replaced,tab.crashed,system.session_started,system.session_ended,system.worker_started,\
system.health";

/// A record as it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'v> {
    pub(super) position: u64,
    pub(super) session: &'v str,
    pub(super) seq: u64,
    pub(super) ts: u64,
    pub(super) type_: &'v str,
    pub(super) url: &'v str,
    pub(super) data: &'v Value,
    metadata: &'v Value,
}

impl<'v> Record<'v> {
    /// Returns the record of a stored line's value; `None` if it is no event.
    pub(super) fn of(position: u64, line: &'v Value) -> Option<Self> {
        let event = &line["event"];
        Some(Self {
            position,
            session: line["capture_session_id"].as_str()?,
            seq: line["seq"].as_u64()?,
            ts: event["ts"].as_u64()?,
            type_: event["type"].as_str()?,
            url: event["url"].as_str().unwrap_or_default(),
            data: &event["data"],
            metadata: &event["source"]["metadata"],
        })
    }

    pub(super) fn metadata(&self, key: &str) -> Option<&'v str> {
        self.metadata[key].as_str()
    }

    /// Returns this record as the end of something.
    fn end(&self, reason: &'static str) -> End {
        End {
            position: self.position,
            ts: self.ts,
            reason,
        }
    }

    pub(super) fn field(&self, key: &str) -> Option<&'v str> {
        self.data[key].as_str()
    }
}

/// A span that has ended, and the measurements that its end makes. An error has measurements only.
#[derive(Debug, Clone, Default)]
pub(super) struct Finished {
    pub(super) span: Option<Span>,
    pub(super) measures: Vec<Measure>,
}

/// The sessions that are read.
#[derive(Debug, Default)]
pub(super) struct Walk {
    sessions: BTreeMap<String, Session>,
    late: u64,
}

impl Walk {
    /// Reads one record. Records come in the order of their positions.
    pub(super) fn read(&mut self, record: &Record<'_>) {
        if record.type_ == "system.session_started"
            && let Some(previous) = record
                .field("previous")
                .filter(|previous| *previous != record.session)
            && let Some(session) = self.sessions.get_mut(previous)
        {
            session.set_over();
        }
        let session = self.sessions.entry(record.session.to_owned()).or_default();
        self.late += u64::from(session.read(record));
    }

    /// Returns the number of records that came after the span that they belong to was taken.
    pub(super) const fn late(&self) -> u64 {
        self.late
    }

    /// Returns the sessions that a later one has followed and that have open spans, with the last position of each.
    pub(super) fn abandoned(&self) -> BTreeMap<String, u64> {
        self.sessions
            .iter()
            .filter(|(_, session)| session.is_over() && session.is_open())
            .map(|(name, session)| (name.clone(), session.last_position()))
            .collect()
    }

    /// Ends everything that is open in a session at `position`.
    pub(super) fn end_session(&mut self, name: &str, position: u64) {
        if let Some(session) = self.sessions.get_mut(name) {
            session.end_all_at(position);
        }
    }

    /// Returns what ended up to `position`, in a fixed order.
    pub(super) fn take(&mut self, position: u64) -> Vec<Finished> {
        let mut finished = Vec::new();
        for (name, session) in &mut self.sessions {
            session.take(name, position, &mut finished);
        }
        self.sessions
            .retain(|_, session| session.is_open() || !session.is_over());
        finished
    }

    /// Returns the position of the oldest record that is still needed, or else the next one after `position`.
    pub(super) fn first_needed(&self, position: u64) -> u64 {
        let oldest = self.sessions.values().filter_map(Session::first_needed).min();
        oldest.unwrap_or(position + 1).min(position + 1)
    }
}
