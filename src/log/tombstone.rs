//! The tombstone of a segment that retention removed: its seqs, and the reason.
//!
//! Stored at the same key, little-endian: `"TTR1"`, `u32` rows, then `u64` first seq, `u32` seqs covered
//! and `u32` number of the reason a row, then the reasons, each with a newline. Sixteen bytes instead of
//! a line: categories interleave, so there can be as many gaps as there were events.
//! It reads back as a [`Segment`] of gap lines.

use super::format::{BadSegment, Segment, SegmentBuilder, long};
use crate::event::max_safe_integer;
use crate::record::reason::CORRUPT;
use crate::record::{Entry, Gap, LineWriter, SessionId, is_reason};
use bytes::Bytes;

pub(crate) const MAGIC: &[u8; 4] = b"TTR1";
const HEAD_BYTES: usize = 8;
const ROW_BYTES: usize = 16;
/// Most seqs a row covers.
const ROW_SEQS: u64 = u32::MAX as u64;

/// Whether stored bytes are of a retired segment.
pub(crate) fn is_tombstone(stored: &[u8]) -> bool {
    stored.starts_with(MAGIC)
}

/// Gives up the lines of a segment for `reason`. Gaps that were in it keep theirs.
pub(crate) fn tombstone_of(segment: &Segment, reason: &str) -> Vec<u8> {
    let rows = segment.rows.iter().enumerate().map(|(index, row)| {
        let reason = match segment.entry(index) {
            Ok(Entry::Event(_)) => reason.to_owned(),
            Ok(Entry::Gap(stored)) => stored.gap.reason,
            Err(_) => CORRUPT.to_owned(),
        };
        (row.first_seq, row.last_seq(), reason)
    });
    encode(rows)
}

/// The retired form of ascending seq ranges; those that touch and have one reason become one.
pub(crate) fn encode(ranges: impl Iterator<Item = (u64, u64, String)>) -> Vec<u8> {
    let (mut joined, mut reasons): (Vec<(u64, u64, usize)>, Vec<String>) = (Vec::new(), Vec::new());
    for (first_seq, last_seq, reason) in ranges {
        let number = reasons
            .iter()
            .position(|known| *known == reason)
            .unwrap_or_else(|| {
                reasons.push(reason);
                reasons.len() - 1
            });
        match joined.last_mut() {
            Some((_, end, same)) if *end + 1 == first_seq && *same == number => *end = last_seq,
            _ => joined.push((first_seq, last_seq, number)),
        }
    }
    let mut stored = Vec::with_capacity(HEAD_BYTES + ROW_BYTES * joined.len() + 16 * reasons.len());
    stored.extend_from_slice(MAGIC);
    stored.extend_from_slice(&[0; 4]);
    let mut rows = 0_u32;
    for (mut first_seq, last_seq, reason) in joined {
        while first_seq <= last_seq {
            let count = (last_seq - first_seq + 1).min(ROW_SEQS);
            stored.extend_from_slice(&first_seq.to_le_bytes());
            stored.extend_from_slice(&(count as u32).to_le_bytes());
            stored.extend_from_slice(&(reason as u32).to_le_bytes());
            first_seq += count;
            rows += 1;
        }
    }
    stored[4..HEAD_BYTES].copy_from_slice(&rows.to_le_bytes());
    for reason in reasons {
        stored.extend_from_slice(reason.as_bytes());
        stored.push(b'\n');
    }
    stored
}

/// Reads the retired form back, as a segment of gaps.
pub(crate) fn decode(session_id: SessionId, category: &str, stored: &[u8]) -> Result<Segment, BadSegment> {
    let cut = || BadSegment("its table is cut off");
    let number =
        |at: usize| -> Option<u32> { Some(u32::from_le_bytes(stored.get(at..at + 4)?.try_into().ok()?)) };
    if !is_tombstone(stored) {
        return Err(BadSegment("it does not begin with TTR1"));
    }
    let count = number(4).ok_or_else(cut)? as usize;
    // In a wasm of 32 bits a damaged count could overflow the product.
    let table_bytes = count.checked_mul(ROW_BYTES).ok_or_else(cut)?;
    let reasons_at = HEAD_BYTES.saturating_add(table_bytes);
    let reasons = stored
        .get(reasons_at..)
        .and_then(|reasons| reasons.strip_suffix(b"\n"))
        .ok_or_else(cut)?;
    let reasons = std::str::from_utf8(reasons).map_err(|_| BadSegment("its reasons are no text"))?;
    let reasons: Vec<&str> = reasons.split('\n').collect();
    if !reasons.iter().all(|reason| is_reason(reason.as_bytes())) {
        return Err(BadSegment("a reason is no name"));
    }
    let writer = LineWriter::new(session_id);
    let mut builder = SegmentBuilder::default();
    let mut next_seq = 1;
    for at in (HEAD_BYTES..reasons_at).step_by(ROW_BYTES) {
        let (Some(first_seq), Some(count), Some(reason)) =
            (long(stored, at), number(at + 8), number(at + 12))
        else {
            return Err(cut());
        };
        if first_seq < next_seq || count == 0 || first_seq > max_safe_integer() {
            return Err(BadSegment("its seqs are out of order"));
        }
        let reason = reasons
            .get(reason as usize)
            .ok_or(BadSegment("it names no reason"))?;
        next_seq = first_seq + u64::from(count);
        builder.gap(&writer, &Gap::new(first_seq..=next_seq - 1, category, reason));
    }
    let segment = builder.seal(category);
    if segment.rows.is_empty() {
        Err(BadSegment("it holds nothing"))
    } else {
        Ok(segment)
    }
}

/// Reads either stored form.
pub(crate) fn decode_any(
    session_id: SessionId,
    category: String,
    stored: Bytes,
) -> Result<Segment, BadSegment> {
    if is_tombstone(&stored) {
        decode(session_id, &category, &stored)
    } else {
        Segment::decode(category, stored)
    }
}
