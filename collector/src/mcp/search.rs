//! `search`: a page of events, newest or oldest first, with the cursors that continue in both directions.

use super::call::{Answer, Call, PAGE_EVENTS};
use super::list::{Item, Listed, list};
use super::{ToolError, handle, structured};
use crate::clock::now_micros;
use crate::store::{Order, PageQuery};
use serde_json::json;
use std::fmt::Write as _;

impl Call<'_> {
    pub(super) async fn search(&self) -> Result<Answer, ToolError> {
        let store = &self.app.store;
        let selector = self.selector().await?;
        let newest = self.arguments.text("order") != "oldest";
        let cursor = self.cursor()?;
        let query = PageQuery::new(Order::Position, selector.clone(), PAGE_EVENTS)
            .within(
                if newest { 0 } else { cursor.unwrap_or(0) },
                if newest {
                    cursor.map_or(u64::MAX, |cursor| cursor.saturating_sub(1))
                } else {
                    u64::MAX
                },
            )
            .newest(newest);
        let page = store.page(query).await?;
        let mut items = self.items(&page.records).await?;
        if newest {
            items.reverse();
        }
        let now = now_micros();
        let budget = self.arguments.budget();
        let order = if newest { "newest" } else { "oldest" };
        let structured = self.wants_structure().then(|| {
            let end = (!page.done).then_some(page.cursor + u64::from(newest));
            let next = |position| json!({"order": order, "cursor": handle::cursor(store, position)});
            structured::of_list(&items.iter().collect::<Vec<_>>(), budget, end, next).0
        });
        if items.is_empty() && page.done {
            let text = self
                .nothing("Nothing matched.", selector.as_deref(), budget)
                .await?;
            return Ok(Answer { text, structured });
        }
        let Some(first) = items.first().map(Item::position) else {
            // A page ends after a while also if it found nothing.
            let cursor = handle::cursor(store, page.cursor + u64::from(newest));
            let text = format!(
                "Nothing so far, not read to the end: same q, {{\"order\":\"{order}\",\"cursor\":\"{cursor}\"}}"
            );
            return Ok(Answer { text, structured });
        };
        let Listed {
            mut text,
            last,
            left_out,
        } = list(&items.iter().collect::<Vec<_>>(), budget, now);
        if left_out > 0 || !page.done {
            let more = if left_out > 0 {
                format!("{left_out} or more left out")
            } else {
                "There may be more".into()
            };
            let end = last
                .filter(|_| left_out > 0)
                .unwrap_or(page.cursor + u64::from(newest));
            let cursor = handle::cursor(store, end);
            let _ = writeln!(
                text,
                "{more}: same q, {{\"order\":\"{order}\",\"cursor\":\"{cursor}\"}}"
            );
        }
        let (label, order) = if newest {
            ("Newer", "oldest")
        } else {
            ("Older", "newest")
        };
        let cursor = handle::cursor(store, first);
        let _ = write!(text, "{label}: {{\"order\":\"{order}\",\"cursor\":\"{cursor}\"}}");
        if items.len() <= 2 {
            self.add_coverage(&mut text, selector.as_deref(), budget).await?;
        }
        Ok(Answer { text, structured })
    }
}
