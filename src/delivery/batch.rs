//! A batch: a seq range of one session as NDJSON, every seq of it covered by an event or a gap.

use crate::log::Limits;
use crate::record::reason::{NOT_RETAINED, REFUSED};
use crate::record::{Entry, Gap, LineWriter, SessionId, UNKNOWN_CATEGORY};
use std::collections::BTreeSet;
use std::fmt;

/// Most records of a batch.
pub const MAX_BATCH_EVENTS: usize = 2_000;
/// Most bytes of a batch, unless it is a single record.
pub const MAX_BATCH_BYTES: usize = 1 << 20;

/// Why a batch went when it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushReason {
    /// Something was committed, and the last batch is long enough ago.
    Interval,
    /// A full batch was waiting.
    Size,
    /// Records that waited for the collector, or are left from an older session.
    Recovered,
    /// Someone asked for it.
    Requested,
    /// The session ends.
    Closing,
}

/// A batch to be built and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchPlan {
    /// The session.
    pub session_id: SessionId,
    /// It begins after this seq.
    pub after_seq: u64,
    /// The last seq that is known to be committed.
    pub latest_seq: u64,
    /// How large it may be.
    pub limits: Limits,
    /// First seqs of records whose place a gap takes.
    pub refused: BTreeSet<u64>,
    /// First seqs of records that are sent alone.
    pub send_alone: BTreeSet<u64>,
    /// Why now.
    pub reason: FlushReason,
}

/// The records of one request.
#[derive(Clone, PartialEq, Eq)]
pub struct Batch {
    /// The session.
    pub session_id: SessionId,
    /// The first seq it covers.
    pub first_seq: u64,
    /// The last.
    pub last_seq: u64,
    /// The lines, each with its newline.
    pub body: Vec<u8>,
    /// First and last seq of each line.
    pub records: Vec<(u64, u64)>,
}

/// The body's length represents the body.
impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("session_id", &self.session_id)
            .field("first_seq", &self.first_seq)
            .field("last_seq", &self.last_seq)
            .field("records", &self.records.len())
            .field("bytes", &self.body.len())
            .finish()
    }
}

impl Batch {
    /// The batch that `plan` asks for, from the records held after its `after_seq`, in seq order. Each
    /// line is copied once. Seqs between them that no record covers become a gap, and so does everything
    /// up to `plan.latest_seq` when there is no record at all. `None` when nothing is to be sent.
    pub fn build(plan: &BatchPlan, entries: &[Entry]) -> Option<Self> {
        let mut builder = BatchBuilder::new(plan, entries);
        for entry in entries {
            if !builder.push(entry) {
                break;
            }
        }
        if builder.batch.records.is_empty() && builder.next_seq <= plan.latest_seq {
            builder.not_retained_gap(plan.latest_seq);
        }
        let mut batch = builder.batch;
        batch.last_seq = batch.records.last()?.1;
        Some(batch)
    }
}

struct BatchBuilder<'a> {
    plan: &'a BatchPlan,
    writer: LineWriter,
    batch: Batch,
    next_seq: u64,
}

impl<'a> BatchBuilder<'a> {
    fn new(plan: &'a BatchPlan, entries: &[Entry]) -> Self {
        let next_seq = plan.after_seq + 1;
        let whole: usize = entries.iter().map(|entry| entry.line().len() + 1).sum();
        let batch = Batch {
            session_id: plan.session_id,
            first_seq: next_seq,
            last_seq: plan.after_seq,
            body: Vec::with_capacity(whole.min(plan.limits.bytes)),
            records: Vec::new(),
        };
        Self {
            plan,
            writer: LineWriter::new(plan.session_id),
            batch,
            next_seq,
        }
    }

    /// Appends a record, after a gap for the seqs before it. Returns whether more may follow.
    fn push(&mut self, entry: &Entry) -> bool {
        let first_seq = entry.first_seq();
        let last_seq = entry.last_seq();
        if last_seq < self.next_seq {
            return true;
        }
        if first_seq > self.next_seq && !self.not_retained_gap(first_seq - 1) {
            return false;
        }
        let alone = self.plan.send_alone.contains(&self.next_seq);
        if alone && !self.batch.records.is_empty() {
            return false;
        }
        let fits = if self.plan.refused.contains(&self.next_seq) {
            self.gap(last_seq, entry.category(), REFUSED)
        } else if let (Entry::Gap(stored), true) = (entry, first_seq < self.next_seq) {
            // The cursor is inside a gap: its rest is sent.
            self.gap(last_seq, &stored.gap.category, &stored.gap.reason)
        } else {
            self.line(last_seq, entry.line())
        };
        fits && !alone
    }

    fn not_retained_gap(&mut self, last_seq: u64) -> bool {
        self.gap(last_seq, UNKNOWN_CATEGORY, NOT_RETAINED)
    }

    fn gap(&mut self, last_seq: u64, category: &str, reason: &str) -> bool {
        let gap = Gap::new(self.next_seq..=last_seq, category, reason);
        let mut line = Vec::with_capacity(192);
        self.writer.gap(&mut line, &gap);
        self.line(last_seq, &line)
    }

    /// Appends a line that covers everything up to `last_seq`, if it fits.
    fn line(&mut self, last_seq: u64, line: &[u8]) -> bool {
        let batch = &mut self.batch;
        let Limits { entries, bytes } = self.plan.limits;
        let over = batch.records.len() >= entries || batch.body.len() + line.len() + 1 > bytes;
        if over && !batch.records.is_empty() {
            return false;
        }
        batch.body.extend_from_slice(line);
        batch.body.push(b'\n');
        batch.records.push((self.next_seq, last_seq));
        self.next_seq = last_seq + 1;
        true
    }
}
