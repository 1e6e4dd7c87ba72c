//! Reading: one transaction a read, which takes in only the segments it needs.

use super::IndexedDbLog;
use super::answer::Answer;
use super::error::bad_row;
use super::rows::{HeadRow, SegmentKeys, first_seq_of, session_key};
use super::schema::{HEADS, SEGMENTS};
use super::transaction::Transaction;
use crate::envelope::SessionId;
use crate::log::merge::{Damage, Direction, Merge, Step};
use crate::log::{LogError, Segment};
use crate::ring::Entry;
use bytes::Bytes;
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{IdbCursor, IdbCursorDirection, IdbKeyRange, IdbObjectStore};

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
    let mut lanes = Vec::with_capacity(row.categories.len());
    for category in &row.categories {
        let keys = SegmentKeys::new(&session, &category.name);
        // The segment that holds the first wanted seq begins at it or before.
        let range = keys.range(0, after_seq + 1)?;
        let first = Fetch::start(&segments, &range, IdbCursorDirection::Prev)?;
        lanes.push(Lane { keys, next: Some(first), from: after_seq + 2 });
    }
    let head = row.head();
    let merge = Merge::forward(session_id, &head.categories, after_seq, head.latest_seq);
    run(&segments, Direction::Forward, lanes, merge, limit).await
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
    let mut lanes = Vec::with_capacity(head.categories.len());
    for category in &head.categories {
        let keys = SegmentKeys::new(&session, category);
        let first = Fetch::start(&segments, &keys.range(0, head.latest_seq)?, IdbCursorDirection::Prev)?;
        lanes.push(Lane { keys, next: Some(first), from: head.latest_seq });
    }
    let merge = Merge::backward(session_id, &head.categories, head.latest_seq);
    run(&segments, Direction::Backward, lanes, merge, limit).await
}

async fn begin(
    log: &IndexedDbLog,
    session_id: SessionId,
) -> Result<(Transaction, HeadRow, JsValue), LogError> {
    let transaction = log.connection.read(&[SEGMENTS, HEADS]).await?;
    let session = session_key(session_id);
    let row = Answer::of(transaction.store(HEADS)?.get(&session))?.await?;
    let row = HeadRow::from_js(&row)?.ok_or(LogError::Missing)?;
    Ok((transaction, row, session))
}

/// One category log that is being read.
struct Lane {
    keys: SegmentKeys,
    /// Asked for already: the first ones of all lanes are, before any is waited for.
    next: Option<Fetch>,
    /// Forward: the lowest key not asked for yet. Backward: the highest.
    from: u64,
}

async fn run(
    segments: &IdbObjectStore,
    direction: Direction,
    mut lanes: Vec<Lane>,
    mut merge: Merge,
    limit: Limit,
) -> Result<(Vec<Entry>, Vec<Damage>), LogError> {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    while entries.len() < limit.max_entries {
        match merge.step() {
            Step::Entry(entry) => {
                bytes += entry.line().len() + 1;
                if bytes > limit.max_bytes && !entries.is_empty() {
                    break;
                }
                entries.push(entry);
            }
            Step::Need(index) => lanes[index].advance(segments, direction, index, &mut merge).await?,
            Step::End => break,
        }
    }
    Ok((entries, merge.into_damage()))
}

impl Lane {
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
            (None, Direction::Backward) => {
                Fetch::start(segments, &self.keys.range(0, self.from)?, IdbCursorDirection::Prev)?
            }
        };
        match fetch.finish(segments).await? {
            Some(Fetched { first_seq, segment }) => {
                match direction {
                    Direction::Forward => self.from = self.from.max(first_seq + 1),
                    Direction::Backward => self.from = first_seq.saturating_sub(1),
                }
                match segment {
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

/// A segment, or why it cannot be read.
struct Fetched {
    first_seq: u64,
    segment: Result<Segment, String>,
}

/// The first segment of a range, with its key: one question.
struct Fetch {
    answer: Answer,
    range: IdbKeyRange,
    direction: IdbCursorDirection,
}

impl Fetch {
    fn start(
        segments: &IdbObjectStore,
        range: &IdbKeyRange,
        direction: IdbCursorDirection,
    ) -> Result<Self, LogError> {
        let request = segments.open_cursor_with_range_and_direction(range, direction);
        Ok(Self { answer: Answer::or_survive(request)?, range: range.clone(), direction })
    }

    async fn finish(self, segments: &IdbObjectStore) -> Result<Option<Fetched>, LogError> {
        let (cursor, unread) = match self.answer.await {
            Ok(cursor) => (cursor, None),
            // The value cannot be read (browsers keep large ones in files of their own); its key can.
            Err(error) => {
                let request = segments.open_key_cursor_with_range_and_direction(&self.range, self.direction);
                (Answer::of(request)?.await?, Some(error.to_string()))
            }
        };
        let Some(cursor) = cursor.dyn_ref::<IdbCursor>() else {
            return Ok(None);
        };
        let key = cursor.key().map_err(super::error::from_thrown)?;
        let first_seq = first_seq_of(&key)?;
        let category = category_of(&key)?;
        let segment = match unread {
            Some(reason) => Err(reason),
            None => decode(category, first_seq, cursor),
        };
        Ok(Some(Fetched { first_seq, segment }))
    }
}

fn category_of(key: &JsValue) -> Result<String, LogError> {
    let category = key.dyn_ref::<js_sys::Array>().and_then(|key| key.get(1).as_string());
    category.ok_or_else(|| bad_row(SEGMENTS, "has a key without a category"))
}

fn decode(category: String, first_seq: u64, cursor: &JsValue) -> Result<Segment, String> {
    let value = js_sys::Reflect::get(cursor, &"value".into()).unwrap_or_default();
    let value = value.dyn_into::<Uint8Array>().map_err(|_| "it is no Uint8Array".to_owned())?;
    let segment = Segment::decode(category, Bytes::from(value.to_vec())).map_err(|bad| bad.to_string())?;
    if segment.first_seq() == first_seq {
        Ok(segment)
    } else {
        Err(format!("it begins with seq {}", segment.first_seq()))
    }
}
