//! Refuses foreign pages: checks Host on every request, Origin and Sec-Fetch-Site on all but static files.
//!
//! A page on any site can send requests to loopback, and a name it controls can resolve to it
//! (DNS rebinding). The first cannot choose Origin and Sec-Fetch-Site, the second cannot choose Host.

use super::problem::Problem;
use crate::app::Hosts;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, header};
use std::sync::Arc;

/// The origin that a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// The header is missing: the request is not of a page's script, or is a plain GET.
    Absent,
    /// The viewer of this collector.
    Same,
    /// An extension, `chrome-extension://…`.
    Extension(String),
}

/// Refuses a wrong Host. It is the outermost check: a foreign page does not even receive a 404.
pub(super) async fn host(
    State(hosts): State<Arc<Hosts>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let named = single(request.headers(), &header::HOST)
        .map_err(|()| Problem::forbidden("wrong_host", "the Host header is repeated"))?;
    let in_target = request.uri().authority().map(http::uri::Authority::as_str);
    for host in [named, in_target].into_iter().flatten() {
        if !hosts.contains(host) {
            let expected = hosts.list();
            let detail = format!("Host is {host:?}; expected {expected}: open {}", hosts.url());
            return Err(Problem::forbidden("wrong_host", detail));
        }
    }
    if named.is_none() {
        return Err(Problem::forbidden("wrong_host", "the Host header is missing"));
    }
    Ok(next.run(request).await)
}

/// Refuses requests of foreign pages, and attaches the origin to the others.
pub(super) async fn origin(
    State(hosts): State<Arc<Hosts>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let headers = request.headers();
    let site = HeaderName::from_static("sec-fetch-site");
    let site = single(headers, &site).map_err(|()| foreign("Sec-Fetch-Site is repeated"))?;
    if let Some(site) = site.filter(|site| !matches!(*site, "same-origin" | "none")) {
        return Err(foreign(&format!(
            "Sec-Fetch-Site is {site:?}; expected same-origin or none"
        )));
    }
    let origin = single(headers, &header::ORIGIN).map_err(|()| foreign("Origin is repeated"))?;
    let origin = match origin {
        None => Origin::Absent,
        Some(own) if hosts.is_own_origin(own) => Origin::Same,
        Some(extension) if is_extension(extension) => Origin::Extension(extension.to_owned()),
        Some(other) => {
            let detail =
                format!("Origin is {other:?}; expected this collector's own or a paired chrome-extension://");
            return Err(Problem::forbidden("wrong_origin", detail));
        }
    };
    request.extensions_mut().insert(origin);
    Ok(next.run(request).await)
}

fn foreign(detail: &str) -> Problem {
    Problem::forbidden("wrong_origin", detail)
}

/// Returns the value of a header that may occur once; `Err` if it is repeated or is not text.
fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        _ => Err(()),
    }
}

/// `chrome-extension://` and 32 letters from a to p.
fn is_extension(origin: &str) -> bool {
    origin
        .strip_prefix("chrome-extension://")
        .is_some_and(|id| id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'a'..=b'p')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_origin_is_an_id_and_nothing_else() {
        assert!(is_extension(
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop"
        ));
        for bad in [
            "chrome-extension://abc",
            "chrome-extension://abcdefghijklmnopabcdefghijklmnoz",
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop/",
            "null",
        ] {
            assert!(!is_extension(bad), "{bad}");
        }
    }
}
