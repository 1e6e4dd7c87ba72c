//! The viewer's way in: a link with a one-time code, exchanged for a reading token.

use super::App;
use super::problem::Problem;
use crate::auth::{CODE_LIFETIME, Grant};
use crate::clock::now_micros;
use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// A viewer left open works for a week; then its link is made anew.
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
    /// What stood behind `#code=`.
    code: String,
}

/// What the viewer keeps in sessionStorage.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ViewerSession {
    /// A reading token.
    token: String,
    /// Unix microseconds.
    expires_ts: u64,
}

impl App {
    /// A new link to the viewer, for what asks for it, if it is not the process itself.
    #[must_use]
    pub fn viewer_link(&self, opener: Option<Grant>) -> String {
        format!("{}/#code={}", self.url, self.viewer_codes.issue(opener))
    }
}

/// Make a link to the viewer.
#[utoipa::path(
    post, path = "/v1/viewer/codes", tag = "viewer",
    responses((status = OK, body = ViewerLink)),
)]
pub(super) async fn link(State(app): State<App>, Extension(grant): Extension<Grant>) -> Json<ViewerLink> {
    Json(ViewerLink { url: app.viewer_link(Some(grant)), expires_in: CODE_LIFETIME.as_secs() })
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
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ViewerSession>, Problem> {
    let Code { code } = super::json_body(&app, &headers, body).await?;
    let opener = app.viewer_codes.redeem(&code)?;
    let expires_ts = now_micros() + VIEWER_LIFETIME.as_micros() as u64;
    let new = app.auth.create_viewer_token(opener, expires_ts)?;
    Ok(Json(ViewerSession { token: new.token, expires_ts }))
}
