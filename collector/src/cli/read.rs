//! The commands that read: `tail`, `query`, `sessions`, `diagnose`, `coverage`.

use super::CliError;
use super::args::{CoverageArgs, DiagnoseArgs, QueryArgs, TailArgs};
use super::client::Client;
use super::session_ids::whole_id_of;
use super::time_order::TimeOrder;
use crate::clock::{now_micros, sleep_until};
use crate::render::{self, Style, escape_untrusted, local_time};
use crate::store::is_silent;
use futures_util::StreamExt as _;
use serde_json::Value;
use std::io::Write as _;
use std::time::Duration;
use tabtape::record::reason::DELETED;
use tokio::time::Instant;

/// Between two attempts to follow a collector that went away.
const RECONNECT: Duration = Duration::from_secs(1);

/// A page of records, and the cursor after its last.
struct Page {
    lines: Vec<String>,
    resume: String,
}

pub(super) async fn tail(client: &Client, args: TailArgs) -> Result<(), CliError> {
    let selector = args.wanted.selector(client).await?;
    let mut printer = Printer::new(args.json);
    let mut shown = 0;
    let mut resume = if args.wanted.has_since() {
        if args.no_follow {
            shown = stored(client, &selector, None, &mut printer).await?;
        }
        "0".to_owned() // the selector's own bound is the beginning
    } else {
        let page = last(client, &selector, args.lines).await?;
        page.lines.iter().try_for_each(|line| printer.print(line))?;
        printer.finish()?;
        shown = page.lines.len();
        page.resume
    };
    if args.no_follow {
        return if shown == 0 {
            say_why_empty(client, &selector, None).await
        } else {
            Ok(())
        };
    }
    loop {
        let followed = follow(client, &selector, &mut resume, &mut printer).await;
        printer.finish()?;
        match followed {
            Err(error) if error.is_not_proven() => say_trying_again(&error),
            Err(error @ (CliError::OutputClosed | CliError::Refused { .. })) => return Err(error),
            Err(error) => say_trying_again(&error),
            Ok(()) => {}
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

fn say_trying_again(error: &CliError) {
    super::note(format_args!(
        "tabtape: {}; trying again",
        escape_untrusted(&error.to_string())
    ));
}

/// Returns the last `lines` records, and the cursor at which the stream continues.
async fn last(client: &Client, selector: &str, lines: u16) -> Result<Page, CliError> {
    let limit = lines.max(1).to_string();
    let query = [
        ("q", selector),
        ("newest", "true"),
        ("limit", &limit),
        ("format", "json"),
    ];
    let page: JsonPage = client.json("/v1/events", &query).await?;
    let records = page.records.iter().take(lines.into());
    Ok(Page {
        lines: records.map(|record| record.get().to_owned()).collect(),
        resume: format!("{}:{}", page.store_id, page.read_to),
    })
}

#[derive(serde::Deserialize)]
struct JsonPage {
    records: Vec<Box<serde_json::value::RawValue>>,
    store_id: String,
    read_to: u64,
}

async fn follow(
    client: &Client,
    selector: &str,
    resume: &mut String,
    printer: &mut Printer,
) -> Result<(), CliError> {
    let query = [("q", selector), ("after", resume.as_str())];
    let mut body = client.get("/v1/stream", &query).await?.bytes_stream();
    let mut pending = Vec::new();
    loop {
        let chunk = tokio::select! {
            chunk = body.next() => chunk,
            () = sleep_until(printer.order.due()) => {
                printer.print_due()?;
                continue;
            }
        };
        let Some(chunk) = chunk else {
            return Ok(());
        };
        pending.extend_from_slice(&chunk.map_err(CliError::failed)?);
        let Some(end) = pending.windows(2).rposition(|pair| pair == b"\n\n") else {
            continue;
        };
        let rest = pending.split_off(end + 2);
        let frames = std::mem::replace(&mut pending, rest);
        let mut event = String::new();
        for line in String::from_utf8_lossy(&frames).lines() {
            if line.is_empty() {
                event.clear();
            } else if let Some(name) = line.strip_prefix("event: ") {
                name.clone_into(&mut event);
            } else if let Some(id) = line.strip_prefix("id: ") {
                id.clone_into(resume);
            } else if let Some(data) = line.strip_prefix("data: ") {
                match event.as_str() {
                    "dropped" => notice_dropped(data),
                    _ => printer.print(data)?,
                }
            }
        }
    }
}

/// Reports records that retention removed before they were shown.
fn notice_dropped(data: &str) {
    let dropped: Value = serde_json::from_str(data).unwrap_or_default();
    let count = dropped["count"].as_u64().unwrap_or(0);
    super::note(format_args!(
        "tabtape: retention removed {count} records before they could be shown"
    ));
}

/// Explains an empty answer on stderr: nothing happened, or nothing was recorded.
async fn say_why_empty(client: &Client, selector: &str, session: Option<&str>) -> Result<(), CliError> {
    let coverage = coverage_of(client, selector, session).await?;
    let mut said = Vec::new();
    write_coverage(&mut said, &coverage)?;
    let watched = |session: &Value| {
        session["producer"].is_string()
            || session["watched"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|stretch| {
                    stretch["categories"]
                        .as_object()
                        .is_some_and(|categories| !categories.is_empty())
                })
    };
    let answer = if coverage["sessions"].as_array().into_iter().flatten().any(watched) {
        "Nothing matches. What was being watched:"
    } else {
        "Nothing matches, and nothing was watching for it."
    };
    let said = String::from_utf8_lossy(&said);
    super::note(format_args!("{answer}\n{}", said.trim_end()));
    Ok(())
}

pub(super) async fn query(client: &Client, args: QueryArgs) -> Result<(), CliError> {
    let selector = args.wanted.selector(client).await?;
    let session = whole_id_of(client, args.session.as_deref()).await?;
    let mut printer = Printer::new(args.json);
    let shown = match args.lines {
        Some(lines) => {
            let limit = lines.to_string();
            let session = session.as_deref().unwrap_or_default();
            let query = [
                ("q", selector.as_str()),
                ("session", session),
                ("newest", "true"),
                ("limit", &limit),
            ];
            let text = client.text("/v1/events", &query).await?;
            text.lines().try_for_each(|line| printer.print(line))?;
            printer.finish()?;
            text.lines().count()
        }
        None => stored(client, &selector, session.as_deref(), &mut printer).await?,
    };
    if shown == 0 {
        say_why_empty(client, &selector, session.as_deref()).await?;
    }
    Ok(())
}

/// Every stored record; how many there were.
async fn stored(
    client: &Client,
    selector: &str,
    session: Option<&str>,
    printer: &mut Printer,
) -> Result<usize, CliError> {
    let mut shown = 0;
    let query = [("q", selector), ("session", session.unwrap_or_default())];
    let mut body = client.get("/v1/events", &query).await?.bytes_stream();
    let mut pending = Vec::new();
    while let Some(chunk) = body.next().await {
        pending.extend_from_slice(&chunk.map_err(CliError::failed)?);
        let Some(end) = pending.iter().rposition(|byte| *byte == b'\n') else {
            continue;
        };
        let rest = pending.split_off(end + 1);
        let lines = std::mem::replace(&mut pending, rest);
        for line in String::from_utf8_lossy(&lines).lines() {
            printer.print(line)?;
            shown += 1;
        }
    }
    printer.finish()?;
    Ok(shown)
}

/// Prints records on stdout. As text they are in order of time within a session, with the date and the offset above
/// the first record of a day; as JSON they are in the order in which they came, which is that of the cursors.
struct Printer {
    json: bool,
    style: Style,
    day: String,
    order: TimeOrder,
}

impl Printer {
    fn new(json: bool) -> Self {
        Self {
            json,
            style: Style::of_stdout(),
            day: String::new(),
            order: TimeOrder::default(),
        }
    }

    fn print(&mut self, line: &str) -> Result<(), CliError> {
        if self.json {
            return Ok(render::print_json(&line)?);
        }
        // Its event's line is printed, and a line has no room for more.
        if render::is_detail_line(line) {
            return Ok(());
        }
        match self.order.push(line.to_owned(), Instant::now()) {
            Some(line) => self.write(&line),
            None => Ok(()),
        }
    }

    /// Prints the lines that have waited for long enough.
    fn print_due(&mut self) -> Result<(), CliError> {
        let now = Instant::now();
        while let Some(line) = self.order.release_due(now) {
            self.write(&line)?;
        }
        Ok(())
    }

    /// Prints the lines that still wait.
    fn finish(&mut self) -> Result<(), CliError> {
        while let Some(line) = self.order.release() {
            self.write(&line)?;
        }
        Ok(())
    }

    fn write(&mut self, line: &str) -> Result<(), CliError> {
        let mut out = std::io::stdout().lock();
        if let Some(day) = render::day_of(line).filter(|day| *day != self.day) {
            writeln!(out, "{}", render::day_header(&day, self.style))?;
            self.day = day;
        }
        writeln!(out, "{}", render::line(line, self.style))?;
        out.flush()?;
        Ok(())
    }
}

pub(super) async fn sessions(client: &Client, json: bool) -> Result<(), CliError> {
    let list: Value = client.json("/v1/sessions", &[]).await?;
    let mut out = std::io::stdout().lock();
    if json {
        return Ok(render::print_json(&list)?);
    }
    for session in list["sessions"].as_array().into_iter().flatten() {
        let gaps = || session["gaps"].as_object().into_iter().flatten();
        let lost: u64 = gaps()
            .filter(|(reason, _)| *reason != DELETED)
            .filter_map(|(_, n)| n.as_u64())
            .sum();
        let deleted = session["gaps"][DELETED].as_u64().unwrap_or(0);
        let count = |severity: &str| -> u64 {
            let categories = session["counts"].as_object().into_iter().flatten();
            categories
                .filter_map(|(_, by_severity)| by_severity[severity].as_u64())
                .sum()
        };
        writeln!(
            out,
            "{}  {}  {:>8} events  {:>5} errors  {:>5} warnings  {lost} missing  {deleted} deleted  {}",
            escape_untrusted(session["session"].as_str().unwrap_or_default()),
            local_time(session["first_ts"].as_u64().unwrap_or(0)),
            session["events"].as_u64().unwrap_or(0),
            count("error"),
            count("warn"),
            escape_untrusted(session["producer"].as_str().unwrap_or_default()),
        )?;
    }
    Ok(())
}

pub(super) async fn diagnose(client: &Client, args: DiagnoseArgs) -> Result<(), CliError> {
    let (selector, budget) = (args.wanted.selector(client).await?, args.budget.to_string());
    let format = if args.json { "json" } else { "text" };
    let query = [("q", selector.as_str()), ("budget", &budget), ("format", format)];
    if args.json {
        let problems: Value = client.json("/v1/diagnose", &query).await?;
        return Ok(render::print_json(&problems)?);
    }
    let text = client.text("/v1/diagnose", &query).await?;
    let mut out = std::io::stdout().lock();
    for line in text.lines() {
        writeln!(out, "{}", escape_untrusted(line))?;
    }
    Ok(())
}

pub(super) async fn coverage(client: &Client, args: CoverageArgs) -> Result<(), CliError> {
    let selector = args.wanted.selector(client).await?;
    let session = whole_id_of(client, args.session.as_deref()).await?;
    let coverage = coverage_of(client, &selector, session.as_deref()).await?;
    let mut out = std::io::stdout().lock();
    if args.json {
        return Ok(render::print_json(&coverage)?);
    }
    write_coverage(&mut out, &coverage)
}

async fn coverage_of(client: &Client, selector: &str, session: Option<&str>) -> Result<Value, CliError> {
    let query = [("q", selector), ("session", session.unwrap_or_default())];
    client.json("/v1/coverage", &query).await
}

fn write_coverage(out: &mut impl std::io::Write, coverage: &Value) -> Result<(), CliError> {
    let time = |value: &Value| value.as_u64().map_or_else(|| "now".to_owned(), local_time);
    for session in coverage["sessions"].as_array().into_iter().flatten() {
        let name = session["producer"].as_str().unwrap_or_default();
        writeln!(
            out,
            "{}  {}",
            escape_untrusted(session["session"].as_str().unwrap_or_default()),
            escape_untrusted(name)
        )?;
        for watched in session["watched"].as_array().into_iter().flatten() {
            let categories: Vec<String> = watched["categories"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, level)| {
                    format!(
                        "{}:{}",
                        escape_untrusted(name),
                        escape_untrusted(level.as_str().unwrap_or("?"))
                    )
                })
                .collect();
            let is_silent = is_silent(session["last_ts"].as_u64(), now_micros());
            let end = match watched["to_ts"].is_null() {
                false => time(&watched["to_ts"]),
                // A browser that was killed sends no end.
                true if is_silent => format!("an unknown end, last record {}", time(&session["last_ts"])),
                true => format!("now, last record {}", time(&session["last_ts"])),
            };
            let on = if categories.is_empty() {
                "none of these".to_owned()
            } else {
                categories.join(" ")
            };
            writeln!(out, "  watched    {} to {end}  {on}", time(&watched["from_ts"]))?;
        }
        for stretch in session["unwatched"].as_array().into_iter().flatten() {
            writeln!(
                out,
                "  unwatched  {} to {}",
                time(&stretch["from_ts"]),
                time(&stretch["to_ts"])
            )?;
        }
        for lost in session["lost"].as_array().into_iter().flatten() {
            let reason = escape_untrusted(lost["reason"].as_str().unwrap_or("?"));
            let tab = escape_untrusted(lost["tab_id"].as_str().unwrap_or("?"));
            let (from, to) = (time(&lost["from_ts"]), time(&lost["to_ts"]));
            writeln!(
                out,
                "  lost       {from} to {to}  tab {tab}  unknown number of events  {reason}"
            )?;
        }
        for tab in session["tabs"].as_array().into_iter().flatten() {
            let (first, last) = (time(&tab["first_ts"]), time(&tab["last_ts"]));
            writeln!(
                out,
                "  tab {:<6} {first} to {last}  {} events",
                tab["tab"], tab["events"]
            )?;
        }
        for gap in session["gaps"].as_array().into_iter().flatten() {
            let reason = escape_untrusted(gap["reason"].as_str().unwrap_or("?"));
            let category = escape_untrusted(gap["category"].as_str().unwrap_or("?"));
            writeln!(
                out,
                "  gap        seq {} to {}  {category}  {reason}",
                gap["first_seq"], gap["last_seq"]
            )?;
        }
        for missing in session["missing"].as_array().into_iter().flatten() {
            writeln!(out, "  on its way seq {} to {}", missing[0], missing[1])?;
        }
        if session["pruned"].as_u64().unwrap_or(0) > 0 {
            writeln!(out, "  retention  took {} records", session["pruned"])?;
        }
    }
    Ok(())
}
