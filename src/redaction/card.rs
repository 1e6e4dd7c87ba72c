//! Payment card numbers: issuer range, length and check digit all have to agree.
//!
//! Time stamps, ids and hashes are digits as well; Luhn alone lets one in ten of them through.

use std::ops::Range;

use super::escapes::{at, is_word, run_len, run_len_back, word_starts_at};

/// Digits of the shortest and the longest card number.
const LENGTHS: std::ops::RangeInclusive<usize> = 13..=19;

/// Whether the number is one that payment services publish for tests, in prose that says so.
pub(super) fn is_sample(json: &[u8], number: &Range<usize>) -> bool {
    const PUBLISHED: &[&[u8]] = &[
        b"4242424242424242", b"4111111111111111", b"4000056655665556", b"4012888888881881",
        b"5555555555554444", b"5105105105105100", b"378282246310005", b"6011111111111117",
    ];
    const SIGNS: &[&[u8]] = &[
        b"test card", b"test number", b"test mode", b"testing", b"to test", b"for tests", b"sandbox",
    ];
    const AROUND: usize = 64;
    let digits: Vec<u8> = json[number.clone()]
        .iter()
        .copied()
        .filter(u8::is_ascii_digit)
        .collect();
    let around =
        json[number.start.saturating_sub(AROUND)..(number.end + AROUND).min(json.len())].to_ascii_lowercase();
    PUBLISHED.contains(&&*digits)
        && SIGNS
            .iter()
            .any(|sign| memchr::memmem::find(&around, sign).is_some())
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b' ' | b'-')
}

/// Whether the prefilter reports `i` for a card number. Most candidates that end in a digit, a blank or a dash are
/// candidates for a name instead. `is_first` says that `i` is the first byte of a block, where the prefilter reports a
/// run of digits that began before.
pub(super) fn is_reported_at(json: &[u8], i: usize, is_first: bool) -> bool {
    let is_digit = |at: usize| json.get(at).is_some_and(u8::is_ascii_digit);
    let are_digits = |from: usize, count: usize| (from..from + count).all(is_digit);
    let begins = are_digits(i, 4) && (are_digits(i + 4, 3) || are_digits(i + 5, 4));
    begins || is_first && i.checked_sub(1).is_some_and(|before| is_part(json[before]))
}

/// The card number that the digit at `i` is part of, not reaching before `floor`.
pub(super) fn number(json: &[u8], floor: usize, i: usize) -> Option<Range<usize>> {
    let mut start = i - run_len_back(&json[floor.max(i.saturating_sub(48))..i], is_part);
    let mut end = i + run_len(&json[i..json.len().min(i + 48)], is_part);
    while start < end && !json[start].is_ascii_digit() {
        start += 1;
    }
    while end > start && !json[end - 1].is_ascii_digit() {
        end -= 1;
    }
    let fenced = start == floor || word_starts_at(json, start) && !matches!(json[start - 1], b'.' | b'-');
    let next = at(json, end);
    let open_ended = is_word(next) || matches!(next, b'.' | b'-') && at(json, end + 1).is_ascii_digit();
    if !fenced || open_ended {
        return None;
    }
    let mut digits = [0u8; 20];
    let mut count = 0;
    let mut group = 0;
    let mut groups = [0usize; 8];
    let mut separator = 0;
    for byte in &json[start..end] {
        if byte.is_ascii_digit() {
            *digits.get_mut(count)? = byte - b'0';
            count += 1;
            *groups.get_mut(group)? += 1;
        } else {
            // One separator at a time, and always the same.
            if groups[group] == 0 || separator != 0 && separator != *byte {
                return None;
            }
            separator = *byte;
            group += 1;
            *groups.get_mut(group)? = 0;
        }
    }
    let digits = &digits[..count];
    let grouped = group == 0 || groups[..group].iter().all(|len| (4..=6).contains(len));
    (LENGTHS.contains(&count) && grouped && is_issued(digits) && luhn(digits)).then_some(start..end)
}

/// Whether an issuer has numbers that begin like this and are as long (ISO/IEC 7812 ranges).
fn is_issued(digits: &[u8]) -> bool {
    let head = |n: usize| {
        digits
            .iter()
            .take(n)
            .fold(0u32, |head, d| head * 10 + u32::from(*d))
    };
    match (head(1), digits.len()) {
        (4, 13 | 16 | 19) => true,
        (5, 16) => (51..=55).contains(&head(2)),
        (2, 16) => (2221..=2720).contains(&head(4)),
        (3, 15) => matches!(head(2), 34 | 37),
        (3, 14) => matches!(head(2), 36 | 38 | 39) || (300..=305).contains(&head(3)),
        (3, 16) => (3528..=3589).contains(&head(4)),
        (6, 16) => head(4) == 6011 || head(2) == 65 || (644..=649).contains(&head(3)) || head(2) == 62,
        _ => false,
    }
}

/// The check digit of ISO/IEC 7812-1, annex B; numbers of one repeated digit do not count.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, digit)| match u32::from(*digit) {
            digit if i % 2 == 0 => digit,
            digit => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != digits[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn cards_are_found_grouped_or_not() {
        for text in [
            "4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "378282246310005",
            "3782 822463 10005", "5555555555554444", "6011111111111117", "30569309025904",
            "3530111333300000", "2223003122003222", "4222222222222",
        ] {
            for around in [
                text.to_owned(),
                format!("card {text}, ok"),
                format!("\\n{text}\\n"),
            ] {
                let i = around.find(text).unwrap_or(0) + 3;
                assert!(
                    number(around.as_bytes(), 0, i).is_some_and(|r| &around[r.clone()] == text),
                    "{around}"
                );
                let start = around.find(text).unwrap_or(0);
                let mut reported = start..start + text.len();
                assert!(is_reported_at(around.as_bytes(), start, false), "{around}");
                assert!(
                    reported.all(|i| is_reported_at(around.as_bytes(), i, true)),
                    "{around}"
                );
            }
        }
    }

    #[test]
    fn other_digits_are_not_cards() {
        for text in [
            "4111111111111112",
            "1764000000123",
            "1764000000123456",
            "41111111111111111",
            "x4111111111111111",
            "4111111111111111x",
            "4111  1111  1111  1111",
            "4111-1111 1111-1111",
            "0.4111111111111111",
            "4444444444444448888",
            "1-4111111111111111",
            "4111111111111111.5",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        ] {
            let i = text.find("11").or_else(|| text.find('4')).unwrap_or(0);
            assert_eq!(number(text.as_bytes(), 0, i), None, "{text}");
        }
        for text in ["\"2026-11-24T07", "number 10 of 12", "- 1 -", "4111", "123456"] {
            assert!(
                (0..text.len()).all(|i| !is_reported_at(text.as_bytes(), i, false)),
                "{text}"
            );
        }
    }
}
