//! The address that records are forwarded to.

use crate::app::Signal;
use reqwest::Url;
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;

fn path_of(signal: Signal) -> String {
    format!("/v1/{}", signal.name())
}

/// The address of an OTLP/HTTP endpoint for one signal.
#[derive(Debug)]
pub(crate) struct Endpoint {
    url: Url,
}

impl Endpoint {
    /// Parses a base address, or one that ends in a signal's path. It may contain a user, a password and a query.
    pub(crate) fn parse(text: &str, signal: Signal) -> Result<Self, String> {
        // The text is not in the error: it may contain a password.
        let mut url = Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or("--otlp-endpoint: expected an address that begins with http:// or https://")?;
        url.set_fragment(None);
        let path = url.path().trim_end_matches('/');
        let base = Signal::ALL
            .iter()
            .find_map(|known| path.strip_suffix(&path_of(*known)));
        let path = format!("{}{}", base.unwrap_or(path), path_of(signal));
        url.set_path(&path);
        Ok(Self { url })
    }

    /// Returns the address with user, password and query, for requests.
    pub(crate) fn url(&self) -> Url {
        self.url.clone()
    }

    /// Returns the address without user, password and query, for people.
    pub(crate) fn shown(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        // They fail only for an address without a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.to_string()
    }

    /// Returns the name of the cursor in the store. Addresses that differ in their query have different cursors.
    pub(crate) fn cursor_name(&self) -> String {
        match self.url.query() {
            None => format!("otlp {}", self.shown()),
            Some(query) => {
                let hash = hex::encode(Sha256::digest(query.as_bytes()));
                format!("otlp {}#{}", self.shown(), &hash[..16])
            }
        }
    }

    /// Whether the endpoint is on this machine, so that no proxy can reach it.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_local_name = host == "localhost" || host.ends_with(".localhost");
        is_local_name || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_completed_and_shown_without_its_secrets() {
        for (text, url) in [
            ("http://a.test:4318", "http://a.test:4318/v1/logs"),
            ("http://a.test/", "http://a.test/v1/logs"),
            ("http://a.test/v1/logs/", "http://a.test/v1/logs"),
            (
                "https://a.test/base/?tenant=x",
                "https://a.test/base/v1/logs?tenant=x",
            ),
            (
                "https://a.test/v1/logs?tenant=x#part",
                "https://a.test/v1/logs?tenant=x",
            ),
        ] {
            assert_eq!(
                Endpoint::parse(text, Signal::Logs).unwrap().url().as_str(),
                url,
                "{text}"
            );
        }
        let traces = Endpoint::parse("http://a.test/base/v1/logs", Signal::Traces).unwrap();
        assert_eq!(traces.url().as_str(), "http://a.test/base/v1/traces");
        let secret =
            Endpoint::parse("https://user:pass-word@a.test/v1/logs?key=quiet", Signal::Logs).unwrap();
        assert_eq!(secret.shown(), "https://a.test/v1/logs");
        let name = secret.cursor_name();
        assert!(
            !name.contains("pass-word") && !name.contains("user") && !name.contains("quiet"),
            "{name}"
        );
        assert_ne!(
            name,
            Endpoint::parse("https://a.test/v1/logs", Signal::Logs)
                .unwrap()
                .cursor_name()
        );
        for bad in [
            "a.test:4318", "ftp://user:pass-word@a.test", "user:pass-word@a.test", "",
        ] {
            assert!(
                !Endpoint::parse(bad, Signal::Logs)
                    .unwrap_err()
                    .contains("pass-word"),
                "{bad}"
            );
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (text, expected) in [
            ("http://127.0.0.1:4318", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:4318", true),
            ("http://localhost", true),
            ("http://localhost.a.test", false),
            ("http://10.0.0.1", false),
            ("http://a.test", false),
        ] {
            assert_eq!(
                Endpoint::parse(text, Signal::Logs).unwrap().is_loopback(),
                expected,
                "{text}"
            );
        }
    }
}
