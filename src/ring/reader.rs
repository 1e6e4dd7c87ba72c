//! One consumer's place in the ring.

use super::{Entry, Shared, State};
use crate::selector::Selector;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// One result of reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadResult {
    /// The next event that matches, or a gap in the stream. Every reader sees a gap, whatever it selects by but the
    /// category.
    Record(Entry),
    /// This reader fell behind: `count` seqs were dropped, `next_seq` is the next one still held.
    Dropped {
        /// How many seqs it missed.
        count: u64,
        /// The seq of the next record.
        next_seq: u64,
    },
    /// The stream has ended and everything was read.
    Closed,
}

/// A consumer of a ring. It holds no entry and blocks no one.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    next_seq: u64,
    selector: Selector,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, next_seq: u64, selector: Selector) -> Self {
        Self {
            shared,
            next_seq,
            selector,
        }
    }

    /// The resume token: everything up to this seq was read, skipped or reported.
    pub const fn after_seq(&self) -> u64 {
        self.next_seq - 1
    }

    /// The next result, or `None` when the reader has caught up.
    pub fn try_read(&mut self) -> Option<ReadResult> {
        let state = self.shared.state();
        let oldest_seq = state.oldest_seq();
        if self.next_seq < oldest_seq {
            let count = oldest_seq - self.next_seq;
            self.next_seq = oldest_seq;
            return Some(ReadResult::Dropped {
                count,
                next_seq: oldest_seq,
            });
        }
        for entry in state.entries.range(position(&state, self.next_seq)..) {
            self.next_seq = entry.last_seq() + 1;
            if self.selector.wants(entry) {
                return Some(ReadResult::Record(entry.clone()));
            }
        }
        state.closed.then_some(ReadResult::Closed)
    }

    /// The next result, waiting for it. Dropping the future loses nothing.
    pub const fn read(&mut self) -> Read<'_> {
        Read { reader: self }
    }
}

/// The index of the entry that covers `seq`, or the length when it is still to come.
pub(super) fn position(state: &State, seq: u64) -> usize {
    // As long as every entry covers one seq, it is a subtraction.
    let guess = seq.saturating_sub(state.oldest_seq()) as usize;
    if state
        .entries
        .get(guess)
        .is_some_and(|entry| entry.first_seq() == seq)
    {
        return guess;
    }
    state.entries.partition_point(|entry| entry.last_seq() < seq)
}

/// The future of [`Reader::read`].
#[derive(Debug)]
#[must_use = "a read does nothing unless awaited"]
pub struct Read<'a> {
    reader: &'a mut Reader,
}

impl Future for Read<'_> {
    type Output = ReadResult;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<ReadResult> {
        let reader = &mut *self.get_mut().reader;
        if let Some(result) = reader.try_read() {
            return Poll::Ready(result);
        }
        reader.shared.reader_wake.park(context.waker());
        // Something may have been pushed between the look and the parking.
        reader.try_read().map_or(Poll::Pending, Poll::Ready)
    }
}
