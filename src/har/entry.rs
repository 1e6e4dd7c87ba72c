//! One entry of an archive, from the records of one request.

use crate::selector::iso_millis;
use serde_json::{Value, json};
use std::net::IpAddr;

/// The records of one request and its response; a missing one is null.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    pub(super) request: Value,
    /// The response, the redirect or the failure.
    pub(super) end: Value,
    /// The end of the body of a response that was recorded when it began.
    pub(super) stream_end: Value,
    /// The page's call that made the request.
    pub(super) call: Value,
    /// The page's report of the response's body.
    pub(super) reported_body: Value,
}

impl Exchange {
    pub(super) fn entry(&self) -> Value {
        let asked = &self.request["data"];
        let either = if self.request.is_null() {
            &self.end
        } else {
            &self.request
        };
        let url = either["url"].as_str().unwrap_or_default();
        let (timings, time) = self.timings();
        let mut entry = json!({
            "startedDateTime": iso_millis(self.started_micros()),
            "time": time,
            "request": {
                "method": asked["method"].as_str().or(self.ended("method").as_str()).unwrap_or("GET"),
                "url": url,
                "httpVersion": self.protocol(),
                "cookies": [],
                "headers": headers(&asked["headers"]),
                "queryString": query(url),
                "headersSize": -1,
                "bodySize": asked["body_bytes"].as_i64().unwrap_or(-1),
            },
            "response": self.response(),
            "cache": {},
            "timings": timings,
        });
        self.add_post_data(&mut entry["request"]);
        let ip = self.ended("ip").as_str().unwrap_or_default();
        if let Ok(ip) = ip.trim_matches(['[', ']']).parse::<IpAddr>() {
            entry["serverIPAddress"] = ip.to_string().into();
        }
        if let Some(kind) = self
            .ended("resource_type")
            .as_str()
            .or(asked["resource_type"].as_str())
        {
            entry["_resourceType"] = kind.into();
        }
        if let Some(stack) = self.call["data"]["stack"].as_str() {
            entry["_calledFrom"] = stack.into();
        }
        let mut comments = Vec::new();
        if self.request.is_null() {
            comments.push("the start of the request is not in this export");
        }
        if self.end.is_null() {
            comments.push("no end of the request is in this export");
        } else if self.end["data"]["streaming"] == true && self.stream_end.is_null() {
            comments.push("the end of the body is not in this export");
        }
        add_comment(&mut entry, &comments);
        entry
    }

    /// Returns a field of the end; of a stream, what its own end says first.
    fn ended(&self, field: &str) -> &Value {
        let last = &self.stream_end["data"][field];
        if last.is_null() {
            &self.end["data"][field]
        } else {
            last
        }
    }

    fn started_micros(&self) -> u64 {
        if let Some(ts) = self.request["ts"].as_u64() {
            return ts;
        }
        let duration = self.end["data"]["duration_ms"].as_f64().unwrap_or(0.0).max(0.0);
        self.end["ts"]
            .as_u64()
            .unwrap_or(0)
            .saturating_sub((duration * 1_000.0) as u64)
    }

    /// Returns the protocol: as the browser reports it, else the first word of the status line.
    fn protocol(&self) -> &str {
        let line = self.ended("status_line").as_str().unwrap_or_default();
        let first = line.split(' ').next().unwrap_or_default();
        self.ended("protocol").as_str().unwrap_or(first)
    }

    fn status_text(&self) -> &str {
        let line = self.ended("status_line").as_str().unwrap_or_default();
        let third = line.splitn(3, ' ').nth(2).unwrap_or_default();
        self.ended("status_text").as_str().unwrap_or(third)
    }

    fn response(&self) -> Value {
        let from_cache = self.ended("from_cache") == true;
        let length = self.ended("content_length").as_i64();
        let mut response = json!({
            "status": self.ended("status").as_u64().unwrap_or(0),
            "statusText": self.status_text(),
            "httpVersion": self.protocol(),
            "cookies": [],
            "headers": headers(self.ended("headers")),
            "content": self.content(),
            "redirectURL": self.ended("redirect_url").as_str().unwrap_or_default(),
            "headersSize": -1,
            "bodySize": if from_cache { 0 } else { length.unwrap_or(-1) },
        });
        let named = [
            ("error", "_error"),
            ("cors_error", "_corsError"),
            ("blocked_reason", "_blockedReason"),
            ("transfer_bytes", "_transferSize"),
            ("from_service_worker", "_fetchedViaServiceWorker"),
        ];
        for (field, name) in named {
            let value = self.ended(field);
            if !value.is_null() && *value != false {
                response[name] = value.clone();
            }
        }
        if from_cache {
            response["_fromCache"] = "disk".into();
        }
        response
    }

    fn content(&self) -> Value {
        let reported = &self.reported_body["data"];
        let recorded = self.ended("body").as_str();
        let body = recorded.or_else(|| reported["body"].as_str());
        let mut comments: Vec<String> = Vec::new();
        if recorded.is_some() {
            if let Some(of) = self.ended("body_cut_from").as_u64() {
                comments.push(format!("truncated: the body had {of} characters"));
            }
        } else if body.is_some() {
            comments.push("the body is the page's report of it".to_owned());
            if let Some(why) = reported["body_stopped"].as_str() {
                comments.push(format!("truncated: the report ended early, reason {why:?}"));
            }
        } else if let Some(error) = self.ended("body_error").as_str() {
            comments.push(format!("the body could not be read: {error}"));
        }
        let is_base64 = recorded.is_some() && self.ended("body_encoding") == "base64";
        let is_whole = self.ended("body_cut_from").is_null() && reported["body_stopped"].is_null();
        let size = match body {
            Some(body) if is_whole && is_base64 => Some(base64_length(body)),
            Some(body) if is_whole => i64::try_from(body.len()).ok(),
            _ if self.has_no_body() => Some(0),
            // The header counts the bytes that were sent, which are fewer than the content's if they are compressed.
            _ if self.is_compressed() => None,
            _ => self.ended("content_length").as_i64(),
        };
        if size.is_none() && !self.end.is_null() {
            comments.push("the size is not known".to_owned());
        }
        let type_ = self.ended("content_type").as_str();
        let mut content = json!({
            "size": size.unwrap_or(0),
            "mimeType": type_.or(reported["content_type"].as_str()).unwrap_or("x-unknown"),
        });
        if let Some(body) = body {
            content["text"] = body.into();
        }
        if is_base64 {
            content["encoding"] = "base64".into();
        }
        add_comment(&mut content, &comments);
        content
    }

    fn has_no_body(&self) -> bool {
        let method = self.ended("method").as_str();
        let status = self.ended("status").as_u64().unwrap_or(0);
        method == Some("HEAD") || matches!(status, 204 | 304) || self.end["type"] == "network.redirect"
    }

    fn is_compressed(&self) -> bool {
        header_of(self.ended("headers"), "content-encoding").is_some_and(|coding| coding != "identity")
    }

    fn add_post_data(&self, request: &mut Value) {
        let asked = &self.request["data"];
        // At `standard` only the page's own record has it, if it was asked for.
        let of_page = self.call["data"]["body"].as_str();
        if let Some(body) = asked["body"].as_str().or(of_page) {
            let mime_type = header_of(&asked["headers"], "content-type");
            let mut data = json!({
                "mimeType": mime_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
                "text": body,
            });
            if let Some(of) = asked["body_cut_from"].as_u64() {
                add_comment(&mut data, &[format!("truncated: the body had {of} characters")]);
            }
            request["postData"] = data;
        } else if asked["body_bytes"].as_u64().is_some_and(|bytes| bytes > 0) {
            add_comment(request, &["the body was not recorded"]);
        }
    }

    /// Returns the phases and their sum. Those of CDP's `ResourceTiming` are counted from the moment that the request was
    /// sent; the time before is the phase `blocked`.
    fn timings(&self) -> (Value, f64) {
        let duration = self.ended("duration_ms").as_f64();
        let timing = self.ended("timing");
        let at = |name: &str| timing[name].as_f64().filter(|ms| *ms >= 0.0);
        let between = |from: &str, to: &str| Some((at(to)? - at(from)?).max(0.0));
        let Some(headers_ms) = at("receiveHeadersEnd") else {
            let wait = self
                .ended("ttfb_ms")
                .as_f64()
                .or(duration)
                .unwrap_or(0.0)
                .max(0.0);
            let receive = (duration.unwrap_or(0.0) - wait).max(0.0);
            let timings = json!({"blocked": -1, "dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": millis(wait), "receive": millis(receive)});
            return (timings, millis(wait + receive));
        };
        let (dns, connect) = (
            between("dnsStart", "dnsEnd"),
            between("connectStart", "connectEnd"),
        );
        let send = between("sendStart", "sendEnd").unwrap_or(0.0);
        let wait = (headers_ms - at("sendEnd").unwrap_or(0.0)).max(0.0);
        let receive = (duration.unwrap_or(0.0) - headers_ms).max(0.0);
        let known = dns.unwrap_or(0.0) + connect.unwrap_or(0.0) + send + wait + receive;
        let blocked = (duration.unwrap_or(0.0) - known).max(0.0);
        let or_unknown = |ms: Option<f64>| ms.map_or(-1.0, millis);
        // The time of TLS is part of the time of the connection.
        let timings = json!({
            "blocked": millis(blocked),
            "dns": or_unknown(dns),
            "connect": or_unknown(connect),
            "ssl": or_unknown(between("sslStart", "sslEnd")),
            "send": millis(send),
            "wait": millis(wait),
            "receive": millis(receive),
        });
        (timings, millis(known + blocked))
    }
}

/// Rounds to a microsecond.
fn millis(ms: f64) -> f64 {
    (ms * 1_000.0).round() / 1_000.0
}

fn add_comment<T: AsRef<str>>(object: &mut Value, comments: &[T]) {
    if !comments.is_empty() {
        let comments: Vec<&str> = comments.iter().map(AsRef::as_ref).collect();
        object["comment"] = comments.join("; ").into();
    }
}

/// Returns the bytes of base64 text.
fn base64_length(text: &str) -> i64 {
    let digits = text.trim_end_matches('=').len();
    i64::try_from(digits * 3 / 4).unwrap_or(0)
}

/// Returns headers as pairs: the recorder writes pairs, other producers an object.
fn pairs(headers: &Value) -> Vec<(&str, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match headers {
        Value::Array(pairs) => pairs
            .iter()
            .filter_map(|pair| Some((pair[0].as_str()?, pair[1].as_str().unwrap_or_default().to_owned())))
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.as_str(), text(value)))
            .collect(),
        _ => Vec::new(),
    }
}

fn headers(value: &Value) -> Value {
    pairs(value)
        .into_iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect()
}

fn header_of(value: &Value, wanted: &str) -> Option<String> {
    let mut found = pairs(value).into_iter();
    found
        .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value)
}

fn query(url: &str) -> Value {
    let before_fragment = url.split('#').next().unwrap_or_default();
    let query = before_fragment.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect()
}
