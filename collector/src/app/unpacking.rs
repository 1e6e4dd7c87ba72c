//! Memory for compressed bodies.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most bytes of a body when it is unpacked.
pub(crate) const MAX_UNPACKED_BYTES: usize = 16 << 20;
/// The unit in which memory is counted.
const UNIT_BYTES: usize = 1 << 10;
/// Four of the largest bodies at once; others wait.
const UNPACKING_BYTES: usize = 4 * MAX_UNPACKED_BYTES;

/// Memory for unpacked bodies of all requests together.
#[derive(Debug, Clone)]
pub struct UnpackingMemory(Arc<Semaphore>);

impl Default for UnpackingMemory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(UNPACKING_BYTES / UNIT_BYTES)))
    }
}

impl UnpackingMemory {
    /// Waits for memory for `bytes`, which is held until the permit is dropped.
    pub(crate) async fn acquire(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes / UNIT_BYTES + 1).unwrap_or(u32::MAX);
        Arc::clone(&self.0).acquire_many_owned(units).await.ok()
    }
}
