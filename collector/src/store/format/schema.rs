//! The tables, and the steps from every earlier schema to this one.
//!
//! `user_version` is the schema's number. [`migrate`] runs the missing steps in one transaction; a file
//! from a newer program is refused rather than guessed at. The text index lives in a file of its own
//! (see [`crate::store::index`]): it can be rebuilt from this one at any time.

use crate::store::StoreError;
use rusqlite::Connection;

/// Each step brings a store from the schema before it to the next one. Never edit a released step.
const STEPS: &[&str] = &[STEP_1, STEP_2, STEP_3];

const STEP_1: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- Interned categories (kind 0) and types (kind 1).
CREATE TABLE names (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (kind, name));

CREATE TABLE sessions (
  id INTEGER PRIMARY KEY,
  session TEXT NOT NULL UNIQUE,
  producer TEXT,                        -- a local process's name; null for a recorder
  pairing TEXT,                         -- the pairing that delivered it first
  created_ts INTEGER NOT NULL,
  acked_seq INTEGER NOT NULL DEFAULT 0,
  latest_seq INTEGER NOT NULL DEFAULT 0,
  first_ts INTEGER,
  last_ts INTEGER,
  pruned INTEGER NOT NULL DEFAULT 0     -- seqs whose record retention took away
);

-- Covered ranges above a session's first missing seq; acked_seq holds the rest.
CREATE TABLE islands (
  session INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
  PRIMARY KEY (session, first_seq)
) WITHOUT ROWID;

-- Clustered by order of commit, which is also nearly the order within a session.
CREATE TABLE events (
  position INTEGER PRIMARY KEY,
  session INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  ts INTEGER NOT NULL,
  category INTEGER NOT NULL,
  type INTEGER NOT NULL,
  source_kind INTEGER NOT NULL,
  detail_level INTEGER NOT NULL,
  severity INTEGER NOT NULL,
  status INTEGER NOT NULL,
  tab INTEGER NOT NULL,
  line BLOB NOT NULL
);
CREATE UNIQUE INDEX events_by_seq ON events (session, seq);

CREATE TABLE gaps (
  position INTEGER PRIMARY KEY,
  session INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  category TEXT NOT NULL,
  reason TEXT NOT NULL
);
CREATE UNIQUE INDEX gaps_by_seq ON gaps (session, first_seq);

-- What is stored of each session.
CREATE TABLE counts (
  session INTEGER NOT NULL, category INTEGER NOT NULL, severity INTEGER NOT NULL, events INTEGER NOT NULL,
  PRIMARY KEY (session, category, severity)
) WITHOUT ROWID;

-- Which tabs were seen, and when.
CREATE TABLE tabs (
  session INTEGER NOT NULL, tab INTEGER NOT NULL, events INTEGER NOT NULL,
  first_ts INTEGER NOT NULL, last_ts INTEGER NOT NULL,
  PRIMARY KEY (session, tab)
) WITHOUT ROWID;

-- Lines that say what was being watched (see `coverage`); retention leaves them.
CREATE TABLE milestones (
  session INTEGER NOT NULL, seq INTEGER NOT NULL, ts INTEGER NOT NULL, type TEXT NOT NULL, line BLOB NOT NULL,
  PRIMARY KEY (session, seq)
) WITHOUT ROWID;

-- When which position was reached, about once per minute: retention by age asks this, not the events' own clocks.
CREATE TABLE clock (ts INTEGER PRIMARY KEY, position INTEGER NOT NULL);

-- Positions whose record was deleted, for the text index to forget.
CREATE TABLE unindex (id INTEGER PRIMARY KEY AUTOINCREMENT, position INTEGER NOT NULL);

-- Answers already given to a request with an Idempotency-Key.
CREATE TABLE idempotency (
  key TEXT PRIMARY KEY, digest BLOB NOT NULL, session INTEGER NOT NULL,
  first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, ts INTEGER NOT NULL
) WITHOUT ROWID;
";

/// From here on a line may be packed (see `packed`); those before stay as they are. Only the number rises, so that
/// a program without that schema refuses the file.
const STEP_2: &str = "";

/// From here on a line may be packed against the second dictionary. The tables do not change; the number rises so that a
/// program without that schema refuses the file.
const STEP_3: &str = "";

/// This program's schema number.
pub(in crate::store) const VERSION: i64 = STEPS.len() as i64;

/// Brings `connection` to the current schema.
pub(in crate::store) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > VERSION {
        return Err(StoreError::NewerSchema {
            found,
            known: VERSION,
        });
    }
    if found == VERSION {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}
