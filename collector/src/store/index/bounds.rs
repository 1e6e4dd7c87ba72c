//! The conditions that a selector sets for blocks, and the blocks that fulfil them.

use super::{BLOCK, GROUP, bit, indexed_to, trigrams};
use crate::store::as_sql;
use rusqlite::Connection;
use std::fmt::Write as _;
use tabtape::selector::{Filter as Condition, Term};

/// Conditions on the index of blocks that every block with a match fulfils.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Bounds {
    sql: String,
    text: Vec<String>,
    /// Severities that a match may have, one bit each; `None` for all. Terms of it are combined: a block with errors
    /// and debug output contains nothing that is neither.
    severities: Option<i64>,
    /// Whether a term asks only for names or sessions that the store does not have.
    is_unmatchable: bool,
}

impl Bounds {
    /// Whether every block fulfils them.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.sql.is_empty() && self.text.is_empty() && self.severities.is_none()
    }

    /// Whether no event can match, because a term asks for names or sessions that the store does not have.
    pub(in crate::store) fn is_unmatchable(&self) -> bool {
        self.is_unmatchable
    }

    /// Conditions on `blocks`, each with its `AND`.
    pub(in crate::store) fn sql(&self) -> String {
        let severities = self
            .severities
            .map(|mask| format!(" AND severities & {mask} <> 0"));
        format!("{}{}", self.sql, severities.unwrap_or_default())
    }

    /// An FTS5 query for the trigrams.
    pub(in crate::store) fn text(&self) -> Option<String> {
        (!self.text.is_empty()).then(|| self.text.join(" "))
    }

    fn narrow(&mut self, condition: std::fmt::Arguments<'_>) {
        let _ = self.sql.write_fmt(condition); // writing to a string does not fail
    }

    fn any_bit(&mut self, column: &str, values: impl IntoIterator<Item = i64>) {
        let mask = bits(values);
        self.narrow(format_args!(" AND {column} & {mask} <> 0"));
    }

    /// Adds the conditions of a term. `ids` are the row ids of its names or sessions.
    pub(in crate::store) fn add(&mut self, term: &Term, ids: Option<&[i64]>) {
        self.is_unmatchable |= !term.negated && ids.is_some_and(<[i64]>::is_empty);
        let named = ids.unwrap_or_default().iter().copied();
        match &term.filter {
            Condition::Severity(least) => {
                let all_from = bits(*least as i64..64);
                let wanted = if term.negated { !all_from } else { all_from };
                self.severities = Some(self.severities.unwrap_or(-1) & wanted);
            }
            _ if term.negated => {}
            Condition::Category(_) => self.any_bit("categories", named),
            Condition::Type(_) => self.any_bit("types", named),
            Condition::Session(_) => self.any_bit("sessions", named),
            Condition::Kind(kinds) => self.any_bit("kinds", kinds.iter().map(|kind| *kind as i64)),
            Condition::Detail(level) => self.any_bit("details", *level as i64..64),
            Condition::Status(ranges) => self.any_bit(
                "statuses",
                ranges
                    .iter()
                    .flat_map(|range| i64::from(range.first) / 100..=i64::from(range.last) / 100),
            ),
            Condition::Tab(tabs) => self.any_bit("tabs", tabs.iter().copied()),
            Condition::Since(ts) => self.narrow(format_args!(" AND max_ts >= {}", as_sql(*ts))),
            Condition::Until(ts) => self.narrow(format_args!(" AND min_ts <= {}", as_sql(*ts))),
            Condition::Text(text) => self.text.extend(trigrams::query(text)),
            // A url's glob or site contains no text that a match must contain literally.
            Condition::Site(_) | Condition::Url(_) => {}
        }
    }
}

fn bits(values: impl IntoIterator<Item = i64>) -> i64 {
    values.into_iter().fold(0, |mask, value| mask | bit(value))
}

/// Returns the ranges of positions in `(from, to]` that may contain a match, ascending; `None` if the index
/// cannot narrow them down. Positions that are not indexed yet are one range at the end.
pub(in crate::store) fn candidates(
    connection: &Connection,
    bounds: &Bounds,
    from: u64,
    to: u64,
) -> rusqlite::Result<Option<Vec<(u64, u64)>>> {
    let indexed = indexed_to(connection, "idx")?;
    if bounds.is_empty() || from >= indexed {
        return Ok(None);
    }
    let first = (from / BLOCK) as i64 + 1;
    let last = (to.min(indexed).div_ceil(BLOCK)) as i64;
    let conditions = bounds.sql();
    let mut sql = match bounds.text() {
        // Tokens contain only letters that this module wrote: nothing to quote.
        Some(text) => format!(
            "SELECT block FROM idx.blocks WHERE block BETWEEN ?1 AND ?2{conditions} AND block IN
               (SELECT rowid FROM idx.trigrams WHERE trigrams MATCH '{text}' AND rowid BETWEEN ?1 AND ?2)"
        ),
        // A group of blocks fulfils each condition that one of its blocks does.
        None => format!(
            "SELECT block FROM
               (SELECT block_group FROM idx.block_groups
                WHERE block_group BETWEEN (?1 - 1) / {GROUP} AND (?2 - 1) / {GROUP}{conditions})
             CROSS JOIN idx.blocks
             ON block BETWEEN max(?1, block_group * {GROUP} + 1) AND min(?2, (block_group + 1) * {GROUP})
             WHERE TRUE{conditions}"
        ),
    };
    sql += " ORDER BY block";
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([first, last])?;
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    while let Some(row) = rows.next()? {
        let block = row.get::<_, i64>(0)? as u64 - 1;
        let low = (block * BLOCK).max(from);
        let high = ((block + 1) * BLOCK).min(to);
        match ranges.last_mut() {
            Some((_, end)) if *end == low => *end = high,
            _ => ranges.push((low, high)),
        }
    }
    if to > indexed {
        ranges.push((indexed.max(from), to));
    }
    Ok(Some(ranges))
}

#[cfg(test)]
mod tests {
    use super::Bounds;
    use tabtape::selector::Selector;

    #[test]
    fn terms_of_severity_are_one_condition() {
        let mut bounds = Bounds::default();
        let warnings = Selector::parse("severity:warn -severity:error", 0).expect("a selector");
        for term in warnings.terms() {
            bounds.add(term, None);
        }
        // A block of debug output and errors has the bits 1 and 8.
        assert_eq!(bounds.sql(), " AND severities & 4 <> 0");
        assert!(!bounds.is_empty());
    }

    #[test]
    fn names_that_no_event_has_match_nothing_unless_they_are_excluded() {
        let bounds_of = |query: &str, ids: &[i64]| {
            let mut bounds = Bounds::default();
            for term in Selector::parse(query, 0).expect("a selector").terms() {
                bounds.add(term, Some(ids));
            }
            (bounds.is_unmatchable(), bounds.is_empty())
        };
        assert_eq!(bounds_of("type:system.mark", &[]), (true, false));
        assert_eq!(bounds_of("type:system.mark", &[3]), (false, false));
        assert_eq!(bounds_of("-type:system.mark", &[]), (false, true));
    }
}
