//! Delivering what is derived from the stream: traces or metrics.
//!
//! A batch is planned, and the plan is stored, before it is sent: the positions whose ends it reports, and how far the
//! stream was read for it. After a restart the same records, read in the same steps, make the same batch, so a span or a
//! point that is sent again has the same name and the same contents. The checkpoint moves only after the endpoint has
//! accepted all of it.

use super::delivery::{Delivery, task};
use super::forward::STOPPED;
use super::metrics::{self, Measure};
use super::span;
use super::walk::{Finished, Record, SELECTOR, Walk};
use crate::app::Signal;
use crate::clock::now_micros;
use crate::store::{Order, PageQuery, StoreError};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tabtape::record::stored_line;
use tabtape::selector::Selector;

/// Time in which a page's reports of what the browser has reported arrive.
const SETTLING: Duration = Duration::from_secs(2);
/// Interval between two exports of metrics.
const METRICS_STEP: Duration = Duration::from_secs(5);
/// Positions in one batch, and how far the stream is read beyond them.
const BATCH_POSITIONS: u64 = 5000;
const LOOKAHEAD: u64 = 20_000;
const PAGE_RECORDS: usize = 1000;
/// Spans or points in one request.
const REQUEST_ITEMS: usize = 1000;
/// A session that a later one has followed ends after it was quiet for so long.
const ABANDONED: Duration = Duration::from_secs(60);

/// Steps that a checkpoint has at most: late records are rare, and each can add one.
const MAX_STEPS: usize = 256;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How far the stream was sent, and what is being sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Checkpoint {
    /// The endpoint has accepted everything that ended up to this position.
    sent: u64,
    /// The first position that is needed to continue.
    first: u64,
    /// The position at which the batch in flight ends; `sent` if none is.
    to: u64,
    /// The stream is read up to here for it.
    horizon: u64,
    /// Sessions that end with it, because they were quiet.
    abandoned: Vec<String>,
    /// Unix microseconds: the interval of its measurements.
    from_ts: u64,
    to_ts: u64,
    /// The accepted batches that a restart repeats to read the stream as before.
    #[serde(default)]
    steps: Vec<Step>,
}

/// A batch that the endpoint has accepted. The effect of a later record depends on what was sent, but mostly the state
/// is the same as if the spans of this batch had been sent in the next one; then the next batch takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Step {
    to: u64,
    horizon: u64,
    abandoned: Vec<String>,
}

/// Sends traces or metrics until cancelled.
#[derive(Debug)]
pub(crate) struct Derived {
    delivery: Delivery,
    cursor_name: String,
    selector: Arc<Selector>,
    started_micros: u64,
}

/// The stream as one run of the task reads it.
#[derive(Debug, Default)]
struct Reading {
    walk: Walk,
    checkpoint: Checkpoint,
    read_to: u64,
    /// The number of late records at the end of the last step.
    late_before: u64,
    /// Since when no record of a session has arrived.
    quiet: BTreeMap<String, (u64, Instant)>,
}

impl Reading {
    /// Adds the batch that the endpoint has accepted.
    fn add_step(&mut self, accepted: Checkpoint) {
        let late = self.walk.late();
        let steps = &mut self.checkpoint.steps;
        if late == self.late_before && steps.last().is_some_and(|last| last.abandoned.is_empty()) {
            steps.pop();
        }
        steps.push(Step {
            to: accepted.to,
            horizon: accepted.horizon,
            abandoned: accepted.abandoned,
        });
        self.late_before = late;
        let first = self.checkpoint.first;
        steps.retain(|step| step.horizon >= first);
        steps.drain(..steps.len().saturating_sub(MAX_STEPS));
    }
}

impl Derived {
    /// Returns a forwarder of traces or metrics.
    pub(crate) fn new(delivery: Delivery) -> Result<Self, String> {
        Ok(Self {
            cursor_name: delivery.endpoint.cursor_name(),
            delivery,
            selector: Arc::new(Selector::parse(SELECTOR, 0).map_err(|error| error.to_string())?),
            started_micros: now_micros(),
        })
    }

    /// Runs until cancelled; returns why it ended.
    pub(crate) async fn run(self: Arc<Self>) -> String {
        tokio::select! {
            () = self.delivery.stop.cancelled() => STOPPED.to_owned(),
            ended = self.send() => match ended {
                Ok(()) => STOPPED.to_owned(),
                Err(error) => format!("{}: {error}", task(self.delivery.signal)),
            },
        }
    }

    async fn send(&self) -> Result<(), Failure> {
        let store = &self.delivery.store;
        let mut commits = store.subscribe();
        let mut reading = self.resume().await?;
        tracing::info!(url = %self.delivery.endpoint.shown(), cursor = reading.checkpoint.sent, "{}", task(self.delivery.signal));
        loop {
            commits.mark_unchanged();
            let settled = store.latest_position();
            if settled.saturating_sub(reading.checkpoint.sent) < BATCH_POSITIONS + LOOKAHEAD {
                tokio::time::sleep(if self.delivery.signal == Signal::Metrics {
                    METRICS_STEP
                } else {
                    SETTLING
                })
                .await;
            }
            self.plan(&mut reading, settled).await?;
            if !self.send_planned(&mut reading).await? {
                return Ok(());
            }
            if self.delivery.signal == Signal::Metrics {
                self.send_figures().await;
            }
            if reading.checkpoint.sent < store.latest_position() {
                continue;
            }
            tokio::select! {
                changed = commits.changed() => if changed.is_err() { return Ok(()) },
                () = tokio::time::sleep(ABANDONED) => {}
            }
        }
    }

    /// Reads what is needed to continue, and sends the batch that was under way.
    async fn resume(&self) -> Result<Reading, Failure> {
        let stored = self.delivery.store.get_meta::<String>(&self.cursor_name).await;
        let stored = stored.map_err(|error| format!("it cannot read its cursor: {error}"))?;
        let checkpoint = match stored {
            None => Checkpoint::default(),
            Some(text) => {
                serde_json::from_str(&text).map_err(|error| format!("it cannot read its cursor: {error}"))?
            }
        };
        let mut reading = Reading {
            read_to: checkpoint.first.saturating_sub(1),
            ..Reading::default()
        };
        let (sent, horizon) = (checkpoint.sent, checkpoint.horizon.max(checkpoint.sent));
        for step in &checkpoint.steps {
            self.read(&mut reading, step.horizon).await?;
            for name in &step.abandoned {
                reading.walk.end_session(name, step.to);
            }
            drop(reading.walk.take(step.to));
            reading.late_before = reading.walk.late();
        }
        reading.checkpoint = checkpoint;
        self.read(&mut reading, horizon).await?;
        drop(reading.walk.take(sent));
        self.send_planned(&mut reading).await?;
        Ok(reading)
    }

    /// Plans the next batch: what ended up to `settled`.
    async fn plan(&self, reading: &mut Reading, settled: u64) -> Result<(), StoreError> {
        let store = &self.delivery.store;
        let sent = reading.checkpoint.sent;
        let pruned = store.oldest_position().await?;
        if pruned > reading.read_to {
            let count = pruned - reading.read_to;
            tracing::warn!(
                count,
                "retention took records before {} had read them",
                task(self.delivery.signal)
            );
            self.delivery.counters().not_retained.fetch_add(count, Relaxed);
            reading.read_to = pruned;
        }
        let to = settled.min(sent.saturating_add(BATCH_POSITIONS)).max(sent);
        let horizon = store.latest_position().min(to.saturating_add(LOOKAHEAD));
        let late_before = reading.walk.late();
        self.read(reading, horizon).await?;
        let late = reading.walk.late() - late_before;
        self.delivery.counters().late.fetch_add(late, Relaxed);
        let open = reading.walk.abandoned();
        reading.quiet.retain(|name, _| open.contains_key(name));
        let mut abandoned = Vec::new();
        for (name, position) in open {
            let known = reading
                .quiet
                .entry(name.clone())
                .or_insert((position, Instant::now()));
            if known.0 != position {
                *known = (position, Instant::now());
            } else if known.1.elapsed() >= ABANDONED && position <= to {
                abandoned.push(name);
            }
        }
        let checkpoint = &mut reading.checkpoint;
        checkpoint.to = to;
        checkpoint.horizon = horizon.max(reading.read_to);
        checkpoint.abandoned = abandoned;
        checkpoint.from_ts = if checkpoint.to_ts == 0 {
            self.started_micros
        } else {
            checkpoint.to_ts
        };
        checkpoint.to_ts = now_micros().max(checkpoint.from_ts + 1);
        Ok(())
    }

    /// Sends the batch that is planned; false if forwarding stops.
    async fn send_planned(&self, reading: &mut Reading) -> Result<bool, StoreError> {
        let store = &self.delivery.store;
        let planned = reading.checkpoint.clone();
        for name in &planned.abandoned {
            reading.walk.end_session(name, planned.to);
        }
        let finished = reading.walk.take(planned.to);
        let is_step = !finished.is_empty();
        if is_step {
            store.set_meta(&self.cursor_name, note(&planned)).await?;
            if !self.deliver(finished, &planned).await {
                return Ok(false);
            }
        } else if planned.to == planned.sent {
            return Ok(true);
        }
        let checkpoint = &mut reading.checkpoint;
        checkpoint.sent = planned.to;
        checkpoint.first = reading.walk.first_needed(planned.to);
        checkpoint.abandoned.clear();
        if is_step {
            reading.add_step(planned);
        }
        let checkpoint = &reading.checkpoint;
        store.set_meta(&self.cursor_name, note(checkpoint)).await?;
        Ok(true)
    }

    async fn deliver(&self, finished: Vec<Finished>, planned: &Checkpoint) -> bool {
        if self.delivery.signal == Signal::Traces {
            let spans: Vec<Span> = finished
                .into_iter()
                .filter_map(|finished| finished.span)
                .collect();
            let name = |span: &Span| hex::encode(&span.span_id);
            return self.deliver_in_parts(&spans, span::export, name).await;
        }
        let measures: Vec<Measure> = finished
            .into_iter()
            .flat_map(|finished| finished.measures)
            .collect();
        let points = metrics::points(measures, (planned.from_ts, planned.to_ts));
        let name = |point: &metrics::Point| format!("{point:?}");
        self.deliver_in_parts(&points, metrics::export, name).await
    }

    /// Delivers items in requests of a bounded size; false if forwarding stops.
    async fn deliver_in_parts<T, M: Message>(
        &self,
        items: &[T],
        request: impl Fn(&[T]) -> M,
        name: impl Fn(&T) -> String,
    ) -> bool {
        for part in items.chunks(REQUEST_ITEMS) {
            if !self.delivery.deliver_split(part, &request, &name, |_| {}).await {
                return false;
            }
        }
        true
    }

    /// Sends the figures of this process. They are cumulative, so that one that is not accepted is not missed.
    async fn send_figures(&self) {
        let figures = self.delivery.metrics.figures();
        let request = metrics::figures(&figures, self.started_micros, now_micros());
        if let Some(Err(why)) = self.delivery.until_answered(&request).await {
            tracing::error!(%why, "the endpoint refused the collector's own figures");
        }
    }

    async fn read(&self, reading: &mut Reading, until: u64) -> Result<(), StoreError> {
        while reading.read_to < until {
            let query = PageQuery::new(Order::Position, Some(Arc::clone(&self.selector)), PAGE_RECORDS)
                .within(reading.read_to, until);
            let page = self.delivery.store.page(query).await?;
            for record in page.records.iter().filter(|record| !record.is_gap) {
                let line = stored_line::value(&record.line);
                if let Some(record) = Record::of(record.position, &line) {
                    reading.walk.read(&record);
                }
            }
            if page.cursor <= reading.read_to {
                break;
            }
            reading.read_to = page.cursor;
        }
        Ok(())
    }
}

fn note(checkpoint: &Checkpoint) -> String {
    serde_json::to_string(checkpoint).unwrap_or_default()
}
