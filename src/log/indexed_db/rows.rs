//! Keys and rows, as they stand in the database. See [`schema`](super::schema).

use super::error::{bad_row, from_thrown};
use super::schema::{ACKED, HEADS, RELAYS, SEGMENTS};
use crate::envelope::SessionId;
use crate::log::retired::{decode_any, is_retired};
use crate::log::{Head, LogError, Segment};
use bytes::Bytes;
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::IdbKeyRange;

/// One category of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CategoryRow {
    pub(super) name: String,
    /// Bytes of its segments as they are stored.
    pub(super) bytes: u64,
    /// The key of its oldest segment that still has lines; what is before was retired.
    pub(super) retained_from: u64,
}

/// What stands in `heads`: the [`Head`], and what retention needs to find its work without reading.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct HeadRow {
    pub(super) epoch: u64,
    pub(super) latest_seq: u64,
    /// When the last commit was made, Unix milliseconds.
    pub(super) committed_ms: u64,
    /// It was made anew from the segments that were left: what came last may be missing, so nobody may
    /// go on with its seqs.
    pub(super) rebuilt: bool,
    pub(super) categories: Vec<CategoryRow>,
}

impl HeadRow {
    pub(super) fn head(&self) -> Head {
        Head {
            epoch: self.epoch,
            latest_seq: self.latest_seq,
            committed_ms: self.committed_ms,
            categories: self.categories.iter().map(|category| category.name.clone()).collect(),
        }
    }

    /// The row of a category, which is opened if it is new.
    pub(super) fn category(&mut self, name: &str) -> &mut CategoryRow {
        let index = self.categories.iter().position(|category| category.name == name).unwrap_or_else(|| {
            self.categories.push(CategoryRow { name: name.to_owned(), bytes: 0, retained_from: 0 });
            self.categories.len() - 1
        });
        &mut self.categories[index]
    }

    pub(super) fn to_js(&self) -> JsValue {
        let (names, bytes, retained_from) = (Array::new(), Array::new(), Array::new());
        for category in &self.categories {
            names.push(&category.name.as_str().into());
            bytes.push(&number(category.bytes));
            retained_from.push(&number(category.retained_from));
        }
        object(&[
            ("epoch", number(self.epoch)),
            ("latest_seq", number(self.latest_seq)),
            ("committed_ms", number(self.committed_ms)),
            ("rebuilt", self.rebuilt.into()),
            ("categories", names.into()),
            ("bytes", bytes.into()),
            ("retained_from", retained_from.into()),
        ])
    }

    /// Reads a row; `None` where there is none. What an earlier version did not write is 0.
    pub(super) fn from_js(row: &JsValue) -> Result<Option<Self>, LogError> {
        if row.is_undefined() {
            return Ok(None);
        }
        let need = |name| field(row, name).ok_or_else(|| bad_row(HEADS, &format!("has no {name}")));
        let list = |name| {
            Reflect::get(row, &JsValue::from_str(name)).ok().and_then(|list| list.dyn_into::<Array>().ok())
        };
        let names = list("categories").ok_or_else(|| bad_row(HEADS, "has no categories"))?;
        let (bytes, retained_from) = (list("bytes"), list("retained_from"));
        let at =
            |list: &Option<Array>, index| list.as_ref().and_then(|list| whole(&list.get(index))).unwrap_or(0);
        let categories = (0..names.length()).map(|index| {
            let name = names
                .get(index)
                .as_string()
                .ok_or_else(|| bad_row(HEADS, "has a category without a name"))?;
            Ok(CategoryRow { name, bytes: at(&bytes, index), retained_from: at(&retained_from, index) })
        });
        Ok(Some(Self {
            epoch: need("epoch")?,
            latest_seq: need("latest_seq")?,
            committed_ms: field(row, "committed_ms").unwrap_or(0),
            rebuilt: Reflect::get(row, &"rebuilt".into()).is_ok_and(|rebuilt| rebuilt.is_truthy()),
            categories: categories.collect::<Result<_, LogError>>()?,
        }))
    }
}

/// A row of `relays`.
pub(super) fn relay_row(message: u64, now_ms: u64) -> JsValue {
    object(&[("message", number(message)), ("committed_ms", number(now_ms))])
}

/// The last committed message of a relay's row.
pub(super) fn relay_message(row: &JsValue) -> Result<Option<u64>, LogError> {
    optional(row, RELAYS, "message")
}

/// A row of `acked`.
pub(super) fn acked_row(acked_seq: u64, now_ms: u64) -> JsValue {
    object(&[("acked_seq", number(acked_seq)), ("acked_ms", number(now_ms))])
}

/// The session and the store of a key of `acked`.
pub(super) fn acked_of(key: &JsValue) -> Result<(SessionId, String), LogError> {
    let bad = || bad_row(ACKED, "has a key that is not [session, store_id]");
    let key = key.dyn_ref::<Array>().ok_or_else(bad)?;
    Ok((session_of(&key.get(0), ACKED)?, key.get(1).as_string().ok_or_else(bad)?))
}

/// What a row of `acked` says.
pub(super) fn acked_seq(row: &JsValue) -> Result<Option<u64>, LogError> {
    optional(row, ACKED, "acked_seq")
}

fn optional(row: &JsValue, store: &str, name: &str) -> Result<Option<u64>, LogError> {
    if row.is_undefined() {
        return Ok(None);
    }
    field(row, name).map(Some).ok_or_else(|| bad_row(store, &format!("has no {name}")))
}

/// A whole number in a row.
pub(super) fn field(row: &JsValue, name: &str) -> Option<u64> {
    Reflect::get(row, &JsValue::from_str(name)).ok().as_ref().and_then(whole)
}

fn whole(value: &JsValue) -> Option<u64> {
    value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0).map(|number| number as u64)
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
    let text = key.as_string().ok_or_else(|| bad_row(store, "has a key that is no session id"))?;
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
        let (session_key, category_key) = (session_key.clone(), JsValue::from_str(category));
        Self { session_id, category: category.to_owned(), session_key, category_key }
    }

    /// `[session, category, first_seq]`.
    pub(super) fn key(&self, first_seq: u64) -> JsValue {
        Array::of3(&self.session_key, &self.category_key, &number(first_seq)).into()
    }

    /// Every key from `first` to `last`, both inclusive.
    pub(super) fn range(&self, first: u64, last: u64) -> Result<IdbKeyRange, LogError> {
        IdbKeyRange::bound(&self.key(first), &self.key(last)).map_err(from_thrown)
    }

    /// What stands at the key of `first_seq`, or why it is no segment.
    pub(super) fn decode(&self, first_seq: u64, stored: Bytes) -> Result<Segment, String> {
        let retired = is_retired(&stored);
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
    let (first, past) = (Array::of1(session), Array::of2(session, &Array::new()));
    IdbKeyRange::bound(&first, &past).map_err(from_thrown)
}
