//! The prefilter's kernel in SIMD, equal bit for bit to [`block_scalar`]; the only `unsafe` of redaction.

use super::prefilter::{BLOCK, Before, Tables, block_scalar};

/// How blocks are looked at on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    /// Byte by byte.
    Scalar,
    /// 16 bytes at a time.
    #[cfg(any(
        target_arch = "x86_64",
        all(target_arch = "wasm32", target_feature = "simd128")
    ))]
    Simd,
}

impl Kernel {
    /// The fastest that this machine has.
    pub(super) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("ssse3") && std::arch::is_x86_feature_detected!("popcnt") {
            return Self::Simd;
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        if true {
            return Self::Simd;
        }
        Self::Scalar
    }

    /// Fills a mask a block with the candidates of `json[start..]`, as many blocks as there are masks
    /// and bytes, and says how many. A bit represents the last byte of a candidate window. Nothing
    /// before `floor` counts.
    pub(super) fn fill(
        self,
        tables: &Tables,
        json: &[u8],
        floor: usize,
        start: usize,
        masks: &mut [u64],
    ) -> usize {
        match self {
            Self::Scalar => fill_with(json, floor, start, masks, |blocks, mut before, masks| {
                for (block, mask) in blocks.iter().zip(masks) {
                    *mask = block_scalar(tables, block, &before);
                    before.bytes.copy_from_slice(&block[BLOCK - 16..]);
                }
            }),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Simd => fill_with(json, floor, start, masks, |blocks, before, masks| {
                wasm::blocks(tables, blocks, before, masks);
            }),
            #[cfg(target_arch = "x86_64")]
            Self::Simd => fill_with(json, floor, start, masks, |blocks, before, masks| {
                // SAFETY: `Simd` is only made by `detect`, which saw ssse3 and popcnt.
                unsafe { x86::blocks(tables, blocks, before, masks) };
            }),
        }
    }
}

/// Cuts `json[start..]` into blocks, the last filled up with zeros.
fn fill_with(
    json: &[u8],
    floor: usize,
    start: usize,
    masks: &mut [u64],
    kernel: impl Fn(&[[u8; BLOCK]], Before, &mut [u64]),
) -> usize {
    let rest = json.get(start..).unwrap_or_default();
    let (blocks, tail) = rest.as_chunks::<BLOCK>();
    let whole = blocks.len().min(masks.len());
    kernel(
        &blocks[..whole],
        Before::new(json, floor, start),
        &mut masks[..whole],
    );
    if whole == masks.len() || tail.is_empty() {
        return whole;
    }
    let mut last = [0; BLOCK];
    last[..tail.len()].copy_from_slice(tail);
    let before = Before::new(json, floor, start + whole * BLOCK);
    kernel(&[last], before, &mut masks[whole..=whole]);
    whole + 1
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm {
    use core::arch::wasm32::*;

    use super::super::prefilter::{BLOCK, Before, Tables, card_bits};

    fn load(bytes: &[u8; 16]) -> v128 {
        // SAFETY: sixteen readable bytes; wasm loads need no alignment.
        unsafe { v128_load(bytes.as_ptr().cast()) }
    }

    pub(super) fn blocks(tables: &Tables, blocks: &[[u8; BLOCK]], before: Before, masks: &mut [u64]) {
        let [low0, low1, low2, low3] = [0, 1, 2, 3].map(|i| load(&tables.low[i]));
        let [high0, high1, high2, high3] = [0, 1, 2, 3].map(|i| load(&tables.high[i]));
        let nibble = u8x16_splat(15);
        let look = |low, high, lo, hi| v128_and(u8x16_swizzle(low, lo), u8x16_swizzle(high, hi));
        let split = |bytes| (v128_and(bytes, nibble), v128_and(u16x8_shr(bytes, 4), nibble));
        let (lo, hi) = split(load(&before.bytes));
        let mut was0 = look(low0, high0, lo, hi);
        let mut was1 = look(low1, high1, lo, hi);
        let mut was2 = look(low2, high2, lo, hi);
        let mut digits_before = before.digits();
        for (block, mask) in blocks.iter().zip(masks) {
            let (quarters, _) = block.as_chunks::<16>();
            let mut quiet = 0u64;
            let mut digits = 0u64;
            for (i, quarter) in quarters.iter().enumerate() {
                let bytes = load(quarter);
                let (lo, hi) = split(bytes);
                let now0 = look(low0, high0, lo, hi);
                let now1 = look(low1, high1, lo, hi);
                let now2 = look(low2, high2, lo, hi);
                let now3 = look(low3, high3, lo, hi);
                let three = i8x16_shuffle::<13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28>(
                    was0, now0,
                );
                let two = i8x16_shuffle::<14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29>(
                    was1, now1,
                );
                let one = i8x16_shuffle::<15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30>(
                    was2, now2,
                );
                let buckets = v128_and(v128_and(three, two), v128_and(one, now3));
                let none = i8x16_bitmask(i8x16_eq(buckets, u8x16_splat(0)));
                quiet |= u64::from(none) << (16 * i);
                let digit = i8x16_lt(i8x16_add(bytes, i8x16_splat(0x50)), i8x16_splat(-118));
                digits |= u64::from(i8x16_bitmask(digit)) << (16 * i);
                (was0, was1, was2) = (now0, now1, now2);
            }
            *mask = !quiet | card_bits(digits, digits_before);
            digits_before = digits >> (BLOCK - 16);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::*;

    use super::super::prefilter::{BLOCK, Before, Tables, card_bits};

    fn load(bytes: &[u8; 16]) -> __m128i {
        // SAFETY: sixteen readable bytes; `loadu` needs no alignment. SSE2 is part of x86-64.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "ssse3,popcnt")]
    pub(super) fn blocks(tables: &Tables, blocks: &[[u8; BLOCK]], before: Before, masks: &mut [u64]) {
        let [low0, low1, low2, low3] = [0, 1, 2, 3].map(|i| load(&tables.low[i]));
        let [high0, high1, high2, high3] = [0, 1, 2, 3].map(|i| load(&tables.high[i]));
        let nibble = _mm_set1_epi8(15);
        let look = |low, high, lo, hi| _mm_and_si128(_mm_shuffle_epi8(low, lo), _mm_shuffle_epi8(high, hi));
        let split = |bytes| {
            (
                _mm_and_si128(bytes, nibble),
                _mm_and_si128(_mm_srli_epi16(bytes, 4), nibble),
            )
        };
        let (lo, hi) = split(load(&before.bytes));
        let mut was0 = look(low0, high0, lo, hi);
        let mut was1 = look(low1, high1, lo, hi);
        let mut was2 = look(low2, high2, lo, hi);
        let mut digits_before = before.digits();
        for (block, mask) in blocks.iter().zip(masks) {
            let (quarters, _) = block.as_chunks::<16>();
            let mut quiet = 0u64;
            let mut digits = 0u64;
            for (i, quarter) in quarters.iter().enumerate() {
                let bytes = load(quarter);
                let (lo, hi) = split(bytes);
                let now0 = look(low0, high0, lo, hi);
                let now1 = look(low1, high1, lo, hi);
                let now2 = look(low2, high2, lo, hi);
                let now3 = look(low3, high3, lo, hi);
                let three = _mm_alignr_epi8(now0, was0, 13);
                let two = _mm_alignr_epi8(now1, was1, 14);
                let one = _mm_alignr_epi8(now2, was2, 15);
                let buckets = _mm_and_si128(_mm_and_si128(three, two), _mm_and_si128(one, now3));
                let none = _mm_movemask_epi8(_mm_cmpeq_epi8(buckets, _mm_setzero_si128()));
                quiet |= u64::from(none as u32) << (16 * i);
                let digit = _mm_cmplt_epi8(_mm_add_epi8(bytes, _mm_set1_epi8(0x50)), _mm_set1_epi8(-118));
                digits |= u64::from(_mm_movemask_epi8(digit) as u32) << (16 * i);
                (was0, was1, was2) = (now0, now1, now2);
            }
            *mask = !quiet | card_bits(digits, digits_before);
            digits_before = digits >> (BLOCK - 16);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::super::prefilter::Pattern;
    use super::*;

    fn tables() -> Tables {
        let end = |a, b, c| Pattern::new([&[a], &[b], &[c], b"\"=:"]);
        let patterns = [
            end(b'o', b'r', b'd'),
            end(b'k', b'e', b'n'),
            end(b'k', b'e', b'y'),
            Pattern::new([b"rdetn\"", b"e", b"y", b"J"]),
            Pattern::new([b"p", b":", b"/", b"/"]),
        ];
        let mut tables = Tables::EMPTY;
        patterns.iter().for_each(|pattern| tables.add(pattern));
        tables
    }

    fn masks(kernel: Kernel, json: &[u8], floor: usize, start: usize) -> Vec<u64> {
        let mut masks = vec![0; json.len() / BLOCK + 1];
        let count = kernel.fill(&tables(), json, floor, start, &mut masks);
        masks.truncate(count);
        masks
    }

    proptest! {
        #[test]
        fn simd_finds_what_scalar_finds(
            json in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..400),
                proptest::collection::vec(prop::sample::select(b"rdetn\":=/eyJhp_0123456789 -".as_slice()), 0..400),
            ],
            start in 0usize..100,
            floor in 0usize..100,
        ) {
            let start = start.min(json.len());
            let floor = floor.min(start);
            prop_assert_eq!(
                masks(Kernel::detect(), &json, floor, start),
                masks(Kernel::Scalar, &json, floor, start)
            );
        }

        #[test]
        fn no_card_like_run_is_missed(
            before in "x{0,130}([0-9]{7,19}[x,]{1,9}|)",
            digits in "[0-9]{13,19}|[0-9]{4}([ -][0-9]{4}){3}|[0-9]{4} [0-9]{6} [0-9]{4,5}",
        ) {
            let json = format!("{before}{digits}{}", "y".repeat(70));
            let masks = masks(Kernel::Scalar, json.as_bytes(), 0, 0);
            let hit = |i: &usize| masks[i / BLOCK] >> (i % BLOCK) & 1 == 1;
            prop_assert!((before.len()..before.len() + digits.len()).any(|i| hit(&i)), "{}", json);
        }
    }

    #[test]
    fn the_machine_the_tests_run_on_has_simd() {
        #[cfg(any(
            target_arch = "x86_64",
            all(target_arch = "wasm32", target_feature = "simd128")
        ))]
        assert_eq!(Kernel::detect(), Kernel::Simd);
    }
}
