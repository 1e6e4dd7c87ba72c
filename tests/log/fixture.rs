//! A recording of short events in a database of its own.

use tabtape::envelope::SessionId;
use tabtape::log::{Commit, Durability, IndexedDbLog, LogStore, RelayCursor, SegmentBuilder};
use tabtape::ring::Entry;

/// A name no other test uses.
pub(crate) fn database_name(test: &str) -> String {
    format!("tabtape-test-{test}-{}", js_sys::Math::random())
}

pub(crate) async fn open(test: &str) -> IndexedDbLog {
    IndexedDbLog::open(&database_name(test), Durability::Relaxed).await.unwrap()
}

/// An id of a session that began in millisecond `unix_millis`.
pub(crate) fn session_id(unix_millis: u64) -> SessionId {
    SessionId::from_time(unix_millis, [7; 10])
}

/// Makes the commits of one owner of a session.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    pub(crate) session_id: SessionId,
    pub(crate) epoch: u64,
    pub(crate) latest_seq: u64,
    /// Bytes of `data` in each event.
    pub(crate) data_bytes: usize,
}

impl Recording {
    pub(crate) async fn begin(log: &IndexedDbLog, unix_millis: u64) -> Self {
        let session_id = session_id(unix_millis);
        let head = log.begin_session(session_id).await.unwrap();
        assert_eq!((head.epoch, head.latest_seq), (1, 0));
        Self { session_id, epoch: head.epoch, latest_seq: 0, data_bytes: 8 }
    }

    /// A commit of one event of each of `categories`, in this order.
    pub(crate) fn commit(&mut self, categories: &[&str]) -> Commit {
        let first_seq = self.latest_seq + 1;
        let mut builders: Vec<(&str, SegmentBuilder)> = Vec::new();
        for category in categories {
            self.latest_seq += 1;
            if !builders.iter().any(|(name, _)| name == category) {
                builders.push((category, SegmentBuilder::default()));
            }
            let (_, builder) = builders.iter_mut().find(|(name, _)| name == category).unwrap();
            builder.lines().extend_from_slice(self.line(category, self.latest_seq).as_bytes());
            builder.end_line(self.latest_seq, 1);
        }
        let segments: Vec<_> = builders.iter_mut().map(|(name, builder)| builder.seal(name)).collect();
        Commit {
            session_id: self.session_id,
            epoch: self.epoch,
            first_seq,
            latest_seq: self.latest_seq,
            bytes: segments.iter().map(|segment| segment.lines.len()).sum(),
            segments,
            entries: Vec::new(),
            relays: Vec::new(),
        }
    }

    pub(crate) fn line(&self, category: &str, seq: u64) -> String {
        format!(
            r#"{{"capture_session_id":"{}","seq":{seq},"event":{{"ts":1764000000000000,"type":"test.tick","category":"{category}","detail_level":"standard","source":{{"kind":"extension"}},"data":"{}"}}}}"#,
            self.session_id,
            "x".repeat(self.data_bytes),
        )
    }
}

pub(crate) fn relay(relay_id: &str, message: u64) -> RelayCursor {
    RelayCursor { relay_id: relay_id.to_owned(), message }
}

/// Everything of a session after a cursor.
pub(crate) async fn read_all(log: &IndexedDbLog, session_id: SessionId, after_seq: u64) -> Vec<Entry> {
    log.read(session_id, after_seq, usize::MAX, usize::MAX).await.unwrap()
}

/// The seqs each entry covers.
pub(crate) fn seqs(entries: &[Entry]) -> Vec<(u64, u64)> {
    entries.iter().map(|entry| (entry.first_seq(), entry.last_seq())).collect()
}

/// Category, reason and seqs of the gaps among `entries`.
pub(crate) fn gaps(entries: &[Entry]) -> Vec<(String, String, u64, u64)> {
    let gap = |entry: &Entry| match entry {
        Entry::Gap(gap) => {
            let gap = gap.gap.clone();
            Some((gap.category, gap.reason, gap.first_seq, gap.last_seq))
        }
        Entry::Event(_) => None,
    };
    entries.iter().filter_map(gap).collect()
}
