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
    waiting: Vec<(u64, Waker)>,
}

impl CommitWatch {
    pub(crate) fn new(committed_seq: u64) -> Self {
        Self { progress: Arc::new(Mutex::new(Progress { committed_seq, ..Progress::default() })) }
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
        let (ready, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut progress.waiting).into_iter().partition(|(seq, _)| *seq <= committed_seq);
        progress.waiting = waiting;
        drop(progress);
        for (_, waker) in ready {
            waker.wake();
        }
    }

    /// No more commits will come.
    pub(super) fn end(&self, why: NotCommitted) {
        let mut progress = self.progress();
        progress.ended.get_or_insert(why);
        let waiting = std::mem::take(&mut progress.waiting);
        drop(progress);
        for (_, waker) in waiting {
            waker.wake();
        }
    }

    pub(crate) fn wait(&self, seq: u64) -> Committed {
        Committed { watch: self.clone(), seq }
    }
}

/// Resolves once everything up to a seq is committed, or never will be by this owner.
#[derive(Debug)]
#[must_use = "it does nothing unless awaited"]
pub struct Committed {
    watch: CommitWatch,
    seq: u64,
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
        progress.waiting.push((self.seq, context.waker().clone()));
        Poll::Pending
    }
}
