//! The collector of Tabtape: stores what recorders send, streams it, and answers questions about it.

pub mod app;
pub mod auth;
pub mod cli;
pub mod clock;
mod diagnose;
mod export;
mod files;
pub mod http;
mod http_client;
mod mcp;
mod otlp;
mod producers;
mod render;
pub mod store;
mod summary;

pub mod tasks;
