//! A bug report in Markdown: the problems with their cause chains, what the tab did before the first, and what is
//! missing.
//!
//! Captured text is in code spans and fences that it cannot close, without control or invisible characters.

use crate::clock::utc;
use crate::diagnose::{self, Diagnosis, NewSince, Problem, Stored};
use crate::render::escape_untrusted;
use crate::store::{Store, StoreError};
use std::fmt::Write as _;
use std::sync::Arc;
use tabtape::selector::Selector;

/// Problems that are described.
const MAX_PROBLEMS: usize = 10;
/// Steps of the tab before the first problem.
const MAX_STEPS: usize = 50;
const MAX_FRAMES: usize = 20;
/// Bytes of captured text in one span.
const MAX_SPAN_BYTES: usize = 1_000;
/// The actions of a person, and the pages that they led to.
const STEPS: &str =
    "type:page.navigation_committed,input.click,input.submit,input.change,input.key,system.mark";

/// Describes the problems of what `asked` selects.
pub(crate) async fn report(
    store: &Store,
    asked: Option<Arc<Selector>>,
    always: Option<&Selector>,
) -> Result<String, StoreError> {
    let diagnosis = diagnose::run(store, asked, always).await?;
    let steps = match diagnosis.problems.first() {
        None => Vec::new(),
        Some(problem) => {
            diagnose::context(store, &problem.newest, STEPS, always, MAX_STEPS)
                .await?
                .before
        }
    };
    Ok(markdown(&diagnosis, &steps))
}

pub(super) fn markdown(diagnosis: &Diagnosis, steps: &[Stored]) -> String {
    let mut out = String::new();
    let real = diagnosis.problems.iter().filter(|problem| !problem.is_noise);
    let shown: Vec<&Problem> = real.clone().take(MAX_PROBLEMS).collect();
    let title = shown.first().map_or_else(
        || "no problem was recorded".to_owned(),
        |problem| text_of(&problem.newest),
    );
    let _ = writeln!(out, "# Bug report: {}\n", code(&title));
    let _ = writeln!(
        out,
        "Written by Tabtape {} at {}. Text in code spans is from the page. Secrets were replaced by `[redacted:…]` \
         before they were stored; what was typed is never recorded.\n",
        env!("CARGO_PKG_VERSION"),
        utc(diagnosis.now)
    );
    for (index, problem) in shown.iter().enumerate() {
        describe(&mut out, index + 1, problem);
    }
    if !steps.is_empty() {
        out.push_str("## Steps in the tab before problem 1\n\n");
        for (index, step) in steps.iter().enumerate() {
            let _ = writeln!(out, "{}. {}", index + 1, line(step));
        }
        out.push('\n');
    }
    out.push_str("## What was watched\n\n");
    for watched in &diagnosis.watched {
        let _ = writeln!(out, "- {watched}");
    }
    out.push_str("\n## Left out\n\n");
    let noise = diagnosis.problems.len() - real.clone().count();
    let more = real.count() - shown.len();
    let mut left_out =
        vec!["records that do not belong to a problem: `tabtape export --format ndjson` has them".to_owned()];
    if more > 0 {
        left_out.push(format!("{more} problems of a lower rank"));
    }
    if noise > 0 {
        left_out.push(format!("{noise} groups of errors that rarely matter"));
    }
    if diagnosis.is_cut {
        left_out.push("errors that are older than the newest 2,000".to_owned());
    }
    if steps.len() == MAX_STEPS {
        left_out.push(format!("steps before the last {MAX_STEPS}"));
    }
    for reason in left_out {
        let _ = writeln!(out, "- {reason}");
    }
    out
}

fn describe(out: &mut String, number: usize, problem: &Problem) {
    let newest = &problem.newest;
    let _ = writeln!(out, "## Problem {number}: {}\n", code(&text_of(newest)));
    let times = if problem.count > 1 {
        format!(
            "{} times, from {} to {}",
            problem.count,
            utc(problem.first_ts),
            utc(problem.last_ts)
        )
    } else {
        format!("once, at {}", utc(problem.last_ts))
    };
    let new_since = match problem.new_since {
        Some(NewSince::Deploy) => "; new since the last deploy",
        Some(NewSince::Session) => "; new in this session",
        Some(NewSince::Navigation) => "; new since the page was opened",
        None => "",
    };
    let _ = writeln!(out, "It occurred {times}{new_since}.\n");
    out.push_str("In the order of the tab, which is no proof of cause:\n\n");
    for (index, event) in problem.chain.iter().chain([newest]).enumerate() {
        let _ = writeln!(out, "{}. {}", index + 1, line(event));
    }
    out.push('\n');
    let frames: Vec<String> = newest.frames().take(MAX_FRAMES).map(escape_untrusted).collect();
    if !frames.is_empty() {
        let stack = frames.join("\n");
        let fence = "`".repeat(longest_run(&stack).max(2) + 1);
        let _ = writeln!(out, "{fence}text\n{stack}\n{fence}\n");
    }
}

/// Returns one event: its time, its type, its text and its name in the store.
fn line(event: &Stored) -> String {
    let session = event.value["capture_session_id"].as_str().unwrap_or_default();
    let truncated = if event.event()["truncated"] == true {
        " (truncated)"
    } else {
        ""
    };
    format!(
        "{} {} {}{truncated} (session {}, seq {})",
        utc(event.ts()),
        code(event.type_()),
        code(&diagnose::content(event, "")),
        code(session),
        event.seq
    )
}

fn text_of(event: &Stored) -> String {
    let text = diagnose::content(event, "");
    text.lines().next().unwrap_or_default().to_owned()
}

/// Returns text as a code span: <https://spec.commonmark.org/0.31.2/#code-spans>.
pub(super) fn code(text: &str) -> String {
    let beginning = &text[..text.floor_char_boundary(MAX_SPAN_BYTES)];
    let cut = if beginning.len() < text.len() { "…" } else { "" };
    let safe = escape_untrusted(beginning);
    let ticks = "`".repeat(longest_run(&safe) + 1);
    // A space inside of each end is not part of the content; an empty span does not exist.
    format!("{ticks} {safe}{cut} {ticks}")
}

/// Returns the length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|character| character != '`').map(str::len);
    runs.max().unwrap_or(0)
}
