//! The recorded failure as an assertion.

use super::{literal, url};
use crate::diagnose::Stored;

/// Characters of a printed error that are compared.
const MAX_PRINTED_CHARS: usize = 80;

pub(super) fn of(failure: &Stored, base: &str) -> String {
    let data = failure.data();
    let resource = data["url"].as_str().unwrap_or_else(|| failure.url());
    match failure.type_() {
        "console.exception" | "console.rejection" => {
            let text = failure.message();
            expect(&format!(
                "seen.exceptions.some((text) => text !== \"\" && shape({}).includes(text))",
                literal(text.lines().next().unwrap_or_default())
            ))
        }
        "network.response" => {
            let method = data["method"].as_str().unwrap_or("GET");
            let status = data["status"].as_u64().unwrap_or(0);
            let end = literal(&format!(" {status}"));
            expect(&format!(
                "seen.requests.includes({} + address({}) + {end})",
                literal(&format!("{method} ")),
                url(failure.url(), base)
            ))
        }
        "network.failed" | "page.navigation_failed" => {
            let method = data["method"].as_str().unwrap_or("GET");
            expect(&format!(
                "seen.requests.includes({} + address({}) + \" failed\")",
                literal(&format!("{method} ")),
                url(failure.url(), base)
            ))
        }
        "page.resource_failed" => {
            let address = url(resource, base);
            expect(&format!(
                "seen.requests.some((text) => new RegExp(\" (failed|4..|5..)$\").test(text) && text.includes(` ${{address({address})}} `))"
            ))
        }
        "page.csp_violation" => {
            let directive = data["directive"].as_str().unwrap_or_default();
            let directive = literal(directive);
            expect(&format!(
                "seen.printed.some((text) => text.includes(\"Content Security Policy\") && text.includes({directive}))"
            ))
        }
        _ => {
            let text = failure.message().trim_start_matches("Assertion failed: ");
            // The two write objects in different ways: compared is the text before the first one.
            let end = text.find(['{', '[', '\n']).unwrap_or(text.len());
            let head: String = text[..end].trim_end().chars().take(MAX_PRINTED_CHARS).collect();
            expect(&format!(
                "seen.printed.some((text) => text.includes(shape({})))",
                literal(&head)
            ))
        }
    }
}

fn expect(condition: &str) -> String {
    format!("  await expect\n    .poll(() => {condition}, {{ timeout: 15_000 }})\n    .toBe(true);\n")
}
