//! Counters of the process.

use crate::store::Receipt;
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
    pub(crate) refused_connections: AtomicU64,
    /// Counters of records sent to an OpenTelemetry endpoint.
    pub(crate) forwarding: Forwarding,
}

/// Records on their way to an OpenTelemetry endpoint.
#[derive(Debug, Default)]
pub(crate) struct Forwarding {
    pub(crate) forwarded: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) altered: AtomicU64,
    pub(crate) unreadable: AtomicU64,
    pub(crate) not_retained: AtomicU64,
}

/// One open stream; counted until dropped.
#[derive(Debug)]
#[must_use = "a subscriber is counted until this is dropped"]
pub(crate) struct Subscriber(Arc<Metrics>);

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.0.subscribers.fetch_sub(1, Relaxed);
    }
}

impl Metrics {
    pub(crate) fn received(&self, bytes: usize) {
        self.received_bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn stored(&self, receipt: &Receipt) {
        self.accepted.fetch_add(receipt.accepted, Relaxed);
        self.duplicates.fetch_add(receipt.duplicates, Relaxed);
        self.conflicts
            .fetch_add(u64::from(receipt.conflict.is_some()), Relaxed);
    }

    pub(crate) fn subscriber(self: &Arc<Self>) -> Subscriber {
        self.subscribers.fetch_add(1, Relaxed);
        Subscriber(Arc::clone(self))
    }

    /// Writes the counters in Prometheus' text form.
    pub(crate) fn to_text(&self) -> String {
        let forwarding = &self.forwarding;
        let rows = [
            (
                "tabtape_received_bytes_total",
                "counter",
                "Bytes of batches as they came",
                &self.received_bytes,
            ),
            (
                "tabtape_records_accepted_total",
                "counter",
                "Records that were new",
                &self.accepted,
            ),
            (
                "tabtape_records_duplicate_total",
                "counter",
                "Records that were stored before",
                &self.duplicates,
            ),
            (
                "tabtape_seq_conflicts_total",
                "counter",
                "Batches with a seq stored with other bytes",
                &self.conflicts,
            ),
            (
                "tabtape_stream_subscribers",
                "gauge",
                "Open streams",
                &self.subscribers,
            ),
            (
                "tabtape_connections_refused_total",
                "counter",
                "Connections over the limit",
                &self.refused_connections,
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
            (
                "tabtape_otlp_altered_total",
                "counter",
                "Records forwarded with a part that OpenTelemetry cannot hold written in another way",
                &forwarding.altered,
            ),
            (
                "tabtape_otlp_unreadable_total",
                "counter",
                "Lines forwarded as their text, because they are no records",
                &forwarding.unreadable,
            ),
        ];
        let mut text = String::new();
        for (name, kind, help, value) in rows {
            let _ = write!(
                text,
                "# HELP {name} {help}.\n# TYPE {name} {kind}\n{name} {}\n",
                value.load(Relaxed)
            );
        }
        text
    }
}
