//! The state that the writer keeps for a session: its row, its ledger, its times.

use super::ledger::Ledger;
use crate::clock::now_micros;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use tabtape::record::SessionId;

/// The writer's state of a session that it has written.
#[derive(Debug)]
pub(in crate::store) struct SessionState {
    pub(in crate::store) row: i64,
    pub(in crate::store) ledger: Ledger,
    pub(in crate::store) first_ts: Option<u64>,
    pub(in crate::store) last_ts: Option<u64>,
    had_ranges_above_gap: bool,
    pub(in crate::store) dirty: bool,
}

/// Reads a session's state from its row.
pub(in crate::store) fn load_session(
    connection: &Connection,
    session_id: SessionId,
) -> rusqlite::Result<Option<SessionState>> {
    let row = connection
        .prepare_cached("SELECT id, acked_seq, first_ts, last_ts FROM sessions WHERE session = ?1")?
        .query_row([session_id.as_str()], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, Option<i64>>(2)?,
                row.get::<_, Option<i64>>(3)?,
            ))
        })
        .optional()?;
    let Some((row, acked_seq, first_ts, last_ts)) = row else {
        return Ok(None);
    };
    let mut statement =
        connection.prepare_cached("SELECT first_seq, last_seq FROM islands WHERE session = ?1")?;
    let ranges = statement
        .query_map([row], |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Some(SessionState {
        row,
        had_ranges_above_gap: !ranges.is_empty(),
        ledger: Ledger::restore(acked_seq as u64, ranges),
        first_ts: first_ts.map(|ts| ts as u64),
        last_ts: last_ts.map(|ts| ts as u64),
        dirty: false,
    }))
}

/// Inserts the row of a new session.
pub(in crate::store) fn new_session(
    transaction: &Transaction<'_>,
    session_id: SessionId,
    producer: Option<&str>,
    pairing: Option<&str>,
) -> rusqlite::Result<SessionState> {
    transaction.execute(
        "INSERT INTO sessions (session, producer, pairing, created_ts) VALUES (?1, ?2, ?3, ?4)",
        params![session_id.as_str(), producer, pairing, now_micros() as i64],
    )?;
    Ok(SessionState {
        row: transaction.last_insert_rowid(),
        ledger: Ledger::default(),
        first_ts: None,
        last_ts: None,
        had_ranges_above_gap: false,
        dirty: true,
    })
}

/// Writes the state of a session to its row.
pub(in crate::store) fn write_session(
    transaction: &Transaction<'_>,
    state: &mut SessionState,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "UPDATE sessions SET acked_seq = ?2, latest_seq = ?3, first_ts = ?4, last_ts = ?5 WHERE id = ?1",
        )?
        .execute(params![
            state.row,
            state.ledger.acked_seq() as i64,
            state.ledger.latest_seq() as i64,
            state.first_ts.map(|ts| ts as i64),
            state.last_ts.map(|ts| ts as i64),
        ])?;
    let has_ranges_above_gap = state.ledger.ranges_above_gap().next().is_some();
    if state.had_ranges_above_gap || has_ranges_above_gap {
        transaction
            .prepare_cached("DELETE FROM islands WHERE session = ?1")?
            .execute([state.row])?;
        let mut insert = transaction
            .prepare_cached("INSERT INTO islands (session, first_seq, last_seq) VALUES (?1, ?2, ?3)")?;
        for (first, last) in state.ledger.ranges_above_gap() {
            insert.execute(params![state.row, first as i64, last as i64])?;
        }
    }
    state.had_ranges_above_gap = has_ranges_above_gap;
    Ok(())
}
