//! Opens a store: takes its folder, brings its file up to date and starts what works on it.

use super::format::names::Names;
use super::format::schema;
use super::maintain::integrity;
use super::read::readers::Readers;
use super::read::recent::Recent;
use super::store_file::StoreFile;
use super::write::reserve::Reserve;
use super::write::writer::Writer;
use super::{BUSY_TIMEOUT, Inner, Store, StoreError, index, meta};
use crate::tasks::Tasks;
use rusqlite::Connection;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;

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
        let file = StoreFile::of(&events, life).map_err(StoreError::folder(&events))?;
        let file = Arc::new(file);
        let names = Arc::new(Names::load(&connection)?);
        let recent = Arc::new(Recent::new(meta::position(&connection, "latest_position")?));
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
            let folder = StoreError::folder(&old.folder);
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
}

fn lock_folder(folder: &Path) -> Result<File, StoreError> {
    let cannot = StoreError::folder(folder);
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
    crate::files::private_file(path).map_err(StoreError::folder(path))?;
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A cache of 4 or 32 times this size made no commit faster: new records are appended to the tables.
    connection.pragma_update(None, "cache_size", -2 * 1024)?;
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
    let found: Option<String> = meta::read(connection, "store_id")?;
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
