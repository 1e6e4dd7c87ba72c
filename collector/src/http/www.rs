//! The viewer's static files, embedded when it was built before the collector.

use super::problem::Problem;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode, Uri, header};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../dist/www"]
#[allow_missing = true]
struct Files;

const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Tabtape</title><h1>Tabtape</h1>\
<p>This collector was built without the viewer. Run <code>npm run build</code>, or use <code>tabtape tail</code>.";

const PAIR: &str = "<!doctype html><meta charset=utf-8><title>Pair with Tabtape</title><h1>Pair with Tabtape</h1>\
<p>The Tabtape extension opens its own page for this. If nothing happens, it is not installed in this profile, \
or it is turned off.";

/// Serves a file of the viewer; anything else is not found.
pub(super) async fn get(method: Method, uri: Uri) -> Response {
    let path = uri.path();
    let not_found = || Problem::not_found(format!("there is nothing at {path:?}")).into_response();
    if path.starts_with("/v1/") {
        return not_found();
    }
    if method != Method::GET && method != Method::HEAD {
        let detail = format!("{method} is not allowed at {path:?}");
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into_response();
    }
    let name = match path.trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    // Names are looked up as they are: there is no folder that a path could leave.
    match (Files::get(name), name) {
        (Some(file), _) => {
            let mut response = super::typed(file.metadata.mimetype(), Body::from(file.data));
            response.headers_mut().insert(
                header::CACHE_CONTROL,
                header::HeaderValue::from_static("no-cache"),
            );
            response
        }
        (None, "index.html") => super::typed("text/html; charset=utf-8", Body::from(NOT_BUILT)),
        (None, "pair") => super::typed("text/html; charset=utf-8", Body::from(PAIR)),
        _ => not_found(),
    }
}
