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
pub use read::coverage::{SessionCoverage, TabCoverage, Watched, Window};
pub use read::page::{Order, Page, PageQuery, PageRecord};
pub(crate) use read::query::wants_gap;
pub use read::recent::{Committed, Kind};
pub use read::sessions::{SessionRow, SessionSummary};
pub use write::batch::{Batch, Conflict, Idempotency, IdempotentReceipt, Incoming, Receipt};

use crate::tasks::Tasks;
use format::names::Names;
use format::schema;
use maintain::integrity;
use read::readers::Readers;
use read::recent::{Commit, Recent};
use read::{coverage, page, sessions};
use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, ToSql};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use store_file::StoreFile;
use tabtape::selector::Selector;
use tokio::sync::{Notify, watch};
use write::batch;
use write::reserve::Reserve;
use write::writer::{self, Writer};

/// How long a connection waits for another's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

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
    /// Opens the store in `folder`, which is made if it is missing.
    ///
    /// # Errors
    /// The folder is in use or not writable, the file is damaged or from a newer program.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::open_other_than(None, folder, None).map_err(|error| match error {
            StoreError::Corrupt(damage) => {
                StoreError::Corrupt(format!("{}: {damage}", folder.join("events.db").display()))
            }
            other => other,
        })
    }

    /// Opens the store in `folder`; gives it another id if it has `lost`.
    fn open_other_than(
        lost: Option<&str>,
        folder: &Path,
        set_aside: Option<PathBuf>,
    ) -> Result<Self, StoreError> {
        let lock = lock_folder(folder)?;
        let reserve = Reserve::open(folder);
        let events = folder.join("events.db");
        let mut connection = open_for_writing(&events)?;
        schema::migrate(&mut connection)?;
        let life = begin_life(&connection)?;
        let check_later = integrity::at_start(&connection, &events)?;
        let store_id = store_id(&connection, lost)?;
        let file = StoreFile::of(&events, life).map_err(|source| StoreError::Folder {
            path: events.clone(),
            source,
        })?;
        let file = Arc::new(file);
        let names = Arc::new(Names::load(&connection)?);
        let latest: Option<i64> = connection
            .query_row(
                "SELECT value FROM meta WHERE key = 'latest_position'",
                [],
                |row| row.get(0),
            )
            .optional()?;
        let recent = Arc::new(Recent::new(latest.unwrap_or(0) as u64));
        let index = folder.join("index.db");
        let indexed = Arc::new(AtomicU64::new(index::open(
            &index,
            &store_id,
            recent.latest_position(),
        )?));
        let damage = Arc::new(OnceLock::new());
        let readers = Arc::new(Readers::new(
            events.clone(),
            index.clone(),
            Arc::clone(&file),
            Arc::clone(&damage),
        ));
        let writer = Writer::start(
            connection,
            Arc::clone(&names),
            Arc::clone(&recent),
            Arc::clone(&file),
            reserve,
        )?;
        let index_wake = Arc::new(Notify::new());
        let tasks = Arc::new(Tasks::default());
        let keep_index = {
            let (readers, recent) = (Arc::clone(&readers), Arc::clone(&recent));
            let file = Arc::clone(&file);
            let (wake, indexed) = (Arc::clone(&index_wake), Arc::clone(&indexed));
            move || {
                let shared = (Arc::clone(&wake), Arc::clone(&indexed));
                index::keep(
                    index.clone(),
                    events.clone(),
                    (Arc::clone(&file), readers.in_use()),
                    {
                        let readers = Arc::clone(&readers);
                        move || readers.check_for_damage()
                    },
                    recent.subscribe(),
                    shared,
                )
            }
        };
        tasks.supervise("text index", keep_index);
        let checked = Arc::clone(&readers);
        tokio::spawn(async move {
            if check_later {
                integrity::later(Arc::clone(&checked), true).await;
            }
            integrity::later(checked, false).await;
        });
        Ok(Self {
            inner: Arc::new(Inner {
                folder: folder.to_owned(),
                store_id,
                names,
                recent,
                readers,
                writer,
                indexed,
                index_wake,
                tasks,
                damage,
                file,
                set_aside,
                lock,
            }),
        })
    }

    /// Returns the damage of the store's file in `folder`, while no process has it open; `None` if it is intact or does
    /// not exist.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn damage_in(folder: &Path) -> Result<Option<String>, StoreError> {
        let path = folder.join("events.db");
        if path.exists() {
            integrity::damage_of(&path)
        } else {
            Ok(None)
        }
    }

    /// The identity of this store's contents: a new or emptied store has another.
    #[must_use]
    pub fn store_id(&self) -> &str {
        &self.inner.store_id
    }

    /// Returns the background tasks that work on this store. They end when it is closed.
    #[must_use]
    pub fn tasks(&self) -> &Arc<Tasks> {
        &self.inner.tasks
    }

    /// Returns the data folder.
    #[must_use]
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
    ///
    /// # Errors
    /// An error of SQLite.
    pub async fn page(&self, query: PageQuery) -> Result<Page, StoreError> {
        let names = Arc::clone(&self.inner.names);
        self.inner
            .readers
            .with(move |connection| page::read(connection, &names, &query))
            .await
    }

    /// Every session, oldest first.
    ///
    /// # Errors
    /// An error of SQLite.
    pub async fn sessions(&self) -> Result<Vec<SessionSummary>, StoreError> {
        let names = Arc::clone(&self.inner.names);
        self.inner
            .readers
            .with(move |connection| sessions::list(connection, &names, None))
            .await
    }

    /// One session, if it is known.
    ///
    /// # Errors
    /// An error of SQLite.
    pub async fn session(&self, session: &str) -> Result<Option<SessionSummary>, StoreError> {
        let names = Arc::clone(&self.inner.names);
        let session = session.to_owned();
        let found = self
            .inner
            .readers
            .with(move |connection| sessions::list(connection, &names, Some(&session)))
            .await?;
        Ok(found.into_iter().next())
    }

    /// The row and ledger of one session, if it is known.
    ///
    /// # Errors
    /// An error of SQLite.
    pub async fn session_row(&self, session: &str) -> Result<Option<SessionRow>, StoreError> {
        let session = session.to_owned();
        self.inner
            .readers
            .with(move |connection| sessions::row(connection, &session))
            .await
    }

    /// Returns the id of the session that is stored in a row.
    ///
    /// # Errors
    /// An error of SQLite.
    pub async fn session_id(&self, row: i64) -> Result<Option<String>, StoreError> {
        self.inner
            .readers
            .with(move |connection| sessions::id(connection, row))
            .await
    }

    /// The position of the last record.
    #[must_use]
    pub fn latest_position(&self) -> u64 {
        self.inner.recent.latest_position()
    }

    /// Returns the counter that is kept under `name`.
    ///
    /// # Errors
    /// An error of SQLite.
    pub(crate) async fn get_counter(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let found: Option<i64> = self.get_meta(name).await?;
        Ok(found.map(|number| number as u64))
    }

    /// Keeps a counter under `name`; resolves once it is on disk.
    ///
    /// # Errors
    /// An error of SQLite.
    pub(crate) async fn set_counter(&self, name: &str, number: u64) -> Result<(), StoreError> {
        self.set_meta(name, number as i64).await
    }

    /// Returns the text that is kept under `name`.
    ///
    /// # Errors
    /// An error of SQLite.
    pub(crate) async fn get_note(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.get_meta(name).await
    }

    /// Keeps a text under `name`; resolves once it is on disk.
    ///
    /// # Errors
    /// An error of SQLite.
    pub(crate) async fn set_note(&self, name: &str, text: String) -> Result<(), StoreError> {
        self.set_meta(name, text).await
    }

    async fn get_meta<T: FromSql + Send + 'static>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let name = name.to_owned();
        let read = move |connection: &Connection| {
            Ok(connection
                .query_row("SELECT value FROM meta WHERE key = ?1", [name], |row| row.get(0))
                .optional()?)
        };
        self.inner.readers.with(read).await
    }

    async fn set_meta(&self, name: &str, value: impl ToSql + Send + 'static) -> Result<(), StoreError> {
        let name = name.to_owned();
        let write = move |state: &mut writer::WriterState| {
            let row = rusqlite::params![name, value];
            state
                .connection
                .execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", row)?;
            Ok(())
        };
        self.inner.writer.run(write).await
    }

    /// Whether the store's file was deleted, replaced or overwritten since it was opened.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.inner.file.check().is_err()
    }

    /// Resolves once the store's file is deleted, replaced or overwritten.
    pub async fn replaced(&self) {
        self.inner.file.replaced().await;
    }

    /// Closes a store whose file was deleted, replaced or overwritten, and opens what is there now, or a new file. A
    /// damaged file is moved away first.
    ///
    /// Another file always has another store id, also a copy of the old one, so that recorders send again what
    /// they still hold. If only the write-ahead log was deleted, its contents go into the database, and the
    /// store is the same.
    ///
    /// # Errors
    /// As [`Store::open`]. It may be called again.
    pub async fn open_again(&self) -> Result<Self, StoreError> {
        self.close().await;
        self.inner.readers.closed().await;
        let old = Arc::clone(&self.inner);
        let open = move || {
            let folder = |source| StoreError::Folder {
                path: old.folder.clone(),
                source,
            };
            let lost = old.file.is_another().then_some(&*old.store_id);
            if lost.is_some() {
                old.file.wait_until_settled();
            }
            old.file.remove_leftovers().map_err(folder)?;
            old.lock.unlock().map_err(folder)?;
            match Self::open_other_than(lost, &old.folder, None) {
                Err(StoreError::Corrupt(damage)) if lost.is_some() => {
                    let aside = old.file.set_aside().map_err(folder)?;
                    tracing::error!(%damage, file = %aside.display(), "the file that was put in place of the store is damaged and was moved away; `tabtape recover` brings back what is whole in it");
                    Self::open_other_than(lost, &old.folder, Some(aside))
                }
                opened => opened,
            }
        };
        tokio::task::spawn_blocking(open)
            .await
            .map_err(|_| StoreError::Closed)?
    }

    /// Returns where [`Store::open_again`] moved a damaged file to, if it found one.
    #[must_use]
    pub fn set_aside(&self) -> Option<&Path> {
        self.inner.set_aside.as_deref()
    }

    /// Returns the damage that a check has found, if any.
    #[must_use]
    pub fn damage(&self) -> Option<&str> {
        self.inner.damage.get().map(String::as_str)
    }

    /// Searches of text read everything after this position; before it they ask the index.
    #[must_use]
    pub fn indexed_to(&self) -> u64 {
        self.inner.indexed.load(Relaxed)
    }

    /// Returns the coverage that `selector` and `session` ask for; newest session first.
    ///
    /// # Errors
    /// An error of SQLite.
    pub async fn coverage(
        &self,
        selector: Option<Arc<Selector>>,
        session: Option<String>,
    ) -> Result<Vec<SessionCoverage>, StoreError> {
        self.inner
            .readers
            .with(move |connection| coverage::read(connection, selector.as_deref(), session.as_deref()))
            .await
    }

    /// Returns the receipt of an earlier request of this name: its session, seqs and digest; `None` if the name is
    /// new.
    ///
    /// # Errors
    /// An error of SQLite.
    pub async fn idempotent_receipt(&self, key: &str) -> Result<Option<IdempotentReceipt>, StoreError> {
        let key = key.to_owned();
        self.inner
            .readers
            .with(move |connection| Ok(batch::idempotent_receipt(connection, &key)?))
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

fn lock_folder(folder: &Path) -> Result<File, StoreError> {
    let cannot = |source| StoreError::Folder {
        path: folder.to_owned(),
        source,
    };
    crate::files::private_folder(folder)
        .and_then(|()| crate::files::own_folder(folder))
        .map_err(cannot)?;
    for changed in crate::files::close_to_others(folder).map_err(cannot)? {
        tracing::warn!("{changed}");
    }
    let lock = crate::files::private_file(&folder.join("store.lock")).map_err(cannot)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse(folder.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(cannot(source)),
    }
}

fn open_for_writing(path: &Path) -> Result<Connection, StoreError> {
    // SQLite would create the file with the umask's mode; only its owner may read the recording.
    crate::files::private_file(path).map_err(|source| StoreError::Folder {
        path: path.to_owned(),
        source,
    })?;
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -64 * 1024)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Writes a random number into the file's header and returns it: a copy from another run has another one. On a full disk,
/// returns the number that is there.
fn begin_life(connection: &Connection) -> Result<i32, StoreError> {
    let life = uuid::Uuid::new_v4().as_u128() as i32;
    let written = connection.pragma_update(None, "application_id", life);
    match written.map_err(StoreError::from) {
        Ok(()) => Ok(life),
        // Deletions make room only if the store opens.
        Err(StoreError::DiskFull) => {
            Ok(connection.pragma_query_value(None, "application_id", |row| row.get(0))?)
        }
        Err(error) => Err(error),
    }
}

/// The store's id, a new one if it has none or that of the store that was `lost`.
fn store_id(connection: &Connection, lost: Option<&str>) -> Result<String, StoreError> {
    let found: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE key = 'store_id'", [], |row| {
            row.get(0)
        })
        .optional()?;
    if let Some(store_id) = found.filter(|store_id| Some(&**store_id) != lost) {
        return Ok(store_id);
    }
    let store_id = uuid::Uuid::now_v7().to_string();
    connection.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('store_id', ?1)",
        [&store_id],
    )?;
    Ok(store_id)
}
