//! Requests of a session: which records begin, continue and end one.

use super::{Ended, Session, What};
use crate::otlp::life::{End, Ids, Request};
use crate::otlp::metrics::Measure;
use crate::otlp::span;
use crate::otlp::walk::{Finished, Record};
use serde_json::Value;

impl Session {
    pub(super) fn request(&mut self, record: &Record<'_>) {
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
    pub(super) fn call(&mut self, record: &Record<'_>) {
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
        } else if self.finished.contains(&request_name(id)) {
            self.is_late = true;
        } else {
            self.callers.insert(id.to_owned(), (key, cause.to_owned()));
        }
    }

    /// Puts an interaction into the trace of the first request that it caused.
    pub(super) fn join_trace(&mut self, key: &str, cause: &str, sent: Option<Ids>, record: &Record<'_>) {
        if let Some(interaction) = self.interaction_of(key, cause, record.session, record.ts)
            && let Some(sent) = sent
        {
            if interaction.is_fixed {
                self.is_late |= interaction.trace.is_none();
            } else {
                interaction.trace.get_or_insert(sent.trace);
            }
        }
    }

    /// Adds what the page's call reported before the request was read.
    pub(super) fn add_caller(&mut self, request: &mut Request, record: &Record<'_>) {
        if let Some((key, cause)) = self.callers.remove(&request.id) {
            self.join_trace(&key, &cause, request.sent, record);
            request.life.get_or_insert(key);
            request.cause = Some(cause);
        }
    }

    /// Returns a request that has not been taken.
    pub(super) fn request_mut(&mut self, id: &str) -> Option<&mut Request> {
        let ended = self.ended.iter_mut().find_map(|ended| match &mut ended.what {
            What::Request(request, ..) if request.id == id => Some(&mut **request),
            _ => None,
        });
        ended.or_else(|| self.requests.get_mut(id))
    }

    pub(super) fn request_ended(&mut self, record: &Record<'_>) {
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
        self.end_request(request, record.data.clone(), record.end(""));
    }

    pub(super) fn end_request(&mut self, request: Request, data: Value, end: End) {
        self.finish(request_name(&request.id));
        self.ended.push(Ended {
            position: end.position,
            first: request.first,
            what: What::Request(Box::new(request), data, end),
        });
    }

    /// Returns the open request of a record; it begins with this record if its start was not recorded.
    pub(super) fn request_of(&mut self, record: &Record<'_>) -> Option<&mut Request> {
        let id = record.metadata("request_id")?;
        if self.finished.contains(&request_name(id)) {
            return None;
        }
        let life = self.key_of_life(record);
        let request = self.requests.entry(id.to_owned());
        Some(request.or_insert_with(|| begun(id, record, life)))
    }

    /// Ends open requests that belong to no document; those of a document are ended with it.
    pub(super) fn end_loose_requests(&mut self, is_meant: impl Fn(&Request) -> bool, end: End) {
        let is_loose = |request: &Request| {
            let life = request.life.as_ref();
            life.is_none_or(|key| !self.lives.contains_key(key))
        };
        let loose = self
            .requests
            .values()
            .filter(|request| is_loose(request) && is_meant(request));
        let loose: Vec<String> = loose.map(|request| request.id.clone()).collect();
        self.end_requests(&loose, end);
    }

    pub(super) fn end_requests(&mut self, ids: &[String], end: End) {
        for id in ids {
            if let Some(request) = self.requests.remove(id) {
                self.end_request(request, Value::Null, end);
            }
        }
    }

    pub(super) fn finished_request(
        &mut self,
        name: &str,
        request: &Request,
        data: &Value,
        end: End,
    ) -> Finished {
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
