//! Giving up the lines of segments, with their gaps left in place.
//!
//! Each transaction takes a few segments and moves the head's account of them along, so that a commit never
//! waits long behind one. Where the quota has no room even for the gaps, the segments are deleted, which
//! needs none, and the gaps are **pending**: written when there is room again. Should the worker die before,
//! reading finds the seqs missing there and reports `not_retained`: less exact, and still not silent.

use super::IndexedDbLog;
use super::error::from_thrown;
use super::fetch::{Fetch, Fetched};
use super::request::put;
use super::rows::{HeadRow, SegmentKeys, session_key};
use super::schema::{HEADS, SEGMENTS};
use crate::log::retention::{CategoryUsage, Retained};
use crate::log::tombstone::{is_tombstone, tombstone_of};
use crate::log::{LogError, Segment};
use crate::record::SessionId;
use crate::record::reason::QUOTA;

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
pub(super) struct EvictedSegment {
    session_id: SessionId,
    category: String,
    first_seq: u64,
    left: Vec<u8>,
    freed_bytes: u64,
}

/// Gives up segments of one category log, oldest first, until `may` says no.
pub(super) async fn evict(
    log: &IndexedDbLog,
    usage: &CategoryUsage,
    reason: &str,
    may: &mut dyn FnMut(&Candidate) -> bool,
    retained: &mut Retained,
) -> Result<(), LogError> {
    let session = session_key(usage.session_id);
    let keys = SegmentKeys::new(usage.session_id, &session, &usage.category);
    let mut more = true;
    let mut next_seq = 0;
    while more {
        let transaction = log.connection.write(&[SEGMENTS, HEADS]).await?;
        let segments = transaction.store(SEGMENTS)?;
        let heads = transaction.store(HEADS)?;
        let Some(mut row) = HeadRow::read(&heads, &session).await? else {
            return Ok(());
        };
        let category = row.category(&usage.category);
        next_seq = category.retained_from.max(next_seq);
        let mut given = Vec::new();
        let mut unacked_seqs = 0;
        for _ in 0..SEGMENTS_AT_ONCE {
            let range = keys.range(next_seq, u64::MAX)?;
            let Some(Fetched { first_seq, stored }) = Fetch::first(&segments, &range).await? else {
                more = false;
                break;
            };
            let stored = stored.unwrap_or_default();
            let segment = keys
                .decode(first_seq, stored.clone())
                .ok()
                .filter(|_| !is_tombstone(&stored));
            // Nothing is gained by what is no segment any more: it is passed over, now and later.
            if let Some(segment) = segment {
                let left = tombstone_of(&segment, reason);
                let freed_bytes = stored.len().saturating_sub(left.len()) as u64;
                let committed_ms = Segment::committed_ms(&stored).unwrap_or(0);
                if !may(&Candidate {
                    last_seq: segment.last_seq(),
                    committed_ms,
                    freed_bytes,
                }) {
                    more = false;
                    break;
                }
                put(&segments, &log.buffer.fill(&[&left]), &keys.key(first_seq))?;
                category.bytes = category.bytes.saturating_sub(freed_bytes);
                if reason == QUOTA {
                    unacked_seqs += segment.rows.iter().map(|row| u64::from(row.count)).sum::<u64>();
                }
                let session_id = usage.session_id;
                let category = usage.category.clone();
                given.push(EvictedSegment {
                    session_id,
                    category,
                    first_seq,
                    left,
                    freed_bytes,
                });
            }
            next_seq = first_seq + 1;
        }
        if next_seq == category.retained_from {
            return Ok(());
        }
        category.retained_from = next_seq;
        row.put(&heads, &session)?;
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
async fn delete(log: &IndexedDbLog, keys: &SegmentKeys, given: Vec<EvictedSegment>) -> Result<(), LogError> {
    let transaction = log.connection.write(&[SEGMENTS]).await?;
    let segments = transaction.store(SEGMENTS)?;
    for given in &given {
        segments.delete(&keys.key(given.first_seq)).map_err(from_thrown)?;
    }
    transaction.complete().await?;
    log.pending_gaps.borrow_mut().extend(given);
    Ok(())
}

/// Writes the pending gaps. A gap that cannot be written stays pending.
pub(super) async fn write_pending_gaps(log: &IndexedDbLog) {
    let pending_gaps = log.pending_gaps.take();
    if !pending_gaps.is_empty() && write(log, &pending_gaps).await.is_err() {
        log.pending_gaps.borrow_mut().extend(pending_gaps);
    }
}

async fn write(log: &IndexedDbLog, pending_gaps: &[EvictedSegment]) -> Result<(), LogError> {
    let transaction = log.connection.write(&[SEGMENTS, HEADS]).await?;
    let segments = transaction.store(SEGMENTS)?;
    let heads = transaction.store(HEADS)?;
    for given in pending_gaps {
        let session = session_key(given.session_id);
        let Some(mut row) = HeadRow::read(&heads, &session).await? else {
            continue;
        };
        let key = SegmentKeys::new(given.session_id, &session, &given.category).key(given.first_seq);
        put(&segments, &log.buffer.fill(&[&given.left]), &key)?;
        let category = row.category(&given.category);
        category.bytes = category.bytes.saturating_sub(given.freed_bytes);
        row.put(&heads, &session)?;
    }
    transaction.complete().await
}
