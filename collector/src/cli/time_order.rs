//! Lines for a person, in order of time within each session, so that a click is above what it caused.
//!
//! Records arrive in order of acceptance, which is that of the cursors. A page reports interactions, vitals and long
//! frames late, so a line waits for a moment, or until enough others have followed. The rule is that of the viewer's
//! list: a record moves over at most [`MOST_MOVED`] others, and a gap has the time of the record before it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tabtape::record::{Line, SessionId, parse_line};
use tokio::time::Instant;

/// A record is moved over at most this many others: after a change of the clock, the order of acceptance continues.
const MOST_MOVED: usize = 500;
/// How long a line of a live stream waits for an earlier one. Relays send every 20 ms; a busy page needs some of them.
const WINDOW: Duration = Duration::from_millis(300);

struct Waiting {
    session: Option<SessionId>,
    ts_micros: u64,
    due: Instant,
    line: String,
}

/// Lines that may still be preceded by one that arrives later.
#[derive(Default)]
pub(super) struct TimeOrder {
    waiting: VecDeque<Waiting>,
    /// The time of each session's newest arrival, for its next gap.
    newest: HashMap<Option<SessionId>, u64>,
    /// The time of each session's last line that waits no more.
    released: HashMap<Option<SessionId>, u64>,
}

impl TimeOrder {
    /// Adds the next line, and returns the line that waits no more because of it.
    pub(super) fn push(&mut self, line: String, now: Instant) -> Option<String> {
        let parsed = parse_line(line.as_bytes()).ok();
        let session = parsed.as_ref().map(Line::session_id);
        let before = self.newest.get(&session).copied().unwrap_or(0);
        let ts_micros = match parsed {
            Some(Line::Event { header, .. }) => header.ts_micros,
            _ => before,
        };
        self.newest.insert(session, ts_micros);
        let place = self.place_of(session, ts_micros);
        let waiting = Waiting {
            session,
            ts_micros,
            due: now + WINDOW,
            line,
        };
        self.waiting.insert(place, waiting);
        (self.waiting.len() > MOST_MOVED)
            .then(|| self.release())
            .flatten()
    }

    /// Returns the place of a new line: above the later ones of its session, and below all others.
    fn place_of(&self, session: Option<SessionId>, ts_micros: u64) -> usize {
        let end = self.waiting.len();
        let mut place = end;
        for (at, other) in self.waiting.iter().enumerate().rev() {
            if other.session == session {
                if other.ts_micros <= ts_micros {
                    return place;
                }
                place = at;
            }
        }
        // Every waiting line of the session is later. If the released ones are too, and as many as can wait do, the
        // clock was set back.
        let is_set_back = self.released.get(&session).is_some_and(|ts| *ts > ts_micros);
        if is_set_back && end >= MOST_MOVED {
            end
        } else {
            place
        }
    }

    /// Returns the first line.
    pub(super) fn release(&mut self) -> Option<String> {
        let first = self.waiting.pop_front()?;
        self.released.insert(first.session, first.ts_micros);
        Some(first.line)
    }

    /// Returns when the next line has waited for long enough; `None` if no line waits.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.iter().map(|line| line.due).min()
    }

    /// Returns the first line if it or one below it has waited for long enough.
    pub(super) fn release_due(&mut self, now: Instant) -> Option<String> {
        self.due()
            .is_some_and(|due| due <= now)
            .then(|| self.release())
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSIONS: [&str; 2] = [
        "0193b3a0-7c1e-7000-8000-0123456789ab",
        "0193b3a0-7c1e-7000-8000-ba9876543210",
    ];

    fn event(session: usize, seq: usize, ts: u64) -> String {
        format!(
            r#"{{"capture_session_id":"{}","seq":{seq},"event":{{"ts":{ts},"type":"a.b","category":"app","detail_level":"standard","source":{{"kind":"local_process"}}}}}}"#,
            SESSIONS[session]
        )
    }

    fn gap(seq: usize) -> String {
        format!(
            r#"{{"capture_session_id":"{}","gap":{{"first_seq":{seq},"last_seq":{seq},"category":"app","reason":"quota"}}}}"#,
            SESSIONS[0]
        )
    }

    /// The places of the lines in the order in which they come out.
    fn ordered(lines: &[String]) -> Vec<usize> {
        let mut order = TimeOrder::default();
        let now = Instant::now();
        let mut out: Vec<String> = lines
            .iter()
            .filter_map(|line| order.push(line.clone(), now))
            .collect();
        out.extend(std::iter::from_fn(|| order.release()));
        out.iter()
            .map(|line| lines.iter().position(|other| other == line).unwrap())
            .collect()
    }

    fn of_times(times: &[u64]) -> Vec<usize> {
        let lines: Vec<String> = times
            .iter()
            .enumerate()
            .map(|(i, ts)| event(0, i + 1, *ts))
            .collect();
        ordered(&lines)
    }

    #[test]
    fn each_session_is_in_order_of_time_and_ties_are_in_order_of_seq() {
        assert_eq!(of_times(&[30, 10, 40, 20, 10]), [1, 4, 3, 0, 2]);
        let two = [event(0, 1, 30), event(1, 1, 5), event(0, 2, 10), event(1, 2, 4)];
        assert_eq!(ordered(&two), [2, 0, 3, 1]);
    }

    #[test]
    fn a_gap_and_a_line_that_is_no_record_stay_below_the_record_before_them() {
        let lines = [
            event(0, 1, 30),
            gap(2),
            event(0, 3, 10),
            "{".to_owned(),
            event(0, 4, 5),
        ];
        assert_eq!(ordered(&lines), [4, 2, 0, 1, 3]);
    }

    #[test]
    fn a_record_moves_over_some_others_and_not_over_all() {
        let late = |others: u64| {
            let times: Vec<u64> = (100..100 + others).chain([1]).collect();
            *of_times(&times)
                .iter()
                .find(|i| **i as u64 >= others || **i == 0)
                .unwrap()
        };
        assert_eq!(late(MOST_MOVED as u64), MOST_MOVED);
        assert_eq!(late(MOST_MOVED as u64 + 1), 0);
    }

    #[test]
    fn after_the_clock_was_set_back_the_order_of_acceptance_continues() {
        let times: Vec<u64> = (1_000_000..1_002_000).chain(0..2_000).collect();
        assert_eq!(of_times(&times), (0..times.len()).collect::<Vec<_>>());
    }

    #[test]
    fn a_live_line_waits_for_a_moment_only_also_if_earlier_ones_keep_arriving() {
        let mut order = TimeOrder::default();
        let start = Instant::now();
        let lines: Vec<String> = (0..6)
            .map(|late| event(0, late + 1, 1_000 - late as u64))
            .collect();
        for (late, line) in lines.iter().enumerate() {
            let now = start + WINDOW / 6 * late as u32;
            assert_eq!(order.push(line.clone(), now), None);
            assert_eq!(order.release_due(now), None);
        }
        assert_eq!(order.due(), Some(start + WINDOW));
        let released: Vec<String> = std::iter::from_fn(|| order.release_due(start + WINDOW)).collect();
        assert_eq!(released, lines.into_iter().rev().collect::<Vec<_>>());
        assert_eq!(order.due(), None);
    }
}
