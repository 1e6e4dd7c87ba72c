//! Groups errors into problems and describes each with its cause chain.
//!
//! Pure: the caller reads a bounded number of errors and, for each problem, the few events before it.

mod fingerprint;
mod render;

pub(crate) use render::render;

use serde_json::Value;

/// Longest time between an interaction or a failed request and the error that it caused.
const CHAIN_MICROS: u64 = 10_000_000;

/// Errors of one fingerprint.
#[derive(Debug)]
pub(crate) struct Problem {
    fingerprint: String,
    /// The newest error of the group, with its position in the store.
    pub(crate) newest: Stored,
    count: usize,
    first_ts: u64,
    last_ts: u64,
    is_noise: bool,
    /// The interaction and the request before the newest error, oldest first.
    chain: Vec<Value>,
}

/// One stored event.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) position: u64,
    pub(crate) value: Value,
}

/// Groups `errors` (oldest first): what is not noise first, then the newest first.
pub(crate) fn group(errors: Vec<Stored>) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    let mut by_fingerprint = std::collections::HashMap::new();
    for error in errors {
        let fingerprint = fingerprint::of(&error.value);
        let ts = ts(&error.value);
        let index = *by_fingerprint.entry(fingerprint.clone()).or_insert(problems.len());
        match problems.get_mut(index) {
            Some(problem) => {
                problem.count += 1;
                problem.first_ts = problem.first_ts.min(ts);
                problem.last_ts = problem.last_ts.max(ts);
                problem.newest = error;
            }
            None => problems.push(Problem {
                fingerprint,
                is_noise: fingerprint::is_noise(&error.value),
                newest: error,
                count: 1,
                first_ts: ts,
                last_ts: ts,
                chain: Vec::new(),
            }),
        }
    }
    rank(&mut problems);
    problems
}

fn rank(problems: &mut [Problem]) {
    problems.sort_by_key(|problem| (problem.is_noise, std::cmp::Reverse(problem.last_ts)));
}

/// Takes the last interaction and the last failed request from `before`, the events of the same tab.
pub(crate) fn link(problem: &mut Problem, before: Vec<Value>) {
    let end = ts(&problem.newest.value);
    let is_near = |event: &Value| {
        let ts = ts(event);
        ts <= end && end - ts <= CHAIN_MICROS
    };
    let is_request = problem.newest.value["event"]["category"] == "network";
    let (mut interaction, mut failure) = (None, None);
    for event in before.into_iter().filter(is_near) {
        if event["event"]["category"] == "interaction" {
            interaction = Some(event);
        } else if !is_request && is_failed_request(&event) {
            failure = Some(event);
        }
    }
    problem.chain = interaction.into_iter().chain(failure).collect();
    problem.chain.sort_by_key(ts);
}

/// Removes each problem whose only event is the failed request in another problem's chain.
pub(crate) fn merge(problems: &mut Vec<Problem>) {
    let causes: std::collections::HashSet<(String, String)> = problems
        .iter()
        .flat_map(|problem| &problem.chain)
        .filter(|event| is_failed_request(event))
        .map(|event| (fingerprint::of(event), handle(event)))
        .collect();
    problems.retain(|problem| {
        // A request that failed more often is a problem of its own: not every failure is shown in a chain.
        problem.count > 1 || !causes.contains(&(problem.fingerprint.clone(), handle(&problem.newest.value)))
    });
}

fn is_failed_request(event: &Value) -> bool {
    let event = &event["event"];
    event["category"] == "network"
        && (event["type"] == "network.failed"
            || event["data"]["status"].as_u64().is_some_and(|status| status >= 400))
}

fn ts(event: &Value) -> u64 {
    event["event"]["ts"].as_u64().unwrap_or(0)
}

fn handle(event: &Value) -> String {
    format!("{} {}", event["capture_session_id"].as_str().unwrap_or("?"), event["seq"])
}

#[cfg(test)]
mod tests;
