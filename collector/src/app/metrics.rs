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
    /// Counters of what is sent to an OpenTelemetry endpoint, by signal.
    forwarding: [Forwarding; Signal::ALL.len()],
}

/// A kind of data that an OpenTelemetry endpoint takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Logs,
    Traces,
    Metrics,
}

impl Signal {
    pub(crate) const ALL: [Self; 3] = [Self::Logs, Self::Traces, Self::Metrics];

    /// Returns the name, as in an endpoint's path and in `/metrics`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Traces => "traces",
            Self::Metrics => "metrics",
        }
    }
}

/// Records, spans or data points on their way to an OpenTelemetry endpoint.
#[derive(Debug, Default)]
pub(crate) struct Forwarding {
    pub(crate) forwarded: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) altered: AtomicU64,
    pub(crate) unreadable: AtomicU64,
    pub(crate) not_retained: AtomicU64,
    pub(crate) late: AtomicU64,
}

/// One figure of this process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) kind: FigureKind,
    pub(crate) help: &'static str,
    /// The signal that it is about, for those of forwarding.
    pub(crate) signal: Option<&'static str>,
    pub(crate) value: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FigureKind {
    Counter,
    Gauge,
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

    /// Returns the number of open streams.
    pub(crate) fn subscribers(&self) -> u64 {
        self.subscribers.load(Relaxed)
    }

    /// Returns the counters of a signal.
    pub(crate) const fn forwarding(&self, signal: Signal) -> &Forwarding {
        &self.forwarding[signal as usize]
    }

    /// Returns every figure; those of one name follow each other.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        let own = [
            (
                "tabtape_received_bytes_total",
                FigureKind::Counter,
                "Bytes of batches as they came",
                &self.received_bytes,
            ),
            (
                "tabtape_records_accepted_total",
                FigureKind::Counter,
                "Records that were new",
                &self.accepted,
            ),
            (
                "tabtape_records_duplicate_total",
                FigureKind::Counter,
                "Records that were stored before",
                &self.duplicates,
            ),
            (
                "tabtape_seq_conflicts_total",
                FigureKind::Counter,
                "Batches with a seq stored with other bytes",
                &self.conflicts,
            ),
            (
                "tabtape_stream_subscribers",
                FigureKind::Gauge,
                "Open streams",
                &self.subscribers,
            ),
            (
                "tabtape_connections_refused_total",
                FigureKind::Counter,
                "Connections over the limit",
                &self.refused_connections,
            ),
        ];
        let mut figures: Vec<Figure> = own
            .into_iter()
            .map(|(name, kind, help, value)| Figure {
                name,
                kind,
                help,
                signal: None,
                value: value.load(Relaxed),
            })
            .collect();
        type Counter = fn(&Forwarding) -> &AtomicU64;
        let of_forwarding: [(&str, &str, Counter); 7] = [
            (
                "tabtape_otlp_forwarded_total",
                "Records, spans or data points that the OpenTelemetry endpoint took",
                |counters| &counters.forwarded,
            ),
            (
                "tabtape_otlp_rejected_total",
                "Those that the endpoint dropped from batches it took, as it says in partial_success",
                |counters| &counters.rejected,
            ),
            (
                "tabtape_otlp_refused_total",
                "Those that the endpoint refused alone, passed over",
                |counters| &counters.refused,
            ),
            (
                "tabtape_otlp_not_retained_total",
                "Records that retention took before they were forwarded",
                |counters| &counters.not_retained,
            ),
            (
                "tabtape_otlp_altered_total",
                "Records forwarded with a part that OpenTelemetry cannot hold written in another way",
                |counters| &counters.altered,
            ),
            (
                "tabtape_otlp_unreadable_total",
                "Lines forwarded as their text, because they are no records",
                |counters| &counters.unreadable,
            ),
            (
                "tabtape_otlp_late_total",
                "Records that came after the span that they belong to was sent",
                |counters| &counters.late,
            ),
        ];
        for (name, help, counter) in of_forwarding {
            figures.extend(Signal::ALL.map(|signal| Figure {
                name,
                kind: FigureKind::Counter,
                help,
                signal: Some(signal.name()),
                value: counter(self.forwarding(signal)).load(Relaxed),
            }));
        }
        figures
    }

    /// Writes the figures in Prometheus' text form.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        let mut last = "";
        for Figure {
            name,
            kind,
            help,
            signal,
            value,
        } in self.figures()
        {
            if name != last {
                let kind = if kind == FigureKind::Gauge {
                    "gauge"
                } else {
                    "counter"
                };
                let _ = write!(text, "# HELP {name} {help}.\n# TYPE {name} {kind}\n");
                last = name;
            }
            let label = signal.map_or_else(String::new, |signal| format!("{{signal=\"{signal}\"}}"));
            let _ = writeln!(text, "{name}{label} {value}");
        }
        text
    }
}
