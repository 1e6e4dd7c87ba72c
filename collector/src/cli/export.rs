//! `tabtape export`: what was recorded, as a file others can open.
//!
//! `ndjson`: the records as they are. `otlp`: one ExportLogsServiceRequest per line, as JSON. The collector makes the
//! other formats.

use super::CliError;
use super::args::{ExportArgs, Format};
use super::client::Client;
use super::session_ids::whole_id_of;
use crate::otlp::logs;
use crate::render::json_for_stdout;
use std::io::{self, Write as _};
use std::path::Path;

/// Records in one line of OTLP.
const OTLP_RECORDS: usize = 500;

pub(super) async fn run(client: &Client, args: ExportArgs) -> Result<(), CliError> {
    let output = args.output.as_deref();
    if args.format == Format::Bundle && output.is_none() {
        return Err(CliError::Failed(
            "a bundle is a page for a browser: say where to write it with --output bug.html".into(),
        ));
    }
    let selector = args.wanted.selector(client).await?;
    let session = whole_id_of(client, args.session.as_deref()).await?;
    let mut query = vec![
        ("q", selector.as_str()),
        ("session", session.as_deref().unwrap_or_default()),
    ];
    let format = match args.format {
        Format::Ndjson | Format::Otlp => None,
        Format::Har => Some("har"),
        Format::Markdown => Some("markdown"),
        Format::Playwright => Some("playwright"),
        Format::Bundle => Some("bundle"),
    };
    query.extend(format.map(|format| ("format", format)));
    let path = if format.is_some() {
        "/v1/export"
    } else {
        "/v1/events"
    };
    let text = client.text(path, &query).await?;
    if args.format == Format::Otlp {
        return write(output, &otlp(&text)?);
    }
    write(output, &text)
}

/// Writes text to the file, or to stdout without one.
fn write(output: Option<&Path>, text: &str) -> Result<(), CliError> {
    match output {
        Some(path) => std::fs::write(path, text)
            .map_err(|error| CliError::Failed(format!("{}: {error}", path.display()))),
        None => {
            let mut out = io::stdout().lock();
            out.write_all(json_for_stdout(text).as_bytes())?;
            Ok(out.flush()?)
        }
    }
}

fn otlp(text: &str) -> Result<String, CliError> {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = String::new();
    for chunk in lines.chunks(OTLP_RECORDS) {
        let request = logs::request(chunk.iter().map(|line| line.as_bytes()));
        out += &serde_json::to_string(&request).map_err(CliError::failed)?;
        out.push('\n');
    }
    Ok(out)
}
