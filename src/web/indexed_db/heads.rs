//! The heads of sessions: begun, resumed and listed.

use super::IndexedDbLog;
use super::commit::now_ms;
use super::request::RequestFuture;
use super::rows::{HeadRow, session_key, session_of};
use super::schema::HEADS;
use crate::log::{Head, LogError};
use crate::record::SessionId;

impl IndexedDbLog {
    /// Begins a session: writes its head, with epoch 1.
    ///
    /// # Errors
    /// The session exists already (`ConstraintError`), or what [`LogError`] says.
    pub async fn begin_session(&self, session_id: SessionId) -> Result<Head, LogError> {
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

    /// Resumes a session: raises its epoch, so that every earlier owner is superseded. `None` when it is
    /// not in the database, or lost its head and with it the last seq it spent. Reads one row, however long
    /// the log.
    pub async fn resume_session(&self, session_id: SessionId) -> Result<Option<Head>, LogError> {
        let transaction = self.connection.write(&[HEADS]).await?;
        let heads = transaction.store(HEADS)?;
        let key = session_key(session_id);
        let Some(mut row) = HeadRow::read(&heads, &key).await? else {
            return Ok(None);
        };
        if row.rebuilt {
            return Ok(None);
        }
        row.epoch += 1;
        row.put(&heads, &key)?;
        transaction.complete().await?;
        self.owned.borrow_mut().insert(session_id);
        Ok(Some(row.head()))
    }

    /// Returns the head of every session, oldest first, and the bytes that the session uses. Only reads,
    /// whereas [`sessions`](crate::log::LogStore::sessions) also repairs.
    pub async fn heads(&self) -> Result<Vec<(SessionId, Head, u64)>, LogError> {
        let rows = self.head_rows().await?.into_iter();
        Ok(rows
            .map(|(session_id, row)| (session_id, row.head(), row.bytes.iter().sum()))
            .collect())
    }

    pub(super) async fn head_rows(&self) -> Result<Vec<(SessionId, HeadRow)>, LogError> {
        let transaction = self.connection.read(&[HEADS]).await?;
        let heads = transaction.store(HEADS)?;
        let keys = RequestFuture::of(heads.get_all_keys())?;
        let rows = RequestFuture::of(heads.get_all())?;
        let keys = js_sys::Array::from(&keys.await?);
        let rows = js_sys::Array::from(&rows.await?);
        let mut sessions = Vec::with_capacity(keys.length() as usize);
        for (key, row) in keys.iter().zip(rows.iter()) {
            if let Some(row) = HeadRow::from_js(&row)? {
                sessions.push((session_of(&key, HEADS)?, row));
            }
        }
        Ok(sessions)
    }
}
