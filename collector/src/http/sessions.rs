//! `GET /v1/sessions`: what was recorded, and how completely.

use super::App;
use super::problem::Problem;
use crate::store::SessionSummary;
use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

/// Every session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sessions {
    /// Identity of the store.
    store_id: String,
    /// Oldest first.
    sessions: Vec<SessionSummary>,
}

/// List sessions.
#[utoipa::path(get, path = "/v1/sessions", tag = "read", responses((status = OK, body = Sessions)))]
pub(super) async fn list(State(app): State<App>) -> Result<Json<Sessions>, Problem> {
    let sessions = app.store.sessions().await?;
    Ok(Json(Sessions { store_id: app.store.store_id().to_owned(), sessions }))
}

/// One session.
#[utoipa::path(
    get, path = "/v1/sessions/{session}", tag = "read",
    params(("session" = String, Path, description = "Its id")),
    responses(
        (status = OK, body = SessionSummary),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn one(
    State(app): State<App>,
    Path(session): Path<String>,
) -> Result<Json<SessionSummary>, Problem> {
    match app.store.session(&session).await? {
        Some(summary) => Ok(Json(summary)),
        None => Err(Problem::not_found(format!("there is no session {session:?}"))),
    }
}
