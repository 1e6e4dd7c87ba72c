//! Files that other programs open: a bug report, a script that repeats a failure, and a page with the viewer inside.

mod bundle;
mod markdown;
mod playwright;
#[cfg(test)]
mod tests;

pub(crate) use bundle::{About, MAX_BYTES as MAX_BUNDLE_BYTES, html as bundle};
pub(crate) use markdown::report;
pub(crate) use playwright::script;

/// Returns the moment in RFC 3339, in UTC with milliseconds.
fn utc(ts_micros: u64) -> String {
    let moment = i64::try_from(ts_micros)
        .ok()
        .and_then(chrono::DateTime::from_timestamp_micros);
    moment
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
