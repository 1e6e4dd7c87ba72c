//! The property of `publish` that holds for any bytes. The fuzzer tries to break it, and its corpus is replayed
//! against it.

use tabtape::record::{Entry, MAX_LINE_BYTES};
use tabtape::redaction::{Redactor, RuleTable};
use tabtape::{CaptureSession, Line, ReadResult, RingBuffer, Selector, SessionId, Trust, parse_line};

/// Parse → redact → truncate, with and without redaction.
pub(crate) fn check(input: &[u8]) {
    for redactor in [None, Some(Redactor::new([7; 32], &RuleTable::default()))] {
        let Ok(ring) = RingBuffer::new(16, 1 << 24) else {
            return;
        };
        let mut session = CaptureSession::new(SessionId::from_time(0, [0; 10]), ring);
        session.set_redactor(redactor);
        let published = session.publish(input, Trust::Untrusted, 1);
        assert_eq!(
            session.latest_seq(),
            u64::from(published.is_ok()),
            "a refused event spends no seq"
        );
        let read = session
            .reader(0, Selector::default())
            .map(|mut reader| reader.try_read());
        let whole = matches!(
            (&published, &read),
            (Ok(1), Ok(Some(ReadResult::Record(Entry::Event(_))))) | (Err(_), Ok(None))
        );
        assert!(whole, "neither published nor refused: {published:?} {read:?}");
        if let Ok(Some(ReadResult::Record(Entry::Event(event)))) = read {
            assert!(event.line.len() <= MAX_LINE_BYTES, "never over the limit");
            assert!(!event.line.contains(&b'\n'), "one line");
            let back = parse_line(&event.line);
            let same = matches!(&back, Ok(Line::Event { header, .. }) if *header == event.header);
            assert!(same, "it does not read back: {back:?}");
        }
    }
}
