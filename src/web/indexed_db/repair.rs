//! Putting right what something else has broken: bytes that are no segments, heads that are gone.

use super::IndexedDbLog;
use super::commit::now_ms;
use super::error::{bad_row, from_thrown};
use super::fetch::{Fetch, Fetched};
use super::request::{RequestFuture, put};
use super::rows::{HeadRow, SegmentKeys, session_key};
use super::schema::{HEADS, SEGMENTS};
use crate::log::LogError;
use crate::log::merge::Damage;
use crate::log::tombstone::encode;
use crate::record::SessionId;
use crate::record::reason::CORRUPT;
use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{IdbCursorDirection, IdbKeyRange, IdbObjectStore};

/// Writes what is known of an unreadable segment in its place: the gaps it leaves.
pub(super) async fn replace_corrupt(
    log: &IndexedDbLog,
    session_id: SessionId,
    damage: &[Damage],
) -> Result<(), LogError> {
    if !damage.iter().any(|damage| damage.complete) {
        return Ok(());
    }
    let transaction = log.connection.write(&[SEGMENTS]).await?;
    let segments = transaction.store(SEGMENTS)?;
    let session = session_key(session_id);
    for damage in damage.iter().filter(|damage| damage.complete) {
        let key = SegmentKeys::new(session_id, &session, &damage.category).key(damage.first_seq);
        if damage.gaps.is_empty() {
            // Every seq it might have held is accounted for elsewhere.
            segments.delete(&key).map_err(from_thrown)?;
            continue;
        }
        let gaps = damage
            .gaps
            .iter()
            .map(|(first_seq, last_seq)| (*first_seq, *last_seq, CORRUPT.to_owned()));
        put(&segments, &log.buffer.fill(&[&encode(gaps)]), &key)?;
    }
    transaction.complete().await
}

/// Gives a head to every session that has segments and none, so that it can be read and drained. Asks one
/// question a session, however much there is.
pub(super) async fn rebuild_missing_heads(log: &IndexedDbLog) -> Result<(), LogError> {
    let transaction = log.connection.read(&[SEGMENTS, HEADS]).await?;
    let segments = transaction.store(SEGMENTS)?;
    let heads = transaction.store(HEADS)?;
    let mut orphans = Vec::new();
    let mut after = JsValue::from_str("");
    while let Some(session) = first_part(&segments, &Array::of1(&after), 0).await? {
        if RequestFuture::of(heads.get_key(&session))?.await?.is_undefined() {
            orphans.push(session.clone());
        }
        after = past(&session);
    }
    drop(transaction);
    for session in orphans {
        adopt(log, &session).await?;
    }
    Ok(())
}

async fn adopt(log: &IndexedDbLog, session: &JsValue) -> Result<(), LogError> {
    let text = session.as_string().unwrap_or_default();
    let session_id =
        SessionId::parse(text.as_bytes()).map_err(|error| bad_row(SEGMENTS, &error.to_string()))?;
    let transaction = log.connection.write(&[SEGMENTS, HEADS]).await?;
    let segments = transaction.store(SEGMENTS)?;
    let heads = transaction.store(HEADS)?;
    let mut row = HeadRow {
        epoch: 1,
        committed_ms: now_ms(),
        rebuilt: true,
        ..HeadRow::default()
    };
    let mut after = JsValue::from_str("");
    while let Some(category) = first_part(&segments, &Array::of2(session, &after), 1).await? {
        let name = category.as_string().unwrap_or_default();
        let keys = SegmentKeys::new(session_id, session, &name);
        let range = keys.range(0, u64::MAX)?;
        let last = Fetch::start(&segments, &range, IdbCursorDirection::Prev)?
            .finish(&segments)
            .await?;
        if let Some(Fetched { first_seq, stored }) = last {
            let last_seq = stored
                .and_then(|stored| keys.decode(first_seq, stored))
                .map(|segment| segment.last_seq());
            row.latest_seq = row.latest_seq.max(last_seq.unwrap_or(first_seq));
        }
        row.category(&name);
        after = past(&category);
    }
    heads.add_with_key(&row.to_js()?, session).map_err(from_thrown)?;
    transaction.complete().await
}

/// Part `index` of the first key at or after `from`, if the parts before it are those of `from`.
async fn first_part(
    segments: &IdbObjectStore,
    from: &Array,
    index: u32,
) -> Result<Option<JsValue>, LogError> {
    let range = IdbKeyRange::lower_bound(from).map_err(from_thrown)?;
    let key = RequestFuture::of(segments.get_key(&range))?.await?;
    let Some(key) = key.dyn_ref::<Array>() else {
        return Ok(None);
    };
    let same = (0..index).all(|before| key.get(before) == from.get(before));
    Ok(same.then(|| key.get(index)))
}

/// The least string after `text`.
fn past(text: &JsValue) -> JsValue {
    JsValue::from_str(&(text.as_string().unwrap_or_default() + "\0"))
}
