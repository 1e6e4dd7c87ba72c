//! How the built-in rules' patterns are spread over the prefilter's buckets.
//!
//! Finding a good spread takes longer than a worker's start may, so it is found by a test and kept here:
//! `cargo test --release --lib spread -- --ignored --nocapture` prints a new one after the rules have changed.

use super::prefilter::{BUCKETS, Tables, WINDOW};

/// By bucket and position: a set of low nibbles, a set of high nibbles.
type Buckets = [[(u16, u16); WINDOW]; BUCKETS];

#[rustfmt::skip]
const BUILT_IN: Buckets = [
    [(0xeeab, 0x58f0), (0x53fe, 0x3ff0), (0x533b, 0x09f0), (0xf4a4, 0x002c)],
    [(0x82ea, 0x0054), (0x2b98, 0x00f4), (0xc606, 0x00f0), (0xa8c2, 0x00f0)],
    [(0x09a4, 0x00f8), (0x912e, 0x0058), (0x010f, 0x00f0), (0x033f, 0x00f0)],
    [(0x9348, 0x00f4), (0x0464, 0x00a0), (0xa066, 0x00f8), (0xf4ac, 0x00ac)],
    [(0xffff, 0xffff), (0x8109, 0x00e4), (0x3cc0, 0x0078), (0xe001, 0x0024)],
    [(0x02d4, 0x40f0), (0x003b, 0x0450), (0x009e, 0x01b8), (0x76a4, 0x003c)],
    [(0xa23c, 0x10f4), (0xd244, 0x0158), (0xc0d0, 0x0058), (0xf4a4, 0x002c)],
    [(0xffff, 0xffff), (0x0c20, 0x0058), (0xe280, 0x00a4), (0x941a, 0x00d4)],
];

/// The tables of the built-in rules.
pub(super) const fn built_in() -> Tables {
    let mut tables = Tables::EMPTY;
    let mut i = 0;
    while i < BUCKETS * WINDOW * 16 {
        let bucket = i / 16 / WINDOW;
        let position = i / 16 % WINDOW;
        let nibble = i % 16;
        let (low, high) = BUILT_IN[bucket][position];
        tables.low[position][nibble] |= ((low >> nibble & 1) as u8) << bucket;
        tables.high[position][nibble] |= ((high >> nibble & 1) as u8) << bucket;
        i += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redaction::prefilter::Pattern;
    use crate::redaction::{builtin, patterns};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn built_in_patterns() -> Vec<Pattern> {
        let (names, shapes) = (builtin::names(), builtin::shapes());
        let mut all = patterns(names.iter(), shapes.iter().filter(|rule| rule.is_spread()));
        // A blank may follow a name that an operator follows.
        all.push(Pattern::new([&(0..=255).collect::<Vec<u8>>(), b" ", b"=:", b" "]));
        all
    }

    #[test]
    fn every_built_in_pattern_has_its_bucket() {
        for pattern in built_in_patterns() {
            assert!(
                built_in().accepts(&pattern),
                "{pattern:?}: run the ignored test and copy its result"
            );
        }
    }

    /// Patterns that share a bucket, by index.
    type Spread = Vec<Vec<usize>>;

    fn union(patterns: &[Pattern], members: &[usize]) -> Pattern {
        members
            .iter()
            .fold(Pattern::default(), |union, i| union.union(patterns[*i]))
    }

    fn cost(patterns: &[Pattern], spread: &Spread) -> f32 {
        spread
            .iter()
            .map(|members| union(patterns, members).passes())
            .sum()
    }

    /// Merges the two clusters that cost least together until there are as many as buckets.
    fn merged(patterns: &[Pattern]) -> Spread {
        let mut spread: Spread = (0..patterns.len()).map(|i| vec![i]).collect();
        while spread.len() > BUCKETS {
            let unions: Vec<Pattern> = spread.iter().map(|members| union(patterns, members)).collect();
            let alone: Vec<f32> = unions.iter().map(Pattern::passes).collect();
            let mut best = (f32::INFINITY, 0, 0);
            for i in 0..spread.len() {
                for j in i + 1..spread.len() {
                    let more = unions[i].union(unions[j]).passes() - alone[i] - alone[j];
                    if more < best.0 {
                        best = (more, i, j);
                    }
                }
            }
            let gone = spread.swap_remove(best.2);
            spread[best.1].extend(gone);
        }
        spread
    }

    /// Moves single patterns to other buckets while that makes the spread cheaper.
    fn settled(patterns: &[Pattern], mut spread: Spread) -> Spread {
        loop {
            let before = cost(patterns, &spread);
            for pattern in 0..patterns.len() {
                let home = spread
                    .iter()
                    .position(|members| members.contains(&pattern))
                    .unwrap();
                spread[home].retain(|i| *i != pattern);
                let more = |members: &Vec<usize>| {
                    let union = union(patterns, members);
                    union.union(patterns[pattern]).passes() - union.passes()
                };
                let best = (0..BUCKETS)
                    .min_by(|a, b| more(&spread[*a]).total_cmp(&more(&spread[*b])))
                    .unwrap();
                spread[best].push(pattern);
            }
            if cost(patterns, &spread) >= before * 0.999 {
                return spread;
            }
        }
    }

    #[test]
    #[ignore = "prints a new spread; run it after the built-in rules have changed"]
    fn spread() {
        let patterns = built_in_patterns();
        let mut best = settled(&patterns, merged(&patterns));
        println!(
            "// clustered: {} in a million windows",
            cost(&patterns, &best) * 1e6
        );
        // Then shaken, and settled again, as long as the patience of a person lasts.
        let mut random = 0x2545_F491_4F6C_DD1Du64;
        for _ in 0..600 {
            let mut shaken = best.clone();
            for _ in 0..10 {
                let mut next = |n: usize| {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    (random % n as u64) as usize
                };
                let (from, to) = (next(BUCKETS), next(BUCKETS));
                if !shaken[from].is_empty() {
                    let i = next(shaken[from].len());
                    let moved = shaken[from].swap_remove(i);
                    shaken[to].push(moved);
                }
            }
            let settled = settled(&patterns, shaken);
            if cost(&patterns, &settled) < cost(&patterns, &best) {
                best = settled;
            }
        }
        println!("// shaken: {} in a million windows", cost(&patterns, &best) * 1e6);
        for members in &best {
            let sets: Vec<String> = union(&patterns, members)
                .sets()
                .iter()
                .map(|(l, h)| format!("({l:#06x}, {h:#06x})"))
                .collect();
            println!("    [{}],", sets.join(", "));
        }
    }
}
