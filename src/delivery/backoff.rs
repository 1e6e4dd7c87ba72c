//! When to try again: exponential with full jitter, unless the collector says when.
//!
//! Full jitter because several recorders fail together when a collector stops; see
//! <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.

/// The first wait is anything up to this.
pub const FIRST_RETRY_MS: f64 = 500.0;
/// The longest wait.
pub const MAX_RETRY_MS: f64 = 60_000.0;
/// The longest `Retry-After` that is obeyed to the letter; a longer one is taken for this.
pub const MAX_RETRY_AFTER_MS: f64 = 600_000.0;

/// Failures in a row, and when the next try is due.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Backoff {
    failures: u32,
    retry_at_ms: f64,
    /// The wait was asked for by `Retry-After`.
    is_asked_for: bool,
}

impl Backoff {
    /// It failed. `random` is from 0 to below 1.
    pub(super) fn failed(&mut self, now_ms: f64, random: f64, retry_after_ms: Option<f64>) {
        self.failures = self.failures.saturating_add(1);
        let ceiling = (FIRST_RETRY_MS * 2_f64.powi(self.failures.min(16) as i32 - 1)).min(MAX_RETRY_MS);
        let asked_ms = retry_after_ms.filter(|ms| *ms > 0.0);
        self.is_asked_for = asked_ms.is_some();
        self.retry_at_ms = now_ms + asked_ms.map_or(ceiling * random, |ms| ms.min(MAX_RETRY_AFTER_MS));
    }

    /// It worked.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Someone waits: the next try is now, unless the collector asked for the wait.
    pub(super) const fn hurry(&mut self) {
        if !self.is_asked_for {
            self.retry_at_ms = 0.0;
        }
    }

    /// Failures since it last worked.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// When the next try is due; 0 for now.
    pub(super) const fn retry_at_ms(&self) -> f64 {
        self.retry_at_ms
    }
}

/// For transports: a `Retry-After` header in milliseconds from `unix_ms`: seconds, or a date, which `parse_date` reads into Unix
/// milliseconds.
#[must_use]
pub fn retry_after_ms(
    header: &str,
    unix_ms: f64,
    parse_date: impl FnOnce(&str) -> Option<f64>,
) -> Option<f64> {
    let header = header.trim();
    match header.parse::<u32>() {
        Ok(seconds) => Some(f64::from(seconds) * 1_000.0),
        Err(_) => parse_date(header).map(|date_ms| (date_ms - unix_ms).max(0.0)),
    }
}

/// The date of a header, as the browser's `Date.parse` reads it.
#[cfg(test)]
pub(super) fn date_ms(text: &str) -> Option<f64> {
    let since = httpdate::parse_http_date(text)
        .ok()?
        .duration_since(std::time::UNIX_EPOCH)
        .ok()?;
    Some(since.as_millis() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn waits_double_from_half_a_second_to_a_minute_with_full_jitter() {
        let mut backoff = Backoff::default();
        for ceiling in [
            500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0, 16_000.0, 32_000.0, 60_000.0, 60_000.0,
        ] {
            backoff.failed(10.0, 0.5, None);
            assert_eq!(backoff.retry_at_ms(), 10.0 + ceiling / 2.0);
        }
        backoff.failed(10.0, 0.0, None);
        assert_eq!(backoff.retry_at_ms(), 10.0);
        for _ in 0..1_000 {
            backoff.failed(0.0, 0.999, None);
            assert!(backoff.retry_at_ms() < MAX_RETRY_MS);
        }
    }

    #[test]
    fn what_the_collector_says_comes_before_jitter_and_impatience() {
        let mut backoff = Backoff::default();
        backoff.failed(1_000.0, 0.1, Some(7_000.0));
        assert_eq!(backoff.retry_at_ms(), 8_000.0);
        backoff.hurry();
        assert_eq!(backoff.retry_at_ms(), 8_000.0);
        backoff.failed(0.0, 0.5, Some(1e12));
        assert_eq!(backoff.retry_at_ms(), MAX_RETRY_AFTER_MS);
        backoff.failed(0.0, 0.5, None);
        backoff.hurry();
        assert_eq!(backoff.retry_at_ms(), 0.0);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let unix_ms = 784_111_777_000.0; // Sun, 06 Nov 1994 08:49:37 GMT
        let wait_ms = |header| retry_after_ms(header, unix_ms, date_ms);
        assert_eq!(wait_ms("120"), Some(120_000.0));
        assert_eq!(wait_ms(" 0 "), Some(0.0));
        assert_eq!(wait_ms("Sun, 06 Nov 1994 08:49:40 GMT"), Some(3_000.0));
        assert_eq!(wait_ms("Sun, 06 Nov 1994 08:49:30 GMT"), Some(0.0));
        for bad in ["", "soon", "-1", "1.5", "99999999999999999999"] {
            assert_eq!(wait_ms(bad), None, "{bad}");
        }
    }
}
