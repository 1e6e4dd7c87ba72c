//! The Model Context Protocol: what an agent needs to know what the browser did, in few tokens.
//!
//! Answers are short lines, cut to a budget with a token to go on from, and an empty one says whether
//! anybody was watching. What pages wrote is marked as data and made harmless: an agent reads it, and a
//! page must not speak to it.

mod arguments;
mod text;
mod tools;

pub(crate) use tools::Tools;

use crate::app::App;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use std::sync::Arc;

/// The service behind `/mcp`: stateless, one JSON answer a request. Host, Origin and token are checked
/// before it.
pub(crate) fn service(app: App) -> StreamableHttpService<Tools, NeverSessionManager> {
    let config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .disable_allowed_origins()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_cancellation_token(app.shutdown.clone());
    StreamableHttpService::new(
        move || Ok(Tools::new(app.clone())),
        Arc::new(NeverSessionManager::default()),
        config,
    )
}
