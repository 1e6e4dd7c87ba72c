//! `led_to`: what the tab did before an event. Causal links come first, time second; the last action and the last
//! failed request are always in.

use super::ToolError;
use super::call::{Answer, Call};
use super::list::{Item, list};
use super::structured;
use crate::clock::now_micros;
use crate::diagnose::{self, Stored};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt::Write as _;

/// Events before one that are looked at for what led to it.
const CONTEXT_EVENTS: usize = 300;
/// Events of no special kind that are shown before one.
const NEAREST_EVENTS: usize = 20;

impl Call<'_> {
    pub(super) async fn led_to(&self) -> Result<Answer, ToolError> {
        let stored = self.named_event().await?;
        let always = self.grant.selector.as_deref();
        let around = diagnose::context(&self.app.store, &stored, "", always, CONTEXT_EVENTS).await?;
        let before = around.before;
        let is_cut = before.len() >= CONTEXT_EVENTS;
        let handle = stored.handle();
        let budget = self.arguments.budget();
        let tokens = budget / 2;
        let mut items = leading(before, &stored);
        items.push((Rank::Kept, Item::Event(Box::new(stored))));
        let (mut text, left_out) = fit(&items, |shown| {
            let listed = list(shown, budget, now_micros());
            (listed.text, listed.left_out)
        });
        if left_out > 0 || is_cut {
            let more = if left_out > 0 {
                left_out.to_string()
            } else {
                "older".into()
            };
            let _ = write!(
                text,
                "Left out: {more} events before; led_to {{\"event\":\"{handle}\",\"budget\":{tokens}}}"
            );
        }
        let structured = self.wants_structure().then(|| {
            let (mut events, left_out) = fit(&items, |shown| {
                let (events, fitting) = structured::of_list(shown, budget, None, |_| Value::Null);
                (events, shown.len() - fitting)
            });
            events["left_out"] = left_out.into();
            if left_out > 0 || is_cut {
                events["next"] = json!({"event": handle, "budget": tokens});
            }
            events
        });
        Ok(Answer {
            text: text.trim_end().to_owned(),
            structured,
        })
    }
}

/// How much an event says about what led to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// The event itself, what it is linked to, the last action and the last failed request.
    Kept,
    /// Other actions and failures, navigations, marks.
    Telling,
    /// One of the nearest of the rest.
    Near,
}

/// Returns what led to an event, oldest first, with its rank.
fn leading(before: Vec<Stored>, event: &Stored) -> Vec<(Rank, Item)> {
    let links = |event: &Stored| ["cause_id", "request_id"].map(|key| event.metadata(key).map(str::to_owned));
    let mut causes: HashSet<String> = links(event).into_iter().flatten().collect();
    let request = event.metadata("request_id");
    let mut near = 0;
    let mut has_action = false;
    let mut has_failure = false;
    let mut kept = Vec::new();
    for other in before.into_iter().rev() {
        let is_linked = other.name_as_cause().is_some_and(|name| causes.contains(name))
            || request.is_some() && other.metadata("request_id") == request;
        if is_linked {
            causes.extend(links(&other).into_iter().flatten());
        }
        let is_last_action = other.is_action() && !has_action;
        let is_last_failure = other.is_failed_request() && !has_failure;
        has_action |= is_last_action;
        has_failure |= is_last_failure;
        let is_telling = other.is_action()
            || matches!(other.type_(), "page.navigation_committed" | "system.mark")
            || diagnose::severity(&other) >= tabtape::levels::Severity::Warn;
        let rank = match (is_linked || is_last_action || is_last_failure, is_telling) {
            (true, _) => Rank::Kept,
            (false, true) => Rank::Telling,
            (false, false) if near < NEAREST_EVENTS => {
                near += 1;
                Rank::Near
            }
            (false, false) => continue,
        };
        kept.push((rank, Item::Event(Box::new(other))));
    }
    kept.reverse();
    kept
}

/// Shows `items` without those that say least, oldest first, until `show` leaves out no other. Returns how many are
/// left out. The last item is the event itself and stays.
fn fit<T>(items: &[(Rank, Item)], show: impl Fn(&[&Item]) -> (T, usize)) -> (T, usize) {
    let mut kept: Vec<&(Rank, Item)> = items.iter().collect();
    loop {
        let shown: Vec<&Item> = kept.iter().map(|(_, item)| item).collect();
        let (answer, not_shown) = show(&shown);
        if not_shown == 0 || kept.len() == 1 {
            return (answer, items.len() - kept.len());
        }
        for _ in 0..not_shown.min(kept.len() - 1) {
            let worst = kept.iter().map(|(rank, _)| *rank).max();
            let index = kept
                .iter()
                .position(|(rank, _)| Some(*rank) == worst)
                .unwrap_or(0);
            kept.remove(index.min(kept.len() - 2));
        }
    }
}
