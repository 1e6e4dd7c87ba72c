//! When to commit: at once when idle, grouped under load.
//!
//! Pure: its inputs are what happens and the time, in milliseconds of any monotonic clock.

/// Under load, commits begin at most this often: as long as a frame, so the delay is not visible, and long
/// enough that a commit carries hundreds of events at full rate.
pub const COMMIT_INTERVAL_MS: f64 = 20.0;
/// So many pending bytes are committed without waiting: larger segments gain no more throughput.
pub const COMMIT_BYTES: usize = 256 * 1024;
/// 20 ms doubled five times: a failing disk is tried several times before a session turns volatile.
const MAX_DOUBLINGS: u32 = 5;

/// When the next commit is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Due {
    /// Nothing is pending, or a commit is in flight whose end decides.
    Never,
    /// Now.
    Now,
    /// In so many milliseconds.
    In(f64),
}

/// Decides when commits begin.
#[derive(Debug, Default)]
pub struct CommitSchedule {
    last_began_ms: Option<f64>,
    in_flight: bool,
    /// Failures since the last success.
    failures: u32,
}

impl CommitSchedule {
    /// When a commit of `pending_bytes` is due.
    #[must_use]
    pub fn due(&self, now_ms: f64, pending_bytes: usize) -> Due {
        if pending_bytes == 0 || self.in_flight {
            return Due::Never;
        }
        let since = self.last_began_ms.map_or(f64::INFINITY, |began| now_ms - began);
        let interval = COMMIT_INTERVAL_MS * f64::from(1_u32 << self.failures.min(MAX_DOUBLINGS));
        let full = pending_bytes >= COMMIT_BYTES && self.failures == 0;
        if full || since >= interval || since < 0.0 {
            Due::Now
        } else {
            Due::In(interval - since)
        }
    }

    /// A commit begins.
    pub const fn began(&mut self, now_ms: f64) {
        self.last_began_ms = Some(now_ms);
        self.in_flight = true;
    }

    /// It ended, well or not. After a failure the interval doubles, up to 640 ms.
    pub const fn ended(&mut self, well: bool) {
        self.in_flight = false;
        self.failures = if well { 0 } else { self.failures.saturating_add(1) };
    }
}

#[cfg(test)]
mod tests {
    use super::{COMMIT_BYTES, CommitSchedule, Due};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn an_idle_log_commits_at_once() {
        let schedule = CommitSchedule::default();
        assert_eq!(schedule.due(5.0, 1), Due::Now);
        assert_eq!(schedule.due(5.0, 0), Due::Never);
    }

    #[test]
    fn a_busy_log_groups_and_a_full_one_does_not_wait() {
        let mut schedule = CommitSchedule::default();
        schedule.began(100.0);
        assert_eq!(schedule.due(100.0, COMMIT_BYTES), Due::Never);
        schedule.ended(true);
        assert_eq!(schedule.due(105.0, 1), Due::In(15.0));
        assert_eq!(schedule.due(105.0, COMMIT_BYTES), Due::Now);
        assert_eq!(schedule.due(120.0, 1), Due::Now);
    }

    #[test]
    fn a_failing_log_is_tried_less_and_less_often() {
        let mut schedule = CommitSchedule::default();
        for wait in [40.0, 80.0, 160.0, 320.0, 640.0, 640.0] {
            schedule.began(0.0);
            schedule.ended(false);
            assert_eq!(schedule.due(0.0, COMMIT_BYTES), Due::In(wait));
        }
        schedule.began(0.0);
        schedule.ended(true);
        assert_eq!(schedule.due(0.0, 1), Due::In(20.0));
    }

    #[test]
    fn a_clock_that_jumps_back_delays_nothing() {
        let mut schedule = CommitSchedule::default();
        schedule.began(100.0);
        schedule.ended(true);
        assert_eq!(schedule.due(50.0, 1), Due::Now);
    }
}
