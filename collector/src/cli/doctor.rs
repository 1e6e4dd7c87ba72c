//! `tabtape doctor`: the faults of a set-up, each with its remedy.

use super::CliError;
use super::args::{DoctorArgs, Target};
use super::client::Client;
use super::state::Running;
use crate::auth::{Auth, hello_hmac};
use crate::clock::now_micros;
use crate::render::{self, escape_untrusted};
use crate::store::{Store, is_silent};
use serde::Serialize;
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Below this the store cannot work for long.
const LITTLE_DISK_BYTES: u64 = 200 << 20;
/// A clock that differs by more confuses readers.
const CLOCK_MICROS: u64 = 5_000_000;
/// The time that a program which holds the port has to answer.
const CONNECT: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    ok: bool,
    says: String,
}

fn good(what: &'static str, says: impl Into<String>) -> Finding {
    Finding {
        what,
        ok: true,
        says: says.into(),
    }
}

fn bad(what: &'static str, says: impl Into<String>) -> Finding {
    Finding {
        what,
        ok: false,
        says: says.into(),
    }
}

/// Exit status 1 when something is wrong.
pub(super) async fn run(target: &Target, args: DoctorArgs) -> Result<(), CliError> {
    let findings = look(target, args.listen).await?;
    let mut out = std::io::stdout().lock();
    if args.json {
        render::print_json(&json!({"findings": findings, "ok": findings.iter().all(|finding| finding.ok)}))?;
    } else {
        for finding in &findings {
            let sign = if finding.ok { "ok  " } else { "BAD " };
            writeln!(
                out,
                "{sign} {:<10} {}",
                finding.what,
                escape_untrusted(&finding.says)
            )?;
        }
    }
    match findings.iter().filter(|finding| !finding.ok).count() {
        0 => Ok(()),
        wrong => Err(CliError::Failed(format!(
            "{wrong} of {} checks failed",
            findings.len()
        ))),
    }
}

async fn look(target: &Target, listen: SocketAddr) -> Result<Vec<Finding>, CliError> {
    let folder = &target.folder()?;
    let mut findings = vec![files(folder)];
    if folder.is_dir() {
        findings.push(disk(fs4::available_space(folder)));
    }
    let running = match target.running() {
        Ok(running) => running,
        Err(error) => {
            findings.push(bad("collector", error.to_string()));
            findings.extend(stopped_store(folder).await);
            findings.extend(tokens(folder));
            findings.extend(taken(listen).await);
            return Ok(findings);
        }
    };
    let answers = ask(&Client::without_token(&running.url)?, &running).await;
    if answers
        .iter()
        .any(|finding| finding.what == "collector" && !finding.ok)
    {
        findings.extend(stopped_store(folder).await);
    }
    findings.extend(answers);
    Ok(findings)
}

/// Asks the running collector for its health, and checks that it is the expected one.
async fn ask(client: &Client, running: &Running) -> Vec<Finding> {
    let health: Value = match client.json("/healthz", &[]).await {
        Ok(health) => health,
        Err(error) => {
            let mend = format!(
                "{error}. collector.json says pid {}; if it is gone, start `tabtape serve` again",
                running.pid
            );
            return vec![bad("collector", mend)];
        }
    };
    let mut findings = Vec::new();
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
            format!("is damaged: {damage}; move events.db (and events.db-wal) away, start again, and bring back what is whole with `tabtape recover`"),
        ),
    });
    if health["status"] == "replaced" {
        findings.push(bad(
            "store",
            "its file was deleted or replaced; the collector opens it again by itself",
        ));
    }
    for (name, task) in health["tasks"].as_object().into_iter().flatten() {
        if task["running"] == false {
            let reason = task["last_end"].as_str().unwrap_or("?");
            findings.push(bad(
                "task",
                format!("{name} does not run and is started again: {reason}"),
            ));
        }
        if let Some(problem) = task["problem"].as_str() {
            findings.push(bad("task", format!("{name} does not work: {problem}")));
        }
    }
    if let Some(notice) = health["store_notice"].as_str() {
        findings.push(bad("store", notice));
    }
    findings.push(impostor(client, running).await);
    findings.push(clock(client).await);
    findings.extend(owner(running).await);
    findings
}

/// Reports whether the token is accepted, and what only its holder may see. The token is sent to no program that does
/// not prove that it has it.
async fn owner(running: &Running) -> Vec<Finding> {
    let client = match Client::new(&running.url, &running.token) {
        Ok(client) => client,
        Err(error) => return vec![bad("token", error.to_string())],
    };
    match client.json::<Value>("/v1/tokens", &[]).await {
        Ok(_) => {
            let mut findings = vec![good("token", "the collector accepts this machine's token")];
            findings.extend(deliveries(&client).await);
            findings
        }
        Err(error) => {
            vec![bad(
                "token",
                format!("{error}; start the collector again, it writes collector.json again"),
            )]
        }
    }
}

/// Checks the store's file while no collector runs.
async fn stopped_store(folder: &Path) -> Option<Finding> {
    let folder = folder.to_owned();
    let file = folder.join("events.db");
    if !file.exists() {
        return None;
    }
    let checked = tokio::task::spawn_blocking(move || Store::damage_in(&folder))
        .await
        .ok()?;
    Some(match checked {
        Ok(None) => good("store", format!("{} is intact", file.display())),
        Ok(Some(damage)) => bad(
            "store",
            format!(
                "{}: {damage}; move it (and events.db-wal) away, start `tabtape serve`, and bring back what is intact with `tabtape recover`",
                file.display()
            ),
        ),
        Err(error) => bad("store", format!("{}: {error}", file.display())),
    })
}

/// Reports a file of tokens that cannot be read.
fn tokens(folder: &Path) -> Option<Finding> {
    let error = Auth::check_file(folder).err()?;
    Some(bad("tokens", error.to_string()))
}

fn files(folder: &Path) -> Finding {
    if folder.is_file() {
        let detail = format!(
            "{} is a file; move it away, or give a folder with --data-dir",
            folder.display()
        );
        return bad("folder", detail);
    }
    if !folder.is_dir() {
        return bad(
            "folder",
            format!("{} is missing; `tabtape serve` makes it", folder.display()),
        );
    }
    let probe = folder.join(".doctor");
    match crate::files::own_folder(folder)
        .and_then(|()| crate::files::private_file(&probe))
        .and_then(|_| std::fs::remove_file(&probe))
    {
        Ok(()) => good("folder", format!("{} can be written", folder.display())),
        Err(error) => bad(
            "folder",
            format!("{}: {error}; make it this user's", folder.display()),
        ),
    }
}

fn disk(available: std::io::Result<u64>) -> Finding {
    match available {
        Ok(bytes) if bytes < LITTLE_DISK_BYTES => bad(
            "disk",
            format!(
                "{} MB are left; make room or serve with less --retention-bytes",
                bytes >> 20
            ),
        ),
        Ok(bytes) => good("disk", format!("{} MB are left", bytes >> 20)),
        Err(error) => bad("disk", format!("cannot be asked: {error}")),
    }
}

/// Reports the process that holds the collector's port, if one does.
async fn taken(listen: SocketAddr) -> Option<Finding> {
    let connected = tokio::time::timeout(CONNECT, tokio::net::TcpStream::connect(listen)).await;
    connected.ok()?.ok()?;
    let client = Client::without_token(&format!("http://{listen}")).ok()?;
    let says = match tokio::time::timeout(CONNECT, client.json::<Value>("/healthz", &[])).await {
        Ok(Ok(health)) if health["store_id"].is_string() => format!(
            "at {listen} a collector with another folder listens; say which with --data-dir, or stop it"
        ),
        _ => format!(
            "{listen} is taken by another program; `tabtape serve` would take the next port, where recorders that are paired with {listen} do not look: end that program, or serve with --listen and pair again"
        ),
    };
    Some(bad("port", says))
}

/// Checks that the program at the address has the pairing secret, as a recorder does before it sends anything.
async fn impostor(client: &Client, running: &Running) -> Finding {
    let nonce = "00112233445566778899aabbccddeeff";
    let hello = json!({"nonce": nonce, "pairing": running.pairing.pairing});
    let host_port = running.url.trim_start_matches("http://");
    let expected = hex::decode(nonce)
        .ok()
        .and_then(|nonce| hello_hmac(&running.pairing.secret, &nonce, host_port));
    match client.call::<Value>("/v1/hello", &hello).await {
        Ok(reply) if reply["hmac"].as_str() == expected.as_deref() => {
            good("hello", "it proves that it is the paired collector")
        }
        Ok(_) => bad(
            "hello",
            format!(
                "the program at {} does not have the pairing secret; find out which it is",
                running.url
            ),
        ),
        Err(error) => bad("hello", format!("{error}; pair again with `tabtape pair`")),
    }
}

async fn clock(client: &Client) -> Finding {
    let asked = client.get("/healthz", &[]).await;
    let date = asked.ok().and_then(|response| {
        let text = response.headers().get("date")?.to_str().ok()?.to_owned();
        chrono::DateTime::parse_from_rfc2822(&text).ok()
    });
    let Some(date) = date else {
        return bad("clock", "the collector tells no time");
    };
    let off = now_micros().abs_diff(u64::try_from(date.timestamp_micros()).unwrap_or(0));
    if off > CLOCK_MICROS {
        bad(
            "clock",
            format!(
                "is {} s off between this shell and the collector; set the clock",
                off / 1_000_000
            ),
        )
    } else {
        good("clock", "agrees")
    }
}

/// Whether a recorder has ever come, and whether it still does.
async fn deliveries(client: &Client) -> Vec<Finding> {
    let (pairings, sessions, coverage) = match (
        client.json::<Value>("/v1/pairings", &[]).await,
        client.json::<Value>("/v1/sessions", &[]).await,
        client.json::<Value>("/v1/coverage", &[]).await,
    ) {
        (Ok(pairings), Ok(sessions), Ok(coverage)) => (pairings, sessions, coverage),
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => {
            return vec![bad("extension", error.to_string())];
        }
    };
    // `None` if the session does not report what it watches.
    let has_ended = |session: &Value| {
        let mut coverage = coverage["sessions"].as_array().into_iter().flatten();
        let of_session = coverage.find(|coverage| coverage["session"] == session["session"]);
        let last = of_session.and_then(|coverage| coverage["watched"].as_array()?.last())?;
        Some(!last["to_ts"].is_null())
    };
    let sessions: Vec<&Value> = sessions["sessions"].as_array().into_iter().flatten().collect();
    let recorded = sessions.iter().filter(|session| session["pairing"].is_string());
    let newest = recorded.max_by_key(|session| session["last_ts"].as_u64());
    let newest_ended = newest.and_then(|session| has_ended(session));
    let latest = newest.and_then(|session| session["last_ts"].as_u64());
    let now = now_micros();
    let mut findings = vec![match (latest, pairings.as_array().map_or(0, Vec::len)) {
        (Some(ts), _) if ts > now + CLOCK_MICROS => bad(
            "clock",
            format!(
                "the browser's is {} s ahead of this one; set the clocks",
                (ts - now) / 1_000_000
            ),
        ),
        (Some(ts), _) if is_silent(Some(ts), now) && newest_ended == Some(false) => bad(
            "extension",
            format!(
                "silent since {}, and it has not ended; if the browser runs, look at the extension's badge and at chrome://extensions",
                render::local_time(ts)
            ),
        ),
        (Some(ts), _) if newest_ended == Some(true) => good(
            "extension",
            format!(
                "its last recording has ended; last event {}",
                render::local_time(ts)
            ),
        ),
        (Some(ts), _) => good(
            "extension",
            format!("last event {} s ago", now.saturating_sub(ts) / 1_000_000),
        ),
        (None, pairings) => bad(
            "extension",
            format!(
                "nothing was ever delivered ({pairings} pairings); load dist/extension, press record, and pair with `tabtape pair`"
            ),
        ),
    }];
    let waiting = sessions.iter().filter(|session| {
        session["missing"]
            .as_array()
            .is_some_and(|missing| !missing.is_empty())
    });
    for session in waiting {
        let id = session["session"].as_str().unwrap_or_default();
        findings.push(bad(
            "delivery",
            format!(
                "session {id} misses seqs {}; its recorder has not sent them yet",
                session["missing"]
            ),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_and_a_disk_that_cannot_be_asked_are_findings() {
        assert!(disk(Ok(LITTLE_DISK_BYTES)).ok);
        let little = disk(Ok(LITTLE_DISK_BYTES - 1));
        assert!(
            !little.ok && little.says.contains("199 MB are left; make room"),
            "{}",
            little.says
        );
        assert!(!disk(Err(std::io::ErrorKind::PermissionDenied.into())).ok);
    }
}
