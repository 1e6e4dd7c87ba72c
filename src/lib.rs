//! Tabtape: a flight recorder for browser tabs.

pub mod config;
pub mod envelope;
pub mod event;
pub mod header;
pub mod json;
pub mod levels;
pub mod log;
pub mod redaction;
pub mod relay;
pub mod ring;
pub mod selector;
pub mod session;
pub mod severity;
