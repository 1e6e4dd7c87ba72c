//! Forgetting: what a person wants gone leaves the logs, and its seqs stay accounted for.

use super::format::{Segment, SegmentBuilder};
use crate::record::reason::DELETED;
use crate::record::{Entry, Gap, LineWriter, SessionId};
use crate::selector::Selector;

/// `segment` with a gap in the place of every event that `selector` wants, and how many those were; `None`
/// when it wants none. A line that cannot be read stays: reading it tells what is wrong.
pub(crate) fn forget(
    session_id: SessionId,
    segment: &Segment,
    selector: &Selector,
) -> Option<(Segment, u64)> {
    let wanted = |index| match segment.entry(index) {
        Ok(Entry::Event(event)) => selector.matches(&event.record()),
        _ => false,
    };
    let writer = LineWriter::new(session_id);
    let mut builder = SegmentBuilder::default();
    let mut events = 0;
    let mut open: Option<(u64, u64)> = None;
    let close = |builder: &mut SegmentBuilder, range: Option<(u64, u64)>| {
        if let Some((first_seq, last_seq)) = range {
            builder.gap(
                &writer,
                &Gap::new(first_seq..=last_seq, &segment.category, DELETED),
            );
        }
    };
    for (index, row) in segment.rows.iter().enumerate() {
        if wanted(index) {
            events += 1;
            open = match open {
                Some((first_seq, last_seq)) if last_seq + 1 == row.first_seq => {
                    Some((first_seq, row.first_seq))
                }
                before => {
                    close(&mut builder, before);
                    Some((row.first_seq, row.first_seq))
                }
            };
            continue;
        }
        close(&mut builder, open.take());
        builder.lines().extend_from_slice(&segment.line(index));
        builder.end_line(row.first_seq, row.last_seq());
    }
    close(&mut builder, open);
    (events > 0).then(|| (builder.seal(&segment.category), events))
}

#[cfg(test)]
mod tests {
    use super::forget;
    use crate::log::samples::{segment, session_id};
    use crate::record::Entry;
    use crate::selector::Selector;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn covers(urls: &[(u64, &str)]) -> Vec<(u64, u64, bool)> {
        let segment = segment(urls);
        let selector = Selector::parse("site:gone.test", 0).unwrap();
        let (left, events) = forget(session_id(), &segment, &selector).unwrap();
        assert_eq!(
            events as usize,
            urls.iter().filter(|(_, url)| url.contains("gone.test")).count()
        );
        assert!(!String::from_utf8_lossy(&left.lines).contains("gone.test"));
        (0..left.rows.len())
            .map(|index| match left.entry(index).unwrap() {
                Entry::Event(event) => (event.header.seq, event.header.seq, false),
                Entry::Gap(gap) => (gap.gap.first_seq, gap.gap.last_seq, true),
            })
            .collect()
    }

    #[test]
    fn neighbours_become_one_gap_and_everything_else_stays() {
        let (gone, kept) = ("https://gone.test/a", "https://kept.test/");
        assert_eq!(
            covers(&[(3, gone), (4, gone), (6, gone), (7, kept), (8, gone)]),
            [(3, 4, true), (6, 6, true), (7, 7, false), (8, 8, true)]
        );
    }

    #[test]
    fn a_segment_without_any_is_left_alone() {
        let segment = segment(&[(1, "https://kept.test/")]);
        assert!(
            forget(
                session_id(),
                &segment,
                &Selector::parse("site:gone.test", 0).unwrap()
            )
            .is_none()
        );
    }
}
