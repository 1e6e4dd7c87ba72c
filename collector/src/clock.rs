//! The wall clock, in the unit of the wire.

use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Unix microseconds; 0 for a clock set before 1970.
pub fn now_micros() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64)
}

/// Waits until then; for ever if there is no such time.
pub(crate) async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Returns a moment in RFC 3339, in UTC with milliseconds.
pub(crate) fn utc(ts_micros: u64) -> String {
    let moment = i64::try_from(ts_micros)
        .ok()
        .and_then(chrono::DateTime::from_timestamp_micros);
    moment
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
