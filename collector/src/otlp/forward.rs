//! Delivering the stream of records as logs.
//!
//! A durable cursor per endpoint moves only after the endpoint has accepted a batch, so restarts on either side
//! lose nothing. An unanswered batch is sent again; `session.id` with `tabtape.seq` identifies a repeat. See
//! [`delivery`](super::delivery) for what happens to a batch that is not accepted. Records that retention removed
//! before they were sent are reported as `tabtape.gap`.

use super::delivery::Delivery;
use super::logs;
use crate::store::{Order, PageQuery, PageRecord, StoreError};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

const BATCH_RECORDS: usize = 1000;
pub(super) const STOPPED: &str = "the collector stops";

/// Forwards until cancelled.
#[derive(Debug)]
pub(crate) struct Forwarder {
    delivery: Delivery,
    cursor_name: String,
}

impl Forwarder {
    /// Returns a forwarder of logs.
    pub(crate) fn new(delivery: Delivery) -> Self {
        Self {
            cursor_name: delivery.endpoint.cursor_name(),
            delivery,
        }
    }

    /// Runs until cancelled; returns why it ended.
    pub(crate) async fn run(self: Arc<Self>) -> String {
        let store = &self.delivery.store;
        let mut commits = store.subscribe();
        let mut cursor = match store.get_meta::<i64>(&self.cursor_name).await {
            Ok(cursor) => cursor.unwrap_or(0) as u64,
            Err(error) => return format!("forwarding cannot read its cursor: {error}"),
        };
        tracing::info!(url = %self.delivery.endpoint.shown(), cursor, "forwarding");
        loop {
            commits.mark_unchanged();
            match self.step(cursor).await {
                Ok(moved) if moved > cursor => {
                    cursor = moved;
                    continue;
                }
                Ok(_) => {}
                Err(error @ StoreError::Closed) => return error.to_string(),
                Err(error) => {
                    tracing::warn!(%error, "forwarding waits for the store");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            }
            tokio::select! {
                () = self.delivery.stop.cancelled() => return STOPPED.to_owned(),
                changed = commits.changed() => if changed.is_err() { return STOPPED.to_owned() },
            }
        }
    }

    /// Sends one batch; returns the new cursor.
    async fn step(&self, cursor: u64) -> Result<u64, StoreError> {
        let store = &self.delivery.store;
        let counters = self.delivery.counters();
        let pruned = store.oldest_position().await?;
        if pruned > cursor {
            tracing::warn!(
                count = pruned - cursor,
                "retention took records before they were forwarded"
            );
            let gap = logs::not_retained(pruned - cursor);
            if self.delivery.until_answered(&gap).await.is_none() {
                return Ok(cursor);
            }
            counters.not_retained.fetch_add(pruned - cursor, Relaxed);
            store.set_meta(&self.cursor_name, pruned as i64).await?;
            return Ok(pruned);
        }
        let query = PageQuery::new(Order::Position, None, BATCH_RECORDS).within(cursor, u64::MAX);
        let page = store.page(query).await?;
        let request = |part: &[PageRecord]| logs::request(part.iter().map(|record| &record.line[..]));
        let name = |alone: &PageRecord| format!("position {}", alone.position);
        let is_delivered = self
            .delivery
            .deliver_split(&page.records, request, name, |request| {
                let logs::Changed { altered, unreadable } = logs::changed(request);
                counters.altered.fetch_add(altered, Relaxed);
                counters.unreadable.fetch_add(unreadable, Relaxed);
            });
        if !page.records.is_empty() && !is_delivered.await {
            return Ok(cursor);
        }
        if page.cursor > cursor {
            store.set_meta(&self.cursor_name, page.cursor as i64).await?;
        }
        Ok(page.cursor)
    }
}
