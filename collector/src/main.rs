//! The `tabtape` command.

use clap::Parser as _;
use std::process::ExitCode;
use tabtape_collector::cli::{Cli, run};

fn main() -> ExitCode {
    run(Cli::parse())
}
