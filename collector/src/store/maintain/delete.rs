//! Permanent deletion of the events that a selector matches.
//!
//! The bytes go from the tables (overwritten, `secure_delete`), from the write-ahead log and from the
//! text index; in their place the ledger keeps gaps, reason `deleted`, so that a recorder that still has
//! them cannot bring them back. A deletion runs in steps between commits, so that recording continues, and on a full disk with
//! the space that the store keeps in reserve.

use crate::store::format::gaps::insert_gap_row;
use crate::store::format::names::Names;
use crate::store::format::packed::Unpacker;
use crate::store::read::query::Filter;
use crate::store::write::writer::WriterState;
use crate::store::{Store, StoreError};
use rusqlite::{Connection, TransactionBehavior, params};
use std::sync::Arc;
use tabtape::record::Gap;
use tabtape::record::reason::DELETED;
use tabtape::selector::Selector;

/// The events to delete.
#[derive(Debug, Clone, Default)]
pub struct Deletion {
    /// Matches the events; `None` for all.
    pub selector: Option<Arc<Selector>>,
    /// Only of this session.
    pub session: Option<i64>,
    /// Only of sessions that this pairing delivered.
    pub pairing: Option<String>,
}

struct Victim {
    position: i64,
    session: i64,
    seq: u64,
    category: i64,
    severity: i64,
    tab: i64,
}

impl Store {
    /// Deletes events, and returns how many.
    ///
    /// # Errors
    /// An error of SQLite; deletions before it remain.
    pub async fn delete(&self, deletion: Deletion) -> Result<u64, StoreError> {
        let end = self.latest_position();
        let deleted = self
            .in_steps(0, end, move |state, after, until| {
                step(state, &deletion, after, until)
            })
            .await?;
        if deleted > 0 {
            self.inner.writer.run(|state| finish(&state.connection)).await?;
            self.inner.index_wake.notify_one();
        }
        Ok(deleted)
    }
}

fn finish(connection: &Connection) -> Result<(), StoreError> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

fn step(state: &mut WriterState, deletion: &Deletion, after: u64, until: u64) -> Result<u64, StoreError> {
    state.connection.pragma_update(None, "secure_delete", true)?;
    let names = Arc::clone(&state.names);
    let ingest = &mut state.ingest;
    let result = (|| {
        let transaction = state
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let victims = find(&transaction, &names, deletion, after, until)?;
        if victims.is_empty() {
            return Ok(0);
        }
        remove(&transaction, &victims)?;
        for gap in gaps_of(&names, &victims) {
            let position = ingest.next_position();
            insert_gap_row(&transaction, position, gap.0, &gap.1)?;
        }
        ingest.flush(&transaction)?;
        transaction.commit()?;
        Ok(victims.len() as u64)
    })();
    state.connection.pragma_update(None, "secure_delete", false)?;
    match result {
        Ok(0) => {}
        Ok(_) => {
            ingest.take_committed();
            state.recent.clear(state.ingest.latest_position);
        }
        Err(_) => ingest.roll_back(),
    }
    result
}

fn find(
    connection: &Connection,
    names: &Names,
    deletion: &Deletion,
    after: u64,
    until: u64,
) -> Result<Vec<Victim>, StoreError> {
    let filter = Filter::compile(connection, names, deletion.selector.as_ref())?;
    let mut statement = connection.prepare_cached(&format!(
        "SELECT position, session, seq, category, severity, tab, line FROM events
         WHERE position > ?1 AND position <= ?2 AND (?3 IS NULL OR session = ?3)
           AND (?4 IS NULL OR session IN (SELECT id FROM sessions WHERE pairing = ?4)){}
         ORDER BY session, seq",
        filter.sql()
    ))?;
    let mut rows = statement.query(params![
        after as i64, until as i64, deletion.session, deletion.pairing
    ])?;
    let mut victims = Vec::new();
    let mut unpacker = Unpacker::new()?;
    while let Some(row) = rows.next()? {
        let line = unpacker.line(row.get_ref(6)?.as_blob().unwrap_or_default());
        // A damaged line is deleted only if its columns alone decide the selector.
        if line.map_or_else(|_| filter.is_exact(), |line| filter.matches_line(line)) {
            victims.push(Victim {
                position: row.get(0)?,
                session: row.get(1)?,
                seq: row.get::<_, i64>(2)? as u64,
                category: row.get(3)?,
                severity: row.get(4)?,
                tab: row.get(5)?,
            });
        }
    }
    Ok(victims)
}

fn remove(connection: &Connection, victims: &[Victim]) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM events WHERE position = ?1")?;
    let mut unindex = connection.prepare_cached("INSERT INTO unindex (position) VALUES (?1)")?;
    let mut count = connection.prepare_cached(
        "UPDATE counts SET events = events - 1 WHERE session = ?1 AND category = ?2 AND severity = ?3",
    )?;
    let mut tab =
        connection.prepare_cached("UPDATE tabs SET events = events - 1 WHERE session = ?1 AND tab = ?2")?;
    let mut milestone =
        connection.prepare_cached("DELETE FROM milestones WHERE session = ?1 AND seq = ?2")?;
    for victim in victims {
        delete.execute([victim.position])?;
        unindex.execute([victim.position])?;
        count.execute([victim.session, victim.category, victim.severity])?;
        tab.execute([victim.session, victim.tab])?;
        milestone.execute([victim.session, victim.seq as i64])?;
    }
    connection.execute("DELETE FROM tabs WHERE events <= 0", [])?;
    Ok(())
}

/// Returns the gaps for deleted events: neighbours of one session and category become one gap.
fn gaps_of(names: &Names, victims: &[Victim]) -> Vec<(i64, Gap)> {
    let mut gaps: Vec<(i64, i64, Gap)> = Vec::new();
    for victim in victims {
        if let Some((session, category, gap)) = gaps.last_mut()
            && (*session, *category, gap.last_seq + 1) == (victim.session, victim.category, victim.seq)
        {
            gap.last_seq = victim.seq;
            continue;
        }
        let category = names.name(victim.category).unwrap_or_else(|| "system".into());
        let gap = Gap::new(victim.seq..=victim.seq, &category, DELETED);
        gaps.push((victim.session, victim.category, gap));
    }
    gaps.into_iter().map(|(session, _, gap)| (session, gap)).collect()
}
