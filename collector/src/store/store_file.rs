//! Detects that the store's file was deleted or replaced while it is open.
//!
//! An open database keeps working after its file has lost its name: SQLite commits to a file that disappears
//! when the process ends. The writer therefore compares device and inode of the path with those of the open
//! file after each commit, and gives no receipt if they differ. The write-ahead log is compared too, because a
//! commit is only in there until the next checkpoint.
//!
//! Windows refuses to delete an open database, so nothing is compared there.

use crate::store::StoreError;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the files are compared while nothing is written.
const CHECK_STEP: Duration = Duration::from_secs(1);

/// Device and inode.
type Identity = (u64, u64);

/// The files of an open database, by identity.
#[derive(Debug)]
pub(in crate::store) struct StoreFile {
    database: Named,
    wal: Named,
    /// Cancelled at the first comparison that differs.
    replaced: CancellationToken,
}

/// A path, and the identity that its file had when the store was opened.
#[derive(Debug)]
struct Named {
    path: PathBuf,
    identity: Option<Identity>,
}

impl StoreFile {
    /// Remembers the files of the database at `path`, which is open and in WAL mode.
    pub(in crate::store) fn of(path: &Path) -> Self {
        let wal = with_suffix(path, "-wal");
        Self {
            database: Named::of(path),
            wal: Named::of(&wal),
            replaced: CancellationToken::new(),
        }
    }

    /// Compares the files with those that were opened.
    pub(in crate::store) fn check(&self) -> Result<(), StoreError> {
        let replaced = self.replaced.is_cancelled() || self.database.is_replaced() || self.wal.is_replaced();
        if !replaced {
            return Ok(());
        }
        if !self.replaced.is_cancelled() {
            tracing::error!(file = %self.database.path.display(), "the store's file was deleted or replaced; nothing is acknowledged until it is open again");
            self.replaced.cancel();
        }
        Err(StoreError::Replaced(self.database.path.clone()))
    }

    /// Resolves once the files are others than those that were opened.
    pub(in crate::store) async fn replaced(&self) {
        while self.check().is_ok() {
            tokio::select! {
                () = self.replaced.cancelled() => {}
                () = tokio::time::sleep(CHECK_STEP) => {}
            }
        }
    }

    /// Whether the database itself is another file, or none.
    pub(in crate::store) fn is_another(&self) -> bool {
        self.database.is_replaced()
    }

    /// Removes the write-ahead log of a database that was deleted or replaced: SQLite would apply it to the
    /// next file of that name. The database must be closed.
    pub(in crate::store) fn remove_leftovers(&self) -> std::io::Result<()> {
        if !self.is_another() || self.wal.is_replaced() {
            return Ok(());
        }
        for path in [self.wal.path.clone(), with_suffix(&self.database.path, "-shm")] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Named {
    fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            identity: identity(path).ok().flatten(),
        }
    }

    /// An error of the system other than "not found" says nothing about the file.
    fn is_replaced(&self) -> bool {
        self.identity.is_some() && identity(&self.path).is_ok_and(|now| now != self.identity)
    }
}

/// The file's name with SQLite's suffix.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The identity of the file at `path`; `None` if there is no file.
#[cfg(unix)]
fn identity(path: &Path) -> std::io::Result<Option<Identity>> {
    use std::os::unix::fs::MetadataExt as _;
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some((metadata.dev(), metadata.ino()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn identity(_path: &Path) -> std::io::Result<Option<Identity>> {
    Ok(None)
}
