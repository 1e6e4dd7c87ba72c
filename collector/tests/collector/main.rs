//! The collector over real HTTP, with real SQLite files, in this process and as the built program.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod bad_input;
mod common;
mod deletion;
mod ingest;
mod process;
mod producers;
mod query;
mod security;
mod stream;
