//! Network events as an HTTP archive, version 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>).
//!
//! A request and what became of it are one entry, found by session and `request_id`. What was not recorded
//! is −1 or empty, as the format asks.

use crate::stored_line;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Names of response types follow each other; a redirect ends an entry and begins the next.
pub(super) fn archive(lines: &[&str]) -> Value {
    let mut entries: Vec<Entry> = Vec::new();
    let mut open: HashMap<String, usize> = HashMap::new();
    let events = lines.iter().map(|line| stored_line::value(line.as_bytes()));
    for record in events.filter(|record| record["event"]["category"] == "network") {
        let event = &record["event"];
        let Some(id) = event["source"]["metadata"]["request_id"].as_str() else {
            continue;
        };
        let id = format!("{} {id}", record["capture_session_id"]);
        match event["type"].as_str().unwrap_or_default() {
            "network.request" => {
                open.insert(id, entries.len());
                entries.push(Entry {
                    request: Some(event.clone()),
                    end: None,
                });
            }
            "network.response" | "network.redirect" | "network.failed" => {
                let at = open.remove(&id).unwrap_or_else(|| {
                    entries.push(Entry {
                        request: None,
                        end: None,
                    });
                    entries.len() - 1
                });
                entries[at].end = Some(event.clone());
            }
            _ => {}
        }
    }
    json!({"log": {
        "version": "1.2",
        "creator": {"name": "tabtape", "version": env!("CARGO_PKG_VERSION")},
        "entries": entries.iter().map(Entry::har).collect::<Vec<_>>(),
    }})
}

struct Entry {
    request: Option<Value>,
    end: Option<Value>,
}

impl Entry {
    fn har(&self) -> Value {
        let nothing = Value::Null;
        let either = self.request.as_ref().or(self.end.as_ref()).unwrap_or(&nothing);
        let asked = self.request.as_ref().map_or(&nothing, |event| &event["data"]);
        let end = self.end.as_ref().map_or(&nothing, |event| &event["data"]);
        let duration = end["duration_ms"].as_f64().unwrap_or(-1.0);
        let wait = end["ttfb_ms"].as_f64().unwrap_or(duration);
        let receive = if duration >= wait && wait >= 0.0 {
            duration - wait
        } else {
            -1.0
        };
        let status_line = end["status_line"].as_str().unwrap_or_default();
        let mut protocol_and_text = status_line.splitn(3, ' ');
        let protocol = protocol_and_text.next().unwrap_or_default();
        let size = end["content_length"].as_i64().unwrap_or(-1);
        let mut entry = json!({
            "startedDateTime": iso(either["ts"].as_u64().unwrap_or(0)),
            "time": duration.max(0.0),
            "request": {
                "method": asked["method"].as_str().or(end["method"].as_str()).unwrap_or("GET"),
                "url": either["url"].as_str().unwrap_or_default(),
                "httpVersion": protocol,
                "cookies": [],
                "headers": headers(&asked["headers"]),
                "queryString": query(either["url"].as_str().unwrap_or_default()),
                "headersSize": -1,
                "bodySize": asked["body_bytes"].as_i64().unwrap_or(-1),
            },
            "response": {
                "status": end["status"].as_u64().unwrap_or(0),
                "statusText": protocol_and_text.nth(1).unwrap_or_default(),
                "httpVersion": protocol,
                "cookies": [],
                "headers": headers(&end["headers"]),
                "content": {"size": size.max(0), "mimeType": end["content_type"].as_str().unwrap_or("x-unknown")},
                "redirectURL": end["redirect_url"].as_str().unwrap_or_default(),
                "headersSize": -1,
                "bodySize": size,
            },
            "cache": {},
            "timings": {"send": 0, "wait": wait.max(0.0), "receive": receive.max(0.0)},
        });
        if let Some(error) = end["error"].as_str() {
            entry["response"]["_error"] = error.into();
        }
        if let Some(body) = asked["body"].as_str() {
            entry["request"]["postData"] = json!({"mimeType": "", "text": body, "params": []});
        }
        if let Some(body) = end["body"].as_str() {
            entry["response"]["content"]["text"] = body.into();
            if end["body_encoding"] == "base64" {
                entry["response"]["content"]["encoding"] = "base64".into();
            }
        }
        if let Some(ip) = end["ip"].as_str() {
            entry["serverIPAddress"] = ip.into();
        }
        entry
    }
}

fn headers(pairs: &Value) -> Value {
    pairs
        .as_array()
        .into_iter()
        .flatten()
        .map(|pair| json!({"name": pair[0], "value": pair[1]}))
        .collect()
}

fn query(url: &str) -> Value {
    let Some((_, query)) = url.split_once('?') else {
        return json!([]);
    };
    let query = query.split('#').next().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect()
}

fn iso(ts_micros: u64) -> String {
    let moment = i64::try_from(ts_micros)
        .ok()
        .and_then(chrono::DateTime::from_timestamp_micros);
    moment
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::archive;

    fn line(type_: &str, data: &str) -> String {
        format!(
            r#"{{"capture_session_id":"s","seq":1,"event":{{"ts":1764000000000000,"type":"network.{type_}","category":"network","source":{{"kind":"extension","metadata":{{"request_id":"9"}}}},"url":"https://a.b/x?q=1%202","data":{data}}}}}"#
        )
    }

    #[test]
    fn a_record_that_serde_refuses_is_an_entry() {
        let deep = format!("{}1{}", "[".repeat(127), "]".repeat(127));
        for odd in [r#""cut \ud83d""#, "1e400", &deep] {
            let line = line("response", &format!(r#"{{"status":200,"odd":{odd}}}"#));
            let archive = archive(&[&line]);
            assert_eq!(archive["log"]["entries"][0]["response"]["status"], 200, "{line}");
        }
    }

    #[test]
    fn a_redirect_ends_an_entry_and_what_is_unknown_is_minus_one() {
        let lines = [
            line(
                "request",
                r#"{"method":"POST","headers":[["a","1"],["a","2"]],"body":"x"}"#,
            ),
            line(
                "redirect",
                r#"{"method":"POST","status":302,"redirect_url":"/y"}"#,
            ),
            line("request", r#"{"method":"GET"}"#),
            line(
                "response",
                r#"{"status":200,"status_line":"HTTP/1.1 200 OK","duration_ms":12.5,"ttfb_ms":10}"#,
            ),
            line("failed", r#"{"method":"GET","error":"net::ERR_FAILED"}"#),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let archive = archive(&lines);
        let entries = archive["log"]["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[0]["response"]["redirectURL"], "/y");
        assert_eq!(entries[0]["request"]["headers"][1]["value"], "2");
        assert_eq!(entries[0]["request"]["queryString"][0]["value"], "1 2");
        assert_eq!(
            (&entries[1]["response"]["statusText"], &entries[1]["time"]),
            (&"OK".into(), &12.5.into())
        );
        assert_eq!(entries[1]["timings"]["receive"], 2.5);
        assert_eq!(
            (
                &entries[2]["response"]["status"],
                &entries[2]["response"]["bodySize"]
            ),
            (&0.into(), &(-1).into())
        );
    }
}
