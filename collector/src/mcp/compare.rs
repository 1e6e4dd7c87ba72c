//! `compare`: two ranges side by side: errors that only one of them has, and the first step at which they differ.
//!
//! A step is a navigation or an action, with the answers that came before the next one. Answers of one step are
//! compared without order: requests that run at the same time end in any order. Numbers, ids and hosts do not count.

use super::call::{Answer, Call};
use super::structured::TEXT_BYTES as DATA_TEXT_BYTES;
use super::{ToolError, structured};
use crate::diagnose::{self, LEGEND, Problem, Stored, origin_of, pattern, phrase};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;
use tabtape::selector::Selector;

/// Steps of each side.
const STEPS: usize = 2_000;
/// Captured text of a line.
const TEXT_BYTES: usize = 120;

/// One of two ranges.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) errors: Vec<Problem>,
    pub(super) steps: Vec<Stored>,
    /// Whether the range holds more than was compared.
    pub(super) is_cut: bool,
}

/// A navigation or an action, and the answers after it.
#[derive(Debug)]
struct Step<'a> {
    head: Option<&'a Stored>,
    answers: Vec<&'a Stored>,
}

/// The first step at which two ranges differ.
#[derive(Debug)]
struct Divergence<'a> {
    /// Steps before it.
    equal: usize,
    /// The navigation or action of this step, if both have the same; then `a` and `b` are answers.
    both: Option<&'a Stored>,
    /// Whether the step begins equally on both sides.
    is_same_step: bool,
    /// The step or answer that only this side has there, if any.
    a: Option<&'a Stored>,
    b: Option<&'a Stored>,
}

impl Call<'_> {
    pub(super) async fn compare(&self) -> Result<Answer, ToolError> {
        let a = self.selector_of("a").await?;
        let b = self.selector_of("b").await?;
        let store = &self.app.store;
        let side = async |selector: Option<Arc<Selector>>| -> Result<Side, ToolError> {
            let (errors, all_errors) = diagnose::errors(store, selector.as_deref()).await?;
            let (steps, all_steps) = diagnose::steps(store, selector.as_deref(), STEPS).await?;
            Ok(Side {
                errors,
                steps,
                is_cut: !(all_errors && all_steps),
            })
        };
        let budget = self.arguments.budget();
        let side_a = side(a.clone()).await?;
        let side_b = side(b.clone()).await?;
        let mut text = compare(&side_a, &side_b, budget);
        // A side without steps may be one that was not watched.
        for (name, side, selector) in [("a", &side_a, &a), ("b", &side_b, &b)] {
            if side.steps.is_empty() {
                let mut coverage = format!("{name} has no steps.");
                let room = budget.saturating_sub(text.len() + 1);
                self.add_coverage(&mut coverage, selector.as_deref(), room)
                    .await?;
                if text.len() + 1 + coverage.len() <= budget {
                    text = format!("{text}\n{coverage}");
                }
            }
        }
        Ok(Answer {
            text,
            structured: self.wants_structure().then(|| as_data(&side_a, &side_b, budget)),
        })
    }
}

/// Compares two ranges in at most `bytes` bytes.
pub(super) fn compare(a: &Side, b: &Side, bytes: usize) -> String {
    let steps = describe_divergence(a, b);
    let mut out = format!(
        "a: {} groups of errors, {} steps; b: {}, {}. {LEGEND}\n",
        a.errors.len(),
        a.steps.len(),
        b.errors.len(),
        b.steps.len()
    );
    let room = bytes.saturating_sub(steps.len());
    let mut left_out = 0;
    for (name, problem) in only_in_one(a, b) {
        let line = format!("only in {name}: ×{} {}\n", problem.count, line(&problem.newest));
        if out.len() + line.len() + "9999 more errors in only one; larger budget\n".len() > room {
            left_out += 1;
            continue;
        }
        out.push_str(&line);
    }
    if left_out > 0 {
        let _ = writeln!(out, "{left_out} more errors in only one; larger budget");
    }
    out.push_str(&steps);
    out
}

/// Returns the comparison as JSON of at most `bytes` bytes.
pub(super) fn as_data(a: &Side, b: &Side, bytes: usize) -> Value {
    let size = |side: &Side| json!({"errors": side.errors.len(), "steps": side.steps.len()});
    let divergence = divergence(a, b);
    let head = |text_bytes: usize| {
        let as_event = |event: Option<&Stored>| event.map(|event| structured::event(event, text_bytes));
        json!({
            "note": LEGEND,
            "a": size(a),
            "b": size(b),
            "is_partial": a.is_cut || b.is_cut,
            "first_difference": divergence.as_ref().map(|first| json!({
                "equal_steps": first.equal,
                "both": as_event(first.both),
                "a": as_event(first.a),
                "b": as_event(first.b),
            })),
        })
    };
    let long = head(DATA_TEXT_BYTES);
    let head = if long.to_string().len() > bytes / 2 {
        head(0)
    } else {
        long
    };
    let errors: Vec<Value> = only_in_one(a, b)
        .map(|(name, problem)| {
            let event = structured::event(&problem.newest, DATA_TEXT_BYTES);
            json!({"only_in": name, "count": problem.count, "event": event})
        })
        .collect();
    structured::bounded(head, "errors", errors.into_iter(), bytes).0
}

/// Returns the errors that only one range has, with its name; those of `b` first.
fn only_in_one<'a>(a: &'a Side, b: &'a Side) -> impl Iterator<Item = (&'static str, &'a Problem)> {
    [("b", b, a), ("a", a, b)]
        .into_iter()
        .flat_map(|(name, side, other)| {
            let known: HashSet<&str> = other
                .errors
                .iter()
                .map(|problem| problem.fingerprint.as_str())
                .collect();
            side.errors
                .iter()
                .filter(move |problem| !known.contains(problem.fingerprint.as_str()))
                .map(move |problem| (name, problem))
        })
}

/// Returns the first step at which the ranges differ.
fn divergence<'a>(a: &'a Side, b: &'a Side) -> Option<Divergence<'a>> {
    let first = split(&a.steps);
    let second = split(&b.steps);
    let equal = first
        .iter()
        .zip(&second)
        .take_while(|(a, b)| key(a) == key(b))
        .count();
    let (a, b) = (first.get(equal), second.get(equal));
    if a.is_none() && b.is_none() {
        return None;
    }
    let [head_a, head_b] = [a, b].map(|step| step.and_then(|step| step.head));
    if head_a.map(pattern_of) != head_b.map(pattern_of) {
        return Some(Divergence {
            equal,
            both: None,
            is_same_step: false,
            a: head_a,
            b: head_b,
        });
    }
    Some(Divergence {
        equal,
        both: head_a,
        is_same_step: true,
        a: own_answer(a, b),
        b: own_answer(b, a),
    })
}

/// Returns the first answer of a step that the other one does not have.
fn own_answer<'a>(step: Option<&Step<'a>>, other: Option<&Step<'a>>) -> Option<&'a Stored> {
    let known: HashSet<String> = other
        .iter()
        .flat_map(|step| &step.answers)
        .map(|answer| pattern_of(answer))
        .collect();
    let mut answers = step.iter().flat_map(|step| &step.answers);
    answers
        .find(|answer| !known.contains(&pattern_of(answer)))
        .copied()
}

/// Describes the first step at which the ranges differ.
fn describe_divergence(a: &Side, b: &Side) -> String {
    let mut out = String::new();
    match divergence(a, b) {
        None => out.push_str("No step differs"),
        Some(first) => {
            let _ = write!(out, "Steps differ after {} equal ones:", first.equal);
            if let Some(both) = first.both {
                let _ = write!(out, "\nboth: {}", line(both));
            }
            for (name, event) in [("a", first.a), ("b", first.b)] {
                let _ = match (event, first.is_same_step) {
                    (Some(event), true) => write!(out, "\nonly in {name}: {}", line(event)),
                    (Some(event), false) => write!(out, "\n{name}: {}", line(event)),
                    (None, false) => write!(out, "\n{name}: ends"),
                    (None, true) => Ok(()),
                };
            }
        }
    }
    if a.is_cut || b.is_cut {
        out.push_str(" (only the first steps and the newest errors were compared)");
    }
    out
}

fn split(steps: &[Stored]) -> Vec<Step<'_>> {
    let mut out: Vec<Step<'_>> = Vec::new();
    for event in steps {
        if event.category() == "network" {
            match out.last_mut() {
                Some(step) => step.answers.push(event),
                None => out.push(Step {
                    head: None,
                    answers: vec![event],
                }),
            }
        } else {
            out.push(Step {
                head: Some(event),
                answers: Vec::new(),
            });
        }
    }
    out
}

fn key(step: &Step<'_>) -> (Option<String>, BTreeSet<String>) {
    (
        step.head.map(pattern_of),
        step.answers.iter().map(|answer| pattern_of(answer)).collect(),
    )
}

fn line(stored: &Stored) -> String {
    format!(
        "{} {}",
        stored.handle(),
        phrase(stored, origin_of(stored.url()), TEXT_BYTES)
    )
}

/// Returns the part of an event that is compared: a status counts, other numbers do not.
fn pattern_of(stored: &Stored) -> String {
    format!(
        "{} {}",
        stored.data()["status"],
        pattern(&phrase(stored, origin_of(stored.url()), TEXT_BYTES))
    )
}
