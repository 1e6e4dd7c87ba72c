//! Time and chance, as the loop that delivers needs them.

use std::future::Future;

/// Implemented by the browser's globals, and by a virtual clock in tests.
pub trait Platform {
    /// Milliseconds of a clock that never goes back.
    fn now_ms(&self) -> f64;
    /// Milliseconds since 1970 of the wall clock, which may jump.
    fn unix_ms(&self) -> f64;
    /// Resolves after `ms` milliseconds.
    fn sleep(&self, ms: f64) -> impl Future<Output = ()>;
    /// Fills `bytes` from a generator fit for secrets.
    fn fill_random(&self, bytes: &mut [u8]);
}

/// A number from 0 to below 1.
pub(super) fn random_unit(platform: &impl Platform) -> f64 {
    let mut bytes = [0; 4];
    platform.fill_random(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}
