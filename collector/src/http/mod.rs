//! The HTTP interface: [`router`] builds the router that the server serves and the tests call.
//!
//! Every route is in a group with one access; see [`access`]. The OpenAPI [`document`] is collected from the
//! same handlers.

mod access;
mod batches;
mod body;
mod coverage;
mod diagnose;
mod document;
mod events;
mod export;
mod guard;
mod headers;
mod hello;
mod logs;
mod metrics;
mod pairings;
mod problem;
mod publish;
mod query;
mod sealed;
mod selection;
mod server;
mod sessions;
mod stream;
mod tokens;
mod viewer;
mod www;

pub use problem::Problem;
pub use server::serve;

use crate::app::App;
use crate::auth::Scope;
use crate::store::Store;
use access::Access;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json, Router, middleware};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The strictest policy that the viewer works with: nothing inline, nothing from elsewhere, never framed.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Returns the routes that a sealed request can reach too.
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
        .routes(routes!(diagnose::get))
        .routes(routes!(export::get))
        .routes(routes!(metrics::get));
    let owner = OpenApiRouter::new()
        .routes(routes!(viewer::link))
        .routes(routes!(publish::delete));
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

/// Returns the whole interface and its OpenAPI document.
pub fn router(app: App) -> (Router, utoipa::openapi::OpenApi) {
    let (inner, _) = routes(&app).split_for_parts();
    let sealed = OpenApiRouter::new()
        .routes(routes!(sealed::exchange))
        .routes(routes!(sealed::connect))
        .layer(Extension(sealed::SealedRoutes::new(
            &app,
            inner.with_state(app.clone()),
        )));

    // The OpenAPI document leaves this route out: the protocol describes itself. Its body is read here, within bounds.
    let mcp = OpenApiRouter::new()
        .route_service("/mcp", crate::mcp::service(app.clone()))
        .route_layer(middleware::from_fn_with_state(app.clone(), body::whole));

    let (router, mut document) = OpenApiRouter::with_openapi(document::new())
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
        .layer(fixed(
            header::HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ))
        .layer(fixed(
            header::HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ))
        .with_state(app);
    (router, document)
}

/// Liveness.
#[utoipa::path(get, path = "/healthz", tag = "public", responses((status = OK, body = Value)))]
async fn health(State(store): State<Store>, State(store_notice): State<Option<Arc<str>>>) -> Json<Value> {
    let tasks = store.tasks().states();
    let status = match store.damage() {
        _ if store.is_replaced() => "replaced",
        Some(_) => "damaged",
        None if tasks.values().any(|task| !task.running || task.problem.is_some()) => "degraded",
        None => "ok",
    };
    Json(json!({
        "status": status,
        "damage": store.damage(),
        "store_notice": store_notice,
        "version": env!("CARGO_PKG_VERSION"),
        "store_id": store.store_id(),
        "tasks": tasks,
    }))
}

async fn method_not_allowed(method: http::Method, uri: http::Uri) -> Problem {
    let detail = format!("{method} is not allowed at {:?}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

/// Answers a request whose handler panicked. Nothing else ends.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    // The message is in the log; it may contain captured text.
    let detail = "the collector failed on this request; its log contains the reason";
    Problem::internal(detail).into_response()
}

/// Returns a response of this type.
fn typed(content_type: &str, body: Body) -> Response {
    let value =
        HeaderValue::try_from(content_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    ([(header::CONTENT_TYPE, value)], body).into_response()
}

/// Returns a header that is text.
fn header_text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Runs `work` here if the body is small, else off the async threads.
async fn spawn_blocking_if_large<T: Send + 'static>(
    length: Option<&str>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let length = length.and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length < body::BLOCKING_BYTES) {
        return Ok(work());
    }
    spawn_blocking(work).await
}

/// Runs `work` off the async threads.
async fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "work on a body ended badly");
        Problem::internal("work on the body ended badly")
    })
}
