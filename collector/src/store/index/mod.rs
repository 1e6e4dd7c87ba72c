//! The index of blocks: what lets a selective query skip nearly everything.
//!
//! A block is [`BLOCK`] positions. For each complete one the index keeps a row of bounds and bit sets
//! (times, severities, categories, types, tabs, sessions) and, in FTS5, the set of its text's trigrams. A
//! query reads only the blocks that may hold a match and decides there by the core's own matching, so
//! the index can make an answer late but never wrong. Positions that are not indexed yet are read. Groups of blocks
//! have the same row, so that a query for something rare does not even look at each block.
//!
//! It lives in a file of its own and is written behind the store, in its own larger batches: ingest never
//! waits for it, and an index that is damaged or belongs to another store is built again.

mod bounds;
mod indexer;
mod trigrams;

pub(in crate::store) use bounds::{Bounds, candidates};
pub(in crate::store) use indexer::keep;

use crate::store::store_file::{remove, with_suffix};
use crate::store::{BUSY_TIMEOUT, StoreError};
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;

/// Positions of a block: small enough to be read in a blink, large enough to share its trigrams.
const BLOCK: u64 = 256;
/// Blocks of a group: ten million positions are 2,442 groups.
const GROUP: u64 = 16;
/// Raised when the index's own contents change; an older index is built again.
const VERSION: i64 = 2;

const TABLES: &str = "
CREATE TABLE state (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE blocks (
  block INTEGER PRIMARY KEY,
  min_ts INTEGER NOT NULL, max_ts INTEGER NOT NULL,
  severities INTEGER NOT NULL, details INTEGER NOT NULL, kinds INTEGER NOT NULL, statuses INTEGER NOT NULL,
  categories INTEGER NOT NULL, types INTEGER NOT NULL, tabs INTEGER NOT NULL, sessions INTEGER NOT NULL
);
CREATE TABLE block_groups (
  block_group INTEGER PRIMARY KEY,
  min_ts INTEGER NOT NULL, max_ts INTEGER NOT NULL,
  severities INTEGER NOT NULL, details INTEGER NOT NULL, kinds INTEGER NOT NULL, statuses INTEGER NOT NULL,
  categories INTEGER NOT NULL, types INTEGER NOT NULL, tabs INTEGER NOT NULL, sessions INTEGER NOT NULL
);
CREATE VIRTUAL TABLE trigrams USING fts5(text, content='', contentless_delete=1, detail=none, tokenize='ascii');
";

/// Opens the index of `store_id`. Builds it again if it is missing, damaged, older, or of another store or
/// another past of this one. Returns how many positions it covers.
pub(in crate::store) fn open(path: &Path, store_id: &str, latest_position: u64) -> Result<u64, StoreError> {
    match usable(path, store_id, latest_position) {
        Ok(Some(indexed_to)) => return Ok(indexed_to),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "the text index cannot be used; building it again"),
    }
    for suffix in ["", "-wal", "-shm"] {
        remove(&with_suffix(path, suffix)).map_err(StoreError::folder(path))?;
    }
    crate::files::private_file(path).map_err(StoreError::folder(path))?;
    let connection = connect(path)?;
    connection.execute_batch(TABLES)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    connection.execute(
        "INSERT INTO state (key, value) VALUES ('store_id', ?1)",
        [store_id],
    )?;
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
        .query_row("SELECT value FROM state WHERE key = 'store_id'", [], |row| {
            row.get(0)
        })
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
    // A cache of 8 MiB did not make indexing 400,000 events faster.
    connection.pragma_update(None, "cache_size", -2 * 1024)?;
    Ok(connection)
}

fn indexed_to(connection: &Connection, schema: &str) -> rusqlite::Result<u64> {
    let found: Option<i64> = connection
        .prepare_cached(&format!(
            "SELECT value FROM {schema}.state WHERE key = 'indexed_to'"
        ))?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or(0) as u64)
}

/// Returns the bit of a value: its own below 64, else a shared one.
const fn bit(value: i64) -> i64 {
    1i64.wrapping_shl((value & 63) as u32)
}
