//! The open documents, requests and interactions of one session.

mod documents;
mod requests;

use super::{Finished, Record};
use crate::otlp::life::{End, Ids, Interaction, Life, Request};
use crate::otlp::metrics::Measure;
use crate::otlp::span;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Documents and requests whose late records are ignored, per session.
const MAX_FINISHED: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Session {
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
    /// The record that is being read came after its span was taken.
    is_late: bool,
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
    /// An interaction, by the id that causes name, or a long frame.
    Interaction {
        life: String,
        id: Option<String>,
        span: Box<Span>,
    },
    Measure(Measure),
}

impl What {
    fn life(&self) -> Option<&String> {
        match self {
            Self::Request(request, ..) => request.life.as_ref(),
            Self::Interaction { life, .. } => Some(life),
            Self::Life(..) | Self::Measure(_) => None,
        }
    }
}

impl Session {
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    pub(super) fn set_over(&mut self) {
        self.is_over = true;
    }

    pub(super) fn last_position(&self) -> u64 {
        self.last_position
    }

    /// Returns the position of the oldest record that an open span needs.
    pub(super) fn first_needed(&self) -> Option<u64> {
        let lives = self.lives.values().map(|life| life.first);
        let requests = self.requests.values().map(|request| request.first);
        let ended = self.ended.iter().map(|ended| ended.first);
        lives.chain(requests).chain(ended).min()
    }

    pub(super) fn is_open(&self) -> bool {
        !(self.lives.is_empty() && self.requests.is_empty() && self.ended.is_empty())
    }

    /// Reads a record. Returns whether its span was taken before.
    pub(super) fn read(&mut self, record: &Record<'_>) -> bool {
        self.is_late = false;
        self.last_ts = self.last_ts.max(record.ts);
        self.last_position = record.position;
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
                self.end_all(record.end("session_ended"));
            }
            "system.worker_started" if record.field("reason") == Some("browser_start") => {
                self.end_all(record.end("browser_ended"));
            }
            "system.health" => {
                for measure in Measure::health(record) {
                    self.ended(record, What::Measure(measure));
                }
            }
            other if other.starts_with("input.") => self.interaction(record),
            _ => {}
        }
        self.is_late
    }

    fn long_frame(&mut self, record: &Record<'_>) {
        let Some(key) = self.key_of_life(record) else {
            return;
        };
        let what = What::Interaction {
            span: Box::new(span::long_frame(record, &key)),
            life: key,
            id: None,
        };
        self.ended(record, what);
    }

    /// An error belongs to the interaction that it came from, else to its document.
    fn error(&mut self, record: &Record<'_>) {
        self.ended(record, What::Measure(Measure::error(record)));
        let Some(key) = self.key_of_life(record) else {
            return;
        };
        let event = span::exception(record);
        // A request, which is no interaction, has a number.
        let is_interaction = |cause: &&str| !cause.bytes().all(|byte| byte.is_ascii_digit());
        let cause = record.metadata("cause_id").filter(is_interaction);
        if let Some(cause) = cause {
            let interaction = self.interaction_of(&key, cause, record.session, record.ts);
            let has_record = interaction.is_some_and(|interaction| interaction.has_record);
            let of_cause = |ended: &&mut Ended| matches!(&ended.what, What::Interaction { life, id, .. } if *life == key && id.as_deref() == Some(cause));
            if let Some(Ended {
                what: What::Interaction { span, .. },
                ..
            }) = self.ended.iter_mut().find(of_cause)
            {
                span::add_event(span, event);
                return;
            }
            self.is_late |= has_record;
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

    /// Ends everything that is open, at `position` and as late as the last record.
    pub(super) fn end_all_at(&mut self, position: u64) {
        let end = End {
            position,
            ts: self.last_ts,
            reason: "session_ended",
        };
        self.end_all(end);
    }

    fn end_all(&mut self, end: End) {
        let keys: Vec<String> = self.lives.keys().cloned().collect();
        self.end(&keys, end);
        self.end_loose_requests(|_| true, end);
    }

    pub(super) fn take(&mut self, name: &str, position: u64, finished: &mut Vec<Finished>) {
        // The open requests of a document end with it, if they have not ended until now.
        let over: Vec<(String, End)> = self
            .ended
            .iter()
            .filter_map(|ended| match &ended.what {
                What::Life(key, end) if end.position <= position => Some((key.clone(), *end)),
                _ => None,
            })
            .collect();
        for (key, end) in &over {
            let open = self
                .requests
                .values()
                .filter(|request| request.life.as_ref() == Some(key));
            let open: Vec<String> = open.map(|request| request.id.clone()).collect();
            self.end_requests(&open, *end);
        }
        // Spans that a document began before it ended are taken with it, also those that ended a little later.
        let is_over = |ended: &Ended| over.iter().any(|(key, _)| ended.what.life() == Some(key));
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
}
