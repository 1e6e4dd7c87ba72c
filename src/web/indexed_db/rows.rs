//! Keys and rows, as they are in the database. See [`schema`](super::schema).

use super::error::{bad_row, from_thrown};
use super::request::{RequestFuture, put};
use super::schema::{ACKED, HEADS, META, SEGMENTS};
use super::transaction::Transaction;
use crate::coverage::WatchedUntil;
use crate::log::tombstone::{decode_any, is_tombstone};
use crate::log::{Head, LogError, Segment};
use crate::record::SessionId;
use bytes::Bytes;
use js_sys::{Array, JSON, Object, Reflect};
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{IdbKeyRange, IdbObjectStore};

/// A row of `heads`: the [`Head`], and the figures by which retention chooses segments without reading them. What an
/// earlier version did not write has a default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct HeadRow {
    pub(super) epoch: u64,
    pub(super) latest_seq: u64,
    /// When the last commit was made, Unix milliseconds.
    #[serde(default)]
    pub(super) committed_ms: u64,
    /// It was rebuilt from the segments that were left: the last ones may be missing, so no owner may
    /// continue its seqs.
    #[serde(default)]
    pub(super) rebuilt: bool,
    pub(super) categories: Vec<String>,
    /// Bytes of each category's segments as they are stored.
    #[serde(default)]
    pub(super) bytes: Vec<u64>,
    /// The key of each category's oldest segment that still has lines; what is before was retired.
    #[serde(default)]
    pub(super) retained_from: Vec<u64>,
}

impl HeadRow {
    pub(super) fn head(&self) -> Head {
        Head {
            epoch: self.epoch,
            latest_seq: self.latest_seq,
            committed_ms: self.committed_ms,
            categories: self.categories.clone(),
        }
    }

    /// The index of a category, which is opened if it is new.
    pub(super) fn category(&mut self, name: &str) -> usize {
        let known = self.categories.iter().position(|category| category == name);
        known.unwrap_or_else(|| {
            self.categories.push(name.to_owned());
            self.bytes.push(0);
            self.retained_from.push(0);
            self.categories.len() - 1
        })
    }

    /// A category has so many bytes less.
    pub(super) fn free(&mut self, category: usize, bytes: u64) {
        self.bytes[category] = self.bytes[category].saturating_sub(bytes);
    }

    pub(super) fn bytes_by_category(&self) -> impl Iterator<Item = (&String, u64)> {
        self.categories.iter().zip(self.bytes.iter().copied())
    }

    /// Reads the head of a session; `None` if it has none.
    pub(super) async fn read(heads: &IdbObjectStore, session: &JsValue) -> Result<Option<Self>, LogError> {
        Self::from_js(&RequestFuture::of(heads.get(session))?.await?)
    }

    pub(super) fn put(&self, heads: &IdbObjectStore, session: &JsValue) -> Result<(), LogError> {
        put(heads, &self.to_js()?, session)
    }

    /// One call of the browser's JSON instead of one a property: a commit does this each time.
    pub(super) fn to_js(&self) -> Result<JsValue, LogError> {
        let json = serde_json::to_string(self).map_err(|error| bad_row(HEADS, &error.to_string()))?;
        JSON::parse(&json).map_err(from_thrown)
    }

    /// Reads a row; `None` for `undefined`.
    pub(super) fn from_js(row: &JsValue) -> Result<Option<Self>, LogError> {
        if row.is_undefined() {
            return Ok(None);
        }
        let json = String::from(JSON::stringify(row).map_err(from_thrown)?);
        let mut row: Self =
            serde_json::from_str(&json).map_err(|error| bad_row(HEADS, &format!("is no head: {error}")))?;
        row.bytes.resize(row.categories.len(), 0);
        row.retained_from.resize(row.categories.len(), 0);
        Ok(Some(row))
    }
}

/// The row `watched_until` of `meta`.
#[derive(Serialize, Deserialize)]
struct StoredWatchedUntil {
    session: SessionId,
    until: WatchedUntil,
}

/// Makes the row `watched_until`, which is JSON.
pub(super) fn watched_until_row(session: SessionId, until: &WatchedUntil) -> Result<JsValue, LogError> {
    let row = StoredWatchedUntil {
        session,
        until: until.clone(),
    };
    let json = serde_json::to_string(&row).map_err(|error| bad_row(META, &error.to_string()))?;
    Ok(json.into())
}

/// Reads the row `watched_until`; `None` if it is of another session, or cannot be read.
pub(super) fn watched_until_of(row: &JsValue, session_id: SessionId) -> Option<WatchedUntil> {
    let row: StoredWatchedUntil = serde_json::from_str(&row.as_string()?).ok()?;
    (row.session == session_id).then_some(row.until)
}

/// A row of `relays`.
pub(super) fn relay_row(message: u64, now_ms: u64) -> JsValue {
    object(&[("message", number(message)), ("committed_ms", number(now_ms))])
}

/// A row of `acked`.
pub(super) fn acked_row(acked_seq: u64, now_ms: u64) -> JsValue {
    object(&[("acked_seq", number(acked_seq)), ("acked_ms", number(now_ms))])
}

/// The session and the store of a key of `acked`.
pub(super) fn acked_of(key: &JsValue) -> Result<(SessionId, String), LogError> {
    let bad = || bad_row(ACKED, "has a key that is not [session, store_id]");
    let key = key.dyn_ref::<Array>().ok_or_else(bad)?;
    Ok((
        session_of(&key.get(0), ACKED)?,
        key.get(1).as_string().ok_or_else(bad)?,
    ))
}

/// Reads a whole number of the row at `key`; `None` if there is no row.
pub(super) async fn stored(
    transaction: &Transaction,
    store: &str,
    key: &JsValue,
    name: &str,
) -> Result<Option<u64>, LogError> {
    let row = RequestFuture::of(transaction.store(store)?.get(key))?.await?;
    if row.is_undefined() {
        return Ok(None);
    }
    field(&row, name)
        .map(Some)
        .ok_or_else(|| bad_row(store, &format!("has no {name}")))
}

/// Reads all keys of a store, each with its row.
pub(super) async fn all_rows(
    store: &IdbObjectStore,
) -> Result<impl Iterator<Item = (JsValue, JsValue)> + use<>, LogError> {
    let keys = RequestFuture::of(store.get_all_keys())?;
    let rows = RequestFuture::of(store.get_all())?;
    let (keys, rows) = (Array::from(&keys.await?), Array::from(&rows.await?));
    Ok(keys.to_vec().into_iter().zip(rows.to_vec()))
}

/// A whole number in a row.
pub(super) fn field(row: &JsValue, name: &str) -> Option<u64> {
    Reflect::get(row, &JsValue::from_str(name))
        .ok()
        .as_ref()
        .and_then(whole)
}

fn whole(value: &JsValue) -> Option<u64> {
    value
        .as_f64()
        .filter(|number| number.fract() == 0.0 && *number >= 0.0)
        .map(|number| number as u64)
}

fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // Setting a property of a new object does not fail.
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object.into()
}

/// A seq, epoch or time, all of them below 2⁵³.
pub(super) fn number(value: u64) -> JsValue {
    JsValue::from_f64(value as f64)
}

/// The key of a session's head.
pub(super) fn session_key(session_id: SessionId) -> JsValue {
    JsValue::from_str(session_id.as_str())
}

/// The session whose key this is.
pub(super) fn session_of(key: &JsValue, store: &str) -> Result<SessionId, LogError> {
    let text = key
        .as_string()
        .ok_or_else(|| bad_row(store, "has a key that is no session id"))?;
    SessionId::parse(text.as_bytes()).map_err(|error| bad_row(store, &format!("has another key: {error}")))
}

/// `[session, store_id]`.
pub(super) fn acked_key(session_id: SessionId, store_id: &str) -> JsValue {
    Array::of2(&session_key(session_id), &JsValue::from_str(store_id)).into()
}

/// The keys of one category log, whose strings are made once.
#[derive(Debug, Clone)]
pub(super) struct SegmentKeys {
    session_id: SessionId,
    category: String,
    session_key: JsValue,
    category_key: JsValue,
}

impl SegmentKeys {
    pub(super) fn new(session_id: SessionId, session_key: &JsValue, category: &str) -> Self {
        let session_key = session_key.clone();
        let category_key = JsValue::from_str(category);
        Self {
            session_id,
            category: category.to_owned(),
            session_key,
            category_key,
        }
    }

    /// `[session, category, first_seq]`.
    pub(super) fn key(&self, first_seq: u64) -> JsValue {
        Array::of3(&self.session_key, &self.category_key, &number(first_seq)).into()
    }

    /// Every key from `first` to `last`, both inclusive.
    pub(super) fn range(&self, first: u64, last: u64) -> Result<IdbKeyRange, LogError> {
        IdbKeyRange::bound(&self.key(first), &self.key(last)).map_err(from_thrown)
    }

    /// Decodes the value at the key of `first_seq`, or reports why it is not a segment.
    pub(super) fn decode(&self, first_seq: u64, stored: Bytes) -> Result<Segment, String> {
        let retired = is_tombstone(&stored);
        let segment =
            decode_any(self.session_id, self.category.clone(), stored).map_err(|bad| bad.to_string())?;
        if retired || segment.first_seq() == first_seq {
            Ok(segment)
        } else {
            Err(format!("it begins with seq {}", segment.first_seq()))
        }
    }
}

/// The first seq in the key of a segment.
pub(super) fn first_seq_of(key: &JsValue) -> Result<u64, LogError> {
    key.dyn_ref::<Array>()
        .and_then(|key| whole(&key.get(2)))
        .ok_or_else(|| bad_row(SEGMENTS, "has a key that is not [session, category, first_seq]"))
}

/// Every key of a session in a store whose keys begin with it.
pub(super) fn session_range(session: &JsValue) -> Result<IdbKeyRange, LogError> {
    // An array sorts after every number and string, so `[session, []]` is past the last key.
    // https://w3c.github.io/IndexedDB/#compare-two-keys
    let first = Array::of1(session);
    let past = Array::of2(session, &Array::new());
    IdbKeyRange::bound(&first, &past).map_err(from_thrown)
}
