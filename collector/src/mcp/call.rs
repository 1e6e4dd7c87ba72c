//! One call of a tool: what the caller may read, what it asks for, and the tool that answers.

use super::list::Item;
use super::spec::{Arguments, Spec};
use super::{ToolError, handle, structured};
use crate::app::App;
use crate::auth::Grant;
use crate::clock::now_micros;
use crate::diagnose::{self, OriginalPlaces, Stored, severity};
use crate::store::{Order, PageQuery, PageRecord};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::Value;
use std::sync::Arc;
use tabtape::levels::Severity;
use tabtape::selector::Selector;

/// Events that one page of a list looks at; the budget shows fewer.
pub(super) const PAGE_EVENTS: usize = 500;

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
            "event" => self.event().await,
            "led_to" => self.led_to().await,
            "wait" => self.wait().await,
            "compare" => self.compare().await,
            "coverage" => self.coverage().await,
            _ => self.mark().await.map(Answer::from),
        }
    }

    /// Whether the client asked for data next to the text.
    pub(super) fn wants_structure(&self) -> bool {
        // The inspector's command line sends each value as a string.
        let asked = self.context.meta.get(structured::META_KEY);
        asked.is_some_and(|value| value == true || value == "true")
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

    /// Returns what `q` selects, with the token's own selector ANDed.
    pub(super) async fn selector(&self) -> Result<Option<Arc<Selector>>, ToolError> {
        self.selector_of("q").await
    }

    /// Returns what the argument `name` selects, with the token's own selector ANDed.
    pub(super) async fn selector_of(&self, name: &str) -> Result<Option<Arc<Selector>>, ToolError> {
        let q = self.arguments.text(name).trim();
        if q.is_empty() {
            return Ok(self.grant.selector.clone());
        }
        let q = handle::with_session_ids(&self.app.store, q).await?;
        let asked = Selector::parse(&q, now_micros())
            .map_err(|error| self.spec.refuse(format!("cannot read {name}: {error}")))?;
        let always = self.grant.selector.as_deref();
        Ok(Some(Arc::new(diagnose::and(asked, always))))
    }

    pub(super) fn cursor(&self) -> Result<Option<u64>, ToolError> {
        let cursor = self.arguments.text("cursor");
        if cursor.is_empty() {
            return Ok(None);
        }
        let position = handle::position(&self.app.store, cursor).map_err(|why| self.spec.refuse(why))?;
        Ok(Some(position))
    }

    /// Returns the items to show, whose errors name their places in the sources.
    pub(super) async fn items(&self, records: &[PageRecord]) -> Result<Vec<Item>, ToolError> {
        let mut items = Item::shown(records);
        let errors: Vec<&mut Stored> = items
            .iter_mut()
            .filter_map(|item| match item {
                Item::Event(event) => Some(event.as_mut()),
                Item::Gap(..) => None,
            })
            .filter(|event| event.category() == "console" && severity(event) >= Severity::Warn)
            .collect();
        if !errors.is_empty() {
            let places = OriginalPlaces::read(&self.app.store, self.grant.selector.as_deref()).await?;
            errors.into_iter().for_each(|event| places.apply(event));
        }
        Ok(items)
    }

    /// Reads the event that the arguments name.
    pub(super) async fn named_event(&self) -> Result<Stored, ToolError> {
        let name = self.arguments.text("event");
        let Some((session, seq)) = handle::event(name) else {
            return Err(self
                .spec
                .refuse(format!("expects event to be a name like s3:1042, not {name:?}")));
        };
        let query = PageQuery::new(Order::Seq(session), self.grant.selector.clone(), 1).within(seq - 1, seq);
        let page = self.app.store.page(query).await?;
        let stored = page.records.first().and_then(Stored::of);
        let mut stored = stored.ok_or_else(|| self.spec.refuse(format!("found no event {name:?}")))?;
        let places = OriginalPlaces::read(&self.app.store, self.grant.selector.as_deref()).await?;
        diagnose::attach_detail(&self.app.store, &mut stored, self.grant.selector.as_deref()).await?;
        places.apply(&mut stored);
        diagnose::attach_reported_body(&self.app.store, &mut stored, self.grant.selector.as_deref()).await?;
        Ok(stored)
    }
}
