//! `GET /v1/diagnose`: what went wrong.

use super::problem::Problem;
use super::query::{ValidQuery, within};
use super::selection;
use crate::auth::Grant;
use crate::diagnose::{self, Diagnosis, NewSince};
use crate::store::Store;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Bytes per token: a rough measure, as used for English text and JSON.
const BYTES_PER_TOKEN: usize = 4;
const DEFAULT_BUDGET: usize = 1_000;
const MIN_BUDGET: usize = diagnose::MIN_BYTES / BYTES_PER_TOKEN;
const MAX_BUDGET: usize = 20_000;
/// Problems in the JSON form.
const MAX_PROBLEMS: usize = 100;
/// Bytes of the text of an event in the JSON form.
const MAX_TEXT_BYTES: usize = 1_000;

/// The range in which to look for problems.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct DiagnoseQuery {
    /// A selector that narrows it, in text or object form.
    q: Option<String>,
    /// Most tokens of the text form, 250 to 20000; 1000 if absent.
    #[param(minimum = 250, maximum = 20000)]
    budget: Option<usize>,
    /// `json` or `text`; `json` if absent.
    format: Option<String>,
}

/// The problems of a selection, ranked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problems {
    /// Ranked, noise last; at most 100.
    problems: Vec<ProblemOfPages>,
    /// Problems that are left out.
    left_out: usize,
    /// Errors that were grouped.
    errors: usize,
    /// Whether older errors were not looked at.
    is_cut: bool,
    /// Descriptions of what was being watched, one per session.
    watched: Vec<String>,
}

/// Errors of one fingerprint.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProblemOfPages {
    /// Errors of the group.
    count: usize,
    /// When the first occurred, Unix microseconds.
    first_ts: u64,
    /// When the last occurred, Unix microseconds.
    last_ts: u64,
    /// Whether it rarely matters.
    is_noise: bool,
    /// The event after which it occurred first: `deploy` (the newest mark whose note begins with this word), `session` (an
    /// older one did not have it) or `navigation` (to the page that the tab shows). Absent if none, or not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    new_since: Option<&'static str>,
    /// Events of the tab before the newest error that may have led to it, and that error last.
    events: Vec<EventOfProblem>,
}

/// One event, in short.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventOfProblem {
    /// The id of its session.
    session: String,
    /// Its seq.
    seq: u64,
    /// When it occurred, Unix microseconds.
    ts: u64,
    /// Its type.
    #[serde(rename = "type")]
    type_: String,
    /// Its content in words: text that a page wrote, at most 1000 bytes.
    text: String,
}

/// Name what went wrong: errors in groups, each with the click and the failed request before it.
///
/// As JSON, or as text of at most a budget of tokens.
#[utoipa::path(
    get, path = "/v1/diagnose", tag = "read", params(DiagnoseQuery),
    responses(
        (status = OK, content((Problems = "application/json"), (String = "text/plain"))),
        (status = BAD_REQUEST, description = "A bad selector or parameter", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn get(
    State(store): State<Store>,
    Extension(grant): Extension<Grant>,
    ValidQuery(asked): ValidQuery<DiagnoseQuery>,
) -> Result<Response, Problem> {
    let budget = within("budget", asked.budget, DEFAULT_BUDGET, MIN_BUDGET..=MAX_BUDGET)?;
    let as_text = match asked.format.as_deref() {
        None | Some("json") => false,
        Some("text") => true,
        Some(other) => {
            let detail = format!("format: expected json or text, got {other:?}");
            return Err(Problem::invalid_parameter(detail));
        }
    };
    let selector = selection::selector(asked.q.as_deref(), &grant)?;
    let diagnosis = diagnose::run(&store, selector, grant.selector.as_deref()).await?;
    if as_text {
        let text = diagnose::render(&diagnosis, budget * BYTES_PER_TOKEN);
        let content_type = (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        return Ok(([content_type], text).into_response());
    }
    Ok(Json(Problems::of(diagnosis)).into_response())
}

impl Problems {
    fn of(diagnosis: Diagnosis) -> Self {
        let left_out = diagnosis.problems.len().saturating_sub(MAX_PROBLEMS);
        let problems = diagnosis
            .problems
            .iter()
            .take(MAX_PROBLEMS)
            .map(|problem| ProblemOfPages {
                count: problem.count,
                first_ts: problem.first_ts,
                last_ts: problem.last_ts,
                is_noise: problem.is_noise,
                new_since: problem.new_since.map(NewSince::as_str),
                events: problem
                    .chain
                    .iter()
                    .chain([&problem.newest])
                    .map(EventOfProblem::of)
                    .collect(),
            });
        Self {
            problems: problems.collect(),
            left_out,
            errors: diagnosis.errors,
            is_cut: diagnosis.is_cut,
            watched: diagnosis.watched,
        }
    }
}

impl EventOfProblem {
    fn of(stored: &diagnose::Stored) -> Self {
        let mut text = diagnose::content(stored, "");
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        Self {
            session: stored.value["capture_session_id"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            seq: stored.seq,
            ts: stored.ts(),
            type_: stored.type_().to_owned(),
            text,
        }
    }
}
