//! The loop that makes a session's records durable in the browser.
//!
//! It does what [`CommitSchedule`] says, on gloo-timers: [`Committer::kick`] after every publish batch,
//! and the rest follows. It also watches for a log that hangs or keeps failing, and then turns the
//! session volatile, resume record first, and back when the log works again.

use super::{CaptureSession, go_back};
use crate::log::{CommitSchedule, Due, LogError, LogStore, RelayCursor};
use gloo_timers::callback::Timeout;
use std::cell::RefCell;
use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::rc::{Rc, Weak};

/// How long a hanging commit goes unnoticed after it may turn the session volatile.
const WATCH_MS: u32 = 5_100;
/// How often a volatile session looks whether its log works again.
const WAY_BACK_MS: u32 = 10_000;

/// What the owner of a session does when its log has something to say.
pub trait CommitObserver {
    /// Milliseconds of a monotonic clock.
    fn now_ms(&self) -> f64;
    /// Everything up to this seq is committed.
    fn committed(&self, seq: u64);
    /// A commit failed.
    fn failed(&self, error: &LogError);
    /// Sees to it that nobody resumes the session; it turns volatile when that is done.
    fn before_volatile(&self) -> Pin<Box<dyn Future<Output = ()>>>;
    /// How far messages of relays were taken that have these seqs.
    fn relays(&self, _seqs: RangeInclusive<u64>) -> Vec<RelayCursor> {
        Vec::new()
    }
    /// The log works again, and has everything.
    fn logged_again(&self) {}
}

/// Commits one session into one log. Dropping it stops committing.
pub struct Committer<L, O> {
    inner: Rc<Inner<L, O>>,
}

struct Inner<L, O> {
    session: Rc<RefCell<CaptureSession>>,
    log: L,
    observer: O,
    schedule: RefCell<CommitSchedule>,
    timer: RefCell<Option<Timeout>>,
    watchdog: RefCell<Option<Timeout>>,
    way_back: RefCell<Option<Timeout>>,
    turning_volatile: RefCell<bool>,
}

impl<L, O> std::fmt::Debug for Committer<L, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Committer").field("session", &self.inner.session).finish_non_exhaustive()
    }
}

impl<L: LogStore + 'static, O: CommitObserver + 'static> Committer<L, O> {
    /// Commits `session` into `log`.
    pub fn new(session: Rc<RefCell<CaptureSession>>, log: L, observer: O) -> Self {
        Self {
            inner: Rc::new(Inner {
                session,
                log,
                observer,
                schedule: RefCell::default(),
                timer: RefCell::default(),
                watchdog: RefCell::default(),
                way_back: RefCell::default(),
                turning_volatile: RefCell::new(false),
            }),
        }
    }

    /// Looks whether something is to be committed, now or later. Call it after every publish batch.
    pub fn kick(&self) {
        self.inner.kick();
    }
}

impl<L: LogStore + 'static, O: CommitObserver + 'static> Inner<L, O> {
    fn kick(self: &Rc<Self>) {
        let now_ms = self.observer.now_ms();
        let (pending_bytes, must_turn_volatile) = {
            let session = self.session.borrow();
            (session.pending_bytes(), session.must_turn_volatile(now_ms))
        };
        if must_turn_volatile {
            self.turn_volatile();
            return;
        }
        let due = self.schedule.borrow().due(now_ms, pending_bytes);
        match due {
            Due::Never => {}
            Due::In(ms) => {
                self.timer.borrow_mut().get_or_insert_with(|| {
                    let weak = Rc::downgrade(self);
                    Timeout::new(ms.ceil() as u32, move || Self::timer_fired(&weak))
                });
            }
            Due::Now => {
                self.timer.borrow_mut().take();
                self.schedule.borrow_mut().began(now_ms);
                let this = self.clone();
                // A microtask: whatever else is published in this turn is in the same commit.
                wasm_bindgen_futures::spawn_local(async move { this.commit().await });
            }
        }
    }

    fn timer_fired(weak: &Weak<Self>) {
        if let Some(this) = weak.upgrade() {
            // The handle of a timer that fired must not be cleared again by its drop.
            if let Some(timer) = this.timer.borrow_mut().take() {
                timer.forget();
            }
            this.kick();
        }
    }

    async fn commit(self: Rc<Self>) {
        let begun = self.session.borrow_mut().begin_commit(self.observer.now_ms());
        let Some(commit) = begun else {
            self.schedule.borrow_mut().ended(true);
            return;
        };
        self.watch();
        let result = self.log.commit(&commit).await;
        self.watchdog.borrow_mut().take();
        let settled = self.session.borrow_mut().settle(result);
        self.schedule.borrow_mut().ended(settled.is_ok());
        match settled {
            Ok(()) => self.observer.committed(commit.latest_seq),
            Err(error) => self.observer.failed(&error),
        }
        self.kick();
    }

    /// Looks again when a commit that hangs has lasted too long.
    fn watch(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        *self.watchdog.borrow_mut() = Some(Timeout::new(WATCH_MS, move || {
            if let Some(this) = weak.upgrade() {
                if let Some(timer) = this.watchdog.borrow_mut().take() {
                    timer.forget();
                }
                this.kick();
            }
        }));
    }

    fn turn_volatile(self: &Rc<Self>) {
        if self.turning_volatile.replace(true) {
            return;
        }
        let this = self.clone();
        wasm_bindgen_futures::spawn_local(async move {
            this.observer.before_volatile().await;
            this.session.borrow_mut().turn_volatile();
            let latest_seq = this.session.borrow().latest_seq();
            this.observer.committed(latest_seq);
            this.go_back_later();
        });
    }

    fn go_back_later(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        *self.way_back.borrow_mut() = Some(Timeout::new(WAY_BACK_MS, move || {
            if let Some(this) = weak.upgrade() {
                if let Some(timer) = this.way_back.borrow_mut().take() {
                    timer.forget();
                }
                wasm_bindgen_futures::spawn_local(async move { this.go_back().await });
            }
        }));
    }

    async fn go_back(self: Rc<Self>) {
        // Why it does not work, a person has been told already.
        match go_back(&self.session, &self.log, |seqs| self.observer.relays(seqs)).await {
            Ok(()) => {
                self.turning_volatile.replace(false);
                self.observer.logged_again();
                self.kick();
            }
            // Another owner has it, or it is over.
            Err(LogError::Superseded { .. }) => {}
            Err(_) => self.go_back_later(),
        }
    }
}
