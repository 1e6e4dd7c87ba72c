//! Groups errors into problems, links each with what the same tab did before, and ranks them. No I/O.

use super::fingerprint::{self, first_line};
use super::severity;
use super::since::NewSince;
use super::stored::Stored;
use std::collections::HashMap;
use tabtape::levels::Severity;

/// Longest time between an interaction or a failed request and the error after it.
const CHAIN_MICROS: u64 = 10_000_000;
/// Longest time between two errors of one cause.
const SAME_CAUSE_MICROS: u64 = 2_000_000;
/// A problem that occurred more often is taken for a permanent one.
const PERMANENT: usize = 10;
/// A warning that occurred more often is noise.
const REPEATED_WARNING: usize = 2;

/// Errors of one fingerprint.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) fingerprint: String,
    /// The newest error of the group.
    pub(crate) newest: Stored,
    pub(crate) count: usize,
    pub(crate) first_ts: u64,
    pub(crate) last_ts: u64,
    pub(crate) is_noise: bool,
    /// When the page began that its tab shows.
    pub(crate) navigated_ts: Option<u64>,
    /// The newest event that all its errors are younger than; `None` also if that is not known.
    pub(crate) new_since: Option<NewSince>,
    /// Whether the tab of the newest error is known to be closed.
    pub(crate) is_tab_closed: bool,
    /// The interaction and the failed request before the newest error, oldest first.
    pub(crate) chain: Vec<Stored>,
}

/// Groups `errors` (oldest first) and ranks them.
pub(crate) fn group(errors: Vec<Stored>) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    let mut by_fingerprint = HashMap::new();
    for error in errors {
        let fingerprint = fingerprint::of(&error);
        let ts = error.ts();
        let index = *by_fingerprint
            .entry(fingerprint.clone())
            .or_insert(problems.len());
        match problems.get_mut(index) {
            Some(problem) => {
                problem.count += 1;
                problem.first_ts = problem.first_ts.min(ts);
                problem.last_ts = problem.last_ts.max(ts);
                problem.newest = error;
            }
            None => problems.push(Problem {
                fingerprint,
                is_noise: fingerprint::is_noise(&error),
                newest: error,
                count: 1,
                first_ts: ts,
                last_ts: ts,
                navigated_ts: None,
                new_since: None,
                is_tab_closed: false,
                chain: Vec::new(),
            }),
        }
    }
    for problem in &mut problems {
        let is_warning = severity(&problem.newest) < Severity::Error;
        let is_repeated = problem.count > REPEATED_WARNING && problem.newest.category() == "console";
        problem.is_noise |= is_warning && is_repeated;
    }
    rank(&mut problems);
    problems
}

/// Sorts problems: noise last; then exceptions before failed requests before printed errors before warnings, each a
/// step higher after an interaction and a step lower if it is permanent; then the newest first.
pub(crate) fn rank(problems: &mut [Problem]) {
    problems.sort_by_cached_key(|problem| {
        let newest = &problem.newest;
        let kind: usize = match newest.type_() {
            "console.exception" | "console.rejection" | "page.navigation_failed" => 1,
            "page.csp_violation" | "page.resource_failed" => 2,
            _ if severity(newest) < Severity::Error => 5,
            _ if newest.is_failed_request() => 2,
            _ => 3,
        };
        let after_action = usize::from(problem.chain.iter().any(Stored::is_action));
        let permanent = usize::from(problem.count > PERMANENT) * 2;
        (
            problem.is_noise,
            kind + permanent - after_action,
            std::cmp::Reverse(problem.last_ts),
        )
    });
}

/// Fills the chain from `before`, events of the same tab: the failed request that the error came from, and the
/// interaction that the request or the error came from. If no link says which, these are the response that could not be
/// parsed, or the last failed request before the error, begun after the interaction that the error came from, and the
/// last interaction before the request began, or before the error if no request began.
pub(crate) fn link(problem: &mut Problem, before: &[Stored]) {
    let newest = &problem.newest;
    let end = newest.ts();
    let near = || {
        before
            .iter()
            .filter(|event| event.ts() <= end && end - event.ts() <= CHAIN_MICROS)
    };
    let is_error_of_page = newest.category() == "console";
    let own_action = linked_action(newest, before);
    let failures: Vec<&Stored> = near()
        .filter(|event| is_error_of_page && event.is_failed_request() && !fingerprint::is_noise(event))
        // A request from before the click that the error came from is not between the two.
        .filter(|event| own_action.is_none_or(|action| event.request_ts() >= action.ts()))
        .collect();
    let mut occurrences = HashMap::new();
    for failure in before.iter().filter(|event| event.is_failed_request()) {
        *occurrences.entry(fingerprint::of(failure)).or_insert(0_usize) += 1;
    }
    // A request that fails all the time precedes everything; a rare one says more.
    let failure = failures.into_iter().max_by_key(|failure| {
        (
            std::cmp::Reverse(occurrences.get(&fingerprint::of(failure)).copied()),
            failure.ts(),
            failure.seq,
        )
    });
    let failure = linked_failure(newest, before)
        .or_else(|| not_json(newest, near()))
        .or(failure);
    let started = failure.unwrap_or(newest).request_ts();
    let action = near().filter(|event| event.is_action() && event.ts() <= started);
    let last = action.max_by_key(|event| (event.ts(), event.seq));
    let action = linked_action(failure.unwrap_or(newest), before).or(last);
    problem.chain = action.into_iter().chain(failure).cloned().collect();
    let navigated = before
        .iter()
        .filter(|event| event.type_() == "page.navigation_committed");
    let navigated = navigated.filter(|event| event.metadata("frame_id").unwrap_or("0") == "0");
    problem.navigated_ts = navigated.map(Stored::ts).filter(|ts| *ts <= end).max();
}

/// Returns the failed request from whose response an error came.
fn linked_failure<'a>(error: &Stored, before: &'a [Stored]) -> Option<&'a Stored> {
    let cause = error.metadata("cause_id")?;
    before.iter().find(|other| {
        error.category() == "console"
            && other.is_failed_request()
            && other.metadata("request_id") == Some(cause)
    })
}

/// Returns the response that a page took for JSON, for an error of the parser: the last one to a script that says it is
/// something else.
fn not_json<'a>(error: &Stored, near: impl Iterator<Item = &'a Stored>) -> Option<&'a Stored> {
    let message = error.message();
    if !message.contains("is not valid JSON") && !message.contains("Unexpected end of JSON input") {
        return None;
    }
    let is_other = |response: &&Stored| {
        let data = response.data();
        let by_script = data["resource_type"].as_str().is_some_and(|kind| {
            ["xmlhttprequest", "xhr", "fetch"]
                .iter()
                .any(|name| kind.eq_ignore_ascii_case(name))
        });
        let content_type = data["content_type"].as_str();
        response.type_() == "network.response"
            && by_script
            && content_type.is_some_and(|content_type| !content_type.contains("json"))
            && response.metadata("document_id") == error.metadata("document_id")
    };
    near.filter(is_other)
        .max_by_key(|response| (response.ts(), response.seq))
}

/// Returns the interaction that an error came from, or the call of the request that it came from or is.
fn linked_action<'a>(event: &Stored, before: &'a [Stored]) -> Option<&'a Stored> {
    let request = event
        .metadata("request_id")
        .or_else(|| event.metadata("cause_id"));
    let call = before.iter().find(|other| {
        other.type_() == "network.call" && request.is_some() && other.metadata("request_id") == request
    });
    let cause = call.unwrap_or(event).metadata("cause_id")?;
    before
        .iter()
        .find(|other| other.is_action() && other.name_as_cause() == Some(cause))
}

/// Removes each problem that is a part of another one: the failed request of another's chain, a printed error that
/// repeats an exception or a failed request of the same moment and tab, and an element whose resource another one names.
pub(crate) fn merge(problems: &mut Vec<Problem>) {
    // Thousands of problems are compared with one another, so each one's time and tab are read once.
    let moments: Vec<Moment> = problems
        .iter()
        .map(|problem| Moment::of(&problem.newest))
        .collect();
    let chained: Vec<(&Stored, &Problem)> = problems
        .iter()
        .flat_map(|whole| whole.chain.iter().map(move |event| (event, whole)))
        .collect();
    let is_part = |(problem, moment): (&Problem, &Moment)| {
        let newest = &problem.newest;
        // An error that occurred more often than the other is a problem of its own: not every occurrence has a chain.
        let can_be_in =
            |whole: &Problem| whole.fingerprint != problem.fingerprint && problem.count <= whole.count;
        let is_chained = chained.iter().any(|(event, whole)| {
            (event.session, event.seq) == (newest.session, newest.seq) && can_be_in(whole)
        });
        is_chained
            || problems.iter().zip(&moments).any(|(whole, other)| {
                other.is_original
                    && moment.is_near(other)
                    && can_be_in(whole)
                    && repeats(newest, &whole.newest)
            })
    };
    let parts: Vec<bool> = problems.iter().zip(&moments).map(is_part).collect();
    let mut parts = parts.into_iter();
    problems.retain(|_| !parts.next().unwrap_or(false));
}

/// The time of an error, and the tab in which it happened.
struct Moment {
    ts: u64,
    session: i64,
    tab: Option<u64>,
    /// Whether another error can repeat this one: see [`repeats`].
    is_original: bool,
}

impl Moment {
    fn of(event: &Stored) -> Self {
        Self {
            ts: event.ts(),
            session: event.session,
            tab: event.tab(),
            is_original: event.is_failed_request()
                || is_thrown(event)
                || event.data()["blocked_url"].is_string(),
        }
    }

    /// Whether two errors of the same tab are close enough to have one cause.
    fn is_near(&self, other: &Self) -> bool {
        self.ts.abs_diff(other.ts) <= SAME_CAUSE_MICROS
            && (self.session, self.tab) == (other.session, other.tab)
    }
}

/// Reports whether `printed` is a console call about `original`, or an element that lacks the resource of `original`, if
/// both are of the same moment.
fn repeats(printed: &Stored, original: &Stored) -> bool {
    let is_call = matches!(
        printed.type_(),
        "console.error" | "console.warn" | "console.assert"
    );
    if printed.type_() == "page.resource_failed" {
        let lacking = printed.data()["url"].as_str().filter(|url| !url.is_empty());
        let blocked = original.data()["blocked_url"].as_str();
        let requested = Some(original.url()).filter(|_| original.is_failed_request());
        return lacking.is_some_and(|url| [blocked, requested].contains(&Some(url)));
    }
    if !is_call {
        return false;
    }
    if original.is_failed_request() {
        let address = original.url().split(['?', '#']).next().unwrap_or_default();
        let path = address.splitn(4, '/').nth(3).unwrap_or_default();
        return path.len() > 3 && printed.message().contains(path);
    }
    let message = first_line(original.message()).trim_start_matches("Uncaught ");
    let message = message.trim_start_matches("(in promise) ");
    is_thrown(original) && message.len() > 8 && printed.message().contains(message)
}

fn is_thrown(event: &Stored) -> bool {
    matches!(event.type_(), "console.exception" | "console.rejection")
}
