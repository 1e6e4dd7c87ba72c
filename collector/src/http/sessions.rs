//! `GET /v1/sessions`: what was recorded, and how completely.

use super::problem::Problem;
use crate::auth::Grant;
use crate::store::{SessionSummary, Store};
use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// Every session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sessions {
    /// Identity of the store.
    store_id: String,
    /// Oldest first.
    sessions: Vec<Shown>,
}

/// A session as a token may see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Shown {
    /// With everything that is counted.
    Whole(SessionSummary),
    /// Without counts and times: the token is bound to a selector, and they are of all events.
    Named {
        /// Its id.
        session: String,
        /// The local process that writes it, if one does.
        producer: Option<String>,
        /// The pairing that delivered it, if one did.
        pairing: Option<String>,
    },
}

impl Shown {
    fn to(grant: &Grant, summary: SessionSummary) -> Self {
        if grant.selector.is_none() {
            return Self::Whole(summary);
        }
        let SessionSummary {
            session,
            producer,
            pairing,
            ..
        } = summary;
        Self::Named {
            session,
            producer,
            pairing,
        }
    }
}

/// List sessions.
#[utoipa::path(get, path = "/v1/sessions", tag = "read", responses((status = OK, body = Sessions)))]
pub(super) async fn list(
    State(store): State<Store>,
    Extension(grant): Extension<Grant>,
) -> Result<Json<Sessions>, Problem> {
    let sessions = store.sessions().await?;
    let sessions = sessions
        .into_iter()
        .map(|summary| Shown::to(&grant, summary))
        .collect();
    Ok(Json(Sessions {
        store_id: store.store_id().to_owned(),
        sessions,
    }))
}

/// One session.
#[utoipa::path(
    get, path = "/v1/sessions/{session}", tag = "read",
    params(("session" = String, Path, description = "Its id")),
    responses(
        (status = OK, body = Shown),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn one(
    State(store): State<Store>,
    Extension(grant): Extension<Grant>,
    Path(session): Path<String>,
) -> Result<Json<Shown>, Problem> {
    match store.session(&session).await? {
        Some(summary) => Ok(Json(Shown::to(&grant, summary))),
        None => Err(Problem::not_found(format!("there is no session {session:?}"))),
    }
}
