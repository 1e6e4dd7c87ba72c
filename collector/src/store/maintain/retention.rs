//! Retention: removes the oldest records if they are too old or too many.
//!
//! By age of arrival, not by the events' own clocks, and by bytes in use. The ledger does not change:
//! `acked_seq` stays, the session counts the removed records, and a record sent again is still a duplicate.
//! Retention runs in steps between commits.

use crate::clock::now_micros;
use crate::store::write::writer::WriterState;
use crate::store::{Order, Store, StoreError, as_sql, meta};
use rusqlite::{Connection, TransactionBehavior, params};
use std::time::Duration;

/// Answers to requests with an Idempotency-Key are kept this long.
const IDEMPOTENCY: Duration = Duration::from_secs(24 * 3600);

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Records that arrived longer ago are taken.
    pub max_age: Duration,
    /// With more bytes in use, the oldest are taken.
    pub max_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(7 * 24 * 3600),
            max_bytes: 2 << 30,
        }
    }
}

impl Store {
    /// Applies `retention` once, and returns how many records it removed.
    ///
    /// # Errors
    /// An error of SQLite; records removed before it stay removed.
    pub async fn retain(&self, retention: Retention) -> Result<u64, StoreError> {
        self.fill_reserve().await?;
        match self.inner.writer.run(note_clock).await {
            Err(StoreError::DiskFull) | Ok(()) => {} // what can be removed does not depend on it
            Err(error) => return Err(error),
        }
        let now = now_micros();
        let cutoff = self
            .read(move |connection| {
                Ok(by_age(connection, retention, now)?.max(by_bytes(connection, retention)?))
            })
            .await?;
        let oldest = self.oldest_position().await?;
        let taken = self
            .in_steps(oldest, cutoff, move |state, after, until| {
                step(state, after, until, now)
            })
            .await?;
        if taken > 0 {
            tracing::info!(taken, cutoff, "retention removed the oldest records");
            self.inner.index_wake.notify_one();
        }
        Ok(taken)
    }

    /// Returns the position up to which retention has removed every record.
    pub async fn oldest_position(&self) -> Result<u64, StoreError> {
        self.read(|connection| Ok(pruned_position(connection)?)).await
    }

    /// Returns the cursor after which every record of this order is still stored.
    pub async fn complete_after(&self, order: Order) -> Result<u64, StoreError> {
        let Order::Seq(session) = order else {
            return self.oldest_position().await;
        };
        let read = move |connection: &Connection| {
            let oldest: Option<i64> = connection
                .prepare_cached(
                    "SELECT min(seq) FROM (
                       SELECT min(seq) AS seq FROM events WHERE session = ?1
                       UNION ALL SELECT min(first_seq) FROM gaps WHERE session = ?1
                       UNION ALL SELECT acked_seq + 1 FROM sessions WHERE id = ?1)",
                )?
                .query_row([session], |row| row.get(0))?;
            Ok(oldest.map_or(0, |oldest| (oldest as u64).saturating_sub(1)))
        };
        self.read(read).await
    }
}

/// Records the latest position and the time, also if nothing arrives.
fn note_clock(state: &mut WriterState) -> Result<(), StoreError> {
    let position = state.ingest.latest_position as i64;
    state.connection.execute(
        "INSERT OR IGNORE INTO clock (ts, position) SELECT ?1, ?2
         WHERE ?2 > coalesce((SELECT max(position) FROM clock), 0)",
        [now_micros() as i64, position],
    )?;
    Ok(())
}

/// Everything up to this position was taken.
pub(in crate::store) fn pruned_position(connection: &Connection) -> rusqlite::Result<u64> {
    meta::position(connection, "pruned_position")
}

fn by_age(connection: &Connection, retention: Retention, now: u64) -> rusqlite::Result<u64> {
    let oldest = now.saturating_sub(retention.max_age.as_micros() as u64);
    let position: Option<i64> = connection.query_row(
        "SELECT max(position) FROM clock WHERE ts <= ?1",
        [as_sql(oldest)],
        |row| row.get(0),
    )?;
    Ok(position.unwrap_or(0) as u64)
}

fn by_bytes(connection: &Connection, retention: Retention) -> rusqlite::Result<u64> {
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let pages = pragma("main.page_count")? - pragma("main.freelist_count")? + pragma("idx.page_count")?
        - pragma("idx.freelist_count")?;
    let used = (pages * pragma("main.page_size")?) as u64;
    if used <= retention.max_bytes {
        return Ok(0);
    }
    let pruned = pruned_position(connection)?;
    let latest = meta::position(connection, "latest_position")?;
    // A twentieth more than needed, so that the next commit does not exceed the limit again.
    let excess = (used - retention.max_bytes) + retention.max_bytes / 20;
    let positions = latest.saturating_sub(pruned);
    Ok(pruned + (u128::from(positions) * u128::from(excess.min(used)) / u128::from(used)) as u64)
}

fn step(state: &mut WriterState, after: u64, until: u64, now: u64) -> Result<u64, StoreError> {
    let transaction = state
        .connection
        .transaction_with_behavior(TransactionBehavior::Immediate)?;
    let range = params![after as i64, until as i64];
    transaction.execute(
        "UPDATE counts SET events = counts.events - gone.events
         FROM (SELECT session, category, severity, count(*) AS events FROM events
               WHERE position > ?1 AND position <= ?2 GROUP BY session, category, severity) AS gone
         WHERE counts.session = gone.session AND counts.category = gone.category AND counts.severity = gone.severity",
        range,
    )?;
    transaction.execute(
        "UPDATE sessions SET pruned = pruned + gone.seqs
         FROM (SELECT session, sum(seqs) AS seqs FROM (
                 SELECT session, 1 AS seqs FROM events WHERE position > ?1 AND position <= ?2
                 UNION ALL
                 SELECT session, last_seq - first_seq + 1 FROM gaps WHERE position > ?1 AND position <= ?2
                   AND reason <> 'deleted'
               ) GROUP BY session) AS gone
         WHERE sessions.id = gone.session",
        range,
    )?;
    let taken = transaction.execute("DELETE FROM events WHERE position > ?1 AND position <= ?2", range)?;
    // The gap of a deletion stays: it keeps the deleted records from being stored again.
    transaction.execute(
        "DELETE FROM gaps WHERE position > ?1 AND position <= ?2 AND reason <> 'deleted'",
        range,
    )?;
    transaction.execute("DELETE FROM clock WHERE position <= ?1", [until as i64])?;
    transaction.execute("DELETE FROM unindex WHERE position <= ?1", [until as i64])?;
    let old = now.saturating_sub(IDEMPOTENCY.as_micros() as u64);
    transaction.execute("DELETE FROM idempotency WHERE ts < ?1", [old as i64])?;
    transaction.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('pruned_position', ?1)",
        [until as i64],
    )?;
    transaction.commit()?;
    Ok(taken as u64)
}
