//! A selector as SQL.
//!
//! Terms on columns become SQL; sites, urls and text are matched by the core on the remaining lines. A query
//! therefore finds exactly the records that a live stream would have shown; a test compares the two on random
//! data.

use crate::store::as_sql;
use crate::store::format::names::{NameKind, Names};
use crate::store::index::Bounds;
use rusqlite::Connection;
use std::fmt::Write as _;
use std::sync::Arc;
use tabtape::record::{Line, Record, parse_line};
use tabtape::selector::{Filter as Condition, Selector, StatusRange, Term};

/// A selector compiled against one snapshot of the store.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Filter {
    sql: String,
    selector: Option<Arc<Selector>>,
    /// Whether SQL decides everything.
    exact: bool,
    bounds: Bounds,
}

impl Filter {
    /// Compiles `selector` for a query on `connection`, whose snapshot has begun.
    pub(in crate::store) fn compile(
        connection: &Connection,
        names: &Names,
        selector: Option<&Arc<Selector>>,
    ) -> rusqlite::Result<Self> {
        let Some(selector) = selector.filter(|selector| !selector.always_true()) else {
            return Ok(Self {
                exact: true,
                ..Self::default()
            });
        };
        names.refresh(connection)?;
        let mut sql = String::new();
        let mut exact = true;
        let mut bounds = Bounds::default();
        for term in selector.terms() {
            let ids = ids(connection, names, term)?;
            bounds.add(term, ids.as_deref());
            match condition(term, ids.as_deref()) {
                Some(condition) if term.negated => push(&mut sql, format_args!(" AND NOT ({condition})")),
                Some(condition) => push(&mut sql, format_args!(" AND ({condition})")),
                None => exact = false,
            }
        }
        Ok(Self {
            sql,
            selector: Some(Arc::clone(selector)),
            exact,
            bounds,
        })
    }

    /// Conditions to append to a `WHERE` on `events`, each with its `AND`; no parameters.
    pub(in crate::store) fn sql(&self) -> &str {
        &self.sql
    }

    /// Returns the conditions on the index of blocks.
    pub(in crate::store) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Whether the SQL decides everything, and no line has to be read.
    pub(in crate::store) fn is_exact(&self) -> bool {
        self.exact || self.selector.is_none()
    }

    /// Whether a line that passed the SQL is wanted.
    pub(in crate::store) fn matches_line(&self, line: &[u8]) -> bool {
        let Some(selector) = self.selector.as_ref().filter(|_| !self.exact) else {
            return true;
        };
        match parse_line(line) {
            Ok(Line::Event { header, .. }) => selector.matches(&Record {
                header: &header,
                line,
            }),
            // Stored lines parsed once; one that no longer does is shown rather than hidden.
            _ => true,
        }
    }

    /// Whether the filter wants a gap of this category.
    pub(in crate::store) fn matches_gap(&self, category: &str, session: &str) -> bool {
        self.selector
            .as_ref()
            .is_none_or(|selector| wants_gap(selector, category, session))
    }
}

/// Whether `selector` wants a gap of this category in this session. The other fields of the dropped records are
/// unknown, so its other terms do not count.
pub(crate) fn wants_gap(selector: &Selector, category: &str, session: &str) -> bool {
    selector.wants_category(category) && wants_session(selector, session)
}

pub(super) fn wants_session(selector: &Selector, session: &str) -> bool {
    selector.terms().iter().all(|term| match &term.filter {
        Condition::Session(globs) => globs.iter().any(|glob| glob.matches(session)) != term.negated,
        _ => true,
    })
}

fn push(sql: &mut String, condition: std::fmt::Arguments<'_>) {
    let _ = sql.write_fmt(condition); // writing to a string does not fail
}

/// Returns the row ids of the names in a term: categories, types, sessions.
fn ids(connection: &Connection, names: &Names, term: &Term) -> rusqlite::Result<Option<Vec<i64>>> {
    Ok(Some(match &term.filter {
        Condition::Category(wanted) => names.ids(NameKind::Category, |name| {
            wanted.iter().any(|known| known == name)
        }),
        Condition::Type(globs) => {
            names.ids(NameKind::Type, |name| globs.iter().any(|glob| glob.matches(name)))
        }
        Condition::Session(globs) => {
            let mut statement = connection.prepare_cached("SELECT id, session FROM sessions")?;
            let mut rows = statement.query([])?;
            let mut ids = Vec::new();
            while let Some(row) = rows.next()? {
                let session = row.get_ref(1)?.as_str().unwrap_or_default();
                if globs.iter().any(|glob| glob.matches(session)) {
                    ids.push(row.get(0)?);
                }
            }
            ids
        }
        _ => return Ok(None),
    }))
}

/// Returns the SQL of a term without its negation, or `None` if the term needs the line. It contains only numbers
/// that this module wrote, so nothing needs binding.
fn condition(term: &Term, ids: Option<&[i64]>) -> Option<String> {
    let ids = ids.unwrap_or_default();
    Some(match &term.filter {
        Condition::Category(_) => one_of("category", ids),
        Condition::Type(_) => one_of("type", ids),
        Condition::Session(_) => one_of("session", ids),
        Condition::Kind(kinds) => one_of(
            "source_kind",
            &kinds.iter().map(|kind| *kind as i64).collect::<Vec<_>>(),
        ),
        Condition::Detail(level) => format!("detail_level >= {}", *level as u8),
        Condition::Severity(severity) => format!("severity >= {}", *severity as u8),
        Condition::Status(ranges) => status(ranges),
        Condition::Tab(tabs) => one_of("tab", tabs),
        Condition::Since(ts) => format!("ts >= {}", as_sql(*ts)),
        Condition::Until(ts) => format!("ts <= {}", as_sql(*ts)),
        Condition::Site(_) | Condition::Url(_) | Condition::Text(_) => return None,
    })
}

fn one_of(column: &str, values: &[i64]) -> String {
    let mut sql = format!("{column} IN (");
    for (index, value) in values.iter().enumerate() {
        push(
            &mut sql,
            format_args!("{}{value}", if index == 0 { "" } else { "," }),
        );
    }
    sql + ")"
}

fn status(ranges: &[StatusRange]) -> String {
    let between = |range: &StatusRange| format!("status BETWEEN {} AND {}", range.first, range.last);
    ranges.iter().map(between).collect::<Vec<_>>().join(" OR ")
}
