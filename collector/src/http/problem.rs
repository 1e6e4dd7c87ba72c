//! Errors as `application/problem+json` (RFC 9457), each with a code that programs can match on.

use crate::auth::AuthError;
use crate::store::StoreError;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// An error a client sees.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// The kind of error, for programs.
    code: &'static str,
    /// The HTTP status.
    status: u16,
    /// The status in words.
    title: &'static str,
    /// The mistake, the value that has it, and the correct form.
    detail: String,
    /// Further fields: `line`, `seq`, `acked_seq`, …
    #[serde(flatten)]
    #[schema(additional_properties)]
    more: Map<String, Value>,
    #[serde(skip)]
    retry_after_secs: Option<u64>,
}

impl Problem {
    /// A problem without further fields.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code,
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or("Error"),
            detail: detail.into(),
            more: Map::new(),
            retry_after_secs: None,
        }
    }

    pub(super) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(super) fn invalid_parameter(detail: impl Into<String>) -> Self {
        Self::bad_request("invalid_parameter", detail)
    }

    pub(super) fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    pub(super) fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    pub(super) fn unauthorized(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(super) const fn code(&self) -> &'static str {
        self.code
    }

    pub(super) const fn status(&self) -> u16 {
        self.status
    }

    /// Adds a field.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_secs = Some(seconds);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = super::typed("application/problem+json", Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == 401 {
            let scheme = HeaderValue::from_static("Bearer realm=\"tabtape\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match error {
            StoreError::Busy => Self::new(StatusCode::TOO_MANY_REQUESTS, "store_busy", detail).retry_after(1),
            StoreError::DiskFull => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", detail).retry_after(10)
            }
            StoreError::Replaced(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_replaced", detail).retry_after(1)
            }
            StoreError::Closed => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "shutting_down", detail).retry_after(2)
            }
            StoreError::CursorAhead { cursor, latest } => Self::bad_request("cursor_ahead", detail)
                .with("cursor", cursor)
                .with("latest", latest),
            _ => {
                tracing::error!(%detail, "the store failed");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "store_failed", detail)
            }
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let detail = error.to_string();
        match error {
            AuthError::UnknownToken => Self::unauthorized("unknown_token", detail),
            AuthError::WrongOrigin { .. } => Self::forbidden("wrong_origin", detail),
            AuthError::WrongCode => Self::forbidden("wrong_code", detail),
            AuthError::NoSuch { .. } => Self::not_found(detail),
            AuthError::Paired { .. } => Self::new(StatusCode::CONFLICT, "paired", detail),
            AuthError::Selector(_) => Self::bad_request("invalid_selector", detail),
            AuthError::File { .. } => {
                tracing::error!(%detail, "auth.json failed");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "auth_failed", detail)
            }
        }
    }
}
