//! The collector to deliver to.

use std::fmt;

/// A collector, and the secret that it shares with this recorder.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    host_port: String,
    secret: Vec<u8>,
    pairing: Option<String>,
}

/// Without the secret.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("host_port", &self.host_port)
            .finish_non_exhaustive()
    }
}

/// Why this is no collector to deliver to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadTarget {
    /// Not an address of a collector.
    Url(String),
    /// Not the hex form of a secret.
    Secret,
}

impl BadTarget {
    /// The code of this error in every interface.
    pub const CODE: &'static str = "invalid_collector";
}

impl fmt::Display for BadTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => {
                write!(
                    f,
                    "collector.url: expected http://127.0.0.1:PORT or http://[::1]:PORT, got {url:?}"
                )
            }
            // Secrets are not repeated in messages.
            Self::Secret => {
                f.write_str("collector.secret: expected at least 32 hex digits, as `tabtape pair` gives them")
            }
        }
    }
}

impl std::error::Error for BadTarget {}

/// Fewer bytes could be guessed.
const MIN_SECRET_BYTES: usize = 16;

impl Target {
    /// Checks an address, a pairing secret in hex and the pairing's id, if the collector has several.
    ///
    /// # Errors
    /// The address is not on this machine, or the secret cannot be one.
    pub fn new(url: &str, secret: &str, pairing: Option<&str>) -> Result<Self, BadTarget> {
        let host_port = host_port(url).ok_or_else(|| BadTarget::Url(url.to_owned()))?;
        let secret = hex::decode(secret).map_err(|_| BadTarget::Secret)?;
        if secret.len() < MIN_SECRET_BYTES {
            return Err(BadTarget::Secret);
        }
        Ok(Self {
            host_port,
            secret,
            pairing: pairing.map(str::to_owned),
        })
    }

    /// `host:port`, as it is dialled.
    #[must_use]
    pub fn host_port(&self) -> &str {
        &self.host_port
    }

    /// `http://host:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.host_port)
    }

    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }

    pub(crate) fn pairing(&self) -> Option<&str> {
        self.pairing.as_deref()
    }
}

/// The name `localhost` is refused: it can lead to 127.0.0.1 or to ::1, and another program may have the port of one of
/// them.
fn host_port(url: &str) -> Option<String> {
    let authority = url.strip_prefix("http://")?;
    let authority = authority
        .strip_suffix('/')
        .unwrap_or(authority)
        .to_ascii_lowercase();
    let (host, port) = authority.rsplit_once(':')?;
    let loopback = matches!(host, "127.0.0.1" | "[::1]");
    let port = port
        .parse::<u16>()
        .ok()
        .filter(|number| *number > 0 && number.to_string() == port)?;
    loopback.then(|| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::{BadTarget, Target};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const SECRET: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn only_an_address_on_this_machine_is_one() {
        for (url, host_port) in [
            ("http://127.0.0.1:28273", "127.0.0.1:28273"),
            ("http://127.0.0.1:1/", "127.0.0.1:1"),
            ("http://[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(Target::new(url, SECRET, None).unwrap().host_port(), host_port);
        }
        for url in [
            "127.0.0.1:1",
            "http://localhost:1",
            "http://LOCALHOST:1",
            "https://127.0.0.1:1",
            "http://127.0.0.1",
            "http://127.0.0.1:0",
            "http://127.0.0.1:070",
            "http://127.0.0.1:99999",
            "http://evil.test:1",
            "http://127.0.0.1@evil.test:1",
            "http://127.0.0.1:1/path",
        ] {
            assert_eq!(
                Target::new(url, SECRET, None),
                Err(BadTarget::Url(url.into())),
                "{url}"
            );
        }
    }

    #[test]
    fn a_secret_that_could_be_guessed_is_refused() {
        for secret in ["0011", "not hex", ""] {
            assert_eq!(
                Target::new("http://127.0.0.1:1", secret, None),
                Err(BadTarget::Secret),
                "{secret}"
            );
        }
    }

    #[test]
    fn debugging_shows_no_secret() {
        let target = Target::new("http://127.0.0.1:1", SECRET, None).unwrap();
        assert_eq!(
            format!("{target:?}"),
            r#"Target { host_port: "127.0.0.1:1", .. }"#
        );
    }
}
