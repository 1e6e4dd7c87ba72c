//! The headers of records as columns, so that a viewer lists and bins very many without their lines.
//!
//! The collector's `GET /v1/headers` answers with them, too.

use crate::levels::Severity;
use crate::record::Entry;
use serde::Serialize;

/// The n-th of each column belong together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Columns {
    /// A record's seq; a gap's first.
    pub seq: Vec<u64>,
    /// Unix microseconds; 0 for a gap.
    pub ts: Vec<u64>,
    /// Index into `types`; 0 for a gap, whose column means nothing.
    #[serde(rename = "type")]
    pub type_: Vec<usize>,
    /// Index into `categories`.
    pub category: Vec<usize>,
    /// 0 debug, 1 info, 2 warn, 3 error; a gap is a warning.
    pub severity: Vec<u8>,
    /// The tab; -1 for none.
    pub tab: Vec<i64>,
    /// How many seqs a gap covers; 0 for an event.
    pub gap: Vec<u64>,
    /// Every type there is, in order of first sight.
    pub types: Vec<String>,
    /// Every category there is, in order of first sight.
    pub categories: Vec<String>,
}

impl Columns {
    /// Appends a record.
    pub fn push(&mut self, entry: &Entry) {
        self.seq.push(entry.first_seq());
        self.category.push(number(&mut self.categories, entry.category()));
        let (ts, type_, severity, tab, gap) = match entry {
            Entry::Event(event) => {
                let header = &event.header;
                let type_ = number(&mut self.types, event.record().type_());
                (header.ts_micros, type_, header.severity, header.tab_id, 0)
            }
            Entry::Gap(stored) => (0, 0, Severity::Warn, -1, stored.gap.count()),
        };
        self.ts.push(ts);
        self.type_.push(type_);
        self.severity.push(severity as u8);
        self.tab.push(tab);
        self.gap.push(gap);
    }
}

/// Names are some dozens at most: looking through them is faster than hashing.
fn number(names: &mut Vec<String>, name: &str) -> usize {
    names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    })
}

#[cfg(test)]
mod tests {
    use super::Columns;
    use crate::log::samples::entry;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn events_and_gaps_are_in_the_same_row_of_every_column() {
        let mut columns = Columns::default();
        let lines = [
            r#"{"gap":{"first_seq":1,"last_seq":3,"category":"page","reason":"quota"}}"#,
            r#"{"seq":4,"event":{"ts":7,"type":"console.warn","category":"console","detail_level":"standard","source":{"kind":"extension","metadata":{"tab_id":"9"}}}}"#,
            r#"{"seq":5,"event":{"ts":8,"type":"console.warn","category":"console","detail_level":"standard","source":{"kind":"extension"}}}"#,
        ];
        lines.iter().for_each(|line| columns.push(&entry(line)));
        let Columns {
            seq,
            ts,
            type_,
            category,
            severity,
            tab,
            gap,
            types,
            categories,
        } = columns;
        assert_eq!((seq, ts), (vec![1, 4, 5], vec![0, 7, 8]));
        assert_eq!((type_, types), (vec![0, 0, 0], vec!["console.warn".to_owned()]));
        assert_eq!(
            (category, categories),
            (vec![0, 1, 1], vec!["page".to_owned(), "console".to_owned()])
        );
        assert_eq!(
            (severity, tab, gap),
            (vec![2, 2, 2], vec![-1, 9, -1], vec![3, 0, 0])
        );
    }
}
