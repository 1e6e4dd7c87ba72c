//! A zip with everything a bug report needs.

use super::{CliError, har, otlp};
use std::fs::File;
use std::io::Write as _;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const README: &str = "Recorded by Tabtape.\n\n\
events.ndjson  every record as it was delivered, one JSON object per line; gaps are in their place\n\
network.har    the network events, for a browser's network panel\n\
otlp.ndjson    the same as OpenTelemetry logs\n\
coverage.json  what was being watched, since when, and what is missing\n\
sessions.json  the sessions with their counts\n\n\
What pages wrote is in here as they wrote it: open it with tools that do not run it.\n";

pub(super) fn write(file: File, lines: &[&str], coverage: &str, sessions: &str) -> Result<(), CliError> {
    let mut zip = ZipWriter::new(file);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let events = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let files = [
        ("README.txt", README.to_owned()),
        ("events.ndjson", events),
        ("network.har", har::archive(lines).to_string()),
        ("otlp.ndjson", otlp(lines)?),
        ("coverage.json", coverage.to_owned()),
        ("sessions.json", sessions.to_owned()),
    ];
    for (name, contents) in files {
        zip.start_file(name, options).map_err(CliError::failed)?;
        zip.write_all(contents.as_bytes())?;
    }
    zip.finish().map_err(CliError::failed)?;
    Ok(())
}
