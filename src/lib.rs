//! Tabtape: a flight recorder for browser tabs.

pub mod header;
pub mod levels;
pub mod severity;
