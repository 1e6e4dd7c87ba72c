//! Measures one publish natively, from the text of an event to the ring, next to its floor and a plain ring.
//!
//! Contenders take turns, round by round; each sample is the mean of many publishes. Takes the events to
//! publish as an array on standard input and prints `[{"floor":[µs, …], …}, …]`, one entry per event.
//! Arguments: rounds, milliseconds a sample.

use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};
use tabtape::event::Trust;
use tabtape::record::SessionId;
use tabtape::redaction::{Redactor, RuleTable};
use tabtape::ring::RingBuffer;
use tabtape::session::CaptureSession;

const RING_CAPACITY: usize = 4_096;
const RING_MAX_BYTES: usize = 64 << 20;
const BATCH: usize = 100;
const NOW: u64 = 1_764_000_000_000_000;

/// Something that takes so many events a call.
struct Contender<'a> {
    name: &'static str,
    events: usize,
    call: Box<dyn FnMut() + 'a>,
}

fn session(redacts: bool) -> Result<CaptureSession, Box<dyn Error>> {
    let ring = RingBuffer::new(RING_CAPACITY, RING_MAX_BYTES)?;
    let mut session = CaptureSession::new(SessionId::from_time(NOW / 1_000, [7; 10]), ring);
    session.set_redactor(redacts.then(|| Redactor::new([7; 32], &RuleTable::default())));
    Ok(session)
}

fn contenders<'a>(
    event: &'a Value,
    text: &'a [u8],
    batch: &'a [u8],
) -> Result<Vec<Contender<'a>>, Box<dyn Error>> {
    let mut scratch = Vec::new();
    let floor = move || {
        scratch.clear();
        let _ = serde_json::to_writer(&mut scratch, black_box(event));
        black_box(&scratch);
    };
    let mut contenders = vec![Contender {
        name: "floor",
        events: 1,
        call: Box::new(floor),
    }];
    for (name, batch_name, redacts) in [
        ("publish", "publish_batch", false),
        ("publish_redacted", "publish_batch_redacted", true),
    ] {
        let mut one = session(redacts)?;
        let mut many = session(redacts)?;
        let publish = move || {
            let _ = black_box(one.publish(black_box(text), Trust::Untrusted, NOW));
        };
        let publish_batch = move || {
            let _ = black_box(many.publish_batch(black_box(batch), Trust::Untrusted, NOW));
        };
        contenders.push(Contender {
            name,
            events: 1,
            call: Box::new(publish),
        });
        contenders.push(Contender {
            name: batch_name,
            events: BATCH,
            call: Box::new(publish_batch),
        });
    }
    let mut ring = VecDeque::with_capacity(RING_CAPACITY);
    let mut seq = 0_u64;
    let plain_ring = move || {
        seq += 1;
        let Ok(event) = serde_json::from_slice::<Value>(black_box(text)) else {
            return;
        };
        let envelope = serde_json::json!({ "capture_session_id": "0193", "seq": seq, "event": event });
        if ring.len() == RING_CAPACITY {
            ring.pop_front();
        }
        ring.push_back(envelope.to_string());
    };
    contenders.push(Contender {
        name: "serde_json_ring",
        events: 1,
        call: Box::new(plain_ring),
    });
    Ok(contenders)
}

/// Mean microseconds an event over at least `sample`.
fn measure(contender: &mut Contender<'_>, sample: Duration) -> f64 {
    let begin = Instant::now();
    let mut calls = 0;
    while begin.elapsed() < sample {
        for _ in 0..64_usize.div_ceil(contender.events) {
            (contender.call)();
            calls += 1;
        }
    }
    begin.elapsed().as_secs_f64() * 1e6 / (calls * contender.events) as f64
}

fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<u64> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let [rounds, sample_ms] = numbers[..] else {
        return Err("usage: cargo bench --bench publish -- ROUNDS SAMPLE_MS < events".into());
    };
    let events: Vec<Value> = serde_json::from_reader(std::io::stdin())?;
    let mut results = Vec::new();
    for event in &events {
        let text = event.to_string();
        let batch = format!("{text}\n").repeat(BATCH);
        let mut samples = BTreeMap::<_, Vec<f64>>::new();
        let mut contenders = contenders(event, text.as_bytes(), batch.as_bytes())?;
        for round in 0..=rounds {
            for contender in &mut contenders {
                let sample = measure(contender, Duration::from_millis(sample_ms));
                // The first round only warms up.
                if round > 0 {
                    samples.entry(contender.name).or_default().push(sample);
                }
            }
        }
        results.push(samples);
    }
    println!("{}", serde_json::to_string(&results)?);
    Ok(())
}
