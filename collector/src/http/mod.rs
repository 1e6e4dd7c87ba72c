//! The HTTP interface: [`app`] builds the router that the server serves and the tests call.
//!
//! Every route is in a group with one access; see [`access`]. The OpenAPI [`document`] is collected from the
//! same handlers.

mod access;
mod batches;
mod body;
mod coverage;
mod document;
mod events;
mod guard;
mod headers;
mod hello;
mod limits;
mod logs;
mod metrics;
mod pairings;
mod problem;
mod publish;
mod sealed;
mod selection;
mod server;
mod sessions;
mod stream;
mod tokens;
mod viewer;
mod www;

pub use body::UnpackingMemory;
pub use guard::Hosts;
pub use limits::Limits;
pub use metrics::Metrics;
pub use problem::Problem;
pub use sealed::Replays;
pub use server::serve;

use crate::auth::{Auth, Codes, Grant, Scope};
use crate::producers::Producers;
use crate::store::Store;
use access::Access;
use axum::body::Body;
use axum::extract::{State, rejection::QueryRejection};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json, Router, middleware};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The state that handlers share.
#[derive(Debug, Clone)]
pub struct App {
    /// The store of events.
    pub store: Store,
    /// Tokens and pairings, with their rights.
    pub auth: Arc<Auth>,
    /// Local processes that publish.
    pub producers: Arc<Producers>,
    /// The hosts it answers to.
    pub hosts: Arc<Hosts>,
    /// `http://127.0.0.1:PORT`.
    pub url: Arc<str>,
    /// Links to the viewer that were not used yet; what asked for each, if not the process itself.
    pub viewer_codes: Arc<Codes<Option<Grant>>>,
    /// Invitations that were not used yet; whether they are for a recorder.
    pub pair_codes: Arc<Codes<bool>>,
    /// Memory for packed bodies.
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
    /// An app that answers on a loopback address.
    #[must_use]
    pub fn new(store: Store, auth: Auth, address: std::net::SocketAddr) -> Self {
        Self {
            producers: Arc::new(Producers::new(store.clone(), auth.redaction_key())),
            store,
            auth: Arc::new(auth),
            hosts: Arc::new(Hosts::loopback(address)),
            url: format!("http://{address}").into(),
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

    /// The same app on a store that was opened again.
    pub(crate) fn with_store(&self, store: Store, notice: String, shutdown: CancellationToken) -> Self {
        Self {
            producers: Arc::new(Producers::new(store.clone(), self.auth.redaction_key())),
            store,
            store_notice: Some(notice.into()),
            shutdown,
            ..self.clone()
        }
    }
}

/// The strictest policy the viewer can live with: nothing inline, nothing from elsewhere, never framed.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes that a sealed request can reach too.
fn routes(app: &App) -> OpenApiRouter<App> {
    let public = OpenApiRouter::new().routes(routes!(health));
    let open = OpenApiRouter::new()
        .routes(routes!(hello::post))
        .routes(routes!(pairings::pair))
        .routes(routes!(viewer::session));
    let ingest = OpenApiRouter::new()
        .routes(routes!(batches::post))
        .routes(routes!(publish::post))
        .routes(routes!(logs::post));
    let read = OpenApiRouter::new()
        .routes(routes!(events::get))
        .routes(routes!(headers::get))
        .routes(routes!(stream::get))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::one))
        .routes(routes!(coverage::get))
        .routes(routes!(metrics::get));
    let owner = OpenApiRouter::new().routes(routes!(viewer::link)).routes(routes!(publish::delete));
    let admin = OpenApiRouter::new()
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(tokens::rotate))
        .routes(routes!(pairings::invite))
        .routes(routes!(pairings::list))
        .routes(routes!(pairings::revoke))
        .routes(routes!(pairings::rotate));
    OpenApiRouter::new()
        .merge(Access::Public.guard(app, public))
        .merge(Access::Open.guard(app, open))
        .merge(Access::Scope(Scope::Ingest).guard(app, ingest))
        .merge(Access::Scope(Scope::Read).guard(app, read))
        .merge(Access::Owner.guard(app, owner))
        .merge(Access::Scope(Scope::Admin).guard(app, admin))
}

/// The whole interface and its OpenAPI document.
pub fn app(app: App) -> (Router, utoipa::openapi::OpenApi) {
    let (inner, _) = routes(&app).split_for_parts();
    let sealed = OpenApiRouter::new()
        .routes(routes!(sealed::post))
        .layer(Extension(sealed::Inner(inner.with_state(app.clone()))));

    // Not a route of ours to describe: the protocol describes itself. Its body is read by us, within bounds.
    let mcp = OpenApiRouter::new()
        .route_service("/mcp", crate::mcp::service(app.clone()))
        .route_layer(middleware::from_fn_with_state(app.clone(), body::whole));

    let (router, mut document) = OpenApiRouter::with_openapi(document::begun())
        .merge(routes(&app))
        .merge(Access::Open.guard(&app, sealed))
        .merge(Access::Scope(Scope::Read).guard(&app, mcp))
        .split_for_parts();
    document::complete(&mut document);

    let fixed = |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    let text: Arc<str> = document.to_pretty_json().unwrap_or_default().into();
    let router = router
        .route(
            "/v1/openapi.json",
            axum::routing::get(
                move || async move { typed("application/json", Body::from(text.to_string())) },
            ),
        )
        .fallback(www::get)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(app.clone(), guard::host))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(fixed(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::X_FRAME_OPTIONS, "DENY"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(fixed(header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"))
        .layer(fixed(header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .with_state(app);
    (router, document)
}

/// Liveness.
#[utoipa::path(get, path = "/healthz", tag = "public", responses((status = OK, body = Value)))]
async fn health(State(app): State<App>) -> Json<Value> {
    let status = match app.store.damage() {
        _ if app.store.is_replaced() => "replaced",
        Some(_) => "damaged",
        None => "ok",
    };
    Json(json!({
        "status": status,
        "damage": app.store.damage(),
        "store_notice": app.store_notice,
        "version": env!("CARGO_PKG_VERSION"),
        "store_id": app.store.store_id(),
    }))
}

async fn method_not_allowed(method: http::Method, uri: http::Uri) -> Problem {
    let detail = format!("{method} is not allowed at {:?}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

/// A mistake of ours ends its request, and nothing else.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    // The message is in the log already; it may contain captured text.
    let detail = "the collector made a mistake with this request; its log says more";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response()
}

/// A response of this type.
fn typed(content_type: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    let value =
        HeaderValue::try_from(content_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    response.headers_mut().insert(header::CONTENT_TYPE, value);
    response
}

fn query_problem(rejection: QueryRejection) -> Problem {
    Problem::bad_request("invalid_parameter", rejection.body_text())
}

/// Reads a JSON body.
async fn json_body<T: DeserializeOwned>(app: &App, headers: &HeaderMap, body: Body) -> Result<T, Problem> {
    let given = headers.get(header::CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or("?"));
    let essence = given.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        // Also what keeps a form or a no-cors fetch, which cannot set this, from being read.
        let detail = format!("Content-Type is {given:?}; expected application/json");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_type", detail));
    }
    let bytes = body::read_at_most(body::MAX_OBJECT_BYTES, app, headers, body).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Problem::bad_request("invalid_json", format!("the body is not what is expected: {error}"))
    })
}

/// Runs `work` here when the body is small, else off the async threads.
async fn heavy<T: Send + 'static>(
    length: Option<&HeaderValue>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length < body::BLOCKING_BYTES) {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "work on a body ended badly");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "work on the body ended badly")
    })
}
