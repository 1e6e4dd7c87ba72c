//! Reading: one transaction a read, which takes in only the segments it needs.

use super::IndexedDbLog;
use super::fetch::{Fetch, Fetched};
use super::request::RequestFuture;
use super::rows::{HeadRow, SegmentKeys, session_key};
use super::schema::{HEADS, SEGMENTS};
use super::transaction::Transaction;
use crate::log::LogError;
use crate::log::merge::{Damage, Direction, Merge, Step};
use crate::record::{Entry, SessionId};
use wasm_bindgen::JsValue;
use web_sys::{IdbCursorDirection, IdbObjectStore};

/// How much a read takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) max_entries: usize,
    pub(super) max_bytes: usize,
}

/// Records after `after_seq`, oldest first.
pub(super) async fn forward(
    log: &IndexedDbLog,
    session_id: SessionId,
    after_seq: u64,
    limit: Limit,
) -> Result<(Vec<Entry>, Vec<Damage>), LogError> {
    let (transaction, row, session) = begin(log, session_id).await?;
    let segments = transaction.store(SEGMENTS)?;
    let mut cursors = Vec::with_capacity(row.categories.len());
    for category in &row.categories {
        let keys = SegmentKeys::new(session_id, &session, &category.name);
        // The segment that holds the first wanted seq begins at it or before.
        let range = keys.range(0, after_seq + 1)?;
        let first = Fetch::start(&segments, &range, IdbCursorDirection::Prev)?;
        cursors.push(CategoryCursor {
            keys,
            next: Some(first),
            from: after_seq + 2,
        });
    }
    let head = row.head();
    let merge = Merge::forward(session_id, &head.categories, after_seq, head.latest_seq);
    run(&segments, Direction::Forward, cursors, merge, limit).await
}

/// The newest records, newest first.
pub(super) async fn backward(
    log: &IndexedDbLog,
    session_id: SessionId,
    limit: Limit,
) -> Result<(Vec<Entry>, Vec<Damage>), LogError> {
    let (transaction, row, session) = begin(log, session_id).await?;
    let segments = transaction.store(SEGMENTS)?;
    let head = row.head();
    let mut cursors = Vec::with_capacity(head.categories.len());
    for category in &head.categories {
        let keys = SegmentKeys::new(session_id, &session, category);
        let first = Fetch::start(
            &segments,
            &keys.range(0, head.latest_seq)?,
            IdbCursorDirection::Prev,
        )?;
        cursors.push(CategoryCursor {
            keys,
            next: Some(first),
            from: head.latest_seq,
        });
    }
    let merge = Merge::backward(session_id, &head.categories, head.latest_seq);
    run(&segments, Direction::Backward, cursors, merge, limit).await
}

async fn begin(
    log: &IndexedDbLog,
    session_id: SessionId,
) -> Result<(Transaction, HeadRow, JsValue), LogError> {
    let transaction = log.connection.read(&[SEGMENTS, HEADS]).await?;
    let session = session_key(session_id);
    let row = RequestFuture::of(transaction.store(HEADS)?.get(&session))?.await?;
    let row = HeadRow::from_js(&row)?.ok_or(LogError::Missing)?;
    Ok((transaction, row, session))
}

/// One category log that is being read.
struct CategoryCursor {
    keys: SegmentKeys,
    /// Asked for already: the first ones of all cursors are, before any is waited for.
    next: Option<Fetch>,
    /// Forward: the lowest key not asked for yet. Backward: the highest.
    from: u64,
}

async fn run(
    segments: &IdbObjectStore,
    direction: Direction,
    mut cursors: Vec<CategoryCursor>,
    mut merge: Merge,
    limit: Limit,
) -> Result<(Vec<Entry>, Vec<Damage>), LogError> {
    let mut entries = Vec::new();
    let mut bytes = 0;
    while entries.len() < limit.max_entries {
        match merge.step() {
            Step::Entry(entry) => {
                bytes += entry.line().len() + 1;
                if bytes > limit.max_bytes && !entries.is_empty() {
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
        let fetch = match (started, direction) {
            (Some(fetch), _) => fetch,
            (None, Direction::Forward) => {
                let range = self.keys.range(self.from, u64::MAX)?;
                Fetch::start(segments, &range, IdbCursorDirection::Next)?
            }
            (None, Direction::Backward) => Fetch::start(
                segments,
                &self.keys.range(0, self.from)?,
                IdbCursorDirection::Prev,
            )?,
        };
        match fetch.finish(segments).await? {
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
}
