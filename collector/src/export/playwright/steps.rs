//! The actions of a tab that led to a failure, from its recorded events.

use super::locator::{FieldTypes, Target};
use crate::diagnose::Stored;

/// A navigation this soon after an action is taken for its consequence.
const CONSEQUENCE_MICROS: u64 = 10_000_000;
/// A request this soon after an action is waited for.
const ANSWER_MICROS: u64 = 2_000_000;
/// A click this soon after Enter is the one that the browser makes of it.
const ENTER_CLICK_MICROS: u64 = 50_000;
/// Requests that one step waits for.
const MAX_ANSWERS: usize = 4;

/// The action of a step.
#[derive(Debug)]
pub(super) enum Action {
    Goto,
    /// `options` is an argument in JavaScript, or nothing.
    Click {
        target: Target,
        options: &'static str,
    },
    Fill(Target),
    Select(Target),
    Check(Target, bool),
    Press(Target, &'static str),
    Scroll {
        left: i64,
        top: i64,
    },
}

impl Action {
    const fn target(&self) -> Option<&Target> {
        match self {
            Self::Click { target, .. }
            | Self::Fill(target)
            | Self::Select(target)
            | Self::Check(target, _)
            | Self::Press(target, _) => Some(target),
            Self::Goto | Self::Scroll { .. } => None,
        }
    }
}

/// One step of the script.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) action: Action,
    /// The address of its page.
    pub(super) url: String,
    ts: u64,
    /// Method and address of the requests that it makes.
    pub(super) answers: Vec<(String, String)>,
    /// The page that it opens.
    pub(super) leads_to: Option<String>,
}

/// The steps, and what they leave out.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) steps: Vec<Step>,
    pub(super) left_out: Vec<String>,
    /// Whether nothing was done in the tab before the first step.
    pub(super) is_whole: bool,
}

/// Returns the steps of the events of a tab, which are in order, up to `failure`.
pub(super) fn of(failure: &Stored, events: &[Stored]) -> Script {
    let mut collected = Collected {
        fields: FieldTypes::of(events),
        ..Collected::default()
    };
    for event in events {
        match event.type_() {
            "page.navigation_committed" => collected.navigate(event),
            type_ if type_.starts_with("input.") => collected.interact(event),
            _ => collected.answer(event),
        }
    }
    // The tab was open before the recording, or its page could not be opened.
    if !matches!(
        collected.steps.first(),
        Some(Step {
            action: Action::Goto,
            ..
        })
    ) {
        let url = collected
            .steps
            .first()
            .map_or_else(|| failure.url(), |step| &step.url)
            .to_owned();
        collected.steps.insert(0, step(Action::Goto, &url, 0));
        collected.is_cut = true;
    }
    let mut left_out = Vec::new();
    for (count, what) in [
        (collected.framed, "actions in embedded frames"),
        (
            collected.keys,
            "keys whose effect is not recorded (arrows, shortcuts, keys outside of fields)",
        ),
        (collected.files, "choices of files"),
    ] {
        if count > 0 {
            left_out.push(format!("{count} {what}"));
        }
    }
    Script {
        steps: collected.steps,
        left_out,
        is_whole: !collected.is_cut,
    }
}

#[derive(Debug, Default)]
struct Collected {
    fields: FieldTypes,
    steps: Vec<Step>,
    is_cut: bool,
    framed: usize,
    keys: usize,
    files: usize,
}

fn step(action: Action, url: &str, ts: u64) -> Step {
    Step {
        action,
        url: url.to_owned(),
        ts,
        answers: Vec::new(),
        leads_to: None,
    }
}

fn is_in_frame(event: &Stored) -> bool {
    event.metadata("frame_id").unwrap_or("0") != "0"
}

impl Collected {
    fn navigate(&mut self, event: &Stored) {
        if is_in_frame(event) || !event.url().starts_with("http") {
            return;
        }
        let transition = event.data()["transition"].as_str().unwrap_or_default();
        let is_opened = matches!(
            transition,
            "typed" | "reload" | "auto_bookmark" | "generated" | "keyword" | "start_page"
        );
        let last = self.steps.last_mut();
        match last {
            Some(last) if !is_opened && event.ts().saturating_sub(last.ts) <= CONSEQUENCE_MICROS => {
                last.leads_to = Some(event.url().to_owned());
            }
            _ => {
                self.is_cut |= !self.steps.is_empty();
                self.framed = 0;
                self.keys = 0;
                self.files = 0;
                self.steps = vec![step(Action::Goto, event.url(), event.ts())];
            }
        }
    }

    fn answer(&mut self, event: &Stored) {
        let kind = event.data()["resource_type"].as_str().unwrap_or_default();
        if !matches!(
            kind.to_ascii_lowercase().as_str(),
            "xmlhttprequest" | "fetch" | "xhr"
        ) || !event.url().starts_with("http")
        {
            return;
        }
        let started = event.request_ts();
        let caused = self.steps.iter_mut().rfind(|step| step.ts <= started);
        if let Some(step) = caused
            && started - step.ts <= ANSWER_MICROS
            && step.answers.len() < MAX_ANSWERS
        {
            let method = event.data()["method"].as_str().unwrap_or("GET").to_owned();
            let address = event
                .url()
                .split(['?', '#'])
                .next()
                .unwrap_or_default()
                .to_owned();
            if !step.answers.contains(&(method.clone(), address.clone())) {
                step.answers.push((method, address));
            }
        }
    }

    fn interact(&mut self, event: &Stored) {
        if is_in_frame(event) {
            self.framed += 1;
            return;
        }
        let data = event.data();
        let target = Target::of(event, &self.fields);
        match event.type_() {
            "input.click" => self.click(event, target),
            "input.key" => self.key(event, target),
            "input.change" => match data["field_type"].as_str().unwrap_or_default() {
                "checkbox" | "radio" => {
                    self.drop_click_on(&target);
                    let checked = data["checked"].as_bool().unwrap_or(true);
                    self.push(Action::Check(target, checked), event);
                }
                "select-one" | "select-multiple" => {
                    self.drop_click_on(&target);
                    self.push(Action::Select(target), event);
                }
                "file" => self.files += 1,
                _ => self.fill(event, target),
            },
            "input.scroll" if data["selector"].is_null() => {
                let (left, top) = (
                    data["left"].as_i64().unwrap_or(0),
                    data["top"].as_i64().unwrap_or(0),
                );
                self.push(Action::Scroll { left, top }, event);
            }
            // A submit is the consequence of a click or of Enter; a box is scrolled into view by Playwright.
            _ => {}
        }
    }

    fn click(&mut self, event: &Stored, target: Target) {
        if let Some(Step {
            action: Action::Press(_, "Enter"),
            ts,
            ..
        }) = self.steps.last()
            && event.ts().saturating_sub(*ts) <= ENTER_CLICK_MICROS
        {
            return;
        }
        let options = match event.data()["button"].as_u64() {
            Some(1) => r#"{ button: "middle" }"#,
            Some(2) => r#"{ button: "right" }"#,
            _ => "",
        };
        self.push(Action::Click { target, options }, event);
    }

    fn key(&mut self, event: &Stored, target: Target) {
        let key = match event.data()["key"].as_str().unwrap_or_default() {
            "char" | "backspace" | "delete" if target.is_field() => return self.fill(event, target),
            "enter" => "Enter",
            "tab" => "Tab",
            "escape" => "Escape",
            // The change that follows says that something was chosen.
            _ if target.is_select() => return,
            _ => {
                self.keys += 1;
                return;
            }
        };
        self.push(Action::Press(target, key), event);
    }

    /// Adds a step that types into a field, if the last one is not the same.
    fn fill(&mut self, event: &Stored, target: Target) {
        self.drop_click_on(&target);
        let is_filled = |step: &Step| matches!(&step.action, Action::Fill(last) if *last == target);
        // Enter in the field comes before the change that it commits.
        let is_same = self.steps.iter().rev().take(2).any(is_filled);
        if !is_same {
            self.push(Action::Fill(target), event);
        }
    }

    fn drop_click_on(&mut self, target: &Target) {
        let is_click =
            |step: &Step| matches!(step.action, Action::Click { .. }) && step.action.target() == Some(target);
        if self.steps.last().is_some_and(is_click) {
            self.steps.pop();
        }
    }

    fn push(&mut self, action: Action, event: &Stored) {
        self.steps.push(step(action, event.url(), event.ts()));
    }
}
