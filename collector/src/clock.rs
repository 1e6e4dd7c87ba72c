//! The wall clock, in the unit of the wire.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix microseconds; 0 for a clock set before 1970.
#[must_use]
pub fn now_micros() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64)
}
