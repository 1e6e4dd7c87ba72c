//! Reading: one transaction a read, which takes in only the segments it needs.

use super::IndexedDbLog;
use super::evict::pending_gaps;
use super::fetch::{Fetch, Fetched};
use super::rows::{HeadRow, SegmentKeys, session_key};
use super::schema::{HEADS, SEGMENTS};
use super::transaction::Transaction;
use crate::log::merge::{Damage, Direction, Merge, Step};
use crate::log::{Head, Limits, LogError, Segment};
use crate::record::{Entry, SessionId};
use std::collections::VecDeque;
use web_sys::{IdbCursorDirection, IdbObjectStore};

/// Records after `after_seq`, oldest first.
pub(super) async fn forward(
    log: &IndexedDbLog,
    session_id: SessionId,
    after_seq: u64,
    limits: Limits,
) -> Result<(Vec<Entry>, Vec<Damage>), LogError> {
    let reading = Reading::begin(log, session_id).await?;
    // The segment that holds the first wanted seq begins at it or before.
    let mut cursors = reading.cursors(log, after_seq + 1, after_seq + 2)?;
    for cursor in &mut cursors {
        cursor.pending.retain(|gaps| gaps.last_seq() > after_seq);
    }
    let head = &reading.head;
    let merge = Merge::forward(session_id, &head.categories, after_seq, head.latest_seq);
    run(&reading.segments, Direction::Forward, cursors, merge, limits).await
}

/// The newest records, newest first.
pub(super) async fn backward(
    log: &IndexedDbLog,
    session_id: SessionId,
    limits: Limits,
) -> Result<(Vec<Entry>, Vec<Damage>), LogError> {
    let reading = Reading::begin(log, session_id).await?;
    let head = &reading.head;
    let cursors = reading.cursors(log, head.latest_seq, head.latest_seq)?;
    let merge = Merge::backward(session_id, &head.categories, head.latest_seq);
    run(&reading.segments, Direction::Backward, cursors, merge, limits).await
}

struct Reading {
    session_id: SessionId,
    head: Head,
    segments: IdbObjectStore,
    _transaction: Transaction,
}

impl Reading {
    async fn begin(log: &IndexedDbLog, session_id: SessionId) -> Result<Self, LogError> {
        let transaction = log.connection.read(&[SEGMENTS, HEADS]).await?;
        let row = HeadRow::read(&transaction.store(HEADS)?, &session_key(session_id)).await?;
        Ok(Self {
            session_id,
            head: row.ok_or(LogError::Missing)?.head(),
            segments: transaction.store(SEGMENTS)?,
            _transaction: transaction,
        })
    }

    /// Asks for the last segment of each category that begins at `until` or before. Reading continues at `from`.
    fn cursors(&self, log: &IndexedDbLog, until: u64, from: u64) -> Result<Vec<CategoryCursor>, LogError> {
        let session = session_key(self.session_id);
        let cursor = |category: &String| {
            let keys = SegmentKeys::new(self.session_id, &session, category);
            let first = Fetch::start(&self.segments, &keys.range(0, until)?, IdbCursorDirection::Prev)?;
            Ok(CategoryCursor {
                keys,
                next: Some(first),
                fetched: None,
                pending: pending_gaps(log, self.session_id, category),
                from,
            })
        };
        self.head.categories.iter().map(cursor).collect()
    }
}

/// One category log that is being read.
struct CategoryCursor {
    keys: SegmentKeys,
    /// Asked for already: the first ones of all cursors are, before any is waited for.
    next: Option<Fetch>,
    /// The next stored segment, while pending gaps come before it.
    fetched: Option<Fetched>,
    /// Gaps of this log that are in memory alone.
    pending: VecDeque<Segment>,
    /// Forward: the lowest key not asked for yet. Backward: the highest.
    from: u64,
}

async fn run(
    segments: &IdbObjectStore,
    direction: Direction,
    mut cursors: Vec<CategoryCursor>,
    mut merge: Merge,
    limits: Limits,
) -> Result<(Vec<Entry>, Vec<Damage>), LogError> {
    let mut entries = Vec::new();
    let mut bytes = 0;
    while entries.len() < limits.entries {
        match merge.step() {
            Step::Entry(entry) => {
                bytes += entry.line().len() + 1;
                if bytes > limits.bytes && !entries.is_empty() {
                    break;
                }
                entries.push(entry);
            }
            Step::NeedSegment(index) => {
                cursors[index]
                    .advance(segments, direction, index, &mut merge)
                    .await?
            }
            Step::End => break,
        }
    }
    Ok((entries, merge.into_damage()))
}

impl CategoryCursor {
    async fn advance(
        &mut self,
        segments: &IdbObjectStore,
        direction: Direction,
        index: usize,
        merge: &mut Merge,
    ) -> Result<(), LogError> {
        let started = self.next.take();
        let at_start = started.is_some();
        let fetched = match self.fetched.take() {
            Some(fetched) => Some(fetched),
            None => self.fetch(segments, direction, started).await?,
        };
        let is_known = fetched.is_some() || !at_start || direction == Direction::Backward;
        if is_known && let Some(gaps) = self.pending_before(direction, fetched.as_ref()) {
            self.fetched = fetched;
            merge.push(index, gaps);
            return Ok(());
        }
        match fetched {
            Some(Fetched { first_seq, stored }) => {
                match direction {
                    Direction::Forward => self.from = self.from.max(first_seq + 1),
                    Direction::Backward => self.from = first_seq.saturating_sub(1),
                }
                match stored.and_then(|stored| self.keys.decode(first_seq, stored)) {
                    Ok(segment) => merge.push(index, segment),
                    Err(reason) => merge.push_damaged(index, first_seq, reason),
                }
            }
            // Nothing before the cursor: what there is begins after it.
            None if at_start && direction == Direction::Forward => {}
            None => merge.end(index),
        }
        Ok(())
    }

    /// Waits for the stored segment that was asked for already, or asks for the next one.
    async fn fetch(
        &self,
        segments: &IdbObjectStore,
        direction: Direction,
        started: Option<Fetch>,
    ) -> Result<Option<Fetched>, LogError> {
        let fetch = match (started, direction) {
            (Some(fetch), _) => fetch,
            (None, Direction::Forward) => {
                let range = self.keys.range(self.from, u64::MAX)?;
                Fetch::start(segments, &range, IdbCursorDirection::Next)?
            }
            (None, Direction::Backward) => {
                let range = self.keys.range(0, self.from)?;
                Fetch::start(segments, &range, IdbCursorDirection::Prev)?
            }
        };
        fetch.finish(segments).await
    }

    /// Takes the next pending gaps if they come before the next stored segment.
    fn pending_before(&mut self, direction: Direction, fetched: Option<&Fetched>) -> Option<Segment> {
        // Gaps that have been stored since are no longer pending.
        self.pending
            .retain(|gaps| fetched.is_none_or(|stored| gaps.first_seq() != stored.first_seq));
        match direction {
            Direction::Forward => self
                .pending
                .pop_front_if(|gaps| fetched.is_none_or(|stored| gaps.first_seq() < stored.first_seq)),
            Direction::Backward => self
                .pending
                .pop_back_if(|gaps| fetched.is_none_or(|stored| gaps.first_seq() > stored.first_seq)),
        }
    }
}
