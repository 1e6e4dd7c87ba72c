//! `auth.json`: what survives a restart.

use super::secret::{hash, random_base64url};
use super::{AuthError, NewPairing, Scope};
use crate::clock::now_micros;
use serde::{Deserialize, Serialize};
use std::path::Path;
use utoipa::ToSchema;

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct AuthFile {
    pub(super) tokens: Vec<TokenRecord>,
    pub(super) pairings: Vec<Pairing>,
    pub(super) local: Option<Local>,
    /// Keys the placeholders of redacted secrets, hex.
    pub(super) redaction_key: Option<String>,
}

/// The secrets that `collector.json` contains for this machine, the only ones that are stored unhashed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Local {
    pub(super) token: String,
    pub(super) pairing: NewPairing,
}

/// A token, without what would let anyone use it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TokenRecord {
    /// Its id.
    pub id: String,
    /// Its rights.
    pub scope: Scope,
    /// Its purpose.
    pub label: String,
    /// SHA-256 of the token, hex.
    pub(super) hash: String,
    /// ANDed to what it reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// The pairing it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairing: Option<String>,
    /// The pairing that opened the viewer it is for; it ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_by: Option<String>,
    /// Unix microseconds.
    pub created_ts: u64,
    /// Unix microseconds; none: until it is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_ts: Option<u64>,
}

impl TokenRecord {
    /// A new record and the token it is for.
    pub(super) fn new(
        scope: Scope,
        label: &str,
        selector: Option<&str>,
        pairing: Option<&str>,
        expires_ts: Option<u64>,
    ) -> (Self, String) {
        let token = format!("tt_{}_{}", scope.as_str(), random_base64url(32));
        let record = Self {
            id: format!("t_{}", random_base64url(9)),
            scope,
            label: label.to_owned(),
            hash: hash(&token),
            selector: selector.map(ToOwned::to_owned),
            pairing: pairing.map(ToOwned::to_owned),
            opened_by: None,
            created_ts: now_micros(),
            expires_ts,
        };
        (record, token)
    }

    /// Another token in its place; that one, and the hash of the old one.
    pub(super) fn renew(&mut self) -> (String, String) {
        let token = format!("tt_{}_{}", self.scope.as_str(), random_base64url(32));
        let old = std::mem::replace(&mut self.hash, hash(&token));
        (token, old)
    }
}

/// An extension that may deliver.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Pairing {
    /// Its id.
    pub id: String,
    /// The extension's origin; none until the first use.
    pub origin: Option<String>,
    /// The browser profile, as the person named it.
    pub profile: String,
    /// Whether it is a person's own recorder: it may open the viewer and forget what it delivered.
    pub recorder: bool,
    /// Key of the hello challenge, hex.
    pub(super) secret: String,
    /// Unix microseconds.
    pub created_ts: u64,
}

impl AuthFile {
    pub(super) fn read(path: &Path) -> Result<Option<Self>, AuthError> {
        match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
                let why = format!("is not what tabtape wrote ({error}); move it away and pair again");
                AuthError::file(path, why)
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(AuthError::file(path, error)),
        }
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), AuthError> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| AuthError::file(path, error))?;
        crate::files::replace_private(path, &text).map_err(|error| AuthError::file(path, error))
    }
}
