//! Giving up the lines of segments, with their gaps left in place.
//!
//! Each transaction takes a few segments and moves the head's account of them along, so that a commit never
//! waits long behind one. Where the quota has no room even for the gaps, the segments are deleted, which
//! needs none, and the gaps are **owed**: written when there is room again. Should the worker die before,
//! reading finds a hole there and says `not_retained`: less exact, and still not silent.

use super::IndexedDbLog;
use super::error::from_thrown;
use super::fetch::{Fetch, Fetched};
use super::request::Answer;
use super::rows::{HeadRow, SegmentKeys, session_key};
use super::schema::{HEADS, SEGMENTS};
use crate::log::retention::{Retained, Shelf};
use crate::log::tombstone::{is_retired, retire};
use crate::log::{LogError, Segment};
use crate::record::SessionId;
use crate::record::reason::QUOTA;
use web_sys::IdbCursorDirection;

/// Most segments given up in one transaction: about as long as a large commit.
const SEGMENTS_AT_ONCE: usize = 8;

/// A segment that might go.
pub(super) struct Candidate {
    pub(super) last_seq: u64,
    pub(super) committed_ms: u64,
    pub(super) freed_bytes: u64,
}

/// A segment that is gone, and what is left of it.
#[derive(Debug)]
pub(super) struct Given {
    session_id: SessionId,
    category: String,
    first_seq: u64,
    left: Vec<u8>,
    freed_bytes: u64,
}

/// Gives up segments of one category log, oldest first, until `may` says no.
pub(super) async fn give_up(
    log: &IndexedDbLog,
    shelf: &Shelf,
    reason: &str,
    may: &mut dyn FnMut(&Candidate) -> bool,
    retained: &mut Retained,
) -> Result<(), LogError> {
    let session = session_key(shelf.session_id);
    let keys = SegmentKeys::new(shelf.session_id, &session, &shelf.category);
    let (mut more, mut next_seq) = (true, 0);
    while more {
        let transaction = log.connection.write(&[SEGMENTS, HEADS]).await?;
        let (segments, heads) = (transaction.store(SEGMENTS)?, transaction.store(HEADS)?);
        let Some(mut row) = HeadRow::from_js(&Answer::of(heads.get(&session))?.await?)? else {
            return Ok(());
        };
        let category = row.category(&shelf.category);
        next_seq = category.retained_from.max(next_seq);
        let (mut given, mut unacked_seqs) = (Vec::new(), 0);
        for _ in 0..SEGMENTS_AT_ONCE {
            let range = keys.range(next_seq, u64::MAX)?;
            let fetched =
                Fetch::start(&segments, &range, IdbCursorDirection::Next)?.finish(&segments).await?;
            let Some(Fetched { first_seq, stored }) = fetched else {
                more = false;
                break;
            };
            let stored = stored.unwrap_or_default();
            let segment = keys.decode(first_seq, stored.clone()).ok().filter(|_| !is_retired(&stored));
            // Nothing is gained by what is no segment any more: it is passed over, now and later.
            if let Some(segment) = segment {
                let left = retire(&segment, reason);
                let freed_bytes = stored.len().saturating_sub(left.len()) as u64;
                let committed_ms = Segment::committed_ms(&stored).unwrap_or(0);
                if !may(&Candidate { last_seq: segment.last_seq(), committed_ms, freed_bytes }) {
                    more = false;
                    break;
                }
                segments
                    .put_with_key(&log.scratch.fill(&[&left]), &keys.key(first_seq))
                    .map_err(from_thrown)?;
                category.bytes = category.bytes.saturating_sub(freed_bytes);
                if reason == QUOTA {
                    unacked_seqs += segment.rows.iter().map(|row| u64::from(row.count)).sum::<u64>();
                }
                let (session_id, category) = (shelf.session_id, shelf.category.clone());
                given.push(Given { session_id, category, first_seq, left, freed_bytes });
            }
            next_seq = first_seq + 1;
        }
        if next_seq == category.retained_from {
            return Ok(());
        }
        category.retained_from = next_seq;
        heads.put_with_key(&row.to_js()?, &session).map_err(from_thrown)?;
        let completed = transaction.complete().await;
        retained.freed_bytes += given.iter().map(|given| given.freed_bytes).sum::<u64>();
        retained.segments += given.len() as u64;
        retained.unacked_seqs += unacked_seqs;
        match completed {
            Err(LogError::QuotaExceeded) if !given.is_empty() => delete(log, &keys, given).await?,
            result => result?,
        }
    }
    Ok(())
}

/// Deletes segments and owes their gaps.
async fn delete(log: &IndexedDbLog, keys: &SegmentKeys, given: Vec<Given>) -> Result<(), LogError> {
    let transaction = log.connection.write(&[SEGMENTS]).await?;
    let segments = transaction.store(SEGMENTS)?;
    for given in &given {
        segments.delete(&keys.key(given.first_seq)).map_err(from_thrown)?;
    }
    transaction.complete().await?;
    log.owed.borrow_mut().extend(given);
    Ok(())
}

/// Writes the gaps that are owed. What fails stays owed.
pub(super) async fn pay(log: &IndexedDbLog) {
    let owed = log.owed.take();
    if !owed.is_empty() && write(log, &owed).await.is_err() {
        log.owed.borrow_mut().extend(owed);
    }
}

async fn write(log: &IndexedDbLog, owed: &[Given]) -> Result<(), LogError> {
    let transaction = log.connection.write(&[SEGMENTS, HEADS]).await?;
    let (segments, heads) = (transaction.store(SEGMENTS)?, transaction.store(HEADS)?);
    for given in owed {
        let session = session_key(given.session_id);
        let Some(mut row) = HeadRow::from_js(&Answer::of(heads.get(&session))?.await?)? else {
            continue;
        };
        let key = SegmentKeys::new(given.session_id, &session, &given.category).key(given.first_seq);
        segments.put_with_key(&log.scratch.fill(&[&given.left]), &key).map_err(from_thrown)?;
        let category = row.category(&given.category);
        category.bytes = category.bytes.saturating_sub(given.freed_bytes);
        heads.put_with_key(&row.to_js()?, &session).map_err(from_thrown)?;
    }
    transaction.complete().await
}
