//! Rewriting segments without what a person wants forgotten.
//!
//! Each transaction takes a few segments, so that a commit never waits long behind one. What is committed
//! meanwhile is newer than the wish.

use super::IndexedDbLog;
use super::fetch::{Fetch, Fetched};
use super::request::put;
use super::rows::{HeadRow, SegmentKeys, session_key};
use super::schema::{HEADS, SEGMENTS};
use crate::log::forget::forget as forget_in;
use crate::log::tombstone::{is_tombstone, tombstone_of};
use crate::log::{LogError, Segment};
use crate::record::SessionId;
use crate::record::reason::DELETED;
use crate::selector::Selector;

/// About as long as a large commit.
const SEGMENTS_AT_ONCE: usize = 8;

impl IndexedDbLog {
    /// Takes every event that `selector` wants out of the logs of all sessions and leaves gaps of reason `deleted`
    /// in their places. Tells how many those were.
    ///
    /// # Errors
    /// See [`LogError`]; what was forgotten until then stays forgotten.
    pub async fn forget(&self, selector: &Selector) -> Result<u64, LogError> {
        let mut events = 0;
        for (session_id, row) in self.head_rows().await? {
            for category in &row.categories {
                if selector.wants_category(category) {
                    events += forget_category(self, session_id, category, row.latest_seq, selector).await?;
                }
            }
        }
        Ok(events)
    }
}

async fn forget_category(
    log: &IndexedDbLog,
    session_id: SessionId,
    category: &str,
    until_seq: u64,
    selector: &Selector,
) -> Result<u64, LogError> {
    let session = session_key(session_id);
    let keys = SegmentKeys::new(session_id, &session, category);
    let mut next_seq = 0;
    let mut events = 0;
    loop {
        let transaction = log.connection.write(&[SEGMENTS, HEADS]).await?;
        let segments = transaction.store(SEGMENTS)?;
        let heads = transaction.store(HEADS)?;
        let Some(mut row) = HeadRow::read(&heads, &session).await? else {
            return Ok(events);
        };
        let mut more = true;
        let mut changed = 0;
        for _ in 0..SEGMENTS_AT_ONCE {
            if next_seq > until_seq {
                more = false;
                break;
            }
            let range = keys.range(next_seq, until_seq)?;
            let Some(Fetched { first_seq, stored }) = Fetch::first(&segments, &range).await? else {
                more = false;
                break;
            };
            next_seq = first_seq + 1;
            let stored = stored.unwrap_or_default();
            let left = keys
                .decode(first_seq, stored.clone())
                .ok()
                .filter(|_| !is_tombstone(&stored))
                .and_then(|segment| forget_in(session_id, &segment, selector));
            let Some((segment, forgotten)) = left else {
                continue;
            };
            let value = encoded(&segment, Segment::committed_ms(&stored).unwrap_or(0));
            put(&segments, &log.buffer.fill(&[&value]), &keys.key(first_seq))?;
            let index = row.category(category);
            let bytes = &mut row.bytes[index];
            *bytes = bytes.saturating_sub(stored.len() as u64) + value.len() as u64;
            changed += forgotten;
        }
        if changed > 0 {
            row.put(&heads, &session)?;
        }
        transaction.complete().await?;
        events += changed;
        if !more {
            return Ok(events);
        }
    }
}

/// As it is stored: of gaps alone, in the short form.
fn encoded(segment: &Segment, committed_ms: u64) -> Vec<u8> {
    let is_gap = |index| matches!(segment.entry(index), Ok(crate::record::Entry::Gap(_)));
    if (0..segment.rows.len()).all(is_gap) {
        return tombstone_of(segment, DELETED);
    }
    [&segment.table(committed_ms)[..], &segment.lines].concat()
}
