mod memory;

use super::*;
use crate::event::{Event, Trust, max_safe_integer};
use crate::record::{Gap, LineWriter, SessionId};
use bytes::Bytes;
pub(crate) use memory::{Fault, MemoryLog};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn sample() -> Segment {
    let writer = LineWriter::new(SessionId::from_time(5, [1; 10]));
    let mut builder = SegmentBuilder::default();
    let text = br#"{"type":"console.log","category":"console","source":{"kind":"extension"}}"#;
    for seq in [7, 9] {
        let event = Event::parse(text, Trust::Untrusted).unwrap();
        writer.event(builder.lines(), seq, 1, &event);
        builder.end_line(seq, seq);
    }
    builder.gap(&writer, &Gap::new(10..=14, "console", "queue_full"));
    builder.seal("console")
}

fn stored(segment: &Segment) -> Vec<u8> {
    [segment.table(9), segment.lines.to_vec()].concat()
}

#[test]
fn a_segment_reads_back_as_it_was_written() {
    let segment = sample();
    assert_eq!((segment.first_seq(), segment.last_seq()), (7, 14));
    let back = Segment::decode("console".into(), Bytes::from(stored(&segment))).unwrap();
    assert_eq!(back, segment);
    assert_eq!(Segment::committed_ms(&stored(&segment)), Some(9));
    let seqs: Vec<_> = (0..3)
        .map(|i| back.entry(i).unwrap())
        .map(|e| (e.first_seq(), e.last_seq()))
        .collect();
    assert_eq!(seqs, [(7, 7), (9, 9), (10, 14)]);
}

#[test]
fn gaps_of_any_width_read_back() {
    let session_id = SessionId::from_time(5, [1; 10]);
    let (writer, mut builder) = (LineWriter::new(session_id), SegmentBuilder::default());
    let widest = u64::from(u32::MAX);
    for first_seq in [1, widest + 1, 2 * widest + 1, max_safe_integer() - widest] {
        let seqs = first_seq..=first_seq + widest - 1;
        builder.gap(&writer, &Gap::new(seqs, "console", "queue_full"));
    }
    let segment = builder.seal("console");
    let back = Segment::decode("console".into(), Bytes::from(stored(&segment))).unwrap();
    assert_eq!(back, segment);
    // The first three touch and have one reason; a row is still no wider than its number can say.
    let retired = Bytes::from(tombstone::tombstone_of(&segment, "quota"));
    let back = tombstone::decode_any(session_id, "console".into(), retired).unwrap();
    assert_eq!(
        back.rows
            .iter()
            .map(|row| (row.first_seq, row.count))
            .collect::<Vec<_>>(),
        {
            segment
                .rows
                .iter()
                .map(|row| (row.first_seq, row.count))
                .collect::<Vec<_>>()
        }
    );
}

#[test]
fn no_cut_of_a_segment_is_taken_for_one() {
    let bytes = stored(&sample());
    for length in 0..bytes.len() {
        assert!(
            Segment::decode("c".into(), Bytes::copy_from_slice(&bytes[..length])).is_err(),
            "{length}"
        );
    }
    assert!(Segment::decode("c".into(), Bytes::from([&bytes[..], b"x"].concat())).is_err());
}

#[test]
fn no_flipped_bit_of_a_table_panics() {
    let bytes = stored(&sample());
    for bit in 0..8 * sample().table(9).len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(segment) = Segment::decode("c".into(), Bytes::from(flipped)) {
            for index in 0..segment.rows.len() {
                let _ = segment.entry(index);
            }
        }
    }
}

#[test]
fn a_retired_segment_says_what_it_held_and_why_it_is_gone() {
    let segment = sample();
    let session_id = SessionId::from_time(5, [1; 10]);
    let stored = tombstone::tombstone_of(&segment, "quota");
    assert!(
        stored.len() < segment.lines.len() / 4,
        "{} of {}",
        stored.len(),
        segment.lines.len()
    );
    let back = tombstone::decode_any(session_id, "console".into(), Bytes::from(stored.clone())).unwrap();
    let gaps: Vec<_> = (0..back.rows.len())
        .map(|index| match back.entry(index).unwrap() {
            Entry::Gap(stored) => (stored.gap.first_seq, stored.gap.last_seq, stored.gap.reason),
            Entry::Event(_) => panic!("an event is left"),
        })
        .collect();
    assert_eq!(
        gaps,
        [
            (7, 7, "quota".to_owned()),
            (9, 9, "quota".to_owned()),
            (10, 14, "queue_full".to_owned())
        ]
    );
    // Retiring it again changes nothing, whatever the reason.
    assert_eq!(tombstone::tombstone_of(&back, "not_retained"), stored);
    for length in 0..stored.len() {
        let cut = Bytes::copy_from_slice(&stored[..length]);
        assert!(
            tombstone::decode_any(session_id, "console".into(), cut).is_err(),
            "{length}"
        );
    }
}
