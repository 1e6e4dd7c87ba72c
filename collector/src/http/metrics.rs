//! `GET /metrics`: the counters in Prometheus' text form.

use super::problem::Problem;
use crate::app::Metrics;
use crate::auth::Grant;
use crate::store::Store;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use std::fmt::Write as _;
use std::sync::Arc;

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
    Ok(super::typed("text/plain; version=0.0.4", Body::from(text)))
}
