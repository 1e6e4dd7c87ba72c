//! `tabtape export`: what was recorded, as a file others can open.
//!
//! `ndjson`: the records as they are. `har`: the network events as an HTTP archive. `otlp`: one
//! ExportLogsServiceRequest a line, as JSON. `bundle`: a zip with all of it, the coverage and the sessions, to
//! attach to a bug.

mod bundle;
mod har;

use super::CliError;
use super::args::{ExportArgs, Format};
use super::client::Client;
use super::session_ids::whole_id_of;
use crate::otlp::record;
use crate::render::json_for_stdout;
use http::HeaderMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Records in one line of OTLP.
const OTLP_RECORDS: usize = 500;

pub(super) async fn run(client: &Client, args: ExportArgs) -> Result<(), CliError> {
    let selector = args.wanted.selector(client).await?;
    let session = whole_id_of(client, args.session.as_deref()).await?;
    let query = [
        ("q", selector.as_str()),
        ("session", session.as_deref().unwrap_or_default()),
    ];
    let text = client
        .get("/v1/events", &query, HeaderMap::new())
        .await?
        .text()
        .await
        .map_err(CliError::failed)?;
    let lines: Vec<&str> = text.lines().collect();
    if args.format == Format::Bundle {
        let Some(path) = &args.output else {
            return Err(CliError::Failed(
                "a bundle is a zip: say where to write it with --output bug.zip".into(),
            ));
        };
        let more = client
            .get("/v1/coverage", &query, HeaderMap::new())
            .await?
            .text()
            .await
            .map_err(CliError::failed)?;
        let sessions = client
            .get("/v1/sessions", &[], HeaderMap::new())
            .await?
            .text()
            .await
            .map_err(CliError::failed)?;
        return bundle::write(
            File::create(path).map_err(|error| named(path, &error))?,
            &lines,
            &more,
            &sessions,
        );
    }
    let written = match args.format {
        Format::Ndjson | Format::Bundle => text,
        Format::Har => format!("{}\n", har::archive(&lines)),
        Format::Otlp => otlp(&lines)?,
    };
    match &args.output {
        Some(path) => std::fs::write(path, written).map_err(|error| named(path, &error))?,
        None => {
            let mut out = io::stdout().lock();
            out.write_all(json_for_stdout(&written).as_bytes())?;
            out.flush()?;
        }
    }
    Ok(())
}

/// Returns an error that names the file.
fn named(path: &Path, error: &io::Error) -> CliError {
    CliError::Failed(format!("{}: {error}", path.display()))
}

fn otlp(lines: &[&str]) -> Result<String, CliError> {
    let mut out = String::new();
    for chunk in lines.chunks(OTLP_RECORDS) {
        let request = record::request(chunk.iter().map(|line| line.as_bytes()));
        out += &serde_json::to_string(&request).map_err(CliError::failed)?;
        out.push('\n');
    }
    Ok(out)
}
