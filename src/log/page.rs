//! Reading with a selector, a page at a time: what a viewer without a collector shows.

use super::{Limits, LogError, LogStore};
use crate::record::{Entry, SessionId};
use crate::selector::Selector;

/// So much is read in one go, between which others get their turn.
const CHUNK: Limits = Limits::new(2_000, 1 << 20);

/// How much one page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit {
    /// Most records on it; at least 1.
    pub max_entries: usize,
    /// Most bytes looked through for them: a selector that fits little must not read for minutes.
    pub max_scanned_bytes: usize,
}

/// Records that a selector wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In order of seq. A gap is here when its category is wanted.
    pub entries: Vec<Entry>,
    /// The cursor of the next page: all seqs up to it were examined.
    pub after_seq: u64,
    /// Whether there was no more.
    pub is_last: bool,
}

/// The next page of a session after `after_seq`. It can be empty without being the last one.
pub async fn read_page<L: LogStore>(
    log: &L,
    session_id: SessionId,
    after_seq: u64,
    selector: &Selector,
    limit: PageLimit,
) -> Result<Page, LogError> {
    let mut page = Page {
        entries: Vec::new(),
        after_seq,
        is_last: false,
    };
    let mut scanned_bytes = 0;
    while scanned_bytes < limit.max_scanned_bytes {
        let chunk = log.read(session_id, page.after_seq, CHUNK).await?;
        if chunk.is_empty() {
            page.is_last = true;
            break;
        }
        for entry in chunk {
            if page.entries.len() >= limit.max_entries.max(1) {
                return Ok(page);
            }
            scanned_bytes += entry.line().len();
            page.after_seq = entry.last_seq();
            if selector.wants(&entry) {
                page.entries.push(entry);
            }
        }
    }
    Ok(page)
}
