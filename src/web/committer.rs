//! The loop that makes a session's records durable in the browser.
//!
//! It does what [`CommitSchedule`] says, on gloo-timers: [`Committer::schedule`] after every publish batch,
//! and the rest follows. It also watches for a log that hangs or keeps failing, and then turns the
//! session volatile, resume record first, and back when the log works again.

use crate::log::{CommitSchedule, Due, LogError, LogStore, RelayCursor};
use crate::session::{CaptureSession, recover_log};
use gloo_timers::callback::Timeout;
use std::cell::RefCell;
use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::rc::Rc;

/// How long a hanging commit goes unnoticed after it may turn the session volatile.
const WATCH_MS: u32 = 5_100;
/// How often a volatile session looks whether its log works again.
const LOG_RETRY_MS: u32 = 10_000;

/// Callbacks of a session's owner for results of its log.
pub(super) trait CommitObserver {
    /// Milliseconds of a monotonic clock.
    fn now_ms(&self) -> f64;
    /// Everything up to this seq is committed.
    fn committed(&self, seq: u64);
    /// A commit failed.
    fn failed(&self, error: &LogError);
    /// Sees to it that nobody resumes the session; it turns volatile when that is done.
    fn before_degrading(&self) -> Pin<Box<dyn Future<Output = ()>>>;
    /// How far messages of relays were taken that have these seqs.
    fn relays(&self, _seqs: RangeInclusive<u64>) -> Vec<RelayCursor> {
        Vec::new()
    }
    /// The log works again, and has everything.
    fn on_log_recovered(&self) {}
}

/// Commits one session into one log. Dropping it stops committing.
pub(super) struct Committer<L, O> {
    inner: Rc<Inner<L, O>>,
}

/// Selects the field that contains a timer.
type Slot<T> = fn(&T) -> &RefCell<Option<Timeout>>;

struct Inner<L, O> {
    session: Rc<RefCell<CaptureSession>>,
    log: L,
    observer: O,
    timing: RefCell<CommitSchedule>,
    timer: RefCell<Option<Timeout>>,
    watchdog: RefCell<Option<Timeout>>,
    log_retry: RefCell<Option<Timeout>>,
    degrading: RefCell<bool>,
}

impl<L, O> std::fmt::Debug for Committer<L, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Committer").field("session", &self.inner.session).finish_non_exhaustive()
    }
}

impl<L: LogStore + 'static, O: CommitObserver + 'static> Committer<L, O> {
    /// Commits `session` into `log`.
    pub(super) fn new(session: Rc<RefCell<CaptureSession>>, log: L, observer: O) -> Self {
        Self {
            inner: Rc::new(Inner {
                session,
                log,
                observer,
                timing: RefCell::default(),
                timer: RefCell::default(),
                watchdog: RefCell::default(),
                log_retry: RefCell::default(),
                degrading: RefCell::new(false),
            }),
        }
    }

    /// Looks whether something is to be committed, now or later. Call it after every publish batch.
    pub(super) fn schedule(&self) {
        self.inner.schedule();
    }
}

impl<L: LogStore + 'static, O: CommitObserver + 'static> Inner<L, O> {
    fn schedule(self: &Rc<Self>) {
        let now_ms = self.observer.now_ms();
        let (pending_bytes, must_degrade) = {
            let session = self.session.borrow();
            (session.pending_bytes(), session.must_degrade(now_ms))
        };
        if must_degrade {
            self.degrade_to_memory();
            return;
        }
        let due = self.timing.borrow().due(now_ms, pending_bytes);
        match due {
            Due::Never => {}
            Due::In(ms) => {
                if self.timer.borrow().is_none() {
                    self.after(ms.ceil() as u32, |this| &this.timer, |this| this.schedule());
                }
            }
            Due::Now => {
                self.timer.borrow_mut().take();
                self.timing.borrow_mut().began(now_ms);
                let this = self.clone();
                // A microtask: whatever else is published in this turn is in the same commit.
                wasm_bindgen_futures::spawn_local(async move { this.commit().await });
            }
        }
    }

    /// Does `work` after `ms`, unless `slot` gets another timer before, or none.
    fn after(self: &Rc<Self>, ms: u32, slot: Slot<Self>, work: fn(Rc<Self>)) {
        let weak = Rc::downgrade(self);
        let timer = Timeout::new(ms, move || {
            let Some(this) = weak.upgrade() else { return };
            // The handle of a timer that fired must not be cleared again by its drop.
            if let Some(timer) = slot(&this).borrow_mut().take() {
                timer.forget();
            }
            work(this);
        });
        slot(self).replace(Some(timer));
    }

    async fn commit(self: Rc<Self>) {
        let begun = self.session.borrow_mut().begin_commit(self.observer.now_ms());
        let Some(commit) = begun else {
            self.timing.borrow_mut().ended(true);
            return;
        };
        // Looks again when a commit that hangs has lasted too long.
        self.after(WATCH_MS, |this| &this.watchdog, |this| this.schedule());
        let result = self.log.commit(&commit).await;
        self.watchdog.borrow_mut().take();
        let settled = self.session.borrow_mut().finish_commit(result);
        self.timing.borrow_mut().ended(settled.is_ok());
        match settled {
            Ok(()) => self.observer.committed(commit.latest_seq),
            Err(error) => self.observer.failed(&error),
        }
        self.schedule();
    }

    fn degrade_to_memory(self: &Rc<Self>) {
        if self.degrading.replace(true) {
            return;
        }
        let this = self.clone();
        wasm_bindgen_futures::spawn_local(async move {
            this.observer.before_degrading().await;
            this.session.borrow_mut().degrade_to_memory();
            let latest_seq = this.session.borrow().latest_seq();
            this.observer.committed(latest_seq);
            this.schedule_log_retry();
        });
    }

    fn schedule_log_retry(self: &Rc<Self>) {
        let recover_log =
            |this: Rc<Self>| wasm_bindgen_futures::spawn_local(async move { this.recover_log().await });
        self.after(LOG_RETRY_MS, |this| &this.log_retry, recover_log);
    }

    async fn recover_log(self: Rc<Self>) {
        // Why it does not work, a person has been told already.
        match recover_log(&self.session, &self.log, |seqs| self.observer.relays(seqs)).await {
            Ok(()) => {
                self.degrading.replace(false);
                self.observer.on_log_recovered();
                self.schedule();
            }
            // Another owner has it, or it is over.
            Err(LogError::Superseded { .. }) => {}
            Err(_) => self.schedule_log_retry(),
        }
    }
}
