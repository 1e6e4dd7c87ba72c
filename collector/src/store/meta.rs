//! Counters and texts that others keep in the store, by name.

use super::write::writer::WriterState;
use super::{Store, StoreError};
use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension as _, ToSql};

impl Store {
    /// Returns the value that is kept under `name`.
    pub(crate) async fn get_meta<T: FromSql + Send + 'static>(
        &self,
        name: &str,
    ) -> Result<Option<T>, StoreError> {
        let name = name.to_owned();
        self.read(move |connection| Ok(read(connection, &name)?)).await
    }

    /// Keeps a value under `name`; resolves once it is on disk.
    pub(crate) async fn set_meta(
        &self,
        name: &str,
        value: impl ToSql + Send + 'static,
    ) -> Result<(), StoreError> {
        let name = name.to_owned();
        let write = move |state: &mut WriterState| {
            let row = rusqlite::params![name, value];
            state
                .connection
                .execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", row)?;
            Ok(())
        };
        self.inner.writer.run(write).await
    }
}

/// Returns the value that is kept under `name`.
pub(super) fn read<T: FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<Option<T>> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// Returns the position that is kept under `name`; 0 without one.
pub(super) fn position(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    Ok(read::<i64>(connection, name)?.unwrap_or(0) as u64)
}
