//! The collector to deliver to, and the hello challenge: whether it still has its port.
//!
//! We send a random nonce; the answer must be HMAC-SHA256 of the nonce and the `host:port` we dialled, keyed with the
//! pairing secret. The address is in it so that a process on another port cannot pass our nonce on to the real
//! collector.

use super::transport::{Reply, Response, TransportError};
use crate::protocol::{Hello, HelloReply, is_hello_hmac};
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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// Not an address of a collector.
    #[error("collector.url: expected http://127.0.0.1:PORT or http://[::1]:PORT, got {0:?}")]
    Url(String),
    /// Not the hex form of a secret, which a message does not repeat.
    #[error("collector.secret: expected at least 32 hex digits, as `tabtape pair` gives them")]
    Secret,
}

impl BadTarget {
    /// The code of this error in every interface.
    pub const CODE: &'static str = "invalid_collector";
}

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
    pub fn host_port(&self) -> &str {
        &self.host_port
    }

    /// `http://host:port`.
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

/// How long a hello may take: it needs no disk.
pub const HELLO_TIMEOUT_MS: f64 = 5_000.0;

/// One challenge; answered once.
#[derive(Debug, Clone)]
pub struct Challenge {
    nonce: [u8; 32],
}

/// The result of a hello.
#[derive(Debug, Clone, PartialEq)]
pub enum HelloOutcome {
    /// It is the paired collector, with this store.
    Proven {
        /// The identity of its store.
        store_id: String,
    },
    /// Something answers there that is not the paired collector.
    Impostor(String),
    /// No usable answer.
    Failed(Reply),
}

impl Challenge {
    /// A challenge with 32 random bytes.
    pub const fn new(nonce: [u8; 32]) -> Self {
        Self { nonce }
    }

    /// The body of the request.
    pub fn body(&self, target: &Target) -> Vec<u8> {
        let hello = Hello {
            nonce: hex::encode(self.nonce),
            pairing: target.pairing().map(str::to_owned),
            token: None,
        };
        serde_json::to_vec(&hello).unwrap_or_default()
    }

    /// Judges the answer.
    pub fn judge(&self, target: &Target, answer: Result<Response, TransportError>) -> HelloOutcome {
        let response = match answer {
            Ok(response) => response,
            Err(error) => return HelloOutcome::Failed(Reply::from(error)),
        };
        match response.status {
            200 => {}
            429 | 500..=599 => return HelloOutcome::Failed(Reply::of(&response)),
            // An unproven 401 is anybody's: it does not stop the flusher.
            status => {
                let said = Reply::of(&response).detail();
                return HelloOutcome::Impostor(format!("it answers hello with {status}: {said}"));
            }
        }
        let Ok(proof) = serde_json::from_slice::<HelloReply>(&response.body) else {
            return HelloOutcome::Impostor("its answer to hello is not a collector's".to_owned());
        };
        if is_hello_hmac(&proof.hmac, target.secret(), &self.nonce, target.host_port()) {
            HelloOutcome::Proven {
                store_id: proof.store_id,
            }
        } else {
            HelloOutcome::Impostor("it does not know the pairing secret".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            "127.0.0.1:1", "http://localhost:1", "http://LOCALHOST:1", "https://127.0.0.1:1",
            "http://127.0.0.1", "http://127.0.0.1:0", "http://127.0.0.1:070", "http://127.0.0.1:99999",
            "http://evil.test:1", "http://127.0.0.1@evil.test:1", "http://127.0.0.1:1/path",
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

    fn target(url: &str) -> Target {
        Target::new(url, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", None).unwrap()
    }

    fn answer(status: u16, body: &str) -> Result<Response, TransportError> {
        Ok(Response {
            status,
            retry_after_ms: None,
            body: body.as_bytes().to_vec(),
        })
    }

    /// `printf '%b' "$(printf '\\x07%.0s' {1..32})127.0.0.1:28273" | openssl dgst -sha256 -mac HMAC -macopt hexkey:0b…0b`
    const PROOF: &str = "7b5ea6e06b07322547f56710e7d1d45d0686a9bb4ace9718c734f8c181eb9a8a";

    #[test]
    fn the_secret_over_nonce_and_address_is_the_proof() {
        let challenge = Challenge::new([7; 32]);
        let proof = format!(r#"{{"hmac":"{PROOF}","store_id":"s1","version":"0.1.0"}}"#);
        let judge = |url, answer| challenge.judge(&target(url), answer);
        assert_eq!(
            judge("http://127.0.0.1:28273", answer(200, &proof)),
            HelloOutcome::Proven {
                store_id: "s1".into()
            }
        );
        for (url, proof) in [
            ("http://127.0.0.1:28274", proof.clone()),
            ("http://[::1]:28273", proof.clone()),
            ("http://127.0.0.1:28273", proof.replace(PROOF, &PROOF[..62])),
            ("http://127.0.0.1:28273", proof.replace(PROOF, "")),
            ("http://127.0.0.1:28273", proof.replace(PROOF, &"0".repeat(64))),
        ] {
            assert!(
                matches!(judge(url, answer(200, &proof)), HelloOutcome::Impostor(_)),
                "{url} {proof}"
            );
        }
    }

    #[test]
    fn a_foreign_server_is_an_impostor_and_a_busy_one_is_not() {
        let judge = |answer| Challenge::new([7; 32]).judge(&target("http://127.0.0.1:1"), answer);
        for (status, body) in [(200, "<html>"), (404, ""), (403, "{}"), (401, "")] {
            assert!(
                matches!(judge(answer(status, body)), HelloOutcome::Impostor(_)),
                "{status}"
            );
        }
        for status in [429, 500, 503] {
            assert!(
                matches!(judge(answer(status, "")), HelloOutcome::Failed(_)),
                "{status}"
            );
        }
        let refused = judge(Err(TransportError::Failed("refused".into())));
        assert_eq!(refused, HelloOutcome::Failed(Reply::Broken("refused".into())));
    }

    #[test]
    fn a_challenge_names_the_pairing_when_there_are_several() {
        let secret = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
        let several = Target::new("http://127.0.0.1:1", secret, Some("p\"1")).unwrap();
        let body = Challenge::new([0xab; 32]).body(&several);
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            value,
            serde_json::json!({ "nonce": "ab".repeat(32), "pairing": "p\"1" })
        );
    }
}
