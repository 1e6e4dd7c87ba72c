//! `POST /v1/hello`: the collector proves who it is before a recorder sends it anything.

use super::body::BoundedJson;
use super::header_text;
use super::problem::Problem;
use crate::auth::{Auth, hello_hmac};
use crate::store::Store;
use axum::Json;
use axum::extract::State;
use http::{HeaderMap, header};
use std::sync::Arc;
use tabtape::protocol::{Hello, HelloReply};

/// Prove that this is the paired collector.
#[utoipa::path(
    post, path = "/v1/hello", tag = "deliver", request_body = Hello,
    responses(
        (status = OK, body = HelloReply),
        (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, description = "`not_found`: no such pairing", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn post(
    State(auth): State<Arc<Auth>>,
    State(store): State<Store>,
    headers: HeaderMap,
    BoundedJson(hello): BoundedJson<Hello>,
) -> Result<Json<HelloReply>, Problem> {
    let nonce = hex::decode(&hello.nonce)
        .ok()
        .filter(|nonce| (8..=64).contains(&nonce.len()))
        .ok_or_else(|| Problem::invalid_parameter("nonce: expected 8 to 64 bytes in hex"))?;
    // The guard has checked that it is one of ours: an impostor who relays this cannot make it name his port.
    let dialled = header_text(&headers, header::HOST).unwrap_or_default();
    let secret = match &hello.token {
        Some(hint) => auth.key_of_hint(hint),
        None => auth.secret(hello.pairing.as_deref()),
    };
    let hmac = secret
        .and_then(|secret| hello_hmac(&secret, &nonce, dialled))
        .ok_or_else(|| {
            if hello.token.is_some() {
                return Problem::not_found("there is no such token, or it works no more");
            }
            let id = hello.pairing.unwrap_or_default();
            Problem::not_found(format!(
                "there is no pairing {id:?}; pair again with `tabtape pair`"
            ))
        })?;
    Ok(Json(HelloReply {
        hmac,
        store_id: store.store_id().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }))
}
