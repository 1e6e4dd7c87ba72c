//! Gaps that the log has yet to store.

use crate::record::SessionId;
use serde::{Deserialize, Serialize};

/// The gaps of a segment that was deleted while the quota had no room for them: they are in memory alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingGaps {
    pub(crate) session_id: SessionId,
    pub(crate) category: String,
    pub(crate) first_seq: u64,
    /// To be stored in place of the segment.
    pub(crate) tombstone: Vec<u8>,
    pub(crate) freed_bytes: u64,
}
