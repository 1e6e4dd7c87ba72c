//! Files that other programs open: a bug report, a script that repeats a failure, and a page with the viewer inside.

mod bundle;
mod markdown;
mod playwright;
#[cfg(test)]
mod tests;

pub(crate) use bundle::{About, MAX_BYTES as MAX_BUNDLE_BYTES, html as bundle};
pub(crate) use markdown::report;
pub(crate) use playwright::script;
