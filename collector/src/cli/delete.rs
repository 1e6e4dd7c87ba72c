//! `tabtape delete`: shows the events that would be deleted, asks, and deletes them.

use super::CliError;
use super::args::DeleteArgs;
use super::client::Client;
use super::session_ids::whole_id_of;
use crate::render::{self, escape_untrusted, local_time};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, IsTerminal as _, Write as _};

/// Types that are listed; the others are counted.
const MAX_TYPES: usize = 8;

pub(super) async fn run(client: &Client, args: DeleteArgs) -> Result<(), CliError> {
    let selector = args.wanted.selector(client).await?;
    let session = whole_id_of(client, args.session.as_deref()).await?;
    let mut query = vec![("q", selector.as_str())];
    query.extend(session.as_deref().map(|session| ("session", session)));
    // Without any of these the collector refuses.
    let says_what = !selector.trim().is_empty() || session.is_some() || args.all;
    if !args.yes && says_what {
        let found = find(client, &query).await?;
        super::note(format_args!("{found}"));
        if found.events > 0 {
            confirm()?;
        }
    }
    if args.all {
        query.push(("all", "true"));
    }
    let response = client.delete("/v1/events", &query).await?;
    let result: Value = response.json().await.map_err(CliError::failed)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        render::print_json(&result)?;
    } else {
        writeln!(out, "{} events deleted", result["deleted"])?;
    }
    Ok(())
}

/// Asks the person at the terminal.
fn confirm() -> Result<(), CliError> {
    let nothing = |why: &str| Err(CliError::Failed(format!("{why}; nothing was deleted")));
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return nothing("there is no terminal to ask on, and --yes is not given");
    }
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "Delete them for good? [y/N] ");
    let _ = stderr.flush();
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => nothing("the answer was not yes"),
    }
}

/// A page of `GET /v1/headers`.
#[derive(Debug, Deserialize)]
struct Headers {
    session: Vec<u32>,
    ts: Vec<u64>,
    #[serde(rename = "type")]
    type_: Vec<usize>,
    gap: Vec<u64>,
    sessions: Vec<String>,
    types: Vec<String>,
    next: Option<String>,
}

/// The events that a deletion would remove.
#[derive(Debug, Default)]
struct Found {
    events: u64,
    sessions: BTreeSet<String>,
    types: BTreeMap<String, u64>,
    first_ts: Option<u64>,
    last_ts: Option<u64>,
}

async fn find(client: &Client, query: &[(&str, &str)]) -> Result<Found, CliError> {
    let mut found = Found::default();
    let session = query
        .iter()
        .find(|(name, _)| *name == "session")
        .map(|(_, id)| *id);
    found.sessions.extend(session.map(ToOwned::to_owned));
    let mut after: Option<String> = None;
    loop {
        let mut asked = query.to_vec();
        asked.push(("limit", "100000"));
        asked.extend(after.as_deref().map(|after| ("after", after)));
        let page: Headers = client.json("/v1/headers", &asked).await?;
        found.add(&page);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

impl Found {
    fn add(&mut self, page: &Headers) {
        for (index, (ts, gap)) in page.ts.iter().zip(&page.gap).enumerate() {
            if *gap > 0 {
                continue;
            }
            self.events += 1;
            self.first_ts = Some(self.first_ts.map_or(*ts, |first| first.min(*ts)));
            self.last_ts = Some(self.last_ts.map_or(*ts, |last| last.max(*ts)));
            let type_ = page.type_.get(index).and_then(|number| page.types.get(*number));
            *self.types.entry(type_.cloned().unwrap_or_default()).or_default() += 1;
            let session = page
                .session
                .get(index)
                .and_then(|number| page.sessions.get(*number as usize));
            self.sessions.extend(session.cloned());
        }
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} events", self.events)?;
        let (Some(first_ts), Some(last_ts)) = (self.first_ts, self.last_ts) else {
            return Ok(());
        };
        let sessions = self.sessions.len();
        write!(
            f,
            " of {sessions} sessions, from {} to {}",
            local_time(first_ts),
            local_time(last_ts)
        )?;
        let mut types: Vec<(&String, &u64)> = self.types.iter().collect();
        types.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (type_, count) in types.iter().take(MAX_TYPES) {
            write!(f, "\n  {count:>8}  {}", escape_untrusted(type_))?;
        }
        match types.len().saturating_sub(MAX_TYPES) {
            0 => Ok(()),
            more => write!(f, "\n            and {more} more types"),
        }
    }
}
