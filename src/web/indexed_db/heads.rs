//! The heads of sessions.

use super::IndexedDbLog;
use super::rows::{HeadRow, all_rows, session_of};
use super::schema::HEADS;
use super::transaction::Transaction;
use crate::log::{Head, LogError};
use crate::record::SessionId;

impl IndexedDbLog {
    /// Returns the head of every session, oldest first, and the bytes that the session uses. Only reads,
    /// whereas [`sessions`](crate::log::LogStore::sessions) also repairs.
    pub async fn heads(&self) -> Result<Vec<(SessionId, Head, u64)>, LogError> {
        let rows = self.head_rows().await?.into_iter();
        Ok(rows
            .map(|(session_id, row)| (session_id, row.head(), row.bytes.iter().sum()))
            .collect())
    }

    pub(super) async fn head_rows(&self) -> Result<Vec<(SessionId, HeadRow)>, LogError> {
        head_rows(&self.connection.read(&[HEADS]).await?).await
    }
}

/// Reads the head of every session in the order of their keys, which is oldest first.
pub(super) async fn head_rows(transaction: &Transaction) -> Result<Vec<(SessionId, HeadRow)>, LogError> {
    let mut sessions = Vec::new();
    for (key, row) in all_rows(&transaction.store(HEADS)?).await? {
        if let Some(row) = HeadRow::from_js(&row)? {
            sessions.push((session_of(&key, HEADS)?, row));
        }
    }
    Ok(sessions)
}
