//! One-time codes, as they follow `#code=` in a link: for a single use within 60 s, in memory only.

use super::AuthError;
use super::secret::{hash, random_base64url};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a code works.
pub const CODE_LIFETIME: Duration = Duration::from_secs(60);
/// More open codes than anyone clicks links.
const MAX_OPEN: usize = 256;

/// Codes not used yet, each with what it is for.
#[derive(Debug)]
pub struct Codes<T> {
    open: Mutex<HashMap<String, (Instant, T)>>,
}

impl<T> Default for Codes<T> {
    fn default() -> Self {
        Self {
            open: Mutex::new(HashMap::new()),
        }
    }
}

impl<T> Codes<T> {
    /// A new code for `what`. With too many open, the oldest stops working.
    pub fn issue(&self, what: T) -> String {
        let code = random_base64url(16);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, (issued, _)| issued.elapsed() < CODE_LIFETIME);
        if open.len() >= MAX_OPEN {
            let oldest = open
                .iter()
                .min_by_key(|(_, (issued, _))| *issued)
                .map(|(key, _)| key.clone());
            oldest.map(|key| open.remove(&key));
        }
        open.insert(hash(&code), (Instant::now(), what));
        code
    }

    /// Uses `code` up.
    ///
    /// # Errors
    /// [`AuthError::WrongCode`].
    pub fn redeem(&self, code: &str) -> Result<T, AuthError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.remove(&hash(code)) {
            Some((issued, what)) if issued.elapsed() < CODE_LIFETIME => Ok(what),
            _ => Err(AuthError::WrongCode),
        }
    }
}
