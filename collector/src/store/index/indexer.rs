//! Writes the index behind the store.

use super::trigrams::TrigramSet;
use super::{BLOCK, GROUP, bit, connect, indexed_to};
use crate::store::StoreError;
use crate::store::format::packed::Unpacker;
use crate::store::store_file::StoreFile;
use rusqlite::{Connection, Transaction, params};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tabtape::record::{Line, Record, parse_line};
use tokio::sync::{Notify, watch};
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Blocks indexed in one transaction.
const BLOCKS_PER_TRANSACTION: u64 = 64;
/// Under a steady stream, the index is at most about this far behind.
const PAUSE: Duration = Duration::from_millis(200);

/// Keeps the index up to date until the store is closed; returns why it stopped.
pub(in crate::store) async fn keep(
    path: PathBuf,
    store: PathBuf,
    (file, in_use): (Arc<StoreFile>, TaskTrackerToken),
    check_for_damage: impl Fn(),
    mut commits: watch::Receiver<u64>,
    (wake, indexed): (Arc<Notify>, Arc<AtomicU64>),
) -> String {
    let opened = tokio::task::spawn_blocking(move || Indexer::open(&path, &store, file, in_use)).await;
    let mut indexer = match opened {
        Ok(Ok(indexer)) => indexer,
        Ok(Err(error)) => return format!("the text index cannot be written: {error}"),
        Err(error) => return format!("opening the text index failed: {error}"),
    };
    loop {
        let step = tokio::task::spawn_blocking(move || {
            let progress = indexer.step();
            (indexer, progress)
        });
        let result;
        (indexer, result) = match step.await {
            Ok(stepped) => stepped,
            Err(error) => return format!("indexing failed: {error}"),
        };
        match result {
            Ok(progress) => {
                indexed.store(progress.indexed_to, Relaxed);
                if !progress.caught_up {
                    continue;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the text index is behind");
                if let StoreError::Corrupt(_) = error {
                    check_for_damage();
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
        tokio::select! {
            changed = commits.changed() => if changed.is_err() { return "the store is closed".to_owned() },
            () = wake.notified() => {}
        }
    }
}

#[derive(Debug)]
struct Indexer {
    /// Writes the index; the store is attached as `store`, and only read.
    connection: Connection,
    set: TrigramSet,
    file: Arc<StoreFile>,
    _in_use: TaskTrackerToken,
}

struct Progress {
    indexed_to: u64,
    caught_up: bool,
}

impl Indexer {
    fn open(
        path: &Path,
        store: &Path,
        file: Arc<StoreFile>,
        in_use: TaskTrackerToken,
    ) -> Result<Self, StoreError> {
        let connection = connect(path)?;
        connection.execute("ATTACH DATABASE ?1 AS store", [store.to_string_lossy()])?;
        Ok(Self {
            connection,
            set: TrigramSet::new(),
            file,
            _in_use: in_use,
        })
    }

    /// Indexes some blocks and forgets what was deleted.
    fn step(&mut self) -> Result<Progress, StoreError> {
        let set = &mut self.set;
        let connection = &mut self.connection;
        // The store's snapshot is taken before the index's write lock, in a transaction over both files that
        // writes only one.
        let transaction = connection.transaction()?;
        let from = indexed_to(&transaction, "main")?;
        let latest: i64 = transaction
            .prepare_cached(
                "SELECT coalesce((SELECT value FROM store.meta WHERE key = 'latest_position'), 0)",
            )?
            .query_row([], |row| row.get(0))?;
        let complete = latest as u64 / BLOCK * BLOCK;
        let to = complete.min(from + BLOCKS_PER_TRANSACTION * BLOCK);
        index_blocks(&transaction, set, from / BLOCK..to / BLOCK)?;
        forget(&transaction, set, from)?;
        if to > from {
            transaction.execute(
                "INSERT OR REPLACE INTO main.state (key, value) VALUES ('indexed_to', ?1)",
                [to as i64],
            )?;
        }
        transaction.commit()?;
        Ok(Progress {
            indexed_to: to.max(from),
            caught_up: to >= complete,
        })
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.file.before_close(&self.connection);
    }
}

/// Indexes blocks, in ascending order, and sums up their groups.
fn index_blocks(
    transaction: &Transaction<'_>,
    set: &mut TrigramSet,
    blocks: impl Iterator<Item = u64>,
) -> Result<(), StoreError> {
    let mut groups = Vec::new();
    for block in blocks {
        index_block(transaction, set, block)?;
        groups.push((block / GROUP) as i64);
    }
    groups.dedup();
    for group in groups {
        transaction
            .prepare_cached("DELETE FROM main.block_groups WHERE block_group = ?1")?
            .execute([group])?;
        transaction
            .prepare_cached(
                "INSERT INTO main.block_groups
                 SELECT ?1, min_ts, max_ts, severities, details, kinds, statuses, categories, types, tabs, sessions
                 FROM main.blocks WHERE block BETWEEN ?2 AND ?3
                 ON CONFLICT DO UPDATE SET
                   min_ts = min(min_ts, excluded.min_ts), max_ts = max(max_ts, excluded.max_ts),
                   severities = severities | excluded.severities, details = details | excluded.details,
                   kinds = kinds | excluded.kinds, statuses = statuses | excluded.statuses,
                   categories = categories | excluded.categories, types = types | excluded.types,
                   tabs = tabs | excluded.tabs, sessions = sessions | excluded.sessions",
            )?
            .execute([group, group * GROUP as i64 + 1, (group + 1) * GROUP as i64])?;
    }
    Ok(())
}

/// Writes the row and the document of a block, in place of the earlier ones.
fn index_block(transaction: &Transaction<'_>, set: &mut TrigramSet, block: u64) -> Result<(), StoreError> {
    set.clear();
    let mut row = BlockRow::default();
    let first = block * BLOCK + 1;
    let last = (block + 1) * BLOCK;
    let mut statement = transaction.prepare_cached(
        "SELECT ts, severity, detail_level, source_kind, status, category, type, tab, session, line
         FROM store.events WHERE position BETWEEN ?1 AND ?2",
    )?;
    let mut rows = statement.query([first as i64, last as i64])?;
    let mut unpacker = Unpacker::new()?;
    while let Some(event) = rows.next()? {
        row.add(event)?;
        // A damaged line is left out; its readers receive a gap.
        let line = unpacker
            .line(event.get_ref(9)?.as_blob().unwrap_or_default())
            .unwrap_or_default();
        if let Ok(Line::Event { header, .. }) = parse_line(line) {
            set.add_record(&Record {
                header: &header,
                line,
            });
        }
    }
    let id = block as i64 + 1;
    transaction
        .prepare_cached("DELETE FROM main.trigrams WHERE rowid = ?1")?
        .execute([id])?;
    if row.events == 0 {
        transaction
            .prepare_cached("DELETE FROM main.blocks WHERE block = ?1")?
            .execute([id])?;
        return Ok(());
    }
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO main.blocks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            id, row.min_ts, row.max_ts, row.severities, row.details, row.kinds, row.statuses, row.categories,
            row.types, row.tabs, row.sessions
        ])?;
    transaction
        .prepare_cached("INSERT INTO main.trigrams (rowid, text) VALUES (?1, ?2)")?
        .execute(params![id, set.document()])?;
    Ok(())
}

/// Indexes again the blocks that a deletion changed, and removes those that retention removed.
fn forget(transaction: &Transaction<'_>, set: &mut TrigramSet, indexed_to: u64) -> Result<(), StoreError> {
    let done: i64 = transaction
        .prepare_cached("SELECT coalesce((SELECT value FROM main.state WHERE key = 'forgotten'), 0)")?
        .query_row([], |row| row.get(0))?;
    let deleted: Vec<(i64, i64)> = transaction
        .prepare_cached("SELECT id, position FROM store.unindex WHERE id > ?1 ORDER BY id LIMIT 16384")?
        .query_map([done], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut blocks: Vec<u64> = deleted
        .iter()
        .map(|(_, position)| (*position as u64 - 1) / BLOCK)
        .collect();
    blocks.sort_unstable();
    blocks.dedup();
    index_blocks(
        transaction,
        set,
        blocks.into_iter().filter(|block| block * BLOCK < indexed_to),
    )?;
    if let Some((id, _)) = deleted.last() {
        transaction.execute(
            "INSERT OR REPLACE INTO main.state (key, value) VALUES ('forgotten', ?1)",
            [id],
        )?;
        // Deleted words stay in FTS5's segments until these are merged; a deletion must remove them now.
        transaction.execute("INSERT INTO main.trigrams (trigrams) VALUES ('optimize')", [])?;
    }
    let pruned: i64 = transaction
        .prepare_cached("SELECT coalesce((SELECT value FROM store.meta WHERE key = 'pruned_position'), 0)")?
        .query_row([], |row| row.get(0))?;
    let gone = pruned / BLOCK as i64;
    let stale: Vec<i64> = transaction
        .prepare_cached("SELECT block FROM main.blocks WHERE block <= ?1")?
        .query_map([gone], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for block in stale {
        transaction
            .prepare_cached("DELETE FROM main.trigrams WHERE rowid = ?1")?
            .execute([block])?;
        transaction
            .prepare_cached("DELETE FROM main.blocks WHERE block = ?1")?
            .execute([block])?;
    }
    transaction
        .prepare_cached("DELETE FROM main.block_groups WHERE block_group < ?1")?
        .execute([gone / GROUP as i64])?;
    Ok(())
}

#[derive(Debug, Default)]
struct BlockRow {
    events: u64,
    min_ts: i64,
    max_ts: i64,
    severities: i64,
    details: i64,
    kinds: i64,
    statuses: i64,
    categories: i64,
    types: i64,
    tabs: i64,
    sessions: i64,
}

impl BlockRow {
    fn add(&mut self, event: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
        let ts: i64 = event.get(0)?;
        (self.min_ts, self.max_ts) = if self.events == 0 {
            (ts, ts)
        } else {
            (self.min_ts.min(ts), self.max_ts.max(ts))
        };
        self.events += 1;
        self.severities |= bit(event.get(1)?);
        self.details |= bit(event.get(2)?);
        self.kinds |= bit(event.get(3)?);
        self.statuses |= bit(event.get::<_, i64>(4)? / 100);
        self.categories |= bit(event.get(5)?);
        self.types |= bit(event.get(6)?);
        self.tabs |= bit(event.get(7)?);
        self.sessions |= bit(event.get(8)?);
        Ok(())
    }
}
