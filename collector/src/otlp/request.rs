//! Decodes requests for logs.
//!
//! In JSON, everything that [proto3 JSON](https://protobuf.dev/programming-guides/json/) allows is accepted: null for a
//! missing field, numbers as text, `NaN`, names of enum values, field names with underscores. A lone surrogate becomes
//! U+FFFD. A record that is odd otherwise is refused alone.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message as _;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};
use tabtape::record::stored_line::{self, StoredLine};

/// A decoded request.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// The records that could be read.
    pub(crate) request: ExportLogsServiceRequest,
    /// The number of records that are refused.
    pub(crate) refused: i64,
    /// The reason why the last one is refused.
    pub(crate) why: String,
}

/// Decodes a request in protobuf.
pub(crate) fn of_protobuf(bytes: &[u8]) -> Result<Decoded, String> {
    let request = ExportLogsServiceRequest::decode(bytes).map_err(|error| error.to_string())?;
    Ok(Decoded {
        request,
        ..Decoded::default()
    })
}

/// Decodes a request in JSON.
pub(crate) fn of_json(bytes: &[u8]) -> Result<Decoded, String> {
    let StoredLine { value, .. } = stored_line::read(bytes).map_err(|error| error.to_string())?;
    let Value::Object(mut request) = normalized(value) else {
        return Err("expected an object".to_owned());
    };
    let mut decoded = Decoded::default();
    for logs in take_array(&mut request, "resourceLogs")? {
        let mut logs = object(logs, "resourceLogs")?;
        let scopes = take_array(&mut logs, "scopeLogs")?;
        let resource = logs.remove("resource").map(read).transpose();
        let mut scope_logs = Vec::new();
        for scope in scopes {
            let mut scope = object(scope, "scopeLogs")?;
            let records = take_array(&mut scope, "logRecords")?;
            let read_scope = scope.remove("scope").map(read).transpose();
            let shared = resource.as_ref().err().or(read_scope.as_ref().err()).cloned();
            let mut log_records = Vec::new();
            for record in records {
                match shared.clone().map_or_else(|| read::<LogRecord>(record), Err) {
                    Ok(record) => log_records.push(record),
                    Err(error) => {
                        decoded.refused += 1;
                        decoded.why = error;
                    }
                }
            }
            let scope = read_scope.unwrap_or_default();
            scope_logs.push(ScopeLogs {
                scope,
                log_records,
                ..ScopeLogs::default()
            });
        }
        let resource = resource.unwrap_or_default();
        decoded.request.resource_logs.push(ResourceLogs {
            resource,
            scope_logs,
            ..ResourceLogs::default()
        });
    }
    Ok(decoded)
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn object(value: Value, name: &str) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(format!("{name}: expected an array of objects")),
    }
}

fn take_array(fields: &mut Map<String, Value>, name: &str) -> Result<Vec<Value>, String> {
    match fields.remove(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) => Ok(values),
        Some(_) => Err(format!("{name}: expected an array")),
    }
}

/// Returns a message with each field in its usual form.
fn normalized(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(normalized).collect(),
        Value::Object(fields) => {
            let present = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                present
                    .map(|(name, value)| field(camel_case(&name), value))
                    .collect(),
            )
        }
        other => other,
    }
}

fn field(name: String, value: Value) -> (String, Value) {
    let value = match (name.as_str(), value) {
        ("doubleValue", Value::String(text)) => {
            match text.parse().ok().and_then(Number::from_f64) {
                Some(number) => number.into(),
                // NaN and the infinities are no JSON numbers.
                None => return ("stringValue".to_owned(), text.into()),
            }
        }
        ("intValue" | "timeUnixNano" | "observedTimeUnixNano", Value::Number(number)) => {
            whole_number(&number).into()
        }
        ("flags" | "droppedAttributesCount", Value::String(text)) => {
            text.parse::<u32>().map_or(Value::String(text), Value::from)
        }
        ("severityNumber", Value::String(text)) => {
            severity_number(&text).map_or(Value::String(text), Value::from)
        }
        ("bytesValue", Value::String(text)) => standard_base64(&text).into(),
        ("arrayValue" | "kvlistValue", Value::Object(list)) if !list.contains_key("values") => {
            serde_json::json!({"values": []})
        }
        (_, other) => normalized(other),
    };
    (name, value)
}

/// Returns a number's digits, also of one that is written like `1e3`.
fn whole_number(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e19 => format!("{float:.0}"),
        _ => number.to_string(),
    }
}

/// Returns the number of `SEVERITY_NUMBER_ERROR2`, or of a number as text.
fn severity_number(text: &str) -> Option<i32> {
    const NAMES: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    let name = text.strip_prefix("SEVERITY_NUMBER_").unwrap_or(text);
    if name == "UNSPECIFIED" {
        return Some(0);
    }
    for (first, known) in (1..).step_by(4).zip(NAMES) {
        match name.strip_prefix(known) {
            Some("") => return Some(first),
            Some(step @ ("2" | "3" | "4")) => return Some(first + step.parse::<i32>().ok()? - 1),
            _ => {}
        }
    }
    text.parse().ok()
}

/// Returns base64 in the standard alphabet with its padding.
fn standard_base64(text: &str) -> String {
    let mut out: String = text
        .trim_end_matches('=')
        .chars()
        .map(|letter| match letter {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    while !out.len().is_multiple_of(4) {
        out.push('=');
    }
    out
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        out.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        out.extend(letters);
    }
    out
}
