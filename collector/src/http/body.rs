//! Request bodies, bounded: bytes on the wire, bytes after decompression, and time.

use super::App;
use super::problem::Problem;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use std::io::Read as _;

/// Most bytes of a body as it is sent.
pub(crate) const MAX_BODY_BYTES: usize = 8 << 20;
/// Most bytes of a body that is one JSON object: a nonce, a code, a name. Some are read before any token is seen.
pub(super) const MAX_OBJECT_BYTES: usize = 64 << 10;
/// Most bytes of a body when it is unpacked.
pub(crate) const MAX_UNPACKED_BYTES: usize = 16 << 20;
/// From here on, unpacking and parsing leave the async threads.
pub(super) const BLOCKING_BYTES: usize = 64 << 10;

/// Reads a body of at most [`MAX_BODY_BYTES`].
pub(super) async fn read(app: &App, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    read_at_most(MAX_BODY_BYTES, app, headers, body).await
}

/// Reads a body of at most `max` bytes.
pub(super) async fn read_at_most(
    max: usize,
    app: &App,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes, Problem> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > max) {
        return Err(too_large(max));
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
                    return Err(too_large(max));
                }
                bytes.extend_from_slice(data);
            }
        }
        Ok(bytes.freeze())
    };
    tokio::time::timeout(app.limits.body_time, reading).await.map_err(|_| {
        let detail = format!("the body did not arrive within {} s", app.limits.body_time.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, "slow_body", detail)
    })?
}

/// Reads the body before a service that would read it without bounds.
pub(super) async fn whole(State(app): State<App>, request: Request, next: Next) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let bytes = read(&app, &parts.headers, body).await?;
    Ok(next.run(Request::from_parts(parts, bytes.into())).await)
}

fn too_large(max: usize) -> Problem {
    let detail = format!("the body has more than {max} bytes; send less at once");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

/// Whether the body is gzip.
pub(super) fn is_gzip(headers: &HeaderMap) -> Result<bool, Problem> {
    match headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?")) {
        None | Some("identity") => Ok(false),
        Some("gzip" | "x-gzip") => Ok(true),
        Some(other) => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_encoding",
            format!("Content-Encoding is {other:?}; expected gzip or none"),
        )),
    }
}

/// Unpacks gzip to at most [`MAX_UNPACKED_BYTES`].
pub(super) fn gunzip(packed: &[u8]) -> Result<Bytes, Problem> {
    let mut unpacked = Vec::with_capacity(packed.len().saturating_mul(4).min(MAX_UNPACKED_BYTES));
    let mut decoder = MultiGzDecoder::new(packed).take(MAX_UNPACKED_BYTES as u64 + 1);
    decoder.read_to_end(&mut unpacked).map_err(|error| {
        Problem::bad_request("invalid_gzip", format!("Content-Encoding says gzip, the body is not: {error}"))
    })?;
    if unpacked.len() > MAX_UNPACKED_BYTES {
        let detail =
            format!("the body unpacks to more than {MAX_UNPACKED_BYTES} bytes; send fewer records at once");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail));
    }
    Ok(unpacked.into())
}
