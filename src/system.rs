//! The recorder's own events: category `system`, so that the stream tells of itself.
//!
//! | type | when | data |
//! |---|---|---|
//! | `system.session_started` | a new session begins | `previous`: the session before it, `previous_watched`, `config`, `version` |
//! | `system.worker_started` | a worker takes a session over | `reason`, `epoch`, `resumed_after_seq`, `unwatched` |
//! | `system.session_ended` | recording was stopped | |
//! | `system.config_changed` | what is recorded changed | `patch`, `config`, `reason` unless a person changed it |
//! | `system.health` | once per minute in which something was recorded | costs, depths and lags |
//! | `system.storage_volatile` | the log failed for too long | `error` |
//! | `system.storage_recovered` | the log works again, and has what memory had | |
//! | `system.collector_connected` | a collector acknowledged for the first time, or again | `store_id` |
//! | `system.collector_unreachable` | deliveries fail and are retried | `error` |
//! | `system.collector_unauthorized` | the collector refuses the token | `error` |
//! | `system.collector_impostor` | the process at its address does not have the pairing secret | `error` |
//!
//! Each is the JSON text of an event, to be published like any other.

use crate::config::CaptureConfig;
use crate::coverage::WatchedUntil;
use crate::levels::DetailLevel;
use crate::record::SessionId;
use serde_json::{Value, json};

/// A stretch of time in which worker events may have been lost, in Unix microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Unwatched {
    /// The last commit before.
    pub from_ts: u64,
    /// When watching continued.
    pub to_ts: u64,
}

fn event(type_: &str, source_event: &str, data: &Value) -> String {
    json!({
        "type": type_,
        "category": "system",
        "source": {"kind": "extension", "event": source_event},
        "data": data,
    })
    .to_string()
}

/// A new session begins, and says how far the one before was watched, which may have ended without a word.
pub fn session_started(
    previous: Option<SessionId>,
    previous_watched: Option<&WatchedUntil>,
    config: &CaptureConfig,
) -> String {
    let previous = previous.map(|session_id| session_id.to_string());
    let data = json!({
        "previous": previous,
        "previous_watched": previous_watched,
        "config": config,
        "version": env!("CARGO_PKG_VERSION"),
    });
    event("system.session_started", "recorder.open", &data)
}

/// A worker took a session over: why it runs, what it found, and what may be missing.
pub fn worker_started(
    reason: &str,
    epoch: u64,
    resumed_after_seq: u64,
    unwatched: Option<Unwatched>,
    config: &CaptureConfig,
) -> String {
    let data = json!({
        "reason": reason,
        "epoch": epoch,
        "resumed_after_seq": resumed_after_seq,
        "unwatched": unwatched,
        "config": config,
    });
    event("system.worker_started", "recorder.open", &data)
}

/// Recording was stopped.
pub fn session_ended() -> String {
    event("system.session_ended", "recorder.close", &json!({}))
}

/// The capture config changed.
pub fn config_changed(patch: &Value, config: &CaptureConfig) -> String {
    event(
        "system.config_changed",
        "recorder.configure",
        &json!({"patch": patch, "config": config}),
    )
}

/// The load changed the detail level of a category. `config` is what holds now.
pub fn level_changed(category: &str, to: DetailLevel, reason: &str, config: &CaptureConfig) -> String {
    let patch = json!({"categories": {category: {"detail_level": to}}});
    event(
        "system.config_changed",
        "recorder.overload",
        &json!({"patch": patch, "config": config, "reason": reason}),
    )
}

/// Reports the cost of recording, and how far it lags.
pub fn health(data: &Value) -> String {
    event("system.health", "recorder.health", data)
}

/// The log failed for too long, or could not be opened: from here on, memory only.
pub fn storage_volatile(code: &str, error: &str) -> String {
    event(
        "system.storage_volatile",
        "recorder.commit",
        &json!({"code": code, "error": error}),
    )
}

/// The log works again, and has everything.
pub fn storage_recovered() -> String {
    event("system.storage_recovered", "recorder.commit", &json!({}))
}

/// The collector's state changed: `connected`, `unreachable`, `unauthorized`, `impostor`.
pub fn collector(state: &str, store_id: Option<&str>, error: Option<&str>) -> String {
    let data = json!({"store_id": store_id, "error": error});
    event(&format!("system.collector_{state}"), "flusher", &data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Trust};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_one_is_an_event_that_publish_takes() {
        let config = CaptureConfig::default();
        let session_id = SessionId::from_time(0, [0; 10]);
        for text in [
            session_started(Some(session_id), Some(&WatchedUntil::default()), &config),
            session_started(None, None, &config),
            worker_started("wake", 2, 41, Some(Unwatched { from_ts: 1, to_ts: 2 }), &config),
            session_ended(),
            config_changed(&json!({"categories": {"network": {"enabled": false}}}), &config),
            level_changed("console", DetailLevel::Minimal, "full", &config),
            health(&json!({"seconds": 60.0})),
            storage_volatile("quota_exceeded", "full"),
            storage_recovered(),
            collector("connected", Some("s"), None),
            collector("unreachable", None, Some("refused")),
        ] {
            let event = Event::parse(text.as_bytes(), Trust::Untrusted).unwrap();
            assert_eq!(event.category, "system");
            assert!(event.type_.starts_with("system."));
        }
    }
}
