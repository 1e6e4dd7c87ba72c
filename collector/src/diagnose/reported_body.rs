//! Gives a response the body that its page reported in an event of its own (`network.response_body`).

use super::{Stored, both};
use crate::store::{Order, PageQuery, Store, StoreError};
use tabtape::selector::Selector;

/// Records before the response from which on its body is looked for: the page may report it first.
const RECORDS_BEFORE: u64 = 50;
/// Records after it up to which its body is looked for.
const RECORDS_AFTER: u64 = 20_000;
/// Bodies of the tab that are looked at.
const MAX_BODIES: usize = 200;

/// Adds the body to `response`, if it is a response without one and the body was recorded.
pub(crate) async fn attach(
    store: &Store,
    response: &mut Stored,
    always: Option<&Selector>,
) -> Result<(), StoreError> {
    let is_response = response.type_() == "network.response" || response.is_failed_request();
    if !is_response || response.data()["body"].is_string() {
        return Ok(());
    }
    let Some(request) = response.metadata("request_id").map(ToOwned::to_owned) else {
        return Ok(());
    };
    let tab = response
        .tab()
        .map(|tab| format!(" tab:{tab}"))
        .unwrap_or_default();
    let session = response.value["capture_session_id"].as_str().unwrap_or_default();
    let query = PageQuery::new(
        Order::Position,
        Some(both(
            &format!("type:network.response_body session:{session}{tab}"),
            always,
        )),
        MAX_BODIES,
    )
    .within(
        response.position.saturating_sub(RECORDS_BEFORE),
        response.position.saturating_add(RECORDS_AFTER),
    );
    let page = store.page(query).await?;
    let bodies = page.records.iter().filter_map(Stored::of);
    // A detail comes after the event of which it has more.
    let of_request = bodies.filter(|body| body.metadata("request_id") == Some(&*request));
    let Some(reported) = of_request.last() else {
        return Ok(());
    };
    let data = response
        .value
        .pointer_mut("/event/data")
        .and_then(serde_json::Value::as_object_mut);
    if let Some(data) = data {
        data.insert("body".to_owned(), reported.data()["body"].clone());
    }
    Ok(())
}
