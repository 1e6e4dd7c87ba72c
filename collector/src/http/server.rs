//! Serving the router: bounded connections, bounded header time, graceful end.

use super::App;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Thousands of subscribers fit; a flood does not take the process with it.
const MAX_CONNECTIONS: usize = 8192;
/// Files kept for the store, the index and everything that is not a connection.
const RESERVED_FILES: usize = 128;
/// Headers that take longer are an attack or a broken client.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// How long open requests may take to finish at the end.
const DRAIN_TIME: Duration = Duration::from_secs(5);

const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
retry-after: 1\r\nconnection: close\r\ncontent-length: 106\r\n\r\n\
{\"code\":\"too_many_connections\",\"status\":503,\"title\":\"Service Unavailable\",\"detail\":\"too many connections\"}";

/// A bound listener.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    max_connections: usize,
}

impl Server {
    /// Serves connections on `listener`.
    #[must_use]
    pub fn new(listener: TcpListener) -> Self {
        let max_connections = raise_open_files().saturating_sub(RESERVED_FILES).clamp(64, MAX_CONNECTIONS);
        Self { listener, max_connections }
    }
}

/// Serves `router` until `app.shutdown` is cancelled, then lets open requests finish.
pub async fn serve(server: Server, app: &App, router: Router) {
    let slots = Arc::new(Semaphore::new(server.max_connections));
    let graceful = GracefulShutdown::new();
    loop {
        let stream = tokio::select! {
            () = app.shutdown.cancelled() => break,
            accepted = server.listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of files, or the peer has gone already: neither is a reason to stop.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            app.metrics.refused_connections.fetch_add(1, Relaxed);
            tokio::spawn(refuse(stream));
            continue;
        };
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .max_headers(64)
            .max_buf_size(64 << 10)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended badly");
            }
            drop(slot);
        });
    }
    drop(server.listener);
    if tokio::time::timeout(DRAIN_TIME, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still open after {} s", DRAIN_TIME.as_secs());
    }
}

async fn refuse(mut stream: TcpStream) {
    let _ = tokio::time::timeout(Duration::from_secs(1), async {
        let _ = stream.write_all(BUSY).await;
        let _ = stream.shutdown().await;
    })
    .await;
}

/// Raises the limit of open files as far as it may go, and says where it is.
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
