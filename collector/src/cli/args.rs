//! The commands, with their arguments and help texts.

use super::CliError;
use super::client::Client;
use super::state::{self, Running};
use super::{session_ids, time};
use crate::auth::Scope;
use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const AFTER_HELP: &str =
    "Exit status: 0 done; 1 failed; 2 wrong usage; 3 no collector answers; 4 the collector refused.";

/// A flight recorder for browser tabs: the collector and its tools.
#[derive(Debug, Parser)]
#[command(name = "tabtape", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub(super) target: Target,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The collector that a command talks to.
#[derive(Debug, Clone, Args)]
pub(super) struct Target {
    /// The collector's folder: its store, and collector.json, where commands find it
    #[arg(long, global = true, env = "TABTAPE_DATA_DIR", value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// The collector's address, instead of the one in collector.json
    #[arg(long, global = true, env = "TABTAPE_URL", value_name = "URL")]
    url: Option<String>,
    /// A token, instead of the one in collector.json
    #[arg(
        long,
        global = true,
        env = "TABTAPE_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
}

impl Target {
    pub(super) fn folder(&self) -> Result<PathBuf, CliError> {
        state::folder(self.data_dir.as_deref())
    }

    /// Returns the contents of collector.json, with the arguments that replace parts of it.
    pub(super) fn running(&self) -> Result<Running, CliError> {
        let mut running = state::find(&self.folder()?)?;
        running.url = self.url.clone().unwrap_or(running.url);
        running.token = self.token.clone().unwrap_or(running.token);
        Ok(running)
    }

    /// Whether the address or the token is given.
    pub(super) const fn has_address_or_token(&self) -> bool {
        self.url.is_some() || self.token.is_some()
    }

    /// Whether the collector is given by its address and token.
    pub(super) const fn is_given(&self) -> bool {
        self.url.is_some() && self.token.is_some()
    }

    pub(super) fn client(&self) -> Result<Client, CliError> {
        if let (Some(url), Some(token)) = (&self.url, &self.token) {
            return Client::new(url, token);
        }
        Client::following(self)
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the collector: store, stream and answer
    #[command(
        after_help = "Examples:\n  tabtape serve\n  tabtape serve --listen 127.0.0.1:0 --data-dir /tmp/tape --json"
    )]
    Serve(ServeArgs),
    /// Follow events, one line each, in order of time within a session
    #[command(
        after_help = "Examples:\n  tabtape tail\n  tabtape tail category:console severity:warn\n  tabtape tail type:network.* --not 'url:*/hot-update*' --since 10m -n 50 --errors\n  tabtape tail --json | jq .event.data"
    )]
    Tail(TailArgs),
    /// Print stored events and gaps, in order of time within a session
    #[command(
        after_help = "Examples:\n  tabtape query 'severity:error since:1h'\n  tabtape query --session 0193… --json > session.ndjson\n  tabtape query checkout -n 20"
    )]
    Query(QueryArgs),
    /// Name what went wrong: errors in groups, each with the click and the failed request before it
    #[command(
        after_help = "Examples:\n  tabtape diagnose\n  tabtape diagnose site:localhost --since 10m\n  tabtape diagnose --json | jq '.problems[0].events'"
    )]
    Diagnose(DiagnoseArgs),
    /// List what was recorded
    #[command(
        after_help = "Examples:\n  tabtape sessions\n  tabtape sessions --json | jq '.sessions[].session'"
    )]
    Sessions(Output),
    /// Write what was recorded to a file others can open
    #[command(
        after_help = "Examples:\n  tabtape export --format har -o page.har 'site:localhost since:1h'\n  tabtape export --format bundle -o bug.html --session 0193…"
    )]
    Export(ExportArgs),
    /// Answer an agent over stdio, with the Model Context Protocol
    #[command(after_help = "Examples:\n  tabtape mcp install\n  tabtape mcp --sites localhost,shop.example")]
    Mcp(super::mcp::McpArgs),
    /// Find faults of the set-up, each with its remedy
    #[command(
        after_help = "Exit status: 0 nothing is wrong; 1 something is.\n\nExamples:\n  tabtape doctor\n  tabtape doctor --json | jq '.findings[] | select(.ok | not)'"
    )]
    Doctor(DoctorArgs),
    /// Bring what is whole in a damaged store into the running one
    #[command(
        after_help = "Move the damaged events.db away, with events.db-wal if it is there, start the collector again, and let recorders\ndeliver what they still hold; then recover the rest.\n\nExamples:\n  tabtape recover damaged.db\n  tabtape recover damaged.db --json | jq .missing"
    )]
    Recover(RecoverArgs),
    /// Leave a note in the stream: here it happened
    #[command(after_help = "Example:\n  tabtape mark 'clicked pay, nothing happened'")]
    Mark(MarkArgs),
    /// Delete stored events for good
    #[command(
        after_help = "Examples:\n  tabtape delete site:bank.example\n  tabtape delete --session 0193…\n  tabtape delete --all --yes"
    )]
    Delete(DeleteArgs),
    /// Show what was being watched, since when, and the gaps
    #[command(
        after_help = "Examples:\n  tabtape coverage\n  tabtape coverage category:network --session 0193…"
    )]
    Coverage(CoverageArgs),
    /// Make, list and revoke tokens
    #[command(
        subcommand,
        after_help = "Examples:\n  tabtape token create --scope read --label ci\n  tabtape token list\n  tabtape token revoke t_…"
    )]
    Token(TokenCommand),
    /// Let an extension deliver here
    #[command(after_help = "Examples:\n  tabtape pair\n  tabtape pair list\n  tabtape pair revoke p_…")]
    Pair(PairArgs),
    /// Print a new link to the viewer, which works once, for 60 s
    #[command(after_help = "Example:\n  xdg-open \"$(tabtape viewer)\"")]
    Viewer(Output),
    /// Print a completion script
    #[command(
        after_help = "Example:\n  tabtape completions bash > ~/.local/share/bash-completion/completions/tabtape"
    )]
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}

/// The address of the collector if none is given.
const LISTEN: &str = "127.0.0.1:28273";

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Loopback address to listen on; port 0 takes a free one, a taken one moves on
    #[arg(long, default_value = LISTEN, value_name = "ADDR")]
    pub(super) listen: SocketAddr,
    /// Print one line of JSON instead of text
    #[arg(long)]
    pub(super) json: bool,
    /// Forward everything to an OpenTelemetry Collector (OTLP/HTTP), as logs
    #[arg(
        long,
        env = "TABTAPE_OTLP_ENDPOINT",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(super) otlp_endpoint: Option<String>,
    /// Also send traces: documents, requests, interactions and long frames as spans
    #[arg(long, env = "TABTAPE_OTLP_TRACES", requires = "otlp_endpoint", value_parser = BoolishValueParser::new())]
    pub(super) otlp_traces: bool,
    /// Also send metrics: vitals, requests by status, errors by type, and the collector's own figures
    #[arg(long, env = "TABTAPE_OTLP_METRICS", requires = "otlp_endpoint", value_parser = BoolishValueParser::new())]
    pub(super) otlp_metrics: bool,
    /// Records that arrived longer ago are removed
    #[arg(long, default_value = "7d", value_name = "TIME", value_parser = span)]
    pub(super) retention_age: Duration,
    /// With more on disk than this, the oldest are removed
    #[arg(long, default_value = "2GiB", value_name = "BYTES", value_parser = bytes)]
    pub(super) retention_bytes: u64,
}

/// `7d`, `12h`, `90m`, `30s`.
fn span(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => 0,
    };
    let seconds = product(digits, seconds).ok_or("expected a time like 7d, 12h, 90m or 30s")?;
    Ok(Duration::from_secs(seconds))
}

/// `2GiB`, `500MB`, `1000000`.
fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => 0,
    };
    product(digits, unit).ok_or_else(|| "expected bytes like 2GiB, 500MB or 1000000".into())
}

/// Returns `digits` times `unit`; `None` if that is 0 or too large.
fn product(digits: &str, unit: u64) -> Option<u64> {
    let product = digits.parse::<u64>().ok()?.checked_mul(unit)?;
    (product > 0).then_some(product)
}

#[derive(Debug, Args)]
pub(super) struct Output {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Selector terms and their shorthands.
#[derive(Debug, Args)]
pub(super) struct SelectorArgs {
    /// Records to show, like `category:console severity:warn`; all if absent
    #[arg(value_name = "SELECTOR")]
    terms: Vec<String>,
    /// A term to leave out, like `url:*/hot-update*`; `-url:*/hot-update*` is the same
    #[arg(long = "not", value_name = "TERM")]
    not: Vec<String>,
    /// From then on: 10m, 2h ago, yesterday, 09:00, 2026-01-31T09:00+01:00, Unix seconds; local without an offset
    #[arg(long, value_name = "TIME", value_parser = time::since)]
    since: Option<u64>,
    /// Only errors
    #[arg(long)]
    errors: bool,
}

impl SelectorArgs {
    /// Returns the selector's text, with times in Unix microseconds and whole ids of sessions.
    pub(super) async fn selector(&self, client: &Client) -> Result<String, CliError> {
        session_ids::with_whole_ids(client, self.text()).await
    }

    /// Returns the text of the terms.
    fn text(&self) -> String {
        let mut terms: Vec<String> = self.terms.iter().map(|term| time::with_micros(term)).collect();
        terms.extend(self.not.iter().map(|term| time::with_micros(&format!("-{term}"))));
        terms.extend(self.since.iter().map(|micros| format!("since:{micros}")));
        if self.errors {
            terms.push("severity:error".into());
        }
        terms.join(" ")
    }

    pub(super) const fn has_since(&self) -> bool {
        self.since.is_some()
    }
}

#[derive(Debug, Args)]
pub(super) struct TailArgs {
    #[command(flatten)]
    pub(super) wanted: SelectorArgs,
    /// Begin with the last N stored events
    #[arg(short = 'n', long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=10000))]
    pub(super) lines: u16,
    /// Print the records as they are, in order of arrival, one JSON object per line
    #[arg(long)]
    pub(super) json: bool,
    /// Stop after the stored events
    #[arg(long)]
    pub(super) no_follow: bool,
}

#[derive(Debug, Args)]
pub(super) struct QueryArgs {
    #[command(flatten)]
    pub(super) wanted: SelectorArgs,
    /// One session; the beginning of its id is enough
    #[arg(long, value_name = "ID")]
    pub(super) session: Option<String>,
    /// Only the last N
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10000))]
    pub(super) lines: Option<u16>,
    /// Print the records as they are, in order of arrival, one JSON object per line
    #[arg(long)]
    pub(super) json: bool,
}

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// The records as they are, one JSON object a line
    Ndjson,
    /// The network events as an HTTP archive
    Har,
    /// OpenTelemetry logs, one request a line, as JSON
    Otlp,
    /// A bug report: the problems, each with what led to it
    Markdown,
    /// A Playwright test that repeats what was done, up to the failure
    Playwright,
    /// One HTML file with the viewer and the records inside, to attach to a bug
    Bundle,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    pub(super) wanted: SelectorArgs,
    /// The format to write
    #[arg(long, value_enum, default_value = "ndjson")]
    pub(super) format: Format,
    /// One session; the beginning of its id is enough
    #[arg(long, value_name = "ID")]
    pub(super) session: Option<String>,
    /// The file to write; stdout if absent
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// The address on which `tabtape serve` would listen; if no collector runs, the process that holds the port is reported
    #[arg(long, default_value = LISTEN, value_name = "ADDR")]
    pub(super) listen: SocketAddr,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RecoverArgs {
    /// The damaged events.db, where it was moved to
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct MarkArgs {
    /// The text of the note
    pub(super) note: String,
    /// Print the stored record
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct DeleteArgs {
    #[command(flatten)]
    pub(super) wanted: SelectorArgs,
    /// One session; the beginning of its id is enough
    #[arg(long, value_name = "ID")]
    pub(super) session: Option<String>,
    /// Everything
    #[arg(long)]
    pub(super) all: bool,
    /// Delete without asking
    #[arg(long, short = 'y')]
    pub(super) yes: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct DiagnoseArgs {
    #[command(flatten)]
    pub(super) wanted: SelectorArgs,
    /// Most tokens of the text, four bytes each
    #[arg(long, default_value_t = 2000, value_name = "N", value_parser = clap::value_parser!(u16).range(250..=20000))]
    pub(super) budget: u16,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct CoverageArgs {
    #[command(flatten)]
    pub(super) wanted: SelectorArgs,
    /// One session; the beginning of its id is enough
    #[arg(long, value_name = "ID")]
    pub(super) session: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token; it is shown this once
    #[command(
        after_help = "Examples:\n  tabtape token create --scope read --label ci --selector 'severity:warn'\n  tabtape token create --scope ingest --label backend"
    )]
    Create {
        /// The rights of the token
        #[arg(long, value_enum)]
        scope: Scope,
        /// A description of its purpose
        #[arg(long, default_value = "")]
        label: String,
        /// A selector that is always ANDed to its reads
        #[arg(long, value_name = "SELECTOR")]
        selector: Option<String>,
        /// Seconds until it stops working
        #[arg(long, value_name = "SECONDS")]
        expires_in: Option<u64>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List tokens
    #[command(after_help = "Example:\n  tabtape token list --json | jq -r '.[].id'")]
    List(Output),
    /// Give a token another secret, shown this once; the old one stops working and its streams end
    #[command(after_help = "Example:\n  tabtape token rotate t_…")]
    Rotate {
        /// Its id, as `token list` shows it
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token; streams it opened end
    #[command(after_help = "Example:\n  tabtape token revoke t_…")]
    Revoke {
        /// Its id, as `token list` shows it
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct PairArgs {
    #[command(subcommand)]
    pub(super) command: Option<PairCommand>,
    /// The extension is not the person's own recorder: it may deliver and nothing else
    #[arg(long)]
    pub(super) deliver_only: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum PairCommand {
    /// List pairings
    #[command(after_help = "Example:\n  tabtape pair list")]
    List(Output),
    /// Give a pairing another token and secret; the old ones stop working, viewers it opened are shut
    #[command(
        after_help = "A recorder that was paired by hand pairs again with `tabtape pair`; this is for the ones that read\ncollector.json or tabtape.json, which then need what it prints.\n\nExample:\n  tabtape pair rotate p_…"
    )]
    Rotate {
        /// Its id, as `pair list` shows it
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End a pairing; its token stops working, viewers it opened are shut
    #[command(after_help = "Example:\n  tabtape pair revoke p_…")]
    Revoke {
        /// Its id, as `pair list` shows it
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Command, CommandFactory as _};

    /// Every command that does something, with how it is called.
    fn leaves(command: &Command, path: &str, found: &mut Vec<(String, Command)>) {
        let path = format!("{path} {}", command.get_name()).trim().to_owned();
        let inner: Vec<&Command> = command
            .get_subcommands()
            .filter(|inner| inner.get_name() != "help")
            .collect();
        if inner.is_empty() || !command.is_subcommand_required_set() {
            found.push((path.clone(), command.clone()));
        }
        inner.into_iter().for_each(|inner| leaves(inner, &path, found));
    }

    #[test]
    fn every_command_has_an_example_and_json() {
        let root = Cli::command();
        root.clone().debug_assert();
        let mut found = Vec::new();
        leaves(&root, "", &mut found);
        assert!(found.len() >= 18, "{}", found.len());
        for (path, command) in found {
            let after = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                after.contains("Example") && after.contains(&path),
                "{path}: {after:?}"
            );
            assert!(command.get_about().is_some(), "{path}");
            // These have one format of their own.
            if !matches!(
                path.as_str(),
                "tabtape mcp" | "tabtape completions" | "tabtape export"
            ) {
                assert!(
                    command.get_arguments().any(|given| given.get_id() == "json"),
                    "{path} has no --json"
                );
            }
        }
        let after = root.get_after_help().map(ToString::to_string).unwrap_or_default();
        for status in 0..=4 {
            assert!(
                after.contains(&format!("{status} ")),
                "exit status {status} is not documented"
            );
        }
    }

    #[test]
    fn times_and_sizes_are_read_with_their_units_or_refused() {
        assert_eq!(span("7d").unwrap(), Duration::from_secs(7 * 24 * 3600));
        assert_eq!(span("90m").unwrap(), Duration::from_secs(5400));
        assert_eq!(bytes("2GiB").unwrap(), 2 << 30);
        assert_eq!(bytes("500MB").unwrap(), 500_000_000);
        for bad in ["", "7", "d", "0d", "-1d", "1y", "99999999999999999999d"] {
            assert!(span(bad).is_err(), "{bad}");
        }
        for bad in ["", "0", "-1", "1XB", "GiB", "99999999999999999999"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }
}
