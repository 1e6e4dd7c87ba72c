//! Waiting for a commit.

use super::NotCommitted;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// How far commits have come, and who waits for them.
#[derive(Debug, Clone)]
pub(crate) struct CommitWatch {
    progress: Arc<Mutex<Progress>>,
}

#[derive(Debug, Default)]
struct Progress {
    committed_seq: u64,
    ended: Option<NotCommitted>,
    waiting: Vec<Waiting>,
    /// How many waits there have been: each has its own number.
    waits: u64,
}

/// One [`Committed`] that was polled and is not ready.
#[derive(Debug)]
struct Waiting {
    wait: u64,
    seq: u64,
    waker: Waker,
}

impl CommitWatch {
    pub(crate) fn new(committed_seq: u64) -> Self {
        Self {
            progress: Arc::new(Mutex::new(Progress {
                committed_seq,
                ..Progress::default()
            })),
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn committed_seq(&self) -> u64 {
        self.progress().committed_seq
    }

    pub(crate) fn advance(&self, committed_seq: u64) {
        let mut progress = self.progress();
        progress.committed_seq = progress.committed_seq.max(committed_seq);
        if progress.waiting.is_empty() {
            return;
        }
        let ready: Vec<Waiting> = progress
            .waiting
            .extract_if(.., |waiting| waiting.seq <= committed_seq)
            .collect();
        drop(progress);
        for waiting in ready {
            waiting.waker.wake();
        }
    }

    /// No more commits will come.
    pub(super) fn end(&self, why: NotCommitted) {
        let mut progress = self.progress();
        progress.ended.get_or_insert(why);
        let ready = std::mem::take(&mut progress.waiting);
        drop(progress);
        for waiting in ready {
            waiting.waker.wake();
        }
    }

    pub(crate) fn wait(&self, seq: u64) -> Committed {
        let mut progress = self.progress();
        progress.waits += 1;
        Committed {
            watch: self.clone(),
            seq,
            wait: progress.waits,
        }
    }
}

/// Resolves once everything up to a seq is committed, or never will be by this owner.
#[derive(Debug)]
#[must_use = "it does nothing unless awaited"]
pub struct Committed {
    watch: CommitWatch,
    seq: u64,
    wait: u64,
}

impl Future for Committed {
    type Output = Result<(), NotCommitted>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut progress = self.watch.progress();
        if progress.committed_seq >= self.seq {
            return Poll::Ready(Ok(()));
        }
        if let Some(why) = progress.ended {
            return Poll::Ready(Err(why));
        }
        match progress
            .waiting
            .iter_mut()
            .find(|waiting| waiting.wait == self.wait)
        {
            Some(waiting) => waiting.waker.clone_from(context.waker()),
            None => {
                let waiting = Waiting {
                    wait: self.wait,
                    seq: self.seq,
                    waker: context.waker().clone(),
                };
                progress.waiting.push(waiting);
            }
        }
        Poll::Pending
    }
}

impl Drop for Committed {
    fn drop(&mut self) {
        self.watch
            .progress()
            .waiting
            .retain(|waiting| waiting.wait != self.wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::Wake;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    struct Nothing;

    impl Wake for Nothing {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn a_wait_keeps_one_waker_however_often_it_is_polled_and_none_once_dropped() {
        let watch = CommitWatch::new(0);
        let woken = Arc::new(Nothing);
        let waker = Waker::from(woken.clone());
        {
            let mut wait = pin!(watch.wait(1));
            for _ in 0..3 {
                assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            }
            assert_eq!(
                Arc::strong_count(&woken),
                3,
                "the test's, the context's, the wait's"
            );
        }
        assert_eq!(Arc::strong_count(&woken), 2);
    }

    #[test]
    fn a_wait_that_is_polled_again_is_woken_by_its_newest_waker() {
        let watch = CommitWatch::new(0);
        let mut wait = pin!(watch.wait(2));
        let newest = Arc::new(Flag::default());
        assert!(
            wait.as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
        let waker = Waker::from(newest.clone());
        assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        watch.advance(1);
        assert!(!newest.0.load(Ordering::Relaxed));
        watch.advance(2);
        assert!(newest.0.load(Ordering::Relaxed));
        assert_eq!(
            wait.as_mut().poll(&mut Context::from_waker(&waker)),
            Poll::Ready(Ok(()))
        );
    }

    #[derive(Default)]
    struct Flag(AtomicBool);

    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
