//! Storing the records of one session: exactly once, in one open transaction.
//!
//! The ledger decides for each record whether its seq is new. A new record is stored. An existing one is
//! compared: the same bytes are a duplicate; other bytes are a [`Conflict`], which ends the batch, and the
//! records before it are kept. The outcome does not depend on the order of arrival: an event replaces the
//! part of a gap that covers it, and a gap is kept only for seqs without an event. Records that retention
//! removed or that a person deleted are never stored again.

use super::batch::{Batch, Conflict, Idempotency, Receipt};
use super::session_state::{SessionState, load_session, new_session, write_session};
use crate::clock::now_micros;
use crate::store::format::gaps::{gap_line, gap_over, insert_gap_row};
use crate::store::format::names::{Interner, NameKind};
use crate::store::format::packed::{CompressedLines, Unpacker};
use crate::store::read::recent::Committed;
use bytes::Bytes;
use rusqlite::{CachedStatement, OptionalExtension as _, Transaction, params};
use std::collections::HashMap;
use tabtape::record::reason::DELETED;
use tabtape::record::{Gap, Header, Line, Record, SessionId};

/// An event that will be stored.
#[derive(Debug, Clone, Copy)]
struct NewEvent<'a> {
    session_id: SessionId,
    header: &'a Header,
    /// The line as it arrived.
    line: &'a Bytes,
    /// The bytes of the table row: the line, compressed or not.
    stored: &'a [u8],
}

#[derive(Debug, Clone, Copy)]
struct TabSeen {
    events: i64,
    first_ts: u64,
    last_ts: u64,
}

/// State that a transaction changes in addition to the tables; dropped on rollback.
#[derive(Debug)]
pub(in crate::store) struct Ingest {
    pub(in crate::store) sessions: HashMap<SessionId, SessionState>,
    pub(in crate::store) interner: Interner,
    pub(in crate::store) latest_position: u64,
    counts: HashMap<(i64, i64, u8), i64>,
    tabs: HashMap<(i64, i64), TabSeen>,
    pub(in crate::store) committed: Vec<Committed>,
    committed_position: u64,
}

impl Ingest {
    pub(in crate::store) fn new(interner: Interner, latest_position: u64) -> Self {
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

    /// Returns the records of the transaction, which is on disk.
    pub(in crate::store) fn take_committed(&mut self) -> Vec<Committed> {
        self.committed_position = self.latest_position;
        std::mem::take(&mut self.committed)
    }

    /// Forgets the state of the transaction, which was rolled back.
    pub(in crate::store) fn roll_back(&mut self) {
        self.sessions.clear();
        self.counts.clear();
        self.tabs.clear();
        self.committed.clear();
        self.interner.rolled_back();
        self.latest_position = self.committed_position;
    }

    pub(in crate::store) fn next_position(&mut self) -> u64 {
        self.latest_position += 1;
        self.latest_position
    }

    /// Stores `batch` in `transaction`.
    pub(in crate::store) fn store(
        &mut self,
        transaction: &Transaction<'_>,
        batch: &Batch,
        packed: &CompressedLines,
    ) -> rusqlite::Result<Receipt> {
        let mut state = self.take_session(transaction, batch)?;
        let mut receipt = Receipt::default();
        let stored = self.store_records(transaction, batch, packed, &mut state, &mut receipt);
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
        packed: &CompressedLines,
        state: &mut SessionState,
        receipt: &mut Receipt,
    ) -> rusqlite::Result<()> {
        let mut insert = insert_event(transaction)?;
        for (index, incoming) in batch.records.iter().enumerate() {
            let outcome = match &incoming.parsed {
                Line::Event { header, .. } => {
                    let event = NewEvent {
                        session_id: batch.session_id,
                        header,
                        line: &incoming.line,
                        stored: packed.get(index),
                    };
                    if state.ledger.covers(header.seq) {
                        self.resolve_existing(transaction, &mut insert, state, event)?
                    } else {
                        self.insert(transaction, &mut insert, state, event)?;
                        state.ledger.cover(header.seq, header.seq);
                        Outcome::Accepted
                    }
                }
                Line::Gap { gap, .. } => self.store_gap(transaction, state, batch.session_id, gap)?,
            };
            match outcome {
                Outcome::Accepted => receipt.accepted += 1,
                Outcome::Duplicate => receipt.duplicates += 1,
                Outcome::Conflict => {
                    receipt.conflict = Some(Conflict {
                        seq: incoming.parsed.first_seq(),
                        index,
                    });
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
        NewEvent {
            session_id,
            header,
            line,
            stored,
        }: NewEvent<'_>,
    ) -> rusqlite::Result<()> {
        let record = Record { header, line };
        let category = self
            .interner
            .id(transaction, NameKind::Category, record.category())?;
        let type_ = self.interner.id(transaction, NameKind::Type, record.type_())?;
        let position = self.next_position();
        insert.execute(params![
            position as i64, state.row, header.seq as i64, header.ts_micros as i64, category, type_,
            header.source_kind as u8, header.detail_level as u8, header.severity as u8, header.status,
            header.tab_id, stored,
        ])?;
        state.dirty = true;
        let ts = header.ts_micros;
        state.first_ts = Some(state.first_ts.map_or(ts, |first| first.min(ts)));
        state.last_ts = Some(state.last_ts.map_or(ts, |last| last.max(ts)));
        *self
            .counts
            .entry((state.row, category, header.severity as u8))
            .or_default() += 1;
        if header.tab_id >= 0 {
            let tab = TabSeen {
                events: 0,
                first_ts: ts,
                last_ts: ts,
            };
            let seen = self.tabs.entry((state.row, header.tab_id)).or_insert(tab);
            seen.events += 1;
            seen.first_ts = seen.first_ts.min(ts);
            seen.last_ts = seen.last_ts.max(ts);
        }
        if tabtape::coverage::is_milestone(record.type_()) {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO milestones (session, seq, ts, type, line) VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![state.row, header.seq as i64, header.ts_micros as i64, record.type_(), &line[..]])?;
        }
        self.committed.push(Committed {
            position,
            session: state.row,
            line: line.clone(),
            parsed: Line::Event {
                session_id,
                header: *header,
            },
        });
        Ok(())
    }

    /// Stores an event whose seq is covered: it is a duplicate, a conflict, or replaces part of a gap.
    fn resolve_existing(
        &mut self,
        transaction: &Transaction<'_>,
        insert: &mut CachedStatement<'_>,
        state: &mut SessionState,
        event: NewEvent<'_>,
    ) -> rusqlite::Result<Outcome> {
        let header = event.header;
        let compare = |row: &rusqlite::Row<'_>| {
            let stored = row.get_ref(0)?.as_blob().unwrap_or_default();
            let mut unpacker = Unpacker::new();
            Ok(match unpacker.as_mut().map(|unpacker| unpacker.line(stored)) {
                Ok(Ok(line)) if line == event.line => Stored::Same,
                Ok(Ok(_)) => Stored::Other,
                _ => Stored::Broken,
            })
        };
        let stored = transaction
            .prepare_cached("SELECT line FROM events WHERE session = ?1 AND seq = ?2")?
            .query_row(params![state.row, header.seq as i64], compare)
            .optional()?;
        match stored {
            Some(Stored::Same) => return Ok(Outcome::Duplicate),
            Some(Stored::Other) => return Ok(Outcome::Conflict),
            Some(Stored::Broken) => {
                // The stored line is damaged; the line that arrived again replaces it.
                transaction
                    .prepare_cached("UPDATE events SET line = ?3 WHERE session = ?1 AND seq = ?2")?
                    .execute(params![state.row, header.seq as i64, &event.line[..]])?;
                return Ok(Outcome::Duplicate);
            }
            None => {}
        }
        let Some(gap) = gap_over(transaction, state.row, header.seq)? else {
            return Ok(Outcome::Duplicate); // retention removed it
        };
        if gap.reason == DELETED {
            return Ok(Outcome::Duplicate);
        }
        transaction
            .prepare_cached("DELETE FROM gaps WHERE session = ?1 AND first_seq = ?2")?
            .execute(params![state.row, gap.first_seq as i64])?;
        for (first_seq, last_seq) in [(gap.first_seq, header.seq - 1), (header.seq + 1, gap.last_seq)] {
            if first_seq <= last_seq {
                let part = Gap::new(first_seq..=last_seq, &gap.category, &gap.reason);
                self.insert_gap(transaction, state, event.session_id, &part)?;
            }
        }
        self.insert(transaction, insert, state, event)?;
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
        for &(first_seq, last_seq) in &parts {
            let part = Gap::new(first_seq..=last_seq, &gap.category, &gap.reason);
            self.insert_gap(transaction, state, session_id, &part)?;
            state.ledger.cover(first_seq, last_seq);
        }
        Ok(if parts.is_empty() {
            Outcome::Duplicate
        } else {
            Outcome::Accepted
        })
    }

    pub(in crate::store) fn insert_gap(
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
            line: gap_line(session_id, gap),
            parsed: Line::Gap {
                session_id,
                gap: gap.clone(),
            },
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
        match load_session(transaction, batch.session_id)? {
            Some(state) => Ok(state),
            None => new_session(
                transaction,
                batch.session_id,
                batch.producer.as_deref(),
                batch.pairing.as_deref(),
            ),
        }
    }

    /// Writes ledgers and counts; called last before the commit.
    pub(in crate::store) fn flush(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
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
            upsert.execute(params![
                session, tab, seen.events, seen.first_ts as i64, seen.last_ts as i64
            ])?;
        }
        transaction
            .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('latest_position', ?1)")?
            .execute([self.latest_position as i64])?;
        Ok(())
    }
}

/// The stored record of a seq that arrived again.
enum Stored {
    Same,
    Other,
    /// It cannot be read.
    Broken,
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
