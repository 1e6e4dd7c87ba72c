use super::*;
use crate::envelope::{Gap, LineWriter, SessionId};
use crate::event::{Event, Trust};
use bytes::Bytes;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn sample() -> Segment {
    let writer = LineWriter::new(SessionId::from_time(5, [1; 10]));
    let mut builder = SegmentBuilder::default();
    let text = br#"{"type":"console.log","category":"console","source":{"kind":"extension"}}"#;
    for seq in [7, 9] {
        let event = Event::parse(text, Trust::Untrusted).unwrap();
        writer.event(builder.lines(), seq, 1, &event);
        builder.end_line(seq, 1);
    }
    let gap = Gap { first_seq: 10, last_seq: 14, category: "console".into(), reason: "queue_full".into() };
    writer.gap(builder.lines(), &gap);
    builder.end_line(10, 5);
    builder.seal("console")
}

fn stored(segment: &Segment) -> Vec<u8> {
    [segment.table(), segment.lines.to_vec()].concat()
}

#[test]
fn a_segment_reads_back_as_it_was_written() {
    let segment = sample();
    assert_eq!((segment.first_seq(), segment.last_seq()), (7, 14));
    let back = Segment::decode("console".into(), Bytes::from(stored(&segment))).unwrap();
    assert_eq!(back, segment);
    let seqs: Vec<_> =
        (0..3).map(|i| back.entry(i).unwrap()).map(|e| (e.first_seq(), e.last_seq())).collect();
    assert_eq!(seqs, [(7, 7), (9, 9), (10, 14)]);
}

#[test]
fn no_cut_of_a_segment_is_taken_for_one() {
    let bytes = stored(&sample());
    for length in 0..bytes.len() {
        assert!(Segment::decode("c".into(), Bytes::copy_from_slice(&bytes[..length])).is_err(), "{length}");
    }
    assert!(Segment::decode("c".into(), Bytes::from([&bytes[..], b"x"].concat())).is_err());
}

#[test]
fn no_flipped_bit_of_a_table_panics() {
    let bytes = stored(&sample());
    for bit in 0..8 * sample().table().len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(segment) = Segment::decode("c".into(), Bytes::from(flipped)) {
            for index in 0..segment.rows.len() {
                let _ = segment.entry(index);
            }
        }
    }
}
