//! One stream out of many category logs, in order of seq, with **every seq accounted for**.
//!
//! Segments are pushed lane by lane as they are read; only their tables are compared, lines are never
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
    /// This lane must be given its next segment, or be ended.
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
    pub(crate) holes: Vec<(u64, u64)>,
    /// Whether `holes` are all of it: the merge came from before it and went on past it.
    pub(crate) complete: bool,
}

#[derive(Debug)]
struct Lane {
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
    lanes: Vec<Lane>,
    /// Forward: the lowest seq not yet covered. Backward: the highest.
    cursor: u64,
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
        Self::new(Direction::Forward, session_id, categories, after_seq + 1, latest_seq)
    }

    /// Everything up to `latest_seq`, newest first.
    pub(crate) fn backward(session_id: SessionId, categories: &[String], latest_seq: u64) -> Self {
        Self::new(Direction::Backward, session_id, categories, latest_seq, latest_seq)
    }

    fn new(
        direction: Direction,
        session_id: SessionId,
        categories: &[String],
        cursor: u64,
        latest_seq: u64,
    ) -> Self {
        let lanes = categories.iter().map(|category| Lane {
            category: category.clone(),
            queue: VecDeque::new(),
            done: 0,
            ended: false,
            damaged: Vec::new(),
        });
        Self {
            direction,
            writer: LineWriter::new(session_id),
            lanes: lanes.collect(),
            cursor,
            latest_seq,
            began_at: if direction == Direction::Forward { cursor } else { 1 },
            damage: Vec::new(),
        }
    }

    /// Gives a lane its next segment in the merge's direction.
    pub(crate) fn push(&mut self, lane: usize, segment: Segment) {
        let (direction, cursor) = (self.direction, self.cursor);
        let lane = &mut self.lanes[lane];
        if lane.queue.is_empty() {
            lane.done = match direction {
                Direction::Forward => segment.rows.partition_point(|row| row.last_seq() < cursor),
                Direction::Backward => {
                    segment.rows.len() - segment.rows.partition_point(|row| row.first_seq <= cursor)
                }
            };
        }
        lane.queue.push_back(segment);
        lane.pass_done();
    }

    /// Gives a lane all its segments, oldest first.
    pub(crate) fn push_all(&mut self, lane: usize, segments: impl DoubleEndedIterator<Item = Segment>) {
        match self.direction {
            Direction::Forward => segments.for_each(|segment| self.push(lane, segment)),
            Direction::Backward => segments.rev().for_each(|segment| self.push(lane, segment)),
        }
        self.end(lane);
    }

    /// Says that a lane's next segment cannot be read. Segments in memory always can.
    #[cfg(any(test, target_arch = "wasm32"))]
    pub(crate) fn push_damaged(&mut self, lane: usize, first_seq: u64, reason: String) {
        let lane = &mut self.lanes[lane];
        lane.damaged.push(self.damage.len());
        let (category, holes) = (lane.category.clone(), Vec::new());
        self.damage.push(Damage { category, first_seq, reason, holes, complete: false });
    }

    /// Says that a lane has no more segments.
    pub(crate) fn end(&mut self, lane: usize) {
        self.lanes[lane].ended = true;
    }

    /// Returns the damage found so far.
    #[cfg(any(test, target_arch = "wasm32"))]
    pub(crate) fn into_damage(self) -> Vec<Damage> {
        self.damage
    }

    /// Whether nothing is left.
    const fn is_over(&self) -> bool {
        match self.direction {
            Direction::Forward => self.cursor > self.latest_seq,
            Direction::Backward => self.cursor == 0,
        }
    }

    pub(crate) fn step(&mut self) -> Step {
        while !self.is_over() {
            if let Some(lane) = self.lanes.iter().position(|lane| lane.queue.is_empty() && !lane.ended) {
                return Step::NeedSegment(lane);
            }
            let Some((lane, first_seq, last_seq)) = self.next_row() else {
                return Step::Entry(self.hole(match self.direction {
                    Direction::Forward => (self.cursor, self.latest_seq),
                    Direction::Backward => (1, self.cursor),
                }));
            };
            match self.direction {
                Direction::Forward if first_seq > self.cursor => {
                    return Step::Entry(self.hole((self.cursor, self.latest_seq.min(first_seq - 1))));
                }
                Direction::Backward if last_seq < self.cursor => {
                    return Step::Entry(self.hole((last_seq + 1, self.cursor)));
                }
                Direction::Forward if last_seq < self.cursor => self.lanes[lane].advance(),
                Direction::Backward if first_seq > self.cursor => self.lanes[lane].advance(),
                Direction::Forward | Direction::Backward => return Step::Entry(self.take(lane)),
            }
        }
        (0..self.lanes.len()).for_each(|lane| self.past_damage(lane));
        Step::End
    }

    /// A category continues after records that cannot be read.
    fn past_damage(&mut self, lane: usize) {
        for index in std::mem::take(&mut self.lanes[lane].damaged) {
            self.damage[index].complete = self.began_at <= self.damage[index].first_seq;
        }
    }

    /// The lane whose row comes next, and the seqs that row covers.
    fn next_row(&self) -> Option<(usize, u64, u64)> {
        let rows = self.lanes.iter().enumerate().filter_map(|(index, lane)| {
            let row = lane.row(self.direction)?;
            Some((index, row.first_seq, row.last_seq()))
        });
        match self.direction {
            Direction::Forward => rows.min_by_key(|(_, first_seq, _)| *first_seq),
            Direction::Backward => rows.max_by_key(|(_, _, last_seq)| *last_seq),
        }
    }

    fn take(&mut self, lane: usize) -> Entry {
        let direction = self.direction;
        self.past_damage(lane);
        let at = &mut self.lanes[lane];
        let (index, segment) = (at.index(direction), &at.queue[0]);
        let row = segment.rows[index];
        let (mut first_seq, mut last_seq) = (row.first_seq, row.last_seq());
        let (category, segment_seq, entry) = (at.category.clone(), segment.first_seq(), segment.entry(index));
        at.advance();
        match direction {
            Direction::Forward => {
                first_seq = first_seq.max(std::mem::replace(&mut self.cursor, last_seq + 1))
            }
            Direction::Backward => {
                last_seq = last_seq.min(std::mem::replace(&mut self.cursor, first_seq - 1));
            }
        }
        let whole = (first_seq, last_seq) == (row.first_seq, row.last_seq());
        match entry {
            Ok(entry) if whole => entry,
            Ok(Entry::Gap(stored)) => self.gap(Gap { first_seq, last_seq, ..stored.gap }),
            Ok(Entry::Event(_)) => self.gap(Gap { first_seq, last_seq, category, reason: CORRUPT.into() }),
            Err(error) => {
                let known = self
                    .damage
                    .iter()
                    .any(|known| known.category == category && known.first_seq == segment_seq);
                if !known {
                    let (category, reason) = (category.clone(), error.0.to_owned());
                    let (first_seq, holes) = (segment_seq, Vec::new());
                    self.damage.push(Damage { category, first_seq, reason, holes, complete: false });
                }
                self.gap(Gap { first_seq, last_seq, category, reason: CORRUPT.into() })
            }
        }
    }

    /// Nothing covers these seqs: some unreadable segment did, or they are gone.
    fn hole(&mut self, (first_seq, last_seq): (u64, u64)) -> Entry {
        self.cursor = match self.direction {
            Direction::Forward => last_seq + 1,
            Direction::Backward => first_seq - 1,
        };
        let suspects = self.lanes.iter().flat_map(|lane| lane.damaged.iter().copied());
        let suspect = suspects
            .filter(|index| self.damage[*index].first_seq <= last_seq)
            .max_by_key(|index| self.damage[*index].first_seq);
        let (category, reason) = match (suspect, &self.lanes[..]) {
            (Some(index), _) => {
                self.damage[index].holes.push((first_seq, last_seq));
                (self.damage[index].category.clone(), CORRUPT)
            }
            (None, [only]) => (only.category.clone(), NOT_RETAINED),
            // Their category is lost with them.
            (None, _) => (UNKNOWN_CATEGORY.to_owned(), NOT_RETAINED),
        };
        self.gap(Gap { first_seq, last_seq, category, reason: reason.to_owned() })
    }

    fn gap(&self, gap: Gap) -> Entry {
        Entry::gap(&self.writer, gap)
    }
}

impl Lane {
    fn index(&self, direction: Direction) -> usize {
        match direction {
            Direction::Forward => self.done,
            Direction::Backward => self.queue[0].rows.len() - 1 - self.done,
        }
    }

    fn row(&self, direction: Direction) -> Option<super::Row> {
        self.queue.front().map(|segment| segment.rows[self.index(direction)])
    }

    fn advance(&mut self) {
        self.done += 1;
        self.pass_done();
    }

    /// Lets go of segments that have no row left.
    fn pass_done(&mut self) {
        while self.queue.front().is_some_and(|segment| self.done >= segment.rows.len()) {
            self.queue.pop_front();
            self.done = 0;
        }
    }
}

#[cfg(test)]
mod tests;
