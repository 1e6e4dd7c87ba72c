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

/// How long a browser keeps a file: a script whose name ends with the hash of its content is never another one.
fn cache_control(name: &str) -> &'static str {
    let hash = name.strip_suffix(".js").and_then(|stem| stem.rsplit_once('-'));
    let is_hash =
        |hash: &str| hash.len() == 8 && hash.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9'));
    if hash.is_some_and(|(_, hash)| is_hash(hash)) {
        "max-age=31536000, immutable"
    } else {
        "no-cache"
    }
}

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
                header::HeaderValue::from_static(cache_control(name)),
            );
            response
        }
        (None, "index.html") => super::typed("text/html; charset=utf-8", Body::from(NOT_BUILT)),
        (None, "pair") => super::typed("text/html; charset=utf-8", Body::from(PAIR)),
        _ => not_found(),
    }
}

#[cfg(test)]
mod tests {
    use super::cache_control;

    #[test]
    fn only_a_script_with_a_hash_in_its_name_is_kept_without_asking() {
        assert_eq!(cache_control("chunk-TAL4QVFB.js"), "max-age=31536000, immutable");
        for name in [
            "index.html", "main.js", "main.css", "icon.svg", "a-TAL4QVFB.css", "very-longname.js",
        ] {
            assert_eq!(cache_control(name), "no-cache", "{name}");
        }
    }
}
