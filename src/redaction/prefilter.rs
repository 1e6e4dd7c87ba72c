//! Finds, at gigabytes a second, the few bytes where a secret's name or shape may end.
//!
//! The idea is Hyperscan's and the Rust `aho-corasick` crate's "Teddy": four bytes in a row are looked up
//! by nibble in small tables whose eight bits stand for eight buckets of patterns, and a window is a
//! candidate if one bucket accepts all four. Each candidate is verified, so a table that says yes too
//! often costs time, never correctness; [`Tables::new`] spreads the patterns so that this is rare.
//! Runs of digits long enough for a card number are found in the same pass.
//!
//! Patterns are sets of bytes a position, so case folding and "a quote or a `=`" cost nothing.

use super::frequency;

/// Bytes that one word of a mask covers.
pub(super) const BLOCK: usize = 64;

/// Bytes of a window.
pub(super) const WINDOW: usize = 4;

/// A set of bytes for each byte of a window, each the product of a set of low and a set of high nibbles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pattern([Nibbles; WINDOW]);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Nibbles {
    low: u16,
    high: u16,
}

impl Pattern {
    /// A pattern of one set a position.
    pub(super) fn new(sets: [&[u8]; WINDOW]) -> Self {
        Self(sets.map(|set| {
            set.iter().fold(Nibbles::default(), |nibbles, byte| Nibbles {
                low: nibbles.low | 1 << (byte & 15),
                high: nibbles.high | 1 << (byte >> 4),
            })
        }))
    }

    fn union(self, other: Self) -> Self {
        let mut sets = self.0;
        for (set, more) in sets.iter_mut().zip(other.0) {
            set.low |= more.low;
            set.high |= more.high;
        }
        Self(sets)
    }
}

/// Sums of byte frequencies by nibble sets, so that spreading the patterns takes microseconds.
struct Frequencies {
    /// By high nibble, by half of the low nibbles, by set of that half.
    sums: Vec<[[f32; 256]; 2]>,
}

impl Frequencies {
    fn new() -> Self {
        let mut sums = vec![[[0.0; 256]; 2]; 8];
        for (high, halves) in sums.iter_mut().enumerate() {
            for (half, sums) in halves.iter_mut().enumerate() {
                for set in 1..256usize {
                    let lowest = set.trailing_zeros() as usize;
                    let byte = high << 4 | half << 3 | lowest;
                    sums[set] = sums[set & (set - 1)] + frequency::of(byte as u8) as f32 / 1000.0;
                }
            }
        }
        Self { sums }
    }

    /// How often a window of logs is accepted.
    fn passes(&self, pattern: &Pattern) -> f32 {
        let position = |set: &Nibbles| -> f32 {
            let rows = self.sums.iter().enumerate().filter(|(high, _)| set.high >> high & 1 == 1);
            rows.map(|(_, [a, b])| a[usize::from(set.low & 0xFF)] + b[usize::from(set.low >> 8)]).sum()
        };
        pattern.0.iter().map(position).product()
    }
}

/// The lookup tables: a bit a bucket, by nibble, by position.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    pub(super) low: [[u8; 16]; WINDOW],
    pub(super) high: [[u8; 16]; WINDOW],
}

const BUCKETS: usize = 8;

impl Tables {
    /// Spreads patterns over the buckets so that few windows of ordinary logs pass: every pattern is a
    /// cluster of its own, then the two that cost least together become one, until there are as many as
    /// buckets.
    pub(super) fn new(patterns: &[Pattern]) -> Self {
        let frequencies = Frequencies::new();
        let mut clusters: Vec<Cluster> =
            patterns.iter().map(|pattern| Cluster::new(*pattern, &frequencies)).collect();
        for i in 0..clusters.len() {
            clusters[i].nearest = nearest(&clusters, i, &frequencies);
        }
        while clusters.len() > BUCKETS {
            let cheapest =
                (0..clusters.len()).min_by(|a, b| clusters[*a].nearest.1.total_cmp(&clusters[*b].nearest.1));
            let Some(kept) = cheapest else { break };
            let gone = clusters[kept].nearest.0;
            clusters[kept] = Cluster::new(clusters[kept].union.union(clusters[gone].union), &frequencies);
            clusters.swap_remove(gone);
            // The last one moved to where the merged one was.
            let moved = clusters.len();
            let kept = if kept == moved { gone } else { kept };
            for i in 0..clusters.len() {
                let near = clusters[i].nearest.0;
                if i == kept || near == kept || near == gone || near == moved && kept == gone {
                    clusters[i].nearest = nearest(&clusters, i, &frequencies);
                } else if near == moved {
                    clusters[i].nearest.0 = gone;
                }
            }
        }
        let mut tables = Self { low: [[0; 16]; WINDOW], high: [[0; 16]; WINDOW] };
        for (bucket, cluster) in clusters.iter().enumerate() {
            for (position, set) in cluster.union.0.iter().enumerate() {
                for nibble in 0..16 {
                    tables.low[position][nibble] |= ((set.low >> nibble & 1) as u8) << bucket;
                    tables.high[position][nibble] |= ((set.high >> nibble & 1) as u8) << bucket;
                }
            }
        }
        tables
    }
}

/// Patterns that share a bucket.
struct Cluster {
    union: Pattern,
    passes: f32,
    /// The cluster that is cheapest to merge with, and what that costs.
    nearest: (usize, f32),
}

impl Cluster {
    fn new(union: Pattern, frequencies: &Frequencies) -> Self {
        Self { union, passes: frequencies.passes(&union), nearest: (usize::MAX, f32::INFINITY) }
    }
}

fn nearest(clusters: &[Cluster], i: usize, frequencies: &Frequencies) -> (usize, f32) {
    let one = &clusters[i];
    let cost = |(j, other): (usize, &Cluster)| {
        (j, frequencies.passes(&one.union.union(other.union)) - one.passes - other.passes)
    };
    let others = clusters.iter().enumerate().filter(|(j, _)| *j != i).map(cost);
    others.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((usize::MAX, f32::INFINITY))
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
    let firsts = starts & !(starts << 1);
    // A run that began before the block is looked at from the block's first byte.
    (firsts >> 16) as u64 | u64::from(starts & 0xFFFF != 0)
}

/// The candidates of one block, byte by byte: what the SIMD kernels must equal.
pub(super) fn block_scalar(tables: &Tables, block: &[u8; BLOCK], before: &Before) -> u64 {
    let byte = |i: usize, back: usize| if i >= back { block[i - back] } else { before.bytes[16 + i - back] };
    let accepts = |position: usize, byte: u8| {
        tables.low[position][usize::from(byte & 15)] & tables.high[position][usize::from(byte >> 4)]
    };
    let (mut candidates, mut digits) = (0u64, 0u64);
    for i in 0..BLOCK {
        let buckets =
            (0..WINDOW).fold(0xFF, |buckets, back| buckets & accepts(WINDOW - 1 - back, byte(i, back)));
        candidates |= u64::from(buckets != 0) << i;
        digits |= u64::from(block[i].is_ascii_digit()) << i;
    }
    candidates | card_bits(digits, before.digits())
}
