//! The last commits, in memory, so that live subscribers read no disk.
//!
//! Bounded by bytes and by age; the oldest commit is removed first. A subscriber has only a cursor: it requests the
//! commits after it, and receives [`Lagged`] if they are no longer in memory and the store must be read.
//! So a slow subscriber costs the others nothing, and no record is missing between replay and live.

use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tabtape::record::Line;
use tokio::sync::watch;

/// Enough for some seconds of a busy browser.
const MAX_BYTES: usize = 16 << 20;
/// Subscribers read a commit within milliseconds; one that is slower by this much reads the store.
const MAX_AGE: Duration = Duration::from_secs(10);
/// Memory that a record uses in addition to its line.
const RECORD_OVERHEAD_BYTES: usize = 192;

/// One stored record.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Order of commit.
    pub position: u64,
    /// Row of its session.
    pub session: i64,
    /// Its line, without a newline.
    pub line: Bytes,
    /// The parsed line.
    pub parsed: Line,
}

/// One group commit.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) records: Vec<Committed>,
    bytes: usize,
}

impl Commit {
    pub(in crate::store) fn new(records: Vec<Committed>) -> Self {
        let bytes = records
            .iter()
            .map(|record| record.line.len() + RECORD_OVERHEAD_BYTES)
            .sum();
        Self { records, bytes }
    }

    fn first_position(&self) -> u64 {
        self.records.first().map_or(u64::MAX, |record| record.position)
    }

    pub(in crate::store) fn last_position(&self) -> u64 {
        self.records.last().map_or(0, |record| record.position)
    }
}

/// The requested record is older than the oldest one in memory.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) struct Lagged;

/// The last commits and the position they end at.
#[derive(Debug)]
pub(in crate::store) struct Recent {
    commits: RwLock<Held>,
    latest: watch::Sender<u64>,
}

#[derive(Debug)]
struct Held {
    commits: VecDeque<(Instant, Arc<Commit>)>,
    bytes: usize,
    /// Every record after this position is in memory.
    complete_after: u64,
}

impl Recent {
    pub(in crate::store) fn new(latest_position: u64) -> Self {
        let held = Held {
            commits: VecDeque::new(),
            bytes: 0,
            complete_after: latest_position,
        };
        Self {
            commits: RwLock::new(held),
            latest: watch::Sender::new(latest_position),
        }
    }

    /// Returns a channel that changes at each commit, to the latest position.
    pub(in crate::store) fn subscribe(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    pub(in crate::store) fn latest_position(&self) -> u64 {
        *self.latest.borrow()
    }

    pub(in crate::store) fn push(&self, commit: Commit) {
        self.push_at(commit, Instant::now());
    }

    fn push_at(&self, commit: Commit, now: Instant) {
        if commit.records.is_empty() {
            return;
        }
        let last = commit.last_position();
        {
            let mut held = self.commits.write().unwrap_or_else(PoisonError::into_inner);
            held.bytes += commit.bytes;
            held.commits.push_back((now, Arc::new(commit)));
            while let Some((at, oldest)) = held.commits.front() {
                if held.bytes <= MAX_BYTES && now.duration_since(*at) <= MAX_AGE {
                    break;
                }
                let oldest = Arc::clone(oldest);
                held.commits.pop_front();
                held.bytes -= oldest.bytes;
                held.complete_after = oldest.last_position();
            }
        }
        self.latest.send_replace(last);
    }

    /// Forgets every record after a deletion. `latest_position` is the position after the deletion.
    pub(in crate::store) fn clear(&self, latest_position: u64) {
        {
            let mut held = self.commits.write().unwrap_or_else(PoisonError::into_inner);
            held.commits.clear();
            held.bytes = 0;
            held.complete_after = latest_position;
        }
        self.latest.send_replace(latest_position);
    }

    /// Returns the commits that contain records after `position`.
    pub(in crate::store) fn after(&self, position: u64) -> Result<Vec<Arc<Commit>>, Lagged> {
        let held = self.commits.read().unwrap_or_else(PoisonError::into_inner);
        if position < held.complete_after {
            return Err(Lagged);
        }
        let start = held
            .commits
            .partition_point(|(_, commit)| commit.last_position() <= position);
        debug_assert!(
            held.commits
                .get(start)
                .is_none_or(|(_, commit)| commit.first_position() > 0)
        );
        let commits = held.commits.iter().skip(start);
        Ok(commits.map(|(_, commit)| Arc::clone(commit)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tabtape::record::{Gap, SessionId};

    fn commit(first: u64, count: u64, line_bytes: usize) -> Commit {
        let record = |position| Committed {
            position,
            session: 1,
            line: Bytes::from(vec![b' '; line_bytes]),
            parsed: Line::Gap {
                session_id: SessionId::from_time(0, [0; 10]),
                gap: Gap::new(position..=position, "x", "quota"),
            },
        };
        Commit::new((first..first + count).map(record).collect())
    }

    fn positions(recent: &Recent, after: u64) -> Result<Vec<u64>, Lagged> {
        let commits = recent.after(after)?;
        let all = commits
            .iter()
            .flat_map(|commit| commit.records.iter().map(|record| record.position));
        Ok(all.filter(|position| *position > after).collect())
    }

    #[test]
    fn a_cursor_inside_a_commit_gets_only_what_came_after_it() {
        let recent = Recent::new(10);
        recent.push(commit(11, 5, 1));
        recent.push(commit(16, 5, 1));
        assert_eq!(positions(&recent, 10), Ok((11..21).collect()));
        assert_eq!(positions(&recent, 13), Ok((14..21).collect()));
        assert_eq!(positions(&recent, 20), Ok(vec![]));
        assert_eq!(
            positions(&recent, 9),
            Err(Lagged),
            "nothing before the start is held"
        );
    }

    #[test]
    fn a_reader_of_removed_commits_has_lagged() {
        let recent = Recent::new(0);
        for n in 0..5 {
            recent.push(commit(1 + n * 10, 10, 1 << 20));
        }
        assert_eq!(positions(&recent, 0), Err(Lagged));
        assert_eq!(positions(&recent, 40), Ok((41..51).collect()));
    }

    #[test]
    fn old_commits_do_not_stay_in_memory() {
        let (recent, began) = (Recent::new(0), Instant::now());
        recent.push_at(commit(1, 1, 1), began);
        recent.push_at(commit(2, 1, 1), began + MAX_AGE);
        assert_eq!(positions(&recent, 0), Ok(vec![1, 2]));
        recent.push_at(commit(3, 1, 1), began + MAX_AGE + Duration::from_millis(1));
        assert_eq!(positions(&recent, 0), Err(Lagged));
        assert_eq!(positions(&recent, 1), Ok(vec![2, 3]));
    }

    #[test]
    fn after_a_deletion_memory_is_empty() {
        let recent = Recent::new(0);
        recent.push(commit(1, 3, 1));
        recent.clear(4);
        assert_eq!(positions(&recent, 0), Err(Lagged));
        assert_eq!(positions(&recent, 4), Ok(vec![]));
        assert_eq!(recent.latest_position(), 4);
    }
}
