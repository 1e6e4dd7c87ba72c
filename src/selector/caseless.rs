//! Finds bytes whatever the case of their ASCII letters.

/// Bytes of records, most frequent first; what is not here is rarer still.
const FREQUENT: &[u8] = b"e taoinsrlcdpumhg/.:f_b0123vy-w456789k,xj={}[]zq";

/// Index of the byte of `needle` that is expected to be rarest in records.
pub(crate) fn rarest(needle: &[u8]) -> usize {
    let rarity = |byte: &u8| {
        FREQUENT
            .iter()
            .position(|f| f == &byte.to_ascii_lowercase())
            .unwrap_or(FREQUENT.len())
    };
    (0..needle.len())
        .max_by_key(|&index| rarity(&needle[index]))
        .unwrap_or(0)
}

/// Returns each position at which `needle` begins in `haystack`. `anchor` is the index of the byte to search first.
/// An empty needle has no position.
pub(crate) fn positions<'h>(
    haystack: &'h [u8],
    needle: &'h [u8],
    anchor: usize,
) -> impl Iterator<Item = usize> {
    let looked_for = needle.get(anchor).copied();
    let (lower, upper) = match looked_for {
        Some(byte) => (byte.to_ascii_lowercase(), byte.to_ascii_uppercase()),
        None => (0, 0),
    };
    let candidates = memchr::memchr2_iter(lower, upper, if looked_for.is_some() { haystack } else { &[] });
    // The last byte settles most false candidates without looking at the others.
    let last = needle.last().copied().unwrap_or_default();
    candidates.filter_map(move |at| {
        let start = at.checked_sub(anchor)?;
        let part = haystack.get(start..start + needle.len())?;
        (part[needle.len() - 1].eq_ignore_ascii_case(&last) && part.eq_ignore_ascii_case(needle))
            .then_some(start)
    })
}

#[cfg(test)]
mod tests {
    use super::{positions, rarest};
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    proptest! {
        #[test]
        fn every_occurrence_is_found_and_nothing_else(haystack in "[aAbB-]{0,20}", needle in "[aAb-]{1,3}", anchor in 0..3_usize) {
            let (h, n) = (haystack.to_ascii_lowercase(), needle.to_ascii_lowercase());
            let expected: Vec<_> = (0..h.len()).filter(|at| h[*at..].starts_with(&n)).collect();
            let found: Vec<_> = positions(haystack.as_bytes(), needle.as_bytes(), anchor.min(n.len() - 1)).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_anchor_is_what_records_seldom_hold() {
        assert_eq!(rarest(b"say "), 2);
        assert_eq!(rarest(b"eQe"), 1);
        assert_eq!(positions(b"abc", b"", 0).count(), 0);
    }
}
