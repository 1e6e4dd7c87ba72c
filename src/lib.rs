//! Tabtape: a flight recorder for browser tabs.

pub mod config;
pub mod envelope;
pub mod event;
pub mod flusher;
pub mod header;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
mod js;
pub mod json;
pub mod levels;
pub mod log;
pub mod redaction;
pub mod relay;
pub mod ring;
pub mod selector;
pub mod session;
pub mod severity;
pub mod system;
