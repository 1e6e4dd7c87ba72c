//! `tabtape doctor`: what is wrong with a set-up, and how to mend it.

use super::CliError;
use super::args::Output;
use super::client::Client;
use super::state::{self, Running};
use crate::auth::hello_hmac;
use crate::clock::now_micros;
use crate::render::harmless;
use http::HeaderMap;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;

/// Below this the store cannot work for long.
const LITTLE_DISK_BYTES: u64 = 200 << 20;
/// A clock that is further off confuses whoever reads.
const CLOCK_MICROS: u64 = 5_000_000;

#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    ok: bool,
    says: String,
}

fn good(what: &'static str, says: impl Into<String>) -> Finding {
    Finding { what, ok: true, says: says.into() }
}

fn bad(what: &'static str, says: impl Into<String>) -> Finding {
    Finding { what, ok: false, says: says.into() }
}

/// Exit status 1 when something is wrong.
pub(super) async fn run(folder: &Path, output: Output) -> Result<(), CliError> {
    let findings = look(folder).await;
    let mut out = std::io::stdout().lock();
    if output.json {
        writeln!(out, "{}", json!({"findings": findings, "ok": findings.iter().all(|finding| finding.ok)}))?;
    } else {
        for finding in &findings {
            let sign = if finding.ok { "ok  " } else { "BAD " };
            writeln!(out, "{sign} {:<10} {}", finding.what, harmless(&finding.says))?;
        }
    }
    match findings.iter().filter(|finding| !finding.ok).count() {
        0 => Ok(()),
        wrong => Err(CliError::Failed(format!("{wrong} of {} checks failed", findings.len()))),
    }
}

async fn look(folder: &Path) -> Vec<Finding> {
    let mut findings = vec![files(folder), disk(folder)];
    let running = match state::find(folder) {
        Ok(running) => running,
        Err(error) => {
            findings.push(bad("collector", error.to_string()));
            return findings;
        }
    };
    let client = match Client::new(&running.url, &running.token) {
        Ok(client) => client,
        Err(error) => {
            findings.push(bad("collector", error.to_string()));
            return findings;
        }
    };
    let health: Value = match client.json("/healthz").await {
        Ok(health) => health,
        Err(error) => {
            let mend = format!(
                "{error}. collector.json says pid {}; if it is gone, start `tabtape serve` again",
                running.pid
            );
            findings.push(bad("collector", mend));
            return findings;
        }
    };
    findings.push(if health["store_id"] == running.store_id.as_str() {
        good("collector", format!("answers at {}", running.url))
    } else {
        bad(
            "port",
            format!(
                "{} is taken by another collector; stop it, or start this one with --listen",
                running.url
            ),
        )
    });
    findings.push(match health["damage"].as_str() {
        None => good("store", "no damage is known"),
        Some(damage) => bad(
            "store",
            format!("is damaged: {damage}; export what is needed, move events.db away, start again"),
        ),
    });
    findings.push(impostor(&client, &running).await);
    findings.push(match client.json::<Value>("/v1/tokens").await {
        Ok(_) => good("token", "the collector knows this machine's token"),
        Err(error) => {
            bad("token", format!("{error}; start the collector again, it writes collector.json anew"))
        }
    });
    findings.push(clock(&client).await);
    findings.extend(deliveries(&client).await);
    findings
}

fn files(folder: &Path) -> Finding {
    if !folder.is_dir() {
        return bad("folder", format!("{} is missing; `tabtape serve` makes it", folder.display()));
    }
    let probe = folder.join(".doctor");
    match crate::files::own_folder(folder)
        .and_then(|()| crate::files::private_file(&probe))
        .and_then(|_| std::fs::remove_file(&probe))
    {
        Ok(()) => good("folder", format!("{} can be written", folder.display())),
        Err(error) => bad("folder", format!("{}: {error}; make it this user's", folder.display())),
    }
}

fn disk(folder: &Path) -> Finding {
    match fs4::available_space(folder) {
        Ok(bytes) if bytes < LITTLE_DISK_BYTES => bad(
            "disk",
            format!("{} MB are left; make room or serve with less --retention-bytes", bytes >> 20),
        ),
        Ok(bytes) => good("disk", format!("{} MB are left", bytes >> 20)),
        Err(error) => bad("disk", format!("cannot be asked: {error}")),
    }
}

/// Whether who answers knows the pairing secret, as a recorder asks before it sends anything.
async fn impostor(client: &Client, running: &Running) -> Finding {
    let nonce = "00112233445566778899aabbccddeeff";
    let hello = json!({"nonce": nonce, "pairing": running.pairing.pairing});
    let host_port = running.url.trim_start_matches("http://");
    let expected =
        hex::decode(nonce).ok().and_then(|nonce| hello_hmac(&running.pairing.secret, &nonce, host_port));
    match client.call::<Value>("/v1/hello", &hello).await {
        Ok(reply) if reply["hmac"].as_str() == expected.as_deref() => {
            good("hello", "it proves that it is the paired collector")
        }
        Ok(_) => bad(
            "hello",
            format!("whoever answers at {} does not know the pairing secret; find out who", running.url),
        ),
        Err(error) => bad("hello", format!("{error}; pair again with `tabtape pair`")),
    }
}

async fn clock(client: &Client) -> Finding {
    let asked = client.get("/healthz", &[], HeaderMap::new()).await;
    let date = asked.ok().and_then(|response| {
        let text = response.headers().get("date")?.to_str().ok()?.to_owned();
        chrono::DateTime::parse_from_rfc2822(&text).ok()
    });
    let Some(date) = date else { return bad("clock", "the collector tells no time") };
    let off = now_micros().abs_diff(u64::try_from(date.timestamp_micros()).unwrap_or(0));
    if off > CLOCK_MICROS {
        bad(
            "clock",
            format!("is {} s off between this shell and the collector; set the clock", off / 1_000_000),
        )
    } else {
        good("clock", "agrees")
    }
}

/// Whether a recorder has ever come, and whether it still does.
async fn deliveries(client: &Client) -> Vec<Finding> {
    let (pairings, sessions) =
        match (client.json::<Value>("/v1/pairings").await, client.json::<Value>("/v1/sessions").await) {
            (Ok(pairings), Ok(sessions)) => (pairings, sessions),
            (Err(error), _) | (_, Err(error)) => return vec![bad("extension", error.to_string())],
        };
    let sessions: Vec<&Value> = sessions["sessions"].as_array().into_iter().flatten().collect();
    let recorded = sessions.iter().filter(|session| session["pairing"].is_string());
    let latest = recorded.filter_map(|session| session["last_ts"].as_u64()).max();
    let mut findings = vec![match (latest, pairings.as_array().map_or(0, Vec::len)) {
        (Some(ts), _) => {
            good("extension", format!("last event {} s ago", now_micros().saturating_sub(ts) / 1_000_000))
        }
        (None, pairings) => bad(
            "extension",
            format!(
                "nothing was ever delivered ({pairings} pairings); load dist/extension, press record, and pair with `tabtape pair`"
            ),
        ),
    }];
    let waiting = sessions
        .iter()
        .filter(|session| session["missing"].as_array().is_some_and(|missing| !missing.is_empty()));
    for session in waiting {
        let id = session["session"].as_str().unwrap_or_default();
        findings.push(bad(
            "delivery",
            format!("session {id} misses seqs {}; its recorder has not sent them yet", session["missing"]),
        ));
    }
    findings
}
