//! Puts places of the sources into stacks, as they were recorded with the session (`system.original_places`): a frame
//! at `app.js:1:5210` becomes one at `src/cart.ts:17:3`.

use super::stored::address_in;
use super::{Stored, newest};
use crate::store::{Store, StoreError};
use serde_json::Value;
use std::collections::HashMap;
use tabtape::selector::Selector;

/// The newest events that are read; each has the new places of one document, at most 30.
const MAX_EVENTS: usize = 500;

/// Places of sources by session, document and place of the built code.
#[derive(Debug, Default)]
pub(crate) struct OriginalPlaces {
    places: HashMap<(i64, String), HashMap<String, String>>,
}

impl OriginalPlaces {
    /// Reads the newest places of what `asked` selects.
    pub(crate) async fn read(store: &Store, asked: Option<&Selector>) -> Result<Self, StoreError> {
        let (events, _) = newest(store, "type:system.original_places", asked, MAX_EVENTS).await?;
        Ok(Self::of(&events))
    }

    pub(super) fn of(events: &[Stored]) -> Self {
        let mut all = Self::default();
        for event in events {
            let of_document = all.places.entry(document(event)).or_default();
            for place in event.data()["places"].as_array().into_iter().flatten() {
                let original = &place["original"];
                if let (Some(built), Some(source)) = (address(place, "script"), address(original, "source")) {
                    of_document.insert(built, source);
                }
            }
        }
        all
    }

    /// Replaces the places of the event's stacks that are known.
    pub(crate) fn apply(&self, event: &mut Stored) {
        let Some(places) = self.places.get(&document(event)) else {
            return;
        };
        let Some(data) = event.value.pointer_mut("/event/data") else {
            return;
        };
        for field in ["/stack", "/error/stack"] {
            if let Some(stack) = data.pointer_mut(field) {
                replace(stack, places);
            }
        }
        let arguments = data.get_mut("args").and_then(Value::as_array_mut);
        for stack in arguments
            .into_iter()
            .flatten()
            .filter_map(|argument| argument.get_mut("stack"))
        {
            replace(stack, places);
        }
    }
}

/// Returns the session and the document of an event.
fn document(event: &Stored) -> (i64, String) {
    (
        event.session,
        event.metadata("document_id").unwrap_or_default().to_owned(),
    )
}

/// Returns `file:line:column`, as a stack has it.
fn address(place: &Value, file: &str) -> Option<String> {
    let line = place["line"].as_u64()?;
    let column = place["column"].as_u64()?;
    Some(format!("{}:{line}:{column}", place[file].as_str()?))
}

fn replace(stack: &mut Value, places: &HashMap<String, String>) {
    let Some(text) = stack.as_str() else { return };
    let lines: Vec<String> = text.lines().map(|line| replace_in_line(line, places)).collect();
    *stack = Value::String(lines.join("\n"));
}

fn replace_in_line(line: &str, places: &HashMap<String, String>) -> String {
    let address = address_in(line);
    match places.get(&line[address.clone()]) {
        Some(source) => format!("{}{source}{}", &line[..address.start], &line[address.end..]),
        None => line.to_owned(),
    }
}
