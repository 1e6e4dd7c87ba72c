//! Makes spans out of records.
//!
//! | ours | OpenTelemetry |
//! |---|---|
//! | a navigation with its document | root span `navigation`; phases are span events with the record's type; `tabtape.end_reason` |
//! | a request | client span named by its method; a redirect is a span event |
//! | an interaction, a long frame | a span named by the record's type |
//! | an uncaught error, a rejection, `console.error` | span event `exception` |
//! | a span whose end was not recorded | `tabtape.unended`: why it ends |
//!
//! A parent is in the trace of its child. Where the page sent a `traceparent` of a trace of its own, the span that would
//! be the parent is a link.

use super::attributes::{attribute, flag, int, text, text_in};
use super::life::{End, Ids, Interaction, Life, Request, TraceId};
use super::record::exception_attributes;
use super::walk::Record;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use reqwest::Url;
use serde_json::Value;

const NANOS_PER_MICRO: u64 = 1000;

/// Returns a request that carries these spans.
pub(super) fn export(spans: &[Span]) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(super::attributes::resource()),
            scope_spans: vec![ScopeSpans {
                scope: Some(super::attributes::scope()),
                spans: spans.to_vec(),
                schema_url: super::SCHEMA_URL.into(),
            }],
            schema_url: super::SCHEMA_URL.into(),
        }],
    }
}

/// Returns the ids of the span that a request's headers name to the server.
pub(super) fn traceparent(data: &Value) -> Option<Ids> {
    let headers = data["headers"].as_array()?;
    let is_it = |header: &&Value| {
        header[0]
            .as_str()
            .is_some_and(|name| name.eq_ignore_ascii_case("traceparent"))
    };
    Ids::of_traceparent(headers.iter().find(is_it)?[1].as_str()?)
}

/// Returns the event of a navigation's phase.
pub(super) fn phase(record: &Record<'_>) -> Event {
    let mut attributes: Vec<KeyValue> = ["error", "kind", "transition"]
        .iter()
        .filter_map(|field| text_in(&format!("tabtape.{field}"), &record.data[*field]))
        .collect();
    if record.type_ == "page.history_updated" {
        attributes.push(text("url.full", record.url));
    }
    event(record.type_, record.ts, attributes)
}

pub(super) fn redirect(record: &Record<'_>) -> Event {
    let mut attributes = vec![text("url.full", record.url)];
    let status = record.data["status"].as_u64();
    attributes.extend(status.map(|status| int("http.response.status_code", status)));
    attributes.extend(text_in("tabtape.redirect_url", &record.data["redirect_url"]));
    event("network.redirect", record.ts, attributes)
}

/// Returns an error as the event of the conventions
/// (<https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/>).
pub(super) fn exception(record: &Record<'_>) -> Event {
    let mut attributes = exception_attributes(record.data);
    attributes.push(text("tabtape.type", record.type_));
    attributes.push(int("tabtape.seq", record.seq));
    event("exception", record.ts, attributes)
}

pub(super) fn add_event(span: &mut Span, event: Event) {
    let mut events = super::life::Events {
        kept: std::mem::take(&mut span.events),
        dropped: span.dropped_events_count,
    };
    events.add(event);
    span.events = events.kept;
    span.dropped_events_count = events.dropped;
}

/// Returns the span of an interaction, without its place in a trace.
pub(super) fn interaction(record: &Record<'_>, life: &str) -> Span {
    let mut span = of_record(record, life);
    for field in ["selector", "label", "key", "field", "field_type"] {
        let known = text_in(&format!("tabtape.{field}"), &record.data[field]);
        span.attributes.extend(known);
    }
    span
}

/// Returns the span of a long frame, without its place in a trace.
pub(super) fn long_frame(record: &Record<'_>, life: &str) -> Span {
    let mut span = of_record(record, life);
    let micros = micros_of(&record.data["duration_ms"]).unwrap_or(0);
    span.end_time_unix_nano = nanos(record.ts.saturating_add(micros));
    let blocking = record.data["blocking_ms"].as_f64();
    span.attributes
        .extend(blocking.map(|value| attribute("tabtape.blocking_ms", Any::DoubleValue(value))));
    for field in ["url", "function", "invoker"] {
        let value = record.data["script"][field]
            .as_str()
            .filter(|value| !value.is_empty());
        span.attributes
            .extend(value.map(|value| text(&format!("tabtape.script.{field}"), value)));
    }
    span
}

fn of_record(record: &Record<'_>, life: &str) -> Span {
    Span {
        span_id: Ids::derived(&[record.session, life, &record.seq.to_string()])
            .span
            .to_vec(),
        name: record.type_.into(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: nanos(record.ts),
        end_time_unix_nano: nanos(record.ts),
        attributes: vec![
            text("session.id", record.session),
            int("tabtape.seq", record.seq),
            text("url.full", record.url),
        ],
        ..Span::default()
    }
}

/// Places a span in the trace of its document, or of the request that it caused.
pub(super) fn within(mut span: Span, life: &Life, interaction: Option<Interaction>) -> Span {
    let trace = interaction
        .and_then(|interaction| interaction.trace)
        .unwrap_or(life.ids.trace);
    if let Some(interaction) = interaction {
        span.end_time_unix_nano = span.end_time_unix_nano.max(nanos(interaction.last_ts));
    }
    place(&mut span, trace, Some(life.ids));
    span
}

/// Returns the span of a request. `data` is that of its last record; null if its end was not recorded.
pub(super) fn request(
    session: &str,
    request: &Request,
    data: &Value,
    end: End,
    life: Option<&Life>,
    interaction: Option<Interaction>,
) -> Span {
    let own = Ids::derived(&[session, "request", &request.id, &request.first_seq.to_string()]);
    let of_interaction = life.zip(interaction).map(|(life, interaction)| Ids {
        trace: interaction.trace.unwrap_or(life.ids.trace),
        span: interaction.span,
    });
    let parent = of_interaction.or_else(|| life.map(|life| life.ids));
    let field = |name: &str| request.field(data, name);
    let method = request
        .method
        .as_deref()
        .or_else(|| field("method")?.as_str())
        .unwrap_or("HTTP");
    let status = request.status(data);
    let start = request.start_ts.unwrap_or_else(|| {
        let lasted = field("duration_ms").and_then(micros_of).unwrap_or(0);
        end.ts.saturating_sub(lasted)
    });
    let mut attributes = vec![
        text("session.id", session),
        text("http.request.method", method),
        text("url.full", &request.url),
        text("tabtape.request_id", &request.id),
    ];
    if let Ok(url) = Url::parse(&request.url) {
        let host = url.host_str().map(|host| host.trim_matches(['[', ']']));
        attributes.extend(host.map(|host| text("server.address", host)));
        let port = url.port_or_known_default();
        attributes.extend(port.map(|port| int("server.port", port.into())));
    }
    attributes.extend(status.map(|status| int("http.response.status_code", status)));
    let error_type = request.error_type(data);
    attributes.extend(error_type.as_ref().map(|error| text("error.type", error)));
    attributes.extend(field("ip").and_then(|ip| text_in("network.peer.address", ip)));
    attributes.extend(field("protocol").and_then(|protocol| text_in("tabtape.protocol", protocol)));
    let resource_type = request.resource_type.as_ref();
    attributes.extend(resource_type.map(|kind| text("tabtape.resource_type", kind)));
    attributes.extend(text_in("tabtape.cors_error", &data["cors_error"]));
    if field("from_cache").is_some_and(|cached| *cached == true) {
        attributes.push(flag("tabtape.from_cache"));
    }
    if request.start_ts.is_none() {
        attributes.push(text("tabtape.unstarted", "start_not_recorded"));
    }
    if !end.reason.is_empty() {
        attributes.push(text("tabtape.unended", end.reason));
    }
    let mut span = Span {
        span_id: own.span.to_vec(),
        name: method.into(),
        kind: SpanKind::Client.into(),
        start_time_unix_nano: nanos(start),
        end_time_unix_nano: nanos(end.ts.max(start)),
        attributes,
        events: request.events.kept.clone(),
        dropped_events_count: request.events.dropped,
        status: error_type.map(|error| {
            failed(if data["error"].is_string() {
                error
            } else {
                String::new()
            })
        }),
        ..Span::default()
    };
    match request.sent {
        Some(sent) if life.is_some() && !request.is_repeat => {
            span.span_id = sent.span.to_vec();
            place(&mut span, sent.trace, parent);
        }
        // Another request has sent this span: this one is part of it.
        Some(sent) => place(&mut span, sent.trace, Some(sent)),
        None => place(&mut span, parent.map_or(own.trace, |parent| parent.trace), parent),
    }
    span
}

/// Returns the span of a document, or of a navigation that led to none.
pub(super) fn life(session: &str, life: &Life, end: End, around: Option<Ids>) -> Span {
    let mut attributes = vec![
        text("session.id", session),
        text("url.full", &life.url),
        text("tabtape.tab_id", &life.tab),
        text("tabtape.frame_id", &life.frame),
        text("tabtape.end_reason", end.reason),
    ];
    let known = [
        ("tabtape.document_id", &life.document),
        ("tabtape.transition", &life.transition),
        ("error.type", &life.error),
    ];
    attributes.extend(
        known
            .into_iter()
            .filter_map(|(key, value)| Some(text(key, value.as_ref()?))),
    );
    if !life.has_start {
        attributes.push(text("tabtape.unstarted", "open_before_recording"));
    }
    if end.reason != "navigated" && end.reason != "navigation_failed" && end.reason != "tab_removed" {
        attributes.push(text("tabtape.unended", end.reason));
    }
    Span {
        span_id: life.ids.span.to_vec(),
        name: "navigation".into(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: nanos(life.start_ts),
        end_time_unix_nano: nanos(end.ts.max(life.start_ts)),
        attributes,
        events: life.events.kept.clone(),
        dropped_events_count: life.events.dropped,
        status: life.error.clone().map(failed),
        trace_id: life.ids.trace.to_vec(),
        links: around.map(link).into_iter().collect(),
        ..Span::default()
    }
}

/// Puts a span in `trace`: under `parent` if it is in the same one, else linked to it.
fn place(span: &mut Span, trace: TraceId, parent: Option<Ids>) {
    span.trace_id = trace.to_vec();
    match parent {
        Some(parent) if parent.trace == trace => {
            span.parent_span_id = parent.span.to_vec();
        }
        Some(parent) => span.links.push(link(parent)),
        None => {}
    }
}

fn link(to: Ids) -> Link {
    Link {
        trace_id: to.trace.to_vec(),
        span_id: to.span.to_vec(),
        ..Link::default()
    }
}

fn event(name: &str, ts: u64, attributes: Vec<KeyValue>) -> Event {
    Event {
        time_unix_nano: nanos(ts),
        name: name.into(),
        attributes,
        dropped_attributes_count: 0,
    }
}

fn failed(message: String) -> Status {
    Status {
        message,
        code: StatusCode::Error.into(),
    }
}

/// Returns how long a span lasted.
pub(super) fn seconds(span: &Span) -> f64 {
    let nanos = span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano);
    std::time::Duration::from_nanos(nanos).as_secs_f64()
}

fn micros_of(millis: &Value) -> Option<u64> {
    let micros = millis.as_f64()? * 1000.0;
    (0.0..1e15).contains(&micros).then_some(micros as u64)
}

const fn nanos(micros: u64) -> u64 {
    micros.saturating_mul(NANOS_PER_MICRO)
}
