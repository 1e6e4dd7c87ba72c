//! The seqs of one session that the store has accounted for.
//!
//! A seq is covered once an event or a gap was stored for it, and stays covered when retention or a
//! deletion takes the record away: the ledger only grows. [`Ledger::acked_seq`] is the unbroken prefix
//! from 1, the number a producer may forget up to. Seqs above a missing one are kept as disjoint ranges,
//! so a session delivered in order costs one range.

use rangemap::RangeInclusiveSet;
use std::ops::RangeInclusive;

/// Covered seqs of one session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::store) struct Ledger {
    covered: RangeInclusiveSet<u64>,
}

impl Ledger {
    /// Restores a ledger from its stored prefix and the ranges above it.
    pub(in crate::store) fn restore(acked_seq: u64, ranges: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut ledger = Self::default();
        ledger.cover(1, acked_seq);
        for (first, last) in ranges {
            ledger.cover(first, last);
        }
        ledger
    }

    fn prefix(&self) -> Option<&RangeInclusive<u64>> {
        self.covered.first().filter(|range| *range.start() == 1)
    }

    /// The last seq of the unbroken prefix from 1; 0 when seq 1 is missing.
    pub(in crate::store) fn acked_seq(&self) -> u64 {
        self.prefix().map_or(0, |range| *range.end())
    }

    /// The highest covered seq.
    pub(in crate::store) fn latest_seq(&self) -> u64 {
        self.covered.last().map_or(0, |range| *range.end())
    }

    /// Returns the covered ranges above the first missing seq.
    pub(in crate::store) fn ranges_above_gap(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.covered
            .iter()
            .skip(usize::from(self.prefix().is_some()))
            .map(|range| (*range.start(), *range.end()))
    }

    /// Whether `seq` is accounted for.
    pub(in crate::store) fn covers(&self, seq: u64) -> bool {
        seq == 0 || self.covered.contains(&seq)
    }

    /// Accounts for every seq from `first` to `last`.
    pub(in crate::store) fn cover(&mut self, first: u64, last: u64) {
        let first = first.max(1);
        if first <= last {
            self.covered.insert(first..=last);
        }
    }

    /// The parts of `first..=last` that are not accounted for, in order.
    pub(in crate::store) fn uncovered(&self, first: u64, last: u64) -> Vec<(u64, u64)> {
        let first = first.max(1);
        if first > last {
            return Vec::new();
        }
        let asked = first..=last;
        let gaps = self.covered.gaps(&asked);
        gaps.map(|range| (*range.start(), *range.end())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Ledger;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_missing_seq_holds_the_prefix_back_until_it_arrives() {
        let mut ledger = Ledger::default();
        ledger.cover(1, 10);
        ledger.cover(21, 30);
        assert_eq!((ledger.acked_seq(), ledger.latest_seq()), (10, 30));
        assert_eq!(ledger.uncovered(5, 35), vec![(11, 20), (31, 35)]);
        ledger.cover(11, 20);
        assert_eq!(ledger.acked_seq(), 30);
        assert_eq!(ledger.ranges_above_gap().count(), 0);
    }

    proptest! {
        #[test]
        fn the_ledger_agrees_with_a_set_of_seqs(ranges in prop::collection::vec((1u64..60, 0u64..12), 0..40), probe in (1u64..70, 0u64..20)) {
            let mut ledger = Ledger::default();
            let mut set = BTreeSet::new();
            for (first, length) in ranges {
                ledger.cover(first, first + length);
                set.extend(first..=first + length);
            }
            let prefix = (1..).take_while(|seq| set.contains(seq)).last().unwrap_or(0);
            prop_assert_eq!(ledger.acked_seq(), prefix);
            prop_assert_eq!(ledger.latest_seq(), set.last().copied().unwrap_or(0));
            for seq in 1..80 {
                prop_assert_eq!(ledger.covers(seq), set.contains(&seq));
            }
            let (first, last) = (probe.0, probe.0 + probe.1);
            let missing: Vec<u64> = ledger.uncovered(first, last).iter().flat_map(|(a, b)| *a..=*b).collect();
            let expected: Vec<u64> = (first..=last).filter(|seq| !set.contains(seq)).collect();
            prop_assert_eq!(missing, expected);
            prop_assert_eq!(Ledger::restore(ledger.acked_seq(), ledger.ranges_above_gap()), ledger);
        }
    }
}
