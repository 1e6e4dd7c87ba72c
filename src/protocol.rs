//! The messages of a recorder and its collector, apart from the records: hello, receipt and problem.
//!
//! Both sides use these types, so that a field has one name and one meaning. Fields that are not known are ignored,
//! because the other side may be newer.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// A challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hello {
    /// 8 to 64 random bytes, hex.
    pub nonce: String,
    /// The pairing whose secret is the key; this machine's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairing: Option<String>,
    /// A token whose SHA-256 is the key, named by the first 8 bytes, in hex, of the SHA-256 of `tabtape hello ` and that
    /// SHA-256 in hex: what holds a token asks so before it sends the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// The proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HelloReply {
    /// HMAC-SHA256 of nonce and `host:port` as dialled, keyed with the pairing's secret; hex.
    pub hmac: String,
    /// Identity of the store: cursors are kept for it.
    pub store_id: String,
    /// Version of the collector.
    #[serde(default)]
    pub version: String,
}

/// The receipt for a batch. Sent only after its commit is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = BatchReceipt))]
pub struct Receipt {
    /// Identity of the store.
    pub store_id: String,
    /// The capture session.
    pub session: String,
    /// The unbroken prefix from 1: what a recorder may forget.
    pub acked_seq: u64,
    /// Records that were new.
    #[serde(default)]
    pub accepted: u64,
    /// Records that were stored before.
    #[serde(default)]
    pub duplicates: u64,
    /// Number of open streams of the collector. While it is 0, a recorder sends less often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscribers: Option<u64>,
}

/// The fields of a problem (RFC 9457) that a recorder reads. That of a batch has those of a [`Receipt`], too, for the
/// records before the refused one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// The kind of error, for programs.
    pub code: String,
    /// The status in words.
    pub title: String,
    /// The mistake, the value that has it, and the correct form.
    pub detail: String,
    /// The refused line of the body, from 1.
    pub line: Option<u64>,
    /// The seq of the refused record.
    pub seq: Option<u64>,
}

/// Code of a problem: a stored seq was sent with other bytes.
pub const SEQ_CONFLICT: &str = "seq_conflict";
/// Code of a problem: the body ends before the last seq that the batch declares.
pub const INCOMPLETE_BATCH: &str = "incomplete_batch";
/// Code of a problem: a record is not of the batch's session.
pub const MIXED_SESSIONS: &str = "mixed_sessions";
/// Code of a problem: a record does not have the next seq of the batch.
pub const SEQ_OUT_OF_ORDER: &str = "seq_out_of_order";

/// Returns the [`HelloReply::hmac`] of a nonce. The address is in it so that a process on another port cannot pass the
/// nonce on to the real collector.
pub fn hello_hmac(secret: &[u8], nonce: &[u8], host_port: &str) -> Option<String> {
    let mac = hello_mac(secret, nonce, host_port)?;
    Some(hex::encode(mac.finalize().into_bytes()))
}

/// Whether `hmac` is the [`hello_hmac`], in constant time.
pub fn is_hello_hmac(hmac: &str, secret: &[u8], nonce: &[u8], host_port: &str) -> bool {
    let (Ok(given), Some(mac)) = (hex::decode(hmac), hello_mac(secret, nonce, host_port)) else {
        return false;
    };
    mac.verify_slice(&given).is_ok()
}

fn hello_mac(secret: &[u8], nonce: &[u8], host_port: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(nonce);
    mac.update(host_port.as_bytes());
    Some(mac)
}
