//! The state of the process that its interfaces share.
//!
//! A handler takes the parts that it uses: [`App`] yields each of its fields (`FromRef`).

mod health;
mod hosts;
mod limits;
mod metrics;
mod replays;
mod unpacking;

pub(crate) use health::{RECORDER_FIGURES, recorder_figure};
pub use hosts::Hosts;
pub use limits::Limits;
pub use metrics::Metrics;
pub(crate) use metrics::{Figure, FigureKind, Forwarding, Signal, Subscriber};
pub use replays::Replays;
pub(crate) use unpacking::MAX_UNPACKED_BYTES;
pub use unpacking::UnpackingMemory;

use crate::auth::{Auth, Codes, Grant};
use crate::producers::Producers;
use crate::store::Store;
use axum::extract::FromRef;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// One-time codes of links to the viewer, each with the grant that asked for it, unless the process itself did.
pub type ViewerCodes = Codes<Option<Grant>>;
/// One-time codes of invitations to pair, each with whether it is for the person's own recorder.
pub type PairCodes = Codes<bool>;

/// The state that handlers share.
#[derive(Debug, Clone, FromRef)]
pub struct App {
    /// The store of events.
    pub store: Store,
    /// Tokens and pairings, with their rights.
    pub auth: Arc<Auth>,
    /// Local processes that publish.
    pub producers: Arc<Producers>,
    /// The hosts that it answers to.
    pub hosts: Arc<Hosts>,
    /// Links to the viewer that were not used yet.
    pub viewer_codes: Arc<ViewerCodes>,
    /// Invitations that were not used yet.
    pub pair_codes: Arc<PairCodes>,
    /// Memory for compressed bodies.
    pub unpacking: UnpackingMemory,
    /// Sealed requests that were carried out.
    pub replays: Arc<Replays>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Limits for each client.
    pub limits: Limits,
    /// A description of the store file's deletion or replacement since the process began, if it happened.
    pub store_notice: Option<Arc<str>>,
    /// Cancelled when the process is about to end, or opens its store again: streams end.
    pub shutdown: CancellationToken,
}

impl App {
    /// Returns an app that answers on a loopback address.
    pub fn new(store: Store, auth: Auth, address: std::net::SocketAddr) -> Self {
        Self {
            producers: Arc::new(Producers::new(store.clone(), auth.redaction_key())),
            store,
            auth: Arc::new(auth),
            hosts: Arc::new(Hosts::loopback(address)),
            viewer_codes: Arc::default(),
            pair_codes: Arc::default(),
            unpacking: UnpackingMemory::default(),
            replays: Arc::default(),
            metrics: Arc::default(),
            limits: Limits::default(),
            store_notice: None,
            shutdown: CancellationToken::new(),
        }
    }

    /// Returns the same app on a store that was opened again.
    pub(crate) fn with_store(&self, store: Store, notice: String, shutdown: CancellationToken) -> Self {
        Self {
            producers: Arc::new(Producers::new(store.clone(), self.auth.redaction_key())),
            store,
            store_notice: Some(notice.into()),
            shutdown,
            ..self.clone()
        }
    }

    /// Returns a new link to the viewer, for the holder of `opener`, or for the process itself.
    pub fn viewer_link(&self, opener: Option<Grant>) -> String {
        self.hosts.viewer_link(&self.viewer_codes.issue(opener))
    }
}
