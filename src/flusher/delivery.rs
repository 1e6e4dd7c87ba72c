//! The loop that does what the [`Flusher`] decides.

use super::decide::{Action, Flusher, Order};
use super::environment::{Environment, random_unit};
use super::flush::{Flush, FlushWaiter, NotFlushed};
use super::hello::{Challenge, HELLO_TIMEOUT_MS};
use super::notice::Notice;
use super::reply::Reply;
use super::status::{DeliveryStatus, LinkState};
use super::target::Target;
use super::transport::{BATCH_TIMEOUT_MS, Request, Transport};
use super::{Batch, Limits};
use crate::envelope::SessionId;
use crate::log::{LogError, LogStore};
use crate::ring::{Entry, ReadResult, RingBuffer};
use crate::selector::Selector;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// How long the log may take to answer: longer than a busy disk does, shorter than anyone waits for.
const LOG_TIMEOUT_MS: f64 = 5_000.0;

/// Takes the status, and what is worth saying since the last time.
pub type OnChange = dyn Fn(&DeliveryStatus, &[Notice]);

/// What a delivery is made of.
pub struct Parts<L, T, E> {
    /// Where records and cursors are.
    pub log: L,
    /// How requests are sent to [`Parts::target`].
    pub transport: T,
    /// Time and chance.
    pub environment: E,
    /// The collector.
    pub target: Target,
    /// Called after each answer and each change of state, with what is worth saying.
    pub on_change: Box<OnChange>,
}

impl<L, T, E> fmt::Debug for Parts<L, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("target", &self.target).finish_non_exhaustive()
    }
}

/// Delivers everything that is committed to one collector. Dropping it stops that, also a request that
/// is under way.
#[must_use = "dropping a delivery stops it"]
#[derive(Debug)]
pub struct Delivery {
    shared: Rc<Shared>,
}

#[derive(Debug)]
struct Shared {
    flusher: RefCell<Flusher>,
    live: Cell<SessionId>,
    /// The rings of the sessions that were live in this worker.
    rings: RefCell<Vec<(SessionId, Source)>>,
    waiters: RefCell<Vec<FlushWaiter>>,
    url: String,
    last_ack_ts: Cell<Option<u64>>,
    signal: Signal,
    stopped: Cell<bool>,
    stop_waker: RefCell<Option<Waker>>,
}

#[derive(Debug, Clone)]
struct Source {
    ring: RingBuffer,
    /// The session is volatile: what the log cannot give is gone.
    memory_only: bool,
}

/// Wakes the loop; a signal given while nobody waits is kept.
#[derive(Debug, Default)]
struct Signal {
    given: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Signal {
    fn give(&self) {
        self.given.set(true);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Resolves at the signal.
    async fn wait(&self) {
        poll_fn(|context| {
            if self.given.take() {
                return Poll::Ready(());
            }
            *self.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
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
        E: Environment + 'static,
    {
        let shared = Rc::new(Shared {
            flusher: RefCell::default(),
            live: Cell::new(session_id),
            rings: RefCell::default(),
            waiters: RefCell::default(),
            url: parts.target.url(),
            last_ack_ts: Cell::new(None),
            signal: Signal::default(),
            stopped: Cell::new(false),
            stop_waker: RefCell::default(),
        });
        let delivery = Self { shared: shared.clone() };
        delivery.set_live(session_id, ring);
        let task = Task { parts, shared: shared.clone(), said: RefCell::new(None) };
        let work = async move {
            let mut run = pin!(task.run());
            poll_fn(|context| {
                if task.shared.stopped.get() {
                    return Poll::Ready(());
                }
                task.shared.stop_waker.replace(Some(context.waker().clone()));
                run.as_mut().poll(context)
            })
            .await;
            task.shared.end_waiters();
        };
        (delivery, work)
    }

    /// Goes on with another session: the last one ended, or turned volatile and was replaced. It is
    /// delivered to its end like every older one.
    pub fn set_live(&self, session_id: SessionId, ring: RingBuffer) {
        let latest_seq = ring.latest_seq();
        self.shared.live.set(session_id);
        self.shared.rings.borrow_mut().push((session_id, Source { ring, memory_only: false }));
        self.shared.flusher.borrow_mut().set_live(session_id, latest_seq);
        self.shared.signal.give();
    }

    /// The ring has more: call it after each commit.
    pub fn notify(&self) {
        let live = self.shared.live.get();
        let latest_seq = self.shared.source(live).map_or(0, |source| source.ring.latest_seq());
        self.shared.flusher.borrow_mut().committed(live, latest_seq);
        self.shared.signal.give();
    }

    /// The live session turned volatile: records are in its ring or nowhere.
    pub fn turned_volatile(&self) {
        let live = self.shared.live.get();
        for (session_id, source) in &mut *self.shared.rings.borrow_mut() {
            source.memory_only |= *session_id == live;
        }
        self.notify();
    }

    /// The live session was closed and everything of it committed.
    pub fn closing(&self) {
        self.shared.flusher.borrow_mut().closing(self.shared.live.get());
        self.notify();
    }

    /// Sends without waiting, and resolves once everything committed so far is acked, of all sessions.
    pub fn flush(&self) -> Flush {
        self.notify();
        let mut flusher = self.shared.flusher.borrow_mut();
        let live_seq = flusher.latest_seq(self.shared.live.get());
        let (waiter, flush) = FlushWaiter::new(live_seq, flusher.failures());
        self.shared.waiters.borrow_mut().push(waiter);
        flusher.request();
        self.shared.signal.give();
        flush
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> DeliveryStatus {
        self.shared.status()
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.shared.stopped.set(true);
        if let Some(waker) = self.shared.stop_waker.take() {
            waker.wake();
        }
    }
}

impl Shared {
    fn source(&self, session_id: SessionId) -> Option<Source> {
        self.rings.borrow().iter().rev().find(|(id, _)| *id == session_id).map(|(_, source)| source.clone())
    }

    fn status(&self) -> DeliveryStatus {
        let status = self.flusher.borrow().status(Some(self.live.get()));
        DeliveryStatus { url: self.url.clone(), last_ack_ts: self.last_ack_ts.get(), ..status }
    }

    fn end_waiters(&self) {
        for waiter in self.waiters.take() {
            waiter.finish(Err(NotFlushed { reason: "the delivery was stopped".to_owned() }));
        }
    }

    /// Ends the flushes that are over.
    fn settle_waiters(&self) {
        let mut over = Vec::new();
        {
            let flusher = self.flusher.borrow();
            let mut waiters = self.waiters.borrow_mut();
            for waiter in std::mem::take(&mut *waiters) {
                match flusher.flushed(Some(self.live.get()), waiter.live_seq, waiter.failures) {
                    Some(result) => over.push((waiter, result)),
                    None => waiters.push(waiter),
                }
            }
        }
        for (waiter, result) in over {
            waiter.finish(result);
        }
    }
}

struct Task<L, T, E> {
    parts: Parts<L, T, E>,
    shared: Rc<Shared>,
    /// State and receipts when `on_change` was last called.
    said: RefCell<Option<(LinkState, u64)>>,
}

impl<L: LogStore, T: Transport, E: Environment> Task<L, T, E> {
    async fn run(&self) {
        loop {
            let action = self.flusher(|flusher| flusher.next(self.parts.environment.now_ms()));
            self.shared.settle_waiters();
            self.report();
            match action {
                Action::ListSessions => self.list_sessions().await,
                Action::Hello => self.hello().await,
                Action::LoadAcked { session_id, store_id } => {
                    // Without a cursor everything is sent again, which a collector recognises.
                    let acked_seq =
                        self.log(self.parts.log.acked_seq(session_id, &store_id)).await.unwrap_or(0);
                    self.flusher(|flusher| flusher.loaded(session_id, &store_id, acked_seq));
                }
                Action::StoreAcked { session_id, store_id, acked_seq } => {
                    let storing = self.parts.log.set_acked_seq(session_id, &store_id, acked_seq);
                    if self.log(storing).await.is_err() {
                        let now_ms = self.parts.environment.now_ms();
                        self.flusher(|flusher| flusher.not_stored(session_id, now_ms));
                    }
                }
                Action::Send(order) => self.send(order).await,
                Action::WaitUntil(at_ms) => self.wait(Some(at_ms)).await,
                Action::Idle => self.wait(None).await,
            }
        }
    }

    fn flusher<R>(&self, change: impl FnOnce(&mut Flusher) -> R) -> R {
        change(&mut self.shared.flusher.borrow_mut())
    }

    async fn wait(&self, at_ms: Option<f64>) {
        let signal = self.shared.signal.wait();
        match at_ms {
            None => signal.await,
            Some(at_ms) => drop(self.within(at_ms - self.parts.environment.now_ms(), signal).await),
        }
    }

    /// A log on a full or broken disk may never answer; delivery goes on from memory.
    async fn log<R>(&self, asked: impl Future<Output = Result<R, LogError>>) -> Result<R, LogError> {
        self.within(LOG_TIMEOUT_MS, asked).await.unwrap_or_else(|| {
            let message = format!("no answer within {} s", LOG_TIMEOUT_MS / 1_000.0);
            Err(LogError::Other { name: "TimeoutError".to_owned(), message })
        })
    }

    /// What `work` comes to within `ms`.
    async fn within<R>(&self, ms: f64, work: impl Future<Output = R>) -> Option<R> {
        let (mut work, mut sleep) = (pin!(work), pin!(self.parts.environment.sleep(ms)));
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending => sleep.as_mut().poll(context).map(|()| None),
        })
        .await
    }

    async fn list_sessions(&self) {
        let sessions = self.log(self.parts.log.sessions()).await;
        let now_ms = self.parts.environment.now_ms();
        self.flusher(|flusher| match sessions {
            Ok(sessions) => flusher.listed(sessions.into_iter().map(|(id, head)| (id, head.latest_seq))),
            Err(error) => flusher.not_listed(error.to_string(), now_ms),
        });
    }

    async fn hello(&self) {
        let Parts { transport, environment, target, .. } = &self.parts;
        let mut nonce = [0; 32];
        environment.fill_random(&mut nonce);
        let challenge = Challenge::new(nonce);
        let request = Request {
            path: "/v1/hello".to_owned(),
            content_type: "application/json",
            body: Bytes::from(challenge.body(target)),
            token: None,
            timeout_ms: HELLO_TIMEOUT_MS,
        };
        let answer = transport.post(request).await;
        let outcome = challenge.judge(target, answer);
        let (now_ms, random) = (environment.now_ms(), random_unit(environment));
        self.flusher(|flusher| flusher.greeted(outcome, now_ms, random));
    }

    async fn send(&self, order: Order) {
        let Parts { transport, environment, target, .. } = &self.parts;
        let held = self.held(&order).await;
        let (now_ms, random) = (environment.now_ms(), random_unit(environment));
        let batch = match held.map(|entries| Batch::build(&order, &entries)) {
            Ok(Some(batch)) => batch,
            Ok(None) => return,
            Err(error) => {
                let error = error.to_string();
                return self.flusher(|flusher| flusher.unreadable(order.session_id, error, now_ms, random));
            }
        };
        self.flusher(|flusher| flusher.began(&batch, order.reason, now_ms));
        let Batch { session_id, first_seq, last_seq, body, .. } = batch;
        let request = Request {
            path: format!("/v1/batches?session={session_id}&first_seq={first_seq}&last_seq={last_seq}"),
            content_type: "application/x-ndjson",
            body: Bytes::from(body),
            token: Some(target.token()),
            timeout_ms: BATCH_TIMEOUT_MS,
        };
        let reply = match transport.post(request).await {
            Ok(response) => Reply::of(&response),
            Err(error) => Reply::from(error),
        };
        let (now_ms, random) = (environment.now_ms(), random_unit(environment));
        self.flusher(|flusher| flusher.answered(reply, now_ms, random));
    }

    /// The records after the order's cursor: from the ring when it holds them, else from the log. Nothing
    /// at all means that none is held up to the order's `latest_seq`.
    async fn held(&self, order: &Order) -> Result<Vec<Entry>, LogError> {
        let source = self.shared.source(order.session_id);
        if let Some(entries) = source.as_ref().and_then(|at| in_ring(&at.ring, order.after_seq, order.limits))
        {
            return Ok(entries);
        }
        let Limits { events, bytes } = order.limits;
        match self.log(self.parts.log.read(order.session_id, order.after_seq, events, bytes)).await {
            Ok(entries) if !entries.is_empty() => return Ok(entries),
            Ok(_) | Err(LogError::Missing) => {}
            Err(_) if source.as_ref().is_some_and(|source| source.memory_only) => {}
            Err(error) => return Err(error),
        }
        let ring = source.map(|source| source.ring).filter(|ring| ring.oldest_seq() > order.after_seq + 1);
        Ok(ring.and_then(|ring| in_ring(&ring, ring.oldest_seq() - 1, order.limits)).unwrap_or_default())
    }

    /// Says what has changed.
    fn report(&self) {
        let (notices, state, acks) = self.flusher(|flusher| flusher.news());
        let said = self.said.replace(Some((state, acks)));
        if notices.is_empty() && said == Some((state, acks)) {
            return;
        }
        if said.is_some_and(|(_, before)| before < acks) {
            self.shared.last_ack_ts.set(Some((self.parts.environment.unix_ms() * 1_000.0) as u64));
        }
        (self.parts.on_change)(&self.shared.status(), &notices);
    }
}

/// What the ring holds after `after_seq`; `None` when it does not hold the next seq.
fn in_ring(ring: &RingBuffer, after_seq: u64, limits: Limits) -> Option<Vec<Entry>> {
    if after_seq + 1 < ring.oldest_seq() || after_seq >= ring.latest_seq() {
        return None;
    }
    let mut reader = ring.reader(after_seq, Selector::default()).ok()?;
    let (mut entries, mut bytes) = (Vec::new(), 0);
    while entries.len() < limits.events && bytes < limits.bytes {
        let entry = match reader.try_read() {
            Some(ReadResult::Event(event)) => Entry::Event(event),
            Some(ReadResult::Gap(gap)) => Entry::Gap(gap),
            Some(ReadResult::Dropped { .. } | ReadResult::Closed) | None => break,
        };
        bytes += entry.line().len() + 1;
        entries.push(entry);
    }
    Some(entries)
}
