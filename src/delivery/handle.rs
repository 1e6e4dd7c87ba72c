//! A delivery as its owner holds it.

use super::flusher::{Backlog, Flusher};
use super::status::{DeliveryStatus, NotFlushed, Notice};
use super::target::Target;
use super::task::{Signal, Task};
use super::transport::{Platform, Transport};
use crate::log::{Limits, LogStore};
use crate::record::{Entry, SessionId};
use crate::ring::RingBuffer;
use futures_channel::oneshot;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

/// Takes the status, and what is worth saying since the last time.
pub type OnChange = dyn Fn(&DeliveryStatus, &[Notice]);

/// The parts of a delivery.
pub struct Parts<L, T, E> {
    /// The log with records and cursors, if there is one.
    pub log: Option<L>,
    /// Sends requests to [`Parts::target`].
    pub transport: T,
    /// Time and chance.
    pub platform: E,
    /// The collector.
    pub target: Target,
    /// Called after each answer and each change of state, with what is worth saying.
    pub on_change: Box<OnChange>,
}

impl<L, T, E> fmt::Debug for Parts<L, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// Delivers everything that is committed to one collector. Dropping it stops that, also a request that
/// is under way.
#[must_use = "dropping a delivery stops it"]
#[derive(Debug)]
pub struct Delivery {
    shared: Rc<Shared>,
    /// Dropping it stops the work.
    _stop: oneshot::Sender<Infallible>,
}

#[derive(Debug)]
pub(super) struct Shared {
    flusher: RefCell<Flusher>,
    live: Cell<SessionId>,
    /// The rings of the sessions that were live in this worker.
    rings: Sources,
    /// The gaps that take the place of older sessions' records, should the log not have them any more.
    lost_logs: Sources,
    waiters: RefCell<Vec<FlushWaiter>>,
    url: String,
    last_ack_ts: Cell<Option<u64>>,
    signal: Signal,
}

type Sources = RefCell<Vec<(SessionId, Source)>>;

/// A caller of [`Delivery::flush`].
#[derive(Debug)]
struct FlushWaiter {
    /// The live session's last committed seq when it began.
    live_seq: u64,
    /// How many failures there had been.
    failures: u64,
    done: oneshot::Sender<Result<(), NotFlushed>>,
}

/// The records of a session that are in memory.
#[derive(Debug, Clone)]
pub(super) struct Source {
    ring: RingBuffer,
    /// The session is degraded: delivery does not wait for a log that cannot be read.
    is_memory_only: bool,
}

impl Source {
    pub(super) const fn is_memory_only(&self) -> bool {
        self.is_memory_only
    }

    /// Returns records after `after_seq`; `None` if the next one is evicted or was never there.
    pub(super) fn entries_after(&self, after_seq: u64, limits: Limits) -> Option<Vec<Entry>> {
        if after_seq + 1 < self.ring.oldest_seq() || after_seq >= self.ring.latest_seq() {
            return None;
        }
        Some(self.ring.entries_after(after_seq, limits.entries, limits.bytes))
    }

    /// Returns the oldest records if those directly after `after_seq` are evicted.
    pub(super) fn oldest_entries(&self, after_seq: u64, limits: Limits) -> Option<Vec<Entry>> {
        let before_oldest = self.ring.oldest_seq().saturating_sub(1);
        (before_oldest > after_seq).then(|| self.entries_after(before_oldest, limits))?
    }
}

impl Delivery {
    /// Makes a delivery and the future that does its work, to be spawned on this thread. `session_id` is
    /// the session being recorded, `ring` where its committed records appear first.
    pub fn start<L, T, E>(
        parts: Parts<L, T, E>,
        session_id: SessionId,
        ring: RingBuffer,
    ) -> (Self, impl Future<Output = ()> + 'static)
    where
        L: LogStore + 'static,
        T: Transport + 'static,
        E: Platform + 'static,
    {
        let shared = Rc::new(Shared {
            flusher: RefCell::default(),
            live: Cell::new(session_id),
            rings: RefCell::default(),
            lost_logs: RefCell::default(),
            waiters: RefCell::default(),
            url: parts.target.url(),
            last_ack_ts: Cell::new(None),
            signal: Signal::default(),
        });
        let (stop, mut stopped) = oneshot::channel();
        let delivery = Self {
            shared: shared.clone(),
            _stop: stop,
        };
        delivery.set_live(session_id, ring);
        let task = Task::new(parts, shared);
        let work = async move {
            let mut run = pin!(task.run());
            poll_fn(|context| {
                if Pin::new(&mut stopped).poll(context).is_ready() {
                    return Poll::Ready(());
                }
                run.as_mut().poll(context)
            })
            .await;
        };
        (delivery, work)
    }

    /// Continues with another session: the last one ended, or degraded and was replaced. It is
    /// delivered to its end like every older one.
    pub fn set_live(&self, session_id: SessionId, ring: RingBuffer) {
        let latest_seq = ring.latest_seq();
        self.shared.live.set(session_id);
        add(&self.shared.rings, session_id, ring);
        self.shared.flusher.borrow_mut().on_live(session_id, latest_seq);
        self.shared.signal.give();
    }

    /// Delivers also the end of a session that is over and whose log may not have it: what `ring` holds.
    pub fn add_finished_session(&self, session_id: SessionId, ring: RingBuffer) {
        self.shared.add_past_session(&self.shared.rings, session_id, ring);
    }

    /// Delivers an older session from the log, and what `gaps` holds should the log not have it any more.
    pub fn add_logged_session(&self, session_id: SessionId, gaps: RingBuffer) {
        self.shared
            .add_past_session(&self.shared.lost_logs, session_id, gaps);
    }

    /// How far the collector has a session; 0 while that is not known.
    pub fn acked_seq(&self, session_id: SessionId) -> u64 {
        self.shared.flusher.borrow().acked_seq(session_id)
    }

    /// The sessions that the collector does not have to their end.
    pub fn backlogs(&self) -> Vec<Backlog> {
        self.shared.flusher.borrow().backlogs()
    }

    /// Something was committed: the ring has more.
    pub fn on_committed(&self) {
        let live = self.shared.live.get();
        let latest_seq = self
            .shared
            .source(live)
            .map_or(0, |source| source.ring.latest_seq());
        self.shared.flusher.borrow_mut().on_committed(live, latest_seq);
        self.shared.signal.give();
    }

    /// Sends the live session's records up to this seq as soon as they are committed, even if no reader follows the stream.
    pub fn hurry(&self, latest_seq: u64) {
        self.shared.flusher.borrow_mut().on_urgent(latest_seq);
        self.shared.signal.give();
    }

    /// The live session is degraded: its records are in its ring only.
    pub fn on_log_lost(&self) {
        let live = self.shared.live.get();
        for (session_id, source) in &mut *self.shared.rings.borrow_mut() {
            source.is_memory_only |= *session_id == live;
        }
        self.on_committed();
    }

    /// The live session has its log again.
    pub fn on_log_recovered(&self) {
        let live = self.shared.live.get();
        for (session_id, source) in &mut *self.shared.rings.borrow_mut() {
            source.is_memory_only &= *session_id != live;
        }
    }

    /// The live session was closed and everything of it committed.
    pub fn on_closing(&self) {
        self.shared
            .flusher
            .borrow_mut()
            .on_closing(self.shared.live.get());
        self.on_committed();
    }

    /// Sends without waiting, and resolves once everything committed so far is acked, of all sessions, or with what
    /// prevents it.
    pub fn flush(&self) -> impl Future<Output = Result<(), NotFlushed>> + use<> {
        self.on_committed();
        let mut flusher = self.shared.flusher.borrow_mut();
        let (done, result) = oneshot::channel();
        self.shared.waiters.borrow_mut().push(FlushWaiter {
            live_seq: flusher.latest_seq(self.shared.live.get()),
            failures: flusher.failures(),
            done,
        });
        flusher.on_flush_requested();
        self.shared.signal.give();
        async { result.await.unwrap_or_else(|_stopped| Err(NotFlushed::stopped())) }
    }

    /// The current status.
    pub fn status(&self) -> DeliveryStatus {
        self.shared.status()
    }
}

impl Shared {
    pub(super) fn with_flusher<R>(&self, change: impl FnOnce(&mut Flusher) -> R) -> R {
        change(&mut self.flusher.borrow_mut())
    }

    /// Resolves once something was committed or asked for.
    pub(super) async fn signalled(&self) {
        self.signal.wait().await;
    }

    pub(super) fn on_ack(&self, ts: u64) {
        self.last_ack_ts.set(Some(ts));
    }

    fn add_past_session(&self, to: &Sources, session_id: SessionId, ring: RingBuffer) {
        let latest_seq = ring.latest_seq();
        self.flusher
            .borrow_mut()
            .on_finished_session(session_id, latest_seq);
        add(to, session_id, ring);
        self.signal.give();
    }

    pub(super) fn source(&self, session_id: SessionId) -> Option<Source> {
        newest(&self.rings.borrow(), session_id)
    }

    /// The gaps in place of what the log should have.
    pub(super) fn lost_log(&self, session_id: SessionId) -> Option<Source> {
        newest(&self.lost_logs.borrow(), session_id)
    }

    pub(super) fn status(&self) -> DeliveryStatus {
        let status = self.flusher.borrow().status(Some(self.live.get()));
        DeliveryStatus {
            url: self.url.clone(),
            last_ack_ts: self.last_ack_ts.get(),
            ..status
        }
    }

    /// Ends the flushes that are over.
    pub(super) fn settle_waiters(&self) {
        let flusher = self.flusher.borrow();
        let live = Some(self.live.get());
        let mut over = Vec::new();
        for waiter in self.waiters.take() {
            match flusher.flushed(live, waiter.live_seq, waiter.failures) {
                Some(result) => over.push((waiter.done, result)),
                None => self.waiters.borrow_mut().push(waiter),
            }
        }
        drop(flusher);
        for (done, result) in over {
            // A caller that no longer waits needs no result.
            let _ = done.send(result);
        }
    }
}

fn add(sources: &Sources, session_id: SessionId, ring: RingBuffer) {
    let source = Source {
        ring,
        is_memory_only: false,
    };
    sources.borrow_mut().push((session_id, source));
}

fn newest(sources: &[(SessionId, Source)], session_id: SessionId) -> Option<Source> {
    let found = sources.iter().rev().find(|(id, _)| *id == session_id);
    found.map(|(_, source)| source.clone())
}
