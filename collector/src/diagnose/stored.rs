//! An event as it was read from the store.

use crate::store::PageRecord;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use std::borrow::Cow;
use std::ops::Range;

/// One stored event, with its place in the store.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// The row of its session: the `3` of the handle `s3:1042`.
    pub(crate) session: i64,
    pub(crate) seq: u64,
    pub(crate) position: u64,
    /// The envelope.
    pub(crate) value: Value,
}

impl Stored {
    /// Reads the event of a record; `None` for a gap.
    pub(crate) fn of(record: &PageRecord) -> Option<Self> {
        let value = tabtape::record::stored_line::value(&record.line);
        value.get("event")?;
        Some(Self {
            session: record.session,
            seq: record.first_seq,
            position: record.position,
            value,
        })
    }

    pub(crate) fn event(&self) -> &Value {
        &self.value["event"]
    }

    pub(crate) fn data(&self) -> &Value {
        &self.event()["data"]
    }

    pub(crate) fn type_(&self) -> &str {
        self.event()["type"].as_str().unwrap_or("?")
    }

    pub(crate) fn category(&self) -> &str {
        self.event()["category"].as_str().unwrap_or_default()
    }

    /// Returns Unix microseconds.
    pub(crate) fn ts(&self) -> u64 {
        self.event()["ts"].as_u64().unwrap_or(0)
    }

    pub(crate) fn url(&self) -> &str {
        self.event()["url"].as_str().unwrap_or_default()
    }

    /// Returns a field of the source's metadata.
    pub(crate) fn metadata(&self, name: &str) -> Option<&str> {
        self.event()["source"]["metadata"][name].as_str()
    }

    /// Whether this event has more of another one, which readers show in its place.
    pub(crate) fn is_detail(&self) -> bool {
        crate::render::is_detail(&self.value)
    }

    /// Returns the name by which the `cause_id` of other events refers to this one. See `docs/causes.md`.
    pub(crate) fn name_as_cause(&self) -> Option<&str> {
        let key = match self.type_() {
            "network.request" | "network.call" => "request_id",
            "page.navigation_started" => "navigation_id",
            _ => "interaction_id",
        };
        self.metadata(key)
    }

    pub(crate) fn tab(&self) -> Option<u64> {
        self.metadata("tab_id")?.parse().ok()
    }

    /// Returns the short name of the event, like `s3:1042`.
    pub(crate) fn handle(&self) -> String {
        format!("s{}:{}", self.session, self.seq)
    }

    pub(crate) fn is_failed_request(&self) -> bool {
        self.category() == "network"
            && (self.type_() == "network.failed"
                || self.data()["status"].as_u64().is_some_and(|status| status >= 400))
    }

    /// Returns when the request of a response began, as far as it is known.
    pub(crate) fn request_ts(&self) -> u64 {
        let micros = self.data()["duration_ms"]
            .as_f64()
            .map_or(0, |ms| (ms.max(0.0) * 1_000.0) as u64);
        self.ts().saturating_sub(micros)
    }

    /// Reports whether a person did something that can start work in the page. A scroll is not counted.
    pub(crate) fn is_action(&self) -> bool {
        self.category() == "interaction" && self.type_() != "input.scroll"
    }

    /// Returns the text of a body, decoded if the browser gave it as base64; of a longer one at least `max_bytes` bytes.
    pub(crate) fn body(&self, max_bytes: usize) -> Option<Cow<'_, str>> {
        let body = self.data()["body"].as_str()?;
        if self.data()["body_encoding"] != "base64" {
            return Some(Cow::Borrowed(body));
        }
        // Four characters are three bytes; an incomplete character of UTF-8 at the end is left out.
        let part = &body.as_bytes()[..body.len().min((max_bytes / 3 + 2) * 4)];
        let Ok(mut bytes) = BASE64_STANDARD.decode(part) else {
            return Some(Cow::Borrowed(body));
        };
        if let Err(error) = std::str::from_utf8(&bytes)
            && error.error_len().is_none()
        {
            bytes.truncate(error.valid_up_to());
        }
        let text =
            String::from_utf8(bytes).unwrap_or_else(|_| format!("(binary, {} bytes)", body.len() / 4 * 3));
        Some(Cow::Owned(text))
    }

    /// Returns the text of an error.
    pub(crate) fn message(&self) -> &str {
        ["text", "message", "error"]
            .iter()
            .find_map(|field| self.data()[*field].as_str())
            .unwrap_or_default()
    }

    /// Returns the stack: the event's own, or that of the error it carries.
    pub(crate) fn stack(&self) -> Option<&str> {
        let data = self.data();
        let arguments = data["args"].as_array().into_iter().flatten();
        let of_argument = arguments.filter_map(|argument| argument["stack"].as_str()).next();
        // The error's own stack says where it was made; the event's, where it was printed.
        data["error"]["stack"]
            .as_str()
            .or(of_argument)
            .or_else(|| data["stack"].as_str())
    }

    /// Returns the lines of the stack that are frames.
    pub(crate) fn frames(&self) -> impl Iterator<Item = &str> {
        let lines = self.stack().unwrap_or_default().lines().map(str::trim);
        lines.filter(|line| line.starts_with("at ") || line.contains('@'))
    }

    /// Returns the first frame that is the page's own, else the first.
    pub(crate) fn top_frame(&self) -> Option<&str> {
        self.frames()
            .find(|frame| is_own_frame(frame))
            .or_else(|| self.frames().next())
    }

    /// Returns the file, line and column where an error was thrown, like `checkout.ts:17:3`.
    pub(crate) fn place(&self) -> Option<String> {
        if let Some(frame) = self.top_frame() {
            let address = &frame[address_in(frame)];
            let file = address.rsplit('/').next().unwrap_or(address);
            return Some(file.to_owned());
        }
        let location = &self.data()["location"];
        let file = location["url"].as_str()?.rsplit('/').next()?;
        Some(format!("{file}:{}:{}", location["line"], location["column"]))
    }
}

/// Returns where the address is in a frame. Paths may contain spaces, parentheses and `@`.
///
/// V8 writes `at name (address)`, `at address` and `at name (eval at name (address), address)`; others write
/// `name@address`.
pub(crate) fn address_in(frame: &str) -> Range<usize> {
    let behind = |mark: &str| frame.find(mark).map(|at| at + mark.len());
    if !frame.trim_start().starts_with("at ") {
        return behind("@").unwrap_or(0)..frame.len();
    }
    let without_name = || behind("at async ").or_else(|| behind("at ")).unwrap_or(0)..frame.len();
    let Some(end) = frame.strip_suffix(')').map(str::len) else {
        // The end of a truncated stack lacks its parenthesis.
        let named = behind(" (").filter(|start| frame[*start..].contains("://"));
        return named.map_or_else(without_name, |start| start..frame.len());
    };
    let Some(start) = behind(" (") else {
        return without_name();
    };
    if frame[start..end].starts_with("eval at ") {
        return frame.rfind(' ').map_or(start, |before| before + 1)..end;
    }
    start..end
}

/// Reports whether a frame is neither an extension's nor a library's.
pub(crate) fn is_own_frame(frame: &str) -> bool {
    !frame.contains("-extension://") && !frame.contains("/node_modules/") && !frame.contains("<anonymous>")
}
