//! Rows and lines of gaps.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use tabtape::record::{Gap, LineWriter, SessionId};

/// Writes one gap.
pub(in crate::store) fn insert_gap_row(
    connection: &Connection,
    position: u64,
    session: i64,
    gap: &Gap,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO gaps (position, session, first_seq, last_seq, category, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            position as i64, session, gap.first_seq as i64, gap.last_seq as i64, gap.category, gap.reason
        ])?;
    Ok(())
}

/// Reads `first_seq`, `last_seq`, `category` and `reason`, which are in this order from the column `first`.
pub(in crate::store) fn read_gap(row: &Row<'_>, first: usize) -> rusqlite::Result<Gap> {
    Ok(Gap {
        first_seq: row.get::<_, i64>(first)? as u64,
        last_seq: row.get::<_, i64>(first + 1)? as u64,
        category: row.get(first + 2)?,
        reason: row.get(first + 3)?,
    })
}

/// Returns the line of a gap.
pub(in crate::store) fn gap_line(session_id: SessionId, gap: &Gap) -> Bytes {
    let mut line = Vec::with_capacity(160);
    LineWriter::new(session_id).gap(&mut line, gap);
    line.into()
}

/// Returns the gap that covers `seq`, if one does.
pub(in crate::store) fn gap_over(
    transaction: &Transaction<'_>,
    session: i64,
    seq: u64,
) -> rusqlite::Result<Option<Gap>> {
    transaction
        .prepare_cached(
            "SELECT first_seq, last_seq, category, reason FROM gaps
             WHERE session = ?1 AND first_seq <= ?2 ORDER BY first_seq DESC LIMIT 1",
        )?
        .query_row(params![session, seq as i64], |row| read_gap(row, 0))
        .optional()
        .map(|gap| gap.filter(|gap| gap.last_seq >= seq))
}
