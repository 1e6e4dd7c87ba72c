//! The default store: SQLite in one folder, written by one thread, read by many.
//!
//! **Promises.** A receipt is given only after `fsync`. A record is stored once, its bytes as they came.
//! `acked_seq` never falls. Readers see whole commits, in order of position, and an answer is never
//! taken from memory that a deletion has passed by. If `events.db` is deleted, replaced or overwritten while it is
//! open, every receipt is refused with [`StoreError::Replaced`], and [`Store::open_again`] opens the file that is there.
//!
//! **Files.** `events.db` (WAL) is the truth; `index.db` holds the text index and can be rebuilt;
//! `store.lock` keeps a second collector out; `store.reserve` occupies space that deletions use on a full disk.

mod error;
mod file_content;
mod format;
mod index;
mod maintain;
mod meta;
mod open;
mod read;
mod store_file;
#[cfg(test)]
mod tests;
mod write;

pub use error::StoreError;
pub use maintain::delete::Deletion;
pub use maintain::retention::Retention;
pub use maintain::salvage::{Owner, Salvage};
pub(crate) use read::coverage::is_silent;
pub use read::coverage::{SessionCoverage, TabCoverage};
pub use read::page::{Order, Page, PageQuery, PageRecord};
pub(crate) use read::query::wants_gap;
pub use read::recent::Committed;
pub use read::sessions::{SessionRow, SessionSummary};
pub use write::batch::{Batch, Conflict, Idempotency, IdempotentReceipt, Incoming, Receipt};

use crate::tasks::Tasks;
use format::names::Names;
use read::readers::Readers;
use read::recent::{Commit, Recent};
use read::{coverage, page, sessions};
use rusqlite::Connection;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use store_file::StoreFile;
use tabtape::selector::Selector;
use tokio::sync::{Notify, watch};
use write::batch;
use write::writer::Writer;

/// How long a connection waits for another's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns a number as SQLite holds it, or SQLite's largest number if that is smaller.
fn as_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A store, shared by everything that writes or reads it.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    store_id: String,
    names: Arc<Names>,
    recent: Arc<Recent>,
    readers: Arc<Readers>,
    writer: Writer,
    /// Positions the text index covers.
    indexed: Arc<AtomicU64>,
    index_wake: Arc<Notify>,
    tasks: Arc<Tasks>,
    damage: Arc<OnceLock<String>>,
    file: Arc<StoreFile>,
    /// The damaged file that was found in place of the one before, where it was moved to.
    set_aside: Option<PathBuf>,
    /// Held for as long as the store is open.
    lock: File,
}

impl Store {
    /// The identity of this store's contents: a new or emptied store has another.
    pub fn store_id(&self) -> &str {
        &self.inner.store_id
    }

    /// Returns the background tasks that work on this store. They end when it is closed.
    pub fn tasks(&self) -> &Arc<Tasks> {
        &self.inner.tasks
    }

    /// Returns the data folder.
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// Stores a batch; resolves once it is on disk.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too many wait, [`StoreError::DiskFull`], or an error of SQLite.
    pub async fn ingest(&self, batch: Batch) -> Result<Receipt, StoreError> {
        let receipt = self.inner.writer.ingest(batch).await;
        if let Err(StoreError::Corrupt(_)) = &receipt {
            self.inner.readers.check_for_damage();
        }
        receipt
    }

    /// Reads one page.
    pub async fn page(&self, query: PageQuery) -> Result<Page, StoreError> {
        let names = Arc::clone(&self.inner.names);
        self.read(move |connection| page::read(connection, &names, &query))
            .await
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.inner.readers.with(read).await
    }

    /// Every session, oldest first.
    pub async fn sessions(&self) -> Result<Vec<SessionSummary>, StoreError> {
        let names = Arc::clone(&self.inner.names);
        self.read(move |connection| sessions::list(connection, &names, None))
            .await
    }

    /// One session, if it is known.
    pub async fn session(&self, session: &str) -> Result<Option<SessionSummary>, StoreError> {
        let names = Arc::clone(&self.inner.names);
        let session = session.to_owned();
        let read = move |connection: &Connection| sessions::list(connection, &names, Some(&session));
        Ok(self.read(read).await?.into_iter().next())
    }

    /// Returns the id of the session with the latest event, if a session is stored.
    pub async fn newest_session(&self) -> Result<Option<String>, StoreError> {
        self.read(sessions::newest).await
    }

    /// The row and ledger of one session, if it is known.
    pub async fn session_row(&self, session: &str) -> Result<Option<SessionRow>, StoreError> {
        let session = session.to_owned();
        self.read(move |connection| sessions::row(connection, &session))
            .await
    }

    /// Returns the id of the session that is stored in a row.
    pub async fn session_id(&self, row: i64) -> Result<Option<String>, StoreError> {
        self.read(move |connection| sessions::id(connection, row)).await
    }

    /// The position of the last record.
    pub fn latest_position(&self) -> u64 {
        self.inner.recent.latest_position()
    }

    /// Whether the store's file was deleted, replaced or overwritten since it was opened.
    pub fn is_replaced(&self) -> bool {
        self.inner.file.check().is_err()
    }

    /// Resolves once the store's file is deleted, replaced or overwritten.
    pub async fn replaced(&self) {
        self.inner.file.replaced().await;
    }

    /// Returns where [`Store::open_again`] moved a damaged file to, if it found one.
    pub fn set_aside(&self) -> Option<&Path> {
        self.inner.set_aside.as_deref()
    }

    /// Returns the damage that a check has found, if any.
    pub fn damage(&self) -> Option<&str> {
        self.inner.damage.get().map(String::as_str)
    }

    /// Searches of text read everything after this position; before it they ask the index.
    pub fn indexed_to(&self) -> u64 {
        self.inner.indexed.load(Relaxed)
    }

    /// Returns the coverage that `selector` and `session` ask for; newest session first.
    pub async fn coverage(
        &self,
        selector: Option<Arc<Selector>>,
        session: Option<String>,
    ) -> Result<Vec<SessionCoverage>, StoreError> {
        self.read(move |connection| coverage::read(connection, selector.as_deref(), session.as_deref()))
            .await
    }

    /// Returns the receipt of an earlier request of this name: its session, seqs and digest; `None` if the name is
    /// new.
    pub async fn idempotent_receipt(&self, key: &str) -> Result<Option<IdempotentReceipt>, StoreError> {
        let key = key.to_owned();
        self.read(move |connection| Ok(batch::idempotent_receipt(connection, &key)?))
            .await
    }

    /// Wakes at each commit with the latest position.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.recent.subscribe()
    }

    /// The commits after `position`, if memory still holds them all.
    pub(crate) fn recent(&self, position: u64) -> Option<Vec<Arc<Commit>>> {
        self.inner.recent.after(position).ok()
    }

    /// Finishes what is queued and checkpoints.
    pub async fn close(&self) {
        self.inner.tasks.stop();
        self.inner.readers.close();
        self.inner.writer.close().await;
    }
}
