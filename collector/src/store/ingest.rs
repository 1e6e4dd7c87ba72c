//! Storing the records of one session: exactly once, in one open transaction.
//!
//! For every record the ledger says whether its seq is new. New is stored. What is covered already is
//! looked up: the same bytes are a duplicate, other bytes a [`Conflict`], which ends the batch where it
//! stands; what came before it is kept. The outcome does not depend on the order in which records
//! arrive: an event replaces the part of a gap that stood for it, and a gap is kept only where no event
//! is stored. Two things never come back: what retention took and what a person deleted.

use super::ledger::Ledger;
use super::names::{Interner, NameKind};
use super::recent::{Committed, Kind};
use crate::clock::now_micros;
use bytes::Bytes;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Transaction, params};
use std::collections::HashMap;
use tabtape::envelope::{Gap, Line, LineWriter, SessionId};
use tabtape::header::{Header, Record};

/// The reason of a gap that a deletion left: no event may fill it again.
pub const REASON_DELETED: &str = "deleted";

/// One parsed record and its bytes.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The line as it came, without a newline.
    pub line: Bytes,
    /// What it says.
    pub parsed: Line,
}

/// Records of one session, in seq order.
#[derive(Debug)]
pub struct Batch {
    /// Whose.
    pub session_id: SessionId,
    /// The local process that wrote them, if one did.
    pub producer: Option<String>,
    /// The pairing that delivered them, if one did.
    pub pairing: Option<String>,
    /// The records.
    pub records: Vec<Incoming>,
    /// The request that must not be carried out twice, if it says so.
    pub idempotency: Option<Idempotency>,
}

/// Names a request, so that its repeat is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// What the client calls it, within its producer.
    pub key: String,
    /// Digest of what it asked for.
    pub digest: [u8; 32],
}

/// What was stored for a request that named itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// Row of the session.
    pub session: i64,
    /// First seq.
    pub first_seq: u64,
    /// Last seq.
    pub last_seq: u64,
    /// Digest of what it asked for.
    pub digest: [u8; 32],
}

/// Looks a request up by its name.
pub(super) fn answered(connection: &Connection, key: &str) -> rusqlite::Result<Option<Answered>> {
    connection
        .prepare_cached("SELECT session, first_seq, last_seq, digest FROM idempotency WHERE key = ?1")?
        .query_row([key], |row| {
            Ok(Answered {
                session: row.get(0)?,
                first_seq: row.get::<_, i64>(1)? as u64,
                last_seq: row.get::<_, i64>(2)? as u64,
                digest: row.get(3)?,
            })
        })
        .optional()
}

/// A stored seq was sent again with other bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict {
    /// The seq.
    pub seq: u64,
    /// Which record of the batch, from 0.
    pub index: usize,
}

/// What became of a batch. Given only once it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The unbroken prefix of the session, from 1.
    pub acked_seq: u64,
    /// Records that were new.
    pub accepted: u64,
    /// Records that were stored before, or stood for a seq that was.
    pub duplicates: u64,
    /// Where the batch stopped, if it did.
    pub conflict: Option<Conflict>,
}

/// What the writer knows about a session it has touched.
#[derive(Debug)]
pub(super) struct SessionState {
    pub(super) row: i64,
    pub(super) ledger: Ledger,
    first_ts: Option<u64>,
    last_ts: Option<u64>,
    had_islands: bool,
    dirty: bool,
}

#[derive(Debug, Clone, Copy)]
struct TabSeen {
    events: i64,
    first_ts: u64,
    last_ts: u64,
}

/// Everything a transaction changes beside the tables; dropped when it is rolled back.
#[derive(Debug)]
pub(super) struct Ingest {
    pub(super) sessions: HashMap<SessionId, SessionState>,
    pub(super) interner: Interner,
    pub(super) latest_position: u64,
    counts: HashMap<(i64, i64, u8), i64>,
    tabs: HashMap<(i64, i64), TabSeen>,
    pub(super) committed: Vec<Committed>,
    committed_position: u64,
}

impl Ingest {
    pub(super) fn new(interner: Interner, latest_position: u64) -> Self {
        Self {
            sessions: HashMap::new(),
            interner,
            latest_position,
            counts: HashMap::new(),
            tabs: HashMap::new(),
            committed: Vec::new(),
            committed_position: latest_position,
        }
    }

    /// The transaction is on disk: hands out its records.
    pub(super) fn take_committed(&mut self) -> Vec<Committed> {
        self.committed_position = self.latest_position;
        std::mem::take(&mut self.committed)
    }

    /// The transaction is undone: what was learned in it is forgotten.
    pub(super) fn roll_back(&mut self) {
        self.sessions.clear();
        self.counts.clear();
        self.tabs.clear();
        self.committed.clear();
        self.interner.rolled_back();
        self.latest_position = self.committed_position;
    }

    pub(super) fn next_position(&mut self) -> u64 {
        self.latest_position += 1;
        self.latest_position
    }

    /// Stores `batch` in `transaction`.
    pub(super) fn store(
        &mut self,
        transaction: &Transaction<'_>,
        batch: &Batch,
    ) -> rusqlite::Result<Receipt> {
        let mut state = self.take_session(transaction, batch)?;
        let mut receipt = Receipt { acked_seq: 0, accepted: 0, duplicates: 0, conflict: None };
        let stored = self.store_records(transaction, batch, &mut state, &mut receipt);
        if let (Some(Idempotency { key, digest }), Some(first), Some(last)) =
            (&batch.idempotency, batch.records.first(), batch.records.last())
        {
            transaction.execute(
                "INSERT OR REPLACE INTO idempotency (key, digest, session, first_seq, last_seq, ts) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![key, digest, state.row, first.parsed.first_seq() as i64, last.parsed.last_seq() as i64, now_micros() as i64],
            )?;
        }
        receipt.acked_seq = state.ledger.acked_seq();
        self.sessions.insert(batch.session_id, state);
        stored.map(|()| receipt)
    }

    fn store_records(
        &mut self,
        transaction: &Transaction<'_>,
        batch: &Batch,
        state: &mut SessionState,
        receipt: &mut Receipt,
    ) -> rusqlite::Result<()> {
        let mut insert = insert_event(transaction)?;
        for (index, incoming) in batch.records.iter().enumerate() {
            let outcome = match &incoming.parsed {
                Line::Event { header, .. } if !state.ledger.covers(header.seq) => {
                    self.insert(transaction, &mut insert, state, header, &incoming.line)?;
                    state.ledger.cover(header.seq, header.seq);
                    Outcome::Accepted
                }
                Line::Event { header, .. } => {
                    self.meet_covered(transaction, &mut insert, state, header, incoming, batch.session_id)?
                }
                Line::Gap { gap, .. } => self.store_gap(transaction, state, batch.session_id, gap)?,
            };
            match outcome {
                Outcome::Accepted => receipt.accepted += 1,
                Outcome::Duplicate => receipt.duplicates += 1,
                Outcome::Conflict => {
                    receipt.conflict = Some(Conflict { seq: incoming.parsed.first_seq(), index });
                    break;
                }
            }
        }
        Ok(())
    }

    fn insert(
        &mut self,
        transaction: &Transaction<'_>,
        insert: &mut CachedStatement<'_>,
        state: &mut SessionState,
        header: &Header,
        line: &Bytes,
    ) -> rusqlite::Result<()> {
        let record = Record { header, line };
        let category = self.interner.id(transaction, NameKind::Category, record.category())?;
        let type_ = self.interner.id(transaction, NameKind::Type, record.type_())?;
        let position = self.next_position();
        insert.execute(params![
            position as i64,
            state.row,
            header.seq as i64,
            header.ts_micros as i64,
            category,
            type_,
            header.source_kind as u8,
            header.detail_level as u8,
            header.severity as u8,
            header.status,
            header.tab_id,
            &line[..],
        ])?;
        state.dirty = true;
        state.first_ts = Some(state.first_ts.map_or(header.ts_micros, |ts| ts.min(header.ts_micros)));
        state.last_ts = Some(state.last_ts.map_or(header.ts_micros, |ts| ts.max(header.ts_micros)));
        *self.counts.entry((state.row, category, header.severity as u8)).or_default() += 1;
        if header.tab_id >= 0 {
            let ts = header.ts_micros;
            let tab = TabSeen { events: 0, first_ts: ts, last_ts: ts };
            let seen = self.tabs.entry((state.row, header.tab_id)).or_insert(tab);
            seen.events += 1;
            seen.first_ts = seen.first_ts.min(ts);
            seen.last_ts = seen.last_ts.max(ts);
        }
        if super::coverage::is_milestone(record.type_()) {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO milestones (session, seq, ts, type, line) VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![state.row, header.seq as i64, header.ts_micros as i64, record.type_(), &line[..]])?;
        }
        self.committed.push(Committed {
            position,
            session: state.row,
            kind: Kind::Event(*header),
            line: line.clone(),
        });
        Ok(())
    }

    /// An event whose seq is accounted for: a duplicate, a conflict, or what a gap stood for.
    fn meet_covered(
        &mut self,
        transaction: &Transaction<'_>,
        insert: &mut CachedStatement<'_>,
        state: &mut SessionState,
        header: &Header,
        incoming: &Incoming,
        session_id: SessionId,
    ) -> rusqlite::Result<Outcome> {
        let seq = header.seq as i64;
        let stored = transaction
            .prepare_cached("SELECT line = ?3 FROM events WHERE session = ?1 AND seq = ?2")?
            .query_row(params![state.row, seq, &incoming.line[..]], |row| row.get::<_, bool>(0))
            .optional()?;
        match stored {
            Some(true) => return Ok(Outcome::Duplicate),
            Some(false) => return Ok(Outcome::Conflict),
            None => {}
        }
        let Some(gap) = gap_over(transaction, state.row, header.seq)? else {
            return Ok(Outcome::Duplicate); // retention took it
        };
        if gap.reason == REASON_DELETED {
            return Ok(Outcome::Duplicate);
        }
        transaction
            .prepare_cached("DELETE FROM gaps WHERE session = ?1 AND first_seq = ?2")?
            .execute(params![state.row, gap.first_seq as i64])?;
        for (first_seq, last_seq) in [(gap.first_seq, header.seq - 1), (header.seq + 1, gap.last_seq)] {
            if first_seq <= last_seq {
                self.insert_gap(transaction, state, session_id, &Gap { first_seq, last_seq, ..gap.clone() })?;
            }
        }
        self.insert(transaction, insert, state, header, &incoming.line)?;
        Ok(Outcome::Accepted)
    }

    fn store_gap(
        &mut self,
        transaction: &Transaction<'_>,
        state: &mut SessionState,
        session_id: SessionId,
        gap: &Gap,
    ) -> rusqlite::Result<Outcome> {
        let parts = state.ledger.uncovered(gap.first_seq, gap.last_seq);
        for (first_seq, last_seq) in &parts {
            let part = Gap { first_seq: *first_seq, last_seq: *last_seq, ..gap.clone() };
            self.insert_gap(transaction, state, session_id, &part)?;
            state.ledger.cover(*first_seq, *last_seq);
        }
        Ok(if parts.is_empty() { Outcome::Duplicate } else { Outcome::Accepted })
    }

    pub(super) fn insert_gap(
        &mut self,
        transaction: &Transaction<'_>,
        state: &mut SessionState,
        session_id: SessionId,
        gap: &Gap,
    ) -> rusqlite::Result<()> {
        let position = self.next_position();
        state.dirty = true;
        insert_gap_row(transaction, position, state.row, gap)?;
        self.committed.push(Committed {
            position,
            session: state.row,
            kind: Kind::Gap {
                first_seq: gap.first_seq,
                last_seq: gap.last_seq,
                category: gap.category.as_str().into(),
            },
            line: gap_line(session_id, gap),
        });
        Ok(())
    }

    fn take_session(
        &mut self,
        transaction: &Transaction<'_>,
        batch: &Batch,
    ) -> rusqlite::Result<SessionState> {
        if let Some(state) = self.sessions.remove(&batch.session_id) {
            return Ok(state);
        }
        if let Some(state) = load_session(transaction, batch.session_id)? {
            return Ok(state);
        }
        transaction.execute(
            "INSERT INTO sessions (session, producer, pairing, created_ts) VALUES (?1, ?2, ?3, ?4)",
            params![batch.session_id.as_str(), batch.producer, batch.pairing, now_micros() as i64],
        )?;
        Ok(SessionState {
            row: transaction.last_insert_rowid(),
            ledger: Ledger::default(),
            first_ts: None,
            last_ts: None,
            had_islands: false,
            dirty: true,
        })
    }

    /// Writes ledgers and counts, last thing before the commit.
    pub(super) fn flush(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        for state in self.sessions.values_mut().filter(|state| state.dirty) {
            write_session(transaction, state)?;
            state.dirty = false;
        }
        let mut upsert = transaction.prepare_cached(
            "INSERT INTO counts (session, category, severity, events) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET events = events + excluded.events",
        )?;
        for ((session, category, severity), count) in self.counts.drain() {
            upsert.execute(params![session, category, severity, count])?;
        }
        let mut upsert = transaction.prepare_cached(
            "INSERT INTO tabs (session, tab, events, first_ts, last_ts) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET events = events + excluded.events,
               first_ts = min(first_ts, excluded.first_ts), last_ts = max(last_ts, excluded.last_ts)",
        )?;
        for ((session, tab), seen) in self.tabs.drain() {
            upsert.execute(params![session, tab, seen.events, seen.first_ts as i64, seen.last_ts as i64])?;
        }
        transaction
            .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('latest_position', ?1)")?
            .execute([self.latest_position as i64])?;
        Ok(())
    }
}

enum Outcome {
    Accepted,
    Duplicate,
    Conflict,
}

fn insert_event<'t>(transaction: &'t Transaction<'_>) -> rusqlite::Result<CachedStatement<'t>> {
    transaction.prepare_cached(
        "INSERT INTO events (position, session, seq, ts, category, type, source_kind, detail_level, severity,
         status, tab, line) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )
}

/// Writes one gap.
pub(super) fn insert_gap_row(
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
            position as i64,
            session,
            gap.first_seq as i64,
            gap.last_seq as i64,
            gap.category,
            gap.reason
        ])?;
    Ok(())
}

/// A gap's line.
pub(crate) fn gap_line(session_id: SessionId, gap: &Gap) -> Bytes {
    let mut line = Vec::with_capacity(160);
    LineWriter::new(session_id).gap(&mut line, gap);
    line.into()
}

fn gap_over(transaction: &Transaction<'_>, session: i64, seq: u64) -> rusqlite::Result<Option<Gap>> {
    transaction
        .prepare_cached(
            "SELECT first_seq, last_seq, category, reason FROM gaps
             WHERE session = ?1 AND first_seq <= ?2 ORDER BY first_seq DESC LIMIT 1",
        )?
        .query_row(params![session, seq as i64], |row| {
            Ok(Gap {
                first_seq: row.get::<_, i64>(0)? as u64,
                last_seq: row.get::<_, i64>(1)? as u64,
                category: row.get(2)?,
                reason: row.get(3)?,
            })
        })
        .optional()
        .map(|gap| gap.filter(|gap| gap.last_seq >= seq))
}

/// Reads a session's state from its row.
pub(super) fn load_session(
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
    let Some((row, acked_seq, first_ts, last_ts)) = row else { return Ok(None) };
    let mut statement =
        connection.prepare_cached("SELECT first_seq, last_seq FROM islands WHERE session = ?1")?;
    let islands = statement
        .query_map([row], |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Some(SessionState {
        row,
        had_islands: !islands.is_empty(),
        ledger: Ledger::restore(acked_seq as u64, islands),
        first_ts: first_ts.map(|ts| ts as u64),
        last_ts: last_ts.map(|ts| ts as u64),
        dirty: false,
    }))
}

fn write_session(transaction: &Transaction<'_>, state: &mut SessionState) -> rusqlite::Result<()> {
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
    let has_islands = state.ledger.islands().next().is_some();
    if state.had_islands || has_islands {
        transaction.prepare_cached("DELETE FROM islands WHERE session = ?1")?.execute([state.row])?;
        let mut insert = transaction
            .prepare_cached("INSERT INTO islands (session, first_seq, last_seq) VALUES (?1, ?2, ?3)")?;
        for (first, last) in state.ledger.islands() {
            insert.execute(params![state.row, first as i64, last as i64])?;
        }
    }
    state.had_islands = has_islands;
    Ok(())
}
