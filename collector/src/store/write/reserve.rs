//! Disk space that is kept for deletions, and for opening the store.
//!
//! A deletion writes before it frees: changed pages go into the write-ahead log, and SQLite can shorten the log only
//! after its pages are in the database, which may have to grow for them. The file `store.reserve` occupies the space for
//! both. On a full disk, a deletion removes that file, works in small steps with a checkpoint after each, and
//! allocates the file again from what it has freed. Opening the store on a full disk uses the space too.
//!
//! If the file system cannot allocate space, there is no reserve, and a full disk refuses deletions.

use super::writer::WriterState;
use crate::store::{Store, StoreError};
use fs4::FileExt as _;
use rusqlite::Connection;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A checkpoint must fit: twice the write-ahead log's limit and one large group of batches.
const MAX_BYTES: u64 = 48 << 20;
/// On a small disk, the reserve is at most this part of what is free.
const SHARE: u64 = 4;
/// Opening a store takes this, with the shared memory of its two databases, `collector.json` and `auth.json`; more if the
/// write-ahead log is long.
const OPEN_BYTES: u64 = 1 << 20;
/// Less than this is not allocated.
const LEAST_BYTES: u64 = 64 << 10;
/// Pages in the write-ahead log at which SQLite makes a checkpoint: rare `fsync`s, and a short recovery.
const MOST_LOG_PAGES: u64 = 4096;
const LEAST_LOG_PAGES: u64 = 64;
/// The reserve must hold what one checkpoint adds to the database, three times.
const RESERVE_PER_LOG: u64 = 3;
const PAGE_BYTES: u64 = 4096;
/// Positions in one step of a deletion or of retention; the writer is held for about as long as a commit.
const STEP: u64 = 8_192;
/// The same on a full disk. It is lowered as long as a step does not fit.
const STEP_ON_FULL_DISK: u64 = 256;

/// The file that occupies the space.
#[derive(Debug)]
pub(in crate::store) struct Reserve {
    path: PathBuf,
    /// The bytes to occupy again after they were used for opening the store.
    wanted: u64,
    /// Whether it gave up space that the rest of the start still needs.
    is_opening: bool,
}

impl Reserve {
    /// Returns the reserve in `folder`. If the disk is full, its space is free until the store is open.
    pub(in crate::store) fn open(folder: &Path) -> Self {
        let path = folder.join("store.reserve");
        let wanted = bytes_of(&path);
        let is_opening = wanted > 0 && fs4::available_space(folder).is_ok_and(|free| free < OPEN_BYTES);
        if is_opening {
            let emptied = File::options().write(true).open(&path);
            if let Err(error) = emptied.and_then(|file| file.set_len(0)) {
                tracing::warn!(%error, file = %path.display(), "the disk is full, and the reserve could not be used");
            }
        }
        Self {
            path,
            wanted,
            is_opening,
        }
    }

    /// Frees the space.
    fn release(&mut self) {
        self.wanted = 0;
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, file = %self.path.display(), "the disk is full, and the reserve could not be used");
        }
    }

    /// Occupies as much as it should and can, and returns its size. The first call after a start on a full disk leaves
    /// the space to what starts.
    fn fill(&mut self) -> u64 {
        let held = bytes_of(&self.path);
        if std::mem::take(&mut self.is_opening) {
            return held;
        }
        let free = self
            .path
            .parent()
            .and_then(|folder| fs4::available_space(folder).ok());
        let share = (held + free.unwrap_or(0)) / SHARE;
        let target = share.max(self.wanted).min(MAX_BYTES);
        if target < held + LEAST_BYTES {
            return held;
        }
        match crate::files::private_file(&self.path) {
            Ok(file) => self.wanted = self.wanted.max(grow(&file, held, target)),
            Err(error) => tracing::debug!(%error, "no reserve could be made"),
        }
        bytes_of(&self.path)
    }
}

/// Allocates up to `target` bytes, or as much as there is, and returns how much.
fn grow(file: &File, mut held: u64, target: u64) -> u64 {
    let mut step = target - held;
    while step >= LEAST_BYTES && held < target {
        if file.allocate(held + step).is_ok() {
            held += step;
        } else {
            let _ = file.set_len(held); // a part may have been allocated
            step /= 2;
        }
        step = step.min(target - held);
    }
    held
}

fn bytes_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

impl WriterState {
    /// Fills the reserve, and limits the write-ahead log to what a checkpoint can store with it.
    pub(in crate::store) fn fill_reserve(&mut self) -> Result<(), StoreError> {
        if self.reserve.is_opening {
            shorten_log(&self.connection);
        }
        let pages = self.reserve.fill() / RESERVE_PER_LOG / PAGE_BYTES;
        let pages = pages.clamp(LEAST_LOG_PAGES, MOST_LOG_PAGES) as i64;
        let set = self
            .connection
            .pragma_update_and_check(None, "wal_autocheckpoint", pages, |_| Ok(()));
        Ok(set?)
    }

    fn use_reserve(&mut self) {
        self.reserve.release();
        shorten_log(&self.connection);
    }

    /// Moves the write-ahead log into the database; whether all of it is there. The next transaction overwrites the log.
    pub(in crate::store) fn empty_log(&self) -> bool {
        let moved = |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>(1)? == row.get::<_, i64>(2)?);
        self.connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], moved)
            .unwrap_or(false)
    }
}

/// Moves the write-ahead log into the database and truncates it.
pub(super) fn shorten_log(connection: &Connection) {
    let done = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    if let Err(error) = done {
        tracing::warn!(%error, "the write-ahead log keeps its space");
    }
}

impl Store {
    /// Occupies again the space that opening the store on a full disk has used.
    pub async fn fill_reserve(&self) -> Result<(), StoreError> {
        self.inner.writer.run(WriterState::fill_reserve).await
    }

    /// Runs `step` with ranges of positions, exclusive and inclusive, from `after` to `end`; returns the sum of its
    /// results. On a full disk it works with the reserve.
    pub(in crate::store) async fn in_steps(
        &self,
        mut after: u64,
        end: u64,
        step: impl Fn(&mut WriterState, u64, u64) -> Result<u64, StoreError> + Clone + Send + 'static,
    ) -> Result<u64, StoreError> {
        let (mut size, mut is_full, mut sum) = (STEP, false, 0);
        let result = loop {
            if after >= end {
                break Ok(sum);
            }
            let until = (after + size).min(end);
            let step = step.clone();
            let run = move |state: &mut WriterState| {
                let count = step(state, after, until)?;
                if is_full && count > 0 {
                    shorten_log(&state.connection);
                }
                Ok(count)
            };
            match self.inner.writer.run(run).await {
                Ok(count) => {
                    sum += count;
                    after = until;
                }
                Err(StoreError::DiskFull) if !is_full => {
                    (is_full, size) = (true, STEP_ON_FULL_DISK);
                    let free = |state: &mut WriterState| {
                        state.use_reserve();
                        Ok(())
                    };
                    self.inner.writer.run(free).await?;
                }
                Err(StoreError::DiskFull) if size > 1 => size /= 4,
                Err(error) => break Err(error),
            }
        };
        if is_full {
            self.fill_reserve().await?;
        }
        result
    }
}
