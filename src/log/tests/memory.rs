//! A log in memory, which tests can make fail.

use crate::log::merge::{Merge, Step};
use crate::log::{Commit, Head, Limits, LogError, LogStore, RelayCursor, Segment};
use crate::record::{Entry, SessionId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How the next commit goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails and nothing of it is there.
    Abort(LogError),
    /// All of it is stored, but the owner receives a failure.
    AnswerLost(LogError),
}

/// Category logs in memory. Cloning it gives another handle to the same logs.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryLog {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    heads: BTreeMap<SessionId, Head>,
    segments: BTreeMap<(SessionId, u64, String), Segment>,
    relays: BTreeMap<String, u64>,
    acked: BTreeMap<(SessionId, String), u64>,
    faults: Vec<Fault>,
    commits: usize,
}

impl MemoryLog {
    /// Makes a session's head, or raises its epoch: what an owner does first.
    pub(crate) fn open(&self, session_id: SessionId) -> Head {
        let mut state = self.state();
        let head = state.heads.entry(session_id).or_default();
        head.epoch += 1;
        head.clone()
    }

    /// Makes the next commits go wrong, the last of `faults` first.
    pub(crate) fn fail_with(&self, faults: Vec<Fault>) {
        self.state().faults = faults;
    }

    /// How many commits succeeded.
    pub(crate) fn commits(&self) -> usize {
        self.state().commits
    }

    /// The last committed message of a relay.
    pub(crate) fn relay(&self, relay_id: &str) -> Option<u64> {
        self.state().relays.get(relay_id).copied()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn commit(&mut self, commit: &Commit) -> Result<(), LogError> {
        let head = self.heads.get_mut(&commit.session_id).ok_or(LogError::Missing)?;
        if head.epoch != commit.epoch {
            return Err(LogError::Superseded {
                ours: commit.epoch,
                theirs: head.epoch,
            });
        }
        head.latest_seq = commit.latest_seq;
        for segment in &commit.segments {
            if !head.categories.contains(&segment.category) {
                head.categories.push(segment.category.clone());
            }
            let key = (commit.session_id, segment.first_seq(), segment.category.clone());
            self.segments.insert(key, segment.clone());
        }
        for RelayCursor { relay_id, message } in &commit.relays {
            self.relays.insert(relay_id.clone(), *message);
        }
        self.commits += 1;
        Ok(())
    }

    fn run(&self, mut merge: Merge, session_id: SessionId, head: &Head, limits: Limits) -> Vec<Entry> {
        for (index, category) in head.categories.iter().enumerate() {
            let range = (session_id, 0, String::new())..=(session_id, u64::MAX, String::new());
            let segments = self
                .segments
                .range(range)
                .filter(|((_, _, name), _)| name == category);
            segments.for_each(|(_, segment)| merge.push(index, segment.clone()));
            merge.end(index);
        }
        let mut entries = Vec::new();
        let mut bytes = 0;
        while let Step::Entry(entry) = merge.step() {
            bytes += entry.line().len() + 1;
            if entries.len() == limits.entries || (bytes > limits.bytes && !entries.is_empty()) {
                break;
            }
            entries.push(entry);
        }
        entries
    }
}

impl LogStore for MemoryLog {
    async fn reopen(&self, session_id: SessionId) -> Result<Head, LogError> {
        Ok(self.open(session_id))
    }

    async fn commit(&self, commit: &Commit) -> Result<(), LogError> {
        let mut state = self.state();
        match state.faults.pop() {
            None => state.commit(commit),
            Some(Fault::Abort(error)) => Err(error),
            Some(Fault::AnswerLost(error)) => state.commit(commit).and(Err(error)),
        }
    }

    async fn read(
        &self,
        session_id: SessionId,
        after_seq: u64,
        limits: Limits,
    ) -> Result<Vec<Entry>, LogError> {
        let state = self.state();
        let head = state.heads.get(&session_id).ok_or(LogError::Missing)?;
        let merge = Merge::forward(session_id, &head.categories, after_seq, head.latest_seq);
        Ok(state.run(merge, session_id, head, limits))
    }

    async fn sessions(&self) -> Result<Vec<(SessionId, Head)>, LogError> {
        Ok(self.state().heads.clone().into_iter().collect())
    }

    async fn acked_seq(&self, session_id: SessionId, store_id: &str) -> Result<u64, LogError> {
        let acked_seq = self
            .state()
            .acked
            .get(&(session_id, store_id.to_owned()))
            .copied();
        Ok(acked_seq.unwrap_or(0))
    }

    async fn set_acked_seq(
        &self,
        session_id: SessionId,
        store_id: &str,
        acked_seq: u64,
    ) -> Result<(), LogError> {
        self.state()
            .acked
            .insert((session_id, store_id.to_owned()), acked_seq);
        Ok(())
    }
}
