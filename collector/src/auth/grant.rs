//! The rights of a token.

use crate::clock::now_micros;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tabtape::selector::Selector;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

/// The rights of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Deliver batches, events and logs.
    Ingest,
    /// Query, stream, ask over MCP.
    Read,
    /// Everything, tokens and deletion included.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: &'static [Self] = &[Self::Ingest, Self::Read, Self::Admin];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    /// Whether a token of this scope may use what needs `needed`.
    pub fn allows(self, needed: Self) -> bool {
        self == Self::Admin || self == needed
    }
}

/// The rights of a request with a valid token.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The token's id.
    pub token_id: String,
    /// Its rights.
    pub scope: Scope,
    /// Always ANDed to what it reads.
    pub selector: Option<Arc<Selector>>,
    /// The pairing it belongs to.
    pub pairing: Option<String>,
    /// The pairing that opened the viewer it is for.
    pub opened_by: Option<String>,
    /// Whether the pairing is a person's own recorder, which may open the viewer and forget its events.
    pub recorder: bool,
    /// When it stops working, Unix microseconds; none: when it is revoked.
    pub expires_ts: Option<u64>,
    /// Cancelled when the token is revoked.
    pub ended: CancellationToken,
}

impl Grant {
    /// How long it still works; `None` when nothing but a revocation ends it.
    pub fn time_left(&self) -> Option<Duration> {
        self.expires_ts
            .map(|expires_ts| Duration::from_micros(expires_ts.saturating_sub(now_micros())))
    }
}
