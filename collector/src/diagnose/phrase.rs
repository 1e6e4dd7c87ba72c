//! One event in a few words: `click ⟦button#pay "Pay now"⟧`, `response ⟦POST /api/cart 500 {"error":"timeout"}⟧`.

use super::stored::Stored;
use super::untrusted;
use std::collections::BTreeMap;

/// Bytes of a URL in a phrase.
const MAX_URL_BYTES: usize = 120;
/// Bytes of a body that a phrase may show.
const MAX_BODY_BYTES: usize = 1_000;
/// Fields that a person reads first, of events that have no phrase of their own.
const FIELDS: [&str; 16] = [
    "text", "message", "note", "error", "selector", "label", "method", "status", "directive", "blocked_url",
    "element", "reason", "transition", "title", "name", "value",
];

/// Describes an event. Addresses at `origin` are shown without it; captured text has at most `max_bytes` bytes.
pub(crate) fn phrase(stored: &Stored, origin: &str, max_bytes: usize) -> String {
    format!(
        "{} {}",
        word(stored),
        untrusted::field(&content(stored, origin), max_bytes)
    )
}

/// Returns what happened, in a word.
fn word(stored: &Stored) -> String {
    match stored.type_() {
        "console.exception" => "exception".to_owned(),
        "console.rejection" => "rejection".to_owned(),
        type_ => {
            let short = type_
                .strip_prefix("input.")
                .or_else(|| type_.strip_prefix("network."))
                .filter(|_| matches!(stored.category(), "interaction" | "network"));
            untrusted::name(short.unwrap_or(type_))
        }
    }
}

/// Returns the captured text of a phrase, of any length.
pub(crate) fn content(stored: &Stored, origin: &str) -> String {
    match stored.category() {
        "network" => request(stored, origin),
        "interaction" => interaction(stored),
        "console" => console(stored),
        "page" if stored.type_() == "page.csp_violation" => violation(stored, origin),
        _ => other(stored, origin),
    }
}

fn request(stored: &Stored, origin: &str) -> String {
    let data = stored.data();
    let mut words = vec![
        data["method"].as_str().unwrap_or("GET").to_owned(),
        address(stored.url(), origin),
    ];
    words.extend(data["status"].as_u64().map(|status| status.to_string()));
    for field in ["error", "error_text", "blocked_reason"] {
        words.extend(data[field].as_str().map(ToOwned::to_owned));
    }
    words.extend(data["cors_error"].as_str().map(|error| format!("CORS {error}")));
    words.extend(
        data["redirect_url"]
            .as_str()
            .map(|to| format!("→ {}", address(to, origin))),
    );
    words.extend(stored.body(MAX_BODY_BYTES).map(std::borrow::Cow::into_owned));
    words.join(" ")
}

fn interaction(stored: &Stored) -> String {
    let data = stored.data();
    let mut words: Vec<String> = Vec::new();
    words.extend(data["selector"].as_str().map(ToOwned::to_owned));
    words.extend(
        data["label"]
            .as_str()
            .filter(|label| !label.is_empty())
            .map(|label| format!("{label:?}")),
    );
    for field in ["key", "field_type"] {
        words.extend(data[field].as_str().map(ToOwned::to_owned));
    }
    words.join(" ")
}

/// Returns what a Content Security Policy has blocked, and that it was the policy and not the network.
fn violation(stored: &Stored, origin: &str) -> String {
    let data = stored.data();
    let directive = data["directive"].as_str().unwrap_or("the policy");
    let verb = if data["disposition"] == "report" {
        "reports"
    } else {
        "blocks"
    };
    let blocked = data["blocked_url"].as_str().unwrap_or_default();
    format!("{directive} {verb} {}", address(blocked, origin))
}

fn console(stored: &Stored) -> String {
    let message = stored.message();
    let essence = mismatch(message);
    let message = essence.as_deref().unwrap_or(message);
    let place = (crate::diagnose::severity(stored) >= tabtape::levels::Severity::Warn)
        .then(|| stored.place())
        .flatten();
    match place {
        // The message of an error that was printed holds its stack already.
        Some(place) => format!("{} at {place}", message.lines().next().unwrap_or_default()),
        None => message.to_owned(),
    }
}

/// Elements around the difference that are shown.
const MISMATCH_ELEMENTS: usize = 3;

/// Returns what differs in an error of React's hydration. It is the end of a long message: a tree of elements, in which
/// `+` is what the client rendered and `-` what the server had sent.
fn mismatch(message: &str) -> Option<String> {
    let (advice, tree) = message.split_once("react.dev/link/hydration-mismatch")?;
    let lines: Vec<String> = tree
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let differs = |line: &&String| line.starts_with('+') || line.starts_with('-');
    let first = lines.iter().position(|line| differs(&line))?;
    let differences: Vec<&str> = lines.iter().filter(differs).map(String::as_str).collect();
    let elements: Vec<&str> = lines[..first]
        .iter()
        .filter(|line| line.starts_with('<'))
        .map(String::as_str)
        .collect();
    let nearest = &elements[elements.len().saturating_sub(MISMATCH_ELEMENTS)..];
    let sentence = advice.split(". ").next().unwrap_or(advice);
    let sentence = sentence.lines().next().unwrap_or_default();
    Some(format!(
        "{sentence}: {} in {}",
        differences.join(" "),
        nearest.join(" ")
    ))
}

fn other(stored: &Stored, origin: &str) -> String {
    let data = stored.data();
    let mut words: Vec<String> = Vec::new();
    for field in FIELDS {
        match &data[field] {
            serde_json::Value::String(text) => words.push(text.clone()),
            serde_json::Value::Number(number) => words.push(number.to_string()),
            _ => {}
        }
    }
    let url = data["url"].as_str().unwrap_or_else(|| stored.url());
    if !url.is_empty() {
        words.push(address(url, origin));
    }
    if words.is_empty() && !data.is_null() {
        data.to_string()
    } else {
        words.join(" ")
    }
}

/// Returns a URL without `origin` and without its fragment, of bounded length.
fn address(url: &str, origin: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let rest = if origin.is_empty() {
        None
    } else {
        url.strip_prefix(origin)
    };
    let url = rest.filter(|rest| rest.starts_with('/')).unwrap_or(url);
    if url.len() <= MAX_URL_BYTES {
        return url.to_owned();
    }
    format!("{}…", &url[..url.floor_char_boundary(MAX_URL_BYTES)])
}

/// Returns the scheme, host and port of an address.
pub(crate) fn origin_of(url: &str) -> &str {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "";
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    &url[..scheme.len() + "://".len() + host.len()]
}

/// Returns the origin that most of `urls` have; empty if none has one.
pub(crate) fn common_origin<'a>(urls: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for url in urls {
        *counts.entry(origin_of(url)).or_default() += 1;
    }
    counts.remove("");
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(origin, _)| origin.to_owned()).unwrap_or_default()
}
