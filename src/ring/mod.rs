//! A bounded, ordered window onto the newest records of a stream, for any number of readers.
//!
//! One owner pushes; [`Reader`]s follow at their own pace. A push never blocks and never fails: when
//! the ring is over its count or its bytes, the oldest entries go. Entries are in seq order and cover every
//! seq between them, a [`Gap`](crate::record::Gap) being one entry whatever its length, so finding a seq is a
//! binary search and counting dropped seqs is a subtraction.
//!
//! ## Lagging
//!
//! The next result of a reader that fell behind is [`ReadResult::Dropped`], with how many seqs
//! it missed (matching its selector or not: dropped records are not examined) and the next one still held.
//! Then it continues with the survivors. Other readers notice nothing.
//!
//! ## Resuming
//!
//! [`RingBuffer::reader`] takes `after_seq`, exclusive. 0 begins at the oldest entry retained. A cursor
//! before that is a lag like any other and says `Dropped` first. A cursor beyond
//! [`latest_seq`](RingBuffer::latest_seq) is [`CursorAhead`]: it belongs to another stream, and waiting
//! would be silence without end.
//!
//! ## Closing
//!
//! After [`close`](RingBuffer::close) readers get what is left and then [`ReadResult::Closed`], for ever.
//!
//! ## Waiting
//!
//! [`Reader::read`] parks its waker in `reader_wake`, which the owner signals once per batch of records. While
//! no reader waits, that costs a check for an empty list.
//!
//! ```
//! use tabtape::event::{Event, Trust};
//! use tabtape::record::SessionId;
//! use tabtape::ring::{ReadResult, RingBuffer};
//! use tabtape::selector::Selector;
//! use tabtape::session::CaptureSession;
//!
//! let ring = RingBuffer::new(2, 1 << 20)?;
//! let mut session = CaptureSession::new(SessionId::from_time(0, [0; 10]), ring.clone());
//! let mut reader = ring.reader(0, Selector::default())?;
//! for _ in 0..5 {
//!     session.publish(br#"{"type":"app.tick","category":"app","source":{"kind":"local_process"}}"#, Trust::Untrusted, 0)?;
//! }
//! assert_eq!(reader.try_read(), Some(ReadResult::Dropped { count: 3, next_seq: 4 }));
//! assert!(matches!(reader.try_read(), Some(ReadResult::Record(event)) if event.first_seq() == 4));
//! assert!(matches!(reader.try_read(), Some(ReadResult::Record(event)) if event.first_seq() == 5));
//! assert_eq!(reader.try_read(), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod reader;

pub use reader::{Read, ReadResult, Reader};

use crate::record::Entry;
use crate::selector::Selector;
use crate::wake::WakeList;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A ring was to be made with a capacity of 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}: expected at least 1, got 0")]
pub struct ZeroCapacity(&'static str);

impl ZeroCapacity {
    /// The code of this error in every interface.
    pub const CODE: &'static str = "invalid_capacity";
}

/// A cursor beyond the newest record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("after_seq {after_seq} is beyond latest_seq {latest_seq}; it belongs to another session")]
pub struct CursorAhead {
    /// The cursor that was given.
    pub after_seq: u64,
    /// The newest seq there is.
    pub latest_seq: u64,
}

impl CursorAhead {
    /// The code of this error in every interface.
    pub const CODE: &'static str = "cursor_ahead";
}

/// The window. Cloning it gives another handle to the same one.
#[derive(Debug, Clone)]
pub struct RingBuffer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    reader_wake: WakeList,
}

#[derive(Debug)]
struct State {
    entries: VecDeque<Entry>,
    /// Bytes of the lines held.
    bytes: usize,
    /// The last seq of the newest entry, also when it is gone.
    latest_seq: u64,
    closed: bool,
    capacity: usize,
    max_bytes: usize,
}

impl RingBuffer {
    /// A ring of at most `capacity` entries and `max_bytes` bytes of lines. The newest entry stays
    /// even when it alone is larger.
    ///
    /// # Errors
    /// Either is 0.
    pub fn new(capacity: usize, max_bytes: usize) -> Result<Self, ZeroCapacity> {
        if capacity == 0 {
            return Err(ZeroCapacity("capacity"));
        }
        if max_bytes == 0 {
            return Err(ZeroCapacity("max_bytes"));
        }
        Ok(Self::with(capacity, max_bytes))
    }

    /// A ring that lets nothing go: for few entries.
    pub(crate) fn unbounded() -> Self {
        Self::with(usize::MAX, usize::MAX)
    }

    fn with(capacity: usize, max_bytes: usize) -> Self {
        let state = State {
            entries: VecDeque::with_capacity(capacity.min(4096)),
            bytes: 0,
            latest_seq: 0,
            closed: false,
            capacity,
            max_bytes,
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                reader_wake: WakeList::default(),
            }),
        }
    }

    /// The first seq held, or one past [`latest_seq`](Self::latest_seq) when nothing is.
    pub fn oldest_seq(&self) -> u64 {
        self.shared.state().oldest_seq()
    }

    /// The newest seq pushed; 0 before the first.
    pub fn latest_seq(&self) -> u64 {
        self.shared.state().latest_seq
    }

    /// How many entries are held.
    pub fn len(&self) -> usize {
        self.shared.state().entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the lines held.
    pub fn bytes(&self) -> usize {
        self.shared.state().bytes
    }

    /// A reader of what comes after `after_seq` and matches `selector`.
    ///
    /// # Errors
    /// The cursor lies beyond the newest seq.
    pub fn reader(&self, after_seq: u64, selector: Selector) -> Result<Reader, CursorAhead> {
        let state = self.shared.state();
        if after_seq > state.latest_seq {
            return Err(CursorAhead {
                after_seq,
                latest_seq: state.latest_seq,
            });
        }
        let next_seq = if after_seq == 0 {
            state.oldest_seq()
        } else {
            after_seq + 1
        };
        drop(state);
        Ok(Reader::new(self.shared.clone(), next_seq, selector))
    }

    /// The entries held after `after_seq`, oldest first, until one of them reaches `max_entries` or `max_bytes` of
    /// lines with their newlines: at least one if there is one. The first may begin later than the next seq, when
    /// older ones were dropped, or earlier, when it is a gap.
    pub fn entries_after(&self, after_seq: u64, max_entries: usize, max_bytes: usize) -> Vec<Entry> {
        let state = self.shared.state();
        let first = reader::position(&state, after_seq + 1);
        let mut bytes = 0;
        let within = |entry: &&Entry| {
            let fits = bytes < max_bytes;
            bytes += entry.line().len() + 1;
            fits
        };
        state
            .entries
            .range(first..)
            .take(max_entries)
            .take_while(within)
            .cloned()
            .collect()
    }

    /// Appends entries, which must continue the stream seq by seq, and wakes waiting readers once.
    pub(crate) fn push(&self, entries: impl IntoIterator<Item = Entry>) {
        let mut state = self.shared.state();
        for entry in entries {
            state.push(entry);
        }
        drop(state);
        self.shared.reader_wake.wake();
    }

    /// Lets an empty ring begin after `seq`: a session is being resumed.
    pub(crate) fn start_after(&self, seq: u64) {
        let mut state = self.shared.state();
        if state.entries.is_empty() {
            state.latest_seq = seq;
        }
    }

    /// Puts older entries, which must end where the ring begins, before the others, newest first, as
    /// long as they fit: a resumed session refills its ring.
    pub fn prepend(&self, older: impl IntoIterator<Item = Entry>) {
        let mut state = self.shared.state();
        for entry in older {
            let fits = state.entries.len() < state.capacity
                && state.bytes + entry.line().len() <= state.max_bytes
                && entry.last_seq() + 1 == state.oldest_seq();
            if !fits {
                break;
            }
            state.bytes += entry.line().len();
            state.entries.push_front(entry);
        }
    }

    /// Exchanges entries for what `replace` returns: a gap of the same seqs for an event that is to be forgotten.
    #[cfg(any(test, all(target_arch = "wasm32", feature = "recorder")))]
    pub(crate) fn replace(&self, mut replace: impl FnMut(&Entry) -> Option<Entry>) {
        let mut state = self.shared.state();
        let State { entries, bytes, .. } = &mut *state;
        for entry in entries {
            let Some(other) = replace(entry) else { continue };
            debug_assert_eq!(
                (other.first_seq(), other.last_seq()),
                (entry.first_seq(), entry.last_seq())
            );
            *bytes = *bytes - entry.line().len() + other.line().len();
            *entry = other;
        }
    }

    /// Ends the stream.
    pub(crate) fn close(&self) {
        self.shared.state().closed = true;
        self.shared.reader_wake.wake();
    }
}

impl Shared {
    /// A lock that a panic has poisoned is used on: no change of the state can panic before it is complete.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn oldest_seq(&self) -> u64 {
        self.entries.front().map_or(self.latest_seq + 1, Entry::first_seq)
    }

    fn push(&mut self, entry: Entry) {
        debug_assert_eq!(entry.first_seq(), self.latest_seq + 1, "every seq is covered");
        self.latest_seq = entry.last_seq();
        self.bytes += entry.line().len();
        self.entries.push_back(entry);
        while self.entries.len() > self.capacity || (self.bytes > self.max_bytes && self.entries.len() > 1) {
            if let Some(oldest) = self.entries.pop_front() {
                self.bytes -= oldest.line().len();
            }
        }
    }
}

#[cfg(test)]
mod tests;
