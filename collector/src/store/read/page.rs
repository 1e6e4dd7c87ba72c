//! One page of records, in the order of a cursor.
//!
//! Over all sessions the cursor is the position, within one session the seq; gaps are in their places.
//! A page is bounded by count, by bytes and by time, so a selector that matches nothing in ten million
//! events returns early with the cursor to continue from; [`Page::done`] reports whether the end was reached.

use super::query::Filter;
use super::rows::{Room, events, gaps};
use crate::store::format::names::Names;
use crate::store::{StoreError, meta};
use bytes::Bytes;
use rusqlite::{Connection, params};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tabtape::selector::Selector;

/// A page carries at most this many bytes of lines, and always at least one record.
const MAX_PAGE_BYTES: usize = 8 << 20;
/// A page ends after this time if matches are rare.
const MAX_PAGE_TIME: Duration = Duration::from_millis(1500);
/// Rows looked at between two looks at the clock: grows while nothing is found.
const FIRST_WINDOW: u64 = 4_096;
const MAX_WINDOW: u64 = 1 << 20;

/// The order and the extent of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Order of commit over all sessions; the cursor is a position.
    Position,
    /// Order of acceptance in the session of this row; the cursor is a seq.
    Seq(i64),
}

impl Order {
    /// The row of the session that it is limited to.
    pub(super) const fn session(self) -> Option<i64> {
        match self {
            Self::Position => None,
            Self::Seq(session) => Some(session),
        }
    }
}

/// The records to read.
#[derive(Debug, Clone)]
pub struct PageQuery {
    /// Order and extent.
    pub order: Order,
    /// Matches the records; `None` for all.
    pub selector: Option<Arc<Selector>>,
    /// Exclusive cursor to start from.
    pub after: u64,
    /// Inclusive end; `u64::MAX` for none.
    pub until: u64,
    /// The last records instead of the first; they still come in ascending order.
    pub newest: bool,
    /// Most records.
    pub limit: usize,
}

impl PageQuery {
    /// Asks for the first `limit` records that match.
    pub const fn new(order: Order, selector: Option<Arc<Selector>>, limit: usize) -> Self {
        Self {
            order,
            selector,
            after: 0,
            until: u64::MAX,
            newest: false,
            limit,
        }
    }

    /// Limits it to records after the cursor `after`, up to `until`.
    pub fn within(self, after: u64, until: u64) -> Self {
        Self { after, until, ..self }
    }

    /// Asks for the last records instead of the first if `newest`.
    pub fn newest(self, newest: bool) -> Self {
        Self { newest, ..self }
    }
}

/// One stored record.
#[derive(Debug, Clone)]
pub struct PageRecord {
    /// Order of commit.
    pub position: u64,
    /// Row of its session.
    pub session: i64,
    /// The first seq it covers.
    pub first_seq: u64,
    /// The last seq it covers; the same for an event.
    pub last_seq: u64,
    /// Whether it is a gap.
    pub is_gap: bool,
    /// Its line, without a newline.
    pub line: Bytes,
}

/// The records that were read.
#[derive(Debug)]
pub struct Page {
    /// Records in ascending order of the cursor.
    pub records: Vec<PageRecord>,
    /// Everything up to here was looked at (from here on, for the newest).
    pub cursor: u64,
    /// The cursor of the last record that was stored when the page was read.
    pub end: u64,
    /// Whether everything up to the end was looked at.
    pub done: bool,
}

/// Reads one page.
pub(in crate::store) fn read(
    connection: &Connection,
    names: &Names,
    query: &PageQuery,
) -> Result<Page, StoreError> {
    let latest = latest(connection, query.order)?;
    let end = query.until.min(latest);
    let mut page = Page {
        records: Vec::new(),
        cursor: query.after.min(end),
        end,
        done: query.after >= end,
    };
    if page.done {
        return Ok(page);
    }
    let filter = Filter::compile(connection, names, query.selector.as_ref())?;
    let started = Instant::now();
    let (mut low, mut high) = (query.after, end); // what is still to be looked at: (low, high]
    let mut size = FIRST_WINDOW;
    let mut bytes = 0;
    while low < high {
        let (from, to) = if query.newest {
            (high.saturating_sub(size).max(low), high)
        } else {
            (low, low.saturating_add(size).min(high))
        };
        let room = Room {
            records: query.limit - page.records.len(),
            bytes: MAX_PAGE_BYTES.saturating_sub(bytes),
        };
        let mut found = window(connection, query, &filter, (from, to), room)?;
        size = if found.records.is_empty() {
            (size * 4).min(MAX_WINDOW)
        } else {
            size
        };
        bytes += found
            .records
            .iter()
            .map(|record| record.line.len())
            .sum::<usize>();
        if query.newest {
            high = found.reached;
            found.records.append(&mut page.records);
            page.records = found.records;
        } else {
            low = found.reached;
            page.records.append(&mut found.records);
        }
        if page.records.len() >= query.limit || bytes >= MAX_PAGE_BYTES || started.elapsed() > MAX_PAGE_TIME {
            break;
        }
    }
    page.cursor = if query.newest { high } else { low };
    page.done = low >= high;
    Ok(page)
}

fn latest(connection: &Connection, order: Order) -> rusqlite::Result<u64> {
    match order {
        Order::Position => meta::position(connection, "latest_position"),
        Order::Seq(session) => connection
            .prepare_cached("SELECT coalesce((SELECT latest_seq FROM sessions WHERE id = ?1), 0)")?
            .query_row([session], |row| Ok(row.get::<_, i64>(0)? as u64)),
    }
}

struct Window {
    records: Vec<PageRecord>,
    /// The end of what was looked at: the high end, or the low end when reading the newest.
    reached: u64,
}

/// Events and gaps with cursors in `(from, to]`.
fn window(
    connection: &Connection,
    query: &PageQuery,
    filter: &Filter,
    (from, to): (u64, u64),
    room: Room,
) -> Result<Window, StoreError> {
    let (mut records, ends) = match narrowed(connection, query.order, filter, (from, to))? {
        None => events(connection, query, filter, (from, to), None, room)?,
        Some(ranges) => candidates(connection, query, filter, (from, to), ranges, room)?,
    };
    // Gaps only as far as events were read.
    let (from, to) = match (ends, query.newest) {
        (None, _) => (from, to),
        (Some(end), false) => (from, end),
        (Some(end), true) => (end, to),
    };
    let key = |record: &PageRecord| match query.order {
        Order::Position => record.position,
        Order::Seq(_) => record.last_seq,
    };
    records.append(&mut gaps(
        connection,
        query,
        filter,
        (from, to),
        room.records + 1,
    )?);
    records.sort_by_key(key);
    let mut reached = if query.newest { from } else { to };
    if records.len() > room.records {
        if query.newest {
            records.drain(..records.len() - room.records);
            reached = records.first().map_or(reached, |record| key(record) - 1);
        } else {
            records.truncate(room.records);
            reached = records.last().map_or(reached, key);
        }
    }
    Ok(Window { records, reached })
}

/// The ranges of positions in which events with cursors in `(from, to]` may match, if the index can narrow them down.
fn narrowed(
    connection: &Connection,
    order: Order,
    filter: &Filter,
    (from, to): (u64, u64),
) -> rusqlite::Result<Option<Vec<(u64, u64)>>> {
    if filter.bounds().is_empty() {
        return Ok(None);
    }
    if filter.bounds().is_unmatchable() {
        return Ok(Some(Vec::new()));
    }
    let (from, to) = match order {
        Order::Position => (from, to),
        // Positions of a session's seqs are near each other: asked of the covering index.
        Order::Seq(session) => {
            let found: Option<(i64, i64)> = connection
                .prepare_cached(
                    "SELECT min(position), max(position) FROM events WHERE session = ?1 AND seq > ?2 AND seq <= ?3",
                )?
                .query_row(params![session, from as i64, to as i64], |row| {
                    Ok(row.get::<_, Option<i64>>(0)?.zip(row.get::<_, Option<i64>>(1)?))
                })?;
            match found {
                Some((first, last)) => (first as u64 - 1, last as u64),
                None => return Ok(Some(Vec::new())),
            }
        }
    };
    crate::store::index::candidates(connection, filter.bounds(), from, to)
}

/// Events of the candidate ranges; the same answer as [`events`] over everything.
fn candidates(
    connection: &Connection,
    query: &PageQuery,
    filter: &Filter,
    (from, to): (u64, u64),
    mut ranges: Vec<(u64, u64)>,
    mut room: Room,
) -> Result<(Vec<PageRecord>, Option<u64>), StoreError> {
    if let Order::Seq(_) = query.order {
        // In order of seq the ranges cannot be read one after another: one look, bounded by their hull.
        return match (ranges.first(), ranges.last()) {
            (Some((first, _)), Some((_, last))) => {
                events(connection, query, filter, (from, to), Some((*first, *last)), room)
            }
            _ => Ok((Vec::new(), None)),
        };
    }
    if query.newest {
        ranges.reverse();
    }
    let mut all = Vec::new();
    for range in ranges {
        let (mut records, ends) = events(connection, query, filter, range, None, room)?;
        room.records -= records.len();
        room.bytes = room
            .bytes
            .saturating_sub(records.iter().map(|record| record.line.len()).sum());
        if query.newest {
            records.append(&mut all);
            all = records;
        } else {
            all.append(&mut records);
        }
        if ends.is_some() {
            return Ok((all, ends));
        }
    }
    Ok((all, None))
}
