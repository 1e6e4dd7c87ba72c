//! The seqs of one session that the store has accounted for.
//!
//! A seq is covered once an event or a gap was stored for it, and stays covered when retention or a
//! deletion takes the record away: the ledger only grows. [`Ledger::acked_seq`] is the unbroken prefix
//! from 1, the number a producer may forget up to. Seqs above a missing one are kept as disjoint ranges,
//! so a session delivered in order costs one number.

use std::collections::BTreeMap;

/// Covered seqs of one session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::store) struct Ledger {
    acked_seq: u64,
    /// Covered ranges above the first missing seq: first → last, disjoint, never touching.
    ranges_above_gap: BTreeMap<u64, u64>,
}

impl Ledger {
    /// Restores a ledger from its stored prefix and the ranges above it.
    pub(in crate::store) fn restore(acked_seq: u64, ranges: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut ledger = Self {
            acked_seq,
            ranges_above_gap: BTreeMap::new(),
        };
        for (first, last) in ranges {
            ledger.cover(first, last);
        }
        ledger
    }

    /// The last seq of the unbroken prefix from 1; 0 when seq 1 is missing.
    pub(in crate::store) const fn acked_seq(&self) -> u64 {
        self.acked_seq
    }

    /// The highest covered seq.
    pub(in crate::store) fn latest_seq(&self) -> u64 {
        self.ranges_above_gap
            .last_key_value()
            .map_or(self.acked_seq, |(_, last)| *last)
    }

    /// Returns the covered ranges above the first missing seq.
    pub(in crate::store) fn ranges_above_gap(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.ranges_above_gap.iter().map(|(first, last)| (*first, *last))
    }

    /// Whether `seq` is accounted for.
    pub(in crate::store) fn covers(&self, seq: u64) -> bool {
        seq <= self.acked_seq
            || self
                .ranges_above_gap
                .range(..=seq)
                .next_back()
                .is_some_and(|(_, last)| seq <= *last)
    }

    /// Accounts for every seq from `first` to `last`.
    pub(in crate::store) fn cover(&mut self, first: u64, last: u64) {
        if last <= self.acked_seq {
            return;
        }
        if first <= self.acked_seq + 1 {
            self.acked_seq = last;
            self.absorb_ranges();
            return;
        }
        let mut first = first;
        let mut last = last;
        // Ranges that overlap or touch [first, last] become one with it.
        while let Some((start, end)) = self
            .ranges_above_gap
            .range(..=last.saturating_add(1))
            .next_back()
            .map(|(s, e)| (*s, *e))
        {
            if end.saturating_add(1) < first {
                break;
            }
            self.ranges_above_gap.remove(&start);
            first = first.min(start);
            last = last.max(end);
        }
        self.ranges_above_gap.insert(first, last);
    }

    /// The parts of `first..=last` that are not accounted for, in order.
    pub(in crate::store) fn uncovered(&self, first: u64, last: u64) -> Vec<(u64, u64)> {
        let mut parts = Vec::new();
        let mut next = first.max(self.acked_seq + 1);
        let from = self
            .ranges_above_gap
            .range(..=next)
            .next_back()
            .map_or(next, |(start, _)| *start);
        for (&start, &end) in self.ranges_above_gap.range(from..) {
            if start > last {
                break;
            }
            if next < start {
                parts.push((next, start - 1));
            }
            next = next.max(end + 1);
        }
        if next <= last {
            parts.push((next, last));
        }
        parts
    }

    fn absorb_ranges(&mut self) {
        while let Some((&start, &end)) = self.ranges_above_gap.first_key_value() {
            if start > self.acked_seq + 1 {
                break;
            }
            self.ranges_above_gap.remove(&start);
            self.acked_seq = self.acked_seq.max(end);
        }
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
