//! Errors of the store, each with its remedy.

use std::path::{Path, PathBuf};

/// Why the store cannot do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another collector has the folder.
    #[error("the data folder {0} is in use by another collector; stop it or give --data-dir another folder")]
    InUse(PathBuf),
    /// The folder cannot be used.
    #[error(
        "the data folder {path} cannot be used: {source}; make it a folder this user may write, or give --data-dir another"
    )]
    Folder {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file was written by a newer program.
    #[error("the store has schema {found}, this tabtape supports up to {known}; use a newer tabtape")]
    NewerSchema {
        /// In the file.
        found: i64,
        /// The newest schema that this program supports.
        known: i64,
    },
    /// The file is damaged.
    #[error(
        "the store is damaged: {0}; move events.db (and events.db-wal) away and start again: recorders send what they still hold, `tabtape recover` brings back what is whole in it"
    )]
    Corrupt(String),
    /// The file was deleted, replaced or overwritten while it was open.
    #[error(
        "{0} was deleted, replaced or overwritten while the collector has it open; it is opened again by itself, send again in a second"
    )]
    Replaced(PathBuf),
    /// The disk or the quota is full.
    #[error("the store's disk is full; make room or lower --retention-bytes")]
    DiskFull,
    /// Too many batches wait.
    #[error("the store has too many batches waiting; send again in a second")]
    Busy,
    /// The store is closing.
    #[error("the store is closed")]
    Closed,
    /// The writer thread could not start.
    #[error("the store's thread could not start: {0}")]
    Thread(std::io::Error),
    /// A cursor is beyond the latest record.
    #[error("the cursor {cursor} is beyond the latest, {latest}")]
    CursorAhead {
        /// The cursor of the request.
        cursor: u64,
        /// The newest seq or position.
        latest: u64,
    },
    /// Another error of SQLite.
    #[error("the store failed: {0}")]
    Sqlite(rusqlite::Error),
}

impl StoreError {
    /// Returns a function that makes an error of the system about the file `path` one of the store.
    pub(crate) fn folder(path: &Path) -> impl Fn(std::io::Error) -> Self + Copy {
        |source| Self::Folder {
            path: path.to_owned(),
            source,
        }
    }

    /// Sorts an error of SQLite.
    pub(crate) fn from_sqlite(error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match error.sqlite_error_code() {
            Some(Code::DiskFull) => Self::DiskFull,
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Corrupt(error.to_string()),
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Busy,
            _ => match error {
                rusqlite::Error::SqliteFailure(code, message) => {
                    Self::Sqlite(rusqlite::Error::SqliteFailure(*code, message.clone()))
                }
                other => Self::Sqlite(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR),
                    Some(other.to_string()),
                )),
            },
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::from_sqlite(&error)
    }
}
