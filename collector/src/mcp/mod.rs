//! The Model Context Protocol: what an agent needs to know what the browser did, in few tokens.
//!
//! Each answer keeps to a budget of tokens (four bytes each), whatever pages wrote: it ranks, folds repeats, and ends
//! with what it left out and the call that gets it. An empty one says what was being watched. What pages wrote is
//! in delimited fields and is made harmless: an agent reads it, and a page must not speak to it. A mistake in the
//! arguments is a result with `isError`, which the agent can read and mend.

mod call;
mod compare;
mod coverage;
mod event;
mod handle;
mod led_to;
mod list;
mod mark;
mod prompts;
mod resources;
mod search;
mod server;
mod spec;
mod structured;
#[cfg(test)]
mod tests;
mod wait;

use crate::app::App;
use crate::store::StoreError;
use rmcp::ErrorData;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use server::Server;
pub(crate) use server::{SITES_HEADER, answer_without_collector};
use std::sync::Arc;

/// Why a tool has no answer.
#[derive(Debug, thiserror::Error)]
enum ToolError {
    /// The caller's mistake, with the right form.
    #[error("{0}")]
    Wrong(String),
    /// A failure of the collector.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another failure of the collector.
    #[error("{0}")]
    Failed(String),
}

impl From<ToolError> for ErrorData {
    fn from(error: ToolError) -> Self {
        match error {
            ToolError::Wrong(why) => Self::invalid_params(why, None),
            other => Self::internal_error(other.to_string(), None),
        }
    }
}

impl From<StoreError> for ErrorData {
    fn from(error: StoreError) -> Self {
        ToolError::from(error).into()
    }
}

/// The service behind `/mcp`: stateless, one JSON answer a request, or a stream if there is progress to report. Host,
/// Origin and token are checked before it.
pub(crate) fn service(app: App) -> StreamableHttpService<Server, NeverSessionManager> {
    let config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .disable_allowed_origins()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_cancellation_token(app.shutdown.clone());
    StreamableHttpService::new(
        move || Ok(Server::new(app.clone())),
        Arc::new(NeverSessionManager::default()),
        config,
    )
}
