//! How far the newest session was watched, so that the next one can record the end of a killed browser's.

use super::IndexedDbLog;
use super::request::{RequestFuture, put};
use super::rows::{HeadRow, session_key, watched_until_of, watched_until_row};
use super::schema::{HEADS, META};
use crate::coverage::WatchedUntil;
use crate::log::LogError;
use crate::record::SessionId;

const WATCHED_UNTIL: &str = "watched_until";

impl IndexedDbLog {
    /// Stores how far a session was watched, in place of what was stored before, if `epoch` still owns it.
    pub async fn set_watched_until(
        &self,
        session_id: SessionId,
        epoch: u64,
        until: &WatchedUntil,
    ) -> Result<(), LogError> {
        let transaction = self.connection.write(&[HEADS, META]).await?;
        let head = HeadRow::read(&transaction.store(HEADS)?, &session_key(session_id)).await?;
        let theirs = head.ok_or(LogError::Missing)?.epoch;
        if theirs != epoch {
            return Err(LogError::Superseded { ours: epoch, theirs });
        }
        let row = watched_until_row(session_id, until)?;
        put(&transaction.store(META)?, &row, &WATCHED_UNTIL.into())?;
        transaction.complete().await
    }
}

/// Reads how far a session was watched, if that was the last one for which it was stored.
pub(super) async fn stored_watched_until(
    log: &IndexedDbLog,
    session_id: SessionId,
) -> Result<Option<WatchedUntil>, LogError> {
    let transaction = log.connection.read(&[META]).await?;
    let row = RequestFuture::of(transaction.store(META)?.get(&WATCHED_UNTIL.into()))?.await?;
    Ok(watched_until_of(&row, session_id))
}
