//! Maps stored records to OpenTelemetry log records.
//!
//! | ours | OpenTelemetry |
//! |---|---|
//! | type | `EventName`: `browser.console`, `browser.navigation`, `browser.web_vital`, else the type; always `tabtape.type` |
//! | severity | `SeverityNumber` 5, 9, 13, 17 |
//! | `capture_session_id`, seq | `session.id`, `tabtape.seq`: together they name a record, also when it is sent twice |
//! | url | `url.full` |
//! | `data.method`, `data.status` of network | `http.request.method`, `http.response.status_code` |
//! | uncaught errors | `exception.type`, `exception.message`, `exception.stacktrace` |
//! | `source.metadata.x` | `tabtape.x` |
//! | data | the body: its text where there is one, else all of it; all of it is `tabtape.data` |
//! | a gap | WARN `tabtape.gap` |
//! | a part that OpenTelemetry cannot hold: a lone surrogate, a number beyond `f64`, a value nested deeper than [`MAX_NESTING`] | U+FFFD, or its text; `tabtape.altered` is true |
//! | a line that is no record | [`UNREADABLE`], its text as the body |
//!
//! Every line becomes one log record, so that what was stored and what was sent can be counted against each other.

use super::attributes::{MAX_NESTING, any, flag, int, of_json, text, text_in};
use crate::clock::now_micros;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use serde_json::Value;
use tabtape::levels::Severity;
use tabtape::record::stored_line::{self, StoredLine};

/// Name of a line that is forwarded as its text.
pub(super) const UNREADABLE: &str = "tabtape.unreadable";
/// The attribute of a record with a part that is written in another way.
pub(super) const ALTERED: &str = "tabtape.altered";

/// Returns a line as a log record.
pub(super) fn log_record(line: &[u8]) -> LogRecord {
    let read = stored_line::read(line).ok();
    read.and_then(of_stored)
        .unwrap_or_else(|| warning(UNREADABLE, String::from_utf8_lossy(line).into_owned()))
}

fn warning(event_name: &str, text: String) -> LogRecord {
    LogRecord {
        observed_time_unix_nano: now_micros() * 1000,
        severity_number: number_of(Severity::Warn),
        severity_text: "WARN".into(),
        body: Some(any(Any::StringValue(text))),
        event_name: event_name.into(),
        ..LogRecord::default()
    }
}

/// Returns the log record of an event or a gap; `None` if it is neither.
fn of_stored(
    StoredLine {
        value: record,
        mut altered,
    }: StoredLine,
) -> Option<LogRecord> {
    let session = record["capture_session_id"].as_str().unwrap_or_default();
    if let Some(gap) = record.get("gap") {
        let (first, last) = (gap["first_seq"].as_u64()?, gap["last_seq"].as_u64()?);
        let mut out = gap_record(
            last.checked_sub(first).map(|more| more + 1),
            gap["reason"].as_str().unwrap_or("?"),
        );
        out.time_unix_nano = now_micros() * 1000;
        out.attributes.extend([
            text("session.id", session),
            int("tabtape.gap.first_seq", first),
            int("tabtape.gap.last_seq", last),
            text("tabtape.category", gap["category"].as_str().unwrap_or("?")),
        ]);
        return Some(out);
    }
    let event = &record["event"];
    let (type_, data) = (event["type"].as_str()?, &event["data"]);
    let graded = crate::render::severity_of(&record);
    let mut attributes = vec![
        text("session.id", session),
        int("tabtape.seq", record["seq"].as_u64().unwrap_or(0)),
        text("tabtape.type", type_),
        text("tabtape.category", event["category"].as_str().unwrap_or("?")),
        text(
            "tabtape.detail_level",
            event["detail_level"].as_str().unwrap_or("standard"),
        ),
        text(
            "tabtape.source.kind",
            event["source"]["kind"].as_str().unwrap_or("?"),
        ),
    ];
    attributes.extend(text_in("tabtape.source.event", &event["source"]["event"]));
    for (name, value) in event["source"]["metadata"].as_object().into_iter().flatten() {
        attributes.push(text(
            &format!("tabtape.{name}"),
            value.as_str().unwrap_or_default(),
        ));
    }
    attributes.extend(text_in("url.full", &event["url"]));
    if event["truncated"] == true {
        attributes.push(flag("tabtape.truncated"));
    }
    if event["category"] == "network" {
        attributes.extend(text_in("http.request.method", &data["method"]));
        let status = data["status"]
            .as_u64()
            .filter(|status| (1..=0xffff).contains(status));
        attributes.extend(status.map(|status| int("http.response.status_code", status)));
    }
    if matches!(type_, "console.exception" | "console.rejection") {
        attributes.extend(exception_attributes(data));
    }
    if !data.is_null() {
        attributes.push(KeyValue {
            key: "tabtape.data".into(),
            value: Some(of_json(data, MAX_NESTING, &mut altered)),
            ..KeyValue::default()
        });
    }
    let body = match data["text"].as_str().or_else(|| data["message"].as_str()) {
        Some(message) => Some(any(Any::StringValue(message.to_owned()))),
        None => (!data.is_null()).then(|| of_json(data, MAX_NESTING, &mut altered)),
    };
    if altered {
        attributes.push(flag(ALTERED));
    }
    Some(LogRecord {
        time_unix_nano: event["ts"].as_u64().unwrap_or(0).saturating_mul(1000),
        observed_time_unix_nano: now_micros() * 1000,
        severity_number: number_of(graded),
        severity_text: graded.as_str().to_uppercase(),
        body,
        attributes,
        event_name: event_name(type_).to_owned(),
        ..LogRecord::default()
    })
}

fn event_name(type_: &str) -> &str {
    match type_ {
        "page.lcp" | "page.layout_shift" | "page.inp" => "browser.web_vital",
        _ if type_.starts_with("console.") => "browser.console",
        _ if type_.starts_with("page.navigation_") => "browser.navigation",
        other => other,
    }
}

/// Returns type, message and stack of an error that the page or a worker reports.
pub(super) fn exception_attributes(data: &Value) -> Vec<KeyValue> {
    // The preview of the thrown value; workers report text and stack only.
    let error = &data["error"];
    let field = |thrown: &str, of_data: &str| error[thrown].as_str().or_else(|| data[of_data].as_str());
    let known = [
        ("exception.message", field("message", "text")),
        ("exception.type", error["$"].as_str()),
        ("exception.stacktrace", field("stack", "stack")),
    ];
    known
        .into_iter()
        .filter_map(|(key, value)| Some(text(key, value?)))
        .collect()
}

pub(super) fn gap_record(count: Option<u64>, reason: &str) -> LogRecord {
    let missing = format!("{} records are missing: {reason}", count.unwrap_or(0));
    let mut record = warning("tabtape.gap", missing);
    record.attributes.push(text("tabtape.gap.reason", reason));
    record
        .attributes
        .extend(count.map(|count| int("tabtape.gap.count", count)));
    record
}

const fn number_of(severity: Severity) -> i32 {
    match severity {
        Severity::Debug => 5,
        Severity::Info => 9,
        Severity::Warn => 13,
        Severity::Error => 17,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::logs::{Changed, changed, request};
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use proptest::prelude::{
        Just, Strategy, any as any_number, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
    };
    use prost::Message as _;

    fn attribute(record: &LogRecord, key: &str) -> Option<Any> {
        record
            .attributes
            .iter()
            .find(|attribute| attribute.key == key)?
            .value
            .clone()?
            .value
    }

    #[test]
    fn an_event_keeps_its_identity_severity_and_conventional_names() {
        let line = br#"{"capture_session_id":"s","seq":7,"event":{"ts":5,"type":"network.response","category":"network","source":{"kind":"extension","metadata":{"tab_id":"3"}},"url":"https://a.b/","data":{"method":"GET","status":404}}}"#;
        let record = log_record(line);
        assert_eq!(
            (
                record.event_name.as_str(),
                record.severity_number,
                record.time_unix_nano
            ),
            ("network.response", 17, 5000)
        );
        assert_eq!(
            attribute(&record, "session.id"),
            Some(Any::StringValue("s".into()))
        );
        assert_eq!(attribute(&record, "tabtape.seq"), Some(Any::IntValue(7)));
        assert_eq!(
            attribute(&record, "tabtape.tab_id"),
            Some(Any::StringValue("3".into()))
        );
        assert_eq!(
            attribute(&record, "url.full"),
            Some(Any::StringValue("https://a.b/".into()))
        );
        assert_eq!(
            attribute(&record, "http.request.method"),
            Some(Any::StringValue("GET".into()))
        );
        assert_eq!(
            attribute(&record, "http.response.status_code"),
            Some(Any::IntValue(404))
        );
    }

    fn of_type(type_: &str, data: &str) -> LogRecord {
        let line = format!(
            r#"{{"capture_session_id":"s","seq":1,"event":{{"ts":5,"type":"{type_}","category":"x","source":{{"kind":"extension"}},"data":{data}}}}}"#
        );
        log_record(line.as_bytes())
    }

    #[test]
    fn events_have_the_names_of_the_conventions_where_there_are_some() {
        for (type_, name) in [
            ("console.warn", "browser.console"),
            ("page.navigation_committed", "browser.navigation"),
            ("page.lcp", "browser.web_vital"),
            ("page.inp", "browser.web_vital"),
            ("page.layout_shift", "browser.web_vital"),
            ("page.visibility", "page.visibility"),
            ("input.click", "input.click"),
        ] {
            assert_eq!(of_type(type_, "{}").event_name, name, "{type_}");
        }
    }

    #[test]
    fn an_uncaught_error_is_an_exception_and_a_gap_a_warning() {
        let says = |record: &LogRecord| {
            ["type", "message", "stacktrace"].map(|field| {
                match attribute(record, &format!("exception.{field}")) {
                    Some(Any::StringValue(text)) => text,
                    _ => "-".into(),
                }
            })
        };
        // As pages tell it, as workers do, and a rejection with what is no error.
        let page = r#"{"text":"Uncaught x","location":{"line":1},"error":{"$":"TypeError","message":"x","stack":"TypeError: x\n at a"}}"#;
        assert_eq!(
            says(&of_type("console.exception", page)),
            ["TypeError", "x", "TypeError: x\n at a"]
        );
        let worker = r#"{"text":"x is not defined","stack":"at a"}"#;
        assert_eq!(
            says(&of_type("console.exception", worker)),
            ["-", "x is not defined", "at a"]
        );
        assert_eq!(
            says(&of_type("console.rejection", r#"{"text":"no","error":"no"}"#)),
            ["-", "no", "-"]
        );
        assert_eq!(
            says(&of_type("console.error", page)),
            ["-"; 3],
            "only uncaught errors"
        );
        let gap = log_record(br#"{"capture_session_id":"s","gap":{"first_seq":3,"last_seq":9,"category":"console","reason":"quota"}}"#);
        assert_eq!(
            (gap.event_name.as_str(), gap.severity_number),
            ("tabtape.gap", 13)
        );
        assert_eq!(attribute(&gap, "tabtape.gap.count"), Some(Any::IntValue(7)));
    }

    fn json_text() -> impl Strategy<Value = String> {
        let string = prop_oneof![
            Just(r#""cut \ud83d""#.to_owned()),
            Just(r#""\udc00\u0000é""#.to_owned()),
            "[a-z \\u{1f600}]{0,8}".prop_map(|text| Value::String(text).to_string()),
        ];
        let leaf = prop_oneof![
            string.clone(),
            Just("1e400".to_owned()),
            Just("-0".to_owned()),
            Just("123456789012345678901234567890".to_owned()),
            any_number::<i64>().prop_map(|number| number.to_string()),
            any_number::<f64>().prop_filter_map("finite", |number| Some(
                serde_json::Number::from_f64(number)?.to_string()
            )),
            Just("null".to_owned()),
            Just("true".to_owned()),
        ];
        let tree = leaf.prop_recursive(5, 40, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|values| format!("[{}]", values.join(","))),
                prop::collection::vec((string.clone(), inner), 0..4).prop_map(|fields| {
                    let fields: Vec<String> = fields
                        .iter()
                        .map(|(key, value)| format!("{key}:{value}"))
                        .collect();
                    format!("{{{}}}", fields.join(","))
                }),
            ]
        });
        (tree, 0..=123_usize, any_number::<bool>()).prop_map(|(tree, depth, objects)| {
            let (open, close) = if objects { ("{\"a\":", "}") } else { ("[", "]") };
            format!("{}{tree}{}", open.repeat(depth), close.repeat(depth))
        })
    }

    proptest! {
        /// Whatever the gate lets in arrives as one log record in each encoding, with its data or its text.
        #[test]
        fn every_line_that_is_stored_is_one_log_record(data in json_text(), category in "console|network|app") {
            let session = "0193b3a0-7c1e-7000-8000-0123456789ab";
            let line = format!(
                r#"{{"capture_session_id":"{session}","seq":7,"event":{{"ts":5,"type":"{category}.x","category":"{category}","detail_level":"standard","source":{{"kind":"extension"}},"url":"https://a.b/\ud800","data":{data}}}}}"#
            );
            prop_assert!(tabtape::parse_line(line.as_bytes()).is_ok(), "{}", line);
            let request = request([line.as_bytes()]);
            let decoded = ExportLogsServiceRequest::decode(&request.encode_to_vec()[..]).unwrap();
            let text = serde_json::to_string(&request).unwrap();
            let of_json: ExportLogsServiceRequest = serde_json::from_str(&text).unwrap();
            for request in [&decoded, &of_json] {
                let records = &request.resource_logs[0].scope_logs[0].log_records;
                prop_assert_eq!(records.len(), 1);
                prop_assert_eq!(attribute(&records[0], "session.id"), Some(Any::StringValue(session.into())));
                prop_assert_eq!(attribute(&records[0], "tabtape.seq"), Some(Any::IntValue(7)));
                prop_assert_eq!(attribute(&records[0], "tabtape.altered"), Some(Any::BoolValue(true)));
                let has_data = attribute(&records[0], "tabtape.data").is_some();
                prop_assert_eq!(has_data, data != "null");
            }
        }
    }

    #[test]
    fn a_line_that_is_no_record_is_sent_as_its_text() {
        for line in [&b"{\"a\":"[..], b"{}", b"\xff"] {
            let record = log_record(line);
            assert_eq!(record.event_name, UNREADABLE);
            assert_eq!(
                changed(&request([line])),
                Changed {
                    altered: 0,
                    unreadable: 1
                }
            );
            assert_eq!(
                record.body,
                Some(any(Any::StringValue(String::from_utf8_lossy(line).into_owned())))
            );
        }
    }
}
