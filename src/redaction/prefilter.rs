//! Finds, at gigabytes a second, the few bytes where a secret's name or shape may end.
//!
//! The idea is Hyperscan's and the Rust `aho-corasick` crate's "Teddy": four bytes in a row are looked up
//! by nibble in small tables whose eight bits represent eight buckets of patterns, and a window is a
//! candidate if one bucket accepts all four. Each candidate is verified, so a table that says yes too
//! often costs time, never correctness; [`spread`](super::spread) chooses the buckets so that this is rare.
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

    pub(super) fn union(self, other: Self) -> Self {
        let mut sets = self.0;
        for (set, more) in sets.iter_mut().zip(other.0) {
            set.low |= more.low;
            set.high |= more.high;
        }
        Self(sets)
    }

    /// The sets of nibbles, low and high.
    #[cfg(test)]
    pub(super) fn sets(&self) -> [(u16, u16); WINDOW] {
        self.0.map(|set| (set.low, set.high))
    }

    /// How often a window of logs is accepted.
    pub(super) fn passes(&self) -> f32 {
        let position = |set: &Nibbles| -> u32 {
            let bytes = (0..128u8).filter(|b| set.low >> (b & 15) & set.high >> (b >> 4) & 1 == 1);
            bytes.map(frequency::of).sum()
        };
        self.0.iter().map(|set| position(set) as f32 / 1000.0).product()
    }
}

/// The lookup tables: a bit a bucket, by nibble, by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tables {
    pub(super) low: [[u8; 16]; WINDOW],
    pub(super) high: [[u8; 16]; WINDOW],
}

pub(super) const BUCKETS: usize = 8;

impl Tables {
    /// Tables that accept nothing.
    pub(super) const EMPTY: Self = Self {
        low: [[0; 16]; WINDOW],
        high: [[0; 16]; WINDOW],
    };

    /// The bytes that a bucket accepts.
    fn bucket(&self, bucket: usize) -> Pattern {
        let set = |table: &[u8; 16]| (0..16).fold(0, |set, n| set | u16::from(table[n] >> bucket & 1) << n);
        let mut pattern = Pattern::default();
        for (position, nibbles) in pattern.0.iter_mut().enumerate() {
            *nibbles = Nibbles {
                low: set(&self.low[position]),
                high: set(&self.high[position]),
            };
        }
        pattern
    }

    /// Whether a bucket accepts all of a pattern.
    pub(super) fn accepts(&self, pattern: &Pattern) -> bool {
        (0..BUCKETS).any(|bucket| self.bucket(bucket).union(*pattern) == self.bucket(bucket))
    }

    /// Adds a pattern to a bucket.
    fn put(&mut self, pattern: &Pattern, bucket: usize) {
        for (position, set) in pattern.0.iter().enumerate() {
            for nibble in 0..16 {
                self.low[position][nibble] |= u8::from(set.low >> nibble & 1 == 1) << bucket;
                self.high[position][nibble] |= u8::from(set.high >> nibble & 1 == 1) << bucket;
            }
        }
    }

    /// Adds a pattern where it costs least.
    pub(super) fn add(&mut self, pattern: &Pattern) {
        if self.accepts(pattern) {
            return;
        }
        let cost = |bucket: &usize| {
            let before = self.bucket(*bucket);
            before.union(*pattern).passes() - before.passes()
        };
        let costs = (0..BUCKETS).map(|bucket| (bucket, cost(&bucket)));
        if let Some((cheapest, _)) = costs.min_by(|a, b| a.1.total_cmp(&b.1)) {
            self.put(pattern, cheapest);
        }
    }
}

/// State that carries over from one block to the next: the bytes before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    /// The sixteen bytes before the block, zero before the start.
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
        self.bytes
            .iter()
            .rev()
            .fold(0, |bits, byte| bits << 1 | u64::from(byte.is_ascii_digit()))
    }
}

/// Returns the positions in a block at which a run of digits may be part of a card number, given its digits and the sixteen
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
    let byte = |i: usize, back: usize| {
        if i >= back {
            block[i - back]
        } else {
            before.bytes[16 + i - back]
        }
    };
    let accepts = |position: usize, byte: u8| {
        tables.low[position][usize::from(byte & 15)] & tables.high[position][usize::from(byte >> 4)]
    };
    let mut candidates = 0u64;
    let mut digits = 0u64;
    for (i, last) in block.iter().enumerate() {
        let buckets = (0..WINDOW).fold(0xFF, |buckets, back| {
            buckets & accepts(WINDOW - 1 - back, byte(i, back))
        });
        candidates |= u64::from(buckets != 0) << i;
        digits |= u64::from(last.is_ascii_digit()) << i;
    }
    candidates | card_bits(digits, before.digits())
}
