//! Background tasks, each started again when it ends.
//!
//! A task that ends by itself, or panics, is not running until it was started again, after 0.5 s and later after up
//! to 60 s. `/healthz` reports this, and how often it happened. Nothing restarts after [`Tasks::stop`].

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::{AbortHandle, JoinError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

const FIRST_DELAY: Duration = Duration::from_millis(500);
const LONGEST_DELAY: Duration = Duration::from_secs(60);
/// A task that has run for so long after a restart is running again.
const SETTLED: Duration = Duration::from_millis(500);
/// A task that ran for so long before it ended is started again after the first delay.
const STEADY: Duration = Duration::from_secs(60);

/// The background tasks of a store.
#[derive(Debug, Default)]
pub struct Tasks {
    stop: CancellationToken,
    states: Mutex<BTreeMap<&'static str, TaskState>>,
    running: Mutex<BTreeMap<&'static str, AbortHandle>>,
}

/// The state of a background task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct TaskState {
    /// Whether it runs.
    pub running: bool,
    /// How often it was started again.
    pub restarts: u64,
    /// The reason why it ended last.
    pub last_end: Option<String>,
    /// The reason why it runs and cannot work now.
    pub problem: Option<String>,
}

impl Tasks {
    /// Runs the future that `start` returns, and another one whenever it ends. A future returns why it ended.
    pub(crate) fn supervise<F>(self: &Arc<Self>, name: &'static str, start: impl Fn() -> F + Send + 'static)
    where
        F: Future<Output = String> + Send + 'static,
    {
        self.update(name, |state| state.running = true);
        let tasks = Arc::clone(self);
        tokio::spawn(async move {
            let mut delay = FIRST_DELAY;
            loop {
                let started = Instant::now();
                let Some(reason) = tasks.run_once(name, start()).await else {
                    return;
                };
                tracing::error!(task = name, %reason, "a background task ended; starting it again in {delay:?}");
                tasks.update(name, |state| {
                    state.running = false;
                    state.last_end = Some(reason);
                });
                if started.elapsed() >= STEADY {
                    delay = FIRST_DELAY;
                }
                tokio::select! {
                    () = tasks.stop.cancelled() => return,
                    () = tokio::time::sleep(delay) => {}
                }
                delay = (delay * 2).min(LONGEST_DELAY);
                tasks.update(name, |state| state.restarts += 1);
            }
        });
    }

    /// Runs a task to its end, and returns the reason; `None` after [`Tasks::stop`].
    async fn run_once(
        &self,
        name: &'static str,
        task: impl Future<Output = String> + Send + 'static,
    ) -> Option<String> {
        let mut running = tokio::spawn(task);
        self.running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, running.abort_handle());
        let settled = tokio::time::sleep(SETTLED);
        tokio::pin!(settled);
        let mut is_settled = false;
        let ended = loop {
            tokio::select! {
                ended = &mut running => break ended,
                () = self.stop.cancelled() => {
                    running.abort();
                    break running.await;
                }
                () = &mut settled, if !is_settled => {
                    is_settled = true;
                    self.update(name, |state| state.running = true);
                }
            }
        };
        if self.stop.is_cancelled() {
            return None;
        }
        // The text of a panic may contain captured text; the log has it.
        let failed = |error: JoinError| {
            if error.is_panic() {
                "it panicked"
            } else {
                "it was aborted"
            }
        };
        Some(ended.unwrap_or_else(|error| failed(error).to_owned()))
    }

    /// Aborts a task, which is started again. For tests of that.
    #[doc(hidden)]
    pub fn abort(&self, name: &str) {
        if let Some(task) = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
        {
            task.abort();
        }
    }

    /// Reports the reason why a task cannot work now; `None` if it works.
    pub(crate) fn report(&self, name: &'static str, problem: Option<String>) {
        self.update(name, |state| state.problem = problem);
    }

    /// Ends every task for good.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Returns the state of each task, by its name.
    pub fn states(&self) -> BTreeMap<&'static str, TaskState> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes the restarts in Prometheus' text form.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::from(
            "# HELP tabtape_task_restarts_total Background tasks that ended and were started again.\n\
             # TYPE tabtape_task_restarts_total counter\n",
        );
        for (name, state) in self.states() {
            let _ = writeln!(
                text,
                "tabtape_task_restarts_total{{task=\"{name}\"}} {}",
                state.restarts
            );
        }
        text
    }

    fn update(&self, name: &'static str, change: impl FnOnce(&mut TaskState)) {
        change(
            self.states
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(name)
                .or_default(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

    async fn wait_for(tasks: &Tasks, is_so: impl Fn(&TaskState) -> bool) {
        let started = Instant::now();
        while !is_so(&tasks.states()["worker"]) {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "{:?}",
                tasks.states()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn a_task_that_ends_or_panics_is_reported_and_started_again() {
        let tasks = Arc::new(Tasks::default());
        let (starts, is_repaired) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, repaired) = (Arc::clone(&starts), Arc::clone(&is_repaired));
        tasks.supervise("worker", move || {
            let (start, is_repaired) = (count.fetch_add(1, Relaxed), repaired.load(Relaxed));
            async move {
                match start {
                    0 => panic!("a mistake"),
                    _ if is_repaired => std::future::pending().await,
                    _ => "the disk is gone".to_owned(),
                }
            }
        });
        let ended = |reason: &str| {
            let reason = reason.to_owned();
            move |state: &TaskState| !state.running && state.last_end.as_ref() == Some(&reason)
        };
        wait_for(&tasks, ended("it panicked")).await;
        wait_for(&tasks, ended("the disk is gone")).await;
        is_repaired.store(true, Relaxed);
        wait_for(&tasks, |state| state.running && state.restarts > 1).await;
        let restarts = tasks.states()["worker"].restarts;
        assert!(tasks.to_text().contains(&format!(
            "tabtape_task_restarts_total{{task=\"worker\"}} {restarts}\n"
        )));
        tasks.stop();
        tokio::time::sleep(2 * FIRST_DELAY).await;
        assert_eq!(starts.load(Relaxed), restarts + 1, "nothing starts after the end");
    }
}
