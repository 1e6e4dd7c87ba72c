//! The clock that gives a time to events without one.

/// A wall clock. It is read only when needed, because in a browser that is a call out of wasm.
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
