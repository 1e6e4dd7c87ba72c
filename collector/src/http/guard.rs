//! Keeping strangers out: Host on every request, Origin and Sec-Fetch-Site on all but static files.
//!
//! A page on any site can send requests to loopback, and a name it controls can resolve to it
//! (DNS rebinding). The first cannot choose Origin and Sec-Fetch-Site, the second cannot choose Host.

use super::App;
use super::problem::Problem;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, header};

/// Where a request says it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// No header: not a page's script, or a plain GET.
    Absent,
    /// Our own viewer.
    Same,
    /// An extension, `chrome-extension://…`.
    Extension(String),
}

/// The hosts this collector answers to.
#[derive(Debug, Clone)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// This address. The name `localhost` is refused: it can resolve to 127.0.0.1 or to ::1, and another program may
    /// listen on this port of the other address.
    #[must_use]
    pub fn loopback(address: std::net::SocketAddr) -> Self {
        let (ip, port) = (address.ip(), address.port());
        let ip = if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() };
        let mut hosts = vec![format!("{ip}:{port}")];
        if port == 80 {
            hosts.push(ip);
        }
        Self(hosts)
    }

    fn knows(&self, host: &str) -> bool {
        self.0.iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    fn is_own_origin(&self, origin: &str) -> bool {
        origin.strip_prefix("http://").is_some_and(|host| self.knows(host))
    }
}

/// Refuses a wrong Host. Outermost: not even a 404 is told to others.
pub(super) async fn host(State(app): State<App>, request: Request, next: Next) -> Result<Response, Problem> {
    let named = single(request.headers(), &header::HOST)
        .map_err(|()| Problem::forbidden("wrong_host", "the Host header stands there twice"))?;
    let in_target = request.uri().authority().map(http::uri::Authority::as_str);
    for host in [named, in_target].into_iter().flatten() {
        if !app.hosts.knows(host) {
            let expected = app.hosts.0.join(", ");
            let detail = format!("Host is {host:?}; expected {expected}: open {}", app.url);
            return Err(Problem::forbidden("wrong_host", detail));
        }
    }
    if named.is_none() {
        return Err(Problem::forbidden("wrong_host", "the Host header is missing"));
    }
    Ok(next.run(request).await)
}

/// Refuses requests that a foreign page makes; notes the origin of the rest.
pub(super) async fn origin(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let headers = request.headers();
    let site = HeaderName::from_static("sec-fetch-site");
    let site = single(headers, &site).map_err(|()| foreign("Sec-Fetch-Site stands there twice"))?;
    if let Some(site) = site.filter(|site| !matches!(*site, "same-origin" | "none")) {
        return Err(foreign(&format!("Sec-Fetch-Site is {site:?}; expected same-origin or none")));
    }
    let origin = single(headers, &header::ORIGIN).map_err(|()| foreign("Origin stands there twice"))?;
    let origin = match origin {
        None => Origin::Absent,
        Some(own) if app.hosts.is_own_origin(own) => Origin::Same,
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

/// The value of a header that may stand there once; `Err` when it stands there more often, or is not text.
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
    fn only_our_own_address_is_known() {
        let hosts = Hosts::loopback(([127, 0, 0, 1], 28273).into());
        assert!(hosts.knows("127.0.0.1:28273"));
        assert!(Hosts::loopback((std::net::Ipv6Addr::LOCALHOST, 1).into()).knows("[::1]:1"));
        for bad in [
            "127.0.0.1",
            "127.0.0.1:1",
            "evil.test:28273",
            "localhost:28273",
            "LOCALHOST:28273",
            "localhost.:28273",
            "127.0.0.1:28273.evil.test",
            "[::1]:28273",
            "",
        ] {
            assert!(!hosts.knows(bad), "{bad}");
        }
        assert!(
            hosts.is_own_origin("http://127.0.0.1:28273") && !hosts.is_own_origin("https://127.0.0.1:28273")
        );
    }

    #[test]
    fn an_extension_origin_is_an_id_and_nothing_else() {
        assert!(is_extension("chrome-extension://abcdefghijklmnopabcdefghijklmnop"));
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
