//! `tabtape recover`: brings the intact records of a damaged store into the running collector's.
//!
//! It delivers as a recorder does: what is stored already is passed over, and an event that a recorder still holds
//! replaces its part of the gap.

use super::CliError;
use super::args::RecoverArgs;
use super::client::Client;
use crate::render;
use crate::store::{Incoming, Owner, Salvage};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use tabtape::record::reason::{CORRUPT, NOT_RETAINED};
use tabtape::record::{Gap, LineWriter, SessionId, parse_line};

/// As much as a recorder sends at once.
const BATCH_BYTES: usize = 1 << 20;
/// Category of records of which nothing is left.
const UNKNOWN_CATEGORY: &str = "system";

/// Lines of one session that follow one another, every seq from the first to the last.
#[derive(Debug)]
struct Run {
    session: SessionId,
    records: Vec<Incoming>,
    /// The seq that follows the last record.
    next_seq: u64,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Recovered {
    owners: BTreeMap<String, Owner>,
    accepted: u64,
    duplicates: u64,
    /// Seqs that the running store holds with other bytes.
    conflicts: u64,
    /// Lines that are no records any more.
    broken: u64,
    /// By session, the first seq of its events that could be read.
    first: BTreeMap<SessionId, u64>,
}

pub(super) async fn run(client: &Client, args: RecoverArgs) -> Result<(), CliError> {
    let wrong = |error| CliError::Failed(format!("{}: {error}", args.file.display()));
    let mut store = Salvage::open(&args.file).map_err(wrong)?;
    let mut recovered = Recovered {
        owners: store.owners(),
        ..Recovered::default()
    };
    let others = store.others();
    let runs = recovered.runs(&others);
    recovered.deliver(client, runs).await?;
    while let Some(lines) = store.events().map_err(wrong)? {
        let runs = recovered.runs(&lines);
        for run in &runs {
            let Some(first) = run.records.first().map(|record| record.parsed.first_seq()) else {
                continue;
            };
            let known = recovered.first.entry(run.session).or_insert(first);
            *known = first.min(*known);
        }
        recovered.deliver(client, runs).await?;
    }
    let missing = recovered.fill_gaps(client).await?;

    let Recovered {
        accepted,
        duplicates,
        conflicts,
        broken,
        first,
        ..
    } = recovered;
    let sessions = first.len();
    let unreadable = store.unreadable + broken;
    let mut out = std::io::stdout().lock();
    if args.json {
        let report = json!({
            "sessions": sessions, "accepted": accepted, "duplicates": duplicates, "conflicts": conflicts,
            "unreadable": unreadable, "missing": missing,
        });
        render::print_json(&report)?;
    } else {
        writeln!(
            out,
            "{accepted} records of {sessions} sessions are back, {duplicates} were there already"
        )?;
        writeln!(
            out,
            "{unreadable} could not be read, {conflicts} differ from what is stored now"
        )?;
        writeln!(
            out,
            "{missing} seqs are missing; a recorder that still holds some of them brings them back"
        )?;
    }
    Ok(())
}

impl Recovered {
    /// Lines in any order, as runs.
    fn runs(&mut self, lines: &[Bytes]) -> Vec<Run> {
        let mut records = Vec::with_capacity(lines.len());
        for line in lines {
            match parse_line(line) {
                Ok(parsed) => records.push(Incoming {
                    line: line.clone(),
                    parsed,
                }),
                Err(_) => self.broken += 1,
            }
        }
        records.sort_by_key(|record| (record.parsed.session_id(), record.parsed.first_seq()));
        let mut runs: Vec<Run> = Vec::new();
        for record in records {
            let session = record.parsed.session_id();
            let bytes = record.line.len() + 1;
            match runs.last_mut() {
                Some(run)
                    if run.session == session
                        && run.bytes + bytes <= BATCH_BYTES
                        && run.next_seq == record.parsed.first_seq() =>
                {
                    run.next_seq = record.parsed.last_seq() + 1;
                    run.records.push(record);
                    run.bytes += bytes;
                }
                _ => runs.push(Run {
                    session,
                    next_seq: record.parsed.last_seq() + 1,
                    records: vec![record],
                    bytes,
                }),
            }
        }
        runs
    }

    async fn deliver(&mut self, client: &Client, runs: Vec<Run>) -> Result<(), CliError> {
        for run in runs {
            let mut records = &run.records[..];
            // A record that conflicts with a stored one is skipped; the run continues after it.
            while let (Some(first), Some(last)) = (records.first(), records.last()) {
                let body = records
                    .iter()
                    .flat_map(|record| [&record.line[..], b"\n"])
                    .collect::<Vec<_>>()
                    .concat();
                let (first_seq, last_seq) = (first.parsed.first_seq(), last.parsed.last_seq());
                match self.send(client, run.session, first_seq, last_seq, body).await {
                    Ok(()) => break,
                    Err(CliError::Refused {
                        status: 409,
                        seq: Some(seq),
                        ..
                    }) => {
                        let before = records
                            .iter()
                            .take_while(|record| record.parsed.last_seq() < seq)
                            .count();
                        self.accepted += before as u64;
                        self.conflicts += 1;
                        records = records.get(before + 1..).unwrap_or_default();
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    async fn send(
        &mut self,
        client: &Client,
        session: SessionId,
        first_seq: u64,
        last_seq: u64,
        body: Vec<u8>,
    ) -> Result<(), CliError> {
        let session = session.to_string();
        let first = first_seq.to_string();
        let last = last_seq.to_string();
        let mut query = vec![
            ("session", session.as_str()),
            ("first_seq", &first),
            ("last_seq", &last),
        ];
        let owner = self.owners.get(&session).cloned().unwrap_or_default();
        query.extend(owner.producer.as_deref().map(|producer| ("producer", producer)));
        query.extend(owner.pairing.as_deref().map(|pairing| ("pairing", pairing)));
        let receipt = client.deliver(&query, body).await?;
        self.accepted += receipt["accepted"].as_u64().unwrap_or(0);
        self.duplicates += receipt["duplicates"].as_u64().unwrap_or(0);
        Ok(())
    }

    /// Delivers gaps for the missing seqs, and returns how many they are.
    async fn fill_gaps(&mut self, client: &Client) -> Result<u64, CliError> {
        let mut missing = 0;
        for (session, first_read) in self.first.clone() {
            let is_pruned = self
                .owners
                .get(session.as_str())
                .is_some_and(|owner| owner.is_pruned);
            let summary: Value = client.json(&format!("/v1/sessions/{session}"), &[]).await?;
            for missing_seqs in summary["missing"].as_array().into_iter().flatten() {
                let (Some(first_seq), Some(last_seq)) = (missing_seqs[0].as_u64(), missing_seqs[1].as_u64())
                else {
                    continue;
                };
                // Seqs before the first record that is left were most likely removed by retention.
                let reason = if is_pruned && last_seq < first_read {
                    NOT_RETAINED
                } else {
                    CORRUPT
                };
                let gap = Gap::new(first_seq..=last_seq, UNKNOWN_CATEGORY, reason);
                let mut body = Vec::new();
                LineWriter::new(session).gap(&mut body, &gap);
                body.push(b'\n');
                let accepted = self.accepted;
                self.send(client, session, first_seq, last_seq, body).await?;
                self.accepted = accepted; // a gap is nothing that came back
                missing += gap.count();
            }
        }
        Ok(missing)
    }
}
