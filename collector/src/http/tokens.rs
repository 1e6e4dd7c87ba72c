//! Managing tokens.

use super::body::BoundedJson;
use super::problem::Problem;
use crate::auth::{Auth, NewToken, Scope, TokenRecord};
use crate::clock::now_micros;
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// A token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenRequest {
    /// Its rights.
    scope: Scope,
    /// Its purpose.
    #[serde(default)]
    label: String,
    /// Always ANDed to what it reads.
    selector: Option<String>,
    /// Seconds until it stops working; none: until it is revoked.
    expires_in: Option<u64>,
}

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenInfo {
    id: String,
    scope: Scope,
    label: String,
    selector: Option<String>,
    pairing: Option<String>,
    created_ts: u64,
    expires_ts: Option<u64>,
}

impl From<TokenRecord> for TokenInfo {
    fn from(record: TokenRecord) -> Self {
        Self {
            id: record.id,
            scope: record.scope,
            label: record.label,
            selector: record.selector,
            pairing: record.pairing,
            created_ts: record.created_ts,
            expires_ts: record.expires_ts,
        }
    }
}

/// Make a token. It is shown this once.
#[utoipa::path(
    post, path = "/v1/tokens", tag = "admin", request_body = TokenRequest,
    responses(
        (status = OK, body = NewToken),
        (status = BAD_REQUEST, description = "`invalid_selector`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create(
    State(auth): State<Arc<Auth>>,
    BoundedJson(wanted): BoundedJson<TokenRequest>,
) -> Result<Json<NewToken>, Problem> {
    if wanted.selector.is_some() && wanted.scope != Scope::Read {
        let detail = "selector: only a token of scope read can carry one";
        return Err(Problem::invalid_parameter(detail));
    }
    let expires_ts = wanted
        .expires_in
        .map(|secs| now_micros().saturating_add(secs.saturating_mul(1_000_000)));
    Ok(Json(auth.create_token(
        wanted.scope,
        &wanted.label,
        wanted.selector.as_deref(),
        expires_ts,
    )?))
}

/// List tokens.
#[utoipa::path(get, path = "/v1/tokens", tag = "admin", responses((status = OK, body = Vec<TokenInfo>)))]
pub(super) async fn list(State(auth): State<Arc<Auth>>) -> Json<Vec<TokenInfo>> {
    Json(auth.tokens().into_iter().map(TokenInfo::from).collect())
}

/// Revoke a token. Streams it opened end.
#[utoipa::path(
    delete, path = "/v1/tokens/{id}", tag = "admin", params(("id" = String, Path, description = "Its id")),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn revoke(
    State(auth): State<Arc<Auth>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    auth.revoke_token(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a token another secret, shown this once. The old one stops working; streams it opened end.
#[utoipa::path(
    post, path = "/v1/tokens/{id}/rotate", tag = "admin", params(("id" = String, Path, description = "Its id")),
    responses(
        (status = OK, body = NewToken),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`paired`: it changes with its pairing", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn rotate(
    State(auth): State<Arc<Auth>>,
    Path(id): Path<String>,
) -> Result<Json<NewToken>, Problem> {
    Ok(Json(auth.rotate_token(&id)?))
}
