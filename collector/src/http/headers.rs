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
use tabtape::record::{Line, parse_line};
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
    session: Vec<u32>,
    /// A record's seq; a gap's first.
    seq: Vec<u64>,
    /// Unix microseconds; 0 for a gap.
    ts: Vec<u64>,
    /// Index into `types`; 0 for a gap, whose column means nothing.
    #[serde(rename = "type")]
    type_: Vec<u32>,
    /// Index into `categories`.
    category: Vec<u32>,
    /// 0 debug, 1 info, 2 warn, 3 error; a gap is a warning.
    severity: Vec<u8>,
    /// The tab; -1 for none.
    tab: Vec<i64>,
    /// How many seqs a gap covers; 0 for an event.
    gap: Vec<u64>,
    sessions: Vec<String>,
    types: Vec<String>,
    categories: Vec<String>,
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
    let mut found = Collected {
        over_all: order == Order::Position,
        ..Collected::default()
    };
    let mut query = PageQuery::new(order, selector, limit).within(after, until);
    loop {
        let page = store.page(query.clone()).await?;
        query.limit -= page.records.len();
        query.after = page.cursor;
        let done = page.done;
        found = super::spawn_blocking_if_large(None, move || found.with(&page)).await?;
        if done || query.limit == 0 {
            let Collected {
                mut headers,
                sessions,
                types,
                categories,
                ..
            } = found;
            headers.sessions = sessions.list;
            headers.types = types.list;
            headers.categories = categories.list;
            headers.resume = extent.token(&store, query.after);
            headers.next = (!done).then(|| headers.resume.clone());
            return Ok(Json(headers));
        }
    }
}

/// Names numbered from 0 in order of first sight.
#[derive(Debug, Default)]
struct Names {
    list: Vec<String>,
    index: HashMap<String, u32>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.index.get(name) {
            return *number;
        }
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.push(name.to_owned());
        self.index.insert(name.to_owned(), number);
        number
    }
}

#[derive(Debug, Default)]
struct Collected {
    headers: Headers,
    over_all: bool,
    sessions: Names,
    types: Names,
    categories: Names,
}

impl Collected {
    fn with(mut self, page: &Page) -> Self {
        for record in &page.records {
            let parsed = parse_line(&record.line);
            if let (true, Ok(line)) = (self.over_all, &parsed) {
                self.headers.position.push(record.position);
                self.headers
                    .session
                    .push(self.sessions.number(line.session_id().as_str()));
            }
            let headers = &mut self.headers;
            match parsed {
                Ok(Line::Event { header, .. }) => {
                    let type_ = std::str::from_utf8(header.type_.of(&record.line)).unwrap_or_default();
                    let category = std::str::from_utf8(header.category.of(&record.line)).unwrap_or_default();
                    headers.seq.push(header.seq);
                    headers.ts.push(header.ts_micros);
                    headers.type_.push(self.types.number(type_));
                    headers.category.push(self.categories.number(category));
                    headers.severity.push(header.severity as u8);
                    headers.tab.push(header.tab_id);
                    headers.gap.push(0);
                }
                Ok(Line::Gap { gap, .. }) => {
                    headers.seq.push(gap.first_seq);
                    headers.ts.push(0);
                    headers.type_.push(0);
                    headers.category.push(self.categories.number(&gap.category));
                    headers.severity.push(GAP_SEVERITY);
                    headers.tab.push(-1);
                    headers.gap.push(gap.last_seq - gap.first_seq + 1);
                }
                // Stored lines were parsed before; the store replaces a damaged one by a gap.
                Err(_) => {}
            }
        }
        self
    }
}

const GAP_SEVERITY: u8 = tabtape::levels::Severity::Warn as u8;
