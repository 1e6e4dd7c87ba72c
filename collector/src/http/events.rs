//! `GET /v1/events`: pages of the past.

use super::problem::Problem;
use super::query::{ValidQuery, within};
use super::selection::{self, Extent};
use crate::auth::Grant;
use crate::store::{Page, PageQuery, SessionCoverage, Store};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

const DEFAULT_LIMIT: usize = 1_000;
const MAX_LIMIT: usize = 10_000;

/// The records to read.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsQuery {
    /// A selector, in text or object form.
    q: Option<String>,
    /// One session, in order of seq, or `newest`: that of the latest event. Without it all, in order of commit.
    session: Option<String>,
    /// Exclusive resume token: a seq within a session, else `store_id:position`; `latest` for the end.
    after: Option<String>,
    /// Most records, 1 to 10000. Without it a JSON page has 1000 and NDJSON has no end but the store's.
    #[param(minimum = 1, maximum = 10000)]
    limit: Option<usize>,
    /// The last records instead of the first; they still come oldest first.
    #[serde(default)]
    newest: bool,
    /// `json` or `ndjson`, instead of the Accept header.
    format: Option<String>,
    /// Whether a JSON page says what was being watched; true if not said.
    coverage: Option<bool>,
}

/// Read events.
///
/// As NDJSON, the lines as they were delivered with gaps in place, or as a JSON page with `next`, for
/// `Accept: application/json`.
#[utoipa::path(
    get, path = "/v1/events", tag = "read", params(EventsQuery),
    responses(
        (status = OK, description = "Records", content((String = "application/x-ndjson"), (serde_json::Value = "application/json"))),
        (status = BAD_REQUEST, description = "A bad selector, cursor or parameter", body = Problem, content_type = "application/problem+json"),
        (status = GONE, description = "`other_store`: the cursor is of another store", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn get(
    State(store): State<Store>,
    Extension(grant): Extension<Grant>,
    ValidQuery(asked): ValidQuery<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let limit = within("limit", asked.limit, DEFAULT_LIMIT, 1..=MAX_LIMIT)?;
    let as_json = match asked.format.as_deref() {
        Some("json") => true,
        Some("ndjson") => false,
        Some(other) => {
            let detail = format!("format: expected json or ndjson, got {other:?}");
            return Err(Problem::invalid_parameter(detail));
        }
        None => wants_json(&headers),
    };
    let selector = selection::selector(asked.q.as_deref(), &grant)?;
    let mut session = asked.session;
    if session.as_deref() == Some("newest") {
        session = store.newest_session().await?;
    }
    let extent = Extent::of(&store, session.as_deref()).await?;
    let after = extent.cursor(&store, asked.after.as_deref())?;
    let coverage = if as_json && asked.coverage.unwrap_or(true) {
        let session = session.filter(|session| !session.is_empty());
        Some(selection::coverage(&store, &grant, selector.clone(), session).await?)
    } else {
        None
    };
    let Some(order) = extent.order() else {
        return Ok(if as_json {
            json_page(&store, &extent, None, coverage)
        } else {
            ndjson(Body::empty(), None)
        });
    };
    let query = PageQuery::new(order, selector, limit)
        .within(after, u64::MAX)
        .newest(asked.newest);
    if as_json {
        let page = store.page(query).await?;
        return Ok(json_page(&store, &extent, Some(&page), coverage));
    }
    if asked.limit.is_none() && !asked.newest {
        return Ok(ndjson(everything(store, query), None));
    }
    let (body, next) = exactly(&store, query).await?;
    Ok(ndjson(
        Body::from(body),
        next.map(|cursor| extent.token(&store, cursor)),
    ))
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        range
            .split(';')
            .next()
            .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
    })
}

fn json_page(
    store: &Store,
    extent: &Extent,
    page: Option<&Page>,
    coverage: Option<Vec<SessionCoverage>>,
) -> Response {
    let mut body = BytesMut::new();
    body.put_slice(b"{\"records\":[");
    let mut positions = Vec::new();
    for (index, record) in page.iter().flat_map(|page| &page.records).enumerate() {
        if index > 0 {
            body.put_u8(b',');
        }
        body.put_slice(&record.line);
        positions.push(record.position);
    }
    let next = page
        .filter(|page| !page.done)
        .map(|page| extent.token(store, page.cursor));
    let rest = json!({
        "positions": positions,
        "next": next,
        "resume": page.map(|page| extent.token(store, page.cursor)),
        "read_to": page.map_or(0, |page| page.end),
        "indexed_to": store.indexed_to(),
        "coverage": coverage,
        "store_id": store.store_id(),
    });
    body.put_slice(b"],");
    body.put_slice(&rest.to_string().as_bytes()[1..]);
    super::typed("application/json", Body::from(body.freeze()))
}

fn ndjson(body: Body, next: Option<String>) -> Response {
    let mut response = super::typed("application/x-ndjson", body);
    if let Some(next) = next.and_then(|next| HeaderValue::try_from(next).ok()) {
        response.headers_mut().insert("x-tabtape-next", next);
    }
    response
}

fn lines(page: &Page, out: &mut BytesMut) {
    for record in &page.records {
        out.put_slice(&record.line);
        out.put_u8(b'\n');
    }
}

/// Returns up to `query.limit` records from as many pages as necessary, and the cursor to continue from.
async fn exactly(store: &Store, mut query: PageQuery) -> Result<(Bytes, Option<u64>), Problem> {
    let mut pages = Vec::new();
    let next = loop {
        let page = store.page(query.clone()).await?;
        query.limit -= page.records.len();
        if query.newest {
            query.until = page.cursor;
        } else {
            query.after = page.cursor;
        }
        let next = (!page.done).then_some(page.cursor);
        pages.push(page);
        if query.limit == 0 || next.is_none() {
            break next;
        }
    };
    if query.newest {
        pages.reverse();
    }
    let mut out = BytesMut::new();
    pages.iter().for_each(|page| lines(page, &mut out));
    Ok((out.freeze(), next.filter(|_| !query.newest)))
}

/// Returns every record to the end, page by page, as fast as the client reads.
fn everything(store: Store, query: PageQuery) -> Body {
    Body::from_stream(stream::unfold(Some((store, query)), |state| async {
        let (store, mut query) = state?;
        match store.page(query.clone()).await {
            Ok(page) => {
                let mut out = BytesMut::new();
                lines(&page, &mut out);
                query.after = page.cursor;
                let rest = (!page.done).then_some((store, query));
                Some((Ok(out.freeze()), rest))
            }
            // The headers were sent: a body that breaks off shows that it is incomplete.
            Err(error) => Some((Err(error), None)),
        }
    }))
}
