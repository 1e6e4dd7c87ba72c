//! The contents of `auth.json`, and the grants that follow from them.

use super::file::{AuthFile, Local, Pairing, TokenRecord};
use super::secret::{hash, random_base64url, random_hex};
use super::{AuthError, Grant, NewPairing, NewToken, Scope};
use crate::clock::now_micros;
use std::collections::HashMap;
use std::sync::Arc;
use tabtape::selector::Selector;
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
pub(super) struct State {
    pub(super) file: AuthFile,
    /// Raised with each change of `file` that is to be written.
    pub(super) changes: u64,
    /// By hash of the token.
    pub(super) grants: HashMap<String, Grant>,
    /// Origins of pairings that are bound for this run only.
    pub(super) bound: HashMap<String, String>,
}

impl State {
    /// Makes this machine's own token and pairing, and replaces one that was revoked.
    pub(super) fn make_local(&mut self) {
        let local = self.file.local.take();
        let (token, pairing) = local.map(|local| (local.token, local.pairing)).unzip();
        let token = token.filter(|token| {
            let hash = hash(token);
            self.file.tokens.iter().any(|record| record.hash == hash)
        });
        let token = token.unwrap_or_else(|| {
            let (record, token) =
                TokenRecord::new(Scope::Admin, "this machine's command line", None, None, None);
            self.file.tokens.push(record);
            token
        });
        let pairing = pairing.filter(|local: &NewPairing| {
            self.file
                .pairings
                .iter()
                .any(|pairing| pairing.id == local.pairing)
        });
        let pairing = pairing.unwrap_or_else(|| self.add_pairing(None, "this machine", true));
        self.file.local = Some(Local { token, pairing });
    }

    pub(super) fn add_token(&mut self, record: TokenRecord, token: String) -> Result<NewToken, AuthError> {
        self.grant(&record)?;
        let id = record.id.clone();
        self.file.tokens.push(record);
        Ok(NewToken { id, token })
    }

    pub(super) fn add_pairing(&mut self, origin: Option<&str>, profile: &str, recorder: bool) -> NewPairing {
        let pairing = Pairing {
            id: format!("p_{}", random_base64url(9)),
            origin: origin.map(ToOwned::to_owned),
            profile: profile.to_owned(),
            recorder,
            secret: random_hex(32),
            created_ts: now_micros(),
        };
        let (record, token) = TokenRecord::new(Scope::Ingest, profile, None, Some(&pairing.id), None);
        let new = NewPairing {
            pairing: pairing.id.clone(),
            token,
            secret: pairing.secret.clone(),
        };
        self.file.pairings.push(pairing);
        self.file.tokens.push(record);
        new
    }

    /// Returns `pairing`, or the id of the local one.
    pub(super) fn pairing_or_local<'a>(&'a self, pairing: Option<&'a str>) -> Option<&'a str> {
        pairing.or_else(|| Some(self.file.local.as_ref()?.pairing.pairing.as_str()))
    }

    pub(super) fn token(&mut self, id: &str) -> Result<&mut TokenRecord, AuthError> {
        let mut tokens = self.file.tokens.iter_mut();
        tokens
            .find(|token| token.id == id)
            .ok_or_else(|| AuthError::no_such("token", id))
    }

    pub(super) fn pairing(&mut self, id: &str) -> Result<&mut Pairing, AuthError> {
        let mut pairings = self.file.pairings.iter_mut();
        pairings
            .find(|pairing| pairing.id == id)
            .ok_or_else(|| AuthError::no_such("pairing", id))
    }

    /// Ends a pairing's token, and those of viewers that it opened.
    pub(super) fn end_tokens_of(&mut self, pairing: &str) {
        let is_of = |by: &Option<String>| by.as_deref() == Some(pairing);
        self.file
            .tokens
            .retain(|record| !is_of(&record.pairing) && !is_of(&record.opened_by));
        self.end(|grant| is_of(&grant.pairing) || is_of(&grant.opened_by));
    }

    /// Gives a pairing another secret and token; its id stays.
    pub(super) fn renew_pairing(&mut self, id: &str) -> Result<NewPairing, AuthError> {
        let pairing = self.pairing(id)?;
        pairing.secret = random_hex(32);
        let secret = pairing.secret.clone();
        let profile = pairing.profile.clone();
        let (record, token) = TokenRecord::new(Scope::Ingest, &profile, None, Some(id), None);
        self.grant(&record)?;
        self.file.tokens.push(record);
        let new = NewPairing {
            pairing: id.to_owned(),
            token,
            secret,
        };
        if let Some(local) = &mut self.file.local
            && local.pairing.pairing == id
        {
            local.pairing = new.clone();
        }
        Ok(new)
    }

    pub(super) fn drop_expired(&mut self, now: u64) {
        self.file
            .tokens
            .retain(|record| record.expires_ts.is_none_or(|expires| expires > now));
    }

    pub(super) fn grant(&mut self, record: &TokenRecord) -> Result<(), AuthError> {
        let selector = record
            .selector
            .as_deref()
            .map(|text| Selector::parse(text, now_micros()));
        let selector = selector
            .transpose()
            .map_err(|error| AuthError::Selector(error.to_string()))?;
        let recorder = record.pairing.as_ref().is_some_and(|id| {
            self.file
                .pairings
                .iter()
                .any(|pairing| pairing.id == *id && pairing.recorder)
        });
        let grant = Grant {
            token_id: record.id.clone(),
            scope: record.scope,
            selector: selector.map(Arc::new),
            pairing: record.pairing.clone(),
            opened_by: record.opened_by.clone(),
            recorder,
            expires_ts: record.expires_ts,
            ended: CancellationToken::new(),
        };
        self.grants.insert(record.hash.clone(), grant);
        Ok(())
    }

    pub(super) fn end(&mut self, which: impl Fn(&Grant) -> bool) {
        self.grants.retain(|_, grant| {
            let ends = which(grant);
            if ends {
                grant.ended.cancel();
            }
            !ends
        });
    }
}
