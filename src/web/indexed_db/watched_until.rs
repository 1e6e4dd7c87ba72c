//! How far the newest session was watched, so that the next one can record the end of a killed browser's.

use super::IndexedDbLog;
use super::error::from_thrown;
use super::request::RequestFuture;
use super::rows::{HeadRow, session_key, watched_until_of, watched_until_row};
use super::schema::{HEADS, META};
use crate::coverage::WatchedUntil;
use crate::log::LogError;
use crate::record::SessionId;

const WATCHED_UNTIL: &str = "watched_until";

impl IndexedDbLog {
    /// Stores how far a session was watched, in place of what was stored before, if `epoch` still owns it.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn set_watched_until(
        &self,
        session_id: SessionId,
        epoch: u64,
        until: &WatchedUntil,
    ) -> Result<(), LogError> {
        let transaction = self.connection.write(&[HEADS, META]).await?;
        let head = RequestFuture::of(transaction.store(HEADS)?.get(&session_key(session_id)))?.await?;
        let theirs = HeadRow::from_js(&head)?.ok_or(LogError::Missing)?.epoch;
        if theirs != epoch {
            return Err(LogError::Superseded { ours: epoch, theirs });
        }
        let row = watched_until_row(session_id, until)?;
        transaction
            .store(META)?
            .put_with_key(&row, &WATCHED_UNTIL.into())
            .map_err(from_thrown)?;
        transaction.complete().await
    }

    pub(super) async fn stored_watched_until(
        &self,
        session_id: SessionId,
    ) -> Result<Option<WatchedUntil>, LogError> {
        let transaction = self.connection.read(&[META]).await?;
        let row = RequestFuture::of(transaction.store(META)?.get(&WATCHED_UNTIL.into()))?.await?;
        Ok(watched_until_of(&row, session_id))
    }
}
