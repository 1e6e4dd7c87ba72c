//! Writing: one thread stores the batches of all sessions, and accounts for every seq.

pub(super) mod batch;
pub(super) mod ingest;
pub(super) mod ledger;
pub(super) mod reserve;
pub(super) mod session_state;
pub(super) mod writer;
