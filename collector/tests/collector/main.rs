//! The collector over real HTTP, with real SQLite files, in this process and as the built program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub, reason = "tests")]

mod bad_input;
mod common;
mod deletion;
mod ingest;
mod mcp;
mod otlp;
mod process;
mod producers;
mod query;
mod security;
mod stream;
