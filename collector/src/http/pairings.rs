//! Pairing an extension, and managing pairings.

use super::App;
use super::guard::Origin;
use super::problem::Problem;
use crate::auth::{CODE_LIFETIME, NewPairing, Pairing, short_code};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a pairing may become.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(super) struct Invite {
    /// Whether it is the person's own recorder, which may open the viewer and forget what it delivered.
    #[serde(default = "yes")]
    recorder: bool,
}

const fn yes() -> bool {
    true
}

/// How a person lets an extension in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Invitation {
    /// `http://…/pair#code=…`, to open in the browser with the extension.
    url: String,
    /// Shown in the terminal and by the extension; the person compares.
    short_code: String,
    /// Seconds until it stops working.
    expires_in: u64,
}

/// An extension takes an invitation.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct PairRequest {
    /// What stood behind `#code=`.
    code: String,
    /// The browser profile, as the person named it.
    #[serde(default)]
    profile: String,
}

/// A pairing, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PairingInfo {
    id: String,
    origin: Option<String>,
    profile: String,
    recorder: bool,
    created_ts: u64,
}

impl From<Pairing> for PairingInfo {
    fn from(pairing: Pairing) -> Self {
        let Pairing { id, origin, profile, recorder, created_ts, .. } = pairing;
        Self { id, origin, profile, recorder, created_ts }
    }
}

/// Invite an extension.
#[utoipa::path(
    post, path = "/v1/pairings/codes", tag = "admin", request_body = Invite,
    responses((status = OK, body = Invitation)),
)]
pub(super) async fn invite(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Invitation>, Problem> {
    let invite: Invite = super::json_body(&app, &headers, body).await?;
    let code = app.pair_codes.issue(invite.recorder);
    let host_port = app.url.trim_start_matches("http://");
    Ok(Json(Invitation {
        short_code: short_code(&code, host_port),
        url: format!("{}/pair#code={code}", app.url),
        expires_in: CODE_LIFETIME.as_secs(),
    }))
}

/// Pair this extension.
#[utoipa::path(
    post, path = "/v1/pair", tag = "deliver", request_body = PairRequest,
    responses(
        (status = OK, body = NewPairing),
        (status = FORBIDDEN, description = "`wrong_code`, or not from an extension", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn pair(
    State(app): State<App>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<NewPairing>, Problem> {
    let request: PairRequest = super::json_body(&app, &headers, body).await?;
    let Origin::Extension(origin) = origin else {
        let detail = "only an extension can be paired: the Origin must be chrome-extension://…";
        return Err(Problem::forbidden("wrong_origin", detail));
    };
    let recorder = app.pair_codes.redeem(&request.code)?;
    let profile = if request.profile.is_empty() { "extension" } else { &request.profile };
    Ok(Json(app.auth.create_pairing(Some(&origin), profile, recorder)?))
}

/// List pairings.
#[utoipa::path(get, path = "/v1/pairings", tag = "admin", responses((status = OK, body = Vec<PairingInfo>)))]
pub(super) async fn list(State(app): State<App>) -> Json<Vec<PairingInfo>> {
    Json(app.auth.pairings().into_iter().map(PairingInfo::from).collect())
}

/// End a pairing.
#[utoipa::path(
    delete, path = "/v1/pairings/{id}", tag = "admin", params(("id" = String, Path, description = "Its id")),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn revoke(State(app): State<App>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    app.auth.revoke_pairing(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a pairing another token and secret, shown this once. The old ones stop working; viewers it opened are
/// shut.
#[utoipa::path(
    post, path = "/v1/pairings/{id}/rotate", tag = "admin", params(("id" = String, Path, description = "Its id")),
    responses(
        (status = OK, body = NewPairing),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn rotate(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<NewPairing>, Problem> {
    Ok(Json(app.auth.rotate_pairing(&id)?))
}
