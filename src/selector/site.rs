//! `site:`: a host with all its subdomains, and a port if one is given.

use super::url_parts::UrlParts;
use std::fmt;

/// A host and its subdomains.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    host: String,
    port: Option<u16>,
}

impl Site {
    /// Reads `example.com`, `localhost:3000`, `[::1]:8080`; a leading `*.` changes nothing, because
    /// subdomains are always meant.
    ///
    /// # Errors
    /// The correct form, when the text is not a host.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains("//") || text.contains('/') {
            return Err(
                "a host without scheme and path, like example.com or localhost:3000; for more use url:",
            );
        }
        if !text.is_ascii() {
            return Err("a host in its ASCII form, like xn--bcher-kva.example");
        }
        let (host, port) = split_port(text.strip_prefix("*.").unwrap_or(text))
            .ok_or("a host with a port from 1 to 65535, like localhost:3000")?;
        if !is_host(host) {
            return Err("a host, like example.com or localhost:3000");
        }
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    /// Whether `url` is on this site.
    pub fn matches(&self, url: &str) -> bool {
        UrlParts::of(url).is_some_and(|parts| self.matches_parts(&parts))
    }

    pub(crate) fn matches_parts(&self, parts: &UrlParts<'_>) -> bool {
        is_within(parts.host, &self.host) && self.port.is_none_or(|port| parts.port() == Some(port))
    }
}

/// Whether `host` is `site` or one of its subdomains. `site` is in lower case.
pub(crate) fn is_within(host: &str, site: &str) -> bool {
    let host = host.as_bytes();
    let site = site.as_bytes();
    match host.len().checked_sub(site.len()) {
        Some(extra) => (extra == 0 || host[extra - 1] == b'.') && host[extra..].eq_ignore_ascii_case(site),
        None => false,
    }
}

/// `host:port` or `host`; `None` for an invalid port.
pub(crate) fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let bytes = text.as_bytes();
    let after_brackets = memchr::memrchr(b']', bytes).map_or(0, |at| at + 1);
    let Some(colon) = memchr::memchr(b':', &bytes[after_brackets..]) else {
        return Some((text, None));
    };
    let (host, port) = text.split_at(after_brackets + colon);
    // `parse` would take `+80`.
    let digits = Some(&port[1..]).filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
    let port: u16 = digits?.parse().ok().filter(|port| *port > 0)?;
    Some((host, Some(port)))
}

/// Letters, digits, hyphens and dots, or an IPv6 address in brackets.
pub(crate) fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        return inner
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    }
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    host.len() <= 253 && host.split('.').all(label)
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Site;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn on(site: &str, url: &str) -> bool {
        Site::parse(site).unwrap().matches(url)
    }

    #[test]
    fn a_site_is_its_host_and_subdomains_and_nothing_that_only_ends_alike() {
        assert!(on("example.com", "https://example.com/"));
        assert!(on("example.com", "https://WWW.Example.com"));
        assert!(on("*.example.com", "wss://a.b.example.com:8443/x"));
        assert!(!on("example.com", "https://notexample.com/"));
        assert!(!on("example.com", "https://example.com.evil.test/"));
        assert!(!on("example.com", "https://evil.test/example.com"));
        assert!(!on("example.com", "https://example.com@evil.test/"));
        assert!(on("evil.test", "https://u@example.com@evil.test/"));
        assert!(!on("example.com", "https://evil.test\\@example.com/"));
        assert!(!on("example.com", ""));
        assert!(!on("example.com", "example.com"));
    }

    #[test]
    fn a_port_counts_only_if_given_and_defaults_are_known() {
        assert!(on("localhost", "http://localhost:3000/"));
        assert!(on("localhost:3000", "http://localhost:3000/"));
        assert!(!on("localhost:3000", "http://localhost:3001/"));
        assert!(on("a.test:443", "https://a.test/") && on("a.test:80", "http://a.test/"));
        assert!(!on("a.test:80", "https://a.test/"));
        assert!(on("[::1]:8080", "http://[::1]:8080/") && on("[::1]", "http://u:p@[::1]/"));
    }

    #[test]
    fn what_is_no_host_is_refused_with_what_would_be_right() {
        for (text, expected) in [
            ("https://a.b", "a host without scheme and path"),
            ("a.b/c", "a host without scheme and path"),
            ("bücher.example", "a host in its ASCII form"),
            ("a:99999", "a host with a port from 1 to 65535"),
            ("a:", "a host with a port from 1 to 65535"),
            ("a:+80", "a host with a port from 1 to 65535"),
            ("::1", "a host with a port"),
            ("", "a host, like"),
            ("a..b", "a host, like"),
            ("[::zz]", "a host, like"),
        ] {
            let refusal = Site::parse(text).unwrap_err();
            assert!(refusal.starts_with(expected), "{text}: {refusal}");
        }
    }
}
