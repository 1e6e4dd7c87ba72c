//! The tables of the store: their schema, the names and lines in them, and gaps.

pub(super) mod gaps;
pub(super) mod names;
pub(super) mod packed;
pub(super) mod schema;
#[cfg(test)]
mod schema_tests;
