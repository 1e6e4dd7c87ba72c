//! `tabtape recover`: brings what is whole in a damaged store into the running collector's.
//!
//! It delivers as a recorder does: what is stored already is passed over, and an event that a recorder still holds
//! takes the place of the gap that stands for it here.

use super::CliError;
use super::args::RecoverArgs;
use super::client::Client;
use crate::store::Salvage;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use tabtape::envelope::reason::{CORRUPT, NOT_RETAINED};
use tabtape::envelope::{Gap, Line, LineWriter, SessionId, parse_line};

/// As much as a recorder sends at once.
const BATCH_BYTES: usize = 1 << 20;
/// Category of what nobody can tell any more.
const UNKNOWN_CATEGORY: &str = "system";

/// Lines of one session that follow one another, every seq from the first to the last.
#[derive(Debug)]
struct Run {
    session: SessionId,
    first_seq: u64,
    last_seq: u64,
    body: Vec<u8>,
}

#[derive(Debug, Default)]
struct Recovered {
    accepted: u64,
    duplicates: u64,
    /// By session, the first seq that could be read.
    first: BTreeMap<String, u64>,
}

pub(super) async fn run(client: &Client, args: RecoverArgs) -> Result<(), CliError> {
    let wrong = |error| CliError::Failed(format!("{}: {error}", args.file.display()));
    let mut store = Salvage::open(&args.file).map_err(wrong)?;
    let mut recovered = Recovered::default();
    let others = store.others();
    deliver(client, &others, &mut recovered).await?;
    while let Some(lines) = store.events().map_err(wrong)? {
        deliver(client, &lines, &mut recovered).await?;
    }
    let missing = fill_holes(client, &recovered).await?;

    let sessions = recovered.first.len();
    let mut out = std::io::stdout().lock();
    if args.json {
        let report = json!({
            "sessions": sessions, "accepted": recovered.accepted, "duplicates": recovered.duplicates,
            "missing": missing, "unreadable": store.unreadable,
        });
        writeln!(out, "{report}")?;
    } else {
        let Recovered { accepted, duplicates, .. } = recovered;
        writeln!(
            out,
            "{accepted} records of {sessions} sessions are back, {duplicates} were there already, {missing} seqs are missing"
        )?;
    }
    Ok(())
}

/// Delivers lines in any order, in runs.
async fn deliver(client: &Client, lines: &[Bytes], recovered: &mut Recovered) -> Result<(), CliError> {
    for run in runs(lines) {
        let session = run.session.to_string();
        let (first, last) = (run.first_seq.to_string(), run.last_seq.to_string());
        let query = [("session", session.as_str()), ("first_seq", &first), ("last_seq", &last)];
        let receipt = client.deliver(&query, run.body).await?;
        let count = |name: &str| receipt[name].as_u64().unwrap_or(0);
        recovered.accepted += count("accepted");
        recovered.duplicates += count("duplicates");
        let known = recovered.first.entry(session).or_insert(run.first_seq);
        *known = run.first_seq.min(*known);
    }
    Ok(())
}

fn runs(lines: &[Bytes]) -> Vec<Run> {
    let mut lines: Vec<(SessionId, u64, u64, &Bytes)> = lines
        .iter()
        .filter_map(|line| match parse_line(line).ok()? {
            Line::Event { session_id, header } => Some((session_id, header.seq, header.seq, line)),
            Line::Gap { session_id, gap } => Some((session_id, gap.first_seq, gap.last_seq, line)),
        })
        .collect();
    lines.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    let mut runs: Vec<Run> = Vec::new();
    for (session, first_seq, last_seq, line) in lines {
        let goes_on = runs.last_mut().filter(|run| {
            run.session == session && run.last_seq + 1 == first_seq && run.body.len() < BATCH_BYTES
        });
        let run = match goes_on {
            Some(run) => run,
            None => {
                runs.push(Run { session, first_seq, last_seq, body: Vec::new() });
                let Some(run) = runs.last_mut() else { continue };
                run
            }
        };
        run.last_seq = last_seq;
        run.body.extend_from_slice(line);
        run.body.push(b'\n');
    }
    runs
}

/// Tells what is not there any more, as gaps; how many seqs.
async fn fill_holes(client: &Client, recovered: &Recovered) -> Result<u64, CliError> {
    let mut missing = 0;
    for (session, first_read) in &recovered.first {
        let Ok(session_id) = SessionId::parse(session.as_bytes()) else { continue };
        let summary: Value = client.json(&format!("/v1/sessions/{session}")).await?;
        for hole in summary["missing"].as_array().into_iter().flatten() {
            let (Some(first_seq), Some(last_seq)) = (hole[0].as_u64(), hole[1].as_u64()) else { continue };
            // What lies before everything that is left was taken by retention, most likely.
            let reason = if last_seq < *first_read { NOT_RETAINED } else { CORRUPT };
            let gap = Gap { first_seq, last_seq, category: UNKNOWN_CATEGORY.into(), reason: reason.into() };
            let mut body = Vec::new();
            LineWriter::new(session_id).gap(&mut body, &gap);
            body.push(b'\n');
            let (first, last) = (first_seq.to_string(), last_seq.to_string());
            let query = [("session", session.as_str()), ("first_seq", &first), ("last_seq", &last)];
            client.deliver(&query, body).await?;
            missing += gap.count();
        }
    }
    Ok(missing)
}
