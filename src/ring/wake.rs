//! `reader_wake`: who waits for the next push.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

/// The wakers of waiting readers. Signalling takes them all; who still wants to wait parks again.
#[derive(Debug, Default)]
pub(super) struct ReaderWake {
    /// Set whenever `parked` may hold something, so that signalling without a waiter takes no lock.
    anyone: AtomicBool,
    parked: Mutex<Vec<Waker>>,
}

impl ReaderWake {
    /// Parks a waker until the next signal. Call it before looking whether there is something to read:
    /// a push in between then signals it.
    pub(super) fn park(&self, waker: &Waker) {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        if !parked.iter().any(|other| other.will_wake(waker)) {
            parked.push(waker.clone());
        }
        self.anyone.store(true, Ordering::SeqCst);
    }

    /// Wakes everyone parked.
    pub(super) fn wake(&self) {
        if !self.anyone.load(Ordering::SeqCst) {
            return;
        }
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        self.anyone.store(false, Ordering::SeqCst);
        let wakers = std::mem::take(&mut *parked);
        drop(parked);
        for waker in wakers {
            waker.wake();
        }
    }
}
