//! `GET /metrics`: the counters in Prometheus' text form, and the newest health of each live recorder.

use super::problem::Problem;
use crate::app::Metrics;
use crate::auth::Grant;
use crate::clock::now_micros;
use crate::store::{Order, PageQuery, Store, StoreError};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;
use std::fmt::Write as _;
use std::sync::Arc;
use tabtape::record::stored_line;
use tabtape::selector::Selector;

/// A session without an event for so long has no live recorder: while something is recorded, its health is reported
/// once per minute.
const LIVE_MICROS: u64 = 3 * 60 * 1_000_000;

/// Fields of `system.health` that are gauges, with their help.
const HEALTH: [(&str, &str); 9] = [
    (
        "page_micros_per_event",
        "Microseconds of a page's main thread per event",
    ),
    (
        "worker_micros_per_event",
        "Microseconds of the worker per event of a page",
    ),
    (
        "relay_queue",
        "Most messages that one page held unacknowledged, if they were many",
    ),
    ("uncommitted_bytes", "Most bytes that waited for their commit"),
    ("undelivered_events", "Most events that waited for the collector"),
    (
        "commit_lag_ms",
        "Milliseconds from acceptance to commit, in the mean",
    ),
    (
        "commit_lag_max_ms",
        "Milliseconds from acceptance to commit, at most",
    ),
    (
        "flush_lag_ms",
        "Milliseconds from commit to acknowledgement, in the mean",
    ),
    (
        "flush_lag_max_ms",
        "Milliseconds from commit to acknowledgement, at most",
    ),
];

/// Metrics.
#[utoipa::path(
    get, path = "/metrics", tag = "read",
    responses(
        (status = OK, body = String, content_type = "text/plain"),
        (status = FORBIDDEN, description = "`wrong_scope`: the token is bound to a selector", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn get(
    State(metrics): State<Arc<Metrics>>,
    State(store): State<Store>,
    Extension(grant): Extension<Grant>,
) -> Result<Response, Problem> {
    if grant.selector.is_some() {
        let detail = "metrics count everything, and this token is bound to a selector";
        return Err(Problem::forbidden("wrong_scope", detail));
    }
    let mut text = metrics.to_text();
    text.push_str(&store.tasks().to_text());
    let _ = write!(
        text,
        "# HELP tabtape_store_position Position of the last record.\n# TYPE tabtape_store_position gauge\ntabtape_store_position {}\n",
        store.latest_position()
    );
    write_health(&mut text, &live_health(&store).await?);
    Ok(super::typed("text/plain; version=0.0.4", Body::from(text)))
}

/// Returns the `data` of the newest `system.health` of each live session, by session.
async fn live_health(store: &Store) -> Result<Vec<(String, Value)>, StoreError> {
    let after = now_micros().saturating_sub(LIVE_MICROS);
    let selector = Selector::parse(&format!("type:system.health since:{after}"), after);
    let selector = Some(Arc::new(selector.unwrap_or_default()));
    let mut found = Vec::new();
    for session in store.sessions().await? {
        if session.last_ts.is_none_or(|ts| ts < after) {
            continue;
        }
        let Some(row) = store.session_row(&session.session).await? else {
            continue;
        };
        let query = PageQuery {
            order: Order::Seq(row.id),
            selector: selector.clone(),
            after: 0,
            until: u64::MAX,
            newest: true,
            limit: 1,
        };
        if let Some(record) = store.page(query).await?.records.last() {
            let mut line = stored_line::value(&record.line);
            found.push((session.session, line["event"]["data"].take()));
        }
    }
    Ok(found)
}

fn write_health(text: &mut String, sessions: &[(String, Value)]) {
    let mut gauge = |name: &str, help: &str, figure: &dyn Fn(&Value) -> Option<f64>| {
        let mut head =
            format!("# HELP tabtape_recorder_{name} {help}.\n# TYPE tabtape_recorder_{name} gauge\n");
        for (session, data) in sessions {
            if let Some(figure) = figure(data) {
                text.push_str(&std::mem::take(&mut head));
                let _ = writeln!(text, "tabtape_recorder_{name}{{session=\"{session}\"}} {figure}");
            }
        }
    };
    for (name, help) in HEALTH {
        gauge(name, help, &|data| data[name].as_f64());
    }
    gauge(
        "lowered_categories",
        "Categories recorded below their setting, because of the load",
        &|data| Some(data["lowered"].as_object()?.len() as f64),
    );
}
