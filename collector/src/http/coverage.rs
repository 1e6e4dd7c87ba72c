//! `GET /v1/coverage`: what was being watched.

use super::problem::Problem;
use super::query::ValidQuery;
use super::selection::{self, Extent};
use crate::auth::Grant;
use crate::store::{SessionCoverage, Store};
use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The sessions and records whose coverage is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct CoverageQuery {
    /// A selector: its times, sessions, categories and tabs count.
    q: Option<String>,
    /// One session.
    session: Option<String>,
}

/// The coverage of each session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Coverage {
    /// Newest first, at most 50.
    sessions: Vec<SessionCoverage>,
}

/// Read coverage: which categories, levels and tabs were watched, since when, and the gaps.
#[utoipa::path(
    get, path = "/v1/coverage", tag = "read", params(CoverageQuery),
    responses(
        (status = OK, body = Coverage),
        (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn get(
    State(store): State<Store>,
    Extension(grant): Extension<Grant>,
    ValidQuery(asked): ValidQuery<CoverageQuery>,
) -> Result<Json<Coverage>, Problem> {
    let selector = selection::selector(asked.q.as_deref(), &grant)?;
    let session = match Extent::of(&store, asked.session.as_deref()).await? {
        Extent::All => None,
        Extent::Session(session_id, _) => Some(session_id.to_string()),
    };
    let sessions = selection::coverage(&store, &grant, selector, session).await?;
    Ok(Json(Coverage { sessions }))
}
