//! Accepting events and drops: each spends its seqs, or is refused and spends none.

use super::{CaptureSession, Clock, Pending, PendingRecord, PublishError, RefusedAt, State, event_templates};
use crate::event::{self, Event, Expected, Provenance, Shape, Trust, is_category_name, max_safe_integer};
use crate::levels::Severity;
use crate::log::RelayCursor;
use crate::record::{Gap, Header, MAX_LINE_BYTES, is_reason};

/// Most bytes of one `publish_batch`, unless it is a single record.
pub const MAX_BATCH_BYTES: usize = 1 << 20;

/// The result of publishing a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchReceipt {
    /// The first seq spent; 0 when none was.
    pub first_seq: u64,
    /// The last; 0 when none was.
    pub last_seq: u64,
    /// Events that were refused, by their index in the batch.
    pub refused: Vec<RefusedAt>,
}

impl CaptureSession {
    /// Accepts one event, a JSON object. `clock` replaces an absent `ts`. Returns its seq.
    ///
    /// # Errors
    /// The event is refused, and no seq is spent.
    pub fn publish(&mut self, event: &[u8], trust: Trust, clock: impl Clock) -> Result<u64, PublishError> {
        let seq = self.accept_published(event, trust, &clock)?;
        self.publish_pending_to_ring();
        Ok(seq)
    }

    /// Accepts many events, one JSON object a line. Refused lines are reported by index; the others are
    /// accepted. Empty lines are passed over.
    ///
    /// # Errors
    /// The session takes nothing more, or the batch is over [`MAX_BATCH_BYTES`] and not a single record.
    pub fn publish_batch(
        &mut self,
        ndjson: &[u8],
        trust: Trust,
        clock: impl Clock,
    ) -> Result<BatchReceipt, PublishError> {
        self.check_open()?;
        let single = || memchr::memchr(b'\n', ndjson).is_none_or(|end| end + 1 == ndjson.len());
        if ndjson.len() > MAX_BATCH_BYTES && !single() {
            return Err(PublishError::BatchTooLarge(ndjson.len()));
        }
        let mut receipt = BatchReceipt::default();
        for (index, line) in lines(ndjson).enumerate() {
            match self.accept_published(line, trust, &clock) {
                Ok(seq) => {
                    if receipt.first_seq == 0 {
                        receipt.first_seq = seq;
                    }
                    receipt.last_seq = seq;
                }
                Err(error) => receipt.refused.push(RefusedAt { index, error }),
            }
        }
        self.publish_pending_to_ring();
        Ok(receipt)
    }

    /// Accepts one published event, by a template if it fits one.
    fn accept_published(
        &mut self,
        text: &[u8],
        trust: Trust,
        clock: &impl Clock,
    ) -> Result<u64, PublishError> {
        self.check_open()?;
        if let Some(seq) = self.accept_from_template(text, trust, clock)? {
            return Ok(seq);
        }
        let mut data_start = None;
        let seq = self.accept(text, trust, Shape::Published, clock, |event| {
            data_start = event_templates::data_start(event, text);
            Ok::<_, PublishError>(None)
        })?;
        if let Some(data_start) = data_start {
            self.store_template(text, data_start);
        }
        Ok(seq)
    }

    /// Accepts an event that fits a template. Returns `None` if it fits none.
    fn accept_from_template(
        &mut self,
        text: &[u8],
        trust: Trust,
        clock: &impl Clock,
    ) -> Result<Option<u64>, PublishError> {
        let Some((template, parts)) = self.event_templates.find(text, trust) else {
            return Ok(None);
        };
        let seq = self.next_seq(1)?;
        let Some(data) = self.event_reader.read_data(text, parts.data_start) else {
            return Ok(None);
        };
        let ts_micros = parts.ts_micros.unwrap_or_else(|| clock.now_micros());
        let category = template.category;
        let lines = self.categories.builder(category).lines();
        let start = lines.len();
        let mut header = self
            .writer
            .event_from_template(lines, seq, ts_micros, &template.line, data);
        if lines.len() - start > MAX_LINE_BYTES {
            lines.truncate(start);
            let event = event::read(text, trust, Shape::Published)?;
            let event = Event {
                data: Some(data),
                ..event
            };
            header = self.writer.event(lines, seq, ts_micros, &event);
        }
        self.end_event(category, start, header);
        Ok(Some(seq))
    }

    /// Stores the template of `text`, the last event that was accepted.
    fn store_template(&mut self, text: &[u8], data_start: usize) {
        let Some(Pending {
            category,
            start,
            end,
            record: PendingRecord::Event(header),
        }) = self.pending.last()
        else {
            return;
        };
        let line = &self.categories.builder(*category).lines()[*start..*end];
        self.event_templates
            .store(text, data_start, *category, header, line);
    }

    /// Accepts one event, with the provenance that `stamp` may put on it, without showing it to anyone
    /// yet: a batch does that once, in [`publish_pending_to_ring`](Self::publish_pending_to_ring).
    pub(crate) fn accept<'p, E: From<PublishError>>(
        &mut self,
        text: &[u8],
        trust: Trust,
        shape: Shape,
        clock: &impl Clock,
        stamp: impl FnOnce(&Event<'_>) -> Result<Option<Provenance<'p>>, E>,
    ) -> Result<u64, E> {
        self.check_open()?;
        let seq = self.next_seq(1)?;
        // Borrowed apart from the rest of the session, which the event is written into.
        let mut event_reader = std::mem::take(&mut self.event_reader);
        let written = match event_reader.read(text, trust, shape) {
            Err(error) => Err(PublishError::from(error).into()),
            Ok(event) => match stamp(&event) {
                Err(error) => Err(error),
                Ok(None) => self.write(&event, seq, clock).map_err(E::from),
                Ok(Some(provenance)) => self.write(&provenance.stamp(event), seq, clock).map_err(E::from),
            },
        };
        self.event_reader = event_reader;
        written
    }

    fn write(&mut self, event: &Event<'_>, seq: u64, clock: &impl Clock) -> Result<u64, PublishError> {
        let ts_micros = event.ts_micros.unwrap_or_else(|| clock.now_micros());
        let category = self.categories.open(event.category)?;
        let lines = self.categories.builder(category).lines();
        let start = lines.len();
        let header = self.writer.event(lines, seq, ts_micros, event);
        self.end_event(category, start, header);
        Ok(seq)
    }

    /// Counts the event whose line was written into the segment of its category from `start` on, and spends its seq.
    fn end_event(&mut self, category: usize, start: usize, header: Header) {
        match header.severity {
            Severity::Error => self.counts.errors += 1,
            Severity::Warn => self.counts.warnings += 1,
            Severity::Debug | Severity::Info => {}
        }
        self.end_line(category, start, PendingRecord::Event(header));
    }

    /// Spends the seqs of `record`, whose line was written into the segment of its category from `start` on.
    fn end_line(&mut self, category: usize, start: usize, record: PendingRecord) {
        let (first_seq, last_seq, events, gap_seqs) = match &record {
            PendingRecord::Event(header) => (header.seq, header.seq, 1, 0),
            PendingRecord::Gap(gap) => (gap.first_seq, gap.last_seq, 0, gap.count()),
        };
        let builder = self.categories.builder(category);
        let end = builder.lines().len();
        builder.end_line(first_seq, last_seq);
        self.categories.count(category, events, gap_seqs, end + 1 - start);
        self.counts.events += events;
        self.counts.gap_seqs += gap_seqs;
        self.latest_seq = last_seq;
        self.pending_bytes += end + 1 - start;
        self.pending.push(Pending {
            category,
            start,
            end,
            record,
        });
    }

    /// Spends `count` seqs on a gap: that many events of `category` are lost, for `reason`. Returns the
    /// last of them.
    ///
    /// # Errors
    /// Nothing to count, an invalid category, or the session takes nothing more.
    pub fn record_drop(&mut self, category: &str, count: u64, reason: &str) -> Result<u64, PublishError> {
        let last_seq = self.accept_drop(category, count, reason)?;
        self.publish_pending_to_ring();
        Ok(last_seq)
    }

    pub(crate) fn accept_drop(
        &mut self,
        category: &str,
        count: u64,
        reason: &str,
    ) -> Result<u64, PublishError> {
        self.check_open()?;
        if !is_category_name(category.as_bytes()) {
            let expected = Expected::Category.to_string();
            return Err(PublishError::Drop("category", category.to_owned(), expected));
        }
        if !is_reason(reason.as_bytes()) {
            let expected = "a name like [a-z][a-z0-9_]{0,63}".to_owned();
            return Err(PublishError::Drop("reason", reason.to_owned(), expected));
        }
        if !(1..=u64::from(u32::MAX)).contains(&count) {
            let expected = "a number from 1 to 4294967295".to_owned();
            return Err(PublishError::Drop("count", count.to_string(), expected));
        }
        let first_seq = self.next_seq(count)?;
        let slot = self.categories.open(category)?;
        let gap = Gap::new(first_seq..=first_seq + count - 1, category, reason);
        let lines = self.categories.builder(slot).lines();
        let start = lines.len();
        self.writer.gap(lines, &gap);
        self.end_line(slot, start, PendingRecord::Gap(gap));
        Ok(self.latest_seq)
    }

    /// Puts a relay's counter into the commit that its messages are in.
    pub(crate) fn note_relay(&mut self, relay_id: &str, message: u64) {
        match self.relays.iter_mut().find(|cursor| cursor.relay_id == relay_id) {
            Some(cursor) => cursor.message = message,
            None => self.relays.push(RelayCursor {
                relay_id: relay_id.to_owned(),
                message,
            }),
        }
    }

    fn check_open(&self) -> Result<(), PublishError> {
        match self.state {
            State::Logged | State::Volatile => Ok(()),
            State::Closed => Err(PublishError::Closed),
            State::Superseded => Err(PublishError::Superseded),
        }
    }

    fn next_seq(&self, count: u64) -> Result<u64, PublishError> {
        match self.latest_seq.checked_add(count) {
            Some(last) if last <= max_safe_integer() => Ok(self.latest_seq + 1),
            _ => Err(PublishError::OutOfSeqs),
        }
    }
}

/// The non-empty lines of `text`.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', text).chain(std::iter::once(text.len()));
    ends.map(move |end| &text[std::mem::replace(&mut start, end + 1)..end])
        .filter(|line| !line.trim_ascii().is_empty())
}
