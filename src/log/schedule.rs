//! When to commit: at once after silence, soon after that, and grouped while more keeps coming.
//!
//! A commit, and the flush that follows it, cost some 20 ms of processor time in all processes together, however little
//! they carry (`npm run bench -- --only throughput`). So the less a commit brings, the longer the next one waits.
//!
//! Pure: its inputs are what happens and the time, in milliseconds of any monotonic clock.

/// Least time between the first commit after silence and the second, and before a commit that a caller waits for. After
/// a failure the interval is a multiple of it.
pub const COMMIT_INTERVAL_MS: f64 = 20.0;
/// Least time between later commits after one of fewer than [`LOADED_BYTES`]: a delay that a person does not notice.
const FEW_INTERVAL_MS: f64 = 100.0;
/// The same after a larger commit. With it, half of the lines reach a subscriber within 50 ms of their console call.
const LOADED_INTERVAL_MS: f64 = 45.0;
/// The bytes that [`FEW_INTERVAL_MS`] brings at some 100 console calls a second.
const LOADED_BYTES: usize = 4 * 1024;
/// A commit that begins later than this after the one before is the first after silence.
const SILENCE_MS: f64 = 2.0 * FEW_INTERVAL_MS;
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
    /// The last commit was the first after silence.
    is_first: bool,
    /// Bytes of the last commit.
    last_bytes: usize,
    in_flight: bool,
    /// A caller waits for what is pending.
    awaited: bool,
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
        let interval = self.interval_ms();
        let full = pending_bytes >= COMMIT_BYTES && self.failures == 0;
        if full || since >= interval || since < 0.0 {
            Due::Now
        } else {
            Due::In(interval - since)
        }
    }

    fn interval_ms(&self) -> f64 {
        if self.failures > 0 {
            return COMMIT_INTERVAL_MS * f64::from(1_u32 << self.failures.min(MAX_DOUBLINGS));
        }
        match self.last_bytes {
            _ if self.awaited || self.is_first => COMMIT_INTERVAL_MS,
            LOADED_BYTES.. => LOADED_INTERVAL_MS,
            _ => FEW_INTERVAL_MS,
        }
    }

    /// A caller waits for what is pending.
    pub const fn hurry(&mut self) {
        self.awaited = true;
    }

    /// A commit of so many bytes begins.
    pub const fn began(&mut self, now_ms: f64, bytes: usize) {
        self.is_first = match self.last_began_ms {
            Some(last_ms) => now_ms - last_ms > SILENCE_MS,
            None => true,
        };
        self.last_began_ms = Some(now_ms);
        self.last_bytes = bytes;
        self.in_flight = true;
        self.awaited = false;
    }

    /// It ended, well or not. After a failure the interval doubles, up to 32 times.
    pub const fn ended(&mut self, well: bool) {
        self.in_flight = false;
        self.failures = if well { 0 } else { self.failures.saturating_add(1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn an_idle_log_commits_at_once() {
        let schedule = CommitSchedule::default();
        assert_eq!(schedule.due(5.0, 1), Due::Now);
        assert_eq!(schedule.due(5.0, 0), Due::Never);
    }

    /// In a stream: a commit of so many bytes has just ended that began at 100 ms.
    fn streaming(bytes: usize) -> CommitSchedule {
        let mut schedule = CommitSchedule::default();
        for began_ms in [80.0, 100.0] {
            schedule.began(began_ms, bytes);
            schedule.ended(true);
        }
        schedule
    }

    #[test]
    fn a_busy_log_groups_and_a_full_one_does_not_wait() {
        let mut schedule = streaming(1);
        assert_eq!(schedule.due(105.0, 1), Due::In(FEW_INTERVAL_MS - 5.0));
        assert_eq!(schedule.due(105.0, COMMIT_BYTES), Due::Now);
        assert_eq!(schedule.due(100.0 + FEW_INTERVAL_MS, 1), Due::Now);
        schedule.began(105.0, 1);
        assert_eq!(schedule.due(105.0, COMMIT_BYTES), Due::Never);
    }

    #[test]
    fn the_second_commit_after_silence_comes_soon() {
        let mut schedule = streaming(1);
        let later = 100.0 + SILENCE_MS + 1.0;
        assert_eq!(schedule.due(later, 1), Due::Now);
        schedule.began(later, 1);
        schedule.ended(true);
        assert_eq!(schedule.due(later + 5.0, 1), Due::In(COMMIT_INTERVAL_MS - 5.0));
        schedule.began(later + COMMIT_INTERVAL_MS, 1);
        schedule.ended(true);
        let now = later + COMMIT_INTERVAL_MS + 5.0;
        assert_eq!(schedule.due(now, 1), Due::In(FEW_INTERVAL_MS - 5.0));
    }

    #[test]
    fn the_less_a_commit_brought_the_longer_the_next_one_waits() {
        for (bytes, interval) in [
            (LOADED_BYTES - 1, FEW_INTERVAL_MS),
            (LOADED_BYTES, LOADED_INTERVAL_MS),
        ] {
            assert_eq!(streaming(bytes).due(105.0, 1), Due::In(interval - 5.0), "{bytes}");
        }
    }

    #[test]
    fn what_someone_waits_for_comes_sooner_once() {
        let mut schedule = streaming(1);
        schedule.began(200.0, 1);
        schedule.hurry();
        schedule.ended(true);
        assert_eq!(schedule.due(205.0, 1), Due::In(COMMIT_INTERVAL_MS - 5.0));
        schedule.began(220.0, 1);
        schedule.ended(true);
        assert_eq!(schedule.due(225.0, 1), Due::In(FEW_INTERVAL_MS - 5.0));
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
        assert_eq!(schedule.due(0.0, 1), Due::In(FEW_INTERVAL_MS), "the seventh");
    }

    #[test]
    fn a_clock_that_jumps_back_delays_nothing() {
        let mut schedule = CommitSchedule::default();
        schedule.began(100.0, 1);
        schedule.ended(true);
        assert_eq!(schedule.due(50.0, 1), Due::Now);
    }
}
