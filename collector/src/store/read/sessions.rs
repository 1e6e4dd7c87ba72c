//! Summaries of sessions.

use crate::store::format::names::Names;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use std::collections::BTreeMap;
use tabtape::levels::Severity;
use utoipa::ToSchema;

/// One session as a list shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SessionSummary {
    /// Its id.
    pub session: String,
    /// The local process that writes it, if one does.
    pub producer: Option<String>,
    /// The pairing that delivered it, if one did.
    pub pairing: Option<String>,
    /// Unix microseconds of its earliest and latest event.
    pub first_ts: Option<u64>,
    /// See `first_ts`.
    pub last_ts: Option<u64>,
    /// The unbroken prefix from 1.
    pub acked_seq: u64,
    /// The highest seq accounted for.
    pub latest_seq: u64,
    /// Stored events.
    pub events: u64,
    /// Stored events by category, then severity.
    pub counts: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// Lost seqs by reason.
    pub gaps: BTreeMap<String, u64>,
    /// Seqs whose record retention took away.
    pub pruned: u64,
    /// Seqs not accounted for yet, as `[first, last]`.
    #[schema(value_type = Vec<Vec<u64>>)]
    pub missing: Vec<(u64, u64)>,
}

/// The row of a session, and how far it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRow {
    /// Its row.
    pub id: i64,
    /// The unbroken prefix from 1.
    pub acked_seq: u64,
    /// The highest seq accounted for.
    pub latest_seq: u64,
}

pub(in crate::store) fn row(
    connection: &Connection,
    session: &str,
) -> Result<Option<SessionRow>, crate::store::StoreError> {
    let found = connection
        .prepare_cached("SELECT id, acked_seq, latest_seq FROM sessions WHERE session = ?1")?
        .query_row([session], |row| {
            Ok(SessionRow {
                id: row.get(0)?,
                acked_seq: row.get::<_, i64>(1)? as u64,
                latest_seq: row.get::<_, i64>(2)? as u64,
            })
        })
        .optional()?;
    Ok(found)
}

pub(in crate::store) fn id(
    connection: &Connection,
    row: i64,
) -> Result<Option<String>, crate::store::StoreError> {
    let mut statement = connection.prepare_cached("SELECT session FROM sessions WHERE id = ?1")?;
    Ok(statement.query_row([row], |row| row.get(0)).optional()?)
}

pub(in crate::store) fn newest(connection: &Connection) -> Result<Option<String>, crate::store::StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT session FROM sessions
         ORDER BY EXISTS (SELECT 1 FROM counts WHERE counts.session = sessions.id AND events > 0) DESC,
         last_ts DESC, id LIMIT 1",
    )?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}

pub(in crate::store) fn list(
    connection: &Connection,
    names: &Names,
    only: Option<&str>,
) -> Result<Vec<SessionSummary>, crate::store::StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, session, producer, pairing, first_ts, last_ts, acked_seq, latest_seq, pruned
         FROM sessions WHERE ?1 IS NULL OR session = ?1 ORDER BY id",
    )?;
    let mut rows = statement.query(params![only])?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let number = |index| {
            row.get::<_, Option<i64>>(index)
                .map(|value| value.map(|value| value as u64))
        };
        let mut summary = SessionSummary {
            session: row.get(1)?,
            producer: row.get(2)?,
            pairing: row.get(3)?,
            first_ts: number(4)?,
            last_ts: number(5)?,
            acked_seq: number(6)?.unwrap_or(0),
            latest_seq: number(7)?.unwrap_or(0),
            events: 0,
            counts: BTreeMap::new(),
            gaps: gaps(connection, id)?,
            pruned: number(8)?.unwrap_or(0),
            missing: Vec::new(),
        };
        add_counts(connection, names, id, &mut summary)?;
        summary.missing = missing(connection, id, summary.acked_seq)?;
        sessions.push(summary);
    }
    Ok(sessions)
}

fn add_counts(
    connection: &Connection,
    names: &Names,
    id: i64,
    summary: &mut SessionSummary,
) -> rusqlite::Result<()> {
    let mut statement = connection
        .prepare_cached("SELECT category, severity, events FROM counts WHERE session = ?1 AND events > 0")?;
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        let Some(category) = names.name(row.get(0)?) else {
            continue;
        };
        let Some(severity) = Severity::ALL.get(row.get::<_, i64>(1)? as usize) else {
            continue;
        };
        let events = row.get::<_, i64>(2)? as u64;
        summary.events += events;
        *summary
            .counts
            .entry(category)
            .or_default()
            .entry(severity.as_str())
            .or_default() += events;
    }
    Ok(())
}

fn gaps(connection: &Connection, id: i64) -> rusqlite::Result<BTreeMap<String, u64>> {
    connection
        .prepare_cached(
            "SELECT reason, sum(last_seq - first_seq + 1) FROM gaps WHERE session = ?1 GROUP BY reason",
        )?
        .query_map([id], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?
        .collect()
}

pub(in crate::store) fn missing(
    connection: &Connection,
    id: i64,
    acked_seq: u64,
) -> rusqlite::Result<Vec<(u64, u64)>> {
    let mut statement = connection
        .prepare_cached("SELECT first_seq, last_seq FROM islands WHERE session = ?1 ORDER BY first_seq")?;
    let mut rows = statement.query([id])?;
    let mut missing = Vec::new();
    let mut next = acked_seq + 1;
    while let Some(row) = rows.next()? {
        let (first, last) = (row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64);
        missing.push((next, first - 1));
        next = last + 1;
    }
    Ok(missing)
}
