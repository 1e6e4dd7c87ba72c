//! The viewer's way in: a link with a one-time code, exchanged for a reading token.

use super::body::BoundedJson;
use super::problem::Problem;
use crate::app::{Hosts, ViewerCodes};
use crate::auth::{Auth, CODE_LIFETIME, Grant};
use crate::clock::now_micros;
use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// A viewer that stays open works for a week; then it needs another link.
const VIEWER_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// A link that works once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ViewerLink {
    /// `http://…/#code=…`
    url: String,
    /// Seconds until it stops working.
    expires_in: u64,
}

/// The code of a link.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Code {
    /// The text after `#code=`.
    code: String,
}

/// The token that the viewer keeps in sessionStorage.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ViewerSession {
    /// A reading token.
    token: String,
    /// Unix microseconds.
    expires_ts: u64,
}

/// Make a link to the viewer.
#[utoipa::path(
    post, path = "/v1/viewer/codes", tag = "viewer",
    responses((status = OK, body = ViewerLink)),
)]
pub(super) async fn link(
    State(codes): State<Arc<ViewerCodes>>,
    State(hosts): State<Arc<Hosts>>,
    Extension(grant): Extension<Grant>,
) -> Json<ViewerLink> {
    let url = hosts.viewer_link(&codes.issue(Some(grant)));
    Json(ViewerLink {
        url,
        expires_in: CODE_LIFETIME.as_secs(),
    })
}

/// Exchange a link's code for a reading token.
#[utoipa::path(
    post, path = "/v1/viewer/session", tag = "viewer", request_body = Code,
    responses(
        (status = OK, body = ViewerSession),
        (status = FORBIDDEN, description = "`wrong_code`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn session(
    State(auth): State<Arc<Auth>>,
    State(codes): State<Arc<ViewerCodes>>,
    BoundedJson(Code { code }): BoundedJson<Code>,
) -> Result<Json<ViewerSession>, Problem> {
    let opener = codes.redeem(&code)?;
    let expires_ts = now_micros() + VIEWER_LIFETIME.as_micros() as u64;
    let new = auth.create_viewer_token(opener, expires_ts)?;
    Ok(Json(ViewerSession {
        token: new.token,
        expires_ts,
    }))
}
