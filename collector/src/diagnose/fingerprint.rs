//! Decides which errors are the same.

use serde_json::Value;

/// Returns the type, the message with its varying parts replaced, and the top own frame.
pub(super) fn of(event: &Value) -> String {
    let event = &event["event"];
    let data = &event["data"];
    let address = event["url"].as_str().unwrap_or_default().split(['?', '#']).next().unwrap_or_default();
    let place = if event["category"] == "network" { address } else { frame(event).unwrap_or_default() };
    let text = format!("{} {}", data["method"].as_str().unwrap_or_default(), message(event));
    format!("{} {} {} {}", event["type"], data["status"], general(&text), general(place))
}

/// Returns the text of an error.
pub(super) fn message(event: &Value) -> &str {
    ["text", "message", "error"].iter().find_map(|field| event["data"][*field].as_str()).unwrap_or_default()
}

/// Returns the first frame of the stack that is neither an extension's nor a library's.
pub(super) fn frame(event: &Value) -> Option<&str> {
    let stack = event["data"]["stack"].as_str()?;
    let frames = || stack.lines().map(str::trim).filter(|line| line.starts_with("at ") || line.contains('@'));
    let is_own = |line: &&str| !line.contains("-extension://") && !line.contains("/node_modules/");
    frames().find(is_own).or_else(|| frames().next())
}

/// Reports whether an error rarely matters: extensions, aborted requests, ResizeObserver.
pub(super) fn is_noise(event: &Value) -> bool {
    let event = &event["event"];
    let text = message(event);
    text.contains("ResizeObserver loop")
        || text.contains("ERR_ABORTED")
        || frame(event).is_some_and(|frame| frame.contains("-extension://"))
}

/// Replaces each word that has a digit: numbers, ids, hashes, times.
fn general(text: &str) -> String {
    let is_word = |character: char| character.is_alphanumeric() || character == '-' || character == '_';
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(|character| !is_word(character)) {
        let name = word.trim_end_matches(|character| !is_word(character));
        out.push_str(if name.contains(|character: char| character.is_ascii_digit()) { "#" } else { name });
        out.push_str(&word[name.len()..]);
    }
    out
}
