//! The first segment of a range of keys, with its key: one question.

use super::error::from_thrown;
use super::request::RequestFuture;
use super::rows::first_seq_of;
use crate::log::LogError;
use bytes::Bytes;
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::JsCast;
use web_sys::{IdbCursor, IdbCursorDirection, IdbKeyRange, IdbObjectStore};

/// The value at a key, or the reason why it cannot be read.
pub(super) struct Fetched {
    pub(super) first_seq: u64,
    pub(super) stored: Result<Bytes, String>,
}

pub(super) struct Fetch {
    answer: RequestFuture,
    range: IdbKeyRange,
    direction: IdbCursorDirection,
}

impl Fetch {
    pub(super) fn start(
        segments: &IdbObjectStore,
        range: &IdbKeyRange,
        direction: IdbCursorDirection,
    ) -> Result<Self, LogError> {
        let request = segments.open_cursor_with_range_and_direction(range, direction);
        Ok(Self {
            answer: RequestFuture::or_survive(request)?,
            range: range.clone(),
            direction,
        })
    }

    /// Returns the first segment of `range`.
    pub(super) async fn first(
        segments: &IdbObjectStore,
        range: &IdbKeyRange,
    ) -> Result<Option<Fetched>, LogError> {
        Self::start(segments, range, IdbCursorDirection::Next)?
            .finish(segments)
            .await
    }

    pub(super) async fn finish(self, segments: &IdbObjectStore) -> Result<Option<Fetched>, LogError> {
        let (cursor, unread) = match self.answer.await {
            Ok(cursor) => (cursor, None),
            // The value cannot be read (browsers keep large ones in files of their own); its key can.
            Err(error) => {
                let request = segments.open_key_cursor_with_range_and_direction(&self.range, self.direction);
                (RequestFuture::of(request)?.await?, Some(error.to_string()))
            }
        };
        let Some(at) = cursor.dyn_ref::<IdbCursor>() else {
            return Ok(None);
        };
        let first_seq = first_seq_of(&at.key().map_err(from_thrown)?)?;
        let stored = match unread {
            Some(reason) => Err(reason),
            None => Reflect::get(&cursor, &"value".into())
                .and_then(JsCast::dyn_into::<Uint8Array>)
                .map(|value| Bytes::from(value.to_vec()))
                .map_err(|_| "it is no Uint8Array".to_owned()),
        };
        Ok(Some(Fetched { first_seq, stored }))
    }
}
