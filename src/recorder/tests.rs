//! Recorders that live and die in virtual time, over a log that can be made to fail.

use super::*;
use crate::coverage::WatchedUntil;
use crate::delivery::Platform;
use crate::delivery::tests::world::World;
use crate::event::Trust;
use crate::log::{Commit, Head, Limits, LogError, LogStore, MemoryLog, PendingGaps};
use crate::record::reason::{NOT_RETAINED, VOLATILE};
use crate::record::{Entry, SessionId, StoredGap};
use crate::ring::RingBuffer;
use crate::session::{CaptureSession, State};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A service worker of a browser session: what it saves outlives the recorders.
#[derive(Clone, Default)]
struct TestHost {
    world: World,
    saved: Rc<RefCell<Option<String>>>,
    problems: Rc<RefCell<Vec<String>>>,
}

impl TestHost {
    fn record(&self) -> Option<ResumeRecord> {
        self.saved
            .borrow()
            .as_deref()
            .map(|json| serde_json::from_str(json).unwrap())
    }

    fn run<T: 'static>(&self, work: impl Future<Output = T> + 'static) -> T {
        let result = Rc::new(RefCell::new(None));
        let to = result.clone();
        self.world.spawn(async move {
            let value = work.await;
            to.replace(Some(value));
        });
        assert!(
            self.world.run_until(60_000.0, || result.borrow().is_some()),
            "it never ends"
        );
        result.take().unwrap()
    }
}

pub(crate) struct TestTimer(Rc<Cell<bool>>);

impl Drop for TestTimer {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

impl Runtime for World {
    type Timer = TestTimer;

    fn after(&self, ms: f64, work: impl FnOnce() + 'static) -> TestTimer {
        let cancelled = Rc::new(Cell::new(false));
        let timer = TestTimer(cancelled.clone());
        let sleep = self.sleep_ms(ms);
        self.spawn(async move {
            sleep.await;
            if !cancelled.get() {
                work();
            }
        });
        timer
    }

    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        Self::spawn(self, work);
    }
}

impl Host for TestHost {
    type Runtime = World;
    type SaveError = ();

    fn runtime(&self) -> &World {
        &self.world
    }

    async fn save_resume(&self, record: Option<&ResumeRecord>) -> Result<(), ()> {
        self.saved
            .replace(record.map(|record| serde_json::to_string(record).unwrap()));
        Ok(())
    }

    fn problem(&self, code: &str, _message: &str) {
        self.problems.borrow_mut().push(code.to_owned());
    }

    fn changed(&self) {}
}

/// Databases of one name in the order they were begun, the last in use.
#[derive(Clone)]
struct TestLog {
    databases: Rc<RefCell<Vec<MemoryLog>>>,
    /// The database in use cannot be opened.
    unopenable: Rc<RefCell<Option<LogError>>>,
    /// It opens, and nothing can be written.
    unwritable: Rc<Cell<bool>>,
    /// So many commits succeed, and one more after each reopening.
    commits_left: Rc<Cell<Option<u32>>>,
    /// How far a session was watched.
    watched_until: Rc<RefCell<Option<(SessionId, WatchedUntil)>>>,
    /// How often it was tried.
    opens: Rc<Cell<usize>>,
    /// Gaps in memory alone.
    pending_gaps: Rc<RefCell<Vec<PendingGaps>>>,
}

impl Default for TestLog {
    fn default() -> Self {
        Self {
            databases: Rc::new(RefCell::new(vec![MemoryLog::default()])),
            unopenable: Rc::default(),
            unwritable: Rc::default(),
            commits_left: Rc::default(),
            watched_until: Rc::default(),
            pending_gaps: Rc::default(),
            opens: Rc::default(),
        }
    }
}

fn unknown_error() -> LogError {
    LogError::Other {
        name: "UnknownError".to_owned(),
        message: "Internal error opening backing store for indexedDB.open.".to_owned(),
    }
}

fn abort_error() -> LogError {
    LogError::Other {
        name: "AbortError".to_owned(),
        message: "no".to_owned(),
    }
}

impl TestLog {
    fn break_down(&self, error: LogError) {
        self.unopenable.replace(Some(error));
    }

    fn mend(&self) {
        self.unopenable.take();
        self.unwritable.set(false);
    }

    fn database(&self) -> Result<MemoryLog, LogError> {
        match &*self.unopenable.borrow() {
            Some(error) => Err(error.clone()),
            None => Ok(self.databases.borrow().last().unwrap().clone()),
        }
    }

    fn writable(&self) -> Result<MemoryLog, LogError> {
        if self.unwritable.get() {
            return Err(abort_error());
        }
        self.database()
    }

    /// Everything that is stored of a session: `seq type` of events, `first-last reason` of gaps.
    fn stored(&self, host: &TestHost, session_id: SessionId) -> Vec<String> {
        let log = self.clone();
        let entries = host.run(async move { log.read(session_id, 0, Limits::new(10_000, 1 << 30)).await });
        let describe = |entry: &Entry| match entry {
            Entry::Event(event) => format!("{} {}", event.header.seq, event.record().type_()),
            Entry::Gap(StoredGap { gap, .. }) => format!("{}-{} {}", gap.first_seq, gap.last_seq, gap.reason),
        };
        entries.unwrap().iter().map(describe).collect()
    }
}

impl LogStore for TestLog {
    async fn reopen(&self, session_id: SessionId) -> Result<Head, LogError> {
        self.opens.set(self.opens.get() + 1);
        let head = self.writable()?.reopen(session_id).await?;
        self.commits_left.set(self.commits_left.get().map(|_| 1));
        Ok(head)
    }

    async fn commit(&self, commit: &Commit) -> Result<(), LogError> {
        if self.commits_left.get() == Some(0) {
            return Err(abort_error());
        }
        self.commits_left
            .set(self.commits_left.get().map(|left| left - 1));
        self.writable()?.commit(commit).await
    }

    async fn read(
        &self,
        session_id: SessionId,
        after_seq: u64,
        limits: Limits,
    ) -> Result<Vec<Entry>, LogError> {
        self.database()?.read(session_id, after_seq, limits).await
    }

    async fn sessions(&self) -> Result<Vec<(SessionId, Head)>, LogError> {
        self.database()?.sessions().await
    }

    async fn acked_seq(&self, session_id: SessionId, store_id: &str) -> Result<u64, LogError> {
        self.database()?.acked_seq(session_id, store_id).await
    }

    async fn set_acked_seq(
        &self,
        session_id: SessionId,
        store_id: &str,
        acked_seq: u64,
    ) -> Result<(), LogError> {
        self.writable()?
            .set_acked_seq(session_id, store_id, acked_seq)
            .await
    }
}

impl RecorderLog for TestLog {
    async fn open(&self) -> Result<(), LogError> {
        self.database().map(drop)
    }

    async fn resume_session(&self, session_id: SessionId) -> Result<Option<Head>, LogError> {
        let database = self.writable()?;
        let is_there = database
            .sessions()
            .await?
            .iter()
            .any(|(other, _)| *other == session_id);
        Ok(is_there.then(|| database.open(session_id)))
    }

    async fn begin_session(&self, session_id: SessionId) -> Result<Head, LogError> {
        Ok(self.writable()?.open(session_id))
    }

    async fn watched_until(&self, session_id: SessionId) -> Result<Option<WatchedUntil>, LogError> {
        self.database()?;
        let stored = self.watched_until.borrow().clone();
        Ok(stored.filter(|(of, _)| *of == session_id).map(|(_, until)| until))
    }

    async fn install_key(&self) -> Result<[u8; 32], LogError> {
        self.database().map(|_| [7; 32])
    }

    async fn set_aside(&self) -> Result<(), LogError> {
        self.unopenable.take();
        self.databases.borrow_mut().push(MemoryLog::default());
        Ok(())
    }

    fn pending_gaps(&self) -> Vec<PendingGaps> {
        self.pending_gaps.borrow().clone()
    }

    fn restore_pending_gaps(&self, pending_gaps: Vec<PendingGaps>) {
        self.pending_gaps.replace(pending_gaps);
    }
}

/// A recorder of one worker. Dropping it is the worker's death.
struct Recorder {
    opened: Opened<TestLog>,
    shared: Shared,
    losses: LossJournal<TestHost, TestLog>,
    committer: Committer<TestLog, LossJournal<TestHost, TestLog>, World>,
    host: TestHost,
}

impl Recorder {
    fn start(host: &TestHost, log: &TestLog) -> Self {
        let (opening, at, resume) = (log.clone(), host.clone(), host.record());
        let opened = host.run(async move {
            let opened = open(opening, resume, &at).await;
            at.save_resume(opened.record().as_ref()).await.unwrap();
            opened
        });
        let ring = RingBuffer::new(1_000, 1 << 20).unwrap();
        let session = match opened.failed {
            None => CaptureSession::with_log(opened.session_id, ring.clone(), &opened.head),
            Some(_) => CaptureSession::new(opened.session_id, ring.clone()),
        };
        let session = Rc::new(RefCell::new(session));
        let shared = Shared {
            session: session.clone(),
            ring,
            ledger: Rc::default(),
            delivery: Rc::default(),
            health: Rc::new(RefCell::new(HealthMeter::new(host.world.now_ms()))),
        };
        let losses = LossJournal::new(host.clone(), shared.clone(), &opened);
        let committer = Committer::new(session, log.clone(), losses.clone(), host.world.clone());
        if opened.failed.is_some() {
            committer.begin_degraded();
        }
        Self {
            opened,
            shared,
            losses,
            committer,
            host: host.clone(),
        }
    }

    /// Starts a recorder that publishes five events, of which the last three are in memory only.
    fn start_and_degrade(host: &TestHost, log: &TestLog) -> Self {
        let recorder = Self::start(host, log);
        recorder.publish(2);
        log.unwritable.set(true);
        recorder.publish(3);
        assert!(recorder.runs_until(10_000.0, State::Volatile));
        host.world.run(100.0);
        recorder
    }

    /// Starts a recorder that publishes `count` events and dies when its record counts them. Returns its session.
    fn live_and_die(host: &TestHost, log: &TestLog, count: u64) -> SessionId {
        let recorder = Self::start(host, log);
        recorder.publish(count);
        host.world.run(6_000.0);
        recorder.opened.session_id
    }

    fn publish(&self, count: u64) {
        self.accept(count);
        self.host.world.run(100.0);
    }

    fn accept(&self, count: u64) {
        for _ in 0..count {
            let event = br#"{"type":"console.log","category":"console","source":{"kind":"extension"}}"#;
            self.shared
                .session
                .borrow_mut()
                .publish(event, Trust::Untrusted, 5)
                .unwrap();
        }
        match self.state() {
            State::Volatile => self.losses.on_committed(),
            _ => self.committer.schedule(),
        }
    }

    fn committed_seq(&self) -> u64 {
        self.shared.session.borrow().committed_seq()
    }

    fn state(&self) -> State {
        self.shared.session.borrow().state()
    }

    fn runs_until(&self, ms: f64, state: State) -> bool {
        let session = self.shared.session.clone();
        self.host
            .world
            .run_until(ms, || session.borrow().state() == state)
    }
}

fn events(seqs: std::ops::RangeInclusive<u64>) -> Vec<String> {
    seqs.map(|seq| format!("{seq} console.log")).collect()
}

#[test]
fn what_someone_waits_for_is_committed_before_the_next_group_of_a_stream() {
    let (host, log) = (TestHost::default(), TestLog::default());
    let recorder = Recorder::start(&host, &log);
    host.world.run(1_000.0);
    let before = recorder.committed_seq();
    for seq in 1..=2 {
        recorder.accept(1);
        host.world.run(25.0);
        assert_eq!(recorder.committed_seq(), before + seq);
    }
    recorder.accept(1);
    host.world.run(50.0);
    assert_eq!(recorder.committed_seq(), before + 2, "the third waits for more");
    recorder.committer.hurry();
    host.world.run(1.0);
    assert_eq!(recorder.committed_seq(), before + 3);
}

#[test]
fn a_log_that_cannot_be_opened_is_tried_until_it_opens_and_then_has_everything() {
    let (host, log) = (TestHost::default(), TestLog::default());
    log.break_down(LogError::VersionChange);
    let recorder = Recorder::start(&host, &log);
    assert_eq!(recorder.state(), State::Volatile);
    assert_eq!(*host.problems.borrow(), ["log_version_change"]);
    recorder.publish(5);
    let record = host.record().unwrap();
    assert_eq!((record.session_id, record.volatile[0].latest_seq()), (None, 5));

    host.world.run(600_000.0);
    assert_eq!(recorder.state(), State::Volatile);
    let tries = log.opens.get();
    assert!((10..=20).contains(&tries), "{tries} in ten minutes");
    assert_eq!(
        log.databases.borrow().len(),
        1,
        "another version has not damaged it"
    );

    log.mend();
    assert!(recorder.runs_until(61_000.0, State::Logged));
    recorder.publish(2);
    let id = recorder.opened.session_id;
    let mut all = events(1..=5);
    all.push("6 system.storage_recovered".to_owned());
    all.extend(events(7..=8));
    assert_eq!(log.stored(&host, id), all);
    assert_eq!(
        host.record().unwrap().session_id,
        Some(id),
        "the next recorder continues it"
    );

    drop(recorder);
    let next = Recorder::start(&host, &log);
    assert!(next.opened.resumed);
    assert_eq!(next.opened.head.latest_seq, 8);
}

#[test]
fn a_log_that_opens_at_the_second_attempt_is_resumed_as_if_nothing_had_been() {
    let (host, log) = (TestHost::default(), TestLog::default());
    let first = Recorder::start(&host, &log);
    first.publish(3);
    let id = first.opened.session_id;
    drop(first);
    log.break_down(unknown_error());
    let (mending, sleep) = (log.clone(), host.world.sleep_ms(50.0));
    host.world.spawn(async move {
        sleep.await;
        mending.mend();
    });
    let second = Recorder::start(&host, &log);
    assert!(second.opened.resumed);
    assert_eq!((second.opened.session_id, second.state()), (id, State::Logged));
    assert!(host.problems.borrow().is_empty());
}

#[test]
fn a_database_that_cannot_be_opened_for_a_minute_is_set_aside_and_what_it_held_is_gaps() {
    let (host, log) = (TestHost::default(), TestLog::default());
    let lost = Recorder::live_and_die(&host, &log, 7);

    log.break_down(unknown_error());
    let second = Recorder::start(&host, &log);
    assert_eq!(second.state(), State::Volatile);
    second.publish(2);
    host.world.run(20_000.0);
    assert_eq!(second.state(), State::Volatile, "it may open yet");
    assert!(second.runs_until(180_000.0, State::Logged));
    host.world.run(1_000.0);
    assert_eq!(log.databases.borrow().len(), 2);
    assert!(host.problems.borrow().contains(&"log_set_aside".to_owned()));
    assert_eq!(log.stored(&host, second.opened.session_id)[..2], events(1..=2));
    assert_eq!(log.stored(&host, lost), [format!("1-7 {NOT_RETAINED}")]);
    let record = host.record().unwrap();
    assert_eq!(record.session_id, Some(second.opened.session_id));
    assert!(
        record.volatile.iter().any(|loss| loss.session_id == lost),
        "until a collector has it"
    );
}

#[test]
fn what_the_log_held_is_no_loss_when_the_database_opens_after_all() {
    let (host, log) = (TestHost::default(), TestLog::default());
    let kept = Recorder::live_and_die(&host, &log, 7);
    log.break_down(unknown_error());
    let second = Recorder::start(&host, &log);
    second.publish(1);
    assert_eq!(host.record().unwrap().logged[0].session_id, kept);
    log.mend();
    assert!(second.runs_until(61_000.0, State::Logged));
    host.world.run(1_000.0);
    assert_eq!(log.stored(&host, kept), events(1..=7));
    let record = host.record().unwrap();
    assert!(record.volatile.iter().all(|loss| loss.session_id != kept));
}

#[test]
fn a_log_that_was_emptied_leaves_gaps_of_what_it_alone_held() {
    let (host, log) = (TestHost::default(), TestLog::default());
    let lost = Recorder::live_and_die(&host, &log, 4);
    log.databases.replace(vec![MemoryLog::default()]);
    let second = Recorder::start(&host, &log);
    assert!(!second.opened.resumed);
    assert_eq!(second.opened.previous, Some(lost));
    assert_eq!(log.stored(&host, lost), [format!("1-4 {NOT_RETAINED}")]);
    assert_eq!(
        second.opened.finished[0].session_id, lost,
        "a collector receives it, too"
    );
}

#[test]
fn a_new_session_reports_how_far_the_one_before_was_watched() {
    let (host, log) = (TestHost::default(), TestLog::default());
    let first = Recorder::start(&host, &log);
    first.publish(1);
    assert_eq!(first.opened.previous_watched, None);
    let until = WatchedUntil {
        until_ts: 7,
        behind: Vec::new(),
    };
    log.watched_until
        .replace(Some((first.opened.session_id, until.clone())));
    drop(first);
    let resumed = Recorder::start(&host, &log);
    assert!(resumed.opened.resumed);
    assert_eq!(resumed.opened.previous_watched, None);
    drop(resumed);
    // The browser was killed: what a worker leaves for the next one is gone.
    host.saved.take();
    let killed_early = Recorder::start(&host, &log);
    assert_eq!(killed_early.opened.previous_watched, Some(until.clone()));
    drop(killed_early);
    host.saved.take();
    let second = Recorder::start(&host, &log);
    assert_eq!(
        second.opened.previous_watched,
        Some(until),
        "the one between left nothing that a collector could receive"
    );
    second.publish(1);
    drop(second);
    host.saved.take();
    assert_eq!(
        Recorder::start(&host, &log).opened.previous_watched,
        None,
        "that is another session's"
    );
}

#[test]
fn a_log_that_was_set_back_is_not_resumed_and_no_seq_is_spent_twice() {
    let (host, log) = (TestHost::default(), TestLog::default());
    let id = Recorder::live_and_die(&host, &log, 4);
    let older = MemoryLog::default();
    older.open(id);
    log.databases.replace(vec![older]);
    let second = Recorder::start(&host, &log);
    assert_ne!(second.opened.session_id, id);
    assert_eq!(log.stored(&host, id), [format!("1-4 {NOT_RETAINED}")]);
}

#[test]
fn a_session_whose_commits_fail_is_degraded_then_recovered_and_a_log_that_opens_is_never_set_aside() {
    let (host, log) = (TestHost::default(), TestLog::default());
    let recorder = Recorder::start_and_degrade(&host, &log);
    let id = recorder.opened.session_id;
    let record = host.record().unwrap();
    assert_eq!(record.session_id, None, "no recorder may spend its seqs again");
    assert_eq!(record.volatile[0].after_seq, 2);
    // Three events and system.storage_volatile.
    assert_eq!(record.volatile[0].latest_seq(), 6);
    host.world.run(600_000.0);
    assert_eq!(log.databases.borrow().len(), 1);
    log.mend();
    assert!(recorder.runs_until(61_000.0, State::Logged));
    recorder.publish(1);
    assert_eq!(log.stored(&host, id)[..5], events(1..=5));
    assert_eq!(log.stored(&host, id).len(), 8);
}

#[test]
fn a_log_that_is_lost_after_it_recovered_leaves_gaps_of_everything_that_relays_were_answered_for() {
    let (host, log) = (TestHost::default(), TestLog::default());
    let first = Recorder::start_and_degrade(&host, &log);
    let id = first.opened.session_id;
    log.mend();
    assert!(first.runs_until(61_000.0, State::Logged));
    first.publish(400);
    let latest_seq = first.shared.session.borrow().latest_seq();
    assert!(latest_seq > 400);
    let saved = first.losses.persisted(latest_seq).map(|saved| host.run(saved));
    assert!(saved.is_some(), "relays wait for the record");
    drop(first);

    log.databases.replace(vec![MemoryLog::default()]);
    let second = Recorder::start(&host, &log);
    assert_ne!(second.opened.session_id, id);
    // A gap of each category, and that of the recorder's own two events first.
    let gaps = [
        format!("1-2 {NOT_RETAINED}"),
        format!("3-{latest_seq} {NOT_RETAINED}"),
    ];
    assert_eq!(log.stored(&host, id), gaps);
    assert_eq!(
        second.opened.finished[0].latest_seq(),
        latest_seq,
        "a collector receives it, too"
    );
}

#[test]
fn a_log_that_is_lost_while_its_session_continues_in_memory_leaves_gaps_of_both_by_category() {
    let (host, log) = (TestHost::default(), TestLog::default());
    let first = Recorder::start(&host, &log);
    let id = first.opened.session_id;
    first.publish(5);
    log.unwritable.set(true);
    first.publish(3);
    assert!(first.runs_until(10_000.0, State::Volatile));
    host.world.run(100.0);
    drop(first);
    log.databases.replace(vec![MemoryLog::default()]);
    log.mend();
    let second = Recorder::start(&host, &log);
    // Eight lines and system.storage_volatile.
    let gaps = [format!("1-1 {NOT_RETAINED}"), format!("2-9 {NOT_RETAINED}")];
    assert_eq!(log.stored(&host, id), gaps);
    assert_eq!(second.opened.finished[0].undelivered_by_category["console"], 8);
}

#[test]
fn records_of_memory_that_the_log_turns_out_to_have_are_counted_as_its_own() {
    let (host, log) = (TestHost::default(), TestLog::default());
    let first = Recorder::start_and_degrade(&host, &log);
    let id = first.opened.session_id;
    let degraded = host.saved.borrow().clone();
    log.mend();
    assert!(first.runs_until(61_000.0, State::Logged));
    host.world.run(100.0);
    drop(first);
    // The worker died after the recovery's commit and before its record was saved.
    host.saved.replace(degraded);
    let second = Recorder::start(&host, &log);
    assert_eq!(log.stored(&host, id)[..5], events(1..=5), "nothing is lost");
    drop(second);
    log.databases.replace(vec![MemoryLog::default()]);
    let third = Recorder::start(&host, &log);
    let lost = third
        .opened
        .finished
        .iter()
        .find(|lost| lost.session_id == id)
        .unwrap();
    assert_eq!(lost.undelivered_by_category["console"], 5);
}

#[test]
fn a_log_that_is_lost_leaves_gaps_of_earlier_sessions_too() {
    let (host, log) = (TestHost::default(), TestLog::default());
    let first = Recorder::start(&host, &log);
    first.publish(4);
    let losses = first.losses.clone();
    host.run(async move { losses.close().await }).unwrap();
    let [ended, lost] = [(); 2].map(|()| Recorder::live_and_die(&host, &log, 2));
    assert_eq!(ended, lost, "it is resumed");
    log.databases.replace(vec![MemoryLog::default()]);
    let last = Recorder::start(&host, &log);
    assert_eq!(
        log.stored(&host, first.opened.session_id),
        [format!("1-4 {NOT_RETAINED}")]
    );
    // The ring of the second owner began empty: it did not see of which category the first two are.
    let gaps = [format!("1-2 {NOT_RETAINED}"), format!("3-4 {NOT_RETAINED}")];
    assert_eq!(log.stored(&host, lost), gaps);
    assert_eq!(last.opened.finished.len(), 2, "a collector receives both");
}

#[test]
fn a_log_that_fails_once_is_counted_at_every_commit_though_the_session_never_leaves_it() {
    let (host, log) = (TestHost::default(), TestLog::default());
    let first = Recorder::start(&host, &log);
    let id = first.opened.session_id;
    log.unwritable.set(true);
    first.publish(3);
    log.mend();
    host.world.run(1_000.0);
    assert_eq!(first.state(), State::Logged);
    first.publish(9);
    drop(first);
    log.databases.replace(vec![MemoryLog::default()]);
    let second = Recorder::start(&host, &log);
    assert!(!second.opened.resumed);
    assert_eq!(log.stored(&host, id), [format!("1-12 {NOT_RETAINED}")]);
}

#[test]
fn gaps_that_the_log_has_no_room_for_outlive_the_worker() {
    let (host, log) = (TestHost::default(), TestLog::default());
    let first = Recorder::start(&host, &log);
    first.publish(2);
    let gaps = PendingGaps {
        session_id: first.opened.session_id,
        category: "console".to_owned(),
        first_seq: 1,
        tombstone: vec![1, 2, 3],
        freed_bytes: 100,
    };
    log.pending_gaps.replace(vec![gaps.clone()]);
    log.unwritable.set(true);
    first.publish(1);
    host.world.run(100.0);
    drop(first);
    for _ in 0..2 {
        log.pending_gaps.take();
        drop(Recorder::start(&host, &log));
        assert_eq!(*log.pending_gaps.borrow(), std::slice::from_ref(&gaps));
    }
}

#[test]
fn a_worker_that_dies_while_its_log_cannot_be_opened_leaves_counted_gaps() {
    let (host, log) = (TestHost::default(), TestLog::default());
    log.break_down(unknown_error());
    let first = Recorder::start(&host, &log);
    first.publish(9);
    let lost = first.opened.session_id;
    drop(first);
    log.mend();
    let second = Recorder::start(&host, &log);
    assert_eq!(second.state(), State::Logged);
    assert_eq!(log.stored(&host, lost), [format!("1-9 {VOLATILE}")]);
}

#[test]
fn a_log_that_fails_again_right_after_it_recovered_is_tried_ever_more_rarely() {
    let (host, log) = (TestHost::default(), TestLog::default());
    log.break_down(LogError::VersionChange);
    let recorder = Recorder::start(&host, &log);
    recorder.publish(1);
    // It takes what memory holds, and no commit after that.
    log.commits_left.set(Some(0));
    log.mend();
    assert!(recorder.runs_until(61_000.0, State::Logged));
    let tries = log.opens.get();
    host.world.run(1_200_000.0);
    let tries = log.opens.get() - tries;
    assert!((10..=30).contains(&tries), "{tries} in twenty minutes");
}
