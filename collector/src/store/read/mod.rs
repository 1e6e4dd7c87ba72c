//! Reading: pages, live commits, sessions and coverage, each from one snapshot.

pub(super) mod coverage;
pub(super) mod page;
pub(super) mod query;
pub(super) mod readers;
pub(super) mod recent;
mod rows;
pub(super) mod sessions;
