//! The loop that does what the [`Flusher`] decides.

use super::batch::{Batch, BatchPlan};
use super::flusher::{Action, Flusher};
use super::handle::{Parts, Shared, Source};
use super::status::LinkState;
use super::target::{Challenge, HELLO_TIMEOUT_MS};
use super::transport::{BATCH_TIMEOUT_MS, Platform, Reply, Request, Transport, random_unit};
use crate::log::{LogError, LogStore};
use crate::record::Entry;
use crate::wake::WakeList;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

/// How long the log may take to answer: longer than a busy disk does, shorter than anyone waits for.
const LOG_TIMEOUT_MS: f64 = 5_000.0;

pub(super) struct Task<L, T, E> {
    parts: Parts<L, T, E>,
    shared: Rc<Shared>,
    /// State and receipts when `on_change` was last called.
    said: RefCell<Option<(LinkState, u64)>>,
}

impl<L: LogStore, T: Transport, E: Platform> Task<L, T, E> {
    pub(super) const fn new(parts: Parts<L, T, E>, shared: Rc<Shared>) -> Self {
        Self {
            parts,
            shared,
            said: RefCell::new(None),
        }
    }

    pub(super) async fn run(&self) {
        loop {
            let action = self.flusher(|flusher| flusher.next(self.parts.platform.now_ms()));
            self.shared.settle_waiters();
            self.report();
            match action {
                Action::ListSessions => self.list_sessions().await,
                Action::Hello => self.hello().await,
                Action::LoadAcked { session_id, store_id } => {
                    // Without a cursor everything is sent again, which a collector recognises.
                    let acked_seq = self
                        .log(async |log| log.acked_seq(session_id, &store_id).await, 0)
                        .await;
                    let acked_seq = acked_seq.unwrap_or(0);
                    self.flusher(|flusher| flusher.on_acked_loaded(session_id, &store_id, acked_seq));
                }
                Action::StoreAcked {
                    session_id,
                    store_id,
                    acked_seq,
                } => {
                    let store = async |log: &L| log.set_acked_seq(session_id, &store_id, acked_seq).await;
                    if self.log(store, ()).await.is_err() {
                        let now_ms = self.parts.platform.now_ms();
                        self.flusher(|flusher| flusher.on_acked_not_stored(session_id, now_ms));
                    }
                }
                Action::Send(plan) => self.send(plan).await,
                Action::WaitUntil(at_ms) => self.wait(Some(at_ms)).await,
                Action::Idle => self.wait(None).await,
            }
        }
    }

    fn flusher<R>(&self, change: impl FnOnce(&mut Flusher) -> R) -> R {
        self.shared.with_flusher(change)
    }

    async fn wait(&self, at_ms: Option<f64>) {
        let signal = self.shared.signalled();
        match at_ms {
            None => signal.await,
            Some(at_ms) => drop(self.within(at_ms - self.parts.platform.now_ms(), signal).await),
        }
    }

    /// Asks the log; `without` is the answer if there is no log. A log on a full or broken disk may never answer; delivery
    /// continues from memory.
    async fn log<R>(
        &self,
        ask: impl AsyncFnOnce(&L) -> Result<R, LogError>,
        without: R,
    ) -> Result<R, LogError> {
        let Some(log) = &self.parts.log else {
            return Ok(without);
        };
        self.within(LOG_TIMEOUT_MS, ask(log)).await.unwrap_or_else(|| {
            let message = format!("no answer within {} s", LOG_TIMEOUT_MS / 1_000.0);
            Err(LogError::Other {
                name: "TimeoutError".to_owned(),
                message,
            })
        })
    }

    /// Returns the result of `work`, or `None` after `ms`.
    async fn within<R>(&self, ms: f64, work: impl Future<Output = R>) -> Option<R> {
        let mut work = pin!(work);
        let mut sleep = pin!(self.parts.platform.sleep(ms));
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending => sleep.as_mut().poll(context).map(|()| None),
        })
        .await
    }

    async fn list_sessions(&self) {
        let sessions = self.log(async |log| log.sessions().await, Vec::new()).await;
        let now_ms = self.parts.platform.now_ms();
        self.flusher(|flusher| match sessions {
            Ok(sessions) => flusher.on_sessions(sessions.into_iter().map(|(id, head)| (id, head.latest_seq))),
            Err(error) => flusher.on_sessions_unreadable(error.to_string(), now_ms),
        });
    }

    async fn hello(&self) {
        let Parts {
            transport,
            platform,
            target,
            ..
        } = &self.parts;
        let mut nonce = [0; 32];
        platform.fill_random(&mut nonce);
        let challenge = Challenge::new(nonce);
        let request = Request {
            path: "/v1/hello".to_owned(),
            content_type: "application/json",
            body: Bytes::from(challenge.body(target)),
            is_sealed: false,
            timeout_ms: HELLO_TIMEOUT_MS,
        };
        let answer = transport.post(request).await;
        let outcome = challenge.judge(target, answer);
        let now_ms = platform.now_ms();
        let random = random_unit(platform);
        self.flusher(|flusher| flusher.on_hello(outcome, now_ms, random));
    }

    async fn send(&self, plan: BatchPlan) {
        let Parts {
            transport, platform, ..
        } = &self.parts;
        let held = self.read_records(&plan).await;
        let now_ms = platform.now_ms();
        let random = random_unit(platform);
        let batch = match held.map(|entries| Batch::build(&plan, &entries)) {
            Ok(Some(batch)) => batch,
            Ok(None) => return,
            Err(error) => {
                let error = error.to_string();
                return self
                    .flusher(|flusher| flusher.on_log_unreadable(plan.session_id, error, now_ms, random));
            }
        };
        self.flusher(|flusher| flusher.on_sent(&batch, now_ms));
        let Batch {
            session_id,
            first_seq,
            last_seq,
            body,
            ..
        } = batch;
        let request = Request {
            path: format!("/v1/batches?session={session_id}&first_seq={first_seq}&last_seq={last_seq}"),
            content_type: "application/x-ndjson",
            body: Bytes::from(body),
            is_sealed: true,
            timeout_ms: BATCH_TIMEOUT_MS,
        };
        let reply = match transport.post(request).await {
            Ok(response) => Reply::of(&response),
            Err(error) => Reply::from(error),
        };
        let now_ms = platform.now_ms();
        let random = random_unit(platform);
        self.flusher(|flusher| flusher.on_reply(reply, now_ms, random));
    }

    /// The records after the order's cursor: from the ring when it holds them, else from the log. Nothing
    /// at all means that none is held up to the order's `latest_seq`.
    async fn read_records(&self, plan: &BatchPlan) -> Result<Vec<Entry>, LogError> {
        let source = self.shared.source(plan.session_id);
        let source = source.as_ref();
        if let Some(entries) = source.and_then(|source| source.entries_after(plan.after_seq, plan.limits)) {
            return Ok(entries);
        }
        let read = async |log: &L| log.read(plan.session_id, plan.after_seq, plan.limits).await;
        match self.log(read, Vec::new()).await {
            Ok(entries) if !entries.is_empty() => return Ok(entries),
            Ok(_) | Err(LogError::Missing) => {}
            Err(_) if source.is_some_and(Source::is_memory_only) => {}
            Err(error) => return Err(error),
        }
        let lost_log = self.shared.lost_log(plan.session_id);
        if let Some(gaps) = lost_log.and_then(|gaps| gaps.entries_after(plan.after_seq, plan.limits)) {
            return Ok(gaps);
        }
        let oldest = source.and_then(|source| source.oldest_entries(plan.after_seq, plan.limits));
        Ok(oldest.unwrap_or_default())
    }

    /// Reports what has changed.
    fn report(&self) {
        let (notices, state, acks) = self.flusher(|flusher| flusher.drain_changes());
        let said = self.said.replace(Some((state, acks)));
        if notices.is_empty() && said == Some((state, acks)) {
            return;
        }
        if said.is_some_and(|(_, before)| before < acks) {
            let ts = (self.parts.platform.unix_ms() * 1_000.0) as u64;
            self.shared.on_ack(ts);
        }
        (self.parts.on_change)(&self.shared.status(), &notices);
    }
}

/// Wakes the loop; a signal given while the loop does not wait is kept.
#[derive(Debug, Default)]
pub(super) struct Signal {
    is_given: Cell<bool>,
    wake: WakeList,
}

impl Signal {
    pub(super) fn give(&self) {
        self.is_given.set(true);
        self.wake.wake();
    }

    /// Resolves at the signal.
    pub(super) async fn wait(&self) {
        poll_fn(|context| {
            self.wake.park(context.waker());
            if self.is_given.take() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}
