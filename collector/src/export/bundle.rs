//! Records as one HTML file that opens offline: the viewer, the records, an HTTP archive, and hashes of all of it.
//!
//! The page's policy allows the viewer's own script and nothing from elsewhere. Captured text is compressed and written
//! in base64, so none of it is markup. The files of the viewer are embedded when they were built before the collector.

use crate::clock::utc;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use tabtape::har::Archive;
use tabtape::record::stored_line;

/// Most bytes of records: a browser opens the file in memory.
pub(crate) const MAX_BYTES: usize = 64 << 20;

#[derive(RustEmbed)]
#[folder = "../dist/bundle"]
#[allow_missing = true]
struct Viewer;

/// The request that the file answers.
#[derive(Debug)]
pub(crate) struct About {
    /// The selector, as text.
    pub(crate) selector: String,
    pub(crate) session: Option<String>,
    /// When the file was made, Unix microseconds.
    pub(crate) now: u64,
    /// The coverage of the sessions, as JSON.
    pub(crate) coverage: String,
}

/// A file in the bundle, or made of it.
#[derive(Debug, Serialize)]
struct File {
    name: String,
    bytes: usize,
    sha256: String,
    /// The seq and the session of the event that contains it; absent for a file of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<(String, u64)>,
}

impl File {
    fn new(name: &str, content: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            bytes: content.len(),
            sha256: hex::encode(Sha256::digest(content)),
            event: None,
        }
    }
}

/// Returns the file; `None` if the collector was built without the viewer.
pub(crate) fn html(lines: &[bytes::Bytes], about: &About) -> Option<String> {
    let part = |name: &str| Viewer::get(name).map(|file| file.data.into_owned());
    let script = String::from_utf8(part("viewer.js")?).ok()?;
    let style = String::from_utf8(part("viewer.css")?).ok()?;
    let wasm = part("tabtape.wasm")?;
    let mut events = Vec::new();
    let mut archive = Archive::new();
    let mut counts = Counts::default();
    for line in lines {
        events.extend_from_slice(line);
        events.push(b'\n');
        archive.take(line);
        counts.take(line);
    }
    let har = archive.text(&[]);
    let mut files = vec![
        File::new("events.ndjson", &events),
        File::new("network.har", har.as_bytes()),
        File::new("coverage.json", about.coverage.as_bytes()),
        File::new("viewer.js", script.as_bytes()),
        File::new("viewer.css", style.as_bytes()),
        File::new("tabtape.wasm", &wasm),
    ];
    files.append(&mut counts.screenshots);
    let manifest = json!({
        "tabtape": env!("CARGO_PKG_VERSION"),
        "made_at": utc(about.now),
        "selector": about.selector,
        "session": about.session,
        "first_at": counts.first_ts.map(utc),
        "last_at": counts.last_ts.map(utc),
        "events": counts.events,
        "gap_seqs": counts.gap_seqs,
        "truncated": counts.truncated,
        "left_out": left_out(about, &counts),
        "files": files,
    });
    let data = [
        ("events.ndjson", events.as_slice()),
        ("network.har", har.as_bytes()),
        ("coverage.json", about.coverage.as_bytes()),
        ("tabtape.wasm", &wasm),
    ];
    Some(page(&script, &style, &manifest, &data))
}

#[derive(Debug, Default)]
struct Counts {
    events: u64,
    gap_seqs: u64,
    truncated: u64,
    first_ts: Option<u64>,
    last_ts: Option<u64>,
    screenshots: Vec<File>,
}

impl Counts {
    fn take(&mut self, line: &[u8]) {
        let record = stored_line::value(line);
        let gap = &record["gap"];
        if let (Some(first), Some(last)) = (gap["first_seq"].as_u64(), gap["last_seq"].as_u64()) {
            self.gap_seqs += last.saturating_sub(first) + 1;
            return;
        }
        let event = &record["event"];
        self.events += 1;
        self.truncated += u64::from(event["truncated"] == true);
        let ts = event["ts"].as_u64().unwrap_or(0);
        self.first_ts = Some(self.first_ts.map_or(ts, |first| first.min(ts)));
        self.last_ts = Some(self.last_ts.map_or(ts, |last| last.max(ts)));
        let image = event["data"]["image"].as_str().unwrap_or_default();
        if event["type"] == "page.screenshot"
            && let Some(image) = image.strip_prefix("data:image/jpeg;base64,")
            && let Ok(image) = BASE64_STANDARD.decode(image)
        {
            let session = record["capture_session_id"].as_str().unwrap_or_default();
            let seq = record["seq"].as_u64().unwrap_or(0);
            let number = self.screenshots.len() + 1;
            self.screenshots.push(File {
                event: Some((session.to_owned(), seq)),
                ..File::new(&format!("screenshots/{number}.jpg"), &image)
            });
        }
    }
}

fn left_out(about: &About, counts: &Counts) -> Vec<String> {
    let mut reasons = vec![
        "secrets, which were replaced by [redacted:…] before they were stored; what was typed".to_owned(),
    ];
    if !about.selector.is_empty() {
        reasons.push("records that the selector does not want".to_owned());
    }
    if about.session.is_some() {
        reasons.push("records of other sessions".to_owned());
    }
    if counts.gap_seqs > 0 {
        reasons.push(format!(
            "{} records that are gaps, each with its reason",
            counts.gap_seqs
        ));
    }
    if counts.truncated > 0 {
        reasons.push(format!("content of {} truncated events", counts.truncated));
    }
    reasons
}

fn page(script: &str, style: &str, manifest: &Value, data: &[(&str, &[u8])]) -> String {
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}' 'wasm-unsafe-eval'; style-src 'sha256-{}'; img-src data: blob:; \
         base-uri 'none'; form-action 'none'",
        digest(script),
        digest(style)
    );
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta http-equiv=\"x-dns-prefetch-control\" content=\"off\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Tabtape bundle</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{style}</style>\n</head>\n\
         <body>\n<div id=\"app\"></div>\n"
    );
    page += &format!(
        "<script type=\"application/json\" id=\"manifest\">{}</script>\n",
        markup_free(manifest)
    );
    for (name, content) in data {
        page += &format!(
            "<script type=\"application/gzip\" id=\"{name}\">{}</script>\n",
            packed(content)
        );
    }
    page += &format!("<script>{script}</script>\n</body>\n</html>\n");
    page
}

/// Returns JSON in which no character begins or ends markup.
fn markup_free(json: &Value) -> String {
    let text = crate::render::visible_json(&format!("{json:#}")).into_owned();
    text.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

/// Returns content as gzip in base64.
fn packed(content: &[u8]) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing into memory cannot fail.
    let _ = encoder.write_all(content);
    BASE64_STANDARD.encode(encoder.finish().unwrap_or_default())
}

fn digest(text: &str) -> String {
    BASE64_STANDARD.encode(Sha256::digest(text.as_bytes()))
}
