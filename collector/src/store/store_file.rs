//! Detects that the store's file was deleted, replaced or overwritten while it is open.
//!
//! An open database keeps working after its file has lost its name: SQLite commits to a file that disappears
//! when the process ends. The writer therefore compares device and inode of the path with those of the open
//! file after each commit, and gives no receipt if they differ. The write-ahead log is compared too, because a
//! commit is only in there until the next checkpoint. [`FileContent`] detects a file that was overwritten in
//! place.
//!
//! Windows refuses to delete an open database, so nothing is compared there.

use crate::store::StoreError;
use crate::store::file_content::FileContent;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;

/// How often the files are compared while nothing is written.
const CHECK_STEP: Duration = Duration::from_secs(1);
/// A file that was not written for this long is no longer being copied.
const SETTLED: Duration = Duration::from_secs(1);
const SETTLED_STEP: Duration = Duration::from_millis(100);

/// Device and inode.
type Identity = (u64, u64);

/// The files of an open database, by identity and content.
#[derive(Debug)]
pub(in crate::store) struct StoreFile {
    database: Named,
    wal: Named,
    content: FileContent,
    /// How the content was found to differ.
    overwritten: OnceLock<String>,
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
    /// Remembers the files of the database at `path`, which is open and in WAL mode; `life` is the number
    /// that the open has written.
    pub(in crate::store) fn of(path: &Path, life: i32) -> std::io::Result<Self> {
        let wal = with_suffix(path, "-wal");
        Ok(Self {
            content: FileContent::of(path, &wal, &with_suffix(path, "-shm"), life)?,
            database: Named::of(path),
            wal: Named::of(&wal),
            overwritten: OnceLock::new(),
            replaced: CancellationToken::new(),
        })
    }

    /// Compares the files with those that were opened.
    pub(in crate::store) fn check(&self) -> Result<(), StoreError> {
        if !self.replaced.is_cancelled() {
            let how = if self.is_overwritten() {
                self.overwritten.get().map_or("overwritten", String::as_str)
            } else if self.database.is_replaced() || self.wal.is_replaced() {
                "another file has its name, or none"
            } else {
                return Ok(());
            };
            tracing::error!(file = %self.database.path.display(), how, "the store's file was deleted, replaced or overwritten; nothing is acknowledged until it is open again");
            self.replaced.cancel();
        }
        Err(self.error())
    }

    /// Compares only the content, for a reader: a file that was deleted can still be read, one that was overwritten
    /// cannot.
    pub(in crate::store) fn check_content(&self) -> Result<(), StoreError> {
        if self.is_overwritten() {
            return self.check();
        }
        Ok(())
    }

    fn error(&self) -> StoreError {
        StoreError::Replaced(self.database.path.clone())
    }

    fn is_overwritten(&self) -> bool {
        if self.overwritten.get().is_none()
            && let Err(how) = self.content.check()
        {
            let _ = self.overwritten.set(how);
        }
        self.overwritten.get().is_some()
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

    /// Prepares `connection` for its end: it must not write the write-ahead log of this store into a file that
    /// was overwritten. Returns whether it was.
    pub(in crate::store) fn before_close(&self, connection: &Connection) -> bool {
        let overwritten = self.is_overwritten();
        if overwritten
            && let Err(error) = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        {
            tracing::error!(%error, "the write-ahead log may be written into the file that was put in place");
        }
        overwritten
    }

    /// Whether the database itself is another file, or none, or was overwritten.
    pub(in crate::store) fn is_another(&self) -> bool {
        self.overwritten.get().is_some() || self.database.is_replaced()
    }

    /// Waits until no program writes the files any more.
    pub(in crate::store) fn wait_until_settled(&self) {
        let state = || [&self.database, &self.wal].map(Named::last_write);
        let (mut before, mut quiet) = (state(), Duration::ZERO);
        while before[0].is_some() && quiet < SETTLED {
            std::thread::sleep(SETTLED_STEP);
            let now = state();
            quiet = if now == before {
                quiet + SETTLED_STEP
            } else {
                Duration::ZERO
            };
            before = now;
        }
    }

    /// Removes the write-ahead log of a database that was deleted, replaced or overwritten: SQLite would apply it
    /// to the next file of that name. One that was put in place together with the file stays. The database must be
    /// closed.
    pub(in crate::store) fn remove_leftovers(&self) -> std::io::Result<()> {
        let has_own_wal = self.content.close();
        if !self.is_another() || self.wal.is_replaced() {
            return Ok(());
        }
        // The wal-index can be built again; this store's one belongs to no other log.
        remove(&with_suffix(&self.database.path, "-shm"))?;
        if has_own_wal || self.overwritten.get().is_none() {
            remove(&self.wal.path)?;
        }
        Ok(())
    }

    /// Moves a damaged database out of the way, with its write-ahead log; returns its new path.
    pub(in crate::store) fn set_aside(&self) -> std::io::Result<PathBuf> {
        let when = chrono::Local::now().format("%Y%m%d-%H%M%S%.3f");
        let aside = with_suffix(&self.database.path, &format!(".damaged-{when}"));
        if self.wal.path.exists() {
            std::fs::rename(&self.wal.path, with_suffix(&aside, "-wal"))?;
        }
        std::fs::rename(&self.database.path, &aside)?;
        remove(&with_suffix(&self.database.path, "-shm"))?;
        Ok(aside)
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

    /// Time of the last write and length; `None` if there is no file.
    fn last_write(&self) -> Option<(SystemTime, u64)> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }
}

/// Removes the file at `path`, if there is one.
pub(in crate::store) fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The file's name with SQLite's suffix.
pub(in crate::store) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
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
