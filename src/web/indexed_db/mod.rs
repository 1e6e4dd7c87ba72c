//! Category logs in IndexedDB, for pages, workers and extension service workers.
//!
//! An [`IndexedDbLog`] is a cheap handle of one connection. It opens the database when it is first
//! asked something, gives way when another page or worker wants to upgrade or delete it, and opens it
//! again with the next call. Any number may be open at once; who may write a session is decided by its
//! **epoch**, inside the transaction that writes.
//!
//! ## What a commit promises
//!
//! All of it or nothing, whatever is killed when; see [`Durability`] for what a loss of power takes.
//! Dropping the future before it is ready aborts the transaction, unless that was already under way.
//!
//! ## What a read promises
//!
//! Every seq up to the head's `latest_seq` comes out, as its record or inside a
//! [gap](crate::record::Gap): reason `corrupt` for bytes that are no records (reported by
//! [`take_problems`](IndexedDbLog::take_problems) too), `not_retained` for what was removed or is gone,
//! `quota` for what had to go before a collector had it. A read costs the same wherever it begins and
//! however much is stored.

mod commit;
mod connection;
mod error;
mod evict;
mod fetch;
mod forget;
mod read;
mod repair;
mod request;
mod retention;
mod reusable_buffer;
mod rows;
mod schema;
mod storage;
mod transaction;

use crate::coverage::WatchedUntil;
use crate::log::merge::Damage;
use crate::log::{Commit, Head, LogError, LogStore, Retained, RetentionPolicy};
use crate::record::{Entry, SessionId};
use crate::recorder::RecorderLog;
use crate::selector::Selector;
use commit::now_ms;
use connection::Connection;
use error::from_thrown;
use evict::{EvictedSegment, write_pending_gaps};
use read::Limit;
use request::RequestFuture;
use reusable_buffer::ReusableBuffer;
use rows::{
    HeadRow, acked_key, acked_row, acked_seq, relay_message, session_key, session_of, watched_until_of,
    watched_until_row,
};
use schema::{ACKED, HEADS, META, RELAYS};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};

pub use storage::Storage;

/// The database's name unless another is chosen.
pub const DEFAULT_DATABASE: &str = "tabtape";

/// Most problems kept until they are taken.
const MAX_PROBLEMS: usize = 32;

/// Browsers count freed space only after a while; giving up more meanwhile would be for nothing.
const MAKE_ROOM_INTERVAL_MS: u64 = 1_000;

/// Room is made for many commits at once, because it is slow: for so many of the size that failed, and at
/// least so much.
const ROOM_FACTOR: u64 = 8;
const MIN_ROOM_BYTES: u64 = 4 << 20;

const INSTALL_KEY: &str = "install_key";
const WATCHED_UNTIL: &str = "watched_until";

/// When a commit counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When the operating system has it. Survives the death of the worker and of the whole browser; a
    /// loss of power may take the last seconds.
    #[default]
    Relaxed,
    /// When the disk has it: an fsync a commit.
    Strict,
}

impl Durability {
    /// Its name in every interface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relaxed => "relaxed",
            Self::Strict => "strict",
        }
    }
}

/// Category logs in IndexedDB. Cloning it gives another handle to the same connection.
#[derive(Debug, Clone)]
pub struct IndexedDbLog {
    connection: Rc<Connection>,
    buffer: Rc<ReusableBuffer>,
    problems: Rc<RefCell<Vec<LogError>>>,
    /// Sessions begun or resumed here: never given up whole.
    owned: Rc<RefCell<BTreeSet<SessionId>>>,
    /// Gaps that the quota had no room for.
    pending_gaps: Rc<RefCell<Vec<EvictedSegment>>>,
    /// When room was last made for a commit, Unix milliseconds.
    made_room_ms: Rc<Cell<u64>>,
}

impl IndexedDbLog {
    /// Opens the database `name`, making or upgrading it first.
    ///
    /// # Errors
    /// [`LogError::Unavailable`], [`LogError::Blocked`], [`LogError::VersionChange`] when a newer version
    /// of this code has been here, and whatever else the browser says.
    pub async fn open(name: &str, durability: Durability) -> Result<Self, LogError> {
        let log = Self::new(name, durability);
        log.connection.open().await?;
        Ok(log)
    }

    /// A log in the database `name`, which the first call opens.
    #[must_use]
    pub fn new(name: &str, durability: Durability) -> Self {
        Self {
            connection: Rc::new(Connection::new(name, durability)),
            buffer: Rc::new(ReusableBuffer::new()),
            problems: Rc::default(),
            owned: Rc::default(),
            pending_gaps: Rc::default(),
            made_room_ms: Rc::default(),
        }
    }

    /// Whether the database is open now.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.connection.is_open()
    }

    /// The database's name: the one that was given, or that of the [newest](RecorderLog::set_aside) begun in its place.
    #[must_use]
    pub fn name(&self) -> String {
        self.connection.name()
    }

    /// Deletes the database `name` with everything in it.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn delete(name: &str) -> Result<(), LogError> {
        schema::delete(name).await
    }

    /// Closes the connection. A later call opens it again.
    pub fn close(&self) {
        self.connection.close();
    }

    /// Begins a session: writes its head, with epoch 1.
    ///
    /// # Errors
    /// The session exists already (`ConstraintError`), or what [`LogError`] says.
    pub async fn begin_session(&self, session_id: SessionId) -> Result<Head, LogError> {
        let row = HeadRow { epoch: 1, committed_ms: now_ms(), ..HeadRow::default() };
        let transaction = self.connection.write(&[HEADS]).await?;
        let (heads, key) = (transaction.store(HEADS)?, session_key(session_id));
        if !RequestFuture::of(heads.get_key(&key))?.await?.is_undefined() {
            return Err(LogError::NotResumable(session_id));
        }
        heads.put_with_key(&row.to_js()?, &key).map_err(from_thrown)?;
        transaction.complete().await?;
        self.owned.borrow_mut().insert(session_id);
        Ok(row.head())
    }

    /// Resumes a session: raises its epoch, so that every earlier owner is superseded. `None` when it is
    /// not in the database, or lost its head and with it the last seq it spent. Reads one row, however long
    /// the log.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn resume_session(&self, session_id: SessionId) -> Result<Option<Head>, LogError> {
        let transaction = self.connection.write(&[HEADS]).await?;
        let (heads, key) = (transaction.store(HEADS)?, session_key(session_id));
        let Some(mut row) = HeadRow::from_js(&RequestFuture::of(heads.get(&key))?.await?)? else {
            return Ok(None);
        };
        if row.rebuilt {
            return Ok(None);
        }
        row.epoch += 1;
        heads.put_with_key(&row.to_js()?, &key).map_err(from_thrown)?;
        transaction.complete().await?;
        self.owned.borrow_mut().insert(session_id);
        Ok(Some(row.head()))
    }

    /// The last committed message of a relay, over all sessions; `None` when none was.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn relay_message(&self, relay_id: &str) -> Result<Option<u64>, LogError> {
        let transaction = self.connection.read(&[RELAYS]).await?;
        relay_message(&RequestFuture::of(transaction.store(RELAYS)?.get(&relay_id.into()))?.await?)
    }

    /// The newest records of a session, newest first, as many whole ones as `max_entries` and
    /// `max_bytes` allow: what refills the ring of a resumed session.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn tail(
        &self,
        session_id: SessionId,
        max_entries: usize,
        max_bytes: usize,
    ) -> Result<Vec<Entry>, LogError> {
        let (entries, damage) = read::backward(self, session_id, Limit { max_entries, max_bytes }).await?;
        self.report(session_id, damage).await;
        Ok(entries)
    }

    /// 32 random bytes of this installation, made at the first call: the key that redacted values are
    /// hashed with.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn install_key(&self) -> Result<[u8; 32], LogError> {
        let transaction = self.connection.write(&[META]).await?;
        let meta = transaction.store(META)?;
        let stored = RequestFuture::of(meta.get(&INSTALL_KEY.into()))?.await?;
        let stored = stored.dyn_into::<js_sys::Uint8Array>().map(|key| key.to_vec()).unwrap_or_default();
        if let Ok(key) = <[u8; 32]>::try_from(stored) {
            return Ok(key);
        }
        let mut key = [0; 32];
        let crypto = js_sys::Reflect::get(&js_sys::global(), &"crypto".into()).map_err(from_thrown)?;
        crypto
            .unchecked_into::<web_sys::Crypto>()
            .get_random_values_with_u8_array(&mut key)
            .map_err(from_thrown)?;
        let value = JsValue::from(js_sys::Uint8Array::from(&key[..]));
        meta.put_with_key(&value, &INSTALL_KEY.into()).map_err(from_thrown)?;
        transaction.complete().await?;
        Ok(key)
    }

    /// Stores how far a session was watched, in place of what was stored before, if `epoch` still owns it.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn set_watched_until(
        &self,
        session_id: SessionId,
        epoch: u64,
        until: &WatchedUntil,
    ) -> Result<(), LogError> {
        let transaction = self.connection.write(&[HEADS, META]).await?;
        let head = RequestFuture::of(transaction.store(HEADS)?.get(&session_key(session_id)))?.await?;
        let theirs = HeadRow::from_js(&head)?.ok_or(LogError::Missing)?.epoch;
        if theirs != epoch {
            return Err(LogError::Superseded { ours: epoch, theirs });
        }
        let row = watched_until_row(session_id, until)?;
        transaction.store(META)?.put_with_key(&row, &WATCHED_UNTIL.into()).map_err(from_thrown)?;
        transaction.complete().await
    }

    /// How much is stored by category, and what the browser allows.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn storage(&self) -> Result<Storage, LogError> {
        storage::storage(self).await
    }

    /// Asks the browser never to clear the database by itself. Tells whether it promises.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn persist(&self) -> Result<bool, LogError> {
        storage::persist().await
    }

    /// Takes what was found wrong with the log since the last call: each is a gap in what was read.
    #[must_use]
    pub fn take_problems(&self) -> Vec<LogError> {
        std::mem::take(&mut self.problems.borrow_mut())
    }

    /// Gives up what `policy` no longer keeps: records that every collector has, oldest first. What no
    /// collector has stays. Meant to be called every few minutes.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn retain(&self, policy: &RetentionPolicy) -> Result<Retained, LogError> {
        retention::retain(self, policy).await
    }

    /// Frees `needed_bytes` if it can: first records that every collector has, then, as gaps of reason
    /// `quota`, those that none has. A commit does it by itself when the quota is used up.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn make_room(&self, needed_bytes: u64) -> Result<Retained, LogError> {
        retention::make_room(self, needed_bytes).await
    }

    /// Takes every event that `selector` wants out of the logs of all sessions and leaves gaps of reason
    /// `deleted` in their places. Tells how many those were.
    ///
    /// # Errors
    /// See [`LogError`]; what was forgotten until then stays forgotten.
    pub async fn forget(&self, selector: &Selector) -> Result<u64, LogError> {
        forget::forget(self, selector).await
    }

    /// Returns the head of every session, oldest first, and the bytes that the session uses. Only reads,
    /// whereas [`sessions`](LogStore::sessions) also repairs.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn heads(&self) -> Result<Vec<(SessionId, Head, u64)>, LogError> {
        let rows = self.head_rows().await?;
        let bytes = |row: &HeadRow| row.categories.iter().map(|category| category.bytes).sum();
        Ok(rows.into_iter().map(|(session_id, row)| (session_id, row.head(), bytes(&row))).collect())
    }

    async fn head_rows(&self) -> Result<Vec<(SessionId, HeadRow)>, LogError> {
        let transaction = self.connection.read(&[HEADS]).await?;
        let heads = transaction.store(HEADS)?;
        let (keys, rows) = (RequestFuture::of(heads.get_all_keys())?, RequestFuture::of(heads.get_all())?);
        let (keys, rows) = (js_sys::Array::from(&keys.await?), js_sys::Array::from(&rows.await?));
        let mut sessions = Vec::with_capacity(keys.length() as usize);
        for (key, row) in keys.iter().zip(rows.iter()) {
            if let Some(row) = HeadRow::from_js(&row)? {
                sessions.push((session_of(&key, HEADS)?, row));
            }
        }
        Ok(sessions)
    }

    /// Keeps what was found for [`take_problems`](Self::take_problems), and writes the gaps where the
    /// unreadable bytes stand. Should that fail, the next read finds and tells the same.
    async fn report(&self, session_id: SessionId, damage: Vec<Damage>) {
        if damage.is_empty() {
            return;
        }
        if let Err(error) = repair::replace_corrupt(self, session_id, &damage).await {
            self.note(error);
        }
        for Damage { category, first_seq, reason, .. } in damage {
            self.note(LogError::Corrupt { category, first_seq, reason });
        }
    }

    fn note(&self, problem: LogError) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() < MAX_PROBLEMS && !problems.contains(&problem) {
            problems.push(problem);
        }
    }
}

impl RecorderLog for IndexedDbLog {
    async fn open(&self) -> Result<(), LogError> {
        self.connection.open().await
    }

    async fn resume_session(&self, session_id: SessionId) -> Result<Option<Head>, LogError> {
        Self::resume_session(self, session_id).await
    }

    async fn begin_session(&self, session_id: SessionId) -> Result<Head, LogError> {
        Self::begin_session(self, session_id).await
    }

    async fn watched_until(&self, session_id: SessionId) -> Result<Option<WatchedUntil>, LogError> {
        let transaction = self.connection.read(&[META]).await?;
        let row = RequestFuture::of(transaction.store(META)?.get(&WATCHED_UNTIL.into()))?.await?;
        Ok(watched_until_of(&row, session_id))
    }

    async fn install_key(&self) -> Result<[u8; 32], LogError> {
        Self::install_key(self).await
    }

    async fn set_aside(&self) -> Result<(), LogError> {
        self.connection.set_aside().await
    }
}

impl LogStore for IndexedDbLog {
    async fn reopen(&self, session_id: SessionId) -> Result<Head, LogError> {
        match self.resume_session(session_id).await? {
            Some(head) => Ok(head),
            None => self.begin_session(session_id).await,
        }
    }

    async fn commit(&self, commit: &Commit) -> Result<(), LogError> {
        let mut result = commit::commit(self, commit).await;
        let since_ms = now_ms().saturating_sub(self.made_room_ms.get());
        if result == Err(LogError::QuotaExceeded) && since_ms >= MAKE_ROOM_INTERVAL_MS {
            self.made_room_ms.set(now_ms());
            let needed_bytes = MIN_ROOM_BYTES.max(ROOM_FACTOR * commit.bytes as u64);
            if self.make_room(needed_bytes).await?.unacked_seqs > 0 {
                self.note(LogError::QuotaExceeded);
            }
            result = commit::commit(self, commit).await;
        }
        if result.is_ok() && !self.pending_gaps.borrow().is_empty() {
            write_pending_gaps(self).await;
        }
        result
    }

    async fn read(
        &self,
        session_id: SessionId,
        after_seq: u64,
        max_entries: usize,
        max_bytes: usize,
    ) -> Result<Vec<Entry>, LogError> {
        let limit = Limit { max_entries, max_bytes };
        let (entries, damage) = read::forward(self, session_id, after_seq, limit).await?;
        self.report(session_id, damage).await;
        Ok(entries)
    }

    async fn sessions(&self) -> Result<Vec<(SessionId, Head)>, LogError> {
        repair::rebuild_missing_heads(self).await?;
        let rows = self.head_rows().await?;
        Ok(rows.into_iter().map(|(session_id, row)| (session_id, row.head())).collect())
    }

    async fn acked_seq(&self, session_id: SessionId, store_id: &str) -> Result<u64, LogError> {
        let transaction = self.connection.read(&[ACKED]).await?;
        let row = RequestFuture::of(transaction.store(ACKED)?.get(&acked_key(session_id, store_id)))?.await?;
        Ok(acked_seq(&row)?.unwrap_or(0))
    }

    async fn set_acked_seq(
        &self,
        session_id: SessionId,
        store_id: &str,
        acked_seq: u64,
    ) -> Result<(), LogError> {
        let transaction = self.connection.write(&[ACKED]).await?;
        let (row, key) = (acked_row(acked_seq, now_ms()), acked_key(session_id, store_id));
        transaction.store(ACKED)?.put_with_key(&row, &key).map_err(from_thrown)?;
        transaction.complete().await
    }
}
