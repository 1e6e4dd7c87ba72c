//! `event`: one event in full: its fields, its body, its stack with the page's own frames first, and its headers on request.

use super::ToolError;
use super::call::{Answer, Call};
use crate::clock::{now_micros, utc};
use crate::diagnose::{FIELD_BYTES, LEGEND, Stored, field, is_name, is_own_frame, name, time_ago};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt::Write as _;

const MAX_URL_BYTES: usize = 300;
/// A shorter beginning of a field is of no use.
const MIN_FIELD_BYTES: usize = 40;
/// Bytes kept for the line about omissions.
const OMISSION_BYTES: usize = 200;
/// More than the largest budget.
const MAX_BODY_BYTES: usize = 100_000;
const MAX_FRAMES: usize = 12;

impl Call<'_> {
    pub(super) async fn event(&self) -> Result<Answer, ToolError> {
        let stored = self.named_event().await?;
        let with_headers = self.arguments.flag("headers");
        let budget = self.arguments.budget();
        Ok(Answer {
            text: describe(&stored, with_headers, budget, now_micros()),
            structured: self
                .wants_structure()
                .then(|| as_data(&stored, with_headers, budget)),
        })
    }
}

/// Describes an event in at most `bytes` bytes.
pub(super) fn describe(stored: &Stored, with_headers: bool, bytes: usize, now: u64) -> String {
    let mut out = head(stored, now);
    let room = bytes.saturating_sub(OMISSION_BYTES + out.len());
    let (fields, left_out) = fitting(stored, with_headers, room, |name, text| {
        name.len() + text.len() + " \n".len()
    });
    for (name, text) in fields {
        let _ = writeln!(out, "{name} {text}");
    }
    if let Some(named) = left_out {
        let headers = if with_headers { "" } else { ",\"headers\":true" };
        let handle = stored.handle();
        let tokens = bytes / 2;
        let _ = write!(
            out,
            "Left out: {named}; event {{\"event\":\"{handle}\"{headers},\"budget\":{tokens}}}"
        );
    }
    out.trim_end().to_owned()
}

/// Returns an event as JSON of at most `bytes` bytes.
pub(super) fn as_data(stored: &Stored, with_headers: bool, bytes: usize) -> Value {
    let mut out = json!({
        "note": LEGEND,
        "event": stored.handle(),
        "ts": stored.ts(),
        "type": name(stored.type_()),
        "tab": stored.tab(),
        "url": field(stored.url(), MAX_URL_BYTES / 2),
        "truncated": stored.event()["truncated"] == true,
    });
    let as_field = |name: &str, text: &str| json!({"name": name, "text": text});
    let room = bytes.saturating_sub(OMISSION_BYTES + out.to_string().len());
    let (fields, left_out) = fitting(stored, with_headers, room, |name, text| {
        as_field(name, text).to_string().len() + ",".len()
    });
    out["fields"] = fields.iter().map(|(name, text)| as_field(name, text)).collect();
    out["next"] = left_out.as_ref().map_or(
        Value::Null,
        |_| json!({"event": stored.handle(), "headers": true, "budget": bytes / 2}),
    );
    out["left_out"] = left_out.into();
    out
}

/// Returns the fields that fit into `room` bytes, and names the others. `size` is the bytes that a field takes.
fn fitting(
    stored: &Stored,
    with_headers: bool,
    room: usize,
    size: impl Fn(&str, &str) -> usize,
) -> (Vec<(String, String)>, Option<String>) {
    let mut omitted: Vec<String> = Vec::new();
    let mut fields = fields(stored, with_headers, &mut omitted);
    // Short ones first: one long field does not push the others out.
    fields.sort_by_key(|(_, text)| text.len());
    let mut used = 0;
    let mut shown = Vec::new();
    for (name, text) in fields {
        let left = room.saturating_sub(used + size(&name, "") + FIELD_BYTES);
        if left < MIN_FIELD_BYTES && text.len() > left {
            omitted.push(name);
            continue;
        }
        let mut value = field(&text, left);
        // JSON writes quotes and backslashes with two bytes.
        let excess = (used + size(&name, &value)).saturating_sub(room);
        if excess > 0 {
            value = field(&text, value.len().saturating_sub(excess + FIELD_BYTES));
        }
        if text.len() > left || excess > 0 {
            omitted.push(format!("the rest of {name} ({} bytes in all)", text.len()));
        }
        used += size(&name, &value);
        shown.push((name, value));
    }
    let mut named = omitted.join(", ");
    named.truncate(named.floor_char_boundary(OMISSION_BYTES / 2));
    (shown, Some(named).filter(|named| !named.is_empty()))
}

fn head(stored: &Stored, now: u64) -> String {
    let moment = utc(stored.ts());
    let ago = time_ago(now.saturating_sub(stored.ts()));
    let type_ = name(stored.type_());
    let mut out = format!("{} {type_} {moment} ({ago} ago)", stored.handle());
    if let Some(tab) = stored.tab() {
        let _ = write!(out, " tab {tab}");
    }
    if stored.event()["truncated"] == true {
        out.push_str(", truncated by the recorder");
    }
    let _ = write!(out, ". {LEGEND}");
    out.push('\n');
    if !stored.url().is_empty() {
        let _ = writeln!(out, "url {}", field(stored.url(), MAX_URL_BYTES));
    }
    out
}

/// Returns the names and texts of what an event holds.
fn fields(stored: &Stored, with_headers: bool, omitted: &mut Vec<String>) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let stack = stored.stack().map(|_| stack(stored));
    let Value::Object(data) = stored.data() else {
        if !stored.data().is_null() {
            fields.push(("data".to_owned(), text(stored.data())));
        }
        return fields;
    };
    for (name, value) in data {
        let is_empty = value.is_null() || value == "" || value.as_array().is_some_and(Vec::is_empty);
        if is_empty || name == "stack" || name == "body_encoding" {
            continue;
        }
        if name == "headers" && !with_headers {
            omitted.push(format!("{} headers", value.as_array().map_or(0, Vec::len)));
            continue;
        }
        let mut value = value.clone();
        // The stack is shown once, in an order of its own.
        if let Some(error) = value.as_object_mut().filter(|_| name == "error") {
            error.remove("stack");
        }
        let shown = match name.as_str() {
            "headers" => headers(&value),
            "body" => stored
                .body(MAX_BODY_BYTES)
                .map_or_else(|| text(&value), Cow::into_owned),
            // Base64 says nothing to an agent; clients show the resource.
            "image" if stored.type_() == "page.screenshot" => {
                let bytes = text(&value).len();
                format!("{bytes} bytes, read tabtape://screenshot/{}", stored.handle())
            }
            _ => text(&value),
        };
        // A page chooses the names of some fields as well.
        fields.push(if is_name(name) {
            (name.clone(), shown)
        } else {
            ("field".to_owned(), format!("{name}: {shown}"))
        });
    }
    if let Some(stack) = stack {
        fields.push(("stack (own frames first)".to_owned(), stack));
    }
    fields
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn headers(pairs: &Value) -> String {
    let pairs = pairs.as_array().into_iter().flatten();
    pairs
        .map(|pair| format!("{}: {}", text(&pair[0]), text(&pair[1])))
        .collect::<Vec<_>>()
        .join("\n")
}

fn stack(stored: &Stored) -> String {
    let (own, other): (Vec<&str>, Vec<&str>) = stored.frames().partition(|frame| is_own_frame(frame));
    if own.is_empty() && other.is_empty() {
        return stored.stack().unwrap_or_default().to_owned();
    }
    let mut frames: Vec<String> = own
        .iter()
        .take(MAX_FRAMES)
        .map(|frame| (*frame).to_owned())
        .collect();
    if own.len() > MAX_FRAMES {
        frames.push(format!("{} more own frames", own.len() - MAX_FRAMES));
    }
    if !other.is_empty() {
        frames.push(format!(
            "{} frames of libraries, the first {}",
            other.len(),
            other[0]
        ));
    }
    frames.join("\n")
}
