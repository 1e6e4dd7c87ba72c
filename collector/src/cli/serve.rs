//! `tabtape serve`: runs the collector until a signal ends it.

use super::CliError;
use super::args::ServeArgs;
use super::state::{self, Running};
use crate::app::{App, Signal};
use crate::auth::Auth;
use crate::http::{router, serve};
use crate::otlp::derived::Derived;
use crate::otlp::forward::Forwarder;
use crate::otlp::{Delivery, task};
use crate::store::{Retention, Store, StoreError};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

/// Ports tried after a taken one, before any free one is taken.
const NEXT_PORTS: u16 = 20;
/// Connections the system may hold until they are accepted; one beyond them would wait without a word.
const BACKLOG: u32 = 8192;
/// Time between attempts to open a store whose file was deleted or replaced.
const OPEN_AGAIN_STEP: Duration = Duration::from_secs(1);
/// Interval between two runs of retention.
const RETENTION_STEP: Duration = Duration::from_secs(60);

pub(super) async fn run(data_dir: Option<PathBuf>, args: ServeArgs) -> Result<(), CliError> {
    start_log();
    if !args.listen.ip().is_loopback() {
        let detail = format!(
            "--listen {}: the collector listens on loopback only; use 127.0.0.1 and a tunnel, or forward with --otlp-endpoint",
            args.listen
        );
        return Err(CliError::Failed(detail));
    }
    let folder = state::folder(data_dir.as_deref())?;
    let opening = folder.clone();
    let store = tokio::task::spawn_blocking(move || Store::open(&opening))
        .await
        .map_err(CliError::failed)?
        .map_err(CliError::failed)?;
    let folder = std::path::absolute(&folder)?;
    let auth = Auth::open(&folder).map_err(CliError::failed)?;
    // The store is locked, so no other collector runs on this folder.
    if state::is_stale(&folder) {
        auth.rotate_local_token().map_err(CliError::failed)?;
        tracing::info!("the last run did not end cleanly: this machine's commands get another token");
    }
    let listener = bind(args.listen)?;
    let address = listener.local_addr()?;
    let listener = listener.into_std()?;
    let mut state = App::new(store, auth, address);
    let running = write_state(&folder, &state)?;
    state.store.fill_reserve().await.map_err(CliError::failed)?;
    match announce(&folder, &state, &running, args.json) {
        // The output has no reader, as in `serve | head -1`; collector.json contains the address too.
        Err(CliError::OutputClosed) | Ok(()) => {}
        Err(error) => return Err(error),
    }
    let stop = CancellationToken::new();
    state.shutdown = stop.child_token();
    let stopping = stop.clone();
    tokio::spawn(async move {
        stop_signal().await;
        tracing::info!("stopping");
        stopping.cancel();
        stop_signal().await;
        std::process::exit(130); // asked twice: at once; what was acknowledged is on disk
    });
    while let Some(store) = serve_store(&folder, &listener, &state, &args).await? {
        let notice = notice(&state.store, &store);
        tracing::warn!("{notice}");
        state = state.with_store(store, notice, stop.child_token());
        write_state(&folder, &state)?;
    }
    state.store.close().await;
    state::remove(&folder);
    Ok(())
}

/// Serves until the process is asked to stop, or until a replaced store file is open again: then it returns the
/// new store. Until then the old one answers, and refuses to acknowledge.
async fn serve_store(
    folder: &Path,
    listener: &StdListener,
    state: &App,
    args: &ServeArgs,
) -> Result<Option<Store>, CliError> {
    let retention = Retention {
        max_age: args.retention_age,
        max_bytes: args.retention_bytes,
    };
    let otlp = args.otlp_endpoint.as_deref().map(|endpoint| OtlpTarget {
        endpoint,
        traces: args.otlp_traces,
        metrics: args.otlp_metrics,
    });
    start_tasks(folder, state, otlp, retention)?;
    let (router, _) = router(state.clone());
    let listener = TcpListener::from_std(listener.try_clone()?)?;
    let mut serving = std::pin::pin!(serve(listener, state, router));
    tokio::select! {
        () = &mut serving => Ok(None),
        store = open_again(&state.store) => {
            state.shutdown.cancel();
            serving.await;
            Ok(Some(store))
        }
    }
}

/// An OpenTelemetry endpoint, and what it gets besides logs.
#[derive(Debug, Clone, Copy)]
pub struct OtlpTarget<'a> {
    /// A base address, or one that ends in a signal's path.
    pub endpoint: &'a str,
    /// Whether it gets traces.
    pub traces: bool,
    /// Whether it gets metrics.
    pub metrics: bool,
}

/// Starts the background tasks of a collector. They end with the store that they use.
///
/// # Errors
/// The endpoint is not an address.
pub fn start_tasks(
    folder: &Path,
    app: &App,
    otlp: Option<OtlpTarget<'_>>,
    retention: Retention,
) -> Result<(), CliError> {
    let tasks = app.store.tasks();
    if let Some(OtlpTarget {
        endpoint,
        traces,
        metrics,
    }) = otlp
    {
        let delivery = |signal| Delivery::new(app, endpoint, signal);
        let forwarder = delivery(Signal::Logs).map(Forwarder::new);
        let forwarder = Arc::new(forwarder.map_err(CliError::Failed)?);
        tasks.supervise(task(Signal::Logs), move || Arc::clone(&forwarder).run());
        for (signal, is_wanted) in [(Signal::Traces, traces), (Signal::Metrics, metrics)] {
            if is_wanted {
                let derived = delivery(signal).and_then(Derived::new);
                let derived = Arc::new(derived.map_err(CliError::Failed)?);
                tasks.supervise(task(signal), move || Arc::clone(&derived).run());
            }
        }
    }
    let (folder, state) = (folder.to_owned(), app.clone());
    tasks.supervise("collector.json", move || {
        keep_state(folder.clone(), state.clone())
    });
    let store = app.store.clone();
    tasks.supervise("retention", move || retain(store.clone(), retention));
    Ok(())
}

/// Waits until the store's file is deleted or replaced, and opens it again.
async fn open_again(store: &Store) -> Store {
    store.replaced().await;
    loop {
        match store.open_again().await {
            Ok(store) => return store,
            Err(error) => tracing::error!(%error, "the store could not be opened again; trying again"),
        }
        tokio::time::sleep(OPEN_AGAIN_STEP).await;
    }
}

/// Describes the deletion or replacement of the store's file, for `/healthz` and `tabtape doctor`.
fn notice(old: &Store, new: &Store) -> String {
    let file = old.folder().join("events.db");
    let when = chrono::Local::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, false);
    let what = if old.store_id() == new.store_id() {
        "lost its write-ahead log, whose contents were kept"
    } else {
        "was deleted or replaced, or overwritten in place; recorders send again what they still hold"
    };
    let aside = new.set_aside().map_or_else(String::new, |aside| {
        format!(
            "the file that was put in place was damaged and is now {}; ",
            aside.display()
        )
    });
    format!(
        "{} {what} ({when}); {aside}do not touch the data folder while the collector runs",
        file.display()
    )
}

/// Applies retention at regular intervals.
async fn retain(store: Store, retention: Retention) -> String {
    let mut every = tokio::time::interval(RETENTION_STEP);
    loop {
        every.tick().await;
        match store.retain(retention).await {
            Ok(_) => {}
            Err(error @ StoreError::Closed) => return error.to_string(),
            Err(error) => tracing::warn!(%error, "retention did not finish; trying again"),
        }
    }
}

fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("TABTAPE_LOG").unwrap_or_else(|_| "info".into());
    let colour =
        std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false) // a closed stderr must not end the task that writes a line
        .with_ansi(colour)
        .with_target(false)
        .try_init();
}

/// Binds `wanted`, or the next free port, which is logged.
fn bind(wanted: SocketAddr) -> Result<TcpListener, CliError> {
    let ports = (0..=NEXT_PORTS)
        .map_while(|step| wanted.port().checked_add(step))
        .chain([0]);
    for port in ports {
        let address = SocketAddr::new(wanted.ip(), port);
        match listen(address) {
            Ok(listener) => {
                if port != wanted.port() {
                    tracing::warn!(
                        "port {} is taken; using {}",
                        wanted.port(),
                        listener.local_addr()?.port()
                    );
                }
                return Ok(listener);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(CliError::Failed(format!("--listen {wanted}: {error}"))),
        }
    }
    Err(CliError::Failed(format!("--listen {wanted}: no port is free")))
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    #[cfg(unix)] // elsewhere it would let two listen on one port
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Writes collector.json: the address and the tokens, for this user's commands and recorders.
fn write_state(folder: &Path, app: &App) -> Result<Running, CliError> {
    let Some(pairing) = app.auth.local_pairing() else {
        return Err(CliError::Failed(
            "auth.json has no local pairing; move it away and start again".into(),
        ));
    };
    let running = Running {
        url: app.hosts.url().to_owned(),
        pid: std::process::id(),
        store_id: app.store.store_id().to_owned(),
        token: app.auth.local_token(),
        pairing,
    };
    state::write(folder, &running)?;
    Ok(running)
}

/// Writes collector.json again whenever a token or secret in it has changed.
async fn keep_state(folder: PathBuf, app: App) -> String {
    loop {
        app.auth.local_changed().await;
        if let Err(error) = write_state(&folder, &app) {
            tracing::error!(%error, "collector.json still holds what no longer opens the collector");
        }
    }
}

fn announce(folder: &Path, app: &App, running: &Running, json: bool) -> Result<(), CliError> {
    let viewer = app.viewer_link(None);
    let mut out = std::io::stdout().lock();
    if json {
        let line = serde_json::json!({
            "url": running.url, "pid": running.pid, "store_id": running.store_id,
            "data_dir": folder, "viewer": viewer,
        });
        writeln!(out, "{line}")?;
    } else {
        writeln!(
            out,
            "tabtape {} listens on {}",
            env!("CARGO_PKG_VERSION"),
            running.url
        )?;
        writeln!(out, "data    {}", folder.display())?;
        writeln!(out, "viewer  {viewer}")?;
        writeln!(
            out,
            "        works once, for 60 s; `tabtape viewer` makes another"
        )?;
    }
    out.flush()?;
    Ok(())
}

/// Waits for a signal that ends the process.
async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut terminate), Ok(mut hang_up)) =
            (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
        {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
