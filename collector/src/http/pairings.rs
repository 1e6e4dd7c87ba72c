//! Pairing an extension, and managing pairings.

use super::body::BoundedJson;
use super::guard::Origin;
use super::problem::Problem;
use crate::app::{Hosts, PairCodes};
use crate::auth::{Auth, CODE_LIFETIME, NewPairing, Pairing, short_code};
use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// The rights that a pairing receives.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(super) struct Invite {
    /// Whether it is the person's own recorder, which may open the viewer and forget what it delivered.
    #[serde(default = "yes")]
    recorder: bool,
}

const fn yes() -> bool {
    true
}

/// An invitation for an extension.
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
    /// The text after `#code=`.
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
        Self {
            id: pairing.id,
            origin: pairing.origin,
            profile: pairing.profile,
            recorder: pairing.recorder,
            created_ts: pairing.created_ts,
        }
    }
}

/// Invite an extension.
#[utoipa::path(
    post, path = "/v1/pairings/codes", tag = "admin", request_body = Invite,
    responses((status = OK, body = Invitation)),
)]
pub(super) async fn invite(
    State(codes): State<Arc<PairCodes>>,
    State(hosts): State<Arc<Hosts>>,
    BoundedJson(invite): BoundedJson<Invite>,
) -> Json<Invitation> {
    let code = codes.issue(invite.recorder);
    let host_port = hosts.url().trim_start_matches("http://");
    Json(Invitation {
        short_code: short_code(&code, host_port),
        url: format!("{}/pair#code={code}", hosts.url()),
        expires_in: CODE_LIFETIME.as_secs(),
    })
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
    State(auth): State<Arc<Auth>>,
    State(codes): State<Arc<PairCodes>>,
    Extension(origin): Extension<Origin>,
    BoundedJson(request): BoundedJson<PairRequest>,
) -> Result<Json<NewPairing>, Problem> {
    let Origin::Extension(origin) = origin else {
        let detail = "only an extension can be paired: the Origin must be chrome-extension://…";
        return Err(Problem::forbidden("wrong_origin", detail));
    };
    let recorder = codes.redeem(&request.code)?;
    let profile = if request.profile.is_empty() {
        "extension"
    } else {
        &request.profile
    };
    Ok(Json(auth.create_pairing(Some(&origin), profile, recorder)?))
}

/// List pairings.
#[utoipa::path(get, path = "/v1/pairings", tag = "admin", responses((status = OK, body = Vec<PairingInfo>)))]
pub(super) async fn list(State(auth): State<Arc<Auth>>) -> Json<Vec<PairingInfo>> {
    Json(auth.pairings().into_iter().map(PairingInfo::from).collect())
}

/// End a pairing.
#[utoipa::path(
    delete, path = "/v1/pairings/{id}", tag = "admin", params(("id" = String, Path, description = "Its id")),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn revoke(
    State(auth): State<Arc<Auth>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    auth.revoke_pairing(&id)?;
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
    State(auth): State<Arc<Auth>>,
    Path(id): Path<String>,
) -> Result<Json<NewPairing>, Problem> {
    Ok(Json(auth.rotate_pairing(&id)?))
}
