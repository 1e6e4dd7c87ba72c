//! Sealed requests that were carried out, so that none is carried out twice.

use crate::clock::now_micros;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use tabtape::sealed::{NONCE_BYTES, WINDOW_MS};

/// The nonces of the last minutes, so that no request is carried out twice.
#[derive(Debug)]
pub struct Replays {
    started_ms: u64,
    seen: Mutex<Seen>,
}

/// Nonces in two halves: the older one is dropped when the newer one has outlived the window on both its sides.
#[derive(Debug, Default)]
struct Seen {
    began_ms: u64,
    newer: HashSet<[u8; NONCE_BYTES]>,
    older: HashSet<[u8; NONCE_BYTES]>,
}

impl Default for Replays {
    fn default() -> Self {
        Self {
            started_ms: now_micros() / 1_000,
            seen: Mutex::default(),
        }
    }
}

impl Replays {
    /// Whether `nonce` is new.
    pub(crate) fn is_new(&self, nonce: [u8; NONCE_BYTES], now_ms: u64) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if now_ms.abs_diff(seen.began_ms) > 2 * WINDOW_MS {
            seen.began_ms = now_ms;
            seen.older = std::mem::take(&mut seen.newer);
        }
        !seen.older.contains(&nonce) && seen.newer.insert(nonce)
    }

    /// Whether a request of this time can be carried out: it is recent, and it was made after this process started:
    /// the nonces of earlier processes are unknown.
    pub(crate) fn is_timely(&self, time_ms: u64, now_ms: u64) -> bool {
        time_ms >= self.started_ms && now_ms.abs_diff(time_ms) <= WINDOW_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_new_once_for_longer_than_its_request_is_timely() {
        let replays = Replays {
            started_ms: 1_000_000,
            seen: Mutex::default(),
        };
        let mut now_ms = 1_000_000;
        for number in 0..50_u8 {
            let nonce = [number; NONCE_BYTES];
            assert!(replays.is_new(nonce, now_ms));
            // The latest time that its request can have.
            let time_ms = now_ms + WINDOW_MS;
            for later_ms in [0, WINDOW_MS, 2 * WINDOW_MS] {
                assert!(replays.is_timely(time_ms, now_ms + later_ms));
                assert!(
                    !replays.is_new(nonce, now_ms + later_ms),
                    "{number} after {later_ms} ms"
                );
            }
            assert!(!replays.is_timely(time_ms, now_ms + 2 * WINDOW_MS + 1));
            now_ms += 2 * WINDOW_MS + 7_000;
        }
        assert!(replays.seen.lock().unwrap().newer.len() < 5, "it does not grow");
    }

    #[test]
    fn a_request_is_timely_for_a_minute_before_and_after_its_time() {
        let replays = Replays {
            started_ms: 0,
            seen: Mutex::default(),
        };
        assert!(replays.is_timely(100_000, 160_000) && !replays.is_timely(100_000, 160_001));
        assert!(replays.is_timely(160_000, 100_000) && !replays.is_timely(160_001, 100_000));
    }

    #[test]
    fn a_request_from_before_the_start_is_not_timely() {
        let replays = Replays {
            started_ms: 1_000_000,
            seen: Mutex::default(),
        };
        assert!(!replays.is_timely(999_999, 1_000_001) && replays.is_timely(1_000_000, 1_000_001));
    }
}
