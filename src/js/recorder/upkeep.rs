//! What is done now and then: retention, and looking how much is stored.

use super::running::Recorder;
use crate::log::{IndexedDbLog, LogError, RetentionPolicy};
use gloo_timers::callback::Interval;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// A worker that is awake looks this often. One that sleeps stores nothing.
const INTERVAL_MS: u32 = 120_000;

/// Ends when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    storage_bytes: Cell<u64>,
    interval: RefCell<Option<Interval>>,
}

impl Upkeep {
    /// Bytes in all category logs, when they were last looked at.
    pub(super) const fn storage_bytes(&self) -> u64 {
        self.storage_bytes.get()
    }
}

/// Looks at once, and then every two minutes.
pub(super) fn begin(recorder: &Rc<Recorder>) {
    let weak = Rc::downgrade(recorder);
    look(&weak);
    *recorder.upkeep.interval.borrow_mut() = Some(Interval::new(INTERVAL_MS, move || look(&weak)));
}

fn look(weak: &Weak<Recorder>) {
    let Some(recorder) = weak.upgrade() else { return };
    let Some(log) = recorder.log.clone() else { return };
    wasm_bindgen_futures::spawn_local(async move {
        match keep_up(&log).await {
            Ok(storage_bytes) => recorder.upkeep.storage_bytes.set(storage_bytes),
            Err(failed) => recorder.notice.problem(failed.code(), &failed.to_string()),
        }
        for problem in log.take_problems() {
            recorder.notice.problem(problem.code(), &problem.to_string());
        }
        recorder.notice.changed();
    });
}

async fn keep_up(log: &IndexedDbLog) -> Result<u64, LogError> {
    log.retain(&RetentionPolicy::default()).await?;
    Ok(log.storage().await?.bytes_by_category.values().sum())
}
