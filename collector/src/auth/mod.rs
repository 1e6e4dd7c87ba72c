//! Rights: tokens, pairings and one-time codes.
//!
//! A token is shown once and stored as a hash. It has a [`Scope`]; a reading one may carry a selector
//! that is always ANDed; one of a pairing works only from the origin it was paired with. Revoking a token
//! ends the streams it opened. All of it lives in `auth.json`, apart from the store, so that a store that
//! is emptied or restored keeps its recorders.

mod codes;
mod error;
mod file;
mod grant;
mod secret;
mod state;

pub use codes::{CODE_LIFETIME, Codes};
pub use error::AuthError;
pub use file::{Pairing, TokenRecord};
pub use grant::{Grant, Scope};
pub(crate) use secret::random_bytes;
pub use secret::{hello_hmac, short_code, token_hint, token_key};

use crate::clock::now_micros;
use file::AuthFile;
use secret::{hash, random_hex};
use serde::{Deserialize, Serialize};
use state::State;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use utoipa::ToSchema;

/// A pairing as its extension gets it. Shown once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewPairing {
    /// Its id.
    pub pairing: String,
    /// The ingest token.
    pub token: String,
    /// The key of the hello challenge, hex.
    pub secret: String,
}

/// A token as its owner gets it. Shown once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewToken {
    /// Its id.
    pub id: String,
    /// The token.
    pub token: String,
}

/// The secret of a pairing, and what a request that is sealed with it may do.
pub(crate) struct SealedBy {
    pub(crate) secret: Vec<u8>,
    pub(crate) grant: Grant,
}

/// Tokens and pairings.
#[derive(Debug)]
pub struct Auth {
    path: PathBuf,
    state: Mutex<State>,
    /// The last change in the file. Locked while it is written, after `state` or without it.
    written: Mutex<u64>,
    local_changed: Notify,
}

impl Auth {
    /// Reads `auth.json` in `folder`, making it with a local admin token and pairing if it is missing.
    ///
    /// # Errors
    /// The file cannot be read or written, or is not what was written there.
    pub fn open(folder: &Path) -> Result<Self, AuthError> {
        let path = folder.join("auth.json");
        let file = AuthFile::read(&path)?;
        let mut state = State {
            file: file.unwrap_or_default(),
            changes: 0,
            grants: HashMap::new(),
            bound: HashMap::new(),
        };
        state.drop_expired(now_micros());
        state.make_local();
        state.file.redaction_key.get_or_insert_with(|| random_hex(32));
        for record in state.file.tokens.clone() {
            state.grant(&record)?;
        }
        let auth = Self {
            path,
            state: Mutex::new(state),
            written: Mutex::new(0),
            local_changed: Notify::new(),
        };
        auth.save(&mut auth.lock())?;
        Ok(auth)
    }

    /// Reads the file of tokens in `folder`, if there is one, and changes nothing.
    ///
    /// # Errors
    /// The file cannot be read, or is not one of tokens.
    pub fn check_file(folder: &Path) -> Result<(), AuthError> {
        AuthFile::read(&folder.join("auth.json")).map(drop)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn save(&self, state: &mut State) -> Result<(), AuthError> {
        state.changes += 1;
        self.write(state.changes, &state.file)
    }

    /// Writes the file as it was after a change, unless a later one has been written.
    fn write(&self, change: u64, file: &AuthFile) -> Result<(), AuthError> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if change > *written {
            file.write(&self.path)?;
            *written = change;
        }
        Ok(())
    }

    /// Keys the placeholders of redacted secrets, so that equal secrets look equal.
    pub fn redaction_key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        if let Some(text) = &self.lock().file.redaction_key {
            // A key that was edited into something else hides secrets all the same.
            let _ = hex::decode_to_slice(text, &mut key);
        }
        key
    }

    /// The admin token of the local command line.
    pub fn local_token(&self) -> String {
        self.lock()
            .file
            .local
            .as_ref()
            .map(|local| local.token.clone())
            .unwrap_or_default()
    }

    /// The pairing that preconfiguration hands to recorders on this machine.
    pub fn local_pairing(&self) -> Option<NewPairing> {
        self.lock().file.local.as_ref().map(|local| local.pairing.clone())
    }

    /// Returns the rights of `token`.
    ///
    /// # Errors
    /// [`AuthError::UnknownToken`].
    pub fn check(&self, token: &str) -> Result<Grant, AuthError> {
        let state = self.lock();
        let grant = state.grants.get(&hash(token)).ok_or(AuthError::UnknownToken)?;
        match grant.time_left() {
            Some(Duration::ZERO) => Err(AuthError::UnknownToken),
            _ => Ok(grant.clone()),
        }
    }

    /// Whether a pairing works from `origin`. A pairing without one is bound to the first that uses it;
    /// the local one only until the collector stops, because its token already needs this user's files.
    ///
    /// # Errors
    /// [`AuthError::WrongOrigin`].
    pub fn check_origin(&self, pairing: &str, origin: &str) -> Result<(), AuthError> {
        let mut state = self.lock();
        let known = state.file.pairings.iter().find(|known| known.id == pairing);
        let paired = known
            .and_then(|known| known.origin.clone())
            .or_else(|| state.bound.get(pairing).cloned());
        match paired {
            Some(paired) if paired == origin => Ok(()),
            Some(paired) => Err(AuthError::WrongOrigin {
                paired,
                origin: origin.to_owned(),
            }),
            None => {
                state.bound.insert(pairing.to_owned(), origin.to_owned());
                Ok(())
            }
        }
    }

    /// The hello secret of a pairing; of the local one when none is named.
    pub fn secret(&self, pairing: Option<&str>) -> Option<String> {
        let state = self.lock();
        let id = state.pairing_or_local(pairing)?;
        let known = state.file.pairings.iter().find(|known| known.id == id);
        known.map(|known| known.secret.clone())
    }

    /// Returns what requests that are sealed with the secret of a pairing may do; of the local one when none is named.
    /// `None` also when its token was revoked.
    pub(crate) fn sealed_by(&self, pairing: Option<&str>) -> Option<SealedBy> {
        let secret = hex::decode(self.secret(pairing)?).ok()?;
        let state = self.lock();
        let id = state.pairing_or_local(pairing)?;
        let mut grants = state.grants.values();
        let grant = grants.find(|grant| grant.pairing.as_deref() == Some(id))?.clone();
        Some(SealedBy { secret, grant })
    }

    /// Returns the hello key of the token that [`token_hint`] names, if it still works.
    pub fn key_of_hint(&self, hint: &str) -> Option<String> {
        let state = self.lock();
        let works = |grant: &Grant| grant.time_left() != Some(Duration::ZERO);
        let mut known = state.grants.iter().filter(|(_, grant)| works(grant));
        known
            .find(|(hash, _)| secret::hint_of(hash) == hint)
            .map(|(hash, _)| hash.clone())
    }

    /// Gives this machine's command line another token: an earlier run ended without removing its state file, so
    /// another process may have had its port, and with it requests that carried the token.
    pub fn rotate_local_token(&self) -> Result<(), AuthError> {
        let token_id = self.check(&self.local_token())?.token_id;
        self.rotate_token(&token_id).map(drop)
    }

    /// Makes a token.
    ///
    /// # Errors
    /// The selector is invalid, or the file cannot be written.
    pub fn create_token(
        &self,
        scope: Scope,
        label: &str,
        selector: Option<&str>,
        expires_ts: Option<u64>,
    ) -> Result<NewToken, AuthError> {
        let mut state = self.lock();
        let (record, token) = TokenRecord::new(scope, label, selector, None, expires_ts);
        self.store_token(&mut state, record, token)
    }

    /// Makes a reading token for a viewer, which ends with the pairing that opened it, if one did.
    ///
    /// The file is written after the return, because the first rows wait for the token. After a failure the token works
    /// until the collector ends.
    ///
    /// # Errors
    /// The token that asked for the link works no more.
    pub fn create_viewer_token(
        self: &Arc<Self>,
        opener: Option<Grant>,
        expires_ts: u64,
    ) -> Result<NewToken, AuthError> {
        let mut state = self.lock();
        // It ends with its secret, also if the token's id continues with another secret.
        if opener.as_ref().is_some_and(|opener| opener.ended.is_cancelled()) {
            return Err(AuthError::WrongCode);
        }
        let (mut record, token) = TokenRecord::new(Scope::Read, "viewer", None, None, Some(expires_ts));
        record.opened_by = opener.and_then(|opener| opener.pairing);
        let new = state.add_token(record, token)?;
        state.changes += 1;
        let (auth, change, file) = (Arc::clone(self), state.changes, state.file.clone());
        tokio::task::spawn_blocking(move || {
            if let Err(error) = auth.write(change, &file) {
                tracing::warn!(%error, "the token of a viewer is not stored");
            }
        });
        Ok(new)
    }

    fn store_token(
        &self,
        state: &mut State,
        record: TokenRecord,
        token: String,
    ) -> Result<NewToken, AuthError> {
        let new = state.add_token(record, token)?;
        self.save(state)?;
        Ok(new)
    }

    /// Makes a pairing with an extension's origin.
    pub fn create_pairing(
        &self,
        origin: Option<&str>,
        profile: &str,
        recorder: bool,
    ) -> Result<NewPairing, AuthError> {
        let mut state = self.lock();
        let new = state.add_pairing(origin, profile, recorder);
        if let Some(record) = state.file.tokens.last().cloned() {
            state.grant(&record)?;
        }
        self.save(&mut state)?;
        Ok(new)
    }

    /// Every token, without what would let anyone use it.
    pub fn tokens(&self) -> Vec<TokenRecord> {
        self.lock().file.tokens.clone()
    }

    /// Every pairing.
    pub fn pairings(&self) -> Vec<Pairing> {
        let state = self.lock();
        let mut pairings = state.file.pairings.clone();
        for pairing in &mut pairings {
            if pairing.origin.is_none() {
                pairing.origin = state.bound.get(&pairing.id).cloned();
            }
        }
        pairings
    }

    /// Revokes a token by its id; streams it opened end, and viewers that a pairing opened with it.
    ///
    /// # Errors
    /// It does not exist, or the file cannot be written.
    pub fn revoke_token(&self, id: &str) -> Result<(), AuthError> {
        let mut state = self.lock();
        if let Some(pairing) = state.token(id)?.pairing.clone() {
            state.end_tokens_of(&pairing);
        }
        state.file.tokens.retain(|record| record.id != id);
        state.end(|grant| grant.token_id == id);
        self.save(&mut state)
    }

    /// Ends a pairing and its tokens.
    ///
    /// # Errors
    /// It does not exist, or the file cannot be written.
    pub fn revoke_pairing(&self, id: &str) -> Result<(), AuthError> {
        let mut state = self.lock();
        state.pairing(id)?;
        state.file.pairings.retain(|pairing| pairing.id != id);
        state.end_tokens_of(id);
        self.save(&mut state)
    }

    /// Gives a token another secret; the old one stops working and its streams end.
    ///
    /// # Errors
    /// It does not exist, it belongs to a pairing, or the file cannot be written.
    pub fn rotate_token(&self, id: &str) -> Result<NewToken, AuthError> {
        let mut state = self.lock();
        let record = state.token(id)?;
        if let Some(pairing) = &record.pairing {
            return Err(AuthError::Paired {
                token: id.to_owned(),
                pairing: pairing.clone(),
            });
        }
        let (token, old) = record.renew();
        let record = record.clone();
        if let Some(local) = &mut state.file.local
            && hash(&local.token) == old
        {
            local.token.clone_from(&token);
        }
        state.end(|grant| grant.token_id == id);
        state.grant(&record)?;
        self.save(&mut state)?;
        self.local_changed.notify_one();
        Ok(NewToken {
            id: id.to_owned(),
            token,
        })
    }

    /// Gives a pairing another token and secret. The old ones stop working, and viewers it opened are shut.
    ///
    /// # Errors
    /// It does not exist, or the file cannot be written.
    pub fn rotate_pairing(&self, id: &str) -> Result<NewPairing, AuthError> {
        let mut state = self.lock();
        state.pairing(id)?;
        state.end_tokens_of(id);
        let new = state.renew_pairing(id)?;
        self.save(&mut state)?;
        self.local_changed.notify_one();
        Ok(new)
    }

    /// Resolves when [`local_token`](Self::local_token) or [`local_pairing`](Self::local_pairing) has changed.
    pub async fn local_changed(&self) {
        self.local_changed.notified().await;
    }
}

#[cfg(test)]
mod tests;
