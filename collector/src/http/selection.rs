//! Selector, session and cursor of a reading request.
//!
//! A cursor is a resume token: within one session its seq, over all sessions `store_id:position`. A
//! token of another store is answered 410, so that a position in one store is not mistaken for one in another.

use super::problem::Problem;
use crate::auth::Grant;
use crate::clock::now_micros;
use crate::diagnose::and;
use crate::store::{Order, SessionCoverage, SessionRow, Store};
use http::StatusCode;
use std::sync::Arc;
use tabtape::record::SessionId;
use tabtape::selector::Selector;

/// Parses `q` and ANDs the token's own selector.
pub(super) fn selector(q: Option<&str>, grant: &Grant) -> Result<Option<Arc<Selector>>, Problem> {
    let Some(q) = q.map(str::trim).filter(|q| !q.is_empty()) else {
        return Ok(grant.selector.clone());
    };
    // The object form is JSON.
    let parsed = if q.starts_with('{') {
        Selector::from_json(q, now_micros())
    } else {
        Selector::parse(q, now_micros())
    };
    let asked = parsed.map_err(|error| {
        let problem = Problem::bad_request("invalid_selector", format!("q: {error}"));
        match error.offset() {
            Some(offset) => problem.with("offset", offset),
            None => problem,
        }
    })?;
    Ok(Some(Arc::new(and(asked, grant.selector.as_deref()))))
}

/// Reads the parameter `session`.
pub(super) fn session_id(session: &str) -> Result<SessionId, Problem> {
    SessionId::parse(session.as_bytes())
        .map_err(|error| Problem::invalid_parameter(format!("session: {error}")))
}

/// Returns the coverage of the selected sessions, as far as the token may see it.
pub(super) async fn coverage(
    store: &Store,
    grant: &Grant,
    selector: Option<Arc<Selector>>,
    session: Option<String>,
) -> Result<Vec<SessionCoverage>, Problem> {
    let coverage = store.coverage(selector, session).await?;
    Ok(SessionCoverage::shown_to(grant.selector.as_deref(), coverage))
}

/// The records of a request, and their order.
#[derive(Debug, Clone)]
pub(super) enum Extent {
    /// All sessions, by position.
    All,
    /// One session, by seq; its row if it is known yet.
    Session(SessionId, Option<SessionRow>),
}

impl Extent {
    pub(super) async fn of(store: &Store, session: Option<&str>) -> Result<Self, Problem> {
        let Some(session) = session.filter(|session| !session.is_empty()) else {
            return Ok(Self::All);
        };
        let session_id = session_id(session)?;
        let row = store.session_row(session_id.as_str()).await?;
        Ok(Self::Session(session_id, row))
    }

    /// The order of a query; `None` when the session is not known.
    pub(super) const fn order(&self) -> Option<Order> {
        match self {
            Self::All => Some(Order::Position),
            Self::Session(_, Some(row)) => Some(Order::Seq(row.id)),
            Self::Session(_, None) => None,
        }
    }

    /// The resume token of a cursor.
    pub(super) fn token(&self, store: &Store, cursor: u64) -> String {
        match self {
            Self::All => format!("{}:{cursor}", store.store_id()),
            Self::Session(..) => cursor.to_string(),
        }
    }

    fn latest(&self, store: &Store) -> u64 {
        match self {
            Self::All => store.latest_position(),
            Self::Session(_, row) => row.map_or(0, |row| row.latest_seq),
        }
    }

    /// Reads a resume token. "latest" is the end; nothing is the start.
    pub(super) fn cursor(&self, store: &Store, token: Option<&str>) -> Result<u64, Problem> {
        let latest = self.latest(store);
        let token = match token.map(str::trim) {
            None | Some("") => return Ok(0),
            Some("latest") => {
                return Ok(match self {
                    Self::All => latest,
                    Self::Session(_, row) => row.map_or(0, |row| row.acked_seq),
                });
            }
            Some(token) => token,
        };
        let (store_id, number) = token
            .rsplit_once(':')
            .map_or((None, token), |(store_id, number)| (Some(store_id), number));
        if store_id.is_some_and(|store_id| store_id != store.store_id()) {
            let detail = format!(
                "the resume token {token:?} is of another store; this is {}: begin again from 0",
                store.store_id()
            );
            return Err(
                Problem::new(StatusCode::GONE, "other_store", detail).with("store_id", store.store_id())
            );
        }
        let cursor: u64 = number.parse().map_err(|_| {
            let expected = match self {
                Self::All => "store_id:position, latest or 0",
                Self::Session(..) => "a seq, latest or 0",
            };
            Problem::invalid_parameter(format!("after: expected {expected}, got {token:?}"))
        })?;
        if cursor > latest {
            let detail = format!("the cursor {cursor} is beyond the latest, {latest}");
            return Err(Problem::bad_request("cursor_ahead", detail)
                .with("cursor", cursor)
                .with("latest", latest));
        }
        Ok(cursor)
    }
}
