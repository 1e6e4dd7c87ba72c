//! Request bodies, bounded: bytes on the wire, bytes after decompression, and time.

use super::problem::Problem;
use super::{header_text, spawn_blocking};
use crate::app::{App, Limits, MAX_UNPACKED_BYTES, UnpackingMemory};
use axum::body::Body;
use axum::extract::{FromRef, FromRequest, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use std::io::Read as _;
use tokio::sync::OwnedSemaphorePermit;

/// Most bytes of a body as it is sent.
pub(super) const MAX_BODY_BYTES: usize = 8 << 20;
/// Most bytes of a body that is one JSON object: a nonce, a code, a name. Some are read before any token is seen.
const MAX_OBJECT_BYTES: usize = 64 << 10;
/// From here on, unpacking and parsing leave the async threads.
pub(super) const BLOCKING_BYTES: usize = 64 << 10;

/// Limits of the bodies of requests.
#[derive(Debug, Clone)]
pub(super) struct Bodies {
    limits: Limits,
    unpacking: UnpackingMemory,
}

impl FromRef<App> for Bodies {
    fn from_ref(app: &App) -> Self {
        Self {
            limits: app.limits,
            unpacking: app.unpacking.clone(),
        }
    }
}

impl Bodies {
    /// Reads a body of at most [`MAX_BODY_BYTES`].
    pub(super) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
        self.read_at_most(MAX_BODY_BYTES, headers, body).await
    }

    /// Reads a body that may be gzip. It is measured first, which takes no memory, and unpacked when there is room.
    pub(super) async fn read_unpacked(&self, headers: &HeaderMap, body: Body) -> Result<Unpacked, Problem> {
        let is_gzip = is_gzip(headers)?;
        let bytes = self.read(headers, body).await?;
        let received = bytes.len();
        if !is_gzip {
            return Ok(Unpacked {
                bytes,
                received,
                _share: None,
            });
        }
        let packed = bytes.clone();
        let length = spawn_blocking(move || measure(&packed)).await??;
        let share = tokio::time::timeout(self.limits.body_time, self.unpacking.acquire(length)).await;
        let Ok(Some(share)) = share else {
            let detail = "too many compressed bodies are being read; send it again, or send it uncompressed";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1));
        };
        let bytes = spawn_blocking(move || gunzip(&bytes, length)).await??;
        Ok(Unpacked {
            bytes,
            received,
            _share: Some(share),
        })
    }

    /// Reads a body of at most `max` bytes.
    async fn read_at_most(&self, max: usize, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
        let declared = header_text(headers, header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let too_large = || too_large(format!("the body has more than {max} bytes; send less at once"));
        if declared.is_some_and(|length: usize| length > max) {
            return Err(too_large());
        }
        let reading = async {
            let mut body = body;
            let mut bytes = BytesMut::with_capacity(declared.unwrap_or(0));
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| {
                    Problem::bad_request("incomplete_body", format!("the body broke off: {error}"))
                })?;
                if let Some(data) = frame.data_ref() {
                    if bytes.len() + data.len() > max {
                        return Err(too_large());
                    }
                    bytes.extend_from_slice(data);
                }
            }
            Ok(bytes.freeze())
        };
        tokio::time::timeout(self.limits.body_time, reading)
            .await
            .map_err(|_| {
                let detail = format!(
                    "the body did not arrive within {} s",
                    self.limits.body_time.as_secs()
                );
                Problem::new(StatusCode::REQUEST_TIMEOUT, "slow_body", detail)
            })?
    }
}

/// A JSON body of at most [`MAX_OBJECT_BYTES`].
#[derive(Debug)]
pub(super) struct BoundedJson<T>(pub(super) T);

impl<S, T> FromRequest<S> for BoundedJson<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
    Bodies: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if content_type(&parts.headers) != "application/json" {
            // A form, or a no-cors fetch of a foreign page, cannot send this type.
            return Err(unsupported_type(&parts.headers, "application/json"));
        }
        let bodies = Bodies::from_ref(state);
        let bytes = bodies
            .read_at_most(MAX_OBJECT_BYTES, &parts.headers, body)
            .await?;
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            Problem::bad_request(
                "invalid_json",
                format!("the body is not what is expected: {error}"),
            )
        })?;
        Ok(Self(value))
    }
}

/// Returns the body's type without its parameters, in lower case.
pub(super) fn content_type(headers: &HeaderMap) -> String {
    let given = header_text(headers, header::CONTENT_TYPE).unwrap_or_default();
    let essence = given.split_once(';').map_or(given, |(essence, _)| essence);
    essence.trim().to_ascii_lowercase()
}

/// Returns the problem of a body whose type is not one of `expected`.
pub(super) fn unsupported_type(headers: &HeaderMap, expected: &str) -> Problem {
    let given = headers
        .get(header::CONTENT_TYPE)
        .map_or("", |value| value.to_str().unwrap_or("?"));
    let detail = format!("Content-Type is {given:?}; expected {expected}");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_type", detail)
}

/// Reads the body before a service that would read it without bounds.
pub(super) async fn whole(
    State(bodies): State<Bodies>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let bytes = bodies.read(&parts.headers, body).await?;
    Ok(next.run(Request::from_parts(parts, bytes.into())).await)
}

fn too_large(detail: String) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

/// Whether the body is gzip.
fn is_gzip(headers: &HeaderMap) -> Result<bool, Problem> {
    match headers
        .get(header::CONTENT_ENCODING)
        .map(|value| value.to_str().unwrap_or("?"))
    {
        None | Some("identity") => Ok(false),
        Some("gzip" | "x-gzip") => Ok(true),
        Some(other) => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_encoding",
            format!("Content-Encoding is {other:?}; expected gzip or none"),
        )),
    }
}

/// An uncompressed body, and its share of the memory for such bodies, which is held as long as the body.
#[derive(Debug)]
pub(super) struct Unpacked {
    pub(super) bytes: Bytes,
    /// Bytes as they were sent.
    pub(super) received: usize,
    _share: Option<OwnedSemaphorePermit>,
}

/// Returns how many bytes gzip unpacks to, at most [`MAX_UNPACKED_BYTES`].
fn measure(packed: &[u8]) -> Result<usize, Problem> {
    let mut decoder = MultiGzDecoder::new(packed).take(MAX_UNPACKED_BYTES as u64 + 1);
    let length = std::io::copy(&mut decoder, &mut std::io::sink()).map_err(|error| no_gzip(&error))?;
    if length > MAX_UNPACKED_BYTES as u64 {
        let detail =
            format!("the body unpacks to more than {MAX_UNPACKED_BYTES} bytes; send fewer records at once");
        return Err(too_large(detail));
    }
    Ok(usize::try_from(length).unwrap_or(MAX_UNPACKED_BYTES))
}

fn gunzip(packed: &[u8], length: usize) -> Result<Bytes, Problem> {
    let mut unpacked = Vec::with_capacity(length);
    let mut decoder = MultiGzDecoder::new(packed).take(length as u64);
    decoder
        .read_to_end(&mut unpacked)
        .map_err(|error| no_gzip(&error))?;
    Ok(unpacked.into())
}

fn no_gzip(error: &std::io::Error) -> Problem {
    Problem::bad_request(
        "invalid_gzip",
        format!("Content-Encoding says gzip, the body is not: {error}"),
    )
}
