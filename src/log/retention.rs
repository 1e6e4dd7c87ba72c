//! The segments that retention may remove, and their order.
//!
//! First what every collector has: the oldest segments of a category that is over its bytes or its age,
//! whole sessions when they are past the age. Only when the browser's quota leaves nothing else, what no
//! collector has yet. Either way the seqs stay accounted for, as gaps of reason `not_retained` or
//! `quota`. Pure: what is stored is an argument.

use crate::record::SessionId;
use std::collections::BTreeMap;

/// How much is kept, by category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Most bytes of a category over all sessions, unless it has a limit of its own.
    pub max_bytes: u64,
    /// Limits of single categories.
    pub max_bytes_by_category: BTreeMap<String, u64>,
    /// How long records are kept, in milliseconds.
    pub max_age_ms: u64,
}

/// A category of everyday browsing fills this in days; six of them stay far below what browsers grant.
const DEFAULT_MAX_BYTES: u64 = 128 << 20;
/// A week, as the collector's default.
const DEFAULT_MAX_AGE_MS: u64 = 7 * 24 * 60 * 60 * 1000;

impl Default for RetentionPolicy {
    fn default() -> Self {
        Self {
            max_bytes: DEFAULT_MAX_BYTES,
            max_bytes_by_category: BTreeMap::new(),
            max_age_ms: DEFAULT_MAX_AGE_MS,
        }
    }
}

impl RetentionPolicy {
    /// Most bytes of `category`.
    pub fn max_bytes_of(&self, category: &str) -> u64 {
        self.max_bytes_by_category
            .get(category)
            .copied()
            .unwrap_or(self.max_bytes)
    }
}

/// The amount that retention removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retained {
    /// Bytes of segments that are free now.
    pub freed_bytes: u64,
    /// Segments whose lines are gone.
    pub segments: u64,
    /// Sessions that are gone whole.
    pub sessions: u64,
    /// Seqs that were given up before any collector had them.
    pub unacked_seqs: u64,
}

/// How far each store has acknowledged each session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Acks {
    rows: BTreeMap<(SessionId, String), u64>,
    /// Every store that has acknowledged anything lately.
    stores: Vec<String>,
}

impl Acks {
    /// A store that has not answered since `since_ms` is not waited for any more.
    pub(crate) fn new(rows: impl Iterator<Item = (SessionId, String, u64, u64)>, since_ms: u64) -> Self {
        let mut acks = Self::default();
        for (session_id, store_id, acked_seq, acked_ms) in rows {
            if acked_ms >= since_ms && !acks.stores.contains(&store_id) {
                acks.stores.push(store_id.clone());
            }
            acks.rows.insert((session_id, store_id), acked_seq);
        }
        acks
    }

    /// The last seq of a session that every store has. With no store there is nothing to wait for.
    pub(crate) fn by_all(&self, session_id: SessionId) -> u64 {
        let acked = |store_id: &String| {
            self.rows
                .get(&(session_id, store_id.clone()))
                .copied()
                .unwrap_or(0)
        };
        self.stores.iter().map(acked).min().unwrap_or(u64::MAX)
    }
}

/// One category of one session, as its head tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CategoryUsage {
    pub(crate) session_id: SessionId,
    pub(crate) category: String,
    pub(crate) bytes: u64,
}

/// Bytes of each category over all sessions.
pub(crate) fn totals(usages: &[CategoryUsage]) -> BTreeMap<String, u64> {
    let mut totals = BTreeMap::new();
    for usage in usages {
        *totals.entry(usage.category.clone()).or_default() += usage.bytes;
    }
    totals
}

/// The order in which room is made: the category that takes most first, so that a flood in one does not
/// cost the others their history; within it as they come, which is oldest first.
pub(crate) fn largest_first(usages: &[CategoryUsage]) -> Vec<&CategoryUsage> {
    let mut totals = totals(usages);
    let mut order = Vec::with_capacity(usages.len());
    // A handful of categories: picking the largest of what is left is a sort, in a tenth of the code.
    while let Some(largest) = totals
        .iter()
        .max_by_key(|(_, bytes)| **bytes)
        .map(|(name, _)| name.clone())
    {
        totals.remove(&largest);
        order.extend(usages.iter().filter(|usage| usage.category == largest));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn session_id(unix_millis: u64) -> SessionId {
        SessionId::from_time(unix_millis, [7; 10])
    }

    fn acks(rows: &[(u64, &str, u64, u64)]) -> Acks {
        let rows = rows
            .iter()
            .map(|(session, store, seq, ms)| (session_id(*session), (*store).to_owned(), *seq, *ms));
        Acks::new(rows, 100)
    }

    #[test]
    fn what_one_store_lacks_is_not_acked_by_all() {
        let acks = acks(&[(1, "a", 9, 200), (1, "b", 4, 200), (2, "a", 7, 200)]);
        assert_eq!(acks.by_all(session_id(1)), 4);
        assert_eq!(acks.by_all(session_id(2)), 0);
    }

    #[test]
    fn a_store_that_is_gone_is_not_waited_for() {
        let acks = acks(&[(1, "a", 9, 200), (1, "b", 4, 99)]);
        assert_eq!(acks.by_all(session_id(1)), 9);
    }

    #[test]
    fn without_a_store_no_ack_is_waited_for() {
        assert_eq!(Acks::default().by_all(session_id(1)), u64::MAX);
    }

    #[test]
    fn in_need_the_largest_category_gives_its_oldest_first() {
        let usage = |session, category: &str, bytes| CategoryUsage {
            session_id: session_id(session),
            category: category.to_owned(),
            bytes,
        };
        let usages = [
            usage(1, "console", 5),
            usage(1, "network", 3),
            usage(2, "network", 4),
            usage(2, "console", 1),
        ];
        let order: Vec<_> = largest_first(&usages)
            .into_iter()
            .map(|usage| (usage.session_id, usage.category.clone()))
            .collect();
        let expected = [(1, "network"), (2, "network"), (1, "console"), (2, "console")];
        assert_eq!(
            order,
            expected.map(|(session, category)| (session_id(session), category.to_owned()))
        );
    }
}
