//! A world in which time passes only when nothing else is left to do.

use super::super::Platform;
use super::session;
use crate::event::Trust;
use crate::log::{Commit, Head, Limits, LogError, LogStore, MemoryLog};
use crate::record::{Entry, SessionId};
use crate::ring::RingBuffer;
use crate::session::CaptureSession;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// So many polls without time passing are a busy loop.
const MAX_POLLS_AT_ONCE: usize = 20_000;

/// Virtual time and the tasks that run in it. Cloning it gives another handle.
#[derive(Clone, Default)]
pub(crate) struct World {
    inner: Rc<Inner>,
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Default)]
struct Inner {
    now_ms: Cell<f64>,
    wall_offset_ms: Cell<f64>,
    timers: RefCell<Vec<(f64, Waker)>>,
    tasks: RefCell<Vec<Option<Task>>>,
    woken: Arc<Flag>,
    random: Cell<u64>,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl World {
    pub(crate) fn seeded(seed: u64) -> Self {
        let world = Self::default();
        world.inner.random.set(seed | 1);
        world
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.inner.tasks.borrow_mut().push(Some(Box::pin(task)));
        self.inner.woken.0.store(true, Ordering::SeqCst);
    }

    /// Runs until `done`, at most for `ms` of virtual time. Whether it was.
    pub(crate) fn run_until(&self, ms: f64, done: impl Fn() -> bool) -> bool {
        let end_ms = self.inner.now_ms.get() + ms;
        let mut polls = 0;
        loop {
            self.poll_all();
            if done() {
                return true;
            }
            polls += 1;
            assert!(
                polls < MAX_POLLS_AT_ONCE,
                "a busy loop at {} ms",
                self.inner.now_ms.get()
            );
            if self.inner.woken.0.load(Ordering::SeqCst) {
                continue;
            }
            let next = self
                .inner
                .timers
                .borrow()
                .iter()
                .map(|(at, _)| *at)
                .fold(f64::INFINITY, f64::min);
            if next > end_ms {
                self.inner.now_ms.set(end_ms);
                return false;
            }
            polls = 0;
            self.inner.now_ms.set(next.max(self.inner.now_ms.get()));
            self.inner.timers.borrow_mut().retain(|(at, waker)| {
                if *at <= next {
                    waker.wake_by_ref();
                }
                *at > next
            });
        }
    }

    /// Lets time pass.
    pub(crate) fn run(&self, ms: f64) {
        self.run_until(ms, || false);
    }

    fn poll_all(&self) {
        self.inner.woken.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(self.inner.woken.clone());
        let count = self.inner.tasks.borrow().len();
        for index in 0..count {
            let Some(mut task) = self.inner.tasks.borrow_mut()[index].take() else {
                continue;
            };
            if task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                self.inner.tasks.borrow_mut()[index] = Some(task);
            }
        }
    }

    pub(crate) fn sleep_ms(&self, ms: f64) -> Sleep {
        Sleep {
            world: self.clone(),
            at_ms: self.inner.now_ms.get() + ms.max(0.0),
        }
    }

    pub(crate) fn now(&self) -> f64 {
        self.inner.now_ms.get()
    }

    /// Moves the wall clock, not time.
    pub(crate) fn jump(&self, ms: f64) {
        self.inner
            .wall_offset_ms
            .set(self.inner.wall_offset_ms.get() + ms);
    }
}

impl Platform for World {
    fn now_ms(&self) -> f64 {
        self.now()
    }

    fn unix_ms(&self) -> f64 {
        1_764_000_000_000.0 + self.now() + self.inner.wall_offset_ms.get()
    }

    async fn sleep(&self, ms: f64) {
        self.sleep_ms(ms).await;
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        for byte in bytes {
            // xorshift64
            let mut x = self.inner.random.get() | 1;
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            self.inner.random.set(x);
            *byte = (x >> 32) as u8;
        }
    }
}

pub(crate) struct Sleep {
    world: World,
    at_ms: f64,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.world.now() >= self.at_ms {
            return Poll::Ready(());
        }
        self.world
            .inner
            .timers
            .borrow_mut()
            .push((self.at_ms, context.waker().clone()));
        Poll::Pending
    }
}

/// A log whose oldest records can be lost, and that can be unreadable.
#[derive(Clone, Default)]
pub(crate) struct TestLog {
    pub(crate) memory: MemoryLog,
    forgotten: Rc<RefCell<BTreeMap<SessionId, u64>>>,
    pub(crate) unreadable: Rc<Cell<bool>>,
    /// It never answers.
    pub(crate) hangs: Rc<Cell<bool>>,
    pub(crate) reads: Rc<Cell<usize>>,
}

impl TestLog {
    /// Loses everything up to `seq`.
    pub(crate) fn forget(&self, session_id: SessionId, seq: u64) {
        let mut forgotten = self.forgotten.borrow_mut();
        let up_to = forgotten.entry(session_id).or_default();
        *up_to = seq.max(*up_to);
    }

    pub(crate) fn forgotten(&self, session_id: SessionId) -> u64 {
        self.forgotten.borrow().get(&session_id).copied().unwrap_or(0)
    }

    async fn check(&self) -> Result<(), LogError> {
        if self.hangs.get() {
            std::future::pending::<()>().await;
        }
        if self.unreadable.get() {
            return Err(LogError::Other {
                name: "UnknownError".into(),
                message: "no".into(),
            });
        }
        Ok(())
    }
}

impl LogStore for TestLog {
    async fn reopen(&self, session_id: SessionId) -> Result<Head, LogError> {
        self.check().await?;
        self.memory.reopen(session_id).await
    }

    async fn commit(&self, commit: &Commit) -> Result<(), LogError> {
        self.memory.commit(commit).await
    }

    async fn read(
        &self,
        session_id: SessionId,
        after_seq: u64,
        limits: Limits,
    ) -> Result<Vec<Entry>, LogError> {
        self.check().await?;
        self.reads.set(self.reads.get() + 1);
        let after_seq = after_seq.max(self.forgotten(session_id));
        self.memory.read(session_id, after_seq, limits).await
    }

    async fn sessions(&self) -> Result<Vec<(SessionId, Head)>, LogError> {
        self.check().await?;
        self.memory.sessions().await
    }

    async fn acked_seq(&self, session_id: SessionId, store_id: &str) -> Result<u64, LogError> {
        self.check().await?;
        self.memory.acked_seq(session_id, store_id).await
    }

    async fn set_acked_seq(
        &self,
        session_id: SessionId,
        store_id: &str,
        acked_seq: u64,
    ) -> Result<(), LogError> {
        self.check().await?;
        self.memory.set_acked_seq(session_id, store_id, acked_seq).await
    }
}

/// The owner of a session, committing into a [`TestLog`].
pub(crate) struct Owner {
    pub(crate) session: CaptureSession,
    pub(crate) ring: RingBuffer,
    log: TestLog,
}

impl Owner {
    pub(crate) fn open(log: &TestLog, number: u64) -> Self {
        let ring = RingBuffer::new(64, 1 << 20).unwrap();
        let head = log.memory.open(session(number));
        let session = CaptureSession::with_log(session(number), ring.clone(), &head);
        Self {
            session,
            ring,
            log: log.clone(),
        }
    }

    pub(crate) fn id(&self) -> SessionId {
        self.session.session_id()
    }

    /// Publishes `count` events and commits them.
    pub(crate) fn publish(&mut self, count: u64) {
        for _ in 0..count {
            self.publish_data("{}");
        }
        self.commit();
    }

    pub(crate) fn publish_data(&mut self, data: &str) {
        let event = format!(
            r#"{{"type":"console.log","category":"console","source":{{"kind":"extension"}},"data":{data}}}"#
        );
        self.session
            .publish(event.as_bytes(), Trust::Untrusted, 5)
            .unwrap();
    }

    pub(crate) fn drop_events(&mut self, count: u64) {
        self.session.record_drop("network", count, "queue_full").unwrap();
        self.commit();
    }

    pub(crate) fn commit(&mut self) {
        let future = crate::session::commit(&mut self.session, &self.log, 0.0);
        // A log in memory answers at once.
        let mut future = std::pin::pin!(future);
        let waker = Waker::noop();
        match future.as_mut().poll(&mut Context::from_waker(waker)) {
            Poll::Ready(result) => result.unwrap(),
            Poll::Pending => panic!("the memory log waits"),
        }
    }
}
