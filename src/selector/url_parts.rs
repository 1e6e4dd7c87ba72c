//! Scheme, host, port and path of an absolute url, found without parsing more.
//!
//! Browsers hand out urls that are already serialized by the WHATWG rules (lower case, punycode,
//! percent-encoding), so four cuts suffice; the `url` crate would bring its tables of Unicode names
//! into the wasm.

/// The parts of a url that has a host, or an empty one because it is a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UrlParts<'a> {
    pub(crate) scheme: &'a str,
    /// IPv6 with its brackets.
    pub(crate) host: &'a str,
    explicit_port: Option<u16>,
    /// Path and query, without the fragment.
    pub(crate) path: &'a str,
}

impl<'a> UrlParts<'a> {
    /// `None` for urls without a host (`about:blank`, `data:…`) and for what is no url.
    pub(crate) fn of(url: &'a str) -> Option<Self> {
        // The origin of a blob is inside it: `blob:https://example.com/uuid`.
        let url = url.strip_prefix("blob:").unwrap_or(url);
        let colon = memchr::memchr(b':', url.as_bytes())?;
        let (scheme, rest) = (&url[..colon], url[colon..].strip_prefix("://")?);
        if scheme.is_empty()
            || !scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        {
            return None;
        }
        // A backslash ends the authority as a slash does: https://url.spec.whatwg.org/#authority-state
        let ends = |byte: u8| matches!(byte, b'/' | b'?' | b'#' | b'\\');
        let end = rest.bytes().position(ends).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let user_end = memchr::memrchr(b'@', authority.as_bytes()).map_or(0, |at| at + 1);
        let (host, explicit_port) = super::site::split_port(&authority[user_end..])?;
        let path = &path[..memchr::memchr(b'#', path.as_bytes()).unwrap_or(path.len())];
        let has_place = !host.is_empty() || scheme.eq_ignore_ascii_case("file");
        has_place.then_some(Self {
            scheme,
            host,
            explicit_port,
            path,
        })
    }

    /// The port, from the scheme when none is written.
    pub(crate) fn port(&self) -> Option<u16> {
        self.explicit_port.or_else(|| {
            let default = |scheme: &str| self.scheme.eq_ignore_ascii_case(scheme);
            if default("http") || default("ws") {
                Some(80)
            } else if default("https") || default("wss") {
                Some(443)
            } else {
                None
            }
        })
    }
}
