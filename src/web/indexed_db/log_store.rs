//! The log as sessions, deliveries and recorders use it.

use super::IndexedDbLog;
use super::commit::{self, now_ms};
use super::evict::write_pending_gaps;
use super::install_key::install_key;
use super::read;
use super::repair;
use super::request::{RequestFuture, put};
use super::rows::{HeadRow, acked_key, acked_row, session_key, stored};
use super::schema::{ACKED, HEADS};
use super::watched_until::stored_watched_until;
use crate::coverage::WatchedUntil;
use crate::log::{Commit, Head, Limits, LogError, LogStore, PendingGaps};
use crate::record::{Entry, SessionId};
use crate::recorder::RecorderLog;

/// Browsers count freed space only after a while; giving up more meanwhile would be for nothing.
const MAKE_ROOM_INTERVAL_MS: u64 = 1_000;

/// Room is made for many commits at once, because it is slow: for so many of the size that failed, and at
/// least so much.
const ROOM_FACTOR: u64 = 8;
const MIN_ROOM_BYTES: u64 = 4 << 20;

/// A resume record holds so many pending gaps, some 500 KB: the place where a browser keeps it takes 10 MB, and it is
/// saved often. Further gaps are read as `not_retained` if the worker dies before they are written.
const MAX_KEPT_GAPS: usize = 2_000;

impl RecorderLog for IndexedDbLog {
    async fn open(&self) -> Result<(), LogError> {
        self.connection.open().await
    }

    /// Raises the epoch of the session, so that every earlier owner is superseded. `None` when it is not in the
    /// database, or lost its head and with it the last seq it spent. Reads one row, however long the log.
    async fn resume_session(&self, session_id: SessionId) -> Result<Option<Head>, LogError> {
        let transaction = self.connection.write(&[HEADS]).await?;
        let heads = transaction.store(HEADS)?;
        let key = session_key(session_id);
        let Some(mut row) = HeadRow::read(&heads, &key).await?.filter(|row| !row.rebuilt) else {
            return Ok(None);
        };
        row.epoch += 1;
        row.put(&heads, &key)?;
        transaction.complete().await?;
        self.owned.borrow_mut().insert(session_id);
        Ok(Some(row.head()))
    }

    async fn begin_session(&self, session_id: SessionId) -> Result<Head, LogError> {
        let row = HeadRow {
            epoch: 1,
            committed_ms: now_ms(),
            ..HeadRow::default()
        };
        let transaction = self.connection.write(&[HEADS]).await?;
        let heads = transaction.store(HEADS)?;
        let key = session_key(session_id);
        if !RequestFuture::of(heads.get_key(&key))?.await?.is_undefined() {
            return Err(LogError::NotResumable(session_id));
        }
        row.put(&heads, &key)?;
        transaction.complete().await?;
        self.owned.borrow_mut().insert(session_id);
        Ok(row.head())
    }

    async fn watched_until(&self, session_id: SessionId) -> Result<Option<WatchedUntil>, LogError> {
        stored_watched_until(self, session_id).await
    }

    async fn install_key(&self) -> Result<[u8; 32], LogError> {
        install_key(self).await
    }

    async fn set_aside(&self) -> Result<(), LogError> {
        self.connection.set_aside().await
    }

    fn pending_gaps(&self) -> Vec<PendingGaps> {
        let pending_gaps = self.pending_gaps.borrow();
        pending_gaps.iter().take(MAX_KEPT_GAPS).cloned().collect()
    }

    fn restore_pending_gaps(&self, pending_gaps: Vec<PendingGaps>) {
        self.pending_gaps.replace(pending_gaps);
    }
}

impl LogStore for IndexedDbLog {
    async fn reopen(&self, session_id: SessionId) -> Result<Head, LogError> {
        match self.resume_session(session_id).await? {
            Some(head) => Ok(head),
            None => self.begin_session(session_id).await,
        }
    }

    async fn commit(&self, commit: &Commit) -> Result<(), LogError> {
        let mut result = commit::commit(self, commit).await;
        let since_ms = now_ms().saturating_sub(self.made_room_ms.get());
        if result == Err(LogError::QuotaExceeded) && since_ms >= MAKE_ROOM_INTERVAL_MS {
            self.made_room_ms.set(now_ms());
            let needed_bytes = MIN_ROOM_BYTES.max(ROOM_FACTOR * commit.bytes as u64);
            if self.make_room(needed_bytes).await?.unacked_seqs > 0 {
                self.note(LogError::QuotaExceeded);
            }
            result = commit::commit(self, commit).await;
        }
        if result.is_ok() && !self.pending_gaps.borrow().is_empty() {
            write_pending_gaps(self).await;
        }
        result
    }

    async fn read(
        &self,
        session_id: SessionId,
        after_seq: u64,
        limits: Limits,
    ) -> Result<Vec<Entry>, LogError> {
        let (entries, damage) = read::forward(self, session_id, after_seq, limits).await?;
        self.report(session_id, damage).await;
        Ok(entries)
    }

    async fn sessions(&self) -> Result<Vec<(SessionId, Head)>, LogError> {
        repair::rebuild_missing_heads(self).await?;
        let rows = self.head_rows().await?;
        Ok(rows
            .into_iter()
            .map(|(session_id, row)| (session_id, row.head()))
            .collect())
    }

    async fn acked_seq(&self, session_id: SessionId, store_id: &str) -> Result<u64, LogError> {
        let transaction = self.connection.read(&[ACKED]).await?;
        let acked_seq = stored(&transaction, ACKED, &acked_key(session_id, store_id), "acked_seq").await?;
        Ok(acked_seq.unwrap_or(0))
    }

    async fn set_acked_seq(
        &self,
        session_id: SessionId,
        store_id: &str,
        acked_seq: u64,
    ) -> Result<(), LogError> {
        let transaction = self.connection.write(&[ACKED]).await?;
        let row = acked_row(acked_seq, now_ms());
        let key = acked_key(session_id, store_id);
        put(&transaction.store(ACKED)?, &row, &key)?;
        transaction.complete().await
    }
}
