//! Counters of the process, and `/metrics` in Prometheus' text form.

use super::App;
use super::problem::Problem;
use crate::auth::Grant;
use crate::store::Receipt;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters since the start of the process.
#[derive(Debug, Default)]
pub struct Metrics {
    received_bytes: AtomicU64,
    accepted: AtomicU64,
    duplicates: AtomicU64,
    conflicts: AtomicU64,
    subscribers: AtomicU64,
    pub(super) refused_connections: AtomicU64,
    /// Counters of records sent to an OpenTelemetry endpoint.
    pub(crate) forwarding: Forwarding,
}

/// Records on their way to an OpenTelemetry endpoint.
#[derive(Debug, Default)]
pub(crate) struct Forwarding {
    pub(crate) forwarded: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) not_retained: AtomicU64,
}

/// One open stream; counted until dropped.
#[derive(Debug)]
#[must_use = "a subscriber is counted until this is dropped"]
pub(super) struct Subscriber(Arc<Metrics>);

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.0.subscribers.fetch_sub(1, Relaxed);
    }
}

impl Metrics {
    pub(super) fn received(&self, bytes: usize) {
        self.received_bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn stored(&self, receipt: &Receipt) {
        self.accepted.fetch_add(receipt.accepted, Relaxed);
        self.duplicates.fetch_add(receipt.duplicates, Relaxed);
        self.conflicts.fetch_add(u64::from(receipt.conflict.is_some()), Relaxed);
    }

    pub(super) fn subscriber(self: &Arc<Self>) -> Subscriber {
        self.subscribers.fetch_add(1, Relaxed);
        Subscriber(Arc::clone(self))
    }
}

/// Metrics.
#[utoipa::path(
    get, path = "/metrics", tag = "read",
    responses(
        (status = OK, body = String, content_type = "text/plain"),
        (status = FORBIDDEN, description = "`wrong_scope`: the token is bound to a selector", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn get(
    State(app): State<App>,
    Extension(grant): Extension<Grant>,
) -> Result<Response, Problem> {
    if grant.selector.is_some() {
        let detail = "metrics count everything, and this token is bound to a selector";
        return Err(Problem::forbidden("wrong_scope", detail));
    }
    let metrics = &app.metrics;
    let forwarding = &metrics.forwarding;
    let rows = [
        ("tabtape_received_bytes_total", "counter", "Bytes of batches as they came", &metrics.received_bytes),
        ("tabtape_records_accepted_total", "counter", "Records that were new", &metrics.accepted),
        (
            "tabtape_records_duplicate_total",
            "counter",
            "Records that were stored before",
            &metrics.duplicates,
        ),
        (
            "tabtape_seq_conflicts_total",
            "counter",
            "Batches with a seq stored with other bytes",
            &metrics.conflicts,
        ),
        ("tabtape_stream_subscribers", "gauge", "Open streams", &metrics.subscribers),
        (
            "tabtape_connections_refused_total",
            "counter",
            "Connections over the limit",
            &metrics.refused_connections,
        ),
        (
            "tabtape_otlp_forwarded_total",
            "counter",
            "Records that the OpenTelemetry endpoint took",
            &forwarding.forwarded,
        ),
        (
            "tabtape_otlp_rejected_total",
            "counter",
            "Records that the endpoint dropped from batches it took, as it says in partial_success",
            &forwarding.rejected,
        ),
        (
            "tabtape_otlp_refused_total",
            "counter",
            "Records that the endpoint refused alone, passed over",
            &forwarding.refused,
        ),
        (
            "tabtape_otlp_not_retained_total",
            "counter",
            "Records that retention took before they were forwarded",
            &forwarding.not_retained,
        ),
    ];
    let mut text = String::new();
    for (name, kind, help, value) in rows {
        let _ = write!(text, "# HELP {name} {help}.\n# TYPE {name} {kind}\n{name} {}\n", value.load(Relaxed));
    }
    let _ = write!(
        text,
        "# HELP tabtape_store_position Position of the last record.\n# TYPE tabtape_store_position gauge\ntabtape_store_position {}\n",
        app.store.latest_position()
    );
    Ok(super::typed("text/plain; version=0.0.4", Body::from(text)))
}
