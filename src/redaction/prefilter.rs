//! Finds, at gigabytes a second, the few bytes where a secret's name or shape may end.
//!
//! The idea is Hyperscan's and the Rust `aho-corasick` crate's "Teddy": three bytes in a row are looked
//! up by nibble in small tables whose eight bits stand for eight buckets of patterns, and a window is a
//! candidate if one bucket accepts all three. Each candidate is verified, so a table that says yes too
//! often costs time, never correctness; [`Tables::new`] spreads the patterns so that this is rare.
//! Runs of digits long enough for a card number are found in the same pass.
//!
//! Patterns are sets of bytes a position, so case folding and "a quote or a `=`" cost nothing.

use super::frequency;

/// Bytes that one word of a mask covers.
pub(super) const BLOCK: usize = 64;

/// Three sets of bytes, each the product of a set of low and a set of high nibbles.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pattern([Nibbles; 3]);

#[derive(Debug, Clone, Copy, Default)]
struct Nibbles {
    low: u16,
    high: u16,
}

impl Nibbles {
    fn of(bytes: impl IntoIterator<Item = u8>) -> Self {
        bytes.into_iter().fold(Self::default(), |n, byte| Self {
            low: n.low | 1 << (byte & 15),
            high: n.high | 1 << (byte >> 4),
        })
    }

    fn union(self, other: Self) -> Self {
        Self { low: self.low | other.low, high: self.high | other.high }
    }

    /// How often a byte passes, in parts of the sum of all frequencies.
    fn passes(self) -> f32 {
        let bytes = (0..128u8).filter(|b| self.low >> (b & 15) & 1 == 1 && self.high >> (b >> 4) & 1 == 1);
        bytes.map(|byte| frequency::of(byte) as f32 / 1000.0).sum()
    }
}

impl Pattern {
    /// A pattern of three sets.
    pub(super) fn new(sets: [&[u8]; 3]) -> Self {
        Self(sets.map(|set| Nibbles::of(set.iter().copied())))
    }

    /// Three bytes, in either case if `fold`.
    pub(super) fn literal(bytes: &[u8], fold: bool) -> Self {
        let mut sets = [Nibbles::default(); 3];
        for (set, byte) in sets.iter_mut().zip(bytes) {
            let other = if fold { byte.to_ascii_uppercase() } else { *byte };
            let lower = if fold { byte.to_ascii_lowercase() } else { *byte };
            *set = Nibbles::of([lower, other]);
        }
        Self(sets)
    }

    fn union(self, other: Self) -> Self {
        let mut sets = self.0;
        for (set, more) in sets.iter_mut().zip(other.0) {
            *set = set.union(more);
        }
        Self(sets)
    }

    fn passes(self) -> f32 {
        self.0.iter().map(|set| set.passes()).product()
    }
}

/// The lookup tables: a bit a bucket, by nibble, by position.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    pub(super) low: [[u8; 16]; 3],
    pub(super) high: [[u8; 16]; 3],
}

impl Tables {
    /// Spreads patterns over eight buckets, each into the one it makes least talkative.
    pub(super) fn new(patterns: &[Pattern]) -> Self {
        let mut buckets = [(Pattern::default(), 0.0f32); 8];
        for pattern in patterns {
            let mut best = (f32::INFINITY, 0, *pattern, 0.0);
            for (i, (bucket, passes)) in buckets.iter().enumerate() {
                let union = bucket.union(*pattern);
                let now = union.passes();
                if now - passes < best.0 {
                    best = (now - passes, i, union, now);
                }
            }
            buckets[best.1] = (best.2, best.3);
        }
        let mut tables = Self { low: [[0; 16]; 3], high: [[0; 16]; 3] };
        for (bucket, (pattern, _)) in buckets.iter().enumerate() {
            for (position, set) in pattern.0.iter().enumerate() {
                for nibble in 0..16 {
                    tables.low[position][nibble] |= ((set.low >> nibble & 1) as u8) << bucket;
                    tables.high[position][nibble] |= ((set.high >> nibble & 1) as u8) << bucket;
                }
            }
        }
        tables
    }
}

/// What carries over from one block to the next: the bytes before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    /// The sixteen bytes before the block, zero where there are none.
    pub(super) bytes: [u8; 16],
}

impl Before {
    /// The bytes of `json` before `start`, not reaching before `floor`.
    pub(super) fn new(json: &[u8], floor: usize, start: usize) -> Self {
        let mut bytes = [0; 16];
        let before = &json[start.saturating_sub(16).max(floor)..start];
        bytes[16 - before.len()..].copy_from_slice(before);
        Self { bytes }
    }

    /// A bit for each digit; the highest is the last byte.
    pub(super) fn digits(&self) -> u64 {
        self.bytes.iter().rev().fold(0, |bits, byte| bits << 1 | u64::from(byte.is_ascii_digit()))
    }
}

/// Where in a block a run of digits may be part of a card number, given its digits and the sixteen
/// before it: seven in a row, or two groups of four with one byte between.
pub(super) fn card_bits(digits: u64, before: u64) -> u64 {
    if digits.count_ones() < 6 {
        return 0;
    }
    let wide = u128::from(digits) << 16 | u128::from(before);
    let pairs = wide & wide >> 1;
    let fours = pairs & pairs >> 2;
    let starts = fours & (fours >> 3 | fours >> 5);
    // A run that began before the block is looked at from the block's first byte.
    let here = (starts >> 16) as u64 | u64::from(starts & 0xFFFF != 0);
    here & !(here << 1)
}

/// The candidates of one block, byte by byte: what the SIMD kernels must equal.
pub(super) fn block_scalar(tables: &Tables, block: &[u8; BLOCK], before: &Before) -> u64 {
    let byte = |i: usize, back: usize| if i >= back { block[i - back] } else { before.bytes[16 + i - back] };
    let accepts = |position: usize, byte: u8| {
        tables.low[position][usize::from(byte & 15)] & tables.high[position][usize::from(byte >> 4)]
    };
    let (mut candidates, mut digits) = (0u64, 0u64);
    for i in 0..BLOCK {
        let buckets = accepts(0, byte(i, 2)) & accepts(1, byte(i, 1)) & accepts(2, byte(i, 0));
        candidates |= u64::from(buckets != 0) << i;
        digits |= u64::from(block[i].is_ascii_digit()) << i;
    }
    candidates | card_bits(digits, before.digits())
}
