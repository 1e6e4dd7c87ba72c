//! `coverage`: what was watched, at which level, since when, and what is missing. Empty answers of other tools end
//! with it.

use super::ToolError;
use super::call::{Answer, Call};
use super::list::FOOTER_BYTES;
use super::structured;
use crate::clock::now_micros;
use crate::diagnose::{self, name};
use crate::store::SessionCoverage;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use tabtape::selector::Selector;

/// Sessions that an empty answer names.
const MAX_SESSIONS: usize = 3;
/// Categories of a session that are named.
const MAX_CATEGORIES: usize = 12;

/// How many events of a session are stored.
#[derive(Debug)]
struct Counts {
    events: u64,
    errors: u64,
    warnings: u64,
}

impl Call<'_> {
    pub(super) async fn coverage(&self) -> Result<Answer, ToolError> {
        let selector = self.selector().await?;
        let budget = self.arguments.budget();
        let mut text = String::new();
        let coverage = self.watched(selector.as_deref()).await?;
        let lines = diagnose::describe_sessions(
            &self.app.store,
            &coverage,
            selector.as_deref(),
            usize::MAX,
            now_micros(),
        );
        let lines = lines.await?;
        let mut left_out = 0;
        let mut sessions = Vec::new();
        let room = budget - FOOTER_BYTES;
        for (index, line) in lines.iter().enumerate() {
            let session = coverage.get(index);
            let counts = match session {
                Some(session) if self.grant.selector.is_none() => self.counts(&session.session).await?,
                _ => None,
            };
            let counted = counts.as_ref().map_or_else(String::new, |counts| {
                format!(
                    "; {} events, {} errors, {} warnings",
                    counts.events, counts.errors, counts.warnings
                )
            });
            if text.len() + line.len() + counted.len() + 1 > room {
                left_out = lines.len() - index;
                break;
            }
            let _ = writeln!(text, "{line}{counted}");
            sessions.extend(session.map(|session| as_data(session, line, counts)));
        }
        if left_out > 0 {
            let _ = write!(
                text,
                "Left out: {left_out} older sessions; coverage {{\"budget\":{}}} or a narrower q",
                budget / 2
            );
        }
        let structured = self.wants_structure().then(|| {
            let (mut list, shown) = structured::bounded(json!({}), "sessions", sessions.into_iter(), budget);
            list["left_out"] = (coverage.len() - shown).into();
            list
        });
        Ok(Answer {
            text: text.trim_end().to_owned(),
            structured,
        })
    }

    /// Returns how many events of a session are stored; `None` without such a session.
    async fn counts(&self, session: &str) -> Result<Option<Counts>, ToolError> {
        let summary = self.app.store.session(session).await?;
        Ok(summary.map(|summary| {
            let by_severity = |severity: &str| -> u64 {
                summary
                    .counts
                    .values()
                    .filter_map(|counts| counts.get(severity))
                    .sum()
            };
            Counts {
                events: summary.events,
                errors: by_severity("error"),
                warnings: by_severity("warn"),
            }
        }))
    }

    async fn watched(&self, selector: Option<&Selector>) -> Result<Vec<SessionCoverage>, ToolError> {
        let coverage = self
            .app
            .store
            .coverage(selector.cloned().map(Arc::new), None)
            .await?;
        Ok(SessionCoverage::shown_to(
            self.grant.selector.as_deref(),
            coverage,
        ))
    }

    /// Returns an empty answer, which says what was watched.
    pub(super) async fn nothing(
        &self,
        start: &str,
        selector: Option<&Selector>,
        budget: usize,
    ) -> Result<String, ToolError> {
        let mut text = start.to_owned();
        self.add_coverage(&mut text, selector, budget).await?;
        Ok(text)
    }

    /// Adds what was watched, a line per session, as far as there is room.
    pub(super) async fn add_coverage(
        &self,
        text: &mut String,
        selector: Option<&Selector>,
        budget: usize,
    ) -> Result<(), ToolError> {
        let coverage = self.watched(selector).await?;
        let store = &self.app.store;
        for line in
            diagnose::describe_sessions(store, &coverage, selector, MAX_SESSIONS, now_micros()).await?
        {
            if text.len() + line.len() < budget {
                text.push('\n');
                text.push_str(&line);
            }
        }
        Ok(())
    }
}

/// Returns the coverage of a session as data. `line` describes it.
fn as_data(session: &SessionCoverage, line: &str, counts: Option<Counts>) -> Value {
    let watched = session.watched.last().map(|watched| {
        let levels = watched.categories.iter().take(MAX_CATEGORIES);
        json!({
            "from_ts": watched.window.from_ts,
            "to_ts": watched.window.to_ts,
            "categories": levels
                .map(|(category, level)| (name(category), name(level).into()))
                .collect::<serde_json::Map<_, _>>(),
        })
    });
    json!({
        "session": line.split_once([':', ' ']).map(|(handle, _)| handle),
        "text": line,
        "watched": watched,
        "gap_seqs": session.gap_seqs,
        "unwatched": session.unwatched.len(),
        "lost_documents": session.lost.len(),
        "counts": counts.map(|counts| json!({
            "events": counts.events,
            "errors": counts.errors,
            "warnings": counts.warnings,
        })),
    })
}
