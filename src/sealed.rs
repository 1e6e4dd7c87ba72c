//! Sealed requests: what a recorder and its collector say to each other, unreadable and unusable for anyone else.
//!
//! After a crash of the collector any process can take its port. A bearer token sent there could be used by that
//! process, a batch could be read by it, and a receipt from it would be accepted. So a recorder sends none of them in
//! the open. Each request is one [`METHOD`] to [`PATH`] whose body is
//!
//! ```text
//! nonce (32 random bytes) ‖ AES-256-GCM(request key, IV 0, head ‖ \n ‖ body)
//! ```
//! The head is a [`RequestHead`] in JSON. Each answer of the collector is
//!
//! ```text
//! IV (12 random bytes) ‖ AES-256-GCM(response key, IV, head ‖ \n ‖ body)
//! ```
//!
//! with a [`ResponseHead`]. Both keys are made from the pairing's secret and the nonce, so that no two requests have the
//! same key and an answer belongs to one request. The additional data of both is the `host:port` that was dialled, so
//! that a process on another port cannot pass a request on. The collector accepts a nonce once, and only within
//! [`WINDOW_MS`] of its time. An answer that does not open is no answer: see
//! [`TransportError::NotProven`](crate::delivery::TransportError::NotProven).
//!
//! A steady stream of requests goes to the same path through a WebSocket: each message is one such body, and they are
//! answered in order. The query then names the pairing.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Path to which sealed requests are sent.
pub const PATH: &str = "/v1/sealed";
/// The method. Of each `POST` and `PUT`, Chromium copies the body to every extension that listens to requests, the
/// recorder's own included: for a batch of 400 KB, four milliseconds of the browser's main thread. The collector takes
/// a `POST`, too.
pub const METHOD: &str = "PATCH";
/// A problem with a seal closes a connection with this plus the problem's status.
pub const CLOSE_CODE_BASE: u16 = 4_000;
/// Names the pairing whose secret is the key; without it, the one that preconfiguration hands out.
pub const PAIRING_HEADER: &str = "tabtape-pairing";
/// The type of sealed bodies.
pub const CONTENT_TYPE: &str = "application/octet-stream";
/// Bytes of a request's nonce.
pub const NONCE_BYTES: usize = 32;
/// Bytes of an initialisation vector.
pub const IV_BYTES: usize = 12;
/// The initialisation vector of a request: its key is never used again.
pub const REQUEST_IV: [u8; IV_BYTES] = [0; IV_BYTES];
/// Most milliseconds between the time of a request and the time at which the collector receives it.
pub const WINDOW_MS: u64 = 60_000;

/// Everything of a request but its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestHead {
    /// When it was made, in Unix milliseconds.
    pub time_ms: u64,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The type of the body; absent without a body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

/// Everything of an answer but its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseHead {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
}

/// Returns the key of the request with this nonce.
pub fn request_key(secret: &[u8], nonce: &[u8; NONCE_BYTES]) -> [u8; 32] {
    key(secret, b"tabtape sealed request 1", nonce)
}

/// Returns the key of the answer to the request with this nonce.
pub fn response_key(secret: &[u8], nonce: &[u8; NONCE_BYTES]) -> [u8; 32] {
    key(secret, b"tabtape sealed response 1", nonce)
}

/// A hello answers with the same HMAC, but never over these labels: what it is asked over ends with `host:port`.
fn key(secret: &[u8], label: &[u8], nonce: &[u8; NONCE_BYTES]) -> [u8; 32] {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        unreachable!()
    };
    mac.update(nonce);
    mac.update(label);
    mac.finalize().into_bytes().into()
}

/// Returns `head` and `body` as they are sealed.
pub fn join(head: &impl Serialize, body: &[u8]) -> Vec<u8> {
    let mut plain = serde_json::to_vec(head).unwrap_or_default();
    plain.reserve_exact(1 + body.len());
    plain.push(b'\n');
    plain.extend_from_slice(body);
    plain
}

/// Returns the head of `plain`, and where its body begins; `None` when it has no such head.
pub fn split<'p, H: Deserialize<'p>>(plain: &'p [u8]) -> Option<(H, usize)> {
    let end = memchr::memchr(b'\n', plain)?;
    Some((serde_json::from_slice(&plain[..end]).ok()?, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn head_and_body_come_apart_as_they_were_joined() {
        let head = RequestHead {
            time_ms: 1,
            method: "POST".into(),
            path: "/v1/batches?session=\n".into(),
            content_type: None,
        };
        let plain = join(&head, b"a\nb\n");
        let (read, body): (RequestHead, _) = split(&plain).unwrap();
        assert_eq!((read, &plain[body..]), (head, &b"a\nb\n"[..]));
        assert_eq!(split::<RequestHead>(b"{}"), None);
        assert_eq!(split::<RequestHead>(b"{}\n"), None);
    }

    /// `printf '%b' "$(printf '\\x07%.0s' {1..32})tabtape sealed request 1" | openssl dgst -sha256 -mac HMAC -macopt hexkey:0b0b`
    #[test]
    fn each_nonce_and_direction_has_its_own_key() {
        let (secret, nonce) = ([0x0b, 0x0b], [7; NONCE_BYTES]);
        assert_eq!(hex::encode(request_key(&secret, &nonce)), REQUEST_KEY);
        assert_ne!(request_key(&secret, &nonce), response_key(&secret, &nonce));
        assert_ne!(
            request_key(&secret, &nonce),
            request_key(&secret, &[8; NONCE_BYTES])
        );
    }

    const REQUEST_KEY: &str = "9183dc72b616771906eb4ad5ab9dc623c93f6fbe917d9ae088f2971ce76683f1";
}
