//! Parameters of a request's query string.

use super::problem::Problem;
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde::de::DeserializeOwned;

/// Parameters that are what the endpoint expects; anything else is answered with a problem.
#[derive(Debug)]
pub(super) struct ValidQuery<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for ValidQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::bad_request("invalid_parameter", rejection.body_text())),
        }
    }
}
