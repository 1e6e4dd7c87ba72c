//! Delivering the stream to an OpenTelemetry Collector.
//!
//! A durable cursor per endpoint moves only after the endpoint has accepted a batch, so restarts on either side
//! lose nothing. An unanswered batch is sent again; `session.id` with `tabtape.seq` identifies a repeat. A batch is
//! sent again, with full jitter from 0.5 s to 60 s and `Retry-After` obeyed, until the endpoint accepts it. Only
//! 400, 413 and 422 are about the records: such a batch is split until the refused record is alone; that record is
//! counted, logged and skipped. Every other status, like 308, 404, 405 or 415, is a fault of the endpoint or of its
//! address: it is reported as the problem of this task, and nothing is skipped. Records that retention removed
//! before they were sent are reported as `tabtape.gap`.

use super::endpoint::Endpoint;
use super::record;
use crate::app::Metrics;
use crate::store::{Order, PageQuery, PageRecord, Store, StoreError};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{StatusCode, header};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use prost::Message as _;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const BATCH_RECORDS: usize = 1000;
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// Also after `Retry-After: 0`.
const SHORTEST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(60);
const STOPPED: &str = "the collector stops";
const REQUEST_TIME: Duration = Duration::from_secs(30);

/// Forwards until cancelled.
#[derive(Debug)]
pub(crate) struct Forwarder {
    store: Store,
    http: reqwest::Client,
    endpoint: Endpoint,
    cursor_name: String,
    stop: CancellationToken,
    metrics: Arc<Metrics>,
}

enum Answer {
    /// Accepted; the number of its records that the endpoint rejected.
    Taken(u64),
    Later(Option<Duration>, String),
    Refused(String),
}

impl Forwarder {
    /// The name of the task that forwards.
    pub(crate) const TASK: &str = "forwarding";

    /// Returns a forwarder to `endpoint`: a base address, or one that ends in `/v1/logs`.
    pub(crate) fn new(
        store: Store,
        endpoint: &str,
        stop: CancellationToken,
        metrics: Arc<Metrics>,
    ) -> Result<Self, String> {
        let endpoint = Endpoint::parse(endpoint)?;
        let mut http = crate::http_client::client().timeout(REQUEST_TIME);
        if endpoint.is_loopback() {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| error.to_string())?;
        Ok(Self {
            store,
            http,
            cursor_name: endpoint.cursor_name(),
            endpoint,
            stop,
            metrics,
        })
    }

    /// Runs until cancelled; returns why it ended.
    pub(crate) async fn run(self: Arc<Self>) -> String {
        let mut commits = self.store.subscribe();
        let mut cursor = match self.store.get_counter(&self.cursor_name).await {
            Ok(cursor) => cursor.unwrap_or(0),
            Err(error) => return format!("forwarding cannot read its cursor: {error}"),
        };
        tracing::info!(url = %self.endpoint.shown(), cursor, "forwarding");
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
                () = self.stop.cancelled() => return STOPPED.to_owned(),
                changed = commits.changed() => if changed.is_err() { return STOPPED.to_owned() },
            }
        }
    }

    /// Sends one batch; returns the new cursor.
    async fn step(&self, cursor: u64) -> Result<u64, StoreError> {
        let pruned = self.store.oldest_position().await?;
        if pruned > cursor {
            tracing::warn!(
                count = pruned - cursor,
                "retention took records before they were forwarded"
            );
            if !self.deliver(&record::not_retained(pruned - cursor)).await {
                return Ok(cursor);
            }
            self.metrics
                .forwarding
                .not_retained
                .fetch_add(pruned - cursor, Relaxed);
            self.store.set_counter(&self.cursor_name, pruned).await?;
            return Ok(pruned);
        }
        let query = PageQuery {
            order: Order::Position,
            selector: None,
            after: cursor,
            until: u64::MAX,
            newest: false,
            limit: BATCH_RECORDS,
        };
        let page = self.store.page(query).await?;
        if !page.records.is_empty() && !self.deliver_split(&page.records).await {
            return Ok(cursor);
        }
        if page.cursor > cursor {
            self.store.set_counter(&self.cursor_name, page.cursor).await?;
        }
        Ok(page.cursor)
    }

    /// Delivers records, in halves if they are refused together. False if forwarding stops.
    async fn deliver_split(&self, records: &[PageRecord]) -> bool {
        let mut parts = vec![records];
        while let Some(part) = parts.pop() {
            let request = record::request(part.iter().map(|record| &record.line[..]));
            match self.until_answered(&request).await {
                None => return false,
                Some(Ok(rejected)) => {
                    let taken = (part.len() as u64).saturating_sub(rejected);
                    self.metrics.forwarding.forwarded.fetch_add(taken, Relaxed);
                    self.metrics.forwarding.rejected.fetch_add(rejected, Relaxed);
                    let record::Changed { altered, unreadable } = record::changed(&request);
                    self.metrics.forwarding.altered.fetch_add(altered, Relaxed);
                    self.metrics.forwarding.unreadable.fetch_add(unreadable, Relaxed);
                }
                Some(Err(why)) => match part {
                    [alone] => {
                        self.metrics.forwarding.refused.fetch_add(1, Relaxed);
                        tracing::error!(position = alone.position, %why, "a record was refused and is passed over");
                    }
                    _ => {
                        let (first, second) = part.split_at(part.len() / 2);
                        parts.extend([second, first]);
                    }
                },
            }
        }
        true
    }

    async fn deliver(&self, request: &ExportLogsServiceRequest) -> bool {
        self.until_answered(request).await.is_some()
    }

    /// Sends until the endpoint accepts the request, and returns how many records it rejected, or refuses it; `None` if
    /// forwarding stops.
    async fn until_answered(&self, request: &ExportLogsServiceRequest) -> Option<Result<u64, String>> {
        let mut delay = FIRST_DELAY;
        loop {
            let wait = match self.send(request).await {
                Answer::Taken(rejected) => {
                    self.report(None);
                    if rejected > 0 {
                        tracing::error!(rejected, "the OpenTelemetry endpoint rejected records of a batch");
                    }
                    return Some(Ok(rejected));
                }
                Answer::Refused(why) => {
                    self.report(None);
                    return Some(Err(why));
                }
                Answer::Later(asked, why) => {
                    tracing::warn!(%why, "the OpenTelemetry endpoint did not take a batch; trying again");
                    self.report(Some(why));
                    asked.unwrap_or_else(|| jitter(delay)).max(SHORTEST_DELAY)
                }
            };
            delay = (delay * 2).min(LONGEST_DELAY);
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn send(&self, request: &ExportLogsServiceRequest) -> Answer {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = gzip
            .write_all(&request.encode_to_vec())
            .and_then(|()| gzip.finish());
        let body = match packed {
            Ok(body) => body,
            Err(error) => return Answer::Later(None, error.to_string()),
        };
        let sent = self
            .http
            .post(self.endpoint.url())
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .header(header::CONTENT_ENCODING, "gzip")
            .body(body)
            .send();
        let response = tokio::select! {
            () = self.stop.cancelled() => return Answer::Later(None, "stopping".into()),
            sent = sent => match sent {
                Ok(response) => response,
                Err(error) => {
                    let why = format!("{} does not answer: {}", self.endpoint.shown(), error.without_url());
                    return Answer::Later(None, why);
                }
            },
        };
        let status = response.status();
        if status.is_success() {
            let taken = response
                .bytes()
                .await
                .ok()
                .and_then(|body| ExportLogsServiceResponse::decode(body).ok());
            let partial = taken.and_then(|taken| taken.partial_success);
            let rejected = partial.map_or(0, |partial| partial.rejected_log_records);
            return Answer::Taken(u64::try_from(rejected).unwrap_or(0));
        }
        let asked = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|after| after.to_str().ok()?.parse().ok());
        let why = format!("{} answered {status}{}", self.endpoint.shown(), hint(status));
        match status {
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                Answer::Refused(why)
            }
            _ => Answer::Later(asked.map(Duration::from_secs), why),
        }
    }

    /// Reports why nothing is forwarded now, or that records are forwarded.
    fn report(&self, problem: Option<String>) {
        self.store.tasks().report(Self::TASK, problem);
    }
}

/// Returns the remedy for an answer that is a fault of the address.
fn hint(status: StatusCode) -> &'static str {
    match status {
        _ if status.is_redirection() => ": redirects are not followed; give the address that it redirects to",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ": the login is missing or wrong",
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            ": no OTLP/HTTP endpoint for logs is at this address"
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ": it does not accept OTLP as protobuf with gzip",
        _ => "",
    }
}

/// A random part of `delay`, so that many do not come back at once.
fn jitter(delay: Duration) -> Duration {
    let mut random = [0; 4];
    let _ = getrandom::fill(&mut random); // no randomness: no wait, and the next delay is longer
    delay.mul_f64(f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX))
}
