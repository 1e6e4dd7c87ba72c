//! The figures of a recorder's `system.health`, by the names that `/metrics` and OpenTelemetry have for them.

use serde_json::Value;

const PREFIX: &str = "tabtape_recorder_";

/// Gauges, with their help. A name after [`PREFIX`] is a field of the event, but for `lowered_categories`.
pub(crate) const RECORDER_FIGURES: [(&str, &str); 10] = [
    (
        "tabtape_recorder_page_micros_per_event",
        "Microseconds of a page's main thread per event",
    ),
    (
        "tabtape_recorder_worker_micros_per_event",
        "Microseconds of the worker per event of a page",
    ),
    (
        "tabtape_recorder_relay_queue",
        "Most messages that one page held unacknowledged, if they were many",
    ),
    (
        "tabtape_recorder_uncommitted_bytes",
        "Most bytes that waited for their commit",
    ),
    (
        "tabtape_recorder_undelivered_events",
        "Most events that waited for the collector",
    ),
    (
        "tabtape_recorder_commit_lag_ms",
        "Milliseconds from acceptance to commit, in the mean",
    ),
    (
        "tabtape_recorder_commit_lag_max_ms",
        "Milliseconds from acceptance to commit, at most",
    ),
    (
        "tabtape_recorder_flush_lag_ms",
        "Milliseconds from commit to acknowledgement, in the mean",
    ),
    (
        "tabtape_recorder_flush_lag_max_ms",
        "Milliseconds from commit to acknowledgement, at most",
    ),
    (
        "tabtape_recorder_lowered_categories",
        "Categories recorded below their setting, because of the load",
    ),
];

/// Returns one of [`RECORDER_FIGURES`] from the `data` of a `system.health`.
pub(crate) fn recorder_figure(name: &str, data: &Value) -> Option<f64> {
    match name.strip_prefix(PREFIX)? {
        "lowered_categories" => Some(data["lowered"].as_object()?.len() as f64),
        field => data[field].as_f64(),
    }
}
