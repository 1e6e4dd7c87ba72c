//! The state of the connection to the collector.
//!
//! ```text
//!              on_proven                    PROOF_MS without an answer: a hello, before the next batch
//! Unproven ───────────────▶ Proven ───────┐
//!     ▲                       │ ▲         │ on_answered
//!     └───────────────────────┘ └─────────┘
//!          on_failed          │
//!                             └─ on_failed, unauthorized ─▶ Stopped
//! ```

use super::super::backoff::Backoff;
use super::super::notice::Notice;
use super::status::LinkState;

/// For so long after its last answer the collector need not prove again who it is: long enough that
/// recording costs no second request, too short to take its port over unnoticed.
pub const PROOF_MS: f64 = 5_000.0;

/// Whether the collector has proved that it is the paired one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Proof {
    /// It has yet to prove it, again after each broken connection.
    Unproven,
    /// It has, and last answered then.
    Proven { at_ms: f64 },
    /// It does not let us in.
    Stopped,
}

/// The connection to the collector: its proof, its store and its failures.
#[derive(Debug)]
pub(super) struct Link {
    proof: Proof,
    store_id: Option<String>,
    /// Failures of the connection; each session has its own besides.
    backoff: Backoff,
    state: LinkState,
    error: Option<String>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            proof: Proof::Unproven,
            store_id: None,
            backoff: Backoff::default(),
            state: LinkState::Connecting,
            error: None,
        }
    }
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
