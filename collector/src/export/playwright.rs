//! A problem as a Playwright test that repeats what was done in its tab and expects the same failure.
//!
//! It begins at the last page that was opened by its address. Elements are found by role or label, else by their
//! recorded selector. What was typed is not recorded: the script reads it from the environment. Captured text is in
//! string literals only.

mod assertion;
mod locator;
mod steps;

use crate::clock::utc;
use crate::diagnose::{self, Problem, Stored};
use crate::render::visible_json;
use crate::store::{Store, StoreError};
use locator::{Names, Target};
use std::fmt::Write as _;
use std::sync::Arc;
use steps::{Action, Script, Step};
use tabtape::selector::Selector;

/// Records of the tab that are looked at.
const MAX_RECORDS: usize = 5_000;
const RECORDS: &str = "type:input.*,page.navigation_committed,network.response,network.failed";
/// Characters of the test's name.
const MAX_TITLE_CHARS: usize = 100;

const HELPERS: &str = r##"
/** Ids, times and counts differ from run to run: replaces each word that has a digit. */
const shape = (text) => text.split("\n")[0].replace(/[\p{L}\p{N}_-]*\p{N}[\p{L}\p{N}_-]*/gu, "#");
const address = (url) => shape(url.split(/[?#]/)[0]);

/** Secrets and what was typed are not recorded. */
function value(name) {
  const given = process.env[name];
  if (given === undefined) throw new Error(`set ${name} in the environment: its value is not recorded`);
  return given;
}

/** Returns the element with this role or label if there is exactly one, else the first with this selector. */
async function find(named, selected) {
  await named.or(selected).first().waitFor({ state: "attached" });
  return (await named.count()) === 1 ? named : selected.first();
}

/** Waits until a request of the page is answered, or has failed. */
function answered(page, method, url) {
  const matches = (request) => request.method() === method && address(request.url()) === address(url);
  return Promise.race([
    page.waitForEvent("response", (response) => matches(response.request())),
    page.waitForEvent("requestfailed", matches),
  ]);
}

/** Collects what goes wrong in the page. */
function watch(page) {
  const seen = { exceptions: [], printed: [], requests: [] };
  page.on("pageerror", (error) => seen.exceptions.push(shape(error.message)));
  page.on("console", (message) => seen.printed.push(shape(message.text())));
  page.on("response", (response) => {
    seen.requests.push(`${response.request().method()} ${address(response.url())} ${response.status()}`);
  });
  page.on("requestfailed", (request) => {
    seen.requests.push(`${request.method()} ${address(request.url())} failed`);
  });
  return seen;
}
"##;

/// Writes the script for the highest-ranked problem of what `asked` selects; `None` if no problem is in a tab.
pub(crate) async fn script(
    store: &Store,
    asked: Option<Arc<Selector>>,
    always: Option<&Selector>,
) -> Result<Option<String>, StoreError> {
    let diagnosis = diagnose::run(store, asked.clone(), always).await?;
    let Some(problem) = diagnosis
        .problems
        .iter()
        .find(|problem| problem.newest.tab().is_some())
    else {
        return Ok(None);
    };
    let events = diagnose::context(store, &problem.newest, RECORDS, always, MAX_RECORDS).await?;
    let session = problem.newest.value["capture_session_id"].as_str();
    let coverage = store.coverage(asked, session.map(ToOwned::to_owned)).await?;
    let missing = coverage.first().map_or(0, |coverage| coverage.gap_seqs);
    Ok(Some(write(problem, &events.before, missing)))
}

pub(super) fn write(problem: &Problem, events: &[Stored], missing: u64) -> String {
    let newest = &problem.newest;
    let Script {
        steps,
        mut left_out,
        is_whole,
    } = steps::of(newest, events);
    if !is_whole || events.len() >= MAX_RECORDS {
        left_out.push("what was done in the tab before the first page below".to_owned());
    }
    if missing > 0 {
        left_out.push(format!("{missing} records of the session that are gaps"));
    }
    left_out.push(
        "fields for passwords, cards and one-time codes, which are never recorded: fill them where needed"
            .into(),
    );
    let base = steps
        .first()
        .map_or("", |step| diagnose::origin_of(&step.url))
        .to_owned();
    let title: String = newest
        .message()
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(MAX_TITLE_CHARS)
        .collect();
    let mut out = String::new();
    let session = newest.value["capture_session_id"].as_str().unwrap_or_default();
    let _ = writeln!(
        out,
        "// Recorded by Tabtape {}, up to {}: session {}, seq {}.",
        env!("CARGO_PKG_VERSION"),
        utc(newest.ts()),
        crate::render::escape_untrusted(session),
        newest.seq
    );
    for reason in &left_out {
        let _ = writeln!(out, "// Left out: {reason}.");
    }
    out.push_str("import { expect, test } from \"@playwright/test\";\n\n");
    let _ = writeln!(out, "const BASE = process.env.BASE_URL ?? {};", literal(&base));
    out.push_str("const at = (path) => new URL(path, BASE).href;\n");
    out.push_str(HELPERS);
    let _ = writeln!(out, "\ntest({}, async ({{ page }}) => {{", literal(&title));
    out.push_str("  const seen = watch(page);\n");
    let mut names = Names::default();
    let expects_no_page = newest.type_() == "page.navigation_failed";
    for step in &steps {
        write_step(&mut out, step, &base, &mut names, expects_no_page);
    }
    out.push_str("  // The recorded failure: once it is mended, expect the opposite.\n");
    out.push_str(&assertion::of(newest, &base));
    out.push_str("});\n");
    out
}

fn write_step(out: &mut String, step: &Step, base: &str, names: &mut Names, expects_no_page: bool) {
    let action = match &step.action {
        Action::Goto if expects_no_page => {
            format!("page.goto({}).catch(() => undefined)", url(&step.url, base))
        }
        Action::Goto => format!("page.goto({})", url(&step.url, base)),
        Action::Click { target, options } => call(target, &format!("click({options})")),
        Action::Fill(target) => call(target, &format!("fill({})", typed(names, target))),
        Action::Select(target) => call(target, &format!("selectOption({})", typed(names, target))),
        Action::Check(target, checked) => call(target, &format!("setChecked({checked})")),
        Action::Press(target, key) => call(target, &format!("press({})", literal(key))),
        Action::Scroll { left, top } => format!("page.evaluate(() => scrollTo({left}, {top}))"),
    };
    if step.answers.is_empty() {
        let _ = writeln!(out, "  await {action};");
    } else {
        out.push_str("  await Promise.all([\n");
        for (method, to) in &step.answers {
            let _ = writeln!(out, "    answered(page, {}, {}),", literal(method), url(to, base));
        }
        let _ = writeln!(out, "    {action},\n  ]);");
    }
    if let Some(to) = &step.leads_to {
        let _ = writeln!(
            out,
            "  await page.waitForURL((to) => address(to.href) === address({}));",
            url(to, base)
        );
    }
}

/// Returns an expression that calls a method of an element.
fn call(target: &Target, method: &str) -> String {
    format!("{}.then((element) => element.{method})", target.find())
}

/// Returns an expression for what was typed into an element.
fn typed(names: &mut Names, target: &Target) -> String {
    format!("value({})", literal(&names.of(target)))
}

/// Returns an address as an expression: without the origin that the script can be given, and without secrets.
fn url(address: &str, base: &str) -> String {
    match address
        .strip_prefix(base)
        .filter(|path| !base.is_empty() && path.starts_with('/'))
    {
        Some(path) => format!("at({})", with_secrets(path)),
        None => with_secrets(address),
    }
}

/// Returns text as an expression that reads each secret from the environment: equal ones have equal names.
fn with_secrets(text: &str) -> String {
    const BEFORE: &str = "[redacted:";
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEFORE) {
        let Some((hash, after)) = after.split_once(']') else {
            break;
        };
        if hash.is_empty() || !hash.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            break;
        }
        parts.push(literal(before));
        parts.push(format!(
            "value({})",
            literal(&format!("SECRET_{}", hash.to_ascii_uppercase()))
        ));
        rest = after;
    }
    parts.push(literal(rest));
    parts.join(" + ")
}

/// Returns text as a literal of JavaScript in which every character is visible.
fn literal(text: &str) -> String {
    visible_json(&serde_json::Value::from(text).to_string()).into_owned()
}
