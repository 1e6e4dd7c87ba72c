//! `/v1/sealed`: requests of a paired recorder that no other process can read, change or make.
//!
//! See [`tabtape::sealed`]. `PATCH` carries one; `GET` opens a WebSocket that carries one in each message. The request
//! inside goes through the same routes and checks as any other, with what its pairing grants in place of a token's
//! grant.

use super::body::{Bodies, MAX_BODY_BYTES};
use super::header_text;
use super::problem::Problem;
use super::query::ValidQuery;
use super::server::ConnectionPermit;
use crate::app::{App, Limits, Replays};
use crate::auth::{Auth, Grant, SealedBy, random_bytes};
use axum::body::Body;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{FromRef, State};
use axum::response::Response;
use axum::{Extension, Router};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::Deserialize;
use std::sync::Arc;
use tabtape::sealed::{
    CLOSE_CODE_BASE, CONTENT_TYPE, IV_BYTES, NONCE_BYTES, PAIRING_HEADER, REQUEST_IV, RequestHead,
    ResponseHead, join, request_key, response_key, split,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::IntoParams;

/// Reserved for each connection, and grown for the requests that need it.
const READ_BUFFER_BYTES: usize = 8 << 10;
/// Most bytes of an answer: a receipt or a problem.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// The rights of a request that is sealed with a pairing's secret.
#[derive(Debug, Clone)]
pub(super) struct SealedGrant(pub(super) Grant);

fn now_ms() -> u64 {
    crate::clock::now_micros() / 1_000
}

/// Opens sealed requests and seals their answers.
#[derive(Debug, Clone)]
pub(super) struct SealedRoutes {
    auth: Arc<Auth>,
    replays: Arc<Replays>,
    inner: Router,
}

/// Carry out a sealed request of a paired recorder.
///
/// The body is a nonce and a request sealed with the pairing's secret; so is the answer. An answer that is not sealed
/// is about the seal itself.
#[utoipa::path(
    method(patch, post), path = "/v1/sealed", tag = "deliver",
    params(("tabtape-pairing" = Option<String>, Header, description = "The pairing whose secret is meant; this machine's own when absent")),
    request_body(content = String, content_type = "application/octet-stream"),
    responses(
        (status = OK, description = "The sealed answer", body = String, content_type = "application/octet-stream"),
        (status = FORBIDDEN, description = "`wrong_seal`: not sealed with the secret of this pairing, or there is no such pairing", body = Problem, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`repeated`: carried out already", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn exchange(
    State(bodies): State<Bodies>,
    Extension(routes): Extension<SealedRoutes>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let pairing = header_text(&headers, PAIRING_HEADER);
    // An unknown pairing is refused before its body is read.
    routes.pairing(pairing)?;
    let bytes = bodies.read(&headers, body).await?;
    let answer = routes.answer(pairing, bytes, &headers).await?;
    Ok(super::typed(CONTENT_TYPE, Body::from(answer)))
}

/// The pairing of a connection.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ConnectQuery {
    /// The pairing whose secret is meant; this machine's own when absent.
    pairing: Option<String>,
}

/// Open a WebSocket for sealed requests.
///
/// Each binary message is what the body of a `PATCH` would be, and is answered with one binary message, in order. A
/// problem with a seal closes the connection with the code 4000 + its status. It is also closed if the first request
/// does not arrive within 10 seconds, or a later one within 30.
#[utoipa::path(
    get, path = "/v1/sealed", tag = "deliver", params(ConnectQuery),
    responses(
        (status = SWITCHING_PROTOCOLS, description = "The connection is open"),
        (status = BAD_REQUEST, description = "Not a request for a WebSocket", body = Problem, content_type = "application/problem+json"),
        (status = FORBIDDEN, description = "`wrong_seal`: there is no such pairing", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn connect(
    State(limits): State<Limits>,
    State(shutdown): State<CancellationToken>,
    Extension(routes): Extension<SealedRoutes>,
    permit: Option<Extension<ConnectionPermit>>,
    ValidQuery(asked): ValidQuery<ConnectQuery>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|wrong| Problem::bad_request("no_websocket", wrong.body_text()))?;
    let pairing = asked.pairing;
    routes.pairing(pairing.as_deref())?;
    Ok(upgrade
        .max_message_size(MAX_BODY_BYTES)
        .max_frame_size(MAX_BODY_BYTES)
        .read_buffer_size(READ_BUFFER_BYTES)
        .on_upgrade(async move |mut socket| {
            let connection = answer_messages(
                &mut socket,
                &routes,
                pairing.as_deref(),
                &headers,
                limits,
                &shutdown,
            );
            if let Some((code, reason)) = connection.await {
                let reason = reason.into();
                let close = socket.send(Message::Close(Some(CloseFrame { code, reason })));
                let _ = tokio::time::timeout(limits.head_time, close).await;
            }
            drop(permit);
        }))
}

/// Answers the requests of a connection. Returns the code and the reason to close it with, unless it is closed.
async fn answer_messages(
    socket: &mut WebSocket,
    routes: &SealedRoutes,
    pairing: Option<&str>,
    headers: &HeaderMap,
    limits: Limits,
    shutdown: &CancellationToken,
) -> Option<(u16, &'static str)> {
    let late = (close_code::NORMAL, "no request arrived in time");
    let stopping = (close_code::AWAY, "the collector is stopping");
    // A ping does not move it.
    let mut deadline = Instant::now() + limits.head_time;
    loop {
        let received = tokio::select! {
            received = tokio::time::timeout_at(deadline, socket.recv()) => received,
            () = shutdown.cancelled() => return Some(stopping),
        };
        let Ok(received) = received else {
            return Some(late);
        };
        let bytes = match received?.ok()? {
            Message::Binary(bytes) => bytes,
            Message::Text(_) => return Some((close_code::UNSUPPORTED, "expected binary messages")),
            // The next call answers a ping or a close.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => continue,
        };
        match routes.answer(pairing, bytes, headers).await {
            Ok(answer) => {
                let sent = socket.send(Message::Binary(answer.into()));
                tokio::time::timeout(limits.head_time, sent).await.ok()?.ok()?;
            }
            Err(problem) => return Some((CLOSE_CODE_BASE + problem.status(), problem.code())),
        }
        deadline = Instant::now() + limits.body_time;
    }
}

impl SealedRoutes {
    /// Opens and seals for the routes of `inner`.
    pub(super) fn new(app: &App, inner: Router) -> Self {
        Self {
            auth: FromRef::from_ref(app),
            replays: FromRef::from_ref(app),
            inner: inner.layer(CatchPanicLayer::custom(super::panicked)),
        }
    }

    fn pairing(&self, id: Option<&str>) -> Result<SealedBy, Problem> {
        self.auth.sealed_by(id).ok_or_else(wrong_seal)
    }

    /// Returns the sealed answer to the sealed request in `bytes`. `outer` are the headers of the request that carried
    /// it, or that opened its connection. An error describes the seal and is not sealed.
    async fn answer(
        &self,
        pairing: Option<&str>,
        bytes: Bytes,
        outer: &HeaderMap,
    ) -> Result<Vec<u8>, Problem> {
        let pairing = self.pairing(pairing)?;
        let host_port = header_text(outer, header::HOST).unwrap_or_default();
        let (nonce, cipher) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(wrong_seal)?;
        let plain = open(&request_key(&pairing.secret, nonce), cipher, host_port).ok_or_else(wrong_seal)?;
        let (head, start) = split::<RequestHead>(&plain).ok_or_else(wrong_seal)?;

        let now_ms = now_ms();
        if !self.replays.is_new(*nonce, now_ms) {
            let detail = "this request was carried out already; each needs a nonce of its own";
            return Err(Problem::new(StatusCode::CONFLICT, "repeated", detail));
        }
        let answer = if self.replays.is_timely(head.time_ms, now_ms) {
            let request = request(&head, plain.slice(start..), outer)?;
            carry_out(self.inner.clone(), request, pairing.grant).await?
        } else {
            let seconds = now_ms.abs_diff(head.time_ms) / 1_000;
            let detail = format!(
                "the request was made {seconds} s away from this collector's time, or before it started: send it again, and set the clock if this comes again"
            );
            let problem = Problem::new(StatusCode::REQUEST_TIMEOUT, "stale_request", detail);
            axum::response::IntoResponse::into_response(problem)
        };
        seal(&response_key(&pairing.secret, nonce), answer, host_port).await
    }
}

fn wrong_seal() -> Problem {
    Problem::forbidden(
        "wrong_seal",
        "the request is not sealed with the secret of a pairing of this collector; pair again with `tabtape pair`",
    )
}

/// The request inside, from where the outer one comes.
fn request(head: &RequestHead, body: Bytes, outer: &HeaderMap) -> Result<Request<Body>, Problem> {
    let wrong = |error: http::Error| Problem::invalid_parameter(format!("the request: {error}"));
    let mut builder = Request::builder().method(head.method.as_str()).uri(&head.path);
    for name in [
        header::HOST,
        header::ORIGIN,
        header::HeaderName::from_static("sec-fetch-site"),
    ] {
        for value in outer.get_all(&name) {
            builder = builder.header(&name, value);
        }
    }
    if let Some(content_type) = &head.content_type {
        builder = builder.header(header::CONTENT_TYPE, content_type);
    }
    builder
        .header(header::CONTENT_LENGTH, body.len())
        .body(Body::from(body))
        .map_err(wrong)
}

async fn carry_out(inner: Router, mut request: Request<Body>, grant: Grant) -> Result<Response, Problem> {
    request.extensions_mut().insert(SealedGrant(grant));
    inner.oneshot(request).await.map_err(|never| match never {})
}

fn open(key: &[u8; 32], cipher: &[u8], host_port: &str) -> Option<Bytes> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    let mut text = cipher.to_vec();
    let nonce = Nonce::assume_unique_for_key(REQUEST_IV);
    let length = key
        .open_in_place(nonce, Aad::from(host_port.as_bytes()), &mut text)
        .ok()?
        .len();
    text.truncate(length);
    Some(text.into())
}

async fn seal(key: &[u8; 32], answer: Response, host_port: &str) -> Result<Vec<u8>, Problem> {
    let failed = || Problem::internal("the answer could not be sealed");
    let (parts, body) = answer.into_parts();
    let head = ResponseHead {
        status: parts.status.as_u16(),
        retry_after: header_text(&parts.headers, header::RETRY_AFTER).map(ToOwned::to_owned),
    };
    let body = Limited::new(body, MAX_ANSWER_BYTES)
        .collect()
        .await
        .map_err(|_| failed())?
        .to_bytes();
    let mut text = join(&head, &body);
    let iv: [u8; NONCE_LEN] = random_bytes();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| failed())?);
    let nonce = Nonce::assume_unique_for_key(iv);
    key.seal_in_place_append_tag(nonce, Aad::from(host_port.as_bytes()), &mut text)
        .map_err(|_| failed())?;
    let mut sealed = Vec::with_capacity(IV_BYTES + text.len());
    sealed.extend_from_slice(&iv);
    sealed.append(&mut text);
    Ok(sealed)
}
