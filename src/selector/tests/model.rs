//! A model of the selector in the plainest form: parse the line, compare the fields.

use super::generated::{Spec, What};
use crate::severity::severity;
use serde_json::Value;

/// Whether the line's record fits every spec.
pub(super) fn matches(specs: &[Spec], line: &str) -> bool {
    let envelope: Value = serde_json::from_str(line).unwrap();
    specs
        .iter()
        .all(|spec| fits(&spec.what, &envelope) != spec.negated)
}

fn fits(what: &What, envelope: &Value) -> bool {
    let event = &envelope["event"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (type_, category) = (text(&event["type"]), text(&event["category"]));
    let ts = event["ts"].as_u64().unwrap();
    let url = event["url"].as_str();
    let status = event["data"]["status"]
        .as_u64()
        .filter(|_| category == "network")
        .map(|status| status as u16);
    match what {
        What::Category(names) => names.contains(&category.as_str()),
        What::Type(globs) => globs.iter().any(|pattern| glob(pattern, &type_)),
        What::Kind(kinds) => kinds.iter().any(|kind| event["source"]["kind"] == kind.as_str()),
        What::Detail(least) => {
            text(&event["detail_level"])
                .parse::<crate::levels::DetailLevel>()
                .unwrap()
                >= *least
        }
        What::Severity(least) => severity(&type_, status.unwrap_or(0)) >= *least,
        What::Status(ranges) => status.is_some_and(|status| {
            ranges
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&status))
        }),
        What::Tab(tabs) => tabs
            .iter()
            .any(|tab| event["source"]["metadata"]["tab_id"] == tab.to_string().as_str()),
        What::Site(sites) => {
            url.is_some_and(|url| sites.iter().any(|(host, port)| on_site(url, host, *port)))
        }
        // A pattern that does not say where means anywhere.
        What::Url(globs) => url.is_some_and(|url| {
            globs.iter().any(|pattern| match pattern.contains('*') {
                true => glob(pattern, url),
                false => url.to_ascii_lowercase().contains(&pattern.to_ascii_lowercase()),
            })
        }),
        What::Session(globs) => globs
            .iter()
            .any(|pattern| glob(pattern, &text(&envelope["capture_session_id"]))),
        What::Since(first) => ts >= *first,
        What::Until(last) => ts <= *last,
        What::Text(wanted) => {
            let mut segments = vec![String::new()];
            if !event["data"].is_null() {
                segments_of(&event["data"], &mut segments);
            }
            segments.push(type_);
            segments.extend(url.map(str::to_owned));
            let wanted = wanted.to_lowercase();
            // A `null` as data is text too, and serde_json cannot tell it from none.
            let null_data =
                envelope["event"].get("data").is_some_and(Value::is_null) && "null".contains(&wanted);
            null_data
                || segments
                    .iter()
                    .any(|segment| segment.to_lowercase().contains(&wanted))
        }
    }
}

/// The text of JSON, split at the quotes.
fn segments_of(value: &Value, segments: &mut Vec<String>) {
    let raw = |segments: &mut Vec<String>, text: &str| {
        if let Some(last) = segments.last_mut() {
            last.push_str(text);
        }
    };
    match value {
        Value::String(text) => segments.extend([text.clone(), String::new()]),
        Value::Array(items) => {
            raw(segments, "[");
            for (index, item) in items.iter().enumerate() {
                raw(segments, if index > 0 { "," } else { "" });
                segments_of(item, segments);
            }
            raw(segments, "]");
        }
        Value::Object(fields) => {
            raw(segments, "{");
            for (index, (name, value)) in fields.iter().enumerate() {
                raw(segments, if index > 0 { "," } else { "" });
                segments.extend([name.clone(), String::new()]);
                raw(segments, ":");
                segments_of(value, segments);
            }
            raw(segments, "}");
        }
        other => raw(segments, &other.to_string()),
    }
}

fn glob(pattern: &str, text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let pattern = pattern.to_ascii_lowercase();
    match pattern.split_once('*') {
        None => text == pattern,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| glob(after, &rest[at..]))
        }),
    }
}

fn on_site(url: &str, host: &str, port: Option<u16>) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let (its_host, its_port) = authority
        .split_once(':')
        .unwrap_or((authority, if scheme == "https" { "443" } else { "80" }));
    (its_host == host || its_host.ends_with(&format!(".{host}")))
        && port.is_none_or(|port| port.to_string() == its_port)
}
