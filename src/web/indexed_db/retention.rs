//! Removes segments by the policy, or because the quota requires it.

use super::IndexedDbLog;
use super::commit::now_ms;
use super::error::from_thrown;
use super::evict::{Candidate, evict};
use super::heads::head_rows;
use super::rows::{HeadRow, acked_of, all_rows, field, session_key, session_range};
use super::schema::{ACKED, HEADS, RELAYS, SEGMENTS};
use crate::log::LogError;
use crate::log::retention::{Acks, CategoryUsage, Retained, RetentionPolicy, largest_first, totals};
use crate::record::SessionId;
use crate::record::reason::{NOT_RETAINED, QUOTA};

/// A relay that has sent nothing for so long is gone with its page.
const RELAY_AGE_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// A session without a commit for so long has no owner that is about to commit.
const IDLE_MS: u64 = 10 * 60 * 1000;

/// Everything retention decides by, read in one transaction.
struct RetentionSnapshot {
    heads: Vec<(SessionId, HeadRow)>,
    acks: Acks,
}

impl RetentionSnapshot {
    async fn read(log: &IndexedDbLog, max_age_ms: u64) -> Result<Self, LogError> {
        let transaction = log.connection.read(&[HEADS, ACKED]).await?;
        let heads = head_rows(&transaction).await?;
        let acked = all_rows(&transaction.store(ACKED)?).await?.map(|(key, row)| {
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
            heads,
            acks: Acks::new(acked.into_iter(), now_ms().saturating_sub(max_age_ms)),
        })
    }

    /// Oldest session first, as keys are.
    fn usages(&self) -> Vec<CategoryUsage> {
        let usages = self.heads.iter().flat_map(|(session_id, row)| {
            let usage = |(category, bytes): (&String, u64)| CategoryUsage {
                session_id: *session_id,
                category: category.clone(),
                bytes,
            };
            row.bytes_by_category().map(usage)
        });
        usages.collect()
    }

    /// Deletes sessions without an owner, all of whose records every store has, last written before `before_ms`, until
    /// `needed_bytes` are freed.
    async fn delete_drained(
        &mut self,
        log: &IndexedDbLog,
        before_ms: u64,
        needed_bytes: u64,
        retained: &mut Retained,
    ) -> Result<(), LogError> {
        let owned = log.owned.borrow().clone();
        let is_drained = |(session_id, row): &&(SessionId, HeadRow)| {
            !owned.contains(session_id)
                && row.committed_ms < before_ms
                && self.acks.by_all(*session_id) >= row.latest_seq
        };
        let drained: Vec<_> = self.heads.iter().filter(is_drained).cloned().collect();
        for (session_id, row) in drained {
            if retained.freed_bytes >= needed_bytes {
                break;
            }
            delete_session(log, session_id, &row, retained).await?;
            self.heads.retain(|(other, _)| *other != session_id);
        }
        Ok(())
    }
}

impl IndexedDbLog {
    /// Gives up what `policy` no longer keeps: records that every collector has, oldest first. What no collector has
    /// stays. Meant to be called every few minutes.
    pub async fn retain(&self, policy: &RetentionPolicy) -> Result<Retained, LogError> {
        let now_ms = now_ms();
        let mut retained = Retained::default();
        let too_old_ms = now_ms.saturating_sub(policy.max_age_ms);
        prune_relays(self, now_ms.saturating_sub(RELAY_AGE_MS.max(policy.max_age_ms))).await?;
        let mut snapshot = RetentionSnapshot::read(self, policy.max_age_ms).await?;
        snapshot
            .delete_drained(self, too_old_ms, u64::MAX, &mut retained)
            .await?;
        let usages = snapshot.usages();
        let mut over = totals(&usages);
        for (category, bytes) in &mut over {
            *bytes = bytes.saturating_sub(policy.max_bytes_of(category));
        }
        for usage in &usages {
            let acked_seq = snapshot.acks.by_all(usage.session_id);
            let over = over.entry(usage.category.clone()).or_default();
            let mut may = |candidate: &Candidate| {
                let wanted = *over > 0 || candidate.committed_ms < too_old_ms;
                if !wanted || candidate.last_seq > acked_seq {
                    return false;
                }
                *over = over.saturating_sub(candidate.freed_bytes);
                true
            };
            evict(self, usage, NOT_RETAINED, &mut may, &mut retained).await?;
        }
        Ok(retained)
    }

    /// Frees `needed_bytes` if it can: first records that every collector has, then, as gaps of reason `quota`, those that
    /// none has. A commit does it by itself when the quota is used up.
    pub async fn make_room(&self, needed_bytes: u64) -> Result<Retained, LogError> {
        let mut retained = Retained::default();
        let mut snapshot = RetentionSnapshot::read(self, RetentionPolicy::default().max_age_ms).await?;
        let idle_ms = now_ms().saturating_sub(IDLE_MS);
        snapshot
            .delete_drained(self, idle_ms, needed_bytes, &mut retained)
            .await?;
        if retained.freed_bytes >= needed_bytes {
            return Ok(retained);
        }
        let usages = snapshot.usages();
        for reason in [NOT_RETAINED, QUOTA] {
            for usage in largest_first(&usages) {
                let most_seq = if reason == QUOTA {
                    u64::MAX
                } else {
                    snapshot.acks.by_all(usage.session_id)
                };
                let mut left = needed_bytes.saturating_sub(retained.freed_bytes);
                let mut may = |candidate: &Candidate| {
                    let may = left > 0 && candidate.last_seq <= most_seq;
                    if may {
                        left = left.saturating_sub(candidate.freed_bytes);
                    }
                    may
                };
                evict(self, usage, reason, &mut may, &mut retained).await?;
            }
        }
        Ok(retained)
    }
}

/// Deletes a session with everything of it, unless somebody has written it since `row` was read.
async fn delete_session(
    log: &IndexedDbLog,
    session_id: SessionId,
    row: &HeadRow,
    retained: &mut Retained,
) -> Result<(), LogError> {
    let transaction = log.connection.write(&[SEGMENTS, HEADS, ACKED]).await?;
    let session = session_key(session_id);
    let heads = transaction.store(HEADS)?;
    let now = HeadRow::read(&heads, &session).await?;
    if now.as_ref() != Some(row) {
        return Ok(());
    }
    let range = session_range(&session)?;
    transaction.store(SEGMENTS)?.delete(&range).map_err(from_thrown)?;
    transaction.store(ACKED)?.delete(&range).map_err(from_thrown)?;
    heads.delete(&session).map_err(from_thrown)?;
    transaction.complete().await?;
    retained.sessions += 1;
    retained.freed_bytes += row.bytes.iter().sum::<u64>();
    Ok(())
}

/// Forgets relays that committed nothing since `since_ms`.
async fn prune_relays(log: &IndexedDbLog, since_ms: u64) -> Result<(), LogError> {
    let transaction = log.connection.write(&[RELAYS]).await?;
    let relays = transaction.store(RELAYS)?;
    for (key, row) in all_rows(&relays).await? {
        if field(&row, "committed_ms").unwrap_or(0) < since_ms {
            relays.delete(&key).map_err(from_thrown)?;
        }
    }
    transaction.complete().await
}
