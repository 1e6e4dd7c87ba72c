//! Measures what recording costs and how far it lags, for `system.health`.
//!
//! Nothing is measured per event: pages and worker report sums per batch, and a lag is the time that one marked record
//! takes, the next mark being set when that one has passed. A report covers the time since the one before it. A stretch
//! in which only the recorder itself published has no report.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The first report of a worker: a worker that is woken for a moment lives for 30 s.
const FIRST_REPORT_MS: f64 = 20_000.0;
const REPORT_MS: f64 = 60_000.0;

/// The time that records take from one stage to the next.
#[derive(Debug, Default)]
struct LagProbe {
    mark: Option<(u64, f64)>,
    sum_ms: f64,
    max_ms: f64,
    count: u32,
}

impl LagProbe {
    /// The record `seq` has entered.
    fn enter(&mut self, seq: u64, now_ms: impl FnOnce() -> f64) {
        if self.mark.is_none() {
            self.mark = Some((seq, now_ms()));
        }
    }

    /// Everything up to `seq` has left.
    fn leave(&mut self, seq: u64, now_ms: impl FnOnce() -> f64) {
        if let Some((_, since_ms)) = self.mark.take_if(|(marked, _)| *marked <= seq) {
            self.add((now_ms() - since_ms).max(0.0));
        }
    }

    fn add(&mut self, ms: f64) {
        self.sum_ms += ms;
        self.max_ms = self.max_ms.max(ms);
        self.count += 1;
    }

    /// Returns the mean and the longest lag since the last call. A record that is still on its way counts with its age,
    /// if it is older than the others took.
    fn take(&mut self, now_ms: f64) -> Option<(f64, f64)> {
        if let Some((_, since_ms)) = self.mark
            && (self.count == 0 || now_ms - since_ms > self.max_ms)
        {
            self.add((now_ms - since_ms).max(0.0));
        }
        let taken = (self.count > 0).then(|| (self.sum_ms / f64::from(self.count), self.max_ms));
        *self = Self {
            mark: self.mark,
            ..Self::default()
        };
        taken
    }
}

/// Time spent on a number of events.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// The events.
    pub events: u64,
    /// The time for all of them.
    pub micros: f64,
}

impl Cost {
    /// Adds another measurement.
    pub fn add(&mut self, other: Self) {
        self.events += other.events;
        self.micros += other.micros;
    }

    fn micros_per_event(self) -> Option<f64> {
        (self.events > 0).then(|| rounded(self.micros / self.events as f64))
    }
}

/// Sums since a session's owner began.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Events by category.
    pub events: BTreeMap<String, u64>,
    /// Bytes of all of their lines.
    pub bytes: u64,
    /// Seqs spent on gaps.
    pub dropped: u64,
}

impl Totals {
    fn events(&self) -> u64 {
        self.events.values().sum()
    }

    fn own(&self) -> u64 {
        self.events.get("system").copied().unwrap_or(0)
    }
}

/// The figures of one recorder since its last report.
#[derive(Debug, Default)]
pub struct HealthMeter {
    commit: LagProbe,
    flush: LagProbe,
    page: Cost,
    worker: Cost,
    relay_queue: u64,
    uncommitted_bytes: u64,
    undelivered_events: u64,
    reported: Totals,
    reported_ms: f64,
    next_report_ms: f64,
}

impl HealthMeter {
    /// Begins to measure.
    pub fn new(now_ms: f64) -> Self {
        Self {
            reported_ms: now_ms,
            next_report_ms: now_ms + FIRST_REPORT_MS,
            ..Self::default()
        }
    }

    /// Everything up to `latest_seq` was accepted.
    pub fn accepted(&mut self, latest_seq: u64, now_ms: impl FnOnce() -> f64) {
        self.commit.enter(latest_seq, now_ms);
    }

    /// Everything up to `seq` is committed, and goes to a collector if one is connected.
    pub fn committed(&mut self, seq: u64, is_delivered: bool, now_ms: impl Fn() -> f64) {
        self.commit.leave(seq, &now_ms);
        if is_delivered {
            self.flush.enter(seq, now_ms);
        } else {
            self.flush = LagProbe::default();
        }
    }

    /// The collector has acknowledged everything up to `seq`.
    pub fn acked(&mut self, seq: u64, now_ms: impl FnOnce() -> f64) {
        self.flush.leave(seq, now_ms);
    }

    /// A page has reported what its events cost it.
    pub fn page(&mut self, cost: Cost) {
        self.page.add(cost);
    }

    /// The worker has taken a batch of a relay.
    pub fn worker(&mut self, cost: Cost) {
        self.worker.add(cost);
    }

    /// Depths at one beat. The next report has the highest ones.
    pub fn depths(&mut self, relay_queue: u64, uncommitted_bytes: u64, undelivered_events: u64) {
        self.relay_queue = self.relay_queue.max(relay_queue);
        self.uncommitted_bytes = self.uncommitted_bytes.max(uncommitted_bytes);
        self.undelivered_events = self.undelivered_events.max(undelivered_events);
    }

    /// Whether something happened that no report covers.
    pub fn is_due_later(&self, totals: &Totals) -> bool {
        let (now, before) = (totals, &self.reported);
        now.events() - now.own() > before.events() - before.own() || now.dropped > before.dropped
    }

    /// Returns the `data` of `system.health`, if a report is due.
    pub fn report(&mut self, now_ms: f64, totals: &Totals, lowered: &Value) -> Option<Value> {
        if now_ms < self.next_report_ms || !self.is_due_later(totals) {
            return None;
        }
        let counted = |(name, events): (&String, &u64)| {
            let before = self.reported.events.get(name).copied().unwrap_or(0);
            (*events > before).then(|| (name.clone(), events - before))
        };
        let events: BTreeMap<String, u64> = totals.events.iter().filter_map(counted).collect();
        let (commit, flush) = (self.commit.take(now_ms), self.flush.take(now_ms));
        let mean = |lag: Option<(f64, f64)>| lag.map(|(mean, _)| rounded(mean));
        let longest = |lag: Option<(f64, f64)>| lag.map(|(_, longest)| rounded(longest));
        let data = json!({
            "seconds": rounded((now_ms - self.reported_ms) / 1_000.0),
            "events": events,
            "bytes": totals.bytes - self.reported.bytes,
            "dropped": totals.dropped - self.reported.dropped,
            "page_events": self.page.events,
            "page_micros_per_event": self.page.micros_per_event(),
            "worker_events": self.worker.events,
            "worker_micros_per_event": self.worker.micros_per_event(),
            "relay_queue": self.relay_queue,
            "uncommitted_bytes": self.uncommitted_bytes,
            "undelivered_events": self.undelivered_events,
            "commit_lag_ms": mean(commit),
            "commit_lag_max_ms": longest(commit),
            "flush_lag_ms": mean(flush),
            "flush_lag_max_ms": longest(flush),
            "lowered": lowered,
        });
        *self = Self {
            commit: std::mem::take(&mut self.commit),
            flush: std::mem::take(&mut self.flush),
            reported: totals.clone(),
            next_report_ms: now_ms + REPORT_MS,
            ..Self::new(now_ms)
        };
        Some(data)
    }
}

/// One digit after the point.
fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn totals(console: u64, system: u64) -> Totals {
        Totals {
            events: BTreeMap::from([("console".to_owned(), console), ("system".to_owned(), system)]),
            bytes: 100 * (console + system),
            dropped: 0,
        }
    }

    #[test]
    fn a_stretch_with_only_our_own_events_has_no_report() {
        let mut meter = HealthMeter::new(0.0);
        assert!(!meter.is_due_later(&totals(0, 3)));
        assert_eq!(meter.report(FIRST_REPORT_MS, &totals(0, 3), &json!({})), None);
        assert!(meter.is_due_later(&totals(1, 3)));
        assert_eq!(
            meter.report(FIRST_REPORT_MS - 1.0, &totals(1, 3), &json!({})),
            None
        );
        assert!(meter.report(FIRST_REPORT_MS, &totals(1, 3), &json!({})).is_some());
        // The report is itself an event of ours.
        assert!(!meter.is_due_later(&totals(1, 4)));
        assert_eq!(meter.report(1e9, &totals(1, 4), &json!({})), None);
    }

    #[test]
    fn a_report_covers_the_time_since_the_one_before_it() {
        let mut meter = HealthMeter::new(0.0);
        meter.page(Cost {
            events: 10,
            micros: 55.0,
        });
        meter.depths(7, 8, 9);
        meter.depths(3, 9, 2);
        let first = meter.report(FIRST_REPORT_MS, &totals(10, 1), &json!({})).unwrap();
        assert_eq!(first["seconds"], 20.0);
        assert_eq!(first["events"], json!({"console": 10, "system": 1}));
        assert_eq!(first["page_micros_per_event"], 5.5);
        assert_eq!(first["worker_micros_per_event"], Value::Null);
        assert_eq!(
            [
                &first["relay_queue"], &first["uncommitted_bytes"], &first["undelivered_events"]
            ],
            [7, 9, 9]
        );
        assert_eq!(
            meter.report(FIRST_REPORT_MS + REPORT_MS - 1.0, &totals(12, 1), &json!({})),
            None
        );
        let second = meter
            .report(FIRST_REPORT_MS + REPORT_MS, &totals(12, 1), &json!({}))
            .unwrap();
        assert_eq!(second["events"], json!({"console": 2}));
        assert_eq!(
            (&second["bytes"], &second["page_events"]),
            (&json!(200), &json!(0))
        );
    }

    #[test]
    fn lags_are_from_acceptance_to_commit_and_from_commit_to_acknowledgement() {
        let mut meter = HealthMeter::new(0.0);
        meter.accepted(1, || 100.0);
        meter.accepted(2, || 105.0);
        meter.committed(2, true, || 110.0);
        meter.acked(1, || 120.0);
        meter.acked(2, || 150.0);
        meter.accepted(3, || 200.0);
        meter.committed(3, true, || 202.0);
        let data = meter.report(30_202.0, &totals(3, 0), &json!({})).unwrap();
        assert_eq!(
            (&data["commit_lag_ms"], &data["commit_lag_max_ms"]),
            (&json!(6.0), &json!(10.0))
        );
        // The record that no collector has acknowledged is as late as it is old.
        assert_eq!(data["flush_lag_max_ms"], 30_000.0);
    }

    #[test]
    fn without_a_collector_there_is_no_flush_lag() {
        let mut meter = HealthMeter::new(0.0);
        meter.accepted(1, || 1.0);
        meter.committed(1, false, || 2.0);
        let data = meter.report(FIRST_REPORT_MS, &totals(1, 0), &json!({})).unwrap();
        assert_eq!(data["flush_lag_ms"], Value::Null);
    }
}
