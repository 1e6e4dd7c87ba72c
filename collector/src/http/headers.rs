//! `GET /v1/headers`: the fields that readers filter on, for many records at once, without their contents.
//!
//! A viewer counts, bins and lists a million records by these, and reads the lines of the few it shows
//! from `GET /v1/events`. Columns of numbers, about 40 bytes per record; names are interned per reply.
//! It contains no time for a gap and no status: a reader that needs them reads the line.

use super::problem::Problem;
use super::query::{ValidQuery, within};
use super::selection::{self, Extent};
use crate::auth::Grant;
use crate::store::{Order, Page, PageQuery, Store};
use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use tabtape::log::Columns;
use tabtape::record::{Entry, parse_line};
use utoipa::{IntoParams, ToSchema};

const DEFAULT_LIMIT: usize = 20_000;
const MAX_LIMIT: usize = 100_000;

/// The headers to read.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct HeadersQuery {
    /// A selector, in text or object form.
    q: Option<String>,
    /// One session, in order of seq; without it all, in order of commit.
    session: Option<String>,
    /// Exclusive cursor: a seq within a session, else `store_id:position`.
    after: Option<String>,
    /// Inclusive end, of the same form.
    until: Option<String>,
    /// Most records, 1 to 100000.
    #[param(minimum = 1, maximum = 100_000)]
    limit: Option<usize>,
}

/// Headers in order of the cursor: the n-th of each column belong together.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Headers {
    /// Over all sessions: its number in the order of commit; empty within one session.
    position: Vec<u64>,
    /// Over all sessions: index into `sessions`; empty within one.
    session: Vec<usize>,
    sessions: Vec<String>,
    /// Indexes into `sessions` by the row of the session.
    #[serde(skip)]
    numbers: HashMap<i64, usize>,
    #[serde(flatten)]
    columns: Columns,
    /// The cursor of the next page; null when no more is stored, or no more up to `until`.
    next: Option<String>,
    /// The cursor after the last record that was examined.
    resume: String,
}

/// Read headers.
#[utoipa::path(
    get, path = "/v1/headers", tag = "read", params(HeadersQuery),
    responses(
        (status = OK, body = Headers),
        (status = BAD_REQUEST, description = "A bad selector, cursor or parameter", body = Problem, content_type = "application/problem+json"),
        (status = GONE, description = "`other_store`: the cursor is of another store", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn get(
    State(store): State<Store>,
    Extension(grant): Extension<Grant>,
    ValidQuery(asked): ValidQuery<HeadersQuery>,
) -> Result<Json<Headers>, Problem> {
    let limit = within("limit", asked.limit, DEFAULT_LIMIT, 1..=MAX_LIMIT)?;
    let selector = selection::selector(asked.q.as_deref(), &grant)?;
    let extent = Extent::of(&store, asked.session.as_deref()).await?;
    let after = extent.cursor(&store, asked.after.as_deref())?;
    let until = match asked.until.as_deref() {
        Some(token) => extent.cursor(&store, Some(token))?,
        None => u64::MAX,
    };
    let Some(order) = extent.order() else {
        return Ok(Json(Headers {
            resume: extent.token(&store, after),
            ..Headers::default()
        }));
    };
    let over_all = order == Order::Position;
    let mut headers = Headers::default();
    let mut query = PageQuery::new(order, selector, limit).within(after, until);
    loop {
        let page = store.page(query.clone()).await?;
        query.limit -= page.records.len();
        query.after = page.cursor;
        let done = page.done;
        headers = super::spawn_blocking_if_large(None, move || headers.with(&page, over_all)).await?;
        if done || query.limit == 0 {
            headers.resume = extent.token(&store, query.after);
            headers.next = (!done).then(|| headers.resume.clone());
            return Ok(Json(headers));
        }
    }
}

impl Headers {
    fn with(mut self, page: &Page, over_all: bool) -> Self {
        for record in &page.records {
            // Stored lines were parsed before; the store replaces a damaged one by a gap.
            let Ok(parsed) = parse_line(&record.line) else {
                continue;
            };
            if over_all {
                self.position.push(record.position);
                let number = *self.numbers.entry(record.session).or_insert_with(|| {
                    self.sessions.push(parsed.session_id().to_string());
                    self.sessions.len() - 1
                });
                self.session.push(number);
            }
            self.columns.push(&Entry::new(parsed, record.line.clone()));
        }
        self
    }
}
