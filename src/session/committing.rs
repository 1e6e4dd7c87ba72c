//! From accepted to durable: what is pending is sealed into a commit, handed out, settled and shown.

use super::committed::Committed;
use super::{CaptureSession, FAILING_LIMIT_MS, MAX_PENDING_BYTES, NotCommitted, PendingRecord, State};
use crate::log::{Commit, LogError, LogStore};
use crate::record::{Entry, StoredEvent, StoredGap};
use crate::ring::CursorAhead;
use bytes::Bytes;
use std::sync::Arc;

/// Number of pending records for which a session in memory keeps room. Only a large batch has more.
const KEPT_PENDING: usize = 1_024;

impl CaptureSession {
    /// Takes everything pending, in the form it is stored, shown and sent.
    fn seal(&mut self) -> Option<Arc<Commit>> {
        if self.pending.is_empty() && self.relays.is_empty() {
            return None;
        }
        let segments = self.categories.seal();
        let entries: Vec<Entry> = std::mem::take(&mut self.pending)
            .into_iter()
            .map(|pending| {
                let line = segments[&pending.category]
                    .lines
                    .slice(pending.start..pending.end);
                pending.record.entry(line)
            })
            .collect();
        Some(Arc::new(Commit {
            session_id: self.session_id,
            epoch: self.epoch,
            first_seq: entries.first().map_or(self.latest_seq + 1, Entry::first_seq),
            latest_seq: self.latest_seq,
            segments: segments.into_values().collect(),
            entries,
            relays: std::mem::take(&mut self.relays),
            bytes: std::mem::take(&mut self.pending_bytes),
        }))
    }

    /// Shows everything pending of a session that has no log; the end of a publish batch.
    pub(crate) fn publish_pending_to_ring(&mut self) {
        if self.state != State::Volatile {
            return;
        }
        // Relay cursors are for the next owner of a log, and this session has none.
        self.relays.clear();
        if self.pending.is_empty() {
            return;
        }
        self.pending_bytes = 0;
        let Self {
            pending,
            categories,
            ring,
            ..
        } = self;
        // Copies each line, so that the builders' memory can be used again.
        ring.push(pending.drain(..).map(|pending| {
            let lines = categories.builder(pending.category).lines();
            let line = Bytes::copy_from_slice(&lines[pending.start..pending.end]);
            pending.record.entry(line)
        }));
        pending.shrink_to(KEPT_PENDING);
        categories.clear();
        self.watch.advance(self.latest_seq);
    }

    fn publish_to_ring(&mut self, commit: &Commit) {
        self.ring.push(commit.entries.iter().cloned());
        self.watch.advance(commit.latest_seq);
    }

    /// Hands out the next commit: the one that failed, or what has become pending since. `None` when one
    /// is under way or nothing is pending.
    pub fn begin_commit(&mut self, now_ms: f64) -> Option<Arc<Commit>> {
        if self.state == State::Volatile || self.state == State::Superseded {
            return None;
        }
        if self.in_flight_commit.is_none() {
            self.in_flight_commit = self.seal();
        }
        if self.in_flight_commit.is_some() {
            self.in_flight_since_ms.get_or_insert(now_ms);
        }
        self.in_flight_commit.clone()
    }

    /// Takes what became of the commit that [`begin_commit`](Self::begin_commit) handed out.
    ///
    /// # Errors
    /// The error of the log, unchanged. After [`LogError::Superseded`] this owner has ended; after any other
    /// error the same commit is returned again.
    pub fn finish_commit(&mut self, result: Result<(), LogError>) -> Result<(), LogError> {
        let Some(commit) = self.in_flight_commit.take() else {
            return Ok(());
        };
        match result {
            Ok(()) => {
                self.in_flight_since_ms = None;
                self.publish_to_ring(&commit);
                self.end_if_closed();
                Ok(())
            }
            Err(error @ LogError::Superseded { .. }) => {
                self.state = State::Superseded;
                self.watch.end(NotCommitted::Superseded);
                self.ring.close();
                Err(error)
            }
            Err(error) => {
                self.in_flight_commit = Some(commit);
                Err(error)
            }
        }
    }

    /// Whether the log has failed for too long, or too much is pending. The owner then sees to it
    /// that the session is not resumed, and calls [`degrade_to_memory`](Self::degrade_to_memory).
    pub fn must_degrade(&self, now_ms: f64) -> bool {
        let failing = self
            .in_flight_since_ms
            .is_some_and(|since| now_ms - since >= FAILING_LIMIT_MS);
        let logs = matches!(self.state, State::Logged | State::Closed);
        logs && (failing || self.pending_bytes() >= MAX_PENDING_BYTES)
    }

    /// Continues in memory; a closed session ends. No owner may be able to resume it by then: that owner
    /// would spend the same seqs again.
    pub fn degrade_to_memory(&mut self) {
        match self.state {
            State::Logged => self.state = State::Volatile,
            State::Closed => {}
            State::Volatile | State::Superseded => return,
        }
        self.in_flight_since_ms = None;
        let rest = [self.in_flight_commit.take(), self.seal()];
        for commit in rest.into_iter().flatten() {
            self.publish_to_ring(&commit);
        }
        self.end_if_closed();
    }

    /// Resolves once everything up to `seq` is committed.
    ///
    /// # Errors
    /// No such seq was spent.
    pub fn committed(&self, seq: u64) -> Result<Committed, CursorAhead> {
        if seq > self.latest_seq {
            return Err(CursorAhead {
                after_seq: seq,
                latest_seq: self.latest_seq,
            });
        }
        Ok(self.watch.wait(seq))
    }

    /// Takes no more publishes. The ring ends when everything accepted is committed.
    pub fn close(&mut self) {
        if matches!(self.state, State::Logged | State::Volatile) {
            self.publish_pending_to_ring();
            self.state = State::Closed;
            self.end_if_closed();
        }
    }

    fn end_if_closed(&mut self) {
        if self.state == State::Closed && self.pending.is_empty() && self.in_flight_commit.is_none() {
            self.ring.close();
            self.watch.end(NotCommitted::Closed);
        }
    }
}

impl PendingRecord {
    fn entry(self, line: Bytes) -> Entry {
        match self {
            Self::Event(header) => Entry::Event(StoredEvent { header, line }),
            Self::Gap(gap) => Entry::Gap(StoredGap { gap, line }),
        }
    }
}

/// Commits everything pending, for an owner that has the session to itself.
///
/// # Errors
/// The error of the log; the records stay pending.
pub async fn commit<L: LogStore>(session: &mut CaptureSession, log: &L, now_ms: f64) -> Result<(), LogError> {
    while let Some(commit) = session.begin_commit(now_ms) {
        let result = log.commit(&commit).await;
        session.finish_commit(result)?;
    }
    Ok(())
}
