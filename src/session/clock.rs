//! What tells the time of an event that does not tell it itself.

/// A wall clock, asked only when it is needed: in a browser it lies outside of wasm.
pub trait Clock {
    /// Unix microseconds.
    fn now_micros(&self) -> u64;
}

/// A moment, taken before.
impl Clock for u64 {
    fn now_micros(&self) -> u64 {
        *self
    }
}
