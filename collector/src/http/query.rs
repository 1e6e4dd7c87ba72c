//! Parameters of a request's query string.

use super::problem::Problem;
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde::de::DeserializeOwned;
use std::ops::RangeInclusive;

/// Parameters that are what the endpoint expects; anything else is answered with a problem.
#[derive(Debug)]
pub(super) struct ValidQuery<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for ValidQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::invalid_parameter(rejection.body_text())),
        }
    }
}

/// Returns a number that a parameter gives, or `default`.
pub(super) fn within(
    name: &str,
    given: Option<usize>,
    default: usize,
    range: RangeInclusive<usize>,
) -> Result<usize, Problem> {
    let number = given.unwrap_or(default);
    if range.contains(&number) {
        return Ok(number);
    }
    let (least, most) = range.into_inner();
    let detail = format!("{name}: expected {least} to {most}, got {number}");
    Err(Problem::invalid_parameter(detail))
}
