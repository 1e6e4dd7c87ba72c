//! Giving up what is stored: by the policy, or because the quota leaves nothing else.
//!
//! Each transaction gives up a few segments and moves the head's account of them along, so that a commit
//! never waits long behind one.

use super::IndexedDbLog;
use super::answer::Answer;
use super::commit::now_ms;
use super::error::from_thrown;
use super::fetch::{Fetch, Fetched};
use super::rows::{HeadRow, SegmentKeys, acked_of, field, session_key, session_of, session_range};
use super::schema::{ACKED, HEADS, RELAYS, SEGMENTS};
use crate::envelope::SessionId;
use crate::log::merge::NOT_RETAINED;
use crate::log::retention::{Acks, Retained, RetentionPolicy, Shelf, largest_first, oldest_first, totals};
use crate::log::retired::{is_retired, retire};
use crate::log::{LogError, Segment};
use js_sys::Array;
use wasm_bindgen::JsCast;
use web_sys::IdbCursorDirection;

/// Reason of a gap: the browser's quota left nothing else.
const QUOTA: &str = "quota";

/// Most segments given up in one transaction: about as long as a large commit.
const SEGMENTS_AT_ONCE: usize = 8;

/// A relay that has sent nothing for so long is gone with its page.
const RELAY_AGE_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// A session that nobody has written for so long has no owner that is about to.
const IDLE_MS: u64 = 10 * 60 * 1000;

/// Everything retention decides by, read in one transaction.
struct Stock {
    heads: Vec<(SessionId, HeadRow)>,
    acks: Acks,
}

impl Stock {
    async fn take(log: &IndexedDbLog, max_age_ms: u64) -> Result<Self, LogError> {
        let transaction = log.connection.read(&[HEADS, ACKED]).await?;
        let (heads, acked) = (transaction.store(HEADS)?, transaction.store(ACKED)?);
        let answers = [heads.get_all_keys(), heads.get_all(), acked.get_all_keys(), acked.get_all()];
        let mut lists = Vec::with_capacity(answers.len());
        for answer in answers.map(Answer::of) {
            lists.push(Array::from(&answer?.await?));
        }
        let heads = lists[0]
            .iter()
            .zip(lists[1].iter())
            .map(|(key, row)| Ok((session_of(&key, HEADS)?, HeadRow::from_js(&row)?.unwrap_or_default())));
        let acked = lists[2].iter().zip(lists[3].iter()).map(|(key, row)| {
            let (session_id, store_id) = acked_of(&key)?;
            Ok((
                session_id,
                store_id,
                field(&row, "acked_seq").unwrap_or(0),
                field(&row, "acked_ms").unwrap_or(0),
            ))
        });
        let acked = acked.collect::<Result<Vec<_>, LogError>>()?;
        Ok(Self {
            heads: heads.collect::<Result<_, LogError>>()?,
            acks: Acks::new(acked.into_iter(), now_ms().saturating_sub(max_age_ms)),
        })
    }

    fn shelves(&self) -> Vec<Shelf> {
        let shelves = self.heads.iter().flat_map(|(session_id, row)| {
            let shelf = |category: &super::rows::CategoryRow| Shelf {
                session_id: *session_id,
                category: category.name.clone(),
                bytes: category.bytes,
            };
            row.categories.iter().map(shelf)
        });
        shelves.collect()
    }

    /// Sessions without an owner, all of whose records every store has, last written before `before_ms`.
    fn drained<'a>(
        &'a self,
        log: &'a IndexedDbLog,
        before_ms: u64,
    ) -> impl Iterator<Item = &'a (SessionId, HeadRow)> {
        let owned = log.owned.borrow().clone();
        self.heads.iter().filter(move |(session_id, row)| {
            !owned.contains(session_id)
                && row.committed_ms < before_ms
                && self.acks.by_all(*session_id) >= row.latest_seq
        })
    }
}

/// Applies the policy.
pub(super) async fn retain(log: &IndexedDbLog, policy: &RetentionPolicy) -> Result<Retained, LogError> {
    let (now_ms, mut retained) = (now_ms(), Retained::default());
    let too_old_ms = now_ms.saturating_sub(policy.max_age_ms);
    prune_relays(log, now_ms.saturating_sub(RELAY_AGE_MS.max(policy.max_age_ms))).await?;
    let mut stock = Stock::take(log, policy.max_age_ms).await?;
    let drained: Vec<_> = stock.drained(log, too_old_ms).cloned().collect();
    for (session_id, row) in drained {
        delete_session(log, session_id, &row, &mut retained).await?;
        stock.heads.retain(|(other, _)| *other != session_id);
    }

    let mut shelves = stock.shelves();
    oldest_first(&mut shelves);
    let mut over = totals(&shelves);
    for (category, bytes) in &mut over {
        *bytes = bytes.saturating_sub(policy.max_bytes_of(category));
    }
    for shelf in &shelves {
        let acked_seq = stock.acks.by_all(shelf.session_id);
        let over = over.entry(shelf.category.clone()).or_default();
        let may = |candidate: &Candidate| {
            let wanted = *over > 0 || candidate.committed_ms < too_old_ms;
            if !wanted || candidate.last_seq > acked_seq {
                return false;
            }
            *over = over.saturating_sub(candidate.freed_bytes);
            true
        };
        give_up(log, shelf, NOT_RETAINED, may, &mut retained).await?;
    }
    Ok(retained)
}

/// Frees `needed_bytes`: first what every store has, then what none has.
pub(super) async fn make_room(log: &IndexedDbLog, needed_bytes: u64) -> Result<Retained, LogError> {
    let mut retained = Retained::default();
    let mut stock = Stock::take(log, RetentionPolicy::default().max_age_ms).await?;
    let drained: Vec<_> = stock.drained(log, now_ms().saturating_sub(IDLE_MS)).cloned().collect();
    for (session_id, row) in drained {
        if retained.freed_bytes >= needed_bytes {
            return Ok(retained);
        }
        delete_session(log, session_id, &row, &mut retained).await?;
        stock.heads.retain(|(other, _)| *other != session_id);
    }
    let mut shelves = stock.shelves();
    oldest_first(&mut shelves);
    for shelf in &shelves {
        let (acked_seq, mut left) =
            (stock.acks.by_all(shelf.session_id), needed_bytes.saturating_sub(retained.freed_bytes));
        let may = |candidate: &Candidate| {
            let may = left > 0 && candidate.last_seq <= acked_seq;
            left = if may { left.saturating_sub(candidate.freed_bytes) } else { left };
            may
        };
        give_up(log, shelf, NOT_RETAINED, may, &mut retained).await?;
    }
    largest_first(&mut shelves);
    for shelf in &shelves {
        let mut left = needed_bytes.saturating_sub(retained.freed_bytes);
        let may = |candidate: &Candidate| {
            let may = left > 0;
            left = left.saturating_sub(candidate.freed_bytes);
            may
        };
        give_up(log, shelf, QUOTA, may, &mut retained).await?;
    }
    Ok(retained)
}

/// A segment that might go.
struct Candidate {
    last_seq: u64,
    committed_ms: u64,
    freed_bytes: u64,
}

/// Gives up segments of one category log, oldest first, until `may` says no. Where the quota has not even
/// room for what is left of them they are deleted, which needs none; what is missing is a gap all the same.
async fn give_up(
    log: &IndexedDbLog,
    shelf: &Shelf,
    reason: &str,
    mut may: impl FnMut(&Candidate) -> bool,
    retained: &mut Retained,
) -> Result<(), LogError> {
    let session = session_key(shelf.session_id);
    let keys = SegmentKeys::new(shelf.session_id, &session, &shelf.category);
    let (mut more, mut bare) = (true, false);
    while more {
        let transaction = log.connection.write(&[SEGMENTS, HEADS]).await?;
        let (segments, heads) = (transaction.store(SEGMENTS)?, transaction.store(HEADS)?);
        let Some(mut row) = HeadRow::from_js(&Answer::of(heads.get(&session))?.await?)? else {
            return Ok(());
        };
        let category = row.category(&shelf.category);
        let (began_at, mut freed) = (category.retained_from, Retained::default());
        for _ in 0..SEGMENTS_AT_ONCE {
            let range = keys.range(category.retained_from, u64::MAX)?;
            let fetched =
                Fetch::start(&segments, &range, IdbCursorDirection::Next)?.finish(&segments).await?;
            let Some(Fetched { first_seq, stored }) = fetched else {
                more = false;
                break;
            };
            let stored = stored.unwrap_or_default();
            let segment = match keys.decode(first_seq, stored.clone()) {
                Ok(segment) if !is_retired(&stored) => segment,
                // Nothing is gained by it: it is passed over, now and later.
                _ => {
                    category.retained_from = first_seq + 1;
                    continue;
                }
            };
            let left = if bare { Vec::new() } else { retire(&segment, reason) };
            let freed_bytes = stored.len().saturating_sub(left.len()) as u64;
            let committed_ms = Segment::committed_ms(&stored).unwrap_or(0);
            if !may(&Candidate { last_seq: segment.last_seq(), committed_ms, freed_bytes }) {
                more = false;
                break;
            }
            let key = keys.key(first_seq);
            if bare {
                segments.delete(&key).map_err(from_thrown)?;
            } else {
                segments.put_with_key(&log.scratch.fill(&[&left]), &key).map_err(from_thrown)?;
            }
            category.bytes = category.bytes.saturating_sub(freed_bytes);
            category.retained_from = first_seq + 1;
            freed.freed_bytes += freed_bytes;
            freed.segments += 1;
            if reason == QUOTA {
                freed.unacked_seqs += segment.rows.iter().map(|row| u64::from(row.count)).sum::<u64>();
            }
        }
        if category.retained_from == began_at {
            return Ok(());
        }
        if !bare {
            heads.put_with_key(&row.to_js(), &session).map_err(from_thrown)?;
        }
        match transaction.complete().await {
            Err(LogError::QuotaExceeded) if !bare => {
                (more, bare) = (true, true);
                continue;
            }
            result => result?,
        }
        retained.freed_bytes += freed.freed_bytes;
        retained.segments += freed.segments;
        retained.unacked_seqs += freed.unacked_seqs;
    }
    Ok(())
}

/// Deletes a session with everything of it, unless somebody has written it since `row` was read.
async fn delete_session(
    log: &IndexedDbLog,
    session_id: SessionId,
    row: &HeadRow,
    retained: &mut Retained,
) -> Result<(), LogError> {
    let transaction = log.connection.write(&[SEGMENTS, HEADS, ACKED]).await?;
    let (session, heads) = (session_key(session_id), transaction.store(HEADS)?);
    let now = HeadRow::from_js(&Answer::of(heads.get(&session))?.await?)?;
    if now.as_ref() != Some(row) {
        return Ok(());
    }
    let range = session_range(&session)?;
    transaction.store(SEGMENTS)?.delete(&range).map_err(from_thrown)?;
    transaction.store(ACKED)?.delete(&range).map_err(from_thrown)?;
    heads.delete(&session).map_err(from_thrown)?;
    transaction.complete().await?;
    retained.sessions += 1;
    retained.freed_bytes += row.categories.iter().map(|category| category.bytes).sum::<u64>();
    Ok(())
}

/// Forgets relays that committed nothing since `since_ms`.
async fn prune_relays(log: &IndexedDbLog, since_ms: u64) -> Result<(), LogError> {
    let transaction = log.connection.write(&[RELAYS]).await?;
    let relays = transaction.store(RELAYS)?;
    let (keys, rows) = (Answer::of(relays.get_all_keys())?, Answer::of(relays.get_all())?);
    let (keys, rows) = (Array::from(&keys.await?), Array::from(&rows.await?));
    for (key, row) in keys.iter().zip(rows.iter()) {
        if field(row.unchecked_ref(), "committed_ms").unwrap_or(0) < since_ms {
            relays.delete(&key).map_err(from_thrown)?;
        }
    }
    transaction.complete().await
}
