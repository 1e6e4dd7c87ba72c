//! Batches for the store, and its receipts.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _};
use tabtape::record::{Line, SessionId};

/// One parsed record and its bytes.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The line as it arrived, without a newline.
    pub line: Bytes,
    /// The parsed line.
    pub parsed: Line,
}

/// Records of one session, in seq order.
#[derive(Debug)]
pub struct Batch {
    /// The session.
    pub session_id: SessionId,
    /// The local process that wrote them, if one did.
    pub producer: Option<String>,
    /// The pairing that delivered them, if one did.
    pub pairing: Option<String>,
    /// The records.
    pub records: Vec<Incoming>,
    /// The name of the request, if it must not be carried out twice.
    pub idempotency: Option<Idempotency>,
}

/// Names a request, so that its repeat is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key, unique within its producer.
    pub key: String,
    /// Digest of the request.
    pub digest: [u8; 32],
}

/// The receipt that is kept for an `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotentReceipt {
    /// Row of the session.
    pub session: i64,
    /// First seq.
    pub first_seq: u64,
    /// Last seq.
    pub last_seq: u64,
    /// Digest of the request.
    pub digest: [u8; 32],
}

/// A stored seq was sent again with other bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict {
    /// The seq.
    pub seq: u64,
    /// Index of the record in its batch, from 0.
    pub index: usize,
}

/// The receipt for a batch. Returned only after its commit is on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The unbroken prefix of the session, from 1.
    pub acked_seq: u64,
    /// Records that were new.
    pub accepted: u64,
    /// Records that were stored before, or cover a seq that was.
    pub duplicates: u64,
    /// The conflict at which the batch stopped, if any.
    pub conflict: Option<Conflict>,
}

/// Returns the receipt that is kept for the request of this name.
pub(in crate::store) fn idempotent_receipt(
    connection: &Connection,
    key: &str,
) -> rusqlite::Result<Option<IdempotentReceipt>> {
    connection
        .prepare_cached("SELECT session, first_seq, last_seq, digest FROM idempotency WHERE key = ?1")?
        .query_row([key], |row| {
            Ok(IdempotentReceipt {
                session: row.get(0)?,
                first_seq: row.get::<_, i64>(1)? as u64,
                last_seq: row.get::<_, i64>(2)? as u64,
                digest: row.get(3)?,
            })
        })
        .optional()
}
