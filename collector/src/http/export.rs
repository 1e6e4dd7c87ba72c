//! `GET /v1/export`: records as a file that other programs open.

use super::problem::Problem;
use super::query::ValidQuery;
use super::selection::{self, Extent};
use crate::auth::Grant;
use crate::clock::now_micros;
use crate::diagnose::both;
use crate::export::{self, About};
use crate::store::{Page, PageQuery, Store};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use tabtape::har::Archive;
use tabtape::selector::Selector;
use utoipa::{IntoParams, ToSchema};

/// Most network records of an archive, which is made in memory.
const MAX_HAR_RECORDS: usize = 200_000;
const PAGE_RECORDS: usize = 10_000;

/// The form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ExportFormat {
    /// The network events as an HTTP archive, version 1.2.
    Har,
    /// A bug report: the problems with their cause chains.
    Markdown,
    /// A Playwright test that repeats what was done before the first problem.
    Playwright,
    /// One HTML file with the viewer and the records inside.
    Bundle,
}

/// The records to export.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportQuery {
    /// The form of the file.
    #[param(inline)]
    format: ExportFormat,
    /// A selector, in text or object form.
    q: Option<String>,
    /// One session; without it all.
    session: Option<String>,
    /// The `request_id` of the only request of an HTTP archive.
    request: Option<String>,
}

/// Write records to a file that other programs open. The file says what it leaves out.
#[utoipa::path(
    get, path = "/v1/export", tag = "read", params(ExportQuery),
    responses(
        (status = OK, description = "The file", content(
            (serde_json::Value = "application/json"), (String = "text/markdown"), (String = "text/javascript"), (String = "text/html"),
        )),
        (status = BAD_REQUEST, description = "A bad selector or parameter", body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, description = "`no_problem`: there is no failure to repeat; `no_viewer`: this collector was built without it", body = Problem, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "`too_much`: more than a bundle can hold", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn get(
    State(store): State<Store>,
    Extension(grant): Extension<Grant>,
    ValidQuery(asked): ValidQuery<ExportQuery>,
) -> Result<Response, Problem> {
    let selector = selection::selector(asked.q.as_deref(), &grant)?;
    let extent = Extent::of(&store, asked.session.as_deref()).await?;
    let always = grant.selector.as_deref();
    let (content_type, file) = match asked.format {
        ExportFormat::Har => {
            let archive = har(&store, &extent, selector, asked.request).await?;
            ("application/json", archive)
        }
        ExportFormat::Markdown => {
            let report = export::report(&store, within(&extent, selector), always).await?;
            ("text/markdown; charset=utf-8", report)
        }
        ExportFormat::Playwright => {
            let script = export::script(&store, within(&extent, selector), always).await?;
            let script = script.ok_or_else(|| {
                let detail = "no error of a tab is in this range, so there is no failure to repeat";
                Problem::new(StatusCode::NOT_FOUND, "no_problem", detail.to_owned())
            })?;
            ("text/javascript; charset=utf-8", script)
        }
        ExportFormat::Bundle => {
            let html = bundle(&store, &extent, selector, &grant, asked).await?;
            // Opened at this origin, the page would be the viewer's peer: it is a file to be saved.
            let mut response = super::typed("text/html; charset=utf-8", Body::from(html));
            response.headers_mut().insert(
                http::header::CONTENT_DISPOSITION,
                http::HeaderValue::from_static("attachment; filename=\"tabtape.html\""),
            );
            return Ok(response);
        }
    };
    Ok(super::typed(content_type, Body::from(file)))
}

/// Adds the session to a selector.
fn within(extent: &Extent, selector: Option<Arc<Selector>>) -> Option<Arc<Selector>> {
    let Extent::Session(session, _) = extent else {
        return selector;
    };
    Some(both(&format!("session:{session}"), selector.as_deref()))
}

/// Reads records page by page.
struct Pages {
    /// Most records that are still to be read.
    left: usize,
    /// The next page; `None` after the last one.
    query: Option<PageQuery>,
}

impl Pages {
    fn of(extent: &Extent, selector: Option<Arc<Selector>>, limit: usize) -> Self {
        let query = extent
            .order()
            .map(|order| PageQuery::new(order, selector, PAGE_RECORDS.min(limit)));
        Self { left: limit, query }
    }

    /// Returns the next page, and whether records after it are left out by the limit.
    async fn next(&mut self, store: &Store) -> Result<Option<(Page, bool)>, Problem> {
        let Some(mut query) = self.query.take() else {
            return Ok(None);
        };
        let page = store.page(query.clone()).await?;
        self.left -= page.records.len();
        query.limit = PAGE_RECORDS.min(self.left);
        query.after = page.cursor;
        let is_limited = !page.done && self.left == 0;
        if !page.done && !is_limited {
            self.query = Some(query);
        }
        Ok(Some((page, is_limited)))
    }
}

async fn har(
    store: &Store,
    extent: &Extent,
    selector: Option<Arc<Selector>>,
    request: Option<String>,
) -> Result<String, Problem> {
    let selector = both("category:network", selector.as_deref());
    let mut archive = request.map_or_else(Archive::new, Archive::of_request);
    let mut notes = Vec::new();
    let mut pages = Pages::of(extent, Some(selector), MAX_HAR_RECORDS);
    while let Some((page, is_limited)) = pages.next(store).await? {
        let take = move || {
            page.records.iter().for_each(|record| archive.take(&record.line));
            archive
        };
        archive = super::spawn_blocking_if_large(None, take).await?;
        if is_limited {
            notes.push(format!(
                "The archive ends after {MAX_HAR_RECORDS} network records: narrow the range for later ones"
            ));
        }
    }
    super::spawn_blocking_if_large(None, move || archive.text(&notes)).await
}

async fn bundle(
    store: &Store,
    extent: &Extent,
    selector: Option<Arc<Selector>>,
    grant: &Grant,
    asked: ExportQuery,
) -> Result<String, Problem> {
    let mut lines: Vec<Bytes> = Vec::new();
    let mut bytes = 0;
    let mut pages = Pages::of(extent, selector.clone(), usize::MAX);
    while let Some((page, _)) = pages.next(store).await? {
        bytes += page.records.iter().map(|record| record.line.len()).sum::<usize>();
        lines.extend(page.records.into_iter().map(|record| record.line));
        if bytes > export::MAX_BUNDLE_BYTES {
            let detail = format!(
                "the records have more than {} MiB: narrow the range with since: and until:",
                export::MAX_BUNDLE_BYTES >> 20
            );
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "too_much", detail));
        }
    }
    let session = asked.session.filter(|session| !session.is_empty());
    let coverage = selection::coverage(store, grant, selector, session.clone()).await?;
    let about = About {
        selector: asked.q.unwrap_or_default(),
        session,
        now: now_micros(),
        coverage: json!({ "sessions": coverage }).to_string(),
    };
    let html = super::spawn_blocking_if_large(None, move || export::bundle(&lines, &about)).await?;
    html.ok_or_else(|| {
        let detail = "this collector was built without the viewer: run `npm run build`";
        Problem::new(StatusCode::NOT_FOUND, "no_viewer", detail.to_owned())
    })
}
