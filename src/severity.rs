//! How bad a record is, derived once from its type and HTTP status and never put on the wire.
//!
//! | severity | what |
//! |---|---|
//! | error | `console.error`, `.assert`, `.exception`, `.rejection`; a status of 400 or more; a type whose last word is `error`, `exception`, `rejection`, `failed`, `crashed` or `fatal` (`network.failed`, `page.navigation_failed`, `app.upload_error`) |
//! | warn | `console.warn`, `page.csp_violation`; a last word of `warn`, `warning` or `violation` |
//! | debug | `console.debug`, `console.trace`; a last word of `debug` or `trace` |
//! | info | everything else |
//!
//! An event with `source.metadata.detail_of` has more of one that is graded already: it is `debug`, whatever its
//! type, so that nothing is counted twice.
//!
//! The last word is what follows the last `.`, `_`, `-` or `:`, so third parties get a severity
//! by naming their types as everyone does. A 4xx is an error because that is what both audiences know:
//! DevTools prints "Failed to load resource" in red for it, and OpenTelemetry's HTTP conventions set a
//! client span's status to Error from 400 on
//! (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status>).
//!
//! The recorder's own troubles (`system.*`) are graded too, because a recorder that has stopped keeping what
//! it sees must not look `info`.
//!
//! ```
//! use tabtape::levels::Severity;
//! use tabtape::severity::severity;
//!
//! assert_eq!(severity("console.warn", 0), Severity::Warn);
//! assert_eq!(severity("network.response", 404), Severity::Error);
//! assert_eq!(severity("network.response", 304), Severity::Info);
//! assert_eq!(severity("app.checkout.failed", 0), Severity::Error);
//! ```

use crate::event::Event;
use crate::levels::Severity;

/// The first HTTP status that is a failure.
const FIRST_FAILING_STATUS: u16 = 400;

/// The severity of an event of this type. `status` is its HTTP status, 0 for none.
///
/// The console method is not a parameter: it is the type's last word.
pub fn severity(type_: &str, status: u16) -> Severity {
    if status >= FIRST_FAILING_STATUS {
        return Severity::Error;
    }
    let word = last_word(type_);
    if type_.starts_with("system.") {
        return of_own_trouble(word);
    }
    if type_ == "console.assert" {
        return Severity::Error;
    }
    of_word(word)
}

/// The severity of `event`, which has this HTTP status.
pub(crate) fn severity_of(event: &Event<'_>, status: u16) -> Severity {
    if event.is_detail {
        return Severity::Debug;
    }
    severity(event.type_, status)
}

fn of_word(word: &str) -> Severity {
    match word {
        "error" | "exception" | "rejection" | "failed" | "crashed" | "fatal" => Severity::Error,
        "warn" | "warning" | "violation" => Severity::Warn,
        "debug" | "trace" => Severity::Debug,
        _ => Severity::Info,
    }
}

/// Storage and collector states: the first row loses events or trust, the second only delays.
fn of_own_trouble(word: &str) -> Severity {
    match word {
        "volatile" | "corrupt" | "full" | "superseded" | "trap" | "unauthorized" | "impostor" | "refused" => {
            Severity::Error
        }
        "blocked" | "evicted" | "lost" | "retrying" | "unreachable" => Severity::Warn,
        other => of_word(other),
    }
}

fn last_word(type_: &str) -> &str {
    type_.rsplit(['.', '_', '-', ':']).next().unwrap_or(type_)
}

#[cfg(test)]
mod tests {
    use super::severity;
    use crate::levels::Severity::{self, Debug, Error, Info, Warn};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn all_are(expected: Severity, types: &[&str]) {
        for type_ in types {
            assert_eq!(severity(type_, 0), expected, "{type_}");
        }
    }

    #[test]
    fn console_methods_keep_their_devtools_level() {
        all_are(
            Error,
            &[
                "console.error", "console.assert", "console.exception", "console.rejection",
            ],
        );
        all_are(Warn, &["console.warn"]);
        all_are(Debug, &["console.debug", "console.trace"]);
        all_are(
            Info,
            &[
                "console.log", "console.info", "console.table", "console.dir", "console.time",
            ],
        );
    }

    #[test]
    fn failures_of_network_and_page_are_errors() {
        all_are(
            Error,
            &[
                "network.failed", "network.websocket_error", "page.navigation_failed",
            ],
        );
        all_are(Warn, &["page.csp_violation"]);
        all_are(
            Info,
            &[
                "network.request", "network.redirect", "page.loaded", "tab.created", "input.click",
            ],
        );
    }

    #[test]
    fn a_status_from_400_is_an_error_and_below_it_is_not() {
        for (status, expected) in [
            (100, Info),
            (200, Info),
            (302, Info),
            (399, Info),
            (400, Error),
            (599, Error),
        ] {
            assert_eq!(severity("network.response", status), expected, "{status}");
        }
    }

    #[test]
    fn third_parties_are_graded_by_their_last_word_alone() {
        all_are(Error, &["app.error", "app.upload_failed", "app:fatal", "error"]);
        all_are(Warn, &["app.disk-warning", "warn"]);
        all_are(Debug, &["app.cache.debug"]);
        all_are(Info, &["app.error.cleared", "app.terror", "app.assert", "", "."]);
    }

    #[test]
    fn a_recorder_that_loses_events_is_not_info() {
        all_are(
            Error,
            &[
                "system.storage_volatile", "system.collector_impostor", "system.storage_failed",
            ],
        );
        all_are(Warn, &["system.collector_retrying", "system.storage_blocked"]);
        all_are(
            Info,
            &[
                "system.session_started", "system.storage_recovered", "system.mark", "system.config_changed",
                "app.full",
            ],
        );
    }
}
