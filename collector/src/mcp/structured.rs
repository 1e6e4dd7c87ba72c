//! Answers as data, next to the text, for a client that asks with `"_meta": {"tabtape/structured": true}`.
//!
//! As the text they keep to the budget, and text of pages is in delimited fields: a client may show them to its
//! agent as they are.

use super::list::Item;
use crate::diagnose::{self, Diagnosis, LEGEND, NewSince, Stored};
use serde_json::{Value, json};

/// The field of `_meta` by which a client asks.
pub(super) const META_KEY: &str = "tabtape/structured";
/// Captured text of an event.
pub(super) const TEXT_BYTES: usize = 160;
/// Room for the cursor and the count of what is left out.
const END_BYTES: usize = 120;

/// Returns the problems of a diagnosis.
pub(super) fn of_diagnosis(diagnosis: &Diagnosis, bytes: usize) -> Value {
    let problems = diagnosis.problems.iter().map(|problem| {
        let events = problem.chain.iter().chain([&problem.newest]);
        json!({
            "count": problem.count,
            "first_ts": problem.first_ts,
            "last_ts": problem.last_ts,
            "new_since": problem.new_since.map(NewSince::as_str),
            "is_noise": problem.is_noise,
            "events": events.map(|stored| event(stored, TEXT_BYTES)).collect::<Vec<_>>(),
        })
    });
    let watched = diagnosis.watched.first();
    let head = json!({"note": LEGEND, "errors": diagnosis.errors, "watched": watched});
    bounded(head, "problems", problems, bytes).0
}

/// Returns events and gaps, and how many of them fit. `next` makes the arguments that continue after a position; `end` is where the list ends if
/// all of it fits, `None` if nothing follows.
pub(super) fn of_list(
    items: &[&Item],
    bytes: usize,
    end: Option<u64>,
    next: impl Fn(u64) -> Value,
) -> (Value, usize) {
    let values = items.iter().map(|item| match item {
        Item::Event(stored) => event(stored, TEXT_BYTES),
        Item::Gap(text, _) => json!({"gap": text}),
    });
    let (mut list, shown) = bounded(json!({"note": LEGEND}), "events", values, bytes);
    let position = match items.get(shown) {
        Some(_) => shown
            .checked_sub(1)
            .and_then(|last| items.get(last))
            .map(|item| item.position()),
        None => end,
    };
    list["next"] = position.map_or(Value::Null, next);
    (list, shown)
}

/// Returns an event with at most `text_bytes` bytes of captured text.
pub(super) fn event(stored: &Stored, text_bytes: usize) -> Value {
    json!({
        "event": stored.handle(),
        "ts": stored.ts(),
        "type": diagnose::name(stored.type_()),
        "tab": stored.tab(),
        "text": diagnose::phrase(stored, "", text_bytes),
    })
}

/// Adds as many of `values` to `head` as fit; returns how many.
pub(super) fn bounded(
    mut head: Value,
    key: &str,
    values: impl ExactSizeIterator<Item = Value>,
    bytes: usize,
) -> (Value, usize) {
    let all = values.len();
    let mut used = head.to_string().len() + key.len() + END_BYTES;
    let shown: Vec<Value> = values
        .take_while(|value| {
            used += value.to_string().len() + ",".len();
            used <= bytes
        })
        .collect();
    let count = shown.len();
    head["left_out"] = (all - count).into();
    head[key] = shown.into();
    (head, count)
}
