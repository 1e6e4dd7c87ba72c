//! The wire, byte for byte: the fixtures that TypeScript reads too.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

use serde::Deserialize;
use tabtape::record::Entry;
use tabtape::{CaptureSession, ReadResult, RingBuffer, Selector, Trust};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[derive(Deserialize)]
struct Wire {
    capture_session_id: String,
    accepted: Vec<Accepted>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Accepted {
    name: String,
    publish: String,
    line: String,
}

#[derive(Deserialize)]
struct Refused {
    name: String,
    publish: String,
    code: String,
    message: String,
}

fn wire() -> Wire {
    serde_json::from_str(include_str!("fixtures/wire/events.json")).unwrap()
}

fn session(wire: &Wire) -> CaptureSession {
    let ring = RingBuffer::new(8, 1 << 20).unwrap();
    CaptureSession::new(wire.capture_session_id.parse().unwrap(), ring)
}

#[test]
fn an_accepted_event_becomes_exactly_this_line() {
    let wire = wire();
    for Accepted { name, publish, line } in &wire.accepted {
        let mut session = session(&wire);
        assert_eq!(
            session.publish(publish.as_bytes(), Trust::Untrusted, 0),
            Ok(1),
            "{name}"
        );
        let Some(ReadResult::Record(Entry::Event(event))) =
            session.reader(0, Selector::default()).unwrap().try_read()
        else {
            panic!("{name}: nothing to read");
        };
        assert_eq!(std::str::from_utf8(&event.line), Ok(line.as_str()), "{name}");
    }
}

#[test]
fn a_refused_event_says_why_and_spends_no_seq() {
    let wire = wire();
    for Refused {
        name,
        publish,
        code,
        message,
    } in &wire.refused
    {
        let mut session = session(&wire);
        let error = session
            .publish(publish.as_bytes(), Trust::Untrusted, 0)
            .unwrap_err();
        assert_eq!(
            (error.code(), &error.to_string()),
            (code.as_str(), message),
            "{name}"
        );
        assert_eq!(session.latest_seq(), 0, "{name}");
    }
}
