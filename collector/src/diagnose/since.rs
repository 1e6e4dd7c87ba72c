//! Since when a problem is known: whether it is new since a deploy, the session before, or the page that is shown.

use super::fingerprint;
use super::problems::Problem;
use super::stored::Stored;
use std::collections::HashMap;

/// An event after which a problem occurred for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewSince {
    /// The newest mark whose note begins with "deploy".
    Deploy,
    /// The start of its session; an older session did not have it.
    Session,
    /// The navigation to the page that its tab shows.
    Navigation,
}

impl NewSince {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Session => "session",
            Self::Navigation => "navigation",
        }
    }
}

/// Errors, sessions and deploys of the store, also outside of the time and the pages that were asked for.
pub(super) struct History {
    /// When each error occurred first, by fingerprint, Unix microseconds.
    first_ts: HashMap<String, u64>,
    /// Errors that are older than this may be unknown.
    known_from_ts: u64,
    /// The sessions and when they began.
    starts: Vec<(i64, u64)>,
    deployed_ts: Option<u64>,
}

impl History {
    /// `errors` are the newest ones, or `are_all`; `starts` the starts of sessions.
    pub(super) fn new(errors: &[Stored], are_all: bool, starts: &[Stored], marks: &[Stored]) -> Self {
        let mut first_ts = HashMap::new();
        for error in errors {
            let first = first_ts.entry(fingerprint::of(error)).or_insert(u64::MAX);
            *first = error.ts().min(*first);
        }
        let oldest = errors.iter().map(Stored::ts).min().unwrap_or(u64::MAX);
        let is_deploy = |mark: &&Stored| {
            let note = mark.data()["note"].as_str().unwrap_or_default();
            note.get(..6)
                .is_some_and(|word| word.eq_ignore_ascii_case("deploy"))
        };
        Self {
            first_ts,
            known_from_ts: if are_all { 0 } else { oldest },
            starts: starts.iter().map(|start| (start.session, start.ts())).collect(),
            deployed_ts: marks.iter().filter(is_deploy).map(Stored::ts).max(),
        }
    }

    /// Returns what a problem is new since, the strongest statement first; `None` also if it is not known.
    pub(super) fn new_since(&self, problem: &Problem) -> Option<NewSince> {
        let known = self.first_ts.get(&problem.fingerprint).copied();
        let first = known.unwrap_or(u64::MAX).min(problem.first_ts);
        let is_after = |ts: Option<u64>| ts.is_some_and(|ts| self.known_from_ts <= ts && ts <= first);
        let session = problem.newest.session;
        let started = self
            .starts
            .iter()
            .find(|(id, _)| *id == session)
            .map(|(_, ts)| *ts);
        let has_older = started.is_some_and(|started| self.starts.iter().any(|(_, ts)| *ts < started));
        if is_after(self.deployed_ts) {
            Some(NewSince::Deploy)
        } else if has_older && is_after(started) {
            Some(NewSince::Session)
        } else {
            is_after(problem.navigated_ts).then_some(NewSince::Navigation)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::problems::group;
    use super::*;
    use serde_json::{Value, json};

    fn event(session: i64, ts: u64, type_: &str, data: Value) -> Stored {
        Stored {
            session,
            seq: ts,
            position: ts,
            value: json!({"event": {"ts": ts, "type": type_, "category": "console",
                "source": {"kind": "extension", "event": type_}, "data": data}}),
        }
    }

    fn error(session: i64, ts: u64) -> Stored {
        event(session, ts, "console.error", json!({"text": "it broke"}))
    }

    fn start(session: i64, ts: u64) -> Stored {
        event(session, ts, "system.session_started", Value::Null)
    }

    fn new_since(
        errors: &[Stored],
        are_all: bool,
        starts: &[Stored],
        marks: &[Stored],
        navigated: u64,
    ) -> Option<NewSince> {
        let mut problems = group(vec![error(2, 100)]);
        problems[0].navigated_ts = Some(navigated);
        History::new(errors, are_all, starts, marks).new_since(&problems[0])
    }

    #[test]
    fn a_problem_is_new_since_the_strongest_boundary_before_its_first_error() {
        let now = [error(2, 100)];
        let starts = [start(1, 10), start(2, 50)];
        let deploy = [event(2, 80, "system.mark", json!({"note": "Deploy 1.4.2"}))];
        let note = [event(2, 80, "system.mark", json!({"note": "here"}))];
        assert_eq!(
            new_since(&now, true, &starts, &deploy, 90),
            Some(NewSince::Deploy)
        );
        assert_eq!(new_since(&now, true, &starts, &note, 90), Some(NewSince::Session));
        assert_eq!(
            new_since(&now, true, &starts[1..], &note, 90),
            Some(NewSince::Navigation)
        );
        // An error before the deploy, and one in the session before.
        assert_eq!(
            new_since(&[error(2, 70), error(2, 100)], true, &starts, &deploy, 60),
            Some(NewSince::Session)
        );
        assert_eq!(
            new_since(&[error(1, 20), error(2, 100)], true, &starts, &deploy, 90),
            None
        );
    }

    #[test]
    fn nothing_is_called_new_since_a_time_before_which_errors_are_unknown() {
        let now = [error(2, 85), error(2, 100)];
        let starts = [start(1, 10), start(2, 50)];
        assert_eq!(new_since(&now, false, &starts, &[], 80), None);
        assert_eq!(new_since(&now, true, &starts, &[], 80), Some(NewSince::Session));
    }
}
