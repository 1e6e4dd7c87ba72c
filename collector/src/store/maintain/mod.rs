//! Maintenance: deletion, retention, checks of the file, and the rescue of a damaged one.

pub(super) mod delete;
pub(super) mod integrity;
pub(super) mod retention;
pub(super) mod salvage;
