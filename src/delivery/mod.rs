//! Exactly-once delivery: from the category logs to a collector, through any death of either.
//!
//! Everything committed is sent, in **batches**: seq ranges of one session in which every seq is covered
//! by an event or a gap. One batch is **in flight** at a time; while it is, the next one grows. A batch
//! that may not have arrived is sent again, with the same seqs and the same bytes, until the collector
//! **acks** it; the collector keeps each seq once. So a record is delivered at least once by this side
//! and at most once by the other.
//!
//! ## Trusting
//!
//! The process at the collector's address proves that it has the pairing secret ([`Challenge`]) before a batch is
//! sent to it; again after every broken connection, and after five seconds of silence. Batches and receipts are
//! [sealed](crate::sealed) with that secret, so that a process that takes the port between two proofs can neither read
//! nor acknowledge one. `acked_seq` is accepted downwards and, upwards, as far as records can have been sent.
//!
//! ## Rewinding
//!
//! Cursors are kept per `store_id`. Another store, or the same one restored from a copy, acks less: the
//! cursor goes back and everything still held is sent again. What no longer is, is sent as gap
//! [`NOT_RETAINED`](crate::record::reason::NOT_RETAINED). The first time in its life, a flusher asks again about the last record of the newest
//! drained session, so that a store restored in between is found out even when nothing else is to be sent.
//!
//! ## Losing
//!
//! Nothing is given up for a network error, a timeout, a 5xx or a reply that makes no sense. A record that
//! the collector refuses when it is sent alone is replaced by gap [`REFUSED`](crate::record::reason::REFUSED). Which records those are is
//! kept in memory only: in the collector's ledger a gap never contradicts a gap and a stored event beats
//! it, so a flusher that forgot may send the record again, be refused again and end at the same ledger.
//! A [`SessionStop`] ends one session's delivery, loudly; its records stay in the log.
//!
//! ## Parts
//!
//! [`Flusher`] decides, without I/O: time and randomness are parameters. [`Delivery`] does what it says,
//! over a [`LogStore`](crate::log::LogStore), a [`Transport`] and a [`Platform`].

mod batch;
mod flusher;
mod handle;
mod link;
mod pace;
mod progress;
mod status;
mod target;
mod task;
mod transport;

pub use batch::{Batch, BatchPlan, FlushReason, MAX_BATCH_BYTES, MAX_BATCH_EVENTS};
pub use flusher::{Action, Backlog, Flusher};
pub use handle::{Delivery, OnChange, Parts};
pub use link::{FIRST_RETRY_MS, MAX_RETRY_AFTER_MS, MAX_RETRY_MS, PROOF_MS, retry_after_ms};
pub use pace::{FLUSH_INTERVAL_MS, UNWATCHED_INTERVAL_MS};
pub use progress::STORE_CURSOR_MS;
pub use status::{DeliveryStatus, LinkState, NotFlushed, Notice, SessionStop};
pub use target::{BadTarget, Challenge, HELLO_TIMEOUT_MS, HelloOutcome, Target};
pub use transport::{
    BATCH_TIMEOUT_MS, MAX_REPLY_BYTES, Platform, Reply, Request, Response, Transport, TransportError,
};

#[cfg(test)]
pub(crate) mod tests;
