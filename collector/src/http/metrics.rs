//! `GET /metrics`: the counters in Prometheus' text form, and the newest health of each live recorder.

use super::problem::Problem;
use crate::app::{Metrics, RECORDER_FIGURES, recorder_figure};
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
        let query = PageQuery::new(Order::Seq(row.id), selector.clone(), 1).newest(true);
        if let Some(record) = store.page(query).await?.records.last() {
            let mut line = stored_line::value(&record.line);
            found.push((session.session, line["event"]["data"].take()));
        }
    }
    Ok(found)
}

fn write_health(text: &mut String, sessions: &[(String, Value)]) {
    for (name, help) in RECORDER_FIGURES {
        let mut head = format!("# HELP {name} {help}.\n# TYPE {name} gauge\n");
        for (session, data) in sessions {
            if let Some(figure) = recorder_figure(name, data) {
                text.push_str(&std::mem::take(&mut head));
                let _ = writeln!(text, "{name}{{session=\"{session}\"}} {figure}");
            }
        }
    }
}
