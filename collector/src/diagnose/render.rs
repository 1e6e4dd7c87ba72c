//! A diagnosis as text of at most a budget.

use super::phrase::{common_origin, phrase};
use super::problems::Problem;
use super::{Diagnosis, LEGEND, Stored, time_ago, untrusted};
use std::collections::HashSet;
use std::fmt::Write as _;

/// Least bytes that an answer fits into.
pub(crate) const MIN_BYTES: usize = 1_000;
/// Problems that are shown with their chain; the ones after them get a line each.
const MAX_CHAINS: usize = 3;
/// Problems that are shown at all, unless the budget is larger than the usual one.
const MAX_PROBLEMS: usize = 6;
const USUAL_BYTES: usize = 4_000;
/// Bytes of captured text in a step of a chain, and in the line of a problem without one.
const STEP_BYTES: usize = 160;
const SHORT_BYTES: usize = 72;
/// Bytes of the origin in the header.
const MAX_ORIGIN_BYTES: usize = 60;
/// Bytes kept for the line about omission.
const OMISSION_BYTES: usize = 64;
const MAX_WATCHED_BYTES: usize = 400;

/// Describes a diagnosis in at most `bytes` bytes, which are at least [`MIN_BYTES`].
pub(crate) fn render(diagnosis: &Diagnosis, bytes: usize) -> String {
    let origin = common_origin(diagnosis.problems.iter().map(|problem| problem.newest.url()));
    let mut out = header(diagnosis, &origin);
    let tail = tail(diagnosis, &origin, bytes);
    let room = bytes.saturating_sub(tail.len() + OMISSION_BYTES);
    let real: Vec<&Problem> = diagnosis
        .problems
        .iter()
        .filter(|problem| !problem.is_noise)
        .collect();
    let most = if bytes > USUAL_BYTES {
        usize::MAX
    } else {
        MAX_PROBLEMS
    };
    let mut shown = 0;
    let mut seen = HashSet::new();
    for problem in real.iter().take(most) {
        let described = describe(problem, &origin, shown, diagnosis.now, &seen);
        if out.len() + described.len() > room {
            break;
        }
        out.push_str(&described);
        seen.extend(problem.chain.iter().map(Stored::handle));
        shown += 1;
    }
    if shown < real.len() {
        let tokens = bytes / 2;
        let _ = writeln!(
            out,
            "Left out: {} problems; diagnose {{\"budget\":{tokens}}}",
            real.len() - shown
        );
    }
    out.push_str(&tail);
    out.trim_end().to_owned()
}

/// Returns the lines after the problems: noise, older errors, coverage.
fn tail(diagnosis: &Diagnosis, origin: &str, bytes: usize) -> String {
    let mut out = String::new();
    let noise: Vec<&Problem> = diagnosis
        .problems
        .iter()
        .filter(|problem| problem.is_noise)
        .collect();
    if let Some(first) = noise.first() {
        let count: usize = noise.iter().map(|problem| problem.count).sum();
        let such = phrase(&first.newest, origin, SHORT_BYTES);
        let _ = writeln!(out, "noise ×{count} in {} groups, such as {such}", noise.len());
    }
    if diagnosis.is_cut {
        out.push_str("Older errors are not counted; narrow q with until: to see them.\n");
    }
    out + &watched(diagnosis, bytes)
}

fn header(diagnosis: &Diagnosis, origin: &str) -> String {
    if diagnosis.problems.is_empty() {
        return "No errors and no warnings.\n".to_owned();
    }
    let at = if origin.is_empty() {
        String::new()
    } else {
        format!(" at {}", untrusted::field(origin, MAX_ORIGIN_BYTES))
    };
    format!(
        "{} errors{at}, in groups, ranked. →: order in the tab, not proof of cause. {LEGEND}\n",
        diagnosis.errors
    )
}

fn watched(diagnosis: &Diagnosis, bytes: usize) -> String {
    // With many problems in view, only the first line is needed to judge what is missing.
    let lines = if diagnosis.problems.len() < 2 {
        diagnosis.watched.len()
    } else {
        1
    };
    let mut out = diagnosis
        .watched
        .iter()
        .take(lines)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    let most = MAX_WATCHED_BYTES.min(bytes / 4);
    if out.len() > most {
        // Fields in it are names of processes only; a truncated one is closed.
        out.truncate(out.floor_char_boundary(most - "…⟧".len()));
        out.push('…');
        if out.matches('⟦').count() > out.matches('⟧').count() {
            out.push('⟧');
        }
    }
    out
}

/// Describes a problem; of its chain, what `seen` holds is named only.
fn describe(problem: &Problem, origin: &str, index: usize, now: u64, seen: &HashSet<String>) -> String {
    let newest = &problem.newest;
    let new_since = problem
        .new_since
        .map_or_else(String::new, |since| format!(" new since {},", since.as_str()));
    let span = problem.last_ts.saturating_sub(problem.first_ts);
    let since = if problem.count > 1 {
        format!(" within {}", time_ago(span))
    } else {
        String::new()
    };
    let ago = time_ago(now.saturating_sub(problem.last_ts));
    let closed = if problem.is_tab_closed { ", tab closed" } else { "" };
    let mut out = format!(
        "{}. ×{}{since},{new_since} {ago} ago{closed}: ",
        index + 1,
        problem.count
    );
    if index >= MAX_CHAINS {
        let _ = writeln!(out, "{} {}", newest.handle(), phrase(newest, origin, SHORT_BYTES));
        return out;
    }
    let mut before: Option<&Stored> = None;
    for event in problem.chain.iter().chain([newest]) {
        let gap = before.map(|before| time_ago(event.ts().saturating_sub(before.ts())));
        let arrow = gap
            .map(|gap| format!(" →{} ", gap.replace(' ', "")))
            .unwrap_or_default();
        let handle = event.handle();
        let _ = match seen.contains(&handle) {
            true => write!(out, "{arrow}{handle}"),
            false => write!(out, "{arrow}{handle} {}", phrase(event, origin, STEP_BYTES)),
        };
        before = Some(event);
    }
    out.push('\n');
    out
}
