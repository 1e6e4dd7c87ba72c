//! Counts of a session's records: events by category and severity, gaps by reason.

use crate::record::Entry;
use serde::Serialize;
use std::collections::BTreeMap;

/// Counts of everything up to [`after_seq`](Self::after_seq). It grows by what comes after, so a session that
/// is still being recorded is never counted twice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// The last seq that is counted.
    pub after_seq: u64,
    /// Unix microseconds of the first event; `None` before there is one.
    pub first_ts: Option<u64>,
    /// Time of the latest event, which need not be the last accepted one.
    pub last_ts: Option<u64>,
    /// Number of events.
    pub events: u64,
    /// Events by category, then by severity: debug, info, warn, error.
    pub counts: BTreeMap<String, [u64; 4]>,
    /// Seqs that gaps cover, by reason.
    pub gaps: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts the next record of the session.
    pub fn take(&mut self, entry: &Entry) {
        self.after_seq = entry.last_seq();
        match entry {
            Entry::Gap(stored) => {
                *self.gaps.entry(stored.gap.reason.clone()).or_default() += stored.gap.count();
            }
            Entry::Event(event) => {
                let record = event.record();
                let ts = event.header.ts_micros;
                self.events += 1;
                self.first_ts = Some(self.first_ts.map_or(ts, |first| first.min(ts)));
                self.last_ts = Some(self.last_ts.map_or(ts, |last| last.max(ts)));
                let category = record.category();
                if !self.counts.contains_key(category) {
                    self.counts.insert(category.to_owned(), [0; 4]);
                }
                if let Some(by_severity) = self.counts.get_mut(category) {
                    by_severity[event.header.severity as usize] += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;
    use crate::log::samples::entry;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_seq_is_counted_once_as_an_event_or_in_a_gap() {
        let mut tally = Tally::default();
        let lines = [
            r#"{"seq":1,"event":{"ts":20,"type":"console.error","category":"console","detail_level":"standard","source":{"kind":"extension"}}}"#,
            r#"{"gap":{"first_seq":2,"last_seq":5,"category":"network","reason":"quota"}}"#,
            r#"{"seq":6,"event":{"ts":10,"type":"page.loaded","category":"page","detail_level":"standard","source":{"kind":"extension"}}}"#,
        ];
        lines.iter().for_each(|line| tally.take(&entry(line)));
        assert_eq!((tally.after_seq, tally.events), (6, 2));
        assert_eq!((tally.first_ts, tally.last_ts), (Some(10), Some(20)));
        assert_eq!(
            (tally.counts["console"], tally.counts["page"]),
            ([0, 0, 0, 1], [0, 1, 0, 0])
        );
        assert_eq!(tally.gaps["quota"], 4);
    }
}
