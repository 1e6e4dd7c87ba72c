//! A record with its line: an event or a gap.

use super::{Gap, Header, Line, LineError, LineWriter, Record, parse_line};
use bytes::Bytes;

/// One event, with its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The fields that readers filter on.
    pub header: Header,
    /// The line, without a newline. A slice of the block it was committed in.
    pub line: Bytes,
}

impl StoredEvent {
    /// Header and line as a selector sees them.
    pub fn record(&self) -> Record<'_> {
        Record {
            header: &self.header,
            line: &self.line,
        }
    }

    /// Its category.
    pub fn category(&self) -> &str {
        std::str::from_utf8(self.header.category.of(&self.line)).unwrap_or_default()
    }
}

/// One gap, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGap {
    /// The missing seqs, and the reason.
    pub gap: Gap,
    /// The line, without a newline.
    pub line: Bytes,
}

/// One record of a session, as it is stored, shown and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Something happened.
    Event(StoredEvent),
    /// Something is missing.
    Gap(StoredGap),
}

impl Entry {
    /// Writes the line of `gap`.
    pub fn gap(writer: &LineWriter, gap: Gap) -> Self {
        let mut line = Vec::new();
        writer.gap(&mut line, &gap);
        Self::Gap(StoredGap {
            gap,
            line: Bytes::from(line),
        })
    }

    /// Reads a line back.
    pub fn read(line: Bytes) -> Result<Self, LineError> {
        Ok(Self::new(parse_line(&line)?, line))
    }

    /// The record of `line`, which was parsed before.
    pub fn new(parsed: Line, line: Bytes) -> Self {
        match parsed {
            Line::Event { header, .. } => Self::Event(StoredEvent { header, line }),
            Line::Gap { gap, .. } => Self::Gap(StoredGap { gap, line }),
        }
    }

    /// The first seq it covers.
    pub const fn first_seq(&self) -> u64 {
        match self {
            Self::Event(event) => event.header.seq,
            Self::Gap(gap) => gap.gap.first_seq,
        }
    }

    /// The last seq it covers.
    pub const fn last_seq(&self) -> u64 {
        match self {
            Self::Event(event) => event.header.seq,
            Self::Gap(gap) => gap.gap.last_seq,
        }
    }

    /// Its category.
    pub fn category(&self) -> &str {
        match self {
            Self::Event(event) => event.category(),
            Self::Gap(gap) => &gap.gap.category,
        }
    }

    /// Its line.
    pub const fn line(&self) -> &Bytes {
        match self {
            Self::Event(event) => &event.line,
            Self::Gap(gap) => &gap.line,
        }
    }
}
