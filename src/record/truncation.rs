//! The ladder down which a record that is too long goes, in this order:
//!
//! 1. long strings inside `data` are truncated to a prefix, with how much was left out:
//!    `"lorem ip…[truncated 48210 bytes]"` (bytes of JSON text);
//! 2. `data` becomes `null`;
//! 3. `source.metadata` is dropped and `url` truncated to 8 KiB.
//!
//! Each rung sets `truncated`. A truncation splits no UTF-8 character and no escape.

use super::MAX_CUT_URL_BYTES;
use crate::event::Event;
use crate::json::{Scanner, char_boundary_at_most, plain_run};

/// Strings up to this long are never truncated: a record full of them loses its `data` instead.
const SHORTEST_CUT: usize = 256;
/// Room for `…[truncated N bytes]`, with N of up to 13 digits.
const MARK_BYTES: usize = 36;
/// `,"truncated":true`
const FLAG_BYTES: usize = 17;

/// Tries `write` with less and less of `event`, which is `excess` bytes too long, until it succeeds.
pub(super) fn fit<T>(
    event: &Event<'_>,
    excess: usize,
    mut write: impl FnMut(&Event<'_>) -> Option<T>,
) -> Option<T> {
    let event = Event {
        truncated: true,
        ..*event
    };
    if let Some(data) = event.data.and_then(|data| cut_strings(data, excess + FLAG_BYTES))
        && let Some(written) = write(&Event {
            data: Some(&data),
            ..event
        })
    {
        return Some(written);
    }
    let event = Event {
        data: event.data.map(|_| &b"null"[..]),
        ..event
    };
    if let Some(written) = write(&event) {
        return Some(written);
    }
    let url = event
        .url
        .map(|url| &url[..char_boundary_at_most(url, MAX_CUT_URL_BYTES)]);
    write(&Event {
        metadata: None,
        url,
        ..event
    })
}

/// `data` with its longest strings truncated to one length, so that at least `excess` bytes are gone; `None`
/// when cutting strings cannot do it.
fn cut_strings(data: &[u8], excess: usize) -> Option<Vec<u8>> {
    let strings = long_strings(data);
    let saved = |limit: usize| -> usize {
        strings
            .iter()
            .map(|(start, end)| (end - start).saturating_sub(limit + MARK_BYTES))
            .sum()
    };
    if saved(SHORTEST_CUT) < excess {
        return None;
    }
    // The largest limit that saves enough. Saving falls as the limit grows.
    let mut enough = SHORTEST_CUT;
    let mut too_little = data.len();
    while too_little - enough > 1 {
        let middle = enough + (too_little - enough) / 2;
        if saved(middle) >= excess {
            enough = middle
        } else {
            too_little = middle
        }
    }
    let mut out = Vec::with_capacity(data.len() - excess + MARK_BYTES);
    let mut copied = 0;
    for &(start, end) in &strings {
        if end - start <= enough + MARK_BYTES {
            continue;
        }
        let kept = char_boundary_at_most(&data[start..end], enough);
        out.extend_from_slice(&data[copied..start + kept]);
        out.extend_from_slice(format!("…[truncated {} bytes]", end - start - kept).as_bytes());
        copied = end;
    }
    out.extend_from_slice(&data[copied..]);
    Some(out)
}

/// Returns the ranges of string values longer than [`SHORTEST_CUT`]. Keys are not values.
fn long_strings(data: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut pos = 0;
    while pos < data.len() {
        if data[pos] != b'"' {
            pos += 1;
            continue;
        }
        let start = pos + 1;
        let mut end = start;
        while end < data.len() && data[end] != b'"' {
            end += if data[end] == b'\\' {
                2
            } else {
                plain_run(&data[end..]).max(1)
            };
        }
        pos = end + 1;
        if end - start > SHORTEST_CUT && Scanner::trusted(&data[pos.min(data.len())..]).peek() != Some(b':') {
            found.push((start, end));
        }
    }
    found
}
