//! The text index, in a file of its own.

use super::StoreError;
use rusqlite::Connection;
use std::path::Path;

/// Opens the index, making it if it is missing.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    crate::files::private_file(path)
        .map_err(|source| StoreError::Folder { path: path.to_owned(), source })?;
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    Ok(connection)
}
