//! Coverage: the time in which a session was watched, so that an empty answer means something.
//!
//! Recorders report it in events that are kept as milestones, independently of retention; the core
//! [folds](tabtape::coverage) them into intervals with the categories and levels that were on. Gaps and seqs
//! that have not arrived are reported with them. A browser that was killed sends no end: when a later session names it
//! as its predecessor, its coverage ends at the time that it had confirmed last, or with its last event.

use super::query::wants_session;
use crate::store::format::gaps::read_gap;
use crate::store::{StoreError, as_sql};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;
use std::collections::HashMap;
use tabtape::coverage::{Coverage, LostDocument, Watched, WatchedUntil, Window, previous_session};
use tabtape::record::Gap;
use tabtape::selector::{Filter as Condition, Selector};
use utoipa::ToSchema;

/// Most sessions and gaps that are listed; the others are counted.
const MAX_SESSIONS: usize = 50;
const MAX_GAPS: usize = 100;
/// A recorder that has reported no end, and whose last event is older, has gone silent: a browser that was killed
/// reports no end.
const SILENT_MICROS: u64 = 3_600_000_000;

/// Whether it is unknown when a session without a reported end has ended.
pub(crate) fn is_silent(last_ts: Option<u64>, now: u64) -> bool {
    last_ts.is_none_or(|last| last.saturating_add(SILENT_MICROS) < now)
}

/// A tab that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct TabCoverage {
    /// The browser's id.
    pub tab: i64,
    /// Its first event.
    pub first_ts: u64,
    /// Its last event.
    pub last_ts: u64,
    /// How many were received.
    pub events: u64,
}

/// The coverage of one session.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SessionCoverage {
    /// Its id.
    pub session: String,
    /// The local process that writes it, if one does; such a session reports no coverage.
    pub producer: Option<String>,
    /// First and last event.
    pub first_ts: Option<u64>,
    /// See `first_ts`.
    pub last_ts: Option<u64>,
    /// Stretches that were watched.
    pub watched: Vec<Watched>,
    /// Stretches that were not watched.
    pub unwatched: Vec<Window>,
    /// Documents of which an unknown number of events is lost.
    pub lost: Vec<LostDocument>,
    /// Tabs that were seen. Not shown, like `missing` and `pruned`, to a token that is bound to a selector: they are
    /// counts of all events.
    pub tabs: Vec<TabCoverage>,
    /// Gaps, the latest 100.
    pub gaps: Vec<Gap>,
    /// Seqs that gaps cover, in all.
    pub gap_seqs: u64,
    /// Seqs not accounted for yet, as `[first, last]`.
    #[schema(value_type = Vec<Vec<u64>>)]
    pub missing: Vec<(u64, u64)>,
    /// Seqs whose record retention took away.
    pub pruned: u64,
}

impl SessionCoverage {
    /// Leaves out what is counted over all events if a token may read only what `always` selects.
    pub(crate) fn shown_to(always: Option<&Selector>, mut coverage: Vec<Self>) -> Vec<Self> {
        for session in coverage.iter_mut().filter(|_| always.is_some()) {
            session.lost.clear();
            session.tabs.clear();
            session.missing.clear();
            session.pruned = 0;
            session.first_ts = None;
            session.last_ts = None;
        }
        coverage
    }
}

/// The coverage of what `selector` and `only` ask for, newest session first.
pub(in crate::store) fn read(
    connection: &Connection,
    selector: Option<&Selector>,
    only: Option<&str>,
) -> Result<Vec<SessionCoverage>, StoreError> {
    let (from, to) = selector.map_or((0, u64::MAX), Selector::time_range);
    let followed = followed(connection)?;
    let mut statement = connection.prepare_cached(
        "SELECT id, session, producer, first_ts, last_ts, acked_seq, pruned FROM sessions
         WHERE (?1 IS NULL OR session = ?1) AND coalesce(first_ts, ?2) <= ?2
         ORDER BY id DESC",
    )?;
    let mut rows = statement.query(params![only, as_sql(to)])?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        let session: String = row.get(1)?;
        if selector.is_some_and(|selector| !wants_session(selector, &session)) {
            continue;
        }
        let id: i64 = row.get(0)?;
        let ts = |index| row.get::<_, Option<i64>>(index).map(|ts| ts.map(|ts| ts as u64));
        let (first_ts, last_ts) = (ts(3)?, ts(4)?);
        let end = followed.get(&session);
        let is_old = last_ts.is_some_and(|last_ts| last_ts < from);
        if is_old && (end.is_some() || is_ended(connection, id)?) {
            continue;
        }
        let mut coverage = stretches(connection, id, selector)?;
        if let Some(until) = end {
            coverage.end_unclosed(last_ts.unwrap_or(0), until.as_ref());
        }
        let Coverage {
            watched,
            unwatched,
            lost,
        } = coverage.within(from, to);
        // A session without recent events still watches, unless it ended.
        if is_old && watched.is_empty() && unwatched.is_empty() && lost.is_empty() {
            continue;
        }
        let (gaps, gap_seqs) = gaps_of(connection, id, selector)?;
        sessions.push(SessionCoverage {
            producer: row.get(2)?,
            first_ts,
            last_ts,
            watched,
            unwatched,
            lost,
            tabs: tabs(connection, id, selector)?,
            gaps,
            gap_seqs,
            missing: super::sessions::missing(connection, id, row.get::<_, i64>(5)? as u64)?,
            pruned: row.get::<_, i64>(6)? as u64,
            session,
        });
        if sessions.len() >= MAX_SESSIONS {
            break;
        }
    }
    Ok(sessions)
}

/// Whether the last milestone is the end of the session.
fn is_ended(connection: &Connection, id: i64) -> rusqlite::Result<bool> {
    let last = connection
        .prepare_cached("SELECT type FROM milestones WHERE session = ?1 ORDER BY seq DESC LIMIT 1")?
        .query_row([id], |row| row.get::<_, String>(0))
        .optional()?;
    Ok(last.is_some_and(|last| last == "system.session_ended"))
}

/// Returns the sessions that a later one names as its predecessor: no recorder writes them any more. With each comes how
/// far it was watched, if its recorder stored that.
fn followed(connection: &Connection) -> rusqlite::Result<HashMap<String, Option<WatchedUntil>>> {
    let mut statement =
        connection.prepare_cached("SELECT line FROM milestones WHERE type = 'system.session_started'")?;
    let previous =
        |line: &[u8]| previous_session(&tabtape::record::stored_line::value(line)["event"]["data"]);
    let rows = statement.query_map([], |row| {
        Ok(previous(row.get_ref(0)?.as_blob().unwrap_or_default()))
    })?;
    rows.filter_map(Result::transpose).collect()
}

fn stretches(connection: &Connection, id: i64, selector: Option<&Selector>) -> Result<Coverage, StoreError> {
    let wants = |name: &str| selector.is_none_or(|selector| selector.wants_category(name));
    let mut statement =
        connection.prepare_cached("SELECT ts, type, line FROM milestones WHERE session = ?1 ORDER BY seq")?;
    let mut rows = statement.query([id])?;
    let mut coverage = Coverage::default();
    while let Some(row) = rows.next()? {
        let type_ = row.get_ref(1)?.as_str().unwrap_or_default();
        let record = tabtape::record::stored_line::value(row.get_ref(2)?.as_blob().unwrap_or_default());
        coverage.take(
            row.get::<_, i64>(0)? as u64,
            type_,
            &record["event"]["data"],
            wants,
        );
    }
    Ok(coverage)
}

fn tabs(connection: &Connection, id: i64, selector: Option<&Selector>) -> rusqlite::Result<Vec<TabCoverage>> {
    let wanted = |tab: i64| {
        selector.is_none_or(|selector| {
            selector.terms().iter().all(|term| match &term.filter {
                Condition::Tab(tabs) => tabs.contains(&tab) != term.negated,
                _ => true,
            })
        })
    };
    let mut statement = connection.prepare_cached(
        "SELECT tab, first_ts, last_ts, events FROM tabs WHERE session = ?1 ORDER BY first_ts",
    )?;
    let rows = statement.query_map([id], |row| {
        Ok(TabCoverage {
            tab: row.get(0)?,
            first_ts: row.get::<_, i64>(1)? as u64,
            last_ts: row.get::<_, i64>(2)? as u64,
            events: row.get::<_, i64>(3)? as u64,
        })
    })?;
    rows.filter(|tab| tab.as_ref().map_or(true, |tab| wanted(tab.tab)))
        .collect()
}

fn gaps_of(
    connection: &Connection,
    id: i64,
    selector: Option<&Selector>,
) -> rusqlite::Result<(Vec<Gap>, u64)> {
    let mut statement = connection.prepare_cached(
        "SELECT first_seq, last_seq, category, reason FROM gaps WHERE session = ?1 ORDER BY first_seq DESC",
    )?;
    let mut rows = statement.query([id])?;
    let (mut gaps, mut seqs) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let gap = read_gap(row, 0)?;
        if selector.is_some_and(|selector| !selector.wants_category(&gap.category)) {
            continue;
        }
        seqs += gap.count();
        if gaps.len() < MAX_GAPS {
            gaps.push(gap);
        }
    }
    gaps.reverse();
    Ok((gaps, seqs))
}
