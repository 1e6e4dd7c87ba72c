//! Wakes all tasks that wait for the next change of a shared state.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

/// The wakers of waiting tasks. Waking takes them all; a task that still waits parks again.
#[derive(Debug, Default)]
pub(crate) struct WakeList {
    /// Set whenever `parked` may hold something, so that waking without a waiter takes no lock.
    is_any: AtomicBool,
    parked: Mutex<Vec<Waker>>,
}

impl WakeList {
    /// Parks a waker until the next call of [`WakeList::wake`]. Park before looking at the state: a change in between
    /// then wakes it.
    pub(crate) fn park(&self, waker: &Waker) {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        if !parked.iter().any(|other| other.will_wake(waker)) {
            parked.push(waker.clone());
        }
        self.is_any.store(true, Ordering::SeqCst);
    }

    /// Wakes all parked tasks.
    pub(crate) fn wake(&self) {
        if !self.is_any.load(Ordering::SeqCst) {
            return;
        }
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_any.store(false, Ordering::SeqCst);
        let wakers = std::mem::take(&mut *parked);
        drop(parked);
        for waker in wakers {
            waker.wake();
        }
    }
}
