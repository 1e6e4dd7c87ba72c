//! Two ranges side by side: errors that only one of them has, and the first step at which they differ.
//!
//! A step is a navigation or an action, with the answers that came before the next one. Answers of one step are
//! compared without order: requests that run at the same time end in any order. Numbers, ids and hosts do not count.

use crate::diagnose::{LEGEND, Problem, Stored, origin_of, pattern, phrase};
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;

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

/// Compares two ranges in at most `bytes` bytes.
pub(super) fn compare(a: &Side, b: &Side, bytes: usize) -> String {
    let steps = divergence(a, b);
    let mut out = format!(
        "a: {} groups of errors, {} steps; b: {}, {}. {LEGEND}\n",
        a.errors.len(),
        a.steps.len(),
        b.errors.len(),
        b.steps.len()
    );
    let room = bytes.saturating_sub(steps.len());
    let mut left_out = 0;
    for (name, only, other) in [("b", b, a), ("a", a, b)] {
        let known: HashSet<&str> = other
            .errors
            .iter()
            .map(|problem| problem.fingerprint.as_str())
            .collect();
        for problem in only
            .errors
            .iter()
            .filter(|problem| !known.contains(problem.fingerprint.as_str()))
        {
            let newest = &problem.newest;
            let line = format!("only in {name}: ×{} {}\n", problem.count, line(newest));
            if out.len() + line.len() + "9999 more errors in only one; larger budget\n".len() > room {
                left_out += 1;
                continue;
            }
            out.push_str(&line);
        }
    }
    if left_out > 0 {
        let _ = writeln!(out, "{left_out} more errors in only one; larger budget");
    }
    out.push_str(&steps);
    out
}

/// Describes the first step at which the ranges differ.
fn divergence(a: &Side, b: &Side) -> String {
    let first = split(&a.steps);
    let second = split(&b.steps);
    let equal = first
        .iter()
        .zip(&second)
        .take_while(|(a, b)| key(a) == key(b))
        .count();
    let mut out = String::new();
    match (first.get(equal), second.get(equal)) {
        (None, None) => {
            let _ = write!(out, "No step differs");
        }
        (a, b) => {
            let _ = write!(out, "Steps differ after {equal} equal ones:");
            let heads = [a, b].map(|step| step.and_then(|step| step.head));
            if heads
                .map(|head| head.map(pattern_of))
                .iter()
                .collect::<BTreeSet<_>>()
                .len()
                == 1
            {
                if let Some(head) = heads[0] {
                    let _ = write!(out, "\nboth: {}", line(head));
                }
                for (name, step, other) in [("a", a, b), ("b", b, a)] {
                    let known: HashSet<String> = other
                        .iter()
                        .flat_map(|step| &step.answers)
                        .map(|answer| pattern_of(answer))
                        .collect();
                    let mut answers = step.iter().flat_map(|step| &step.answers);
                    if let Some(answer) = answers.find(|answer| !known.contains(&pattern_of(answer))) {
                        let _ = write!(out, "\nonly in {name}: {}", line(answer));
                    }
                }
            } else {
                for (name, head) in [("a", heads[0]), ("b", heads[1])] {
                    let _ = match head {
                        Some(head) => write!(out, "\n{name}: {}", line(head)),
                        None => write!(out, "\n{name}: ends"),
                    };
                }
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
