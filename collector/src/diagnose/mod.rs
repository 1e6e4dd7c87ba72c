//! Names what went wrong: groups errors into problems, each with what its tab did before.
//!
//! One implementation for the tool, the HTTP interface and the command line. It reads a bounded number of the newest
//! errors, and for the highest-ranked problems a bounded number of events before each, so that its cost does not grow
//! with the store.

mod detail;
mod fingerprint;
mod original_places;
mod phrase;
mod problems;
mod render;
mod reported_body;
mod since;
mod stored;
#[cfg(test)]
mod tests;
mod untrusted;
mod watched;

pub(crate) use detail::attach as attach_detail;
pub(crate) use fingerprint::general as pattern;
pub(crate) use original_places::OriginalPlaces;
pub(crate) use phrase::{common_origin, content, origin_of, phrase};
pub(crate) use problems::Problem;
#[cfg(test)]
pub(crate) use problems::group;
pub(crate) use render::{MIN_BYTES, render};
pub(crate) use reported_body::attach as attach_reported_body;
pub(crate) use since::NewSince;
pub(crate) use stored::{Stored, is_own_frame};
pub(crate) use untrusted::{FIELD_BYTES, LEGEND, field, is_name, name};
pub(crate) use watched::describe as describe_coverage;

use crate::clock::now_micros;
use crate::store::{Order, PageQuery, SessionCoverage, Store, StoreError};
use std::sync::Arc;
use tabtape::levels::Severity;
use tabtape::selector::Selector;

/// The newest errors and warnings that are grouped.
const MAX_ERRORS: usize = 2_000;
const MAX_WARNINGS: usize = 500;
/// Problems that get a chain, and the events of the tab that each is made of.
const MAX_CHAINS: usize = 12;
const CONTEXT_EVENTS: usize = 200;
/// Events of the tab that were accepted after the error, and can be older all the same: relays deliver later.
const LATE_EVENTS: usize = 50;
/// Records before and after an error that are looked at for them.
const CONTEXT_REACH: u64 = 100_000;
/// Sessions whose coverage is described.
const MAX_SESSIONS: usize = 2;
/// Starts of sessions, and marks, that are looked at to tell what a problem is new since.
const MAX_BOUNDARIES: usize = 50;

/// The problems of a selection, ranked.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    /// Ranked; noise last.
    pub(crate) problems: Vec<Problem>,
    /// All errors that were grouped.
    pub(crate) errors: usize,
    /// Whether older errors were left out.
    pub(crate) is_cut: bool,
    /// Descriptions of what was being watched, one per session.
    pub(crate) watched: Vec<String>,
    /// When the answer was made, Unix microseconds.
    pub(crate) now: u64,
}

/// Finds the problems of what `asked` selects. Chains show what `always` lets the caller read.
pub(crate) async fn run(
    store: &Store,
    asked: Option<Arc<Selector>>,
    always: Option<&Selector>,
) -> Result<Diagnosis, StoreError> {
    let places = OriginalPlaces::read(store, always).await?;
    let (errors, all_errors) = newest_errors(store, asked.as_deref(), &places).await?;
    let history = if asked.is_none() && always.is_none() {
        history(store, always, &errors, all_errors).await?
    } else {
        let (errors, are_all) = newest_errors(store, always, &places).await?;
        history(store, always, &errors, are_all).await?
    };
    let (mut found, all_warnings) = newest(
        store,
        "severity:warn -severity:error",
        asked.as_deref(),
        MAX_WARNINGS,
    )
    .await?;
    found.iter_mut().for_each(|event| places.apply(event));
    let count = errors.len();
    found.extend(errors);
    found.sort_by_key(|event| event.position);
    let mut problems = problems::group(found);
    for problem in problems.iter_mut().take(MAX_CHAINS) {
        let selector =
            "type:input.*,network.call,network.response,network.failed,page.navigation_committed,tab.removed";
        let around = context(store, &problem.newest, selector, always, CONTEXT_EVENTS).await?;
        problems::link(problem, &around.before);
        problem.is_tab_closed = around.after.iter().any(|event| event.type_() == "tab.removed");
    }
    problems::merge(&mut problems);
    problems::rank(&mut problems);
    for problem in &mut problems {
        problem.new_since = history.new_since(problem);
    }
    for problem in problems.iter_mut().take(MAX_CHAINS) {
        for event in problem.chain.iter_mut().chain([&mut problem.newest]) {
            attach_reported_body(store, event, always).await?;
        }
    }
    let now = now_micros();
    let coverage = SessionCoverage::shown_to(always, store.coverage(asked.clone(), None).await?);
    let watched = describe_sessions(store, &coverage, asked.as_deref(), MAX_SESSIONS, now).await?;
    Ok(Diagnosis {
        problems,
        errors: count,
        is_cut: !(all_errors && all_warnings),
        watched,
        now,
    })
}

/// Collects the errors, starts of sessions and marks by which [`since`] decides whether a problem is new. `errors` are the
/// newest ones that the caller may read, or all of them.
async fn history(
    store: &Store,
    always: Option<&Selector>,
    errors: &[Stored],
    are_all: bool,
) -> Result<since::History, StoreError> {
    let (starts, _) = newest(store, "type:system.session_started", always, MAX_BOUNDARIES).await?;
    let (marks, _) = newest(store, "type:system.mark", always, MAX_BOUNDARIES).await?;
    Ok(since::History::new(errors, are_all, &starts, &marks))
}

/// Returns the newest errors of what `asked` selects, with the places in their sources, and whether these are all.
async fn newest_errors(
    store: &Store,
    asked: Option<&Selector>,
    places: &OriginalPlaces,
) -> Result<(Vec<Stored>, bool), StoreError> {
    let (mut errors, are_all) = newest(store, "severity:error", asked, MAX_ERRORS).await?;
    errors.iter_mut().for_each(|event| places.apply(event));
    Ok((errors, are_all))
}

/// Returns the newest errors of what `asked` selects, in groups, and whether these are all.
pub(crate) async fn errors(
    store: &Store,
    asked: Option<&Selector>,
) -> Result<(Vec<Problem>, bool), StoreError> {
    let (errors, is_all) = newest(store, "severity:error", asked, MAX_ERRORS).await?;
    Ok((problems::group(errors), is_all))
}

/// Returns the first navigations, actions and answers of what `asked` selects, in causal order, and whether these are
/// all.
pub(crate) async fn steps(
    store: &Store,
    asked: Option<&Selector>,
    limit: usize,
) -> Result<(Vec<Stored>, bool), StoreError> {
    let ours = "type:page.navigation_committed,input.click,input.submit,input.change,network.response,network.failed";
    let query = PageQuery::new(Order::Position, Some(both(ours, asked)), limit);
    let page = store.page(query).await?;
    let mut steps: Vec<Stored> = page.records.iter().filter_map(Stored::of).collect();
    steps.sort_by_key(|event| (event.ts(), event.seq));
    Ok((steps, page.done))
}

/// Describes what was watched, newest session first.
pub(crate) async fn describe_sessions(
    store: &Store,
    coverage: &[SessionCoverage],
    selector: Option<&Selector>,
    limit: usize,
    now: u64,
) -> Result<Vec<String>, StoreError> {
    let mut lines = Vec::new();
    let mut last_windows = coverage.iter().filter_map(|session| session.watched.last());
    let is_over = last_windows.all(|watched| watched.window.to_ts.is_some_and(|to| to < now));
    for (index, session) in coverage.iter().take(limit).enumerate() {
        let row = store.session_row(&session.session).await?;
        let handle = row.map_or_else(|| "s?".to_owned(), |row| format!("s{}", row.id));
        let is_last = is_over && index == 0;
        lines.push(describe_coverage(session, &handle, selector, is_last, now));
    }
    if coverage.len() > limit {
        lines.push(format!(
            "{} more sessions; `coverage` lists them",
            coverage.len() - limit
        ));
    }
    if coverage.is_empty() {
        lines.push("Nothing was watching then.".to_owned());
    }
    Ok(lines)
}

/// Events of one tab around an event, oldest first.
#[derive(Debug)]
pub(crate) struct Context {
    /// Those that are not younger.
    pub(crate) before: Vec<Stored>,
    /// The first of those that are younger.
    pub(crate) after: Vec<Stored>,
}

/// Returns events of the tab of `event` that match `selector`, at most `limit` before it, within [`CONTEXT_REACH`]
/// records. Without a tab it returns events of the session.
pub(crate) async fn context(
    store: &Store,
    event: &Stored,
    selector: &str,
    always: Option<&Selector>,
    limit: usize,
) -> Result<Context, StoreError> {
    let tab = event.tab().map(|tab| format!(" tab:{tab}")).unwrap_or_default();
    let session = event.value["capture_session_id"].as_str().unwrap_or_default();
    let selector = both(&format!("{selector} session:{session}{tab}"), always);
    // In order of position the index of blocks skips what cannot match.
    let page = |after, until, newest, limit| {
        PageQuery::new(Order::Position, Some(Arc::clone(&selector)), limit)
            .within(after, until)
            .newest(newest)
    };
    let at = event.position;
    let (first, last) = (at.saturating_sub(CONTEXT_REACH), at.saturating_add(CONTEXT_REACH));
    let before = store.page(page(first, at, true, limit)).await?;
    let late = store.page(page(at, last, false, LATE_EVENTS)).await?;
    let mut events: Vec<Stored> = before
        .records
        .iter()
        .chain(&late.records)
        .filter_map(Stored::of)
        .collect();
    events.retain(|other| other.seq != event.seq && !other.is_detail());
    // seq is the order of acceptance; the order within a tab is (ts, seq).
    events.sort_by_key(|event| (event.ts(), event.seq));
    let after = events.split_off(events.partition_point(|other| other.ts() <= event.ts()));
    Ok(Context {
        before: events,
        after,
    })
}

/// Reads the newest events that match, oldest first, and whether these are all.
async fn newest(
    store: &Store,
    selector: &str,
    asked: Option<&Selector>,
    limit: usize,
) -> Result<(Vec<Stored>, bool), StoreError> {
    let query = PageQuery::new(Order::Position, Some(both(selector, asked)), limit).newest(true);
    let page = store.page(query).await?;
    Ok((page.records.iter().filter_map(Stored::of).collect(), page.done))
}

/// Returns the selector that wants what both want. `ours` is one of this program's own texts.
pub(crate) fn both(ours: &str, other: Option<&Selector>) -> Arc<Selector> {
    let ours = Selector::parse(ours, now_micros()).unwrap_or_default();
    Arc::new(and(ours, other))
}

/// Returns the selector that wants what both want.
pub(crate) fn and(ours: Selector, other: Option<&Selector>) -> Selector {
    match other {
        Some(other) => ours.and(other),
        None => ours,
    }
}

/// Returns the severity that the core derives.
pub(crate) fn severity(stored: &Stored) -> Severity {
    crate::render::severity_of(&stored.value)
}

/// Writes a duration as `12 ms`, `3.4 s`, `12 min`, `5 h` or `3 d`.
pub(crate) fn time_ago(micros: u64) -> String {
    match micros / 1_000 {
        ms @ ..1_000 => format!("{ms} ms"),
        ms @ ..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        ms @ ..7_200_000 => format!("{} min", ms / 60_000),
        ms @ ..172_800_000 => format!("{} h", ms / 3_600_000),
        ms => format!("{} d", ms / 86_400_000),
    }
}
