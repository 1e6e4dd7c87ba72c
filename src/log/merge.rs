//! One stream out of many category logs, in order of seq, with **every seq accounted for**.
//!
//! Segments are pushed category by category as they are read; only their tables are compared, lines are never
//! looked at before they are handed out. What should be there and is not comes out as a [`Gap`]:
//! [`CORRUPT`] where a segment or a line cannot be read, [`NOT_RETAINED`] where nothing is left at all.
//! So the records of a half-deleted log still add up to its `latest_seq`.

use super::format::Segment;
use crate::record::reason::{CORRUPT, NOT_RETAINED};
use crate::record::{Entry, Gap, LineWriter, SessionId, UNKNOWN_CATEGORY};
use std::collections::VecDeque;

/// The direction of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From a cursor to the newest.
    Forward,
    /// From the newest to the oldest.
    Backward,
}

/// The next step of a merge.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The next record.
    Entry(Entry),
    /// The category with this index must be given its next segment, or be ended.
    NeedSegment(usize),
    /// Every seq is covered.
    End,
}

/// A segment that could not be read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) category: String,
    /// Its key.
    pub(crate) first_seq: u64,
    pub(crate) reason: String,
    /// The seqs that it held, as far as the other categories show. Empty if its table is valid.
    pub(crate) gaps: Vec<(u64, u64)>,
    /// Whether `gaps` are all of it: the merge came from before it and continued past it.
    pub(crate) complete: bool,
}

impl Damage {
    fn new(category: &str, first_seq: u64, reason: String) -> Self {
        Self {
            category: category.to_owned(),
            first_seq,
            reason,
            gaps: Vec::new(),
            complete: false,
        }
    }
}

#[derive(Debug)]
struct CategoryCursor {
    category: String,
    queue: VecDeque<Segment>,
    /// How many rows of the front segment are done.
    done: usize,
    ended: bool,
    /// The segments that were unreadable since the last row: indices into `damage`.
    damaged: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct Merge {
    direction: Direction,
    writer: LineWriter,
    cursors: Vec<CategoryCursor>,
    /// Forward: the lowest seq not yet covered. Backward: the highest.
    uncovered_seq: u64,
    latest_seq: u64,
    /// The lowest seq that was asked for.
    began_at: u64,
    damage: Vec<Damage>,
}

impl Merge {
    /// Everything after `after_seq`, up to `latest_seq`, of logs of `categories`.
    pub(crate) fn forward(
        session_id: SessionId,
        categories: &[String],
        after_seq: u64,
        latest_seq: u64,
    ) -> Self {
        Self::new(
            Direction::Forward,
            session_id,
            categories,
            after_seq + 1,
            latest_seq,
        )
    }

    /// Everything up to `latest_seq`, newest first.
    pub(crate) fn backward(session_id: SessionId, categories: &[String], latest_seq: u64) -> Self {
        Self::new(
            Direction::Backward,
            session_id,
            categories,
            latest_seq,
            latest_seq,
        )
    }

    fn new(
        direction: Direction,
        session_id: SessionId,
        categories: &[String],
        uncovered_seq: u64,
        latest_seq: u64,
    ) -> Self {
        let cursors = categories.iter().map(|category| CategoryCursor {
            category: category.clone(),
            queue: VecDeque::new(),
            done: 0,
            ended: false,
            damaged: Vec::new(),
        });
        Self {
            direction,
            writer: LineWriter::new(session_id),
            cursors: cursors.collect(),
            uncovered_seq,
            latest_seq,
            began_at: if direction == Direction::Forward {
                uncovered_seq
            } else {
                1
            },
            damage: Vec::new(),
        }
    }

    /// Gives a category its next segment in the merge's direction.
    pub(crate) fn push(&mut self, index: usize, segment: Segment) {
        let direction = self.direction;
        let uncovered_seq = self.uncovered_seq;
        let cursor = &mut self.cursors[index];
        if cursor.queue.is_empty() {
            cursor.done = match direction {
                Direction::Forward => segment.rows.partition_point(|row| row.last_seq() < uncovered_seq),
                Direction::Backward => {
                    segment.rows.len() - segment.rows.partition_point(|row| row.first_seq <= uncovered_seq)
                }
            };
        }
        cursor.queue.push_back(segment);
        cursor.pass_done();
    }

    /// Says that a category's next segment cannot be read. Segments in memory always can.
    pub(crate) fn push_damaged(&mut self, index: usize, first_seq: u64, reason: String) {
        let cursor = &mut self.cursors[index];
        cursor.damaged.push(self.damage.len());
        self.damage.push(Damage::new(&cursor.category, first_seq, reason));
    }

    /// Says that a category has no more segments.
    pub(crate) fn end(&mut self, index: usize) {
        self.cursors[index].ended = true;
    }

    /// Returns the damage found so far.
    pub(crate) fn into_damage(self) -> Vec<Damage> {
        self.damage
    }

    /// Whether nothing is left.
    const fn is_over(&self) -> bool {
        match self.direction {
            Direction::Forward => self.uncovered_seq > self.latest_seq,
            Direction::Backward => self.uncovered_seq == 0,
        }
    }

    pub(crate) fn step(&mut self) -> Step {
        while !self.is_over() {
            let is_waiting = |cursor: &CategoryCursor| cursor.queue.is_empty() && !cursor.ended;
            if let Some(index) = self.cursors.iter().position(is_waiting) {
                return Step::NeedSegment(index);
            }
            let Some((index, first_seq, last_seq)) = self.next_row() else {
                return Step::Entry(self.uncovered_gap(match self.direction {
                    Direction::Forward => (self.uncovered_seq, self.latest_seq),
                    Direction::Backward => (1, self.uncovered_seq),
                }));
            };
            match self.direction {
                Direction::Forward if first_seq > self.uncovered_seq => {
                    return Step::Entry(
                        self.uncovered_gap((self.uncovered_seq, self.latest_seq.min(first_seq - 1))),
                    );
                }
                Direction::Backward if last_seq < self.uncovered_seq => {
                    return Step::Entry(self.uncovered_gap((last_seq + 1, self.uncovered_seq)));
                }
                Direction::Forward if last_seq < self.uncovered_seq => self.cursors[index].advance(),
                Direction::Backward if first_seq > self.uncovered_seq => self.cursors[index].advance(),
                Direction::Forward | Direction::Backward => return Step::Entry(self.take(index)),
            }
        }
        (0..self.cursors.len()).for_each(|index| self.past_damage(index));
        Step::End
    }

    /// A category continues after records that cannot be read.
    fn past_damage(&mut self, index: usize) {
        for damaged in std::mem::take(&mut self.cursors[index].damaged) {
            self.damage[damaged].complete = self.began_at <= self.damage[damaged].first_seq;
        }
    }

    /// The category whose row comes next, and the seqs that row covers.
    fn next_row(&self) -> Option<(usize, u64, u64)> {
        let rows = self.cursors.iter().enumerate().filter_map(|(index, cursor)| {
            let row = cursor.row(self.direction)?;
            Some((index, row.first_seq, row.last_seq()))
        });
        match self.direction {
            Direction::Forward => rows.min_by_key(|(_, first_seq, _)| *first_seq),
            Direction::Backward => rows.max_by_key(|(_, _, last_seq)| *last_seq),
        }
    }

    fn take(&mut self, index: usize) -> Entry {
        let direction = self.direction;
        self.past_damage(index);
        let cursor = &mut self.cursors[index];
        let row_index = cursor.row_index(direction);
        let segment = &cursor.queue[0];
        let row = segment.rows[row_index];
        let mut first_seq = row.first_seq;
        let mut last_seq = row.last_seq();
        let category = cursor.category.clone();
        let segment_seq = segment.first_seq();
        let entry = segment.entry(row_index);
        cursor.advance();
        match direction {
            Direction::Forward => {
                first_seq = first_seq.max(std::mem::replace(&mut self.uncovered_seq, last_seq + 1))
            }
            Direction::Backward => {
                last_seq = last_seq.min(std::mem::replace(&mut self.uncovered_seq, first_seq - 1));
            }
        }
        let whole = (first_seq, last_seq) == (row.first_seq, row.last_seq());
        let reason = match entry {
            Ok(entry) if whole => return entry,
            Ok(Entry::Gap(stored)) => stored.gap.reason,
            Ok(Entry::Event(_)) => CORRUPT.to_owned(),
            Err(error) => {
                let is_known = |known: &Damage| known.category == category && known.first_seq == segment_seq;
                if !self.damage.iter().any(is_known) {
                    self.damage
                        .push(Damage::new(&category, segment_seq, error.0.to_owned()));
                }
                CORRUPT.to_owned()
            }
        };
        self.gap((first_seq, last_seq), &category, &reason)
    }

    /// Returns the gap for seqs that no row covers: an unreadable segment held them, or they are gone.
    fn uncovered_gap(&mut self, (first_seq, last_seq): (u64, u64)) -> Entry {
        self.uncovered_seq = match self.direction {
            Direction::Forward => last_seq + 1,
            Direction::Backward => first_seq - 1,
        };
        let suspects = self
            .cursors
            .iter()
            .flat_map(|cursor| cursor.damaged.iter().copied());
        let suspect = suspects
            .filter(|index| self.damage[*index].first_seq <= last_seq)
            .max_by_key(|index| self.damage[*index].first_seq);
        let (category, reason) = match (suspect, &self.cursors[..]) {
            (Some(index), _) => {
                self.damage[index].gaps.push((first_seq, last_seq));
                (self.damage[index].category.clone(), CORRUPT)
            }
            (None, [only]) => (only.category.clone(), NOT_RETAINED),
            // Their category is lost with them.
            (None, _) => (UNKNOWN_CATEGORY.to_owned(), NOT_RETAINED),
        };
        self.gap((first_seq, last_seq), &category, reason)
    }

    fn gap(&self, (first_seq, last_seq): (u64, u64), category: &str, reason: &str) -> Entry {
        Entry::gap(&self.writer, Gap::new(first_seq..=last_seq, category, reason))
    }
}

impl CategoryCursor {
    fn row_index(&self, direction: Direction) -> usize {
        match direction {
            Direction::Forward => self.done,
            Direction::Backward => self.queue[0].rows.len() - 1 - self.done,
        }
    }

    fn row(&self, direction: Direction) -> Option<super::Row> {
        self.queue
            .front()
            .map(|segment| segment.rows[self.row_index(direction)])
    }

    fn advance(&mut self) {
        self.done += 1;
        self.pass_done();
    }

    /// Releases segments that have no row left.
    fn pass_done(&mut self) {
        while self
            .queue
            .front()
            .is_some_and(|segment| self.done >= segment.rows.len())
        {
            self.queue.pop_front();
            self.done = 0;
        }
    }
}

#[cfg(test)]
mod tests;
