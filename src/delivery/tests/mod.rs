//! The flusher under test: its rules one by one, and the whole delivery against a model of a collector.

mod batches;
mod collector;
mod delivers;
mod exactly_once;
mod rules;
pub(crate) mod world;

use crate::record::SessionId;

/// Session ids in order of age.
fn session(number: u64) -> SessionId {
    SessionId::from_time(1_000 + number, [number as u8; 10])
}
