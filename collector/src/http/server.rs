//! Serving the router: bounded connections, bounded header time, graceful end.

use crate::app::App;
use axum::Router;
use http::{Method, Request};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;

/// Files kept for the store, the index and everything that is not a connection.
const RESERVED_FILES: usize = 192;
/// Refusals that are still being read to their end; beyond them a connection is dropped without a word.
const MAX_REFUSALS: usize = 64;
/// How long a refused client may take to read why.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// How long open requests may take to finish at the end.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// The permit of one open connection. A WebSocket holds it until it closes.
#[derive(Debug, Clone)]
pub(super) struct ConnectionPermit(
    #[expect(dead_code, reason = "held until it is dropped")] Arc<OwnedSemaphorePermit>,
);

/// Serves `router` on `listener` until `app.shutdown` is cancelled, then lets open requests finish.
pub async fn serve(listener: TcpListener, app: &App, router: Router) {
    let files = raise_open_files().saturating_sub(RESERVED_FILES).max(64);
    let connections = app.limits.connections.min(files);
    let permits = Arc::new(Semaphore::new(connections));
    let refusals = Arc::new(Semaphore::new(MAX_REFUSALS));
    loop {
        let stream = tokio::select! {
            () = app.shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // No file is free, or the peer has closed the connection: neither is a reason to stop.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
        };
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
            app.metrics.refused_connections.fetch_add(1, Relaxed);
            if let Ok(permit) = Arc::clone(&refusals).try_acquire_owned() {
                tokio::spawn(refuse(stream, permit));
            }
            continue;
        };
        let _ = stream.set_nodelay(true);
        let permit = ConnectionPermit(Arc::new(permit));
        let service = router.clone().map_request(move |mut request: Request<_>| {
            if request.method() == Method::GET && request.uri().path() == tabtape::sealed::PATH {
                request.extensions_mut().insert(permit.clone());
            }
            request
        });
        let service = TowerToHyperService::new(service);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(app.limits.head_time)
            .max_headers(64)
            .max_buf_size(64 << 10)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let shutdown = app.shutdown.clone();
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = shutdown.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended badly");
            }
        });
    }
    drop(listener);
    let ended = permits.acquire_many(u32::try_from(connections).unwrap_or(u32::MAX));
    if tokio::time::timeout(DRAIN_TIME, ended).await.is_err() {
        tracing::warn!("requests were still open after {} s", DRAIN_TIME.as_secs());
    }
}

/// Answers with the reason, and waits until the client has read it. Closing at once would reset the connection, and
/// the client would lose the answer.
async fn refuse(mut stream: TcpStream, _permit: OwnedSemaphorePermit) {
    let _ = tokio::time::timeout(REFUSAL_TIME, async {
        stream.write_all(&too_many_connections()).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    })
    .await;
}

/// No request has been read, so no router answers.
fn too_many_connections() -> Vec<u8> {
    let body = serde_json::json!({
        "code": "too_many_connections",
        "status": 503,
        "title": "Service Unavailable",
        "detail": "too many connections are open; close some, or try again in a second",
    })
    .to_string();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Raises the limit of open files as far as possible, and returns it.
fn raise_open_files() -> usize {
    #[cfg(unix)]
    {
        match rlimit::increase_nofile_limit(u64::MAX) {
            Ok(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
            Err(error) => {
                tracing::warn!(%error, "the limit of open files is unknown");
                1024
            }
        }
    }
    #[cfg(not(unix))]
    usize::MAX
}
