//! Network events as an HTTP archive, version 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>).
//!
//! [`Archive`] takes stored lines in order. The records of one request, matched by session and `request_id`, become one
//! entry; a redirect ends an entry and begins the next. A value that was not recorded is −1 or empty, as the format
//! requires. The comments of the archive and of its entries say what is missing.

mod entry;
#[cfg(test)]
mod tests;

use crate::record::stored_line;
use entry::Exchange;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The types of the records of a request; messages of sockets and event streams have no place in the format.
const TYPES: [&str; 7] = [
    "network.request", "network.response", "network.redirect", "network.failed", "network.stream_ended",
    "network.call", "network.response_body",
];

/// Takes stored lines and returns them as an archive.
#[derive(Debug, Default)]
pub struct Archive {
    /// The only request that is wanted, by its `request_id`.
    only: Option<String>,
    exchanges: Vec<Exchange>,
    /// Requests without an end.
    open: HashMap<String, usize>,
    /// Responses whose body has not ended.
    streaming: HashMap<String, usize>,
    /// The first and the last exchange of a request with redirects.
    ends: HashMap<String, (usize, usize)>,
    /// Reports of pages about a request; they may be stored before the request's own records.
    calls: Vec<(String, Value)>,
    bodies: Vec<(String, Value)>,
    /// Requests to `data:` and `blob:` addresses.
    local: BTreeSet<String>,
    /// Events that name no request.
    unmatched: u64,
    /// Seqs of gaps, by reason.
    missing: BTreeMap<String, u64>,
}

impl Archive {
    /// Returns an archive of every request.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an archive of one request.
    pub fn of_request(request_id: String) -> Self {
        Self {
            only: Some(request_id),
            ..Self::default()
        }
    }

    /// Takes the next line. Lines of other categories are ignored.
    pub fn take(&mut self, line: &[u8]) {
        let mut record = stored_line::value(line);
        if record["gap"]["category"] == "network" {
            let gap = &record["gap"];
            let seqs = gap["last_seq"].as_u64().unwrap_or(0) + 1 - gap["first_seq"].as_u64().unwrap_or(1);
            let reason = gap["reason"].as_str().unwrap_or("unknown").to_owned();
            *self.missing.entry(reason).or_default() += seqs;
            return;
        }
        let event = record["event"].take();
        if event["category"] != "network" {
            return;
        }
        let type_ = event["type"].as_str().unwrap_or_default().to_owned();
        if !TYPES.contains(&type_.as_str()) {
            return;
        }
        let Some(request) = event["source"]["metadata"]["request_id"].as_str() else {
            self.unmatched += u64::from(self.only.is_none());
            return;
        };
        if self.only.as_deref().is_some_and(|only| only != request) {
            return;
        }
        let id = format!("{} {request}", record["capture_session_id"]);
        let url = event["url"].as_str().unwrap_or_default();
        if url.starts_with("data:") || url.starts_with("blob:") || self.local.contains(&id) {
            self.local.insert(id);
            return;
        }
        self.add(&type_, id, event);
    }

    fn add(&mut self, type_: &str, id: String, event: Value) {
        match type_ {
            "network.request" => {
                let at = self.begin(&id);
                self.open.insert(id, at);
                self.exchanges[at].request = event;
            }
            "network.response" | "network.redirect" => {
                let open = self.open.remove(&id);
                let at = open.unwrap_or_else(|| self.begin(&id));
                if event["data"]["streaming"] == true {
                    self.streaming.insert(id, at);
                }
                self.exchanges[at].end = event;
            }
            "network.stream_ended" | "network.failed" => match self.streaming.remove(&id) {
                Some(at) => self.exchanges[at].stream_end = event,
                None => {
                    let open = self.open.remove(&id);
                    let at = open.unwrap_or_else(|| self.begin(&id));
                    self.exchanges[at].end = event;
                }
            },
            "network.call" => self.calls.push((id, event)),
            "network.response_body" => self.bodies.push((id, event)),
            _ => {}
        }
    }

    /// Adds an exchange of a request and returns its index.
    fn begin(&mut self, id: &str) -> usize {
        let at = self.exchanges.len();
        self.exchanges.push(Exchange::default());
        self.ends
            .entry(id.to_owned())
            .and_modify(|(_, last)| *last = at)
            .or_insert((at, at));
        at
    }

    /// Returns the archive as JSON text. Its comment has `notes` first, then what is missing.
    pub fn text(mut self, notes: &[String]) -> String {
        let mut unmatched = self.unmatched;
        for (id, call) in self.calls {
            match self.ends.get(&id) {
                Some((first, _)) => self.exchanges[*first].call = call,
                None => unmatched += 1,
            }
        }
        for (id, body) in self.bodies {
            match self.ends.get(&id) {
                Some((_, last)) => self.exchanges[*last].reported_body = body,
                None => unmatched += 1,
            }
        }
        let mut comments = notes.to_vec();
        comments.extend(self.missing.iter().map(|(reason, count)| {
            format!("{count} network records are missing, reason {reason:?}: see the gaps in the events")
        }));
        if !self.local.is_empty() {
            let count = self.local.len();
            comments.push(format!(
                "{count} requests to data: and blob: addresses are left out"
            ));
        }
        if unmatched > 0 {
            comments.push(format!(
                "{unmatched} reports of pages are left out, because no request here belongs to them"
            ));
        }
        let mut log = json!({
            "version": "1.2",
            "creator": {"name": "tabtape", "version": env!("CARGO_PKG_VERSION")},
            "entries": self.exchanges.iter().map(Exchange::entry).collect::<Vec<_>>(),
        });
        if !comments.is_empty() {
            log["comment"] = comments.join(". ").into();
        }
        format!("{}\n", json!({ "log": log }))
    }
}
