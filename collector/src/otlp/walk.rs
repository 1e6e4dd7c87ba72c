//! Reads records in the order of the store and reports spans and measurements as they end.
//!
//! The state is a function of the records that were read, so that a restart rebuilds it from [`Walk::first_needed`].
//! It does no I/O and reads no clock. What ends at a position is returned by [`Walk::take`], which the caller calls only
//! after it has read further: a page reports a request's caller, and its last errors, some time after the browser
//! reports the request's end.

use super::life::{End, Events, Ids, Interaction, Life, Request};
use super::metrics::Measure;
use super::span;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The records that spans and measurements are made of.
pub(super) const SELECTOR: &str = "category:console,network,page,interaction,tab,system \
    type:console.error,console.exception,console.rejection,network.request,network.redirect,network.response,\
network.stream_ended,network.failed,network.call,network.websocket_closed,network.websocket_failed,\
page.navigation_*,page.history_updated,page.lcp,page.inp,page.layout_shift,page.fcp,page.ttfb,page.long_frame,\
input.*,tab.removed,tab.replaced,tab.crashed,system.session_started,system.session_ended,system.worker_started";
/// Documents and requests whose late records are ignored, per session.
const MAX_FINISHED: usize = 4096;

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
}

#[derive(Debug, Default)]
struct Session {
    lives: BTreeMap<String, Life>,
    /// Keys of lives, by document and by navigation.
    documents: BTreeMap<String, String>,
    navigations: BTreeMap<String, String>,
    requests: BTreeMap<String, Request>,
    /// Life and cause of calls that were read before their requests, by the request.
    callers: BTreeMap<String, (String, String)>,
    ended: Vec<Ended>,
    finished: BTreeSet<String>,
    finished_order: VecDeque<String>,
    /// A later session has begun.
    is_over: bool,
    last_ts: u64,
    last_position: u64,
}

/// Something that ended at a position and was not taken yet.
#[derive(Debug)]
struct Ended {
    position: u64,
    /// The position of its first record.
    first: u64,
    what: What,
}

#[derive(Debug)]
enum What {
    Life(String, End),
    Request(Box<Request>, Value, End),
    Interaction {
        life: String,
        id: Option<String>,
        span: Box<Span>,
    },
    LongFrame {
        life: String,
        span: Box<Span>,
    },
    Measure(Measure),
}

impl What {
    fn life(&self) -> Option<&String> {
        match self {
            Self::Request(request, ..) => request.life.as_ref(),
            Self::Interaction { life, .. } | Self::LongFrame { life, .. } => Some(life),
            Self::Life(..) | Self::Measure(_) => None,
        }
    }
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
            session.is_over = true;
        }
        let session = self.sessions.entry(record.session.to_owned()).or_default();
        session.last_ts = session.last_ts.max(record.ts);
        session.last_position = record.position;
        session.read(record);
    }

    /// Returns the sessions that a later one has followed and that have open spans, with the last position of each.
    pub(super) fn abandoned(&self) -> BTreeMap<String, u64> {
        self.sessions
            .iter()
            .filter(|(_, session)| session.is_over && session.is_open())
            .map(|(name, session)| (name.clone(), session.last_position))
            .collect()
    }

    /// Ends everything that is open in a session at `position`.
    pub(super) fn end_session(&mut self, name: &str, position: u64) {
        if let Some(session) = self.sessions.get_mut(name) {
            let end = End {
                ts: session.last_ts,
                reason: "session_ended",
            };
            session.end_all(position, end);
        }
    }

    /// Returns what ended up to `position`, in a fixed order.
    pub(super) fn take(&mut self, position: u64) -> Vec<Finished> {
        let mut finished = Vec::new();
        for (name, session) in &mut self.sessions {
            session.take(name, position, &mut finished);
        }
        self.sessions
            .retain(|_, session| session.is_open() || !session.is_over);
        finished
    }

    /// Returns the position of the oldest record that is still needed, or else the next one after `position`.
    pub(super) fn first_needed(&self, position: u64) -> u64 {
        let of_session = |session: &Session| {
            let lives = session.lives.values().map(|life| life.first);
            let requests = session.requests.values().map(|request| request.first);
            let ended = session.ended.iter().map(|ended| ended.first);
            lives.chain(requests).chain(ended).min()
        };
        let oldest = self.sessions.values().filter_map(of_session).min();
        oldest.unwrap_or(position + 1).min(position + 1)
    }
}

impl Session {
    fn is_open(&self) -> bool {
        !(self.lives.is_empty() && self.requests.is_empty() && self.ended.is_empty())
    }

    fn read(&mut self, record: &Record<'_>) {
        match record.type_ {
            "page.navigation_started" => self.navigation_started(record),
            "page.navigation_committed" => self.navigation_committed(record),
            "page.navigation_failed" => self.navigation_failed(record),
            "page.navigation_dom_content_loaded" | "page.navigation_loaded" | "page.history_updated" => {
                if let Some(life) = self.life_of(record) {
                    life.events.add(span::phase(record));
                }
            }
            "page.lcp" | "page.fcp" | "page.ttfb" | "page.inp" | "page.layout_shift" => self.vital(record),
            "page.long_frame" => self.long_frame(record),
            "console.error" | "console.exception" | "console.rejection" => self.error(record),
            "network.request" => self.request(record),
            "network.redirect" => {
                if let Some(request) = self.request_of(record) {
                    request.events.add(span::redirect(record));
                }
            }
            "network.call" => self.call(record),
            "network.response"
            | "network.stream_ended"
            | "network.failed"
            | "network.websocket_closed"
            | "network.websocket_failed" => self.request_ended(record),
            "tab.removed" => self.end_tab(
                record.metadata("tab_id").unwrap_or_default(),
                record,
                "tab_removed",
            ),
            "tab.replaced" => {
                let replaced = &record.data["replaced_tab_id"];
                let tab = replaced
                    .as_str()
                    .map_or_else(|| replaced.to_string(), ToOwned::to_owned);
                self.end_tab(&tab, record, "tab_replaced");
            }
            "tab.crashed" => self.crashed(record),
            "system.session_ended" => {
                self.is_over = true;
                self.end_all(
                    record.position,
                    End {
                        ts: record.ts,
                        reason: "session_ended",
                    },
                );
            }
            "system.worker_started" if record.field("reason") == Some("browser_start") => {
                self.end_all(
                    record.position,
                    End {
                        ts: record.ts,
                        reason: "browser_ended",
                    },
                );
            }
            other if other.starts_with("input.") => self.interaction(record),
            _ => {}
        }
    }

    fn navigation_started(&mut self, record: &Record<'_>) {
        if let Some(navigation) = record.metadata("navigation_id")
            && !self.navigations.contains_key(navigation)
        {
            self.begin(navigation.to_owned(), record, true);
            self.navigations
                .insert(navigation.to_owned(), navigation.to_owned());
        }
    }

    /// A document is shown in a frame: what was there has ended.
    fn navigation_committed(&mut self, record: &Record<'_>) {
        let navigation = record.metadata("navigation_id");
        let document = record.metadata("document_id");
        let started = navigation.and_then(|navigation| self.navigations.get(navigation));
        // The same document again comes out of the back/forward cache, and its life before has ended.
        let observed = document
            .and_then(|document| self.documents.get(document))
            .filter(|key| {
                self.lives
                    .get(*key)
                    .is_some_and(|life| !life.has_ended && !life.has_start)
            });
        let key = started.or(observed).cloned().unwrap_or_else(|| {
            let key = navigation.map_or_else(|| key_of(record), ToOwned::to_owned);
            self.begin(key.clone(), record, true);
            key
        });
        if let Some(navigation) = navigation {
            self.navigations.insert(navigation.to_owned(), key.clone());
        }
        if let Some(document) = document {
            self.finished.remove(document);
            self.documents.insert(document.to_owned(), key.clone());
        }
        let Some(life) = self.lives.get_mut(&key) else {
            return;
        };
        life.document = document.map(ToOwned::to_owned);
        life.url = record.url.to_owned();
        life.transition = record.field("transition").map(ToOwned::to_owned);
        life.has_start = true;
        life.last_ts = life.last_ts.max(record.ts);
        life.events.add(span::phase(record));
        let (tab, frame) = (life.tab.clone(), life.frame.clone());
        let is_left = |other: &Life| {
            other.tab == tab && other.document.is_some() && (frame == "0" || other.frame == frame)
        };
        let left: Vec<String> = self
            .lives
            .iter()
            .filter(|(other, life)| **other != key && is_left(life))
            .map(|(other, _)| other.clone())
            .collect();
        self.end(
            &left,
            record.position,
            End {
                ts: record.ts,
                reason: "navigated",
            },
        );
    }

    /// A navigation that led to no document ends; one that fails later is an event of its document.
    fn navigation_failed(&mut self, record: &Record<'_>) {
        let navigation = record.metadata("navigation_id");
        let key = navigation
            .and_then(|navigation| self.navigations.get(navigation))
            .cloned();
        let key = key.or_else(|| Some(self.documents.get(record.metadata("document_id")?)?.clone()));
        let Some((key, life)) = key.and_then(|key| Some((key.clone(), self.lives.get_mut(&key)?))) else {
            return;
        };
        life.events.add(span::phase(record));
        if life.document.is_none() {
            life.error = record.field("error").map(ToOwned::to_owned);
            self.end(
                &[key],
                record.position,
                End {
                    ts: record.ts,
                    reason: "navigation_failed",
                },
            );
        }
    }

    fn vital(&mut self, record: &Record<'_>) {
        let value = record.data["value_ms"].as_f64().map(|value| value / 1000.0);
        if let Some(value) = value.or_else(|| record.data["value"].as_f64())
            && let Some(life) = self.life_of(record)
        {
            life.vitals.insert(record.type_.to_owned(), value);
        }
    }

    fn long_frame(&mut self, record: &Record<'_>) {
        let Some(key) = self.key_of_life(record) else {
            return;
        };
        let span = Box::new(span::long_frame(record, &key));
        self.ended(record, What::LongFrame { life: key, span });
    }

    /// An error belongs to the interaction that it came from, else to its document.
    fn error(&mut self, record: &Record<'_>) {
        self.ended(record, What::Measure(Measure::error(record)));
        let Some(key) = self.key_of_life(record) else {
            return;
        };
        let event = span::exception(record);
        let cause = record.metadata("cause_id");
        if let Some(cause) = cause {
            self.interaction_of(&key, cause, record.session, record.ts);
            let of_cause = |ended: &&mut Ended| matches!(&ended.what, What::Interaction { life, id, .. } if *life == key && id.as_deref() == Some(cause));
            if let Some(Ended {
                what: What::Interaction { span, .. },
                ..
            }) = self.ended.iter_mut().find(of_cause)
            {
                span::add_event(span, event);
                return;
            }
        }
        if let Some(life) = self.lives.get_mut(&key) {
            life.events.add(event);
        }
    }

    fn interaction(&mut self, record: &Record<'_>) {
        let Some(key) = self.key_of_life(record) else {
            return;
        };
        let mut id = record.metadata("interaction_id").map(ToOwned::to_owned);
        let mut span = span::interaction(record, &key);
        if let Some(known) = id.as_deref() {
            let Some(interaction) = self.interaction_of(&key, known, record.session, record.ts) else {
                return;
            };
            if interaction.has_record {
                id = None;
            } else {
                interaction.has_record = true;
                span.span_id = interaction.span.to_vec();
            }
        }
        let what = What::Interaction {
            life: key,
            id,
            span: Box::new(span),
        };
        self.ended(record, what);
    }

    fn request(&mut self, record: &Record<'_>) {
        let Some(id) = record
            .metadata("request_id")
            .filter(|id| !self.finished.contains(&request_name(id)))
        else {
            return;
        };
        let life = self.key_of_life(record);
        if let Some(request) = self.requests.get_mut(id) {
            // The next hop of a redirect.
            record.url.clone_into(&mut request.url);
            return;
        }
        let sent = span::traceparent(record.data);
        let mut request = begun(id, record, life.clone());
        request.sent = sent;
        if let (Some(sent), Some(life)) = (sent, life.and_then(|key| self.lives.get_mut(&key))) {
            request.is_repeat = !life.sent_spans.insert(sent.span);
        }
        request.start_ts = Some(record.ts);
        self.add_caller(&mut request, record);
        self.requests.insert(id.to_owned(), request);
    }

    /// The page reports a request that it made, and the interaction that it was made in.
    fn call(&mut self, record: &Record<'_>) {
        let Some(cause) = record.metadata("cause_id") else {
            return;
        };
        let Some(key) = self.key_of_life(record) else {
            return;
        };
        let id = record.metadata("request_id");
        let Some(id) = id else { return };
        if let Some(request) = self.request_mut(id) {
            request.cause = Some(cause.to_owned());
            request.life.get_or_insert_with(|| key.clone());
            let sent = request.sent;
            self.join_trace(&key, cause, sent, record);
        } else if !self.finished.contains(&request_name(id)) {
            self.callers.insert(id.to_owned(), (key, cause.to_owned()));
        }
    }

    /// Puts an interaction into the trace of the first request that it caused.
    fn join_trace(&mut self, key: &str, cause: &str, sent: Option<Ids>, record: &Record<'_>) {
        if let Some(interaction) = self.interaction_of(key, cause, record.session, record.ts)
            && !interaction.is_fixed
            && let Some(sent) = sent
        {
            interaction.trace.get_or_insert(sent.trace);
        }
    }

    /// Adds what the page's call reported before the request was read.
    fn add_caller(&mut self, request: &mut Request, record: &Record<'_>) {
        if let Some((key, cause)) = self.callers.remove(&request.id) {
            self.join_trace(&key, &cause, request.sent, record);
            request.life.get_or_insert(key);
            request.cause = Some(cause);
        }
    }

    /// Returns a request that has not been taken.
    fn request_mut(&mut self, id: &str) -> Option<&mut Request> {
        let ended = self.ended.iter_mut().find_map(|ended| match &mut ended.what {
            What::Request(request, ..) if request.id == id => Some(&mut **request),
            _ => None,
        });
        ended.or_else(|| self.requests.get_mut(id))
    }

    fn request_ended(&mut self, record: &Record<'_>) {
        if record.type_ == "network.response" && record.data["streaming"] == true {
            let data = record.data.clone();
            if let Some(request) = self.request_of(record) {
                request.response = data;
            }
            return;
        }
        let of_page = record.type_.starts_with("network.websocket");
        let Some(id) = record
            .metadata("request_id")
            .or_else(|| record.metadata("cause_id"))
        else {
            return;
        };
        if self.finished.contains(&request_name(id)) || (of_page && !self.requests.contains_key(id)) {
            return;
        }
        let life = self.key_of_life(record);
        let mut request = self
            .requests
            .remove(id)
            .unwrap_or_else(|| begun(id, record, life.clone()));
        request.life = request.life.or(life);
        self.add_caller(&mut request, record);
        self.end_request(
            request,
            record.data.clone(),
            record.position,
            End {
                ts: record.ts,
                reason: "",
            },
        );
    }

    fn end_request(&mut self, request: Request, data: Value, position: u64, end: End) {
        self.finish(request_name(&request.id));
        self.ended.push(Ended {
            position,
            first: request.first,
            what: What::Request(Box::new(request), data, end),
        });
    }

    /// Returns the open request of a record; it begins with this record if its start was not recorded.
    fn request_of(&mut self, record: &Record<'_>) -> Option<&mut Request> {
        let id = record.metadata("request_id")?;
        if self.finished.contains(&request_name(id)) {
            return None;
        }
        let life = self.key_of_life(record);
        let request = self.requests.entry(id.to_owned());
        Some(request.or_insert_with(|| begun(id, record, life)))
    }

    fn end_tab(&mut self, tab: &str, record: &Record<'_>, reason: &'static str) {
        let of_tab = self.lives.iter().filter(|(_, life)| life.tab == tab);
        let keys: Vec<String> = of_tab.map(|(key, _)| key.clone()).collect();
        let end = End {
            ts: record.ts,
            reason,
        };
        self.end(&keys, record.position, end);
        self.end_loose_requests(
            |request| request.tab.as_deref() == Some(tab),
            record.position,
            end,
        );
    }

    fn crashed(&mut self, record: &Record<'_>) {
        if record.data["outermost"] != false {
            return self.end_tab(record.metadata("tab_id").unwrap_or_default(), record, "crashed");
        }
        if let Some(key) = record
            .metadata("document_id")
            .and_then(|id| self.documents.get(id))
            .cloned()
        {
            self.end(
                &[key],
                record.position,
                End {
                    ts: record.ts,
                    reason: "crashed",
                },
            );
        }
    }

    fn end_all(&mut self, position: u64, end: End) {
        let keys: Vec<String> = self.lives.keys().cloned().collect();
        self.end(&keys, position, end);
        self.end_loose_requests(|_| true, position, end);
    }

    /// Ends open requests that belong to no document; those of a document are ended with it.
    fn end_loose_requests(&mut self, is_meant: impl Fn(&Request) -> bool, position: u64, end: End) {
        let is_loose = |request: &Request| {
            let life = request.life.as_ref();
            life.is_none_or(|key| !self.lives.contains_key(key))
        };
        let loose = self
            .requests
            .values()
            .filter(|request| is_loose(request) && is_meant(request));
        let loose: Vec<String> = loose.map(|request| request.id.clone()).collect();
        self.end_requests(&loose, position, end);
    }

    fn end(&mut self, keys: &[String], position: u64, end: End) {
        for key in keys {
            let Some(life) = self.lives.get_mut(key).filter(|life| !life.has_ended) else {
                continue;
            };
            life.has_ended = true;
            let first = life.first;
            self.ended.push(Ended {
                position,
                first,
                what: What::Life(key.clone(), end),
            });
        }
    }

    fn end_requests(&mut self, ids: &[String], position: u64, end: End) {
        for id in ids {
            if let Some(request) = self.requests.remove(id) {
                self.end_request(request, Value::Null, position, end);
            }
        }
    }

    fn take(&mut self, name: &str, position: u64, finished: &mut Vec<Finished>) {
        // The open requests of a document end with it, if they have not ended until now.
        let over: Vec<(String, u64, End)> = self
            .ended
            .iter()
            .filter_map(|ended| match &ended.what {
                What::Life(key, end) if ended.position <= position => {
                    Some((key.clone(), ended.position, *end))
                }
                _ => None,
            })
            .collect();
        for (key, at, end) in &over {
            let open = self
                .requests
                .values()
                .filter(|request| request.life.as_ref() == Some(key));
            let open: Vec<String> = open.map(|request| request.id.clone()).collect();
            self.end_requests(&open, *at, *end);
        }
        // What a document made before it ended is taken with it, also if it ended a little later.
        let is_over = |ended: &Ended| over.iter().any(|(key, ..)| ended.what.life() == Some(key));
        let (mut taken, kept): (Vec<Ended>, Vec<Ended>) = self
            .ended
            .drain(..)
            .partition(|ended| ended.position <= position || is_over(ended));
        self.ended = kept;
        // A request's trace is that of its interaction, so requests come first; lives last, as the others need them.
        taken.sort_by_key(|ended| match ended.what {
            What::Request(..) => 0,
            What::Life(..) => 2,
            _ => 1,
        });
        for ended in taken {
            finished.push(match ended.what {
                What::Measure(measure) => Finished {
                    span: None,
                    measures: vec![measure],
                },
                What::Request(request, data, end) => self.finished_request(name, &request, &data, end),
                What::LongFrame { life, span } => Finished {
                    span: self.lives.get(&life).map(|life| span::within(*span, life, None)),
                    measures: Vec::new(),
                },
                What::Interaction { life, id, span } => Finished {
                    span: self.lives.get_mut(&life).map(|life| {
                        let id = id.and_then(|id| life.interactions.get_mut(&id));
                        let interaction = id.map(|interaction| {
                            interaction.is_fixed = true;
                            *interaction
                        });
                        span::within(*span, life, interaction)
                    }),
                    measures: Vec::new(),
                },
                What::Life(key, end) => self.finished_life(name, &key, end),
            });
        }
    }

    fn finished_request(&mut self, name: &str, request: &Request, data: &Value, end: End) -> Finished {
        let life = request.life.as_ref().and_then(|key| self.lives.get_mut(key));
        let (life, interaction) = match life {
            None => (None, None),
            Some(life) => {
                let cause = request
                    .cause
                    .as_ref()
                    .and_then(|cause| life.interactions.get_mut(cause));
                let interaction = cause.map(|interaction| {
                    interaction.is_fixed = true;
                    *interaction
                });
                (Some(&*life), interaction)
            }
        };
        let span = span::request(name, request, data, end, life, interaction);
        let seconds = span::seconds(&span);
        let is_recorded = end.reason.is_empty();
        let measure = Measure::request(name, request, data, seconds, life);
        Finished {
            measures: is_recorded.then_some(measure).into_iter().collect(),
            span: Some(span),
        }
    }

    fn finished_life(&mut self, name: &str, key: &str, end: End) -> Finished {
        let Some(life) = self.lives.remove(key) else {
            return Finished::default();
        };
        self.documents.retain(|document, of| {
            let is_kept = of != key;
            if !is_kept {
                self.finished_order.push_back(document.clone());
                self.finished.insert(document.clone());
            }
            is_kept
        });
        self.navigations.retain(|_, of| of != key);
        self.callers.retain(|_, (of, _)| of != key);
        self.forget_oldest();
        let parent = life
            .parent_document
            .as_ref()
            .and_then(|parent| self.documents.get(parent));
        let parent = parent.and_then(|key| self.lives.get(key)).map(|life| life.ids);
        Finished {
            measures: Measure::vitals(name, &life),
            span: Some(span::life(name, &life, end, parent)),
        }
    }

    fn finish(&mut self, name: String) {
        self.finished_order.push_back(name.clone());
        self.finished.insert(name);
        self.forget_oldest();
    }

    fn forget_oldest(&mut self) {
        while self.finished_order.len() > MAX_FINISHED {
            if let Some(oldest) = self.finished_order.pop_front() {
                self.finished.remove(&oldest);
            }
        }
    }

    fn ended(&mut self, record: &Record<'_>, what: What) {
        self.ended.push(Ended {
            position: record.position,
            first: record.position,
            what,
        });
    }

    fn interaction_of(&mut self, key: &str, id: &str, session: &str, ts: u64) -> Option<&mut Interaction> {
        let life = self.lives.get_mut(key)?;
        let interaction = life
            .interactions
            .entry(id.to_owned())
            .or_insert_with(|| Interaction {
                span: Ids::derived(&[session, key, id]).span,
                trace: None,
                is_fixed: false,
                has_record: false,
                last_ts: ts,
            });
        interaction.last_ts = interaction.last_ts.max(ts);
        Some(interaction)
    }

    fn life_of(&mut self, record: &Record<'_>) -> Option<&mut Life> {
        let key = self.key_of_life(record)?;
        self.lives.get_mut(&key)
    }

    /// Returns the key of the life that a record belongs to. A document that was open before recording begins here.
    fn key_of_life(&mut self, record: &Record<'_>) -> Option<String> {
        let document = record.metadata("document_id");
        if document.is_some_and(|document| self.finished.contains(document)) {
            return None;
        }
        let of_document = document.and_then(|document| self.documents.get(document));
        let of_navigation = || {
            let key = self.navigations.get(record.metadata("navigation_id")?)?;
            let life = self.lives.get(key)?;
            (document.is_none() || life.document.is_none() || life.document.as_deref() == document)
                .then_some(key)
        };
        let key = of_document.or_else(of_navigation).cloned();
        let key = match (key, document) {
            (Some(key), _) => key,
            (None, Some(_)) => {
                let key = key_of(record);
                self.begin(key.clone(), record, false);
                key
            }
            (None, None) => return None,
        };
        if let Some(document) = document {
            self.documents.insert(document.to_owned(), key.clone());
        }
        if let Some(life) = self.lives.get_mut(&key) {
            life.last_ts = life.last_ts.max(record.ts);
        }
        Some(key)
    }

    fn begin(&mut self, key: String, record: &Record<'_>, has_start: bool) {
        let of = |name| record.metadata(name).unwrap_or_default().to_owned();
        let life = Life {
            ids: Ids::derived(&[record.session, &key]),
            first: record.position,
            start_ts: record.ts,
            last_ts: record.ts,
            has_start,
            tab: of("tab_id"),
            frame: of("frame_id"),
            document: if has_start {
                None
            } else {
                record.metadata("document_id").map(ToOwned::to_owned)
            },
            parent_document: record.metadata("parent_document_id").map(ToOwned::to_owned),
            url: record.url.to_owned(),
            transition: None,
            error: None,
            events: Events::default(),
            interactions: BTreeMap::new(),
            sent_spans: BTreeSet::new(),
            vitals: BTreeMap::new(),
            has_ended: false,
        };
        self.lives.insert(key, life);
    }
}

/// Returns the key of a life whose navigation has no id.
fn key_of(record: &Record<'_>) -> String {
    format!(
        "{}@{}",
        record.metadata("document_id").unwrap_or_default(),
        record.seq
    )
}

fn request_name(id: &str) -> String {
    format!("request {id}")
}

fn begun(id: &str, record: &Record<'_>, life: Option<String>) -> Request {
    Request {
        id: id.to_owned(),
        first: record.position,
        first_seq: record.seq,
        method: record.field("method").map(ToOwned::to_owned),
        url: record.url.to_owned(),
        resource_type: record.field("resource_type").map(ToOwned::to_owned),
        life,
        tab: record.metadata("tab_id").map(ToOwned::to_owned),
        ..Request::default()
    }
}
