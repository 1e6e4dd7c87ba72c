//! Waiting until everything is delivered, and why each batch went.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Why a batch went when it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushReason {
    /// Something was committed, and the last batch is long enough ago.
    Interval,
    /// A full batch was waiting.
    Size,
    /// Records that waited for the collector, or are left from an older session.
    Recovered,
    /// Someone asked for it.
    Requested,
    /// The session ends.
    Closing,
}

impl FlushReason {
    /// Every reason, in the order of their counts.
    pub const ALL: [Self; 5] = [
        Self::Interval,
        Self::Size,
        Self::Recovered,
        Self::Requested,
        Self::Closing,
    ];

    /// Its name in every interface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interval => "interval",
            Self::Size => "size",
            Self::Recovered => "recovered",
            Self::Requested => "requested",
            Self::Closing => "closing",
        }
    }
}

/// Why a flush did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFlushed {
    /// The obstacle.
    pub reason: String,
}

impl NotFlushed {
    /// The code of this error in every interface.
    pub const CODE: &'static str = "not_flushed";
}

impl fmt::Display for NotFlushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not everything is delivered: {}", self.reason)
    }
}

impl std::error::Error for NotFlushed {}

/// Resolves once everything that was committed when it was made is acked, or with what prevents it.
#[derive(Debug)]
#[must_use = "it does nothing unless awaited"]
pub struct Flush {
    end: Rc<RefCell<FlushEnd>>,
}

#[derive(Debug, Default)]
pub(super) struct FlushEnd {
    result: Option<Result<(), NotFlushed>>,
    waker: Option<Waker>,
}

/// The other side of a [`Flush`].
#[derive(Debug)]
pub(super) struct FlushWaiter {
    /// The live session's last committed seq when it was made.
    pub(super) live_seq: u64,
    /// How many failures there had been.
    pub(super) failures: u64,
    end: Rc<RefCell<FlushEnd>>,
}

impl FlushWaiter {
    pub(super) fn new(live_seq: u64, failures: u64) -> (Self, Flush) {
        let end = Rc::<RefCell<FlushEnd>>::default();
        (
            Self {
                live_seq,
                failures,
                end: end.clone(),
            },
            Flush { end },
        )
    }

    pub(super) fn finish(self, result: Result<(), NotFlushed>) {
        let mut end = self.end.borrow_mut();
        end.result = Some(result);
        let waker = end.waker.take();
        drop(end);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Flush {
    type Output = Result<(), NotFlushed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut end = self.end.borrow_mut();
        if let Some(result) = &end.result {
            return Poll::Ready(result.clone());
        }
        end.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
