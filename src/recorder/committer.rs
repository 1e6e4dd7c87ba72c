//! The loop that makes a session's records durable.
//!
//! It does what [`CommitSchedule`] says: [`Committer::schedule`] after every publish batch, and the rest follows. It
//! also notices a log that hangs or keeps failing, degrades the session to memory, resume record first, and tries the
//! log again until it has what memory holds.

use super::host::Runtime;
use crate::log::{CommitSchedule, Due, LogError, LogStore, RelayCursor};
use crate::session::{CaptureSession, recover_log};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::ops::RangeInclusive;
use std::rc::Rc;

/// How long a hanging commit goes unnoticed after it may degrade the session.
const WATCH_MS: f64 = 5_100.0;
/// The first pause before a failed log is tried again. It doubles with each failure, and a log that fails again right
/// after it recovered does not begin anew.
const FIRST_LOG_RETRY_MS: f64 = 1_000.0;
const MAX_LOG_RETRY_MS: f64 = 60_000.0;

/// Callbacks of a session's owner for results of its log.
pub trait CommitObserver {
    /// Everything up to this seq is committed.
    fn committed(&self, seq: u64);
    /// A commit failed.
    fn failed(&self, error: &LogError);
    /// Makes the session impossible to resume; it degrades when that is done.
    fn before_degrading(&self) -> impl Future<Output = ()>;
    /// How far messages of relays were taken that have these seqs.
    fn relays(&self, _seqs: RangeInclusive<u64>) -> Vec<RelayCursor> {
        Vec::new()
    }
    /// The log has failed so many times in a row since the session degraded.
    fn on_log_retry_failed(&self, _error: &LogError, _failures: u32) -> impl Future<Output = ()> {
        async {}
    }
    /// The log works again, and has everything.
    fn on_log_recovered(&self) {}
}

/// Commits one session into one log. Dropping it stops committing.
pub struct Committer<L, O, R: Runtime> {
    inner: Rc<Inner<L, O, R>>,
}

/// Selects the field that contains a timer.
type Slot<T, R> = fn(&T) -> &RefCell<Option<<R as Runtime>::Timer>>;

struct Inner<L, O, R: Runtime> {
    session: Rc<RefCell<CaptureSession>>,
    log: L,
    observer: O,
    runtime: R,
    timing: RefCell<CommitSchedule>,
    timer: RefCell<Option<R::Timer>>,
    watchdog: RefCell<Option<R::Timer>>,
    log_retry: RefCell<Option<R::Timer>>,
    degrading: Cell<bool>,
    /// Failed retries since the last commit that succeeded while the session was logged.
    log_failures: Cell<u32>,
}

impl<L, O, R: Runtime> std::fmt::Debug for Committer<L, O, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Committer")
            .field("session", &self.inner.session)
            .finish_non_exhaustive()
    }
}

impl<L: LogStore + 'static, O: CommitObserver + 'static, R: Runtime> Committer<L, O, R> {
    /// Commits `session` into `log`.
    pub fn new(session: Rc<RefCell<CaptureSession>>, log: L, observer: O, runtime: R) -> Self {
        Self {
            inner: Rc::new(Inner {
                session,
                log,
                observer,
                runtime,
                timing: RefCell::default(),
                timer: RefCell::default(),
                watchdog: RefCell::default(),
                log_retry: RefCell::default(),
                degrading: Cell::new(false),
                log_failures: Cell::new(0),
            }),
        }
    }

    /// Looks whether something is to be committed, now or later. Call it after every publish batch.
    pub fn schedule(&self) {
        self.inner.schedule();
    }

    /// Commits what is pending sooner, for a caller that waits for it.
    pub fn hurry(&self) {
        self.inner.timing.borrow_mut().hurry();
        self.inner.timer.borrow_mut().take();
        self.inner.schedule();
    }

    /// Tries the log of a session that began in memory until it works. Call it once, first.
    pub fn begin_degraded(&self) {
        self.inner.degrading.set(true);
        self.inner.schedule_log_retry();
    }
}

impl<L: LogStore + 'static, O: CommitObserver + 'static, R: Runtime> Inner<L, O, R> {
    fn schedule(self: &Rc<Self>) {
        let now_ms = self.runtime.now_ms();
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
                    self.after(ms, |this| &this.timer, |this| this.schedule());
                }
            }
            Due::Now => {
                self.timer.borrow_mut().take();
                self.timing.borrow_mut().began(now_ms, pending_bytes);
                let this = self.clone();
                // A microtask: whatever else is published in this turn is in the same commit.
                self.runtime.spawn(async move { this.commit().await });
            }
        }
    }

    /// Runs `work` after `ms`, unless `slot` is given another timer before, or none.
    fn after(self: &Rc<Self>, ms: f64, slot: Slot<Self, R>, work: fn(Rc<Self>)) {
        let weak = Rc::downgrade(self);
        let timer = self.runtime.after(ms, move || {
            let Some(this) = weak.upgrade() else { return };
            drop(slot(&this).take());
            work(this);
        });
        slot(self).replace(Some(timer));
    }

    async fn commit(self: Rc<Self>) {
        let begun = self.session.borrow_mut().begin_commit(self.runtime.now_ms());
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
            Ok(()) => {
                self.log_failures.set(0);
                self.observer.committed(commit.latest_seq);
            }
            Err(error) => self.observer.failed(&error),
        }
        self.schedule();
    }

    fn degrade_to_memory(self: &Rc<Self>) {
        if self.degrading.replace(true) {
            return;
        }
        let this = self.clone();
        self.runtime.spawn(async move {
            this.observer.before_degrading().await;
            this.session.borrow_mut().degrade_to_memory();
            let latest_seq = this.session.borrow().latest_seq();
            this.observer.committed(latest_seq);
            this.schedule_log_retry();
        });
    }

    fn schedule_log_retry(self: &Rc<Self>) {
        let doublings = self.log_failures.get().min(16);
        let pause_ms = MAX_LOG_RETRY_MS.min(FIRST_LOG_RETRY_MS * f64::from(1_u32 << doublings));
        self.after(
            pause_ms,
            |this| &this.log_retry,
            |this| {
                let runtime = this.runtime.clone();
                runtime.spawn(async move { this.recover_log().await });
            },
        );
    }

    async fn recover_log(self: Rc<Self>) {
        match recover_log(&self.session, &self.log, |seqs| self.observer.relays(seqs)).await {
            Ok(()) => {
                // If it fails again before a commit succeeds, the pause continues to grow.
                self.log_failures.set(self.log_failures.get().saturating_add(1));
                self.degrading.set(false);
                self.observer.on_log_recovered();
                self.schedule();
            }
            // Another owner has it, or it is over.
            Err(LogError::Superseded { .. }) => {}
            // A person has been shown the first failure.
            Err(error) => {
                self.log_failures.set(self.log_failures.get().saturating_add(1));
                self.observer
                    .on_log_retry_failed(&error, self.log_failures.get())
                    .await;
                self.schedule_log_retry();
            }
        }
    }
}
