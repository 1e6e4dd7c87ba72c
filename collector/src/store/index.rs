//! The index of blocks: what lets a selective query skip nearly everything.
//!
//! A block is [`BLOCK`] positions. For each complete one the index keeps a row of bounds and bit sets
//! (times, severities, categories, types, tabs, sessions) and, in FTS5, the set of its text's trigrams. A
//! query reads only the blocks that may hold a match and decides there by the core's own matching, so
//! the index can make an answer late but never wrong. What is not indexed yet is simply read.
//!
//! It lives in a file of its own and is written behind the store, in its own larger batches: ingest never
//! waits for it, and when it is damaged or belongs to another store it is made anew.

use super::StoreError;
use super::packed::Unpacker;
use super::query::Bounds;
use super::readers::Readers;
use super::trigrams::TrigramSet;
use super::writer::BUSY_TIMEOUT;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tabtape::record::{Line, Record, parse_line};
use tokio::sync::{Notify, watch};
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Positions of a block: small enough to be read in a blink, large enough to share its trigrams.
pub(super) const BLOCK: u64 = 256;
/// Blocks indexed in one transaction.
const BLOCKS_A_BATCH: u64 = 64;
/// Under a steady stream, the index is at most about this far behind.
const PAUSE: Duration = Duration::from_millis(200);
/// Raised when the index's own contents change; an older index is made anew.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE state (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE blocks (
  block INTEGER PRIMARY KEY,
  min_ts INTEGER NOT NULL, max_ts INTEGER NOT NULL,
  severities INTEGER NOT NULL, details INTEGER NOT NULL, kinds INTEGER NOT NULL, statuses INTEGER NOT NULL,
  categories INTEGER NOT NULL, types INTEGER NOT NULL, tabs INTEGER NOT NULL, sessions INTEGER NOT NULL
);
CREATE VIRTUAL TABLE trigrams USING fts5(text, content='', contentless_delete=1, detail=none, tokenize='ascii');
";

/// Opens the index of `store_id`, making it anew when it is missing, damaged, older, or of another store or
/// another past of this one. Gives how many positions it covers.
pub(super) fn open(path: &Path, store_id: &str, latest_position: u64) -> Result<u64, StoreError> {
    match usable(path, store_id, latest_position) {
        Ok(Some(indexed_to)) => return Ok(indexed_to),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "the text index cannot be used; making it anew"),
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::Folder { path: path.to_owned(), source: error });
            }
            _ => {}
        }
    }
    crate::files::private_file(path)
        .map_err(|source| StoreError::Folder { path: path.to_owned(), source })?;
    let connection = connect(path)?;
    connection.execute_batch(TABLES)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    connection.execute("INSERT INTO state (key, value) VALUES ('store_id', ?1)", [store_id])?;
    Ok(0)
}

fn usable(path: &Path, store_id: &str, latest_position: u64) -> Result<Option<u64>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    let connection = connect(path)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version != VERSION {
        return Ok(None);
    }
    let of: Option<String> = connection
        .query_row("SELECT value FROM state WHERE key = 'store_id'", [], |row| row.get(0))
        .optional()?;
    let indexed_to = indexed_to(&connection, "main")?;
    Ok((of.as_deref() == Some(store_id) && indexed_to <= latest_position).then_some(indexed_to))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Not synced at each commit: after a power failure it is whole, only older, and catches up.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -16 * 1024)?;
    Ok(connection)
}

fn indexed_to(connection: &Connection, schema: &str) -> rusqlite::Result<u64> {
    let found: Option<i64> = connection
        .prepare_cached(&format!("SELECT value FROM {schema}.state WHERE key = 'indexed_to'"))?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or(0) as u64)
}

/// Keeps the index up to date until the store is closed.
pub(super) async fn keep(
    path: std::path::PathBuf,
    readers: Arc<Readers>,
    mut commits: watch::Receiver<u64>,
    wake: Arc<Notify>,
    indexed: Arc<AtomicU64>,
) {
    let indexer = tokio::task::spawn_blocking(move || Indexer::open(&path, &readers)).await;
    let Ok(Ok(mut indexer)) = indexer else {
        tracing::error!("the text index cannot be written; searches read everything");
        return;
    };
    loop {
        let step = tokio::task::spawn_blocking(move || {
            let caught_up = indexer.step();
            (indexer, caught_up)
        });
        let Ok((back, result)) = step.await else { return };
        indexer = back;
        match result {
            Ok(progress) => {
                indexed.store(progress.indexed_to, Relaxed);
                if !progress.caught_up {
                    continue;
                }
            }
            Err(error) => tracing::warn!(%error, "the text index is behind"),
        }
        tokio::time::sleep(PAUSE).await;
        tokio::select! {
            changed = commits.changed() => if changed.is_err() { return },
            () = wake.notified() => {}
        }
    }
}

#[derive(Debug)]
struct Indexer {
    /// Writes the index; the store is attached as `store`, and only read.
    connection: Connection,
    set: TrigramSet,
    _in_use: TaskTrackerToken,
}

struct Progress {
    indexed_to: u64,
    caught_up: bool,
}

impl Indexer {
    fn open(path: &Path, readers: &Readers) -> Result<Self, StoreError> {
        let connection = connect(path)?;
        connection.execute("ATTACH DATABASE ?1 AS store", [readers.events_path().to_string_lossy()])?;
        Ok(Self { connection, set: TrigramSet::new(), _in_use: readers.in_use() })
    }

    /// Indexes some blocks and forgets what was deleted.
    fn step(&mut self) -> Result<Progress, StoreError> {
        let (set, connection) = (&mut self.set, &mut self.connection);
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
        let to = complete.min(from + BLOCKS_A_BATCH * BLOCK);
        for block in from / BLOCK..to / BLOCK {
            index_block(&transaction, set, block)?;
        }
        forget(&transaction, set, from)?;
        if to > from {
            transaction.execute(
                "INSERT OR REPLACE INTO main.state (key, value) VALUES ('indexed_to', ?1)",
                [to as i64],
            )?;
        }
        transaction.commit()?;
        Ok(Progress { indexed_to: to.max(from), caught_up: to >= complete })
    }
}

/// Writes the row and the document of a block, in place of what was there.
fn index_block(transaction: &Transaction<'_>, set: &mut TrigramSet, block: u64) -> Result<(), StoreError> {
    set.clear();
    let mut row = BlockRow::default();
    let (first, last) = (block * BLOCK + 1, (block + 1) * BLOCK);
    let mut statement = transaction.prepare_cached(
        "SELECT ts, severity, detail_level, source_kind, status, category, type, tab, session, line
         FROM store.events WHERE position BETWEEN ?1 AND ?2",
    )?;
    let mut rows = statement.query([first as i64, last as i64])?;
    let mut unpacker = Unpacker::new()?;
    while let Some(event) = rows.next()? {
        row.add(event)?;
        // A broken one is left out; whoever reads it is told.
        let line = unpacker.line(event.get_ref(9)?.as_blob().unwrap_or_default()).unwrap_or_default();
        if let Ok(Line::Event { header, .. }) = parse_line(line) {
            set.add_record(&Record { header: &header, line });
        }
    }
    let id = block as i64 + 1;
    transaction.prepare_cached("DELETE FROM main.trigrams WHERE rowid = ?1")?.execute([id])?;
    if row.events == 0 {
        transaction.prepare_cached("DELETE FROM main.blocks WHERE block = ?1")?.execute([id])?;
        return Ok(());
    }
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO main.blocks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            id,
            row.min_ts,
            row.max_ts,
            row.severities,
            row.details,
            row.kinds,
            row.statuses,
            row.categories,
            row.types,
            row.tabs,
            row.sessions
        ])?;
    transaction
        .prepare_cached("INSERT INTO main.trigrams (rowid, text) VALUES (?1, ?2)")?
        .execute(params![id, set.document()])?;
    Ok(())
}

/// Indexes anew the blocks that something was deleted from, and drops those that retention took.
fn forget(transaction: &Transaction<'_>, set: &mut TrigramSet, indexed_to: u64) -> Result<(), StoreError> {
    let done: i64 = transaction
        .prepare_cached("SELECT coalesce((SELECT value FROM main.state WHERE key = 'forgotten'), 0)")?
        .query_row([], |row| row.get(0))?;
    let deleted: Vec<(i64, i64)> = transaction
        .prepare_cached("SELECT id, position FROM store.unindex WHERE id > ?1 ORDER BY id LIMIT 16384")?
        .query_map([done], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut blocks: Vec<u64> = deleted.iter().map(|(_, position)| (*position as u64 - 1) / BLOCK).collect();
    blocks.sort_unstable();
    blocks.dedup();
    for block in blocks.into_iter().filter(|block| block * BLOCK < indexed_to) {
        index_block(transaction, set, block)?;
    }
    if let Some((id, _)) = deleted.last() {
        transaction
            .execute("INSERT OR REPLACE INTO main.state (key, value) VALUES ('forgotten', ?1)", [id])?;
        // Deleted words stay in FTS5's segments until they are merged; a person who deletes means now.
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
        transaction.prepare_cached("DELETE FROM main.trigrams WHERE rowid = ?1")?.execute([block])?;
        transaction.prepare_cached("DELETE FROM main.blocks WHERE block = ?1")?.execute([block])?;
    }
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

/// The bit that stands for a value: its own below 64, else one it shares.
pub(super) const fn bit(value: i64) -> i64 {
    1i64.wrapping_shl((value & 63) as u32)
}

impl BlockRow {
    fn add(&mut self, event: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
        let ts: i64 = event.get(0)?;
        (self.min_ts, self.max_ts) =
            if self.events == 0 { (ts, ts) } else { (self.min_ts.min(ts), self.max_ts.max(ts)) };
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

/// The ranges of positions in `(from, to]` that may hold a match, ascending; `None` when the index
/// cannot narrow it down. What is not indexed yet is one range at the end.
pub(super) fn candidates(
    connection: &Connection,
    bounds: &Bounds,
    from: u64,
    to: u64,
) -> rusqlite::Result<Option<Vec<(u64, u64)>>> {
    let indexed = indexed_to(connection, "idx")?;
    if bounds.is_empty() || from >= indexed {
        return Ok(None);
    }
    let (first, last) = ((from / BLOCK) as i64 + 1, (to.min(indexed).div_ceil(BLOCK)) as i64);
    let mut sql = format!("SELECT block FROM idx.blocks WHERE block BETWEEN ?1 AND ?2{}", bounds.sql());
    if let Some(text) = bounds.text() {
        // Tokens are made of our own letters: nothing to quote.
        sql += &format!(
            " AND block IN (SELECT rowid FROM idx.trigrams WHERE trigrams MATCH '{text}' AND rowid BETWEEN ?1 AND ?2)"
        );
    }
    sql += " ORDER BY block";
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([first, last])?;
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    while let Some(row) = rows.next()? {
        let block = row.get::<_, i64>(0)? as u64 - 1;
        let (low, high) = ((block * BLOCK).max(from), ((block + 1) * BLOCK).min(to));
        match ranges.last_mut() {
            Some((_, end)) if *end == low => *end = high,
            _ => ranges.push((low, high)),
        }
    }
    if to > indexed {
        ranges.push((indexed.max(from), to));
    }
    Ok(Some(ranges))
}
