use super::*;
use crate::event::{Event, Trust};
use crate::record::{Gap, LineWriter, SessionId, StoredEvent, StoredGap};
use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const TICK: &[u8] = br#"{"type":"app.tick","category":"app","source":{"kind":"local_process"}}"#;

fn ring(capacity: usize) -> RingBuffer {
    RingBuffer::new(capacity, 1 << 20).unwrap()
}

fn event(seq: u64) -> Entry {
    let mut line = Vec::new();
    let event = Event::parse(TICK, Trust::Untrusted).unwrap();
    let header = LineWriter::new(SessionId::from_time(0, [0; 10])).event(&mut line, seq, seq, &event);
    Entry::Event(StoredEvent {
        header,
        line: line.into(),
    })
}

fn gap(first_seq: u64, last_seq: u64, category: &str) -> Entry {
    let gap = Gap::new(first_seq..=last_seq, category, "quota");
    Entry::gap(&LineWriter::new(SessionId::from_time(0, [0; 10])), gap)
}

#[test]
fn entries_after_a_seq_are_limited_by_number_and_bytes_and_never_none() {
    let ring = ring(4);
    assert_eq!(ring.entries_after(0, 9, 9_999), []);
    ring.push([event(1), event(2), gap(3, 6, "console"), event(7), event(8)]);
    let seqs = |after_seq, max_entries, max_bytes| -> Vec<u64> {
        let entries = ring.entries_after(after_seq, max_entries, max_bytes);
        entries.iter().map(Entry::first_seq).collect()
    };
    assert_eq!(seqs(0, 9, 9_999), [2, 3, 7, 8], "the oldest was dropped");
    assert_eq!(
        seqs(4, 9, 9_999),
        [3, 7, 8],
        "a gap that reaches beyond the cursor is among them"
    );
    assert_eq!(seqs(6, 1, 9_999), [7]);
    assert_eq!(seqs(6, 9, 1), [7], "the first is never too large");
    assert_eq!(seqs(8, 9, 9_999), [0; 0]);
}

fn everything(ring: &RingBuffer, after_seq: u64) -> Reader {
    ring.reader(after_seq, Selector::default()).unwrap()
}

/// Returns all results of a reader until it has caught up, abbreviated: `5`, `g6-9`, `d2>3`, `end`.
fn seen(reader: &mut Reader) -> Vec<String> {
    let mut seen = Vec::new();
    while let Some(result) = reader.try_read() {
        match result {
            ReadResult::Record(Entry::Event(event)) => seen.push(event.header.seq.to_string()),
            ReadResult::Record(Entry::Gap(StoredGap { gap, .. })) => {
                seen.push(format!("g{}-{}", gap.first_seq, gap.last_seq))
            }
            ReadResult::Dropped { count, next_seq } => seen.push(format!("d{count}>{next_seq}")),
            ReadResult::Closed => {
                seen.push("end".into());
                break;
            }
        }
    }
    seen
}

struct CountWakes(AtomicUsize);

impl Wake for CountWakes {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn counting() -> (std::sync::Arc<CountWakes>, Waker) {
    let wakes = std::sync::Arc::new(CountWakes(AtomicUsize::new(0)));
    (wakes.clone(), Waker::from(wakes))
}

fn poll(reader: &mut Reader, waker: &Waker) -> Poll<ReadResult> {
    std::pin::Pin::new(&mut reader.read()).poll(&mut Context::from_waker(waker))
}

#[test]
fn capacity_zero_is_an_error_that_names_it() {
    assert_eq!(
        RingBuffer::new(0, 1).unwrap_err().to_string(),
        "capacity: expected at least 1, got 0"
    );
    assert_eq!(
        RingBuffer::new(1, 0).unwrap_err().to_string(),
        "max_bytes: expected at least 1, got 0"
    );
}

#[test]
fn the_oldest_goes_when_the_count_is_reached() {
    let ring = ring(3);
    ring.push((1..=5).map(event));
    assert_eq!((ring.oldest_seq(), ring.latest_seq(), ring.len()), (3, 5, 3));
    assert_eq!(seen(&mut everything(&ring, 0)), ["3", "4", "5"]);
}

#[test]
fn the_oldest_goes_when_the_bytes_are_reached_but_never_the_newest() {
    let one = event(1).line().len();
    let ring = RingBuffer::new(100, 2 * one).unwrap();
    ring.push((1..=5).map(event));
    assert_eq!((ring.len(), ring.bytes()), (2, 2 * one));
    let tiny = RingBuffer::new(100, 1).unwrap();
    tiny.push((1..=2).map(event));
    assert_eq!((tiny.len(), tiny.oldest_seq()), (1, 2));
}

#[test]
fn a_reader_that_fell_behind_gets_one_count_and_then_the_survivors() {
    let ring = ring(2);
    ring.push([event(1)]);
    let mut slow = everything(&ring, 0);
    let mut fast = everything(&ring, 0);
    assert_eq!(seen(&mut fast), ["1"]);
    ring.push((2..=5).map(event));
    assert_eq!(seen(&mut slow), ["d3>4", "4", "5"]);
    assert_eq!(seen(&mut fast), ["d2>4", "4", "5"]);
}

#[test]
fn resume_before_oldest_reports_what_is_gone() {
    let ring = ring(2);
    ring.push((1..=5).map(event));
    assert_eq!(seen(&mut everything(&ring, 1)), ["d2>4", "4", "5"]);
    assert_eq!(seen(&mut everything(&ring, 3)), ["4", "5"]);
    assert_eq!(seen(&mut everything(&ring, 5)), Vec::<String>::new());
}

#[test]
fn a_cursor_beyond_the_latest_seq_names_both() {
    let ring = ring(2);
    ring.push((1..=5).map(event));
    let ahead = ring.reader(6, Selector::default()).unwrap_err();
    assert_eq!(
        ahead.to_string(),
        "after_seq 6 is beyond latest_seq 5; it belongs to another session"
    );
}

#[test]
fn after_seq_is_the_token_to_continue_with() {
    let ring = ring(10);
    ring.push([event(1), gap(2, 6, "app"), event(7)]);
    let mut first = everything(&ring, 0);
    first.try_read();
    first.try_read();
    assert_eq!(first.after_seq(), 6);
    assert_eq!(seen(&mut everything(&ring, first.after_seq())), ["7"]);
}

#[test]
fn a_gap_is_one_entry_whatever_its_length() {
    let ring = ring(3);
    ring.push([event(1), gap(2, 1_000_001, "app"), event(1_000_002)]);
    assert_eq!(ring.len(), 3);
    assert_eq!(seen(&mut everything(&ring, 0)), ["1", "g2-1000001", "1000002"]);
    assert_eq!(seen(&mut everything(&ring, 500)), ["g2-1000001", "1000002"]);
    ring.push([event(1_000_003), event(1_000_004)]);
    assert_eq!(ring.oldest_seq(), 1_000_002);
}

#[test]
fn a_selector_skips_and_a_skip_is_no_drop() {
    let ring = ring(10);
    ring.push([event(1), gap(2, 3, "app"), gap(4, 4, "network"), event(5)]);
    let mut reader = ring
        .reader(0, Selector::parse("category:network", 0).unwrap())
        .unwrap();
    assert_eq!(seen(&mut reader), ["g4-4"]);
    assert_eq!(reader.after_seq(), 5);
}

#[test]
fn closing_ends_readers_after_what_is_left() {
    let ring = ring(10);
    ring.push([event(1)]);
    let mut reader = everything(&ring, 0);
    ring.close();
    assert_eq!(seen(&mut reader), ["1", "end"]);
    assert_eq!(reader.try_read(), Some(ReadResult::Closed));
}

#[test]
fn a_waiting_reader_is_woken_once_a_batch() {
    let ring = ring(10);
    let mut reader = everything(&ring, 0);
    let (wakes, waker) = counting();
    assert_eq!(poll(&mut reader, &waker), Poll::Pending);
    assert_eq!(poll(&mut reader, &waker), Poll::Pending);
    ring.push((1..=5).map(event));
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    ring.push([event(6)]);
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1, "no reader waits");
    assert!(matches!(
        poll(&mut reader, &waker),
        Poll::Ready(ReadResult::Record(_))
    ));
}

#[test]
fn a_waiting_reader_is_woken_by_the_close() {
    let ring = ring(10);
    let mut reader = everything(&ring, 0);
    let (wakes, waker) = counting();
    assert_eq!(poll(&mut reader, &waker), Poll::Pending);
    ring.close();
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    assert_eq!(poll(&mut reader, &waker), Poll::Ready(ReadResult::Closed));
}

#[test]
fn a_resumed_ring_is_refilled_as_far_as_it_holds() {
    let ring = ring(3);
    ring.start_after(9);
    ring.push([event(10)]);
    ring.prepend((5..=9).rev().map(event));
    assert_eq!(seen(&mut everything(&ring, 0)), ["8", "9", "10"]);
    assert_eq!(seen(&mut everything(&ring, 6)), ["d1>8", "8", "9", "10"]);
}

#[test]
#[cfg(not(target_arch = "wasm32"))]
fn under_contention_readers_see_every_seq_in_order() {
    use crate::session::CaptureSession;
    use std::sync::{Arc, Mutex};
    let ring = RingBuffer::new(1_000_000, 1 << 30).unwrap();
    let session = Arc::new(Mutex::new(CaptureSession::new(
        SessionId::from_time(0, [0; 10]),
        ring.clone(),
    )));
    let (publishers, each) = (4, 2_000);
    std::thread::scope(|scope| {
        for publisher in 0..publishers {
            let session = session.clone();
            scope.spawn(move || {
                for _ in 0..each {
                    session
                        .lock()
                        .unwrap()
                        .publish(TICK, Trust::Untrusted, publisher)
                        .unwrap();
                }
            });
        }
        for _ in 0..3 {
            let mut reader = everything(&ring, 0);
            scope.spawn(move || {
                for expected in 1..=publishers * each {
                    let result = block_on(&mut reader);
                    assert!(matches!(result, ReadResult::Record(event) if event.first_seq() == expected));
                }
            });
        }
    });
    assert_eq!(ring.latest_seq(), publishers * each);
}

#[cfg(not(target_arch = "wasm32"))]
fn block_on(reader: &mut Reader) -> ReadResult {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(std::sync::Arc::new(Unpark(std::thread::current())));
    loop {
        match poll(reader, &waker) {
            Poll::Ready(result) => return result,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// The simplest ring: everything there ever was, and where the window begins.
#[derive(Debug, Default)]
struct Model {
    entries: Vec<(u64, u64, bool)>,
    oldest: usize,
}

impl Model {
    fn push(&mut self, length: u64, is_gap: bool, capacity: usize) -> (u64, u64) {
        let first = self.entries.last().map_or(1, |entry| entry.1 + 1);
        self.entries.push((first, first + length - 1, is_gap));
        self.oldest = self.oldest.max(self.entries.len().saturating_sub(capacity));
        (first, first + length - 1)
    }

    fn read(&self, next: &mut u64) -> Vec<String> {
        let mut seen = Vec::new();
        let oldest = self.entries.get(self.oldest).map_or(*next, |entry| entry.0);
        if *next < oldest {
            seen.push(format!("d{}>{}", oldest - *next, oldest));
            *next = oldest;
        }
        for &(first, last, is_gap) in self.entries[self.oldest..]
            .iter()
            .filter(|entry| entry.1 >= *next)
        {
            seen.push(if is_gap {
                format!("g{first}-{last}")
            } else {
                first.to_string()
            });
        }
        *next = self.entries.last().map_or(*next, |entry| entry.1 + 1);
        seen
    }
}

proptest! {
    #[test]
    fn any_reader_at_any_pace_agrees_with_the_model(
        capacity in 1usize..8,
        steps in prop::collection::vec((0usize..4, 1u64..5), 0..60),
    ) {
        let ring = ring(capacity);
        let mut model = Model::default();
        let mut readers = [(everything(&ring, 0), 1u64), (everything(&ring, 0), 1u64)];
        for (step, length) in steps {
            match step {
                0 => { let (first, _) = model.push(1, false, capacity); ring.push([event(first)]); }
                1 => { let (first, last) = model.push(length, true, capacity); ring.push([gap(first, last, "app")]); }
                which => {
                    let (reader, next) = &mut readers[which - 2];
                    prop_assert_eq!(seen(reader), model.read(next));
                    prop_assert_eq!(reader.after_seq() + 1, *next);
                }
            }
        }
    }
}

#[test]
fn what_is_replaced_reads_as_a_gap_of_the_same_seq_and_bytes_still_add_up() {
    let ring = ring(8);
    ring.push((1..=4).map(event));
    ring.replace(|entry| {
        (entry.first_seq() % 2 == 0).then(|| gap(entry.first_seq(), entry.last_seq(), "app"))
    });
    assert_eq!(seen(&mut everything(&ring, 0)), ["1", "g2-2", "3", "g4-4"]);
    let bytes: usize = [event(1), gap(2, 2, "app"), event(3), gap(4, 4, "app")]
        .iter()
        .map(|e| e.line().len())
        .sum();
    assert_eq!(ring.bytes(), bytes);
}
