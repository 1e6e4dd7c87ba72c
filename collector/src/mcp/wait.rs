//! `wait`: the next matching events after a cursor, so that nothing between two calls is missed.

use super::call::{Answer, Call, PAGE_EVENTS};
use super::list::{FOOTER_BYTES, Item, list};
use super::{ToolError, handle, structured};
use crate::clock::now_micros;
use crate::store::{Order, PageQuery};
use rmcp::model::ProgressNotificationParam;
use serde_json::json;
use std::time::Duration;

const WAIT_SECONDS: u64 = 45;
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

impl Call<'_> {
    pub(super) async fn wait(&self) -> Result<Answer, ToolError> {
        let store = &self.app.store;
        let selector = self.selector().await?;
        let mut commits = store.subscribe();
        let mut after = self.cursor()?.unwrap_or_else(|| store.latest_position());
        let seconds = self.arguments.whole("seconds", WAIT_SECONDS);
        let begun = tokio::time::Instant::now();
        let end = begun + Duration::from_secs(seconds);
        let mut beat = tokio::time::interval(PROGRESS_EVERY);
        // The first tick is immediate: a client learns at once that its call has arrived.
        beat.tick().await;
        self.progress(0.0, seconds).await;
        loop {
            commits.mark_unchanged();
            let query =
                PageQuery::new(Order::Position, selector.clone(), PAGE_EVENTS).within(after, u64::MAX);
            let page = store.page(query).await?;
            let items = self.items(&page.records).await?;
            if !items.is_empty() {
                let shown: Vec<&Item> = items.iter().collect();
                let listed = list(&shown, self.arguments.budget(), now_micros());
                let cursor = if listed.left_out > 0 {
                    listed.last.unwrap_or(after)
                } else {
                    page.cursor
                };
                let cursor = handle::cursor(store, cursor);
                let structured = self.wants_structure().then(|| {
                    let next = |position| json!({"cursor": handle::cursor(store, position)});
                    structured::of_list(&shown, self.arguments.budget(), Some(page.cursor), next).0
                });
                return Ok(Answer {
                    text: format!("{}Next: same q, {{\"cursor\":\"{cursor}\"}}", listed.text),
                    structured,
                });
            }
            after = page.cursor;
            if !page.done {
                continue;
            }
            tokio::select! {
                changed = commits.changed() => {
                    changed.map_err(|_| ToolError::Failed("the collector is stopping".into()))?;
                }
                () = tokio::time::sleep_until(end) => {
                    let start = format!("Nothing matched within {seconds} s.");
                    let budget = self.arguments.budget();
                    let text = self.nothing(&start, selector.as_deref(), budget - FOOTER_BYTES).await?;
                    let cursor = handle::cursor(store, after);
                    let structured = self.wants_structure().then(|| {
                        let next = |position| json!({"cursor": handle::cursor(store, position)});
                        structured::of_list(&[], self.arguments.budget(), Some(after), next).0
                    });
                    return Ok(Answer {
                        text: format!("{text}\nNext: same q, {{\"cursor\":\"{cursor}\"}}"),
                        structured,
                    });
                }
                () = self.context.ct.cancelled() => return Err(ToolError::Failed("cancelled".into())),
                _ = beat.tick() => self.progress(begun.elapsed().as_secs_f64(), seconds).await,
            }
        }
    }

    /// Reports progress to a client that asked for it, so that it does not take a long wait for a dead server.
    async fn progress(&self, elapsed: f64, seconds: u64) {
        let Some(token) = self.context.meta.get_progress_token() else {
            return;
        };
        let progress = ProgressNotificationParam::new(token, elapsed).with_total(seconds as f64);
        if let Err(error) = self.context.peer.notify_progress(progress).await {
            tracing::debug!(%error, "a client does not read its progress");
        }
    }
}
