//! Periodic work: retention, and reading the storage used and the quota.

use super::running::Recorder;
use crate::log::{LogError, RetentionPolicy};
use crate::web::indexed_db::{IndexedDbLog, Storage};
use gloo_timers::callback::Interval;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// A worker that is awake looks this often. One that sleeps stores nothing.
const INTERVAL_MS: u32 = 120_000;

/// Ends when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Housekeeping {
    /// Nothing is evicted here, whatever the browser answers: an extension has `unlimitedStorage`.
    unlimited: Cell<bool>,
    seen: Cell<Seen>,
    interval: RefCell<Option<Interval>>,
}

/// The figures of the last reading.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// Bytes in all category logs.
    pub(super) storage_bytes: u64,
    /// Bytes that this origin may store, if the browser reports them.
    pub(super) quota_bytes: Option<u64>,
    /// The browser does not clear the logs by itself.
    pub(super) is_persistent: bool,
}

impl Housekeeping {
    pub(super) const fn seen(&self) -> Seen {
        self.seen.get()
    }
}

/// Looks at once, and then every two minutes; and asks the browser to keep the logs.
pub(super) fn begin(recorder: &Rc<Recorder>, unlimited: bool) {
    recorder.housekeeping.unlimited.set(unlimited);
    let weak = Rc::downgrade(recorder);
    look(&weak);
    if let Some(log) = recorder.log.clone().filter(|_| !unlimited) {
        let weak = weak.clone();
        wasm_bindgen_futures::spawn_local(async move {
            // A person may be asked, and take their time. A browser that cannot be asked promises nothing.
            if log.persist().await == Ok(true) {
                look(&weak);
            }
        });
    }
    *recorder.housekeeping.interval.borrow_mut() = Some(Interval::new(INTERVAL_MS, move || look(&weak)));
}

fn look(weak: &Weak<Recorder>) {
    let Some(recorder) = weak.upgrade() else { return };
    let Some(log) = recorder.log.clone() else { return };
    wasm_bindgen_futures::spawn_local(async move {
        match keep_house(&log).await {
            Ok(storage) => recorder.housekeeping.seen.set(Seen {
                storage_bytes: storage.bytes_by_category.values().sum(),
                quota_bytes: storage.quota_bytes,
                is_persistent: storage.persisted || recorder.housekeeping.unlimited.get(),
            }),
            Err(failed) => recorder.notice.problem(failed.code(), &failed.to_string()),
        }
        for problem in log.take_problems() {
            recorder.notice.problem(problem.code(), &problem.to_string());
        }
        recorder.notice.changed();
    });
}

async fn keep_house(log: &IndexedDbLog) -> Result<Storage, LogError> {
    log.retain(&RetentionPolicy::default()).await?;
    log.storage().await
}
