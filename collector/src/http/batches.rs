//! `POST /v1/batches`: deliveries of recorders.

use super::body::{Bodies, content_type, unsupported_type};
use super::header_text;
use super::problem::Problem;
use super::query::ValidQuery;
use super::selection::session_id;
use crate::app::Metrics;
use crate::auth::{Grant, Scope};
use crate::store::{Batch, Incoming, Receipt, Store};
use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use std::sync::Arc;
use tabtape::event::max_safe_integer;
use tabtape::protocol;
use tabtape::record::{Line, LineError, SessionId, parse_line};
use utoipa::IntoParams;

/// The parameters of a batch.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchRange {
    /// The capture session; every line is of it.
    session: String,
    /// Seq of the first record.
    #[param(minimum = 1)]
    first_seq: u64,
    /// Seq of the last record.
    #[param(minimum = 1)]
    last_seq: u64,
    /// The local process that wrote the session, if it is restored from another store. Needs an admin token, as
    /// `pairing` does.
    producer: Option<String>,
    /// The pairing that delivered the session, if it is restored from another store.
    pairing: Option<String>,
}

/// Deliver a batch.
///
/// NDJSON lines, envelopes and gaps of one session, covering every seq from `first_seq` to `last_seq` in
/// order, optionally with `content-encoding: gzip`. A bad line is named; the good ones before it are kept
/// and acknowledged in the problem's `acked_seq`.
#[utoipa::path(
    post, path = "/v1/batches", tag = "deliver", params(BatchRange),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses(
        (status = OK, body = protocol::Receipt),
        (status = BAD_REQUEST, description = "A bad parameter, line or body", body = Problem, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`seq_conflict`: a stored seq with other bytes", body = Problem, content_type = "application/problem+json"),
        (status = PAYLOAD_TOO_LARGE, description = "The body or one record is too large", body = Problem, content_type = "application/problem+json"),
        (status = UNSUPPORTED_MEDIA_TYPE, description = "Not NDJSON, or not gzip", body = Problem, content_type = "application/problem+json"),
        (status = TOO_MANY_REQUESTS, description = "Too many batches wait", body = Problem, content_type = "application/problem+json"),
        (status = INSUFFICIENT_STORAGE, description = "The disk is full", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn post(
    State(store): State<Store>,
    State(metrics): State<Arc<Metrics>>,
    State(bodies): State<Bodies>,
    Extension(grant): Extension<Grant>,
    ValidQuery(declared): ValidQuery<BatchRange>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<protocol::Receipt>, Problem> {
    let session_id = declared.check()?;
    declared.check_owner(&grant)?;
    expect_ndjson(&headers)?;
    let first_seq = declared.first_seq;
    let last_seq = declared.last_seq;
    let unpacked = bodies.read_unpacked(&headers, body).await?;
    metrics.received(unpacked.received);
    let bytes = unpacked.bytes.clone();
    let work = move || parse(&bytes, session_id, first_seq, last_seq);
    let parsed = super::spawn_blocking_if_large(header_text(&headers, header::CONTENT_LENGTH), work).await?;
    let batch = Batch {
        session_id,
        producer: declared.producer,
        pairing: grant.pairing.or(declared.pairing),
        records: parsed.records,
        idempotency: None,
    };
    let receipt = store.ingest(batch).await?;
    metrics.stored(&receipt);
    finish(&store, &metrics, session_id, &receipt, parsed.bad, first_seq)
}

fn finish(
    store: &Store,
    metrics: &Metrics,
    session_id: SessionId,
    receipt: &Receipt,
    bad: Option<BadLine>,
    first_seq: u64,
) -> Result<Json<protocol::Receipt>, Problem> {
    let (code, status, detail, line, seq) = match (receipt.conflict, bad) {
        (Some(conflict), _) => (
            protocol::SEQ_CONFLICT,
            StatusCode::CONFLICT,
            format!("seq {} is stored already, with other bytes", conflict.seq),
            conflict.index + 1,
            conflict.seq,
        ),
        (None, Some(bad)) => (
            bad.code,
            bad.status,
            format!("line {}: {}", bad.line, bad.detail),
            bad.line,
            bad.seq,
        ),
        (None, None) => {
            return Ok(Json(protocol::Receipt {
                store_id: store.store_id().to_owned(),
                session: session_id.to_string(),
                acked_seq: receipt.acked_seq,
                accepted: receipt.accepted,
                duplicates: receipt.duplicates,
                subscribers: Some(metrics.subscribers()),
            }));
        }
    };
    tracing::warn!(session = %session_id, first_seq, line, seq, code, "a batch was refused in part");
    Err(Problem::new(status, code, detail)
        .with("line", line)
        .with("seq", seq)
        .with("session", session_id.as_str())
        .with("store_id", store.store_id())
        .with("acked_seq", receipt.acked_seq)
        .with("accepted", receipt.accepted)
        .with("duplicates", receipt.duplicates))
}

impl BatchRange {
    /// Refuses a batch that names its session's owner without an admin token: otherwise the token names the owner.
    fn check_owner(&self, grant: &Grant) -> Result<(), Problem> {
        if grant.scope == Scope::Admin || (self.producer.is_none() && self.pairing.is_none()) {
            return Ok(());
        }
        Err(Problem::forbidden(
            "wrong_scope",
            "producer and pairing may be named only with an admin token",
        ))
    }

    fn check(&self) -> Result<SessionId, Problem> {
        let session_id = session_id(&self.session)?;
        for (name, seq) in [("first_seq", self.first_seq), ("last_seq", self.last_seq)] {
            if !(1..=max_safe_integer()).contains(&seq) {
                let detail = format!(
                    "{name}: expected a whole number from 1 to {}, got {seq}",
                    max_safe_integer()
                );
                return Err(Problem::invalid_parameter(detail));
            }
        }
        if self.last_seq < self.first_seq {
            let detail = format!(
                "last_seq: {} is before first_seq {}",
                self.last_seq, self.first_seq
            );
            return Err(Problem::invalid_parameter(detail));
        }
        Ok(session_id)
    }
}

fn expect_ndjson(headers: &HeaderMap) -> Result<(), Problem> {
    if content_type(headers) == "application/x-ndjson" {
        return Ok(());
    }
    Err(unsupported_type(headers, "application/x-ndjson"))
}

/// The valid lines, and the first invalid one.
#[derive(Debug)]
struct Parsed {
    records: Vec<Incoming>,
    bad: Option<BadLine>,
}

#[derive(Debug)]
struct BadLine {
    /// From 1.
    line: usize,
    /// The expected seq.
    seq: u64,
    code: &'static str,
    status: StatusCode,
    detail: String,
}

fn parse(bytes: &Bytes, session_id: SessionId, first_seq: u64, last_seq: u64) -> Parsed {
    let mut records = Vec::new();
    let mut next_seq = first_seq;
    let mut number = 0;
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let (line, after) = match memchr::memchr(b'\n', rest) {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        rest = after;
        number += 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() && rest.is_empty() {
            break;
        }
        match checked(line, session_id, next_seq, last_seq) {
            Ok(parsed) => {
                next_seq = parsed.last_seq() + 1;
                let line = bytes.slice_ref(line);
                records.push(Incoming { line, parsed });
            }
            Err((code, status, detail)) => {
                let bad = Some(BadLine {
                    line: number,
                    seq: next_seq,
                    code,
                    status,
                    detail,
                });
                return Parsed { records, bad };
            }
        }
    }
    let complete = next_seq == last_seq + 1;
    let bad = (!complete).then(|| BadLine {
        line: number + 1,
        seq: next_seq,
        code: protocol::INCOMPLETE_BATCH,
        status: StatusCode::BAD_REQUEST,
        detail: format!("the body ends before seq {next_seq}; the batch declares {first_seq} to {last_seq}"),
    });
    Parsed { records, bad }
}

/// Returns the record of a line, or the code, the status and the detail of what is wrong with it.
fn checked(
    line: &[u8],
    session_id: SessionId,
    next_seq: u64,
    last_seq: u64,
) -> Result<Line, (&'static str, StatusCode, String)> {
    let parsed = parse_line(line).map_err(|error| match error {
        LineError::TooLong(_) => (
            "record_too_large",
            StatusCode::PAYLOAD_TOO_LARGE,
            error.to_string(),
        ),
        _ => (LineError::CODE, StatusCode::BAD_REQUEST, error.to_string()),
    })?;
    if parsed.session_id() != session_id {
        let detail = format!(
            "the record is of session {}, the batch of {session_id}",
            parsed.session_id()
        );
        return Err((protocol::MIXED_SESSIONS, StatusCode::BAD_REQUEST, detail));
    }
    if parsed.first_seq() != next_seq || parsed.last_seq() > last_seq {
        let detail = format!(
            "the record covers seq {} to {}; the next of this batch is {next_seq}, its last {last_seq}",
            parsed.first_seq(),
            parsed.last_seq()
        );
        return Err((protocol::SEQ_OUT_OF_ORDER, StatusCode::BAD_REQUEST, detail));
    }
    Ok(parsed)
}
