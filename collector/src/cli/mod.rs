//! The command line: what a person or a script types.
//!
//! Results go to stdout, everything else to stderr. Colour only on a terminal and never with `NO_COLOR`.
//! Exit status: 0 done; 1 failed; 2 wrong usage; 3 no collector answers; 4 the collector refused.

mod args;
mod client;
mod delete;
mod doctor;
mod export;
mod manage;
mod mcp;
mod proof;
mod read;
mod reader;
mod recover;
mod serve;
mod session_ids;
mod state;
mod terms;
mod time;
mod time_order;

pub use args::Cli;
pub use serve::{OtlpTarget, start_tasks};

use args::Command;
use clap::Parser as _;
use reader::Reader;
use std::io::Write as _;
use std::process::ExitCode;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// No collector answers.
    #[error("{0}")]
    NotRunning(String),
    /// The collector answered with a problem.
    #[error("{detail} ({code})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The problem's code.
        code: String,
        /// The problem's detail.
        detail: String,
        /// The seq that it is about, if it names one.
        seq: Option<u64>,
    },
    /// The reader of the output has closed it, which is no failure.
    #[error("the output is closed")]
    OutputClosed,
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    /// The code of a peer that did not prove that it has the token.
    const NOT_PROVEN: &str = "not_proven";

    /// Whether the peer did not prove that it has the token. After a restart it may prove it in a moment.
    fn is_not_proven(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == Self::NOT_PROVEN)
    }

    fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }

    const fn exit_status(&self) -> u8 {
        match self {
            Self::OutputClosed => 0,
            Self::Failed(_) => 1,
            Self::NotRunning(_) => 3,
            Self::Refused { .. } => 4,
        }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            Self::failed(error)
        }
    }
}

/// Parses the command line; ends the process if it is wrong.
pub fn arguments() -> Cli {
    Cli::parse_from(terms::exclusions_as_flags(std::env::args_os()))
}

/// Runs a command.
pub fn run(cli: Cli) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            note(format_args!("tabtape: no threads to run on: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(dispatch(cli));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !matches!(error, CliError::OutputClosed) {
                note(format_args!(
                    "tabtape: {}",
                    crate::render::escape_untrusted(&error.to_string())
                ));
            }
            ExitCode::from(error.exit_status())
        }
    }
}

/// Writes a line to stderr. Unlike `eprintln!` it does not panic when stderr is closed.
fn note(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

async fn dispatch(cli: Cli) -> Result<(), CliError> {
    let target = cli.target;
    match cli.command {
        Command::Serve(args) => serve::run(target.data_dir, args).await,
        Command::Tail(args) if !args.no_follow => read::tail(&target.client()?, args).await,
        Command::Tail(_)
        | Command::Query(_)
        | Command::Sessions(_)
        | Command::Export(_)
        | Command::Diagnose(_)
        | Command::Coverage(_) => read_with(Reader::open(&target).await?, cli.command).await,
        Command::Mcp(args) => mcp::run(target, args).await,
        Command::Doctor(args) => doctor::run(&target, args).await,
        Command::Recover(args) => recover::run(&target.client()?, args).await,
        Command::Mark(args) => manage::mark(&target.client()?, args).await,
        Command::Delete(args) => delete::run(&target.client()?, args).await,
        Command::Token(command) => manage::token(&target.client()?, command).await,
        Command::Pair(args) => manage::pair(&target.client()?, args).await,
        Command::Viewer(args) => manage::viewer(&target.client()?, args.json).await,
        Command::Completions { shell } => manage::completions(shell),
    }
}

/// Runs a command that only reads.
async fn read_with(reader: Reader, command: Command) -> Result<(), CliError> {
    let client = reader.client();
    let result = match command {
        Command::Tail(args) => read::tail(client, args).await,
        Command::Query(args) => read::query(client, args).await,
        Command::Sessions(args) => read::sessions(client, args.json).await,
        Command::Export(args) => export::run(client, args).await,
        Command::Diagnose(args) => read::diagnose(client, args).await,
        Command::Coverage(args) => read::coverage(client, args).await,
        _ => Ok(()),
    };
    reader.close().await;
    result
}
