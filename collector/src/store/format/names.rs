//! Interned categories and types: a small number in each row instead of a string.
//!
//! The writer adds names inside its transaction and makes them visible to readers after the commit; a
//! rolled-back transaction forgets them.

use rusqlite::{Connection, Transaction, params};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// The kind of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(in crate::store) enum NameKind {
    Category = 0,
    Type = 1,
}

/// Committed names, shared with the readers.
#[derive(Debug, Default)]
pub(in crate::store) struct Names {
    by_id: RwLock<HashMap<i64, (NameKind, String)>>,
}

impl Names {
    pub(in crate::store) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare("SELECT id, kind, name FROM names")?;
        let rows = statement.query_map([], |row| {
            let kind = if row.get::<_, i64>(1)? == 0 {
                NameKind::Category
            } else {
                NameKind::Type
            };
            Ok((row.get(0)?, (kind, row.get(2)?)))
        })?;
        Ok(Self {
            by_id: RwLock::new(rows.collect::<rusqlite::Result<_>>()?),
        })
    }

    /// Learns names that the snapshot of `connection` holds and the writer has not yet shown.
    pub(in crate::store) fn refresh(&self, connection: &Connection) -> rusqlite::Result<()> {
        let stored: i64 = connection
            .prepare_cached("SELECT coalesce(max(id), 0) FROM names")?
            .query_row([], |row| row.get(0))?;
        let known = self.by_id.read().unwrap_or_else(PoisonError::into_inner).len();
        if i64::try_from(known) != Ok(stored) {
            let loaded = Self::load(connection)?
                .by_id
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner);
            self.by_id
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(loaded);
        }
        Ok(())
    }

    /// The ids of every name of `kind` that `wanted` accepts.
    pub(in crate::store) fn ids(&self, kind: NameKind, wanted: impl Fn(&str) -> bool) -> Vec<i64> {
        let by_id = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
        let mut ids: Vec<i64> = by_id
            .iter()
            .filter(|(_, (of_kind, name))| *of_kind == kind && wanted(name))
            .map(|(id, _)| *id)
            .collect();
        ids.sort_unstable();
        ids
    }

    /// The name with this id.
    pub(in crate::store) fn name(&self, id: i64) -> Option<String> {
        let by_id = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
        by_id.get(&id).map(|(_, name)| name.clone())
    }

    fn publish(&self, added: impl IntoIterator<Item = (i64, NameKind, String)>) {
        let mut by_id = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        by_id.extend(added.into_iter().map(|(id, kind, name)| (id, (kind, name))));
    }
}

/// The writer's side: name → id, with what the open transaction added.
#[derive(Debug)]
pub(in crate::store) struct Interner {
    ids: [HashMap<String, i64>; 2],
    added: Vec<(i64, NameKind, String)>,
}

impl Interner {
    pub(in crate::store) fn of(names: &Names) -> Self {
        let by_id = names.by_id.read().unwrap_or_else(PoisonError::into_inner);
        let mut ids = [HashMap::new(), HashMap::new()];
        for (id, (kind, name)) in by_id.iter() {
            ids[*kind as usize].insert(name.clone(), *id);
        }
        Self {
            ids,
            added: Vec::new(),
        }
    }

    pub(in crate::store) fn id(
        &mut self,
        transaction: &Transaction<'_>,
        kind: NameKind,
        name: &str,
    ) -> rusqlite::Result<i64> {
        if let Some(id) = self.ids[kind as usize].get(name) {
            return Ok(*id);
        }
        transaction.execute(
            "INSERT INTO names (kind, name) VALUES (?1, ?2)",
            params![kind as u8, name],
        )?;
        let id = transaction.last_insert_rowid();
        self.ids[kind as usize].insert(name.to_owned(), id);
        self.added.push((id, kind, name.to_owned()));
        Ok(id)
    }

    /// The transaction is on disk.
    pub(in crate::store) fn committed(&mut self, names: &Names) {
        names.publish(self.added.drain(..));
    }

    /// The transaction is undone.
    pub(in crate::store) fn rolled_back(&mut self) {
        for (_, kind, name) in self.added.drain(..) {
            self.ids[kind as usize].remove(&name);
        }
    }
}
