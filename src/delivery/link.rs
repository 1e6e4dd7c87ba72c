//! The state of the connection to the collector, and when to try again after a failure.
//!
//! ```text
//!              on_proven                    PROOF_MS without an answer: a hello, before the next batch
//! Unproven ───────────────▶ Proven ───────┐
//!     ▲                       │ ▲         │ on_answered
//!     └───────────────────────┘ └─────────┘
//!          on_failed          │
//!                             └─ on_failed, unauthorized ─▶ Stopped
//! ```

use super::status::{LinkState, Notice};

/// For so long after its last answer the collector need not prove again who it is: long enough that
/// recording costs no second request, too short to take its port over unnoticed.
pub const PROOF_MS: f64 = 5_000.0;

/// Whether the collector has proved that it is the paired one.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Proof {
    /// It has yet to prove it, again after each broken connection.
    #[default]
    Unproven,
    /// It has, and last answered then.
    Proven { at_ms: f64 },
    /// It does not let us in.
    Stopped,
}

/// The connection to the collector: its proof, its store and its failures.
#[derive(Debug, Default)]
pub(super) struct Link {
    proof: Proof,
    store_id: Option<String>,
    /// Failures of the connection; each session has its own besides.
    backoff: Backoff,
    state: LinkState,
    error: Option<String>,
}

impl Link {
    pub(super) fn store_id(&self) -> Option<&str> {
        self.store_id.as_deref()
    }

    pub(super) const fn state(&self) -> LinkState {
        self.state
    }

    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    pub(super) const fn retry_at_ms(&self) -> f64 {
        self.backoff.retry_at_ms()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.proof == Proof::Stopped
    }

    /// Returns the store, unless a hello has to find out first whether it is still the one.
    pub(super) fn known_store(&self) -> Option<&str> {
        self.store_id().filter(|_| self.proof != Proof::Unproven)
    }

    /// Returns whether a batch may be sent without another proof.
    pub(super) fn is_proven(&self, now_ms: f64) -> bool {
        matches!(self.proof, Proof::Proven { at_ms } if now_ms - at_ms <= PROOF_MS)
    }

    /// The paired collector has answered a request.
    pub(super) const fn on_answered(&mut self, now_ms: f64) {
        self.proof = Proof::Proven { at_ms: now_ms };
    }

    /// The collector has proved itself, with this store. Returns the store that it had before, if that was another.
    pub(super) fn on_proven(&mut self, store_id: &str, now_ms: f64) -> Option<String> {
        self.on_answered(now_ms);
        self.store_id
            .replace(store_id.to_owned())
            .filter(|before| before != store_id)
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.backoff.failures() > 0
    }

    /// Delivery works. Returns a notice if it did not before.
    pub(super) fn on_works(&mut self) -> Option<Notice> {
        self.backoff.reset();
        self.error = None;
        if self.state == LinkState::Ok {
            return None;
        }
        self.state = LinkState::Ok;
        let store_id = self.store_id.clone().unwrap_or_default();
        Some(Notice::Connected { store_id })
    }

    /// Nothing is left to be sent, so delivery works if the collector is proven.
    pub(super) fn on_caught_up(&mut self) -> Option<Notice> {
        match self.proof {
            Proof::Proven { .. } => self.on_works(),
            _ => None,
        }
    }

    pub(super) const fn on_flush_requested(&mut self) {
        self.backoff.hurry();
    }

    /// A request failed, which leads to `state`. Returns whether that is a change.
    pub(super) fn on_failed(
        &mut self,
        state: LinkState,
        error: String,
        retry_after_ms: Option<f64>,
        now_ms: f64,
        random: f64,
    ) -> bool {
        self.proof = match state {
            LinkState::Unauthorized => Proof::Stopped,
            _ => Proof::Unproven,
        };
        self.backoff.failed(now_ms, random, retry_after_ms);
        self.error = Some(error);
        std::mem::replace(&mut self.state, state) != state
    }
}

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
