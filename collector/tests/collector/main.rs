//! The collector over real HTTP, with real SQLite files, in this process and as the built program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "tests"
)]

mod bad_input;
mod commands;
mod common;
mod deletion;
mod diagnose;
mod doctor;
mod folder;
mod ingest;
mod layout;
mod limits;
mod mcp;
mod mcp_install;
mod mcp_stdio;
mod openapi;
mod otlp;
mod overwritten_store;
mod process;
mod producers;
mod program;
mod query;
mod replaced_store;
mod sealed;
mod sealed_socket;
mod security;
mod sinks;
mod squatter;
mod stream;
mod tasks;
mod times;
mod traces;
