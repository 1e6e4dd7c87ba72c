//! Gives an event the detail that its page handed over later, in an event of its own (`source.metadata.detail_of`).

use super::{Stored, both};
use crate::store::{Order, PageQuery, Store, StoreError};
use tabtape::selector::Selector;

/// Events of one type and moment that are looked at.
const MAX_SAME: usize = 50;

/// Replaces the data of `event` by its detail's, if it has a detail.
pub(crate) async fn attach(
    store: &Store,
    event: &mut Stored,
    always: Option<&Selector>,
) -> Result<(), StoreError> {
    if event.event()["detail_level"] != "standard" || event.is_detail() {
        return Ok(());
    }
    // A detail has the time of its event.
    let (type_, ts) = (event.type_(), event.ts());
    let ours = format!("detail:verbose type:{type_} since:{ts} until:{ts}");
    let query = PageQuery::new(Order::Seq(event.session), Some(both(&ours, always)), MAX_SAME)
        .within(event.seq, u64::MAX);
    let page = store.page(query).await?;
    let of = event.seq.to_string();
    let mut details = page.records.iter().filter_map(Stored::of);
    let Some(detail) = details.find(|detail| detail.metadata("detail_of") == Some(&*of)) else {
        return Ok(());
    };
    for field in ["data", "detail_level", "truncated"] {
        event.value["event"][field] = detail.event()[field].clone();
    }
    Ok(())
}
