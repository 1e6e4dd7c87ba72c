//! Tokens, pairings, links, notes.

use super::CliError;
use super::args::{Cli, MarkArgs, PairArgs, PairCommand, TokenCommand};
use super::client::Client;
use crate::render::{self, escape_untrusted, local_time};
use clap::CommandFactory as _;
use serde_json::{Value, json};
use std::io::Write as _;

pub(super) async fn token(client: &Client, command: TokenCommand) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    match command {
        TokenCommand::Create {
            scope,
            label,
            selector,
            expires_in,
            json,
        } => {
            let wanted =
                json!({"scope": scope, "label": label, "selector": selector, "expires_in": expires_in});
            let new: Value = client.call("/v1/tokens", &wanted).await?;
            shown_once(&mut out, &new, json)?;
        }
        TokenCommand::Rotate { id, json } => {
            let new: Value = client
                .call(&format!("/v1/tokens/{}/rotate", segment(&id)), &json!({}))
                .await?;
            shown_once(&mut out, &new, json)?;
        }
        TokenCommand::List(output) => {
            let tokens: Value = client.json("/v1/tokens", &[]).await?;
            if output.json {
                return Ok(render::print_json(&tokens)?);
            }
            for token in tokens.as_array().into_iter().flatten() {
                writeln!(
                    out,
                    "{:<14}  {:<6}  {}  {}  {}",
                    text(token, "id"),
                    text(token, "scope"),
                    local_time(token["created_ts"].as_u64().unwrap_or(0)),
                    text(token, "label"),
                    text(token, "selector"),
                )?;
            }
        }
        TokenCommand::Revoke { id, json } => revoke(client, "tokens", &id, json).await?,
    }
    Ok(())
}

/// A token that was just made.
fn shown_once(out: &mut impl std::io::Write, new: &Value, json: bool) -> Result<(), CliError> {
    if json {
        return Ok(render::print_json(&new)?);
    }
    writeln!(out, "{}", new["token"].as_str().unwrap_or_default())?;
    super::note(format_args!(
        "this is the only time it is shown; revoke it with `tabtape token revoke {}`",
        text(new, "id")
    ));
    Ok(())
}

pub(super) async fn pair(client: &Client, args: PairArgs) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    match args.command {
        None => {
            let invitation: Value = client
                .call("/v1/pairings/codes", &json!({"recorder": !args.deliver_only}))
                .await?;
            if args.json {
                return Ok(render::print_json(&invitation)?);
            }
            writeln!(
                out,
                "Open this in the browser that has the extension, within {} s:",
                invitation["expires_in"]
            )?;
            writeln!(out, "  {}", text(&invitation, "url"))?;
            writeln!(
                out,
                "Accept there if its page shows the code  {}",
                text(&invitation, "short_code")
            )?;
        }
        Some(PairCommand::List(output)) => {
            let pairings: Value = client.json("/v1/pairings", &[]).await?;
            if output.json {
                return Ok(render::print_json(&pairings)?);
            }
            let sessions: Value = client.json("/v1/sessions", &[]).await?;
            for pairing in pairings.as_array().into_iter().flatten() {
                let sessions = sessions["sessions"].as_array().into_iter().flatten();
                let delivered = sessions.filter(|session| session["pairing"] == pairing["id"]);
                let used = match delivered.filter_map(|session| session["last_ts"].as_u64()).max() {
                    Some(ts) => format!("last event {}", local_time(ts)),
                    None => "(not used yet)".to_owned(),
                };
                writeln!(
                    out,
                    "{:<14}  {}  {}  {}  {used}",
                    text(pairing, "id"),
                    local_time(pairing["created_ts"].as_u64().unwrap_or(0)),
                    text(pairing, "profile"),
                    text(pairing, "origin"),
                )?;
            }
        }
        Some(PairCommand::Rotate { id, json }) => {
            let new: Value = client
                .call(&format!("/v1/pairings/{}/rotate", segment(&id)), &json!({}))
                .await?;
            if json {
                render::print_json(&new)?;
            } else {
                writeln!(out, "token   {}", new["token"].as_str().unwrap_or_default())?;
                writeln!(out, "secret  {}", new["secret"].as_str().unwrap_or_default())?;
                super::note(format_args!(
                    "this is the only time they are shown; what the old ones opened is shut"
                ));
            }
        }
        Some(PairCommand::Revoke { id, json }) => revoke(client, "pairings", &id, json).await?,
    }
    Ok(())
}

async fn revoke(client: &Client, kind: &str, id: &str, json: bool) -> Result<(), CliError> {
    client.delete(&format!("/v1/{kind}/{}", segment(id)), &[]).await?;
    let mut out = std::io::stdout().lock();
    if json {
        render::print_json(&json!({"revoked": id}))?
    } else {
        writeln!(out, "{} revoked", escape_untrusted(id))?
    }
    Ok(())
}

pub(super) async fn viewer(client: &Client, json: bool) -> Result<(), CliError> {
    let link: Value = client.call("/v1/viewer/codes", &json!({})).await?;
    let mut out = std::io::stdout().lock();
    if json {
        render::print_json(&link)?
    } else {
        writeln!(out, "{}", text(&link, "url"))?
    }
    Ok(())
}

pub(super) async fn mark(client: &Client, args: MarkArgs) -> Result<(), CliError> {
    let event = json!({
        "type": "system.mark", "category": "system",
        "source": {"kind": "local_process", "event": "tabtape mark"},
        "data": {"text": args.note},
    });
    let response = client
        .post(
            "/v1/events",
            &[("producer", "tabtape")],
            "application/json",
            event.to_string(),
        )
        .await?;
    let stored = response.text().await.map_err(CliError::failed)?;
    if args.json {
        render::print_json(&stored.trim_end())?;
    }
    Ok(())
}

pub(super) fn completions(shell: clap_complete::Shell) -> Result<(), CliError> {
    let mut script = Vec::new(); // written to stdout directly, it would panic when stdout is closed
    clap_complete::generate(shell, &mut Cli::command(), "tabtape", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(())
}

fn text(value: &Value, field: &str) -> String {
    escape_untrusted(value[field].as_str().unwrap_or_default())
}

fn segment(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
