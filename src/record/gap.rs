//! A counted gap in the stream.

use std::ops::RangeInclusive;

/// Most bytes of a gap's reason.
pub const MAX_REASON_BYTES: usize = 64;
/// The category of a gap whose events are of an unknown category.
pub const UNKNOWN_CATEGORY: &str = "system";

/// A counted gap in the stream: every seq from `first_seq` to `last_seq`, inclusive, carries nothing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gap {
    /// The first missing seq.
    pub first_seq: u64,
    /// The last missing seq.
    pub last_seq: u64,
    /// The category of the missing events.
    pub category: String,
    /// The reason: `[a-z][a-z0-9_]{0,63}`.
    pub reason: String,
}

impl Gap {
    /// The gap of `seqs`.
    pub fn new(seqs: RangeInclusive<u64>, category: &str, reason: &str) -> Self {
        Self {
            first_seq: *seqs.start(),
            last_seq: *seqs.end(),
            category: category.to_owned(),
            reason: reason.to_owned(),
        }
    }

    /// How many seqs it covers.
    pub const fn count(&self) -> u64 {
        self.last_seq - self.first_seq + 1
    }
}

/// Whether `reason` may name why something was lost: `[a-z][a-z0-9_]{0,63}`.
pub fn is_reason(reason: &[u8]) -> bool {
    reason.len() <= MAX_REASON_BYTES
        && reason.first().is_some_and(u8::is_ascii_lowercase)
        && reason
            .iter()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}
