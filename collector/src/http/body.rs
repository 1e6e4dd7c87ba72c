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
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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

/// Memory for unpacked bodies, of all requests together.
#[derive(Debug, Clone)]
pub struct UnpackingMemory(Arc<Semaphore>);

/// In units of this.
const UNIT_BYTES: usize = 1 << 10;
/// Four of the largest bodies at once; others wait.
const UNPACKING_BYTES: usize = 4 * MAX_UNPACKED_BYTES;

impl Default for UnpackingMemory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(UNPACKING_BYTES / UNIT_BYTES)))
    }
}

/// A body as it was meant, and its share of the memory for such bodies, to be held as long as the body.
#[derive(Debug)]
pub(super) struct Unpacked {
    pub(super) bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

/// Returns a body that may be gzip. It is measured first, which takes no memory, and unpacked when there is room.
pub(super) async fn unpack(app: &App, is_gzip: bool, bytes: Bytes) -> Result<Unpacked, Problem> {
    if !is_gzip {
        return Ok(Unpacked { bytes, _share: None });
    }
    let packed = bytes.clone();
    let length = blocking(move || measure(&packed)).await??;
    let units = u32::try_from(length / UNIT_BYTES + 1).unwrap_or(u32::MAX);
    let share = Arc::clone(&app.unpacking.0).acquire_many_owned(units);
    let share = tokio::time::timeout(app.limits.body_time, share).await;
    let Ok(Ok(share)) = share else {
        let detail = "too many packed bodies are being read; send it again, or not packed";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1));
    };
    let bytes = blocking(move || gunzip(&bytes, length)).await??;
    Ok(Unpacked { bytes, _share: Some(share) })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "unpacking ended badly");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "unpacking the body ended badly")
    })
}

/// Returns how many bytes gzip unpacks to, at most [`MAX_UNPACKED_BYTES`].
fn measure(packed: &[u8]) -> Result<usize, Problem> {
    let mut decoder = MultiGzDecoder::new(packed).take(MAX_UNPACKED_BYTES as u64 + 1);
    let length = std::io::copy(&mut decoder, &mut std::io::sink()).map_err(|error| no_gzip(&error))?;
    if length > MAX_UNPACKED_BYTES as u64 {
        let detail =
            format!("the body unpacks to more than {MAX_UNPACKED_BYTES} bytes; send fewer records at once");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail));
    }
    Ok(usize::try_from(length).unwrap_or(MAX_UNPACKED_BYTES))
}

fn gunzip(packed: &[u8], length: usize) -> Result<Bytes, Problem> {
    let mut unpacked = Vec::with_capacity(length);
    let mut decoder = MultiGzDecoder::new(packed).take(length as u64);
    decoder.read_to_end(&mut unpacked).map_err(|error| no_gzip(&error))?;
    Ok(unpacked.into())
}

fn no_gzip(error: &std::io::Error) -> Problem {
    Problem::bad_request("invalid_gzip", format!("Content-Encoding says gzip, the body is not: {error}"))
}
