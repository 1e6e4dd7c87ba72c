//! OpenTelemetry log records as events of a local process.
//!
//! The type is the record's event name where it is a type's name, with the severity as its last word where the name
//! would have another one, else `log.<severity>`; the category is
//! `otel`. Body, attributes, resource, scope, trace and span id are the data. One session for each
//! `service.instance.id`, else for each `service.name`.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde_json::{Map, Number, Value, json};
use sha2::{Digest as _, Sha256};
use tabtape::event::is_type_name;
use tabtape::severity::severity;

/// The events of one producer.
#[derive(Debug)]
pub(crate) struct FromProducer {
    /// Its name.
    pub(crate) name: String,
    /// JSON texts of events.
    pub(crate) events: Vec<bytes::Bytes>,
}

/// Returns the events of a request, by producer.
pub(crate) fn events(request: &ExportLogsServiceRequest) -> Vec<FromProducer> {
    request
        .resource_logs
        .iter()
        .map(|logs| {
            let resource = logs.resource.as_ref();
            let described = resource.map_or(Value::Null, |resource| object(&resource.attributes));
            let events = logs
                .scope_logs
                .iter()
                .flat_map(|scope| {
                    let name = scope
                        .scope
                        .as_ref()
                        .map(|scope| scope.name.as_str())
                        .unwrap_or_default();
                    let described = &described;
                    scope
                        .log_records
                        .iter()
                        .map(move |record| event(record, name, described).to_string().into())
                })
                .collect();
            FromProducer {
                name: producer(resource),
                events,
            }
        })
        .collect()
}

fn producer(resource: Option<&Resource>) -> String {
    let attribute = |key: &str| {
        let found = resource?
            .attributes
            .iter()
            .find(|attribute| attribute.key == key)?;
        match &found.value.as_ref()?.value {
            Some(Any::StringValue(text)) if !text.is_empty() => Some(text.as_str()),
            _ => None,
        }
    };
    let name = attribute("service.instance.id")
        .or_else(|| attribute("service.name"))
        .unwrap_or("unnamed");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if name.len() <= 48 && name.bytes().all(plain) {
        return format!("otlp:{name}");
    }
    // A name of another alphabet, or a long one, stays its own producer.
    format!("otlp:{}", &hex::encode(Sha256::digest(name.as_bytes()))[..32])
}

fn event(record: &LogRecord, scope: &str, resource: &Value) -> Value {
    let level = level_of(record);
    let type_ = type_of(&record.event_name, level);
    let level = level.unwrap_or("info");
    let mut data = Map::new();
    let mut add = |name: &str, value: Value| {
        if !value.is_null() && value != "" && value != json!({}) {
            data.insert(name.into(), value);
        }
    };
    match record.body.as_ref().map(value) {
        Some(Value::String(text)) => add("text", text.into()),
        Some(other) => add("body", other),
        None => {}
    }
    add("severity", level.into());
    add("severity_text", record.severity_text.as_str().into());
    if record.event_name != type_ {
        add("event_name", record.event_name.as_str().into());
    }
    add("attributes", object(&record.attributes));
    add("resource", resource.clone());
    add("scope", scope.into());
    add("trace_id", hex::encode(&record.trace_id).into());
    add("span_id", hex::encode(&record.span_id).into());
    let mut event = json!({
        "type": type_,
        "category": "otel",
        "source": {"kind": "local_process", "event": "otlp"},
        "data": data,
    });
    let nanos = if record.time_unix_nano > 0 {
        record.time_unix_nano
    } else {
        record.observed_time_unix_nano
    };
    if (1..1 << 53).contains(&(nanos / 1000)) {
        event["ts"] = (nanos / 1000).into();
    }
    event
}

/// Returns the severity of a record, by its number, or by its text if it has no number.
fn level_of(record: &LogRecord) -> Option<&'static str> {
    match record.severity_number {
        1..=8 => return Some("debug"),
        9..=12 => return Some("info"),
        13..=16 => return Some("warn"),
        17.. => return Some("error"),
        _ => {}
    }
    let text = record.severity_text.to_ascii_lowercase();
    let begins = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
    match () {
        () if begins(&["trace", "debug", "verbose", "fine"]) => Some("debug"),
        () if begins(&["info", "notice", "log"]) => Some("info"),
        () if begins(&["warn"]) => Some("warn"),
        () if begins(&["err", "fatal", "crit", "severe", "alert", "emerg", "panic"]) => Some("error"),
        () => None,
    }
}

/// Returns the type of a record. Readers take the severity from the last word of a type, so an event name that would
/// have another one gets the severity as its last word.
fn type_of(event_name: &str, level: Option<&str>) -> String {
    let unnamed = || format!("log.{}", level.unwrap_or("info"));
    if !is_type_name(event_name.as_bytes()) {
        return unnamed();
    }
    match level.filter(|level| severity(event_name, 0).as_str() != *level) {
        None => event_name.to_owned(),
        Some(level) => {
            let type_ = format!("{event_name}.{level}");
            if is_type_name(type_.as_bytes()) {
                type_
            } else {
                unnamed()
            }
        }
    }
}

fn object(attributes: &[KeyValue]) -> Value {
    let field = |attribute: &KeyValue| {
        (
            attribute.key.clone(),
            attribute.value.as_ref().map_or(Value::Null, value),
        )
    };
    Value::Object(attributes.iter().map(field).collect())
}

fn value(any: &AnyValue) -> Value {
    match &any.value {
        None => Value::Null,
        Some(Any::StringValue(text)) => text.as_str().into(),
        Some(Any::BoolValue(flag)) => (*flag).into(),
        Some(Any::IntValue(number)) => (*number).into(),
        Some(Any::DoubleValue(number)) => {
            Number::from_f64(*number).map_or_else(|| number.to_string().into(), Value::Number)
        }
        Some(Any::ArrayValue(array)) => array.values.iter().map(value).collect(),
        Some(Any::KvlistValue(list)) => object(&list.values),
        Some(Any::BytesValue(bytes)) => hex::encode(bytes).into(),
        Some(_) => Value::Null,
    }
}
