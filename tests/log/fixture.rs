//! A recording of short events in a database of its own.

use tabtape::log::{Commit, Limits, LogStore, RelayCursor, SegmentBuilder};
use tabtape::record::{Entry, SessionId};
use tabtape::recorder::RecorderLog;
use tabtape::web::indexed_db::{Durability, IndexedDbLog};
use wasm_bindgen::{JsCast, JsValue};

/// A name no other test uses.
pub(crate) fn database_name(test: &str) -> String {
    format!("tabtape-test-{test}-{}", js_sys::Math::random())
}

pub(crate) async fn open(test: &str) -> IndexedDbLog {
    IndexedDbLog::open(&database_name(test), Durability::Relaxed)
        .await
        .unwrap()
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
        Self {
            session_id,
            epoch: head.epoch,
            latest_seq: 0,
            data_bytes: 8,
        }
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
            builder
                .lines()
                .extend_from_slice(self.line(category, self.latest_seq).as_bytes());
            builder.end_line(self.latest_seq, self.latest_seq);
        }
        let segments: Vec<_> = builders
            .iter_mut()
            .map(|(name, builder)| builder.seal(name))
            .collect();
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
    RelayCursor {
        relay_id: relay_id.to_owned(),
        message,
    }
}

/// Everything of a session after a cursor.
pub(crate) async fn read_all(log: &IndexedDbLog, session_id: SessionId, after_seq: u64) -> Vec<Entry> {
    log.read(session_id, after_seq, Limits::new(usize::MAX, usize::MAX))
        .await
        .unwrap()
}

/// The seqs each entry covers.
pub(crate) fn seqs(entries: &[Entry]) -> Vec<(u64, u64)> {
    entries
        .iter()
        .map(|entry| (entry.first_seq(), entry.last_seq()))
        .collect()
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

/// Does to a database what no code of ours would: runs `body`, JavaScript with `tx` (a transaction over
/// all stores), `session` (an id) and `ask` (a request as a promise), and gives what it returns.
pub(crate) async fn meddle(log: &IndexedDbLog, session_id: SessionId, body: &str) -> JsValue {
    let code = format!(
        r#"(async () => {{
            const ask = (request) => new Promise((resolve, reject) => {{
                request.onsuccess = () => resolve(request.result);
                request.onerror = () => reject(request.error);
            }});
            const session = "{session_id}";
            const database = await ask(indexedDB.open("{}"));
            const tx = database.transaction([...database.objectStoreNames], "readwrite");
            const done = new Promise((resolve, reject) => {{
                tx.oncomplete = resolve;
                tx.onabort = () => reject(tx.error);
            }});
            const result = await (async () => {{ {body} }})();
            await done;
            database.close();
            return result;
        }})()"#,
        log.name()
    );
    run(&code).await
}

/// The result of an expression of JavaScript that is a promise.
pub(crate) async fn run(code: &str) -> JsValue {
    let promise: js_sys::Promise = js_sys::eval(code).unwrap().unchecked_into();
    wasm_bindgen_futures::JsFuture::from(promise).await.unwrap()
}

/// The seqs that `entries` cover, without a missing seq and without an overlap.
pub(crate) fn covered(entries: &[Entry]) -> (u64, u64) {
    for pair in entries.windows(2) {
        assert_eq!(pair[0].last_seq() + 1, pair[1].first_seq());
    }
    (
        entries.first().map_or(0, Entry::first_seq),
        entries.last().map_or(0, Entry::last_seq),
    )
}
