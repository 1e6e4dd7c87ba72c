//! Giving up the lines of segments, with their gaps left in place.
//!
//! Each transaction takes a few segments and moves the head's account of them along, so that a commit never
//! waits long behind one. Where the quota has no room even for the gaps, the segments are deleted, which
//! needs none, and the gaps are **pending**: read from memory, and written when there is room again. Their owner keeps
//! them outside of this memory, too. Should they be lost, reading finds the seqs missing and reports `not_retained`.

use super::IndexedDbLog;
use super::error::from_thrown;
use super::fetch::{Fetch, Fetched};
use super::request::put;
use super::rows::{HeadRow, SegmentKeys, session_key};
use super::schema::{HEADS, SEGMENTS};
use crate::log::retention::{CategoryUsage, Retained};
use crate::log::tombstone::{self, is_tombstone, tombstone_of};
use crate::log::{LogError, PendingGaps, Segment};
use crate::record::SessionId;
use crate::record::reason::QUOTA;
use std::collections::VecDeque;

/// Most segments given up in one transaction: about as long as a large commit.
const SEGMENTS_AT_ONCE: usize = 8;

/// A segment that might go.
pub(super) struct Candidate {
    pub(super) last_seq: u64,
    pub(super) committed_ms: u64,
    pub(super) freed_bytes: u64,
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
        next_seq = row.retained_from[category].max(next_seq);
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
                let tombstone = tombstone_of(&segment, reason);
                let freed_bytes = stored.len().saturating_sub(tombstone.len()) as u64;
                let committed_ms = Segment::committed_ms(&stored).unwrap_or(0);
                if !may(&Candidate {
                    last_seq: segment.last_seq(),
                    committed_ms,
                    freed_bytes,
                }) {
                    more = false;
                    break;
                }
                put(&segments, &log.buffer.fill(&[&tombstone]), &keys.key(first_seq))?;
                row.free(category, freed_bytes);
                if reason == QUOTA {
                    unacked_seqs += segment.rows.iter().map(|row| u64::from(row.count)).sum::<u64>();
                }
                given.push(PendingGaps {
                    session_id: usage.session_id,
                    category: usage.category.clone(),
                    first_seq,
                    tombstone,
                    freed_bytes,
                });
            }
            next_seq = first_seq + 1;
        }
        if next_seq == row.retained_from[category] {
            return Ok(());
        }
        row.retained_from[category] = next_seq;
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
async fn delete(log: &IndexedDbLog, keys: &SegmentKeys, given: Vec<PendingGaps>) -> Result<(), LogError> {
    let transaction = log.connection.write(&[SEGMENTS]).await?;
    let segments = transaction.store(SEGMENTS)?;
    for given in &given {
        segments.delete(&keys.key(given.first_seq)).map_err(from_thrown)?;
    }
    transaction.complete().await?;
    log.pending_gaps.borrow_mut().extend(given);
    Ok(())
}

/// Returns the pending gaps of one category log, in its order.
pub(super) fn pending_gaps(log: &IndexedDbLog, session_id: SessionId, category: &str) -> VecDeque<Segment> {
    let pending_gaps = log.pending_gaps.borrow();
    let of_category = pending_gaps
        .iter()
        .filter(|gaps| gaps.session_id == session_id && gaps.category == category);
    let mut gaps: Vec<_> = of_category
        .filter_map(|gaps| tombstone::decode(session_id, category, &gaps.tombstone).ok())
        .collect();
    gaps.sort_unstable_by_key(Segment::first_seq);
    gaps.into()
}

/// Writes the pending gaps. A gap that cannot be written stays pending.
pub(super) async fn write_pending_gaps(log: &IndexedDbLog) {
    // They stay readable in memory until they are stored.
    let pending_gaps = log.pending_gaps.borrow().clone();
    if write(log, &pending_gaps).await.is_ok() {
        log.pending_gaps
            .borrow_mut()
            .retain(|gaps| !pending_gaps.contains(gaps));
    }
}

async fn write(log: &IndexedDbLog, pending_gaps: &[PendingGaps]) -> Result<(), LogError> {
    let transaction = log.connection.write(&[SEGMENTS, HEADS]).await?;
    let segments = transaction.store(SEGMENTS)?;
    let heads = transaction.store(HEADS)?;
    for given in pending_gaps {
        let session = session_key(given.session_id);
        let Some(mut row) = HeadRow::read(&heads, &session).await? else {
            continue;
        };
        let key = SegmentKeys::new(given.session_id, &session, &given.category).key(given.first_seq);
        put(&segments, &log.buffer.fill(&[&given.tombstone]), &key)?;
        let category = row.category(&given.category);
        row.free(category, given.freed_bytes);
        row.put(&heads, &session)?;
    }
    transaction.complete().await
}
