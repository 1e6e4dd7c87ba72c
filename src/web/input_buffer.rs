//! The region of wasm memory that JavaScript encodes events into.
//!
//! `TextEncoder.encodeInto` writes straight into it, so an event is copied once, from there to the
//! segment that is committed, and no string crosses the boundary.

use std::cell::RefCell;

/// A growing region. Its address holds until the next [`reserve`](InputBuffer::reserve).
#[derive(Debug, Default)]
pub(super) struct InputBuffer {
    bytes: RefCell<Vec<u8>>,
}

/// Kept between events; what a rare large one needed beyond it is given back.
const KEPT_BYTES: usize = 2 << 20;

impl InputBuffer {
    /// Makes room for `length` bytes and returns their address.
    pub(super) fn reserve(&self, length: usize) -> *const u8 {
        let mut bytes = self.bytes.borrow_mut();
        if bytes.len() < length {
            bytes.resize(length, 0);
        }
        bytes.as_ptr()
    }

    /// Hands over the first `length` bytes.
    pub(super) fn read<R>(&self, length: usize, read: impl FnOnce(&[u8]) -> R) -> R {
        let result = {
            let bytes = self.bytes.borrow();
            read(&bytes[..length.min(bytes.len())])
        };
        let mut bytes = self.bytes.borrow_mut();
        if bytes.len() > KEPT_BYTES {
            bytes.truncate(KEPT_BYTES);
            bytes.shrink_to_fit();
        }
        result
    }
}
