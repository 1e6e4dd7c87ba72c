//! A segment: what one commit adds to one category log.
//!
//! Its lines follow one another, each with its newline, ready to be sent; a table of rows says which
//! seqs each covers and where it ends, so that merging categories in seq order touches no bytes.
//!
//! Stored as one blob, little-endian: `"TTS1"`, `u32` rows, `u64` when it was committed (Unix
//! milliseconds), then `u64` first seq, `u32` seqs covered and `u32` end (newline counted) a row, then
//! the lines.

use crate::event::max_safe_integer;
use crate::record::{Entry, Gap, LineWriter};
use bytes::Bytes;
use std::borrow::Cow;

const MAGIC: &[u8; 4] = b"TTS1";
const HEAD_BYTES: usize = 16;
const ROW_BYTES: usize = 16;
/// Most bytes of lines for which a builder keeps memory when it is cleared: a batch of 100 events of 1 KB takes half of it.
const KEPT_BYTES: usize = 256 * 1024;
/// Most rows for which it does.
const KEPT_ROWS: usize = 1_024;

/// The place of one record in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The first seq it covers.
    pub first_seq: u64,
    /// How many: 1 for an event.
    pub count: u32,
    /// One past its newline, in bytes from the first line.
    pub end: u32,
}

impl Row {
    /// The last seq it covers.
    pub const fn last_seq(&self) -> u64 {
        self.first_seq + self.count as u64 - 1
    }
}

/// The records of one category in one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The category of the records.
    pub category: String,
    /// Every record, ascending in seq.
    pub rows: Vec<Row>,
    /// The lines, each with its newline.
    pub lines: Bytes,
}

/// Why bytes are no segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadSegment(pub &'static str);

impl Segment {
    /// The key: the first seq in it.
    pub fn first_seq(&self) -> u64 {
        self.rows.first().map_or(0, |row| row.first_seq)
    }

    /// The last seq in it.
    pub fn last_seq(&self) -> u64 {
        self.rows.last().map_or(0, Row::last_seq)
    }

    /// The same records in segments of at most `max_bytes` bytes of lines, or one record.
    pub fn split(&self, max_bytes: usize) -> impl Iterator<Item = Cow<'_, Self>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            if at == 0 && self.lines.len() <= max_bytes {
                at = self.rows.len();
                return (at > 0).then_some(Cow::Borrowed(self));
            }
            let start = self.start(at);
            let fitting = self.rows[at..].partition_point(|row| row.end as usize - start <= max_bytes);
            let rows = self.rows.get(at..at + fitting.max(1))?;
            at += rows.len();
            let rows: Vec<_> = rows
                .iter()
                .map(|row| Row {
                    end: row.end - start as u32,
                    ..*row
                })
                .collect();
            let end = start + rows.last()?.end as usize;
            Some(Cow::Owned(Self {
                category: self.category.clone(),
                rows,
                lines: self.lines.slice(start..end),
            }))
        })
    }

    /// Everything of the stored form before the lines.
    pub fn table(&self, committed_ms: u64) -> Vec<u8> {
        let mut table = Vec::with_capacity(HEAD_BYTES + ROW_BYTES * self.rows.len());
        table.extend_from_slice(MAGIC);
        table.extend_from_slice(&(self.rows.len() as u32).to_le_bytes());
        table.extend_from_slice(&committed_ms.to_le_bytes());
        for row in &self.rows {
            table.extend_from_slice(&row.first_seq.to_le_bytes());
            table.extend_from_slice(&row.count.to_le_bytes());
            table.extend_from_slice(&row.end.to_le_bytes());
        }
        table
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// It is cut off, or its table contradicts itself.
    pub fn decode(category: String, stored: Bytes) -> Result<Self, BadSegment> {
        let number =
            |at: usize| -> Option<u32> { Some(u32::from_le_bytes(stored.get(at..at + 4)?.try_into().ok()?)) };
        if stored.get(..4) != Some(MAGIC) {
            return Err(BadSegment("it does not begin with TTS1"));
        }
        let count = number(4).ok_or(BadSegment("its head is cut off"))? as usize;
        // In a wasm of 32 bits a damaged count could overflow the product.
        let lines_at = count
            .checked_mul(ROW_BYTES)
            .map(|table_bytes| HEAD_BYTES.saturating_add(table_bytes));
        let Some(lines_at) = lines_at.filter(|at| count > 0 && *at <= stored.len()) else {
            return Err(BadSegment("its table is cut off"));
        };
        let lines = stored.slice(lines_at..);
        let mut rows = Vec::with_capacity(count);
        let mut next_seq = 1;
        let mut start = 0;
        for index in 0..count {
            let at = HEAD_BYTES + index * ROW_BYTES;
            let (Some(first_seq), Some(count), Some(end)) =
                (long(&stored, at), number(at + 8), number(at + 12))
            else {
                return Err(BadSegment("its table is cut off"));
            };
            if first_seq < next_seq || count == 0 || first_seq > max_safe_integer() {
                return Err(BadSegment("its seqs are out of order"));
            }
            if end <= start || lines.get(end as usize - 1) != Some(&b'\n') {
                return Err(BadSegment("a line does not end where its table says"));
            }
            next_seq = first_seq + u64::from(count);
            start = end;
            rows.push(Row {
                first_seq,
                count,
                end,
            });
        }
        if start as usize != lines.len() {
            return Err(BadSegment("bytes are left over after its last line"));
        }
        Ok(Self {
            category,
            rows,
            lines,
        })
    }

    /// When a segment in its stored form was committed, Unix milliseconds.
    pub fn committed_ms(stored: &[u8]) -> Option<u64> {
        long(stored, 8)
    }

    /// The line of row `index`, without its newline.
    pub fn line(&self, index: usize) -> Bytes {
        self.lines
            .slice(self.start(index)..self.rows[index].end as usize - 1)
    }

    /// The first byte of row `index`.
    fn start(&self, index: usize) -> usize {
        index
            .checked_sub(1)
            .map_or(0, |before| self.rows[before].end as usize)
    }

    /// Row `index` as readers take it.
    ///
    /// # Errors
    /// The line is no record, or another than the table says.
    pub fn entry(&self, index: usize) -> Result<Entry, BadSegment> {
        let entry = Entry::read(self.line(index)).map_err(|_| BadSegment("a line is no record"))?;
        let row = self.rows[index];
        if (entry.first_seq(), entry.last_seq()) != (row.first_seq, row.last_seq()) {
            return Err(BadSegment("a line has another seq than its table says"));
        }
        Ok(entry)
    }
}

/// The little-endian number at byte `at`.
pub(crate) fn long(stored: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(stored.get(at..at + 8)?.try_into().ok()?))
}

/// A segment being filled: lines are written where they will be sent from.
#[derive(Debug, Default)]
pub struct SegmentBuilder {
    rows: Vec<Row>,
    lines: Vec<u8>,
}

impl SegmentBuilder {
    /// Returns the buffer to which the next line is appended. Call [`end_line`](Self::end_line) afterwards.
    pub const fn lines(&mut self) -> &mut Vec<u8> {
        &mut self.lines
    }

    /// Ends the line that was appended, which covers at most `u32::MAX` seqs.
    pub fn end_line(&mut self, first_seq: u64, last_seq: u64) {
        self.lines.push(b'\n');
        self.rows.push(Row {
            first_seq,
            count: u32::try_from(last_seq + 1 - first_seq).unwrap_or(u32::MAX),
            end: self.lines.len() as u32,
        });
    }

    /// Appends the line of `gap`.
    pub fn gap(&mut self, writer: &LineWriter, gap: &Gap) {
        writer.gap(&mut self.lines, gap);
        self.end_line(gap.first_seq, gap.last_seq);
    }

    /// Appends the line of `entry`.
    pub fn push(&mut self, entry: &Entry) {
        self.lines.extend_from_slice(entry.line());
        self.end_line(entry.first_seq(), entry.last_seq());
    }

    /// Whether it holds none.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Removes all lines. Keeps memory for [`KEPT_BYTES`] of lines and [`KEPT_ROWS`] rows at most.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.rows.shrink_to(KEPT_ROWS);
        self.lines.clear();
        self.lines.shrink_to(KEPT_BYTES);
    }

    /// Takes what was filled and leaves an empty builder.
    pub fn seal(&mut self, category: &str) -> Segment {
        Segment {
            category: category.to_owned(),
            rows: std::mem::take(&mut self.rows),
            lines: Bytes::from(std::mem::take(&mut self.lines)),
        }
    }
}
