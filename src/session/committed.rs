//! Waiting for a commit.

use super::NotCommitted;
use futures_channel::oneshot;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// How far commits have come, and the waits for them.
#[derive(Debug, Clone)]
pub(crate) struct CommitWatch {
    progress: Arc<Mutex<Progress>>,
}

#[derive(Debug, Default)]
struct Progress {
    committed_seq: u64,
    ended: Option<NotCommitted>,
    /// Each wait with its seq.
    waits: Vec<(u64, oneshot::Sender<Result<(), NotCommitted>>)>,
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
        if progress.waits.is_empty() {
            return;
        }
        let ready: Vec<_> = progress
            .waits
            .extract_if(.., |(seq, _)| *seq <= committed_seq)
            .collect();
        drop(progress);
        for (_, wait) in ready {
            let _ = wait.send(Ok(()));
        }
    }

    /// No more commits will come.
    pub(super) fn end(&self, why: NotCommitted) {
        let mut progress = self.progress();
        let why = *progress.ended.get_or_insert(why);
        let waits = std::mem::take(&mut progress.waits);
        drop(progress);
        for (_, wait) in waits {
            let _ = wait.send(Err(why));
        }
    }

    pub(crate) fn wait(&self, seq: u64) -> Committed {
        let mut progress = self.progress();
        let (wait, result) = oneshot::channel();
        if progress.committed_seq >= seq {
            let _ = wait.send(Ok(()));
        } else if let Some(why) = progress.ended {
            let _ = wait.send(Err(why));
        } else {
            progress.waits.retain(|(_, wait)| !wait.is_canceled());
            progress.waits.push((seq, wait));
        }
        Committed { result }
    }
}

/// Resolves once everything up to a seq is committed, or never will be by this owner.
#[derive(Debug)]
#[must_use = "it does nothing unless awaited"]
pub struct Committed {
    result: oneshot::Receiver<Result<(), NotCommitted>>,
}

impl Future for Committed {
    type Output = Result<(), NotCommitted>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // A session that was dropped without being closed commits no more.
        Pin::new(&mut self.result)
            .poll(context)
            .map(|result| result.unwrap_or(Err(NotCommitted::Closed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Wake, Waker};
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
