//! `POST /v1/events`: events of local processes. `DELETE /v1/events`: what is to be forgotten.

use super::body::{Bodies, content_type, unsupported_type};
use super::problem::Problem;
use super::query::ValidQuery;
use super::selection;
use crate::auth::{Grant, Scope};
use crate::producers::{MAX_EVENTS, Producers, PublishError, Published};
use crate::store::{Deletion, Idempotency, Store};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::{Extension, Json};
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tabtape::json::{JsonError, Scanner};
use utoipa::{IntoParams, ToSchema};

const MAX_KEY_BYTES: usize = 200;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The parameters of a publishing request.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Publisher {
    /// Name of the process; its events form one session per start of the collector.
    #[param(max_length = 64)]
    producer: String,
}

/// Publish events of a local process.
///
/// One event, an array of events, or NDJSON. Each is validated, redacted and numbered like a recorder's; `source.kind` must be
/// `local_process`. Answers the envelopes, as NDJSON, once they are on disk.
#[utoipa::path(
    post, path = "/v1/events", tag = "deliver",
    params(Publisher, ("idempotency-key" = Option<String>, Header, description = "Names the request: its repeat is answered as before")),
    request_body(content((serde_json::Value = "application/json"), (String = "application/x-ndjson"))),
    responses(
        (status = OK, description = "The envelopes", body = String, content_type = "application/x-ndjson"),
        (status = BAD_REQUEST, description = "A bad event, named by `line`; the ones before it are stored", body = Problem, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "`idempotency_conflict`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn post(
    State(producers): State<Arc<Producers>>,
    State(bodies): State<Bodies>,
    ValidQuery(publisher): ValidQuery<Publisher>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let many = is_ndjson(&headers)?;
    let unpacked = bodies.read_unpacked(&headers, body).await?;
    let bytes = unpacked.bytes.clone();
    let (lines, events): (Vec<usize>, Vec<Bytes>) = split(&bytes, many)?.into_iter().unzip();
    if events.is_empty() || events.len() > MAX_EVENTS {
        let detail = format!(
            "the body: expected 1 to {MAX_EVENTS} events, got {}",
            events.len()
        );
        return Err(Problem::bad_request("invalid_event", detail));
    }
    let idempotency = idempotency(&headers, &bytes)?;
    let published = producers
        .publish(&publisher.producer, &events, idempotency)
        .await?;
    if let Some((index, error)) = &published.refused {
        let line = lines.get(*index).copied().unwrap_or(index + 1);
        return Err(
            Problem::bad_request("invalid_event", format!("line {line}: {error}"))
                .with("line", line)
                .with("accepted", published.lines.len()),
        );
    }
    Ok(envelopes(&published))
}

fn envelopes(published: &Published) -> Response {
    let mut out = BytesMut::new();
    for line in &published.lines {
        out.put_slice(line);
        out.put_u8(b'\n');
    }
    let mut response = super::typed("application/x-ndjson", Body::from(out.freeze()));
    if published.repeated {
        response
            .headers_mut()
            .insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}

fn is_ndjson(headers: &HeaderMap) -> Result<bool, Problem> {
    match content_type(headers).as_str() {
        "application/x-ndjson" => Ok(true),
        "application/json" => Ok(false),
        _ => Err(unsupported_type(
            headers,
            "application/json or application/x-ndjson",
        )),
    }
}

/// Splits a body into events, each with its line in NDJSON, or its place in an array, from 1. A byte order mark, the
/// line ends of other systems and blank lines are left out.
fn split(body: &Bytes, is_ndjson: bool) -> Result<Vec<(usize, Bytes)>, Problem> {
    let text = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body).trim_ascii();
    let events: Vec<&[u8]> = if is_ndjson {
        text.split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii)
            .collect()
    } else if text.starts_with(b"[") {
        elements(text).map_err(|error| Problem::bad_request("invalid_event", format!("the body: {error}")))?
    } else {
        vec![text]
    };
    let numbered = (1..).zip(events).filter(|(_, event)| !event.is_empty());
    Ok(numbered
        .map(|(number, event)| (number, body.slice_ref(event)))
        .collect())
}

/// Returns the elements of a JSON array.
fn elements(text: &[u8]) -> Result<Vec<&[u8]>, JsonError> {
    let mut scanner = Scanner::new(text)?;
    let mut elements = Vec::new();
    scanner.expect(b'[')?;
    if !scanner.eat(b']') {
        loop {
            elements.push(scanner.value()?);
            if !scanner.eat(b',') {
                scanner.expect(b']')?;
                break;
            }
        }
    }
    scanner.end()?;
    Ok(elements)
}

fn idempotency(headers: &HeaderMap, body: &[u8]) -> Result<Option<Idempotency>, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if (1..=MAX_KEY_BYTES).contains(&key.len()) => Ok(Some(Idempotency {
            key: key.to_owned(),
            digest: Sha256::digest(body).into(),
        })),
        _ => {
            let detail = format!("Idempotency-Key: expected 1 to {MAX_KEY_BYTES} visible ASCII characters");
            Err(Problem::invalid_parameter(detail))
        }
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        let detail = error.to_string();
        match error {
            PublishError::Name(_) => Self::invalid_parameter(detail),
            PublishError::OtherRequest => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_conflict", detail)
            }
            PublishError::Store(error) => error.into(),
            PublishError::Internal(_) => Self::internal(detail),
        }
    }
}

/// The events to delete.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Forget {
    /// A selector; with neither it nor a session, `all=true` says that everything is meant.
    q: Option<String>,
    /// One session.
    session: Option<String>,
    /// Everything.
    #[serde(default)]
    all: bool,
}

/// The result of a deletion.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Forgotten {
    /// Events deleted.
    deleted: u64,
    /// Identity of the store.
    store_id: String,
}

/// Delete events.
///
/// From the store, its log and its text index; gaps with reason `deleted` stay, so that no recorder brings
/// them back. A recorder's own token deletes only what it delivered.
#[utoipa::path(
    delete, path = "/v1/events", tag = "admin", params(Forget),
    responses(
        (status = OK, body = Forgotten),
        (status = BAD_REQUEST, description = "A bad selector, or nothing said", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn delete(
    State(store): State<Store>,
    Extension(grant): Extension<Grant>,
    ValidQuery(forget): ValidQuery<Forget>,
) -> Result<Json<Forgotten>, Problem> {
    let selector = selection::selector(forget.q.as_deref(), &grant)?;
    let says_what = selector.as_ref().is_some_and(|selector| !selector.always_true());
    if !says_what && forget.session.is_none() && !forget.all {
        let detail = "q: expected a selector, like site:example.com; all=true deletes everything";
        return Err(Problem::invalid_parameter(detail));
    }
    let session = match forget.session.as_deref() {
        None => None,
        Some(session) => {
            let row = store
                .session_row(selection::session_id(session)?.as_str())
                .await?;
            let missing = || Problem::not_found(format!("there is no session {session:?}"));
            Some(row.ok_or_else(missing)?.id)
        }
    };
    let deletion = Deletion {
        selector,
        session,
        pairing: grant.pairing.filter(|_| grant.scope != Scope::Admin),
    };
    let deleted = store.delete(deletion).await?;
    tracing::info!(deleted, "events were deleted");
    Ok(Json(Forgotten {
        deleted,
        store_id: store.store_id().to_owned(),
    }))
}
