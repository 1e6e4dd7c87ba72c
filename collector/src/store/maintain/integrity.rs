//! Checks of the store's file.
//!
//! At start, its length is compared with the length in its header, and a small file is checked page by page. A
//! large file is checked a minute later, while the collector works, and each file after an error that says it is
//! damaged. Damage is reported by `/healthz`.

use crate::store::StoreError;
use crate::store::format::schema::VERSION;
use crate::store::read::readers::Readers;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A file of up to this size is checked within about 0.2 s.
const AT_ONCE_BYTES: u64 = 32 << 20;
/// A check reads the whole file, and other reads share the disk with it. They are likely right after a start.
const AFTER_START: Duration = Duration::from_secs(60);

/// Checks at start; returns whether the pages are still to be checked.
pub(in crate::store) fn at_start(connection: &Connection, path: &Path) -> Result<bool, StoreError> {
    // Moves the write-ahead log into the file, so that the file's length can be checked.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let expected = (pragma("page_count")? * pragma("page_size")?) as u64;
    let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if length < expected {
        return Err(StoreError::Corrupt(format!(
            "its header expects {expected} bytes, the file has {length}"
        )));
    }
    if length > AT_ONCE_BYTES {
        return Ok(true);
    }
    match check(connection)? {
        None => Ok(false),
        Some(damage) => Err(StoreError::Corrupt(damage)),
    }
}

/// Checks while the store is in use: a minute after the start if it `is_due` then, and once an error demands it. Damage
/// that is found is reported.
pub(in crate::store) async fn later(readers: Arc<Readers>, is_due: bool) {
    let demand = readers.must_be_checked();
    if is_due {
        // Sooner if an error demands it.
        let _ = tokio::time::timeout(AFTER_START, demand).await;
    } else {
        demand.await;
    }
    match readers.with(|connection| Ok(check(connection)?)).await {
        Ok(None) => tracing::debug!("the store is whole"),
        Ok(Some(found)) | Err(StoreError::Corrupt(found)) => readers.report_damage(found),
        Err(StoreError::Closed) => {}
        Err(error) => tracing::warn!(%error, "the store could not be checked"),
    }
}

/// Returns the damage of a store's file that no process has open.
pub(in crate::store) fn damage_of(path: &Path) -> Result<Option<String>, StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let checked = match pragma("user_version") {
        Ok(found) if found > VERSION => {
            return Err(StoreError::NewerSchema {
                found,
                known: VERSION,
            });
        }
        Ok(_) if length > 0 => check(&connection),
        other => other.map(|_| None),
    };
    checked.or_else(|error| match StoreError::from(error) {
        StoreError::Corrupt(damage) => Ok(Some(damage)),
        other => Err(other),
    })
}

fn check(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = connection.query_row("PRAGMA main.quick_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}
