//! Delivers requests to an OpenTelemetry endpoint.
//!
//! A request is sent again, with full jitter from 0.5 s to 60 s and `Retry-After` obeyed, until the endpoint accepts it.
//! Only 400, 413 and 422 are about the items of a request: it is split until the refused item is alone; that item is
//! counted, logged and skipped. Every other status, like 308, 404, 405 or 415, is a fault of the endpoint or of its
//! address: it is reported as the problem of the task, and nothing is skipped.

use super::endpoint::Endpoint;
use crate::app::{App, Forwarding, Metrics, Signal};
use crate::store::Store;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{StatusCode, header};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const FIRST_DELAY: Duration = Duration::from_millis(500);
/// Also after `Retry-After: 0`.
const SHORTEST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(60);
const REQUEST_TIME: Duration = Duration::from_secs(30);

/// The way to one endpoint for one signal.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(super) store: Store,
    http: reqwest::Client,
    pub(super) endpoint: Endpoint,
    pub(super) signal: Signal,
    pub(super) stop: CancellationToken,
    pub(super) metrics: Arc<Metrics>,
}

enum Answer {
    /// Accepted; the number of its items that the endpoint rejected.
    Taken(u64),
    Later(Option<Duration>, String),
    Refused(String),
}

impl Delivery {
    /// Returns the way to `endpoint`: a base address, or one that ends in a signal's path.
    pub(crate) fn new(app: &App, endpoint: &str, signal: Signal) -> Result<Self, String> {
        let endpoint = Endpoint::parse(endpoint, signal)?;
        let mut http = crate::http_client::client().timeout(REQUEST_TIME);
        if endpoint.is_loopback() {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| error.to_string())?;
        Ok(Self {
            store: app.store.clone(),
            http,
            endpoint,
            signal,
            stop: app.shutdown.clone(),
            metrics: app.metrics.clone(),
        })
    }

    /// Returns the counters of this signal.
    pub(super) fn counters(&self) -> &Forwarding {
        self.metrics.forwarding(self.signal)
    }

    /// Delivers items, in halves if they are refused together. `request` returns the request that carries some of
    /// them, `name` the name of one in the log; `on_taken` is called with each that was accepted. False if forwarding
    /// stops.
    pub(super) async fn deliver_split<T, M: Message>(
        &self,
        items: &[T],
        request: impl Fn(&[T]) -> M,
        name: impl Fn(&T) -> String,
        on_taken: impl Fn(&M),
    ) -> bool {
        let counters = self.counters();
        let mut parts = vec![items];
        while let Some(part) = parts.pop() {
            let message = request(part);
            match self.until_answered(&message).await {
                None => return false,
                Some(Ok(rejected)) => {
                    let taken = (part.len() as u64).saturating_sub(rejected);
                    counters.forwarded.fetch_add(taken, Relaxed);
                    counters.rejected.fetch_add(rejected, Relaxed);
                    on_taken(&message);
                }
                Some(Err(why)) => match part {
                    [alone] => {
                        counters.refused.fetch_add(1, Relaxed);
                        let (signal, item) = (self.signal.name(), name(alone));
                        tracing::error!(signal, %item, %why, "an item was refused and is passed over");
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

    /// Sends until the endpoint accepts the request, and returns how many items it rejected, or refuses it; `None` if
    /// forwarding stops.
    pub(super) async fn until_answered(&self, request: &impl Message) -> Option<Result<u64, String>> {
        let mut delay = FIRST_DELAY;
        loop {
            let wait = match self.send(request).await {
                Answer::Taken(rejected) => {
                    self.report(None);
                    if rejected > 0 {
                        let signal = self.signal.name();
                        tracing::error!(
                            rejected,
                            signal,
                            "the OpenTelemetry endpoint rejected items of a batch"
                        );
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

    async fn send(&self, request: &impl Message) -> Answer {
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
            // The responses of the three signals have the same fields
            // (https://github.com/open-telemetry/opentelemetry-proto/tree/main/opentelemetry/proto/collector).
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
        let why = format!(
            "{} answered {status}{}",
            self.endpoint.shown(),
            hint(status, self.signal)
        );
        match status {
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                Answer::Refused(why)
            }
            _ => Answer::Later(asked.map(Duration::from_secs), why),
        }
    }

    /// Reports why nothing is forwarded now, or that records are forwarded.
    fn report(&self, problem: Option<String>) {
        self.store.tasks().report(task(self.signal), problem);
    }
}

/// Returns the name of the task that sends a signal.
pub(crate) const fn task(signal: Signal) -> &'static str {
    match signal {
        Signal::Logs => "forwarding",
        Signal::Traces => "forwarding of traces",
        Signal::Metrics => "forwarding of metrics",
    }
}

/// Returns the remedy for an answer that is a fault of the address.
fn hint(status: StatusCode, signal: Signal) -> String {
    match status {
        _ if status.is_redirection() => {
            ": redirects are not followed; give the address that it redirects to".into()
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ": the login is missing or wrong".into(),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            format!(": no OTLP/HTTP endpoint for {} is at this address", signal.name())
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ": it does not accept OTLP as protobuf with gzip".into(),
        _ => String::new(),
    }
}

/// A random part of `delay`, so that many do not come back at once.
fn jitter(delay: Duration) -> Duration {
    let mut random = [0; 4];
    let _ = getrandom::fill(&mut random); // no randomness: no wait, and the next delay is longer
    delay.mul_f64(f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX))
}
