//! Random secrets, their hashes, and the hello challenge.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// Fills `buffer` from the operating system. Without random bytes nothing here is safe, so the process ends.
fn fill(buffer: &mut [u8]) {
    if let Err(error) = getrandom::fill(buffer) {
        tracing::error!(%error, "the operating system gives no random bytes");
        std::process::abort();
    }
}

fn random(bytes: usize) -> Vec<u8> {
    let mut buffer = vec![0; bytes];
    fill(&mut buffer);
    buffer
}

/// Returns random bytes from the operating system.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut buffer = [0; N];
    fill(&mut buffer);
    buffer
}

pub(super) fn random_base64url(bytes: usize) -> String {
    URL_SAFE_NO_PAD.encode(random(bytes))
}

pub(super) fn random_hex(bytes: usize) -> String {
    hex::encode(random(bytes))
}

/// How a token or code is stored. They are 128 random bits or more, so one pass of SHA-256 is enough.
pub(super) fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// The answer to a hello: HMAC-SHA256 of the nonce and the address that was dialled, hex. `None` when
/// the secret is not hex.
pub fn hello_hmac(secret_hex: &str, nonce: &[u8], host_port: &str) -> Option<String> {
    let key = hex::decode(secret_hex).ok()?;
    tabtape::protocol::hello_hmac(&key, nonce, host_port)
}

/// Names a token in a hello without revealing it: 64 bits of a hash of its hash.
pub fn token_hint(token: &str) -> String {
    hint_of(&hash(token))
}

/// The key of a hello that names a token, hex.
pub fn token_key(token: &str) -> String {
    hash(token)
}

/// The hint of the token with this hash.
pub(super) fn hint_of(hash: &str) -> String {
    hex::encode(&Sha256::digest(format!("tabtape hello {hash}"))[..8])
}

/// Six characters that a person compares between the terminal and the extension's page: a hash of the
/// code and the address together. Base32 without look-alikes.
pub fn short_code(code: &str, host_port: &str) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let digest = Sha256::digest(format!("tabtape pair {code} {host_port}").as_bytes());
    let text: String = digest
        .iter()
        .take(6)
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect();
    format!("{}-{}", &text[..3], &text[3..])
}
