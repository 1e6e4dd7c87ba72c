//! Reads the intact records of a damaged store, to bring them into another.
//!
//! Events are stored in order of commit, so a damaged page contains a stretch of them: reading continues at the first
//! position after it that can be read.

use crate::store::StoreError;
use crate::store::format::gaps::{gap_line, read_gap};
use crate::store::format::packed::Unpacker;
use crate::store::format::schema;
use crate::store::store_file::with_suffix;
use bytes::Bytes;
use rusqlite::{Connection, OpenFlags, Row, params};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use tabtape::record::SessionId;

/// Rows read at once.
const ROWS: i64 = 500;
/// Positions after a damaged one that are tried one by one.
const PATIENCE: i64 = 10_000;
/// No store has so many positions.
const MAX_POSITION: i64 = 1 << 53;

/// The records at or after a position.
enum Seen {
    Rows,
    Damage,
    End,
}

/// The writer of a session.
#[derive(Debug, Clone, Default)]
pub struct Owner {
    /// A local process's name.
    pub producer: Option<String>,
    /// The pairing that delivered it.
    pub pairing: Option<String>,
    /// Whether retention had taken something of it.
    pub is_pruned: bool,
}

/// A damaged store, read from its beginning.
pub struct Salvage {
    connection: Connection,
    unpacker: Unpacker,
    at: i64,
    /// Lines that were there and could not be read, and tables that ended early.
    pub unreadable: u64,
}

impl fmt::Debug for Salvage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Salvage")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl Salvage {
    /// Opens a store's file; it is not written to.
    ///
    /// # Errors
    /// It is not there, is no store, or is one of a newer program.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        // Without its log next to it, SQLite reads it only as a file that no process changes.
        let has_log = with_suffix(path, "-wal").exists();
        let unreachable = StoreError::folder(path);
        std::fs::metadata(path).map_err(unreachable)?;
        let absolute = std::path::absolute(path).map_err(unreachable)?;
        let mut url = reqwest::Url::from_file_path(absolute)
            .map_err(|()| unreachable(std::io::ErrorKind::InvalidFilename.into()))?;
        url.set_query(Some(if has_log { "mode=ro" } else { "mode=ro&immutable=1" }));
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(url.as_str(), flags)?;
        // Otherwise SQLite refuses a file that is shorter than its header expects.
        connection.pragma_update(None, "writable_schema", true)?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found > schema::VERSION {
            return Err(StoreError::NewerSchema {
                found,
                known: schema::VERSION,
            });
        }
        Ok(Self {
            connection,
            unpacker: Unpacker::new()?,
            at: 0,
            unreadable: 0,
        })
    }

    /// The next events' lines, in order of commit; `None` at the end.
    ///
    /// # Errors
    /// There is no table of events.
    pub fn events(&mut self) -> Result<Option<Vec<Bytes>>, StoreError> {
        loop {
            let mut lines = Vec::new();
            match self.look(&mut lines)? {
                Seen::Rows if lines.is_empty() => {}
                Seen::Rows => return Ok(Some(lines)),
                Seen::End => return Ok(None),
                Seen::Damage => {
                    if !self.skip()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Reads some rows from the current position.
    fn look(&mut self, lines: &mut Vec<Bytes>) -> Result<Seen, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT position, line FROM events WHERE position >= ?1 ORDER BY position LIMIT ?2",
        )?;
        let mut rows = statement.query(params![self.at, ROWS])?;
        let mut seen = Seen::End;
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(seen),
                Err(_) if matches!(seen, Seen::Rows) => return Ok(seen),
                Err(_) => return Ok(Seen::Damage),
            };
            seen = Seen::Rows;
            self.at = row.get::<_, i64>(0)? + 1;
            match self.unpacker.line(row.get_ref(1)?.as_blob().unwrap_or_default()) {
                Ok(line) => lines.push(Bytes::copy_from_slice(line)),
                Err(_) => self.unreadable += 1,
            }
        }
    }

    /// Continues at the next position after a damaged stretch; false if none can be read.
    fn skip(&mut self) -> Result<bool, StoreError> {
        let mut probe = self
            .connection
            .prepare_cached("SELECT position FROM events WHERE position >= ?1 ORDER BY position LIMIT 1")?;
        let mut seen = |from: i64| match probe.query_row([from], |row| row.get::<_, i64>(0)) {
            Ok(_) => Seen::Rows,
            Err(rusqlite::Error::QueryReturnedNoRows) => Seen::End,
            Err(_) => Seen::Damage,
        };
        // One by one through what a damage usually takes, then in growing steps up to where there is something else.
        let mut damaged = self.at;
        let mut step = 1;
        let mut other = loop {
            let from = damaged.saturating_add(step);
            if from > MAX_POSITION {
                return Ok(false);
            }
            match seen(from) {
                Seen::Damage => damaged = from,
                Seen::Rows | Seen::End => break from,
            }
            if damaged - self.at > PATIENCE {
                step *= 2;
            }
        };
        while other - damaged > 1 {
            let middle = damaged + (other - damaged) / 2;
            match seen(middle) {
                Seen::Damage => damaged = middle,
                Seen::Rows | Seen::End => other = middle,
            }
        }
        self.at = other;
        Ok(true)
    }

    /// Returns the local process that wrote each session, and the pairing that delivered it.
    pub fn owners(&mut self) -> BTreeMap<String, Owner> {
        let mut owners = BTreeMap::new();
        self.each(
            "SELECT session, producer, pairing, pruned > 0 FROM sessions",
            |row| {
                let owner = Owner {
                    producer: row.get(1)?,
                    pairing: row.get(2)?,
                    is_pruned: row.get(3)?,
                };
                owners.insert(row.get(0)?, owner);
                Ok(())
            },
        );
        owners
    }

    /// Returns the milestones and gaps. Lines that cannot be read are left out.
    pub fn others(&mut self) -> Vec<Bytes> {
        let mut lines = Vec::new();
        self.each("SELECT line FROM milestones", |row| {
            let line = row.get_ref(0)?.as_blob().unwrap_or_default();
            lines.push(Bytes::copy_from_slice(line));
            Ok(())
        });
        self.each(
            "SELECT s.session, g.first_seq, g.last_seq, g.category, g.reason
             FROM gaps g JOIN sessions s ON s.id = g.session",
            |row| {
                if let Ok(session_id) = SessionId::parse(row.get_ref(0)?.as_bytes().unwrap_or_default()) {
                    lines.push(gap_line(session_id, &read_gap(row, 1)?));
                }
                Ok(())
            },
        );
        lines
    }

    /// Hands over the rows of a query, up to the first that cannot be read.
    fn each(&mut self, sql: &str, mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>) {
        let read = self.connection.prepare(sql).and_then(|mut statement| {
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                take(row)?;
            }
            Ok(())
        });
        self.unreadable += u64::from(read.is_err());
    }
}
