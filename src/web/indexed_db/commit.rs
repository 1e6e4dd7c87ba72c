//! Writing: one transaction a commit.

use super::IndexedDbLog;
use super::request::put;
use super::rows::{HeadRow, SegmentKeys, relay_row, session_key};
use super::schema::{HEADS, RELAYS, SEGMENTS};
use crate::log::{Commit, LogError};
use wasm_bindgen::JsValue;

/// Most bytes of lines in one stored segment: what a read has to take in to find a record in it. Chromium
/// compresses values, and puts those that still are above 64 KiB into files of their own, at half the speed;
/// so much text gets below that, and smaller segments would only be more requests.
/// <https://source.chromium.org/search?q=IDBValueWrapper>
const MAX_SEGMENT_BYTES: usize = 120 * 1024;

/// Puts down `commit`. Everything is asked for at once; the answer about the epoch decides whether the
/// transaction stays.
pub(super) async fn commit(log: &IndexedDbLog, commit: &Commit) -> Result<(), LogError> {
    let stores = if commit.relays.is_empty() {
        &[SEGMENTS, HEADS][..]
    } else {
        &[SEGMENTS, HEADS, RELAYS]
    };
    let transaction = log.connection.write(stores).await?;
    let now_ms = now_ms();
    let session = session_key(commit.session_id);
    let heads = transaction.store(HEADS)?;
    let head = heads.get(&session);

    let segments = transaction.store(SEGMENTS)?;
    let mut added = Vec::with_capacity(commit.segments.len());
    for segment in &commit.segments {
        let keys = SegmentKeys::new(commit.session_id, &session, &segment.category);
        let mut bytes = 0;
        for part in segment.split(MAX_SEGMENT_BYTES) {
            let value = log.buffer.fill(&[&part.table(now_ms), &part.lines]);
            bytes += u64::from(value.length());
            put(&segments, &value, &keys.key(part.first_seq()))?;
        }
        added.push((segment.category.clone(), segment.first_seq(), bytes));
    }
    if !commit.relays.is_empty() {
        let relays = transaction.store(RELAYS)?;
        for cursor in &commit.relays {
            let row = relay_row(cursor.message, now_ms);
            put(&relays, &row, &cursor.relay_id.as_str().into())?;
        }
    }

    let Commit {
        epoch,
        first_seq,
        latest_seq,
        ..
    } = *commit;
    let decide = move |head: &JsValue| {
        let mut row = HeadRow::from_js(head)?.ok_or(LogError::Missing)?;
        if row.epoch != epoch {
            return Err(LogError::Superseded {
                ours: epoch,
                theirs: row.epoch,
            });
        }
        // A commit whose answer was lost is made again, and must not count twice.
        let again = first_seq <= row.latest_seq;
        for (category, first_seq, bytes) in added {
            let category = row.category(&category);
            if row.retained_from[category] == 0 {
                row.retained_from[category] = first_seq;
            }
            row.bytes[category] += if again { 0 } else { bytes };
        }
        row.latest_seq = row.latest_seq.max(latest_seq);
        row.committed_ms = now_ms;
        row.put(&heads, &session)
    };
    transaction.complete_if(head, decide).await
}

/// Unix milliseconds.
pub(super) fn now_ms() -> u64 {
    js_sys::Date::now() as u64
}
