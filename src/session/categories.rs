//! The categories of one session: their counts and the segments being filled.

use super::PublishError;
use crate::log::{Segment, SegmentBuilder};
use std::collections::BTreeMap;

/// Most categories a session has.
pub(super) const MAX_CATEGORIES: usize = 64;

#[derive(Debug)]
pub(super) struct Categories {
    slots: Vec<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    name: String,
    builder: SegmentBuilder,
    events: u64,
    gap_seqs: u64,
    bytes: u64,
}

impl Categories {
    pub(super) fn new(names: &[String]) -> Self {
        Self {
            slots: names.iter().map(|name| Slot::new(name)).collect(),
        }
    }

    /// The slot of a category, opened if it is new.
    pub(super) fn open(&mut self, name: &str) -> Result<usize, PublishError> {
        if let Some(slot) = self.slots.iter().position(|slot| slot.name == name) {
            return Ok(slot);
        }
        if self.slots.len() >= MAX_CATEGORIES {
            return Err(PublishError::TooManyCategories(name.to_owned()));
        }
        self.slots.push(Slot::new(name));
        Ok(self.slots.len() - 1)
    }

    pub(super) fn builder(&mut self, slot: usize) -> &mut SegmentBuilder {
        &mut self.slots[slot].builder
    }

    pub(super) fn count(&mut self, slot: usize, events: u64, gap_seqs: u64, bytes: usize) {
        let slot = &mut self.slots[slot];
        slot.events += events;
        slot.gap_seqs += gap_seqs;
        slot.bytes += bytes as u64;
    }

    pub(super) fn counts(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.slots
            .iter()
            .map(|slot| (slot.name.as_str(), slot.events, slot.gap_seqs))
    }

    pub(super) fn bytes(&self) -> impl Iterator<Item = (&str, u64)> {
        self.slots.iter().map(|slot| (slot.name.as_str(), slot.bytes))
    }

    /// Clears the segments being filled.
    pub(super) fn clear(&mut self) {
        for slot in &mut self.slots {
            if !slot.builder.is_empty() {
                slot.builder.clear();
            }
        }
    }

    /// Takes what was filled, by slot.
    pub(super) fn seal(&mut self) -> BTreeMap<usize, Segment> {
        let filled = self
            .slots
            .iter_mut()
            .enumerate()
            .filter(|(_, slot)| !slot.builder.is_empty());
        filled
            .map(|(index, slot)| (index, slot.builder.seal(&slot.name)))
            .collect()
    }
}

impl Slot {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }
}
