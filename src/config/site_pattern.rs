//! Patterns for recorded pages: host, port and path.

use crate::selector::Glob;
use crate::selector::site::{is_host, is_within, split_port};
use crate::selector::url_parts::UrlParts;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// `*`, `example.com`, `*.example.com`, `localhost:3000`, `https://a.b/path*`.
///
/// - `*` is every page, also one without a host (`about:blank`).
/// - A host is exactly that host; with `*.` before it, its subdomains too.
/// - Scheme and port count if given; `*` represents any scheme or host.
/// - A path is a [`Glob`] for path and query; without one every path fits.
///
/// ```
/// use tabtape::config::SitePattern;
///
/// let pattern: SitePattern = "https://*.example.com/shop*".parse()?;
/// assert!(pattern.matches("https://www.example.com/shop?item=7"));
/// assert!(pattern.matches("https://example.com/shop"));
/// assert!(!pattern.matches("http://example.com/shop"));
/// # Ok::<(), tabtape::config::BadSitePattern>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SitePattern {
    text: String,
    scheme: Option<String>,
    host: Host,
    port: Option<u16>,
    path: Option<Glob>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    /// Every page, also one without a host.
    Everything,
    Any,
    Exactly(String),
    Within(String),
}

/// A text that is not a pattern of sites.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown site pattern {pattern:?}; expected {expected}")]
pub struct BadSitePattern {
    /// As it was written, truncated to 64 characters.
    pub pattern: String,
    /// The correct form.
    pub expected: &'static str,
}

impl SitePattern {
    /// The pattern of every page.
    pub fn everything() -> Self {
        Self {
            text: "*".into(),
            scheme: None,
            host: Host::Everything,
            port: None,
            path: None,
        }
    }

    /// The pattern as it was written, with scheme and host in lower case.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the page at `url` fits.
    pub fn matches(&self, url: &str) -> bool {
        if self.host == Host::Everything {
            return true;
        }
        let Some(parts) = UrlParts::of(url) else {
            return false;
        };
        let host_fits = match &self.host {
            Host::Everything | Host::Any => true,
            Host::Exactly(host) => parts.host.eq_ignore_ascii_case(host),
            Host::Within(host) => is_within(parts.host, host),
        };
        let path = if parts.path.is_empty() { "/" } else { parts.path };
        host_fits
            && self
                .scheme
                .as_ref()
                .is_none_or(|scheme| parts.scheme.eq_ignore_ascii_case(scheme))
            && self.port.is_none_or(|port| parts.port() == Some(port))
            && self.path.as_ref().is_none_or(|glob| glob.matches(path))
    }

    /// The same as an extension's match patterns, for registering content scripts where they apply; none
    /// for a scheme that has no content scripts. A port needs a scheme there: Chromium refuses
    /// `*://localhost:3000/*`.
    /// See <https://developer.chrome.com/docs/extensions/develop/concepts/match-patterns>.
    ///
    /// ```
    /// # use tabtape::config::SitePattern;
    /// let pattern: SitePattern = "localhost:3000".parse()?;
    /// assert_eq!(pattern.match_patterns(), ["http://localhost:3000/*", "https://localhost:3000/*"]);
    /// # Ok::<(), tabtape::config::BadSitePattern>(())
    /// ```
    pub fn match_patterns(&self) -> Vec<String> {
        let host = match &self.host {
            Host::Everything => return vec!["<all_urls>".into()],
            Host::Any => "*".to_owned(),
            Host::Exactly(host) => host.clone(),
            Host::Within(host) => format!("*.{host}"),
        };
        let schemes: &[&str] = match (self.scheme.as_deref(), self.port) {
            (None, None) => &["*"],
            (None, Some(_)) => &["http", "https"],
            (Some(scheme), _) => &[scheme],
        };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let path = self.path.as_ref().map_or("/*", Glob::as_str);
        let has_scripts = |scheme: &&&str| matches!(**scheme, "*" | "http" | "https" | "file");
        schemes
            .iter()
            .filter(has_scripts)
            .map(|scheme| format!("{scheme}://{host}{port}{path}"))
            .collect()
    }
}

impl FromStr for SitePattern {
    type Err = BadSitePattern;

    fn from_str(text: &str) -> Result<Self, BadSitePattern> {
        let bad = |expected| BadSitePattern {
            pattern: text.chars().take(64).collect(),
            expected,
        };
        if text == "*" || text == "<all_urls>" {
            return Ok(Self::everything());
        }
        if !text.is_ascii() {
            return Err(bad("ASCII: hosts as xn--…, paths percent-encoded"));
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, text),
        };
        if scheme
            .as_ref()
            .is_some_and(|s| s != "*" && (s.is_empty() || !s.bytes().all(is_scheme_byte)))
        {
            return Err(bad("a scheme like https before ://"));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains(['?', '#', '@']) || path.contains('#') {
            return Err(bad("a host and a path, without user, and without fragment"));
        }
        let (host, port) =
            split_port(authority).ok_or_else(|| bad("a port from 1 to 65535 after the colon"))?;
        let host = host.to_ascii_lowercase();
        let of_file = scheme.as_deref() == Some("file") && host.is_empty() && port.is_none();
        let within = host.strip_prefix("*.");
        if host != "*" && !of_file && !is_host(within.unwrap_or(&host)) {
            return Err(bad("*, a host, *.host, host:port or scheme://host/path*"));
        }
        let host = match within {
            _ if host == "*" => Host::Any,
            Some(parent) => Host::Within(parent.to_owned()),
            None => Host::Exactly(host),
        };
        let path = (!path.is_empty()).then(|| Glob::new(path));
        let scheme = scheme.filter(|scheme| scheme != "*");
        let mut pattern = Self {
            text: String::new(),
            scheme,
            host,
            port,
            path,
        };
        pattern.text = pattern.written();
        Ok(pattern)
    }
}

impl SitePattern {
    fn written(&self) -> String {
        let scheme = self
            .scheme
            .as_ref()
            .map(|scheme| format!("{scheme}://"))
            .unwrap_or_default();
        let host = match &self.host {
            Host::Everything | Host::Any => "*".to_owned(),
            Host::Exactly(host) => host.clone(),
            Host::Within(host) => format!("*.{host}"),
        };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let path = self.path.as_ref().map_or("", Glob::as_str);
        // `*://*` is not `*`, which also fits pages without a host.
        let any_scheme = if host == "*" && scheme.is_empty() && port.is_empty() && path.is_empty() {
            "*://"
        } else {
            ""
        };
        format!("{any_scheme}{scheme}{host}{port}{path}")
    }
}

const fn is_scheme_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

impl TryFrom<String> for SitePattern {
    type Error = BadSitePattern;

    fn try_from(text: String) -> Result<Self, BadSitePattern> {
        text.parse()
    }
}

impl From<SitePattern> for String {
    fn from(pattern: SitePattern) -> Self {
        pattern.text
    }
}

impl fmt::Display for SitePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
