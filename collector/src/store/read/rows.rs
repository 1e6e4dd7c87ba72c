//! The rows of a page: events that match, in the order of a cursor, and gaps.

use super::page::{Order, PageQuery, PageRecord};
use super::query::Filter;
use crate::store::StoreError;
use crate::store::format::gaps::{gap_line, read_gap};
use crate::store::format::packed::Unpacker;
use bytes::Bytes;
use rusqlite::{Connection, params};
use tabtape::record::reason::CORRUPT;
use tabtape::record::{Gap, SessionId};

/// How much more fits on the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

/// Returns matching events, and the cursor at which they end early, if they do. `within` bounds their positions
/// further.
pub(super) fn events(
    connection: &Connection,
    query: &PageQuery,
    filter: &Filter,
    (from, to): (u64, u64),
    within: Option<(u64, u64)>,
    room: Room,
) -> Result<(Vec<PageRecord>, Option<u64>), StoreError> {
    let (range, key) = match query.order {
        Order::Position => ("position > ?1 AND position <= ?2 AND ?3 IS NULL", "position"),
        Order::Seq(_) => ("session = ?3 AND seq > ?1 AND seq <= ?2", "seq"),
    };
    // The plus keeps the planner on the index that gives the order.
    let hull = within.map(|(first, last)| format!(" AND +position > {first} AND +position <= {last}"));
    let direction = if query.newest { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT {key}, position, session, seq, line FROM events{} WHERE {range}{}{} ORDER BY {key} {direction}",
        if key == "seq" {
            " INDEXED BY events_by_seq"
        } else {
            ""
        },
        hull.unwrap_or_default(),
        filter.sql(),
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![from as i64, to as i64, query.order.session()])?;
    let mut records = Vec::new();
    let mut bytes = 0;
    let mut examined = if query.newest { to } else { from };
    let mut end = None;
    let mut unpacker = Unpacker::new()?;
    while let Some(row) = rows.next()? {
        let cursor = row.get::<_, i64>(0)? as u64;
        let unpacked = unpacker.line(row.get_ref(4)?.as_blob().unwrap_or_default());
        match unpacked {
            Ok(line) if filter.matches_line(line) => {
                if !records.is_empty() && bytes + line.len() > room.bytes {
                    end = Some(examined);
                    break;
                }
                bytes += line.len();
                let seq = row.get::<_, i64>(3)? as u64;
                records.push(PageRecord {
                    position: row.get::<_, i64>(1)? as u64,
                    session: row.get(2)?,
                    first_seq: seq,
                    last_seq: seq,
                    is_gap: false,
                    line: Bytes::copy_from_slice(line),
                });
            }
            Ok(_) => {}
            // The other records can be read: the damaged one is a gap with a reason.
            Err(_) => records.extend(broken(connection, filter, row)?),
        }
        examined = if query.newest { cursor - 1 } else { cursor };
        if records.len() >= room.records {
            end = Some(examined);
            break;
        }
    }
    if query.newest {
        records.reverse();
    }
    Ok((records, end))
}

/// The gap in the place of an event whose line cannot be read any more.
fn broken(
    connection: &Connection,
    filter: &Filter,
    row: &rusqlite::Row<'_>,
) -> Result<Option<PageRecord>, StoreError> {
    let (position, session, seq): (i64, i64, i64) = (row.get(1)?, row.get(2)?, row.get(3)?);
    tracing::error!(position, session, seq, "a stored line is damaged");
    let mut names = connection.prepare_cached(
        "SELECT sessions.session, names.name FROM events
         JOIN sessions ON sessions.id = events.session JOIN names ON names.id = events.category
         WHERE position = ?1",
    )?;
    let (session_id, category): (String, String) =
        names.query_row([position], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Ok(session_id) = SessionId::parse(session_id.as_bytes()) else {
        return Ok(None);
    };
    if !filter.matches_gap(&category, session_id.as_str()) {
        return Ok(None);
    }
    let gap = Gap::new(seq as u64..=seq as u64, &category, CORRUPT);
    Ok(Some(gap_record(position, session, session_id, &gap)))
}

fn gap_record(position: i64, session: i64, session_id: SessionId, gap: &Gap) -> PageRecord {
    PageRecord {
        position: position as u64,
        session,
        first_seq: gap.first_seq,
        last_seq: gap.last_seq,
        is_gap: true,
        line: gap_line(session_id, gap),
    }
}

/// Returns matching gaps.
pub(super) fn gaps(
    connection: &Connection,
    query: &PageQuery,
    filter: &Filter,
    (from, to): (u64, u64),
    limit: usize,
) -> rusqlite::Result<Vec<PageRecord>> {
    let (range, key) = match query.order {
        Order::Position => (
            "gaps.position > ?1 AND gaps.position <= ?2 AND ?3 IS NULL",
            "gaps.position",
        ),
        Order::Seq(_) => (
            "gaps.session = ?3 AND last_seq > ?1 AND last_seq <= ?2",
            "first_seq",
        ),
    };
    let direction = if query.newest { "DESC" } else { "ASC" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT gaps.position, gaps.session, first_seq, last_seq, category, reason, sessions.session
         FROM gaps JOIN sessions ON sessions.id = gaps.session WHERE {range} ORDER BY {key} {direction}"
    ))?;
    let mut rows = statement.query(params![from as i64, to as i64, query.order.session()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let gap = read_gap(row, 2)?;
        let Ok(session_id) = SessionId::parse(row.get_ref(6)?.as_bytes().unwrap_or_default()) else {
            continue;
        };
        if !filter.matches_gap(&gap.category, session_id.as_str()) {
            continue;
        }
        found.push(gap_record(row.get(0)?, row.get(1)?, session_id, &gap));
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}
