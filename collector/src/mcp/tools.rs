//! The answers of the tools.

use super::list::{FOOTER_BYTES, Item, Listed, list};
use super::spec::{Arguments, Spec};
use super::{ToolError, compare, event, handle, structured};
use crate::app::App;
use crate::auth::{Grant, Scope};
use crate::clock::now_micros;
use crate::diagnose::{self, OriginalPlaces, Stored};
use crate::store::{Order, PageQuery, SessionCoverage};
use rmcp::model::ProgressNotificationParam;
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tabtape::selector::Selector;

/// Events that one page of a list looks at; the budget shows fewer.
const PAGE_EVENTS: usize = 500;
/// Events before one that are looked at for what led to it.
const CONTEXT_EVENTS: usize = 300;
/// Events of no special kind that are shown before one.
const NEAREST_EVENTS: usize = 20;
/// Steps of each side of a comparison.
const STEPS: usize = 2_000;
const WAIT_SECONDS: u64 = 45;
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// Sessions that an empty answer names.
const MAX_SESSIONS: usize = 3;

/// One call of a tool, its arguments checked.
pub(super) struct Call<'a> {
    pub(super) app: &'a App,
    pub(super) grant: &'a Grant,
    pub(super) spec: &'static Spec,
    pub(super) arguments: Arguments,
    pub(super) context: RequestContext<RoleServer>,
}

/// The answer of a tool.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) text: String,
    /// The same as data, if the client asked for it and the tool has it.
    pub(super) structured: Option<Value>,
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self {
            text,
            structured: None,
        }
    }
}

impl Call<'_> {
    pub(super) async fn answer(&self) -> Result<Answer, ToolError> {
        match self.spec.name {
            "diagnose" => self.diagnose().await,
            "search" => self.search().await,
            "event" => self.event().await.map(Answer::from),
            "led_to" => self.led_to().await.map(Answer::from),
            "wait" => self.wait().await,
            "compare" => self.compare().await.map(Answer::from),
            "coverage" => self.coverage().await.map(Answer::from),
            _ => self.mark().await.map(Answer::from),
        }
    }

    /// Whether the client asked for data next to the text.
    fn wants_structure(&self) -> bool {
        self.context.meta.get(structured::META_KEY) == Some(&Value::Bool(true))
    }

    async fn diagnose(&self) -> Result<Answer, ToolError> {
        let diagnosis = diagnose::run(
            &self.app.store,
            self.selector().await?,
            self.grant.selector.as_deref(),
        )
        .await?;
        let budget = self.arguments.budget();
        Ok(Answer {
            text: diagnose::render(&diagnosis, budget),
            structured: self
                .wants_structure()
                .then(|| structured::of_diagnosis(&diagnosis, budget)),
        })
    }

    async fn search(&self) -> Result<Answer, ToolError> {
        let store = &self.app.store;
        let selector = self.selector().await?;
        let newest = self.arguments.text("order") != "oldest";
        let cursor = self.cursor()?;
        let query = PageQuery {
            order: Order::Position,
            selector: selector.clone(),
            after: if newest { 0 } else { cursor.unwrap_or(0) },
            until: if newest {
                cursor.map_or(u64::MAX, |cursor| cursor.saturating_sub(1))
            } else {
                u64::MAX
            },
            newest,
            limit: PAGE_EVENTS,
        };
        let page = store.page(query).await?;
        let mut items: Vec<Item> = page.records.iter().map(Item::of).collect();
        if newest {
            items.reverse();
        }
        let now = now_micros();
        let budget = self.arguments.budget();
        let order = if newest { "newest" } else { "oldest" };
        let structured = self.wants_structure().then(|| {
            let end = (!page.done).then_some(page.cursor + u64::from(newest));
            structured::of_list(
                &items,
                budget,
                end,
                |position| json!({"order": order, "cursor": handle::cursor(store, position)}),
            )
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

    async fn event(&self) -> Result<String, ToolError> {
        let stored = self.named_event().await?;
        Ok(event::describe(
            &stored,
            self.arguments.flag("headers"),
            self.arguments.budget(),
            now_micros(),
        ))
    }

    async fn led_to(&self) -> Result<String, ToolError> {
        let stored = self.named_event().await?;
        let always = self.grant.selector.as_deref();
        let around = diagnose::context(&self.app.store, &stored, "", always, CONTEXT_EVENTS).await?;
        let before = around.before;
        let is_cut = before.len() >= CONTEXT_EVENTS;
        let handle = stored.handle();
        let budget = self.arguments.budget();
        let mut items = leading(before, &stored);
        items.push((Rank::Kept, Item::Event(Box::new(stored))));
        let (listed, left_out) = fit(items, budget);
        let mut text = listed.text;
        if left_out > 0 || is_cut {
            let more = if left_out > 0 {
                left_out.to_string()
            } else {
                "older".into()
            };
            let tokens = budget / 2;
            let _ = write!(
                text,
                "Left out: {more} events before; led_to {{\"event\":\"{handle}\",\"budget\":{tokens}}}"
            );
        }
        Ok(text.trim_end().to_owned())
    }

    async fn wait(&self) -> Result<Answer, ToolError> {
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
            let query = PageQuery {
                order: Order::Position,
                selector: selector.clone(),
                after,
                until: u64::MAX,
                newest: false,
                limit: PAGE_EVENTS,
            };
            let page = store.page(query).await?;
            if !page.records.is_empty() {
                let items: Vec<Item> = page.records.iter().map(Item::of).collect();
                let shown: Vec<&Item> = items.iter().collect();
                let listed = list(&shown, self.arguments.budget(), now_micros());
                let cursor = if listed.left_out > 0 {
                    listed.last.unwrap_or(after)
                } else {
                    page.cursor
                };
                let cursor = handle::cursor(store, cursor);
                let structured = self.wants_structure().then(|| {
                    structured::of_list(
                        &items,
                        self.arguments.budget(),
                        Some(page.cursor),
                        |position| json!({"cursor": handle::cursor(store, position)}),
                    )
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
                        structured::of_list(&[], self.arguments.budget(), Some(after), |position| {
                            json!({"cursor": handle::cursor(store, position)})
                        })
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

    async fn compare(&self) -> Result<String, ToolError> {
        let a = self.selector_of("a").await?;
        let b = self.selector_of("b").await?;
        let store = &self.app.store;
        let side = async |selector: Option<Arc<Selector>>| -> Result<compare::Side, ToolError> {
            let (errors, all_errors) = diagnose::errors(store, selector.as_deref()).await?;
            let (steps, all_steps) = diagnose::steps(store, selector.as_deref(), STEPS).await?;
            Ok(compare::Side {
                errors,
                steps,
                is_cut: !(all_errors && all_steps),
            })
        };
        let budget = self.arguments.budget();
        let side_a = side(a.clone()).await?;
        let side_b = side(b.clone()).await?;
        let mut text = compare::compare(&side_a, &side_b, budget);
        // A side without steps may be one that was not watched.
        for (name, side, selector) in [("a", &side_a, &a), ("b", &side_b, &b)] {
            if side.steps.is_empty() {
                let mut coverage = format!("{name} has no steps.");
                self.add_coverage(
                    &mut coverage,
                    selector.as_deref(),
                    budget.saturating_sub(text.len() + 1),
                )
                .await?;
                if text.len() + 1 + coverage.len() <= budget {
                    text = format!("{text}\n{coverage}");
                }
            }
        }
        Ok(text)
    }

    async fn coverage(&self) -> Result<String, ToolError> {
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
        let room = budget - FOOTER_BYTES;
        for (index, line) in lines.iter().enumerate() {
            let counts = match coverage.get(index) {
                Some(session) if self.grant.selector.is_none() => self.counts(&session.session).await?,
                _ => String::new(),
            };
            if text.len() + line.len() + counts.len() + 1 > room {
                left_out = lines.len() - index;
                break;
            }
            let _ = writeln!(text, "{line}{counts}");
        }
        if left_out > 0 {
            let _ = write!(
                text,
                "Left out: {left_out} older sessions; coverage {{\"budget\":{}}} or a narrower q",
                budget / 2
            );
        }
        Ok(text.trim_end().to_owned())
    }

    /// Returns how many events of a session are stored, and how many of them are errors.
    async fn counts(&self, session: &str) -> Result<String, ToolError> {
        let Some(summary) = self.app.store.session(session).await? else {
            return Ok(String::new());
        };
        let by_severity = |severity: &str| -> u64 {
            summary
                .counts
                .values()
                .filter_map(|counts| counts.get(severity))
                .sum()
        };
        Ok(format!(
            "; {} events, {} errors, {} warnings",
            summary.events,
            by_severity("error"),
            by_severity("warn")
        ))
    }

    async fn mark(&self) -> Result<String, ToolError> {
        if self.grant.scope != Scope::Admin {
            return Err(ToolError::Wrong(
                "this token only reads; mark needs an admin token".into(),
            ));
        }
        let event = json!({
            "type": "system.mark", "category": "system",
            "source": {"kind": "local_process", "event": "mcp"}, "data": {"text": self.arguments.text("text")},
        });
        let events = [event.to_string().into()];
        let published = self.app.producers.publish("tabtape-mcp", &events, None).await;
        let published = published.map_err(|error| ToolError::Failed(error.to_string()))?;
        match published.refused {
            None => Ok("marked".into()),
            Some((_, why)) => Err(self.spec.refuse(why)),
        }
    }

    /// Returns what `q` selects, with the token's own selector ANDed.
    async fn selector(&self) -> Result<Option<Arc<Selector>>, ToolError> {
        self.selector_of("q").await
    }

    /// Returns what the argument `name` selects, with the token's own selector ANDed.
    async fn selector_of(&self, name: &str) -> Result<Option<Arc<Selector>>, ToolError> {
        let q = self.arguments.text(name).trim();
        if q.is_empty() {
            return Ok(self.grant.selector.clone());
        }
        let q = handle::with_session_ids(&self.app.store, q).await?;
        let asked = Selector::parse(&q, now_micros())
            .map_err(|error| self.spec.refuse(format!("cannot read {name}: {error}")))?;
        Ok(Some(Arc::new(match &self.grant.selector {
            Some(always) => asked.and(always),
            None => asked,
        })))
    }

    fn cursor(&self) -> Result<Option<u64>, ToolError> {
        let cursor = self.arguments.text("cursor");
        if cursor.is_empty() {
            return Ok(None);
        }
        let position = handle::position(&self.app.store, cursor).map_err(|why| self.spec.refuse(why))?;
        Ok(Some(position))
    }

    /// Reads the event that the arguments name.
    pub(super) async fn named_event(&self) -> Result<Stored, ToolError> {
        let name = self.arguments.text("event");
        let Some((session, seq)) = handle::event(name) else {
            return Err(self
                .spec
                .refuse(format!("expects event to be a name like s3:1042, not {name:?}")));
        };
        let query = PageQuery {
            order: Order::Seq(session),
            selector: self.grant.selector.clone(),
            after: seq - 1,
            until: seq,
            newest: false,
            limit: 1,
        };
        let page = self.app.store.page(query).await?;
        let stored = page.records.first().and_then(Stored::of);
        let mut stored = stored.ok_or_else(|| self.spec.refuse(format!("found no event {name:?}")))?;
        let places = OriginalPlaces::read(&self.app.store, self.grant.selector.as_deref()).await?;
        places.apply(&mut stored);
        diagnose::attach_reported_body(&self.app.store, &mut stored, self.grant.selector.as_deref()).await?;
        Ok(stored)
    }

    async fn watched(&self, selector: Option<&Selector>) -> Result<Vec<SessionCoverage>, ToolError> {
        let coverage = self
            .app
            .store
            .coverage(selector.cloned().map(Arc::new), None)
            .await?;
        Ok(match self.grant.selector {
            None => coverage,
            Some(_) => coverage
                .into_iter()
                .map(SessionCoverage::without_counts)
                .collect(),
        })
    }

    /// Returns an empty answer, which says what was watched.
    async fn nothing(
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
    async fn add_coverage(
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

/// How much an event says about what led to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// The event itself, what it is linked to, the last action and the last failed request.
    Kept,
    /// Other actions and failures, navigations, marks.
    Telling,
    /// One of the nearest of the rest.
    Near,
}

/// Returns what led to an event, oldest first, with its rank.
fn leading(before: Vec<Stored>, event: &Stored) -> Vec<(Rank, Item)> {
    let links = |event: &Stored| ["cause_id", "request_id"].map(|key| event.metadata(key).map(str::to_owned));
    let mut causes: HashSet<String> = links(event).into_iter().flatten().collect();
    let request = event.metadata("request_id");
    let mut near = 0;
    let mut has_action = false;
    let mut has_failure = false;
    let mut kept = Vec::new();
    for other in before.into_iter().rev() {
        let is_linked = other.name_as_cause().is_some_and(|name| causes.contains(name))
            || request.is_some() && other.metadata("request_id") == request;
        if is_linked {
            causes.extend(links(&other).into_iter().flatten());
        }
        let is_last_action = other.is_action() && !has_action;
        let is_last_failure = other.is_failed_request() && !has_failure;
        has_action |= is_last_action;
        has_failure |= is_last_failure;
        let is_telling = other.is_action()
            || matches!(other.type_(), "page.navigation_committed" | "system.mark")
            || diagnose::severity(&other) >= tabtape::levels::Severity::Warn;
        let rank = match (is_linked || is_last_action || is_last_failure, is_telling) {
            (true, _) => Rank::Kept,
            (false, true) => Rank::Telling,
            (false, false) if near < NEAREST_EVENTS => {
                near += 1;
                Rank::Near
            }
            (false, false) => continue,
        };
        kept.push((rank, Item::Event(Box::new(other))));
    }
    kept.reverse();
    kept
}

/// Leaves out what says least, oldest first, until the rest fits; returns how many.
fn fit(mut items: Vec<(Rank, Item)>, budget: usize) -> (Listed, usize) {
    let all = items.len();
    loop {
        let shown: Vec<&Item> = items.iter().map(|(_, item)| item).collect();
        let listed = list(&shown, budget, now_micros());
        if listed.left_out == 0 || items.len() == 1 {
            return (listed, all - items.len());
        }
        for _ in 0..listed.left_out.min(items.len() - 1) {
            let worst = items.iter().map(|(rank, _)| *rank).max();
            // The event itself is the last one.
            let index = items
                .iter()
                .position(|(rank, _)| Some(*rank) == worst)
                .unwrap_or(0);
            items.remove(index.min(items.len() - 2));
        }
    }
}
