//! The promises of the category logs, with a real IndexedDB.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod broken;
mod commits;
mod connections;
mod fixture;
mod forget;
mod reads;
mod retention;
