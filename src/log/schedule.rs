//! When to commit: at once when idle, grouped under load.
//!
//! Pure: its inputs are what happens and the time, in milliseconds of any monotonic clock.

/// Commits begin at most this often: as long as a frame, so the delay is not visible.
pub const COMMIT_INTERVAL_MS: f64 = 20.0;
/// The same after a commit of [`LOADED_BYTES`] or more. A commit, and the flush that follows it at once, cost some 10 ms
/// of processor time in all processes together, however little they carry (`npm run bench -- --only throughput`).
pub const LOADED_INTERVAL_MS: f64 = 40.0;
/// The bytes that [`COMMIT_INTERVAL_MS`] brings at some 500 console calls a second.
pub const LOADED_BYTES: usize = 4 * 1024;
/// So many pending bytes are committed without waiting: larger segments gain no more throughput.
pub const COMMIT_BYTES: usize = 256 * 1024;
/// The interval doubled five times: a failing disk is tried several times before a session turns volatile.
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
    /// Bytes of the last commit.
    last_bytes: usize,
    in_flight: bool,
    /// Failures since the last success.
    failures: u32,
}

impl CommitSchedule {
    /// When a commit of `pending_bytes` is due.
    pub fn due(&self, now_ms: f64, pending_bytes: usize) -> Due {
        if pending_bytes == 0 || self.in_flight {
            return Due::Never;
        }
        let since = self.last_began_ms.map_or(f64::INFINITY, |began| now_ms - began);
        let interval = if self.last_bytes >= LOADED_BYTES {
            LOADED_INTERVAL_MS
        } else {
            COMMIT_INTERVAL_MS
        };
        let interval = interval * f64::from(1_u32 << self.failures.min(MAX_DOUBLINGS));
        let full = pending_bytes >= COMMIT_BYTES && self.failures == 0;
        if full || since >= interval || since < 0.0 {
            Due::Now
        } else {
            Due::In(interval - since)
        }
    }

    /// A commit of so many bytes begins.
    pub const fn began(&mut self, now_ms: f64, bytes: usize) {
        self.last_began_ms = Some(now_ms);
        self.last_bytes = bytes;
        self.in_flight = true;
    }

    /// It ended, well or not. After a failure the interval doubles, up to 32 times.
    pub const fn ended(&mut self, well: bool) {
        self.in_flight = false;
        self.failures = if well { 0 } else { self.failures.saturating_add(1) };
    }
}

#[cfg(test)]
mod tests {
    use super::{COMMIT_BYTES, COMMIT_INTERVAL_MS, CommitSchedule, Due, LOADED_BYTES, LOADED_INTERVAL_MS};
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
        schedule.began(100.0, 1);
        assert_eq!(schedule.due(100.0, COMMIT_BYTES), Due::Never);
        schedule.ended(true);
        assert_eq!(schedule.due(105.0, 1), Due::In(COMMIT_INTERVAL_MS - 5.0));
        assert_eq!(schedule.due(105.0, COMMIT_BYTES), Due::Now);
        assert_eq!(schedule.due(100.0 + COMMIT_INTERVAL_MS, 1), Due::Now);
    }

    #[test]
    fn a_loaded_log_groups_for_longer_until_little_comes() {
        let mut schedule = CommitSchedule::default();
        schedule.began(100.0, LOADED_BYTES);
        schedule.ended(true);
        assert_eq!(schedule.due(105.0, 1), Due::In(LOADED_INTERVAL_MS - 5.0));
        schedule.began(140.0, LOADED_BYTES - 1);
        schedule.ended(true);
        assert_eq!(schedule.due(145.0, 1), Due::In(COMMIT_INTERVAL_MS - 5.0));
    }

    #[test]
    fn a_failing_log_is_tried_less_and_less_often() {
        let mut schedule = CommitSchedule::default();
        for intervals in [2.0, 4.0, 8.0, 16.0, 32.0, 32.0] {
            schedule.began(0.0, 1);
            schedule.ended(false);
            let wait = intervals * COMMIT_INTERVAL_MS;
            assert_eq!(schedule.due(0.0, COMMIT_BYTES), Due::In(wait));
        }
        schedule.began(0.0, 1);
        schedule.ended(true);
        assert_eq!(schedule.due(0.0, 1), Due::In(COMMIT_INTERVAL_MS));
    }

    #[test]
    fn a_clock_that_jumps_back_delays_nothing() {
        let mut schedule = CommitSchedule::default();
        schedule.began(100.0, 1);
        schedule.ended(true);
        assert_eq!(schedule.due(50.0, 1), Due::Now);
    }
}
