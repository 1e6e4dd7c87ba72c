//! Reading connections: a few, kept open, used off the async threads.
//!
//! WAL lets them read while the writer writes; each sees the snapshot of its own transaction. The text
//! index is attached as `idx`.

use crate::store::store_file::StoreFile;
use crate::store::{BUSY_TIMEOUT, StoreError};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::{Notify, Semaphore};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Enough to keep two cores busy; more only fight over the page cache.
const MAX_READERS: usize = 8;
const CACHE_KIB: i64 = 16 * 1024;

#[derive(Debug)]
pub(in crate::store) struct Readers {
    events: PathBuf,
    index: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
    file: Arc<StoreFile>,
    /// The damage that a check has found.
    damage: Arc<OnceLock<String>>,
    /// Wakes the check of the file.
    check: Notify,
    /// Counts the connections in use, also those of readers that have gone.
    in_use: TaskTracker,
}

impl Readers {
    pub(in crate::store) fn new(
        events: PathBuf,
        index: PathBuf,
        file: Arc<StoreFile>,
        damage: Arc<OnceLock<String>>,
    ) -> Self {
        Self {
            events,
            index,
            idle: Mutex::new(Vec::new()),
            permits: Semaphore::new(MAX_READERS),
            file,
            damage,
            check: Notify::new(),
            in_use: TaskTracker::new(),
        }
    }

    /// Marks a connection to the store as open until the token is dropped.
    pub(in crate::store) fn in_use(&self) -> TaskTrackerToken {
        self.in_use.token()
    }

    /// Keeps damage that was found for `/healthz`.
    pub(in crate::store) fn report_damage(&self, found: String) {
        tracing::error!(%found, "the store is damaged; move events.db (and events.db-wal) away, start again, and bring back what is whole with `tabtape recover`");
        let _ = self.damage.set(found);
    }

    /// Follows an error that says that a file is damaged: a file that was overwritten is opened again, another one is
    /// checked page by page.
    pub(in crate::store) fn check_for_damage(&self) {
        if self.file.check().is_ok() {
            self.check.notify_one();
        }
    }

    /// Resolves when the file must be checked, or the readers are closed.
    pub(in crate::store) async fn must_be_checked(&self) {
        self.check.notified().await;
    }

    fn open(&self) -> Result<Connection, StoreError> {
        // A file that has taken the store's name would be read together with the store's write-ahead log.
        self.file.check()?;
        let connection = Connection::open_with_flags(
            &self.events,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.execute("ATTACH DATABASE ?1 AS idx", [self.index.to_string_lossy()])?;
        connection.pragma_update(None, "query_only", true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        // From a file that is mapped, the system reads ten times as much while its cache does not hold the pages.
        connection.pragma_update(None, "mmap_size", 0)?;
        Ok(connection)
    }

    /// Runs `read` in one read transaction on a blocking thread.
    pub(in crate::store) async fn with<T: Send + 'static>(
        self: &std::sync::Arc<Self>,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _permit = self.permits.acquire().await.map_err(|_| StoreError::Closed)?;
        let readers = std::sync::Arc::clone(self);
        let in_use = self.in_use();
        let done = tokio::task::spawn_blocking(move || {
            let _in_use = in_use;
            // SQLite's caches hide that a file was overwritten.
            readers.file.check_content()?;
            let idle = readers.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut connection = idle.map_or_else(|| readers.open(), Ok)?;
            let transaction = connection.transaction()?;
            let result = read(&transaction);
            transaction.finish()?;
            readers
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
            result
        });
        let done = done.await.map_err(|_| StoreError::Closed)?;
        if let Err(StoreError::Corrupt(_)) = &done {
            self.check_for_damage();
        }
        done
    }

    /// Closes idle connections and lets no new reader in.
    pub(in crate::store) fn close(&self) {
        self.permits.close();
        self.check.notify_one();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Waits until no connection is open; after [`Self::close`].
    pub(in crate::store) async fn closed(&self) {
        self.in_use.close();
        self.in_use.wait().await;
        self.close(); // a reader puts its connection back among the idle ones
    }
}
