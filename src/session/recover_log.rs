//! Recovers the log of a degraded session, once the log works again.

use super::{CaptureSession, State};
use crate::log::{Commit, LogError, LogStore, RelayCursor, SegmentBuilder};
use crate::record::reason::NOT_RETAINED;
use crate::record::{Entry, Gap, UNKNOWN_CATEGORY};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Most bytes of one commit of a recovery, unless a single record has more.
const COMMIT_BYTES: usize = 1 << 20;

/// Writes to the log what is in memory alone, and then turns the session's state to logged. It takes
/// records meanwhile. `relays` says how far messages of relays were taken that have these seqs.
///
/// # Errors
/// The error of the log. The session stays volatile, and written records stay in the log.
/// [`LogError::Superseded`] when it is not volatile, or has had another owner meanwhile: then it has none of this.
pub async fn recover_log<L: LogStore>(
    session: &RefCell<CaptureSession>,
    log: &L,
    relays: impl Fn(RangeInclusive<u64>) -> Vec<RelayCursor>,
) -> Result<(), LogError> {
    let (session_id, state, ours) = {
        let session = session.borrow();
        (session.session_id, session.state, session.epoch)
    };
    if state != State::Volatile {
        return Err(LogError::Superseded { ours, theirs: ours });
    }
    // The last commit may have succeeded without an answer, and the log may be another one.
    let head = log.reopen(session_id).await?;
    if head.epoch > ours + 1 {
        return Err(LogError::Superseded {
            ours,
            theirs: head.epoch - 1,
        });
    }
    session.borrow_mut().epoch = head.epoch;
    let mut logged_seq = head.latest_seq;
    loop {
        let commit = session.borrow().commit_after(logged_seq, head.epoch);
        let Some(mut commit) = commit else { break };
        if commit.latest_seq == session.borrow().latest_seq {
            commit.relays = relays(head.latest_seq + 1..=commit.latest_seq);
        }
        log.commit(&commit).await?;
        logged_seq = commit.latest_seq;
    }
    session.borrow_mut().on_log_recovered();
    Ok(())
}

impl CaptureSession {
    /// Returns records of the ring after `logged_seq`, at most one commit. Evicted records become a gap.
    fn commit_after(&self, logged_seq: u64, epoch: u64) -> Option<Commit> {
        let mut entries = self.ring.entries_after(logged_seq, usize::MAX, COMMIT_BYTES);
        let oldest_seq = entries.first()?.first_seq();
        if oldest_seq > logged_seq + 1 {
            let missing = Gap::new(logged_seq + 1..=oldest_seq - 1, UNKNOWN_CATEGORY, NOT_RETAINED);
            entries.insert(0, Entry::gap(&self.writer, missing));
        }
        let bytes = entries.iter().map(|entry| entry.line().len() + 1).sum();
        let latest_seq = entries.last()?.last_seq();
        let first_seq = entries.first().map(Entry::first_seq)?;
        let mut builders = BTreeMap::<&str, SegmentBuilder>::new();
        for entry in &entries {
            builders.entry(entry.category()).or_default().push(entry);
        }
        let segments = builders
            .into_iter()
            .map(|(category, mut builder)| builder.seal(category))
            .collect();
        Some(Commit {
            session_id: self.session_id,
            epoch,
            first_seq,
            latest_seq,
            segments,
            entries,
            relays: Vec::new(),
            bytes,
        })
    }

    /// The log has everything again.
    const fn on_log_recovered(&mut self) {
        if matches!(self.state, State::Volatile) {
            self.state = State::Logged;
        }
    }
}

#[cfg(test)]
mod tests;
