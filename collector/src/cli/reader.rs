//! A collector to read from: the running one, or the store's file if none runs.
//!
//! Without a running collector, the command opens the store itself and serves it on a free port for as long as it
//! reads. So there is one implementation of every answer. The store's lock keeps a collector out meanwhile.

use super::CliError;
use super::args::Target;
use super::client::Client;
use crate::app::App;
use crate::auth::Auth;
use crate::http::{router, serve};
use crate::store::{Store, StoreError};
use std::path::Path;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A program on this machine accepts a connection, or refuses it, within this time.
const CONNECT: Duration = Duration::from_secs(2);

/// A collector to read from.
pub(super) struct Reader {
    client: Client,
    opened: Option<Opened>,
}

/// A store that this process has opened, and serves to itself.
struct Opened {
    app: App,
    serving: JoinHandle<()>,
}

impl Reader {
    /// Returns the running collector, or else one on the store's file.
    pub(super) async fn open(target: &Target) -> Result<Self, CliError> {
        let running = target.running();
        let is_answering = match &running {
            Ok(running) => answers(&running.url).await,
            Err(_) => false,
        };
        if is_answering || target.is_given() {
            return Ok(Self {
                client: target.client()?,
                opened: None,
            });
        }
        let not_running = match running {
            Ok(running) => CliError::NotRunning(format!(
                "no collector answers at {}; start one with `tabtape serve`",
                running.url
            )),
            // Also if collector.json cannot be read: the store's lock shows whether a collector runs.
            Err(error) => error,
        };
        let folder = target.folder()?;
        if !folder.join("events.db").is_file() {
            return Err(not_running);
        }
        match open_store(&folder).await? {
            Some((client, opened)) => {
                super::note(format_args!(
                    "No collector runs; reading the store in {}",
                    folder.display()
                ));
                Ok(Self {
                    client,
                    opened: Some(opened),
                })
            }
            None => Err(not_running),
        }
    }

    /// Returns the client to ask.
    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// Closes the store, if this process has opened it.
    pub(super) async fn close(self) {
        if let Some(Opened { app, serving }) = self.opened {
            app.shutdown.cancel();
            let _ = serving.await; // it ends when it is cancelled
            app.store.close().await;
        }
    }
}

/// Whether a program accepts connections at `url`.
async fn answers(url: &str) -> bool {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    matches!(
        tokio::time::timeout(CONNECT, TcpStream::connect(address)).await,
        Ok(Ok(_))
    )
}

/// Opens the store in `folder`; `None` if another process has it.
async fn open_store(folder: &Path) -> Result<Option<(Client, Opened)>, CliError> {
    let path = folder.to_owned();
    let opened = tokio::task::spawn_blocking(move || Store::open(&path))
        .await
        .map_err(CliError::failed)?;
    let store = match opened {
        Ok(store) => store,
        Err(StoreError::InUse(_)) => return Ok(None),
        Err(error) => return Err(CliError::failed(error)),
    };
    let auth = Auth::open(folder).map_err(CliError::failed)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let app = App::new(store, auth, listener.local_addr()?);
    let client = Client::new(app.hosts.url(), &app.auth.local_token())?;
    let serving = {
        let app = app.clone();
        tokio::spawn(async move {
            let (router, _) = router(app.clone());
            serve(listener, &app, router).await;
        })
    };
    Ok(Some((client, Opened { app, serving })))
}
