//! Records for the tests of this module.

use super::{Segment, SegmentBuilder};
use crate::record::{Entry, SessionId};
use bytes::Bytes;

pub(super) fn session_id() -> SessionId {
    SessionId::from_time(5, [1; 10])
}

/// A record of that session, given everything of its line but the session.
pub(super) fn entry(rest: &str) -> Entry {
    let line = Bytes::from(format!(
        r#"{{"capture_session_id":"{}",{}"#,
        session_id(),
        &rest[1..]
    ));
    Entry::read(line).unwrap()
}

/// A segment of the console with an event at each seq and url.
pub(super) fn segment(urls: &[(u64, &str)]) -> Segment {
    let mut builder = SegmentBuilder::default();
    for (seq, url) in urls {
        let event = r#""type":"console.log","category":"console","detail_level":"standard","source":{"kind":"extension"}"#;
        builder.push(&entry(&format!(
            r#"{{"seq":{seq},"event":{{"ts":1,{event},"url":"{url}"}}}}"#
        )));
    }
    builder.seal("console")
}
