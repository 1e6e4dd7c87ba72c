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
mod durability;
mod error;
mod evict;
mod fetch;
mod forget;
mod heads;
mod install_key;
mod log_store;
mod read;
mod repair;
mod request;
mod retention;
mod reusable_buffer;
mod rows;
mod schema;
mod storage;
mod transaction;
mod watched_until;

use crate::log::merge::Damage;
use crate::log::{Limits, LogError, PendingGaps};
use crate::record::{Entry, SessionId};
use connection::Connection;
use reusable_buffer::ReusableBuffer;
use rows::stored;
use schema::RELAYS;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

pub use durability::Durability;
pub use storage::Storage;

/// Most problems kept until they are taken.
const MAX_PROBLEMS: usize = 32;

/// Category logs in IndexedDB. Cloning it gives another handle to the same connection.
#[derive(Debug, Clone)]
pub struct IndexedDbLog {
    connection: Rc<Connection>,
    buffer: Rc<ReusableBuffer>,
    problems: Rc<RefCell<Vec<LogError>>>,
    /// Sessions begun or resumed here: never given up whole.
    owned: Rc<RefCell<BTreeSet<SessionId>>>,
    /// Gaps that the quota had no room for.
    pending_gaps: Rc<RefCell<Vec<PendingGaps>>>,
    /// When room was last made for a commit, Unix milliseconds.
    made_room_ms: Rc<Cell<u64>>,
}

impl IndexedDbLog {
    /// Opens the database `name`, making or upgrading it first.
    ///
    /// # Errors
    /// [`LogError::Unavailable`], [`LogError::Blocked`], [`LogError::VersionChange`] when a newer version of
    /// this code has been here, and whatever else the browser says.
    pub async fn open(name: &str, durability: Durability) -> Result<Self, LogError> {
        let log = Self::new(name, durability);
        log.connection.open().await?;
        Ok(log)
    }

    /// A log in the database `name`, which the first call opens.
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
    pub fn is_open(&self) -> bool {
        self.connection.is_open()
    }

    /// The database's name: the one that was given, or that of the [newest](crate::recorder::RecorderLog::set_aside) begun in its place.
    pub fn name(&self) -> String {
        self.connection.name()
    }

    /// Deletes the database `name` with everything in it.
    pub async fn delete(name: &str) -> Result<(), LogError> {
        schema::delete(name).await
    }

    /// Closes the connection. A later call opens it again.
    pub fn close(&self) {
        self.connection.close();
    }

    /// The last committed message of a relay, over all sessions; `None` when none was.
    pub async fn relay_message(&self, relay_id: &str) -> Result<Option<u64>, LogError> {
        let transaction = self.connection.read(&[RELAYS]).await?;
        stored(&transaction, RELAYS, &relay_id.into(), "message").await
    }

    /// The newest records of a session, newest first, as many whole ones as `limits` allow: what refills the ring of
    /// a resumed session.
    pub async fn tail(&self, session_id: SessionId, limits: Limits) -> Result<Vec<Entry>, LogError> {
        let (entries, damage) = read::backward(self, session_id, limits).await?;
        self.report(session_id, damage).await;
        Ok(entries)
    }

    /// Takes what was found wrong with the log since the last call: each is a gap in what was read.
    pub fn take_problems(&self) -> Vec<LogError> {
        std::mem::take(&mut self.problems.borrow_mut())
    }

    /// Keeps what was found for [`take_problems`](Self::take_problems), and writes the gaps in place of the
    /// unreadable bytes. If that fails, the next read finds and reports the same.
    async fn report(&self, session_id: SessionId, damage: Vec<Damage>) {
        if damage.is_empty() {
            return;
        }
        if let Err(error) = repair::replace_corrupt(self, session_id, &damage).await {
            self.note(error);
        }
        for Damage {
            category,
            first_seq,
            reason,
            ..
        } in damage
        {
            self.note(LogError::Corrupt {
                category,
                first_seq,
                reason,
            });
        }
    }

    fn note(&self, problem: LogError) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() < MAX_PROBLEMS && !problems.contains(&problem) {
            problems.push(problem);
        }
    }
}
