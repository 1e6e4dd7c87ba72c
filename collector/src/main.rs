//! The `tabtape` command.

use std::process::ExitCode;
use tabtape_collector::cli::{arguments, run};

fn main() -> ExitCode {
    run(arguments())
}
