//! `GET /v1/stream`: replay, then live, as server-sent events.
//!
//! A subscriber is a cursor. It reads the last commits from memory, or from the store if it has fallen behind,
//! and waits when it has caught up. So no record is missing or repeated between replay and live, and a slow
//! subscriber costs the others nothing.
//!
//! Frames: an event is a plain message whose `data` is the stored line; a gap is `event: gap`; `event: dropped`
//! reports that retention removed the records after the resume token: how many cursors, and the next one. `id`
//! is the resume token for `Last-Event-ID`. Within one session, records are sent in order of seq and only up to
//! the unbroken prefix, so that no token is beyond a record that has not arrived. A comment every 15 s shows that
//! the connection works.

use super::header_text;
use super::problem::Problem;
use super::query::ValidQuery;
use super::selection::{self, Extent};
use crate::app::{Limits, Metrics, Subscriber};
use crate::auth::Grant;
use crate::clock::sleep_until;
use crate::store::{Committed, Order, PageQuery, PageRecord, Store, StoreError, wants_gap};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::stream;
use http::HeaderMap;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tabtape::record::{Line, Record, SessionId};
use tabtape::selector::Selector;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;

/// A chunk is sent at this size, so that a subscriber uses little memory.
const CHUNK_BYTES: usize = 256 << 10;
const PAGE_LIMIT: usize = 1_000;

/// The records to follow.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamQuery {
    /// A selector, in text or object form.
    q: Option<String>,
    /// One session, in order of seq; without it all, in order of commit.
    session: Option<String>,
    /// The cursor to begin after; `Last-Event-ID` takes precedence. `latest` begins with new records; without a
    /// cursor the stream begins with the oldest retained record.
    after: Option<String>,
}

/// Follow the stream.
#[utoipa::path(
    get, path = "/v1/stream", tag = "read",
    params(StreamQuery, ("last-event-id" = Option<String>, Header, description = "Resume token")),
    responses(
        (status = OK, description = "Server-sent events", body = String, content_type = "text/event-stream"),
        (status = BAD_REQUEST, description = "A bad selector, cursor or parameter", body = Problem, content_type = "application/problem+json"),
        (status = GONE, description = "`other_store`: the resume token is of another store", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn get(
    State(store): State<Store>,
    State(metrics): State<Arc<Metrics>>,
    State(limits): State<Limits>,
    State(shutdown): State<CancellationToken>,
    Extension(grant): Extension<Grant>,
    ValidQuery(asked): ValidQuery<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let selector = selection::selector(asked.q.as_deref(), &grant)?;
    let extent = Extent::of(&store, asked.session.as_deref()).await?;
    let last_event_id = header_text(&headers, "last-event-id").filter(|id| !id.is_empty());
    let cursor = extent.cursor(&store, last_event_id.or(asked.after.as_deref()))?;
    let follower = Follower {
        wakes: store.subscribe(),
        selector,
        cursor,
        seen_position: 0,
        has_gap_ahead: false,
        begun: false,
        live: false,
        expires_at: grant.time_left().map(|left| Instant::now() + left),
        ended: grant.ended,
        gauge: metrics.subscriber(),
        extent,
        store,
        heartbeat: limits.heartbeat,
        shutdown,
    };
    let body = stream::unfold(follower, |mut follower| async {
        follower.next().await.map(|chunk| (chunk, follower))
    });
    Ok(super::typed("text/event-stream", Body::from_stream(body)))
}

struct Follower {
    store: Store,
    heartbeat: Duration,
    shutdown: CancellationToken,
    extent: Extent,
    selector: Option<Arc<Selector>>,
    wakes: watch::Receiver<u64>,
    /// Position or seq, by extent: everything up to here was sent or is not wanted.
    cursor: u64,
    /// Within a session: commits up to here were looked at.
    seen_position: u64,
    /// Within a session: records are stored beyond a missing seq, so the prefix must be read from the ledger.
    has_gap_ahead: bool,
    begun: bool,
    live: bool,
    /// Ends when its token is revoked, or at this time.
    ended: CancellationToken,
    expires_at: Option<Instant>,
    #[expect(dead_code, reason = "counts this subscriber until it is dropped")]
    gauge: Subscriber,
}

impl Follower {
    /// The next chunk; `None` when the stream is over.
    async fn next(&mut self) -> Option<Result<Bytes, StoreError>> {
        if !self.begun {
            // A chunk is sent at once, so that the client receives the headers and is connected.
            self.begun = true;
            return Some(self.begin().await);
        }
        loop {
            let expired = self.expires_at.is_some_and(|at| at <= Instant::now());
            if expired || self.ended.is_cancelled() || self.shutdown.is_cancelled() {
                return None;
            }
            self.wakes.mark_unchanged();
            match self.advance().await {
                Ok(Some(chunk)) => return Some(Ok(chunk)),
                Ok(None) => {}
                Err(StoreError::Closed) => return None,
                Err(error) => return Some(Err(error)),
            }
            if !self.live {
                self.live = true;
                return Some(Ok(Bytes::from_static(b": live\n\n")));
            }
            tokio::select! {
                woken = self.wakes.changed() => woken.ok()?,
                () = self.ended.cancelled() => return None,
                () = sleep_until(self.expires_at) => return None,
                () = self.shutdown.cancelled() => return None,
                () = tokio::time::sleep(self.heartbeat) => return Some(Ok(Bytes::from_static(b": alive\n\n"))),
            }
        }
    }

    /// Returns the first chunk, which reports the records that were dropped after the resume token.
    async fn begin(&mut self) -> Result<Bytes, StoreError> {
        let mut out = BytesMut::from(&b"retry: 1000\n\n"[..]);
        if let Some(order) = self.extent.order() {
            let complete_after = self.store.complete_after(order).await?;
            if complete_after > self.cursor && self.cursor > 0 {
                let next = self.extent.token(&self.store, complete_after);
                let dropped = serde_json::json!({"count": complete_after - self.cursor, "next": next});
                out.put_slice(format!("id: {next}\nevent: dropped\ndata: {dropped}\n\n").as_bytes());
            }
            // Also from the start, which means from the oldest retained.
            self.cursor = self.cursor.max(complete_after);
        }
        Ok(out.freeze())
    }

    /// Moves the cursor on; `None` when everything committed was looked at and nothing was wanted.
    async fn advance(&mut self) -> Result<Option<Bytes>, StoreError> {
        loop {
            let mut out = BytesMut::new();
            let caught_up = match self.extent {
                Extent::All => self.advance_all(&mut out).await?,
                Extent::Session(session_id, _) => self.advance_session(session_id, &mut out).await?,
            };
            if !out.is_empty() {
                return Ok(Some(out.freeze()));
            }
            if caught_up {
                return Ok(None);
            }
        }
    }

    async fn advance_all(&mut self, out: &mut BytesMut) -> Result<bool, StoreError> {
        let Some(commits) = self.store.recent(self.cursor) else {
            return self.read(Order::Position, u64::MAX, out).await;
        };
        for record in commits.iter().flat_map(|commit| &commit.records) {
            if record.position <= self.cursor {
                continue;
            }
            self.cursor = record.position;
            if self.is_full_with(record, out) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn advance_session(
        &mut self,
        session_id: SessionId,
        out: &mut BytesMut,
    ) -> Result<bool, StoreError> {
        let latest = self.store.latest_position();
        let row = match &mut self.extent {
            Extent::Session(_, Some(row)) => row.id,
            Extent::Session(_, row) => {
                *row = self.store.session_row(session_id.as_str()).await?;
                match row {
                    Some(row) => row.id,
                    None => return Ok(true),
                }
            }
            Extent::All => return Ok(true),
        };
        if self.seen_position > 0
            && !self.has_gap_ahead
            && let Some(commits) = self.store.recent(self.seen_position)
        {
            let after = self.seen_position;
            let new = commits.iter().flat_map(|commit| &commit.records);
            let mut broken = false;
            for record in new.filter(|record| record.position > after && record.session == row) {
                if record.parsed.first_seq() > self.cursor + 1 {
                    broken = true;
                    break;
                }
                if record.parsed.last_seq() <= self.cursor {
                    continue;
                }
                self.cursor = record.parsed.last_seq();
                self.seen_position = record.position;
                if self.is_full_with(record, out) {
                    return Ok(false);
                }
            }
            if !broken {
                self.seen_position = self.seen_position.max(latest);
                return Ok(true);
            }
        }
        let row_now = self.store.session_row(session_id.as_str()).await?;
        let (acked_seq, latest_seq) = row_now.map_or((0, 0), |row| (row.acked_seq, row.latest_seq));
        let caught_up = self.read(Order::Seq(row), acked_seq, out).await?;
        self.has_gap_ahead = latest_seq > acked_seq;
        if caught_up {
            self.seen_position = latest;
        }
        Ok(caught_up)
    }

    /// One page of the store.
    async fn read(&mut self, order: Order, until: u64, out: &mut BytesMut) -> Result<bool, StoreError> {
        let query = PageQuery::new(order, self.selector.clone(), PAGE_LIMIT).within(self.cursor, until);
        let page = self.store.page(query).await?;
        for PageRecord {
            position,
            last_seq,
            is_gap,
            line,
            ..
        } in &page.records
        {
            let cursor = if order == Order::Position {
                *position
            } else {
                *last_seq
            };
            self.frame(out, cursor, *is_gap, line);
        }
        self.cursor = page.cursor.max(self.cursor);
        Ok(page.done && (order != Order::Position || self.cursor >= self.store.latest_position()))
    }

    /// Adds the record at the cursor, if it is wanted. Returns whether the chunk is full.
    fn is_full_with(&self, record: &Committed, out: &mut BytesMut) -> bool {
        if self.wants(record) {
            let is_gap = matches!(record.parsed, Line::Gap { .. });
            self.frame(out, self.cursor, is_gap, &record.line);
        }
        out.len() >= CHUNK_BYTES
    }

    fn wants(&self, record: &Committed) -> bool {
        let Some(selector) = &self.selector else {
            return true;
        };
        match &record.parsed {
            Line::Event { header, .. } => selector.matches(&Record {
                header,
                line: &record.line,
            }),
            Line::Gap { session_id, gap } => wants_gap(selector, &gap.category, session_id.as_str()),
        }
    }

    fn frame(&self, out: &mut BytesMut, cursor: u64, is_gap: bool, line: &[u8]) {
        out.put_slice(b"id: ");
        out.put_slice(self.extent.token(&self.store, cursor).as_bytes());
        out.put_slice(if is_gap {
            b"\nevent: gap\ndata: "
        } else {
            b"\ndata: "
        });
        out.put_slice(line); // a line holds no newline
        out.put_slice(b"\n\n");
    }
}
