//! Refused selectors: the place that the error names, and its message.

use super::NOW;
use crate::selector::{MAX_SELECTOR_BYTES, Place, Problem, Selector};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The part of the text that the error names, and the message.
fn refusal(text: &str) -> (String, String) {
    let error = Selector::parse(text, NOW).expect_err(text);
    let Place::Text { text, span } = &error.place else {
        panic!("{error}")
    };
    (text[span.clone()].to_owned(), error.problem.to_string())
}

#[test]
fn an_error_points_at_what_is_wrong_and_says_what_would_be_right() {
    for (text, place, message) in [
        (
            "a sevrity:warn b",
            "sevrity",
            "unknown key `sevrity`; did you mean `severity`?",
        ),
        (
            "-level:error",
            "level",
            "unknown key `level`; did you mean `severity`?",
        ),
        ("host:a.b", "host", "unknown key `host`; did you mean `site`?"),
        ("tabs:7", "tabs", "unknown key `tabs`; did you mean `tab`?"),
        (
            "zebra:7",
            "zebra",
            "unknown key `zebra`; expected one of category, type, kind, detail, severity",
        ),
        (
            "severity:loud",
            "loud",
            "`severity` does not take \"loud\"; expected debug, info, warn, error",
        ),
        (
            "severity:warn,error",
            "error",
            "`severity` does not take \"error\"; expected one value alone",
        ),
        (
            "kind:cdp,kernel",
            "kernel",
            "`kind` does not take \"kernel\"; expected cdp, kernel_api",
        ),
        (
            "category:Console",
            "Console",
            "`category` does not take \"Console\"; expected lower case: console",
        ),
        (
            "category:net*",
            "net*",
            "`category` does not take \"net*\"; expected the name of a category; globs go with",
        ),
        (
            "type:a/b",
            "a/b",
            "`type` does not take \"a/b\"; expected a type or a glob",
        ),
        (
            "status:404,9xx",
            "9xx",
            "`status` does not take \"9xx\"; expected a status from 100 to 599",
        ),
        (
            "tab:seven",
            "seven",
            "`tab` does not take \"seven\"; expected a tab id",
        ),
        ("tab:-1", "-1", "`tab` does not take \"-1\"; expected a tab id"),
        (
            "site:https://a.b",
            "https://a.b",
            "`site` does not take \"https://a.b\"; expected a host without scheme",
        ),
        (
            "since:soon",
            "soon",
            "`since` does not take \"soon\"; expected a time ago (30s, 10m",
        ),
        ("url:\"\"", "\"\"", "`url` does not take \"\"; expected a glob"),
        (
            "a \"\" b",
            "\"\"",
            "`text` does not take \"\"; expected characters to look for",
        ),
        ("a \"b c", "\"b c", "this quote is never closed"),
        ("type:a,\"b", "\"b", "this quote is never closed"),
        ("a - b", "-", "`-` needs a term right after it"),
        (
            "a OR b",
            "OR",
            "there is no OR here: terms must all hold, a comma means or",
        ),
        ("(tab:1 tab:2)", "(", "there is no parenthesis here"),
        ("é\tü sevrity:warn", "sevrity", "unknown key `sevrity`"),
    ] {
        let (found_place, found_message) = refusal(text);
        assert_eq!(found_place, place, "{text}");
        assert!(found_message.starts_with(message), "{text}: {found_message}");
    }
}

#[test]
fn an_error_tells_what_to_type_to_search_for_the_text() {
    for (text, ending) in [
        ("zebra:7 x", r#". To search for the text, type "zebra:7""#),
        (
            "-sevrity:warn",
            r#"did you mean `severity`? To search for the text, type "sevrity:warn""#,
        ),
        ("a OR b", r#". To search for the text, type "OR""#),
    ] {
        let message = Selector::parse(text, NOW).expect_err(text).to_string();
        assert!(message.ends_with(ending), "{text}: {message}");
    }
}

#[test]
fn a_host_with_its_port_is_text() {
    for text in ["localhost:3000", "localhost:5173/cart?step=2", "main:42"] {
        let selector = Selector::parse(text, NOW).expect(text);
        assert_eq!(selector.to_string(), format!("\"{text}\""));
    }
    // A key that was probably mistyped stays an error, whatever its value.
    for text in ["tabs:3000", "host:3000", "zebra:7", "zebra:3000a"] {
        assert!(Selector::parse(text, NOW).is_err(), "{text}");
    }
}

#[test]
fn a_missing_value_is_pointed_at_where_it_should_stand() {
    for (text, column) in [
        ("severity:", 10),
        ("category:a,", 12),
        ("category:,a", 10),
        ("é tab: x", 7),
    ] {
        let error = Selector::parse(text, NOW).unwrap_err();
        assert_eq!(error.column(), Some(column), "{text}");
        assert!(
            matches!(error.problem, Problem::MissingValue { .. }),
            "{text}: {error}"
        );
    }
}

#[test]
fn an_object_is_refused_by_path() {
    for (object, message) in [
        (
            r#"{"categorys":"a"}"#,
            "categorys: unknown key `categorys`; did you mean `categories`?",
        ),
        (
            r#"{"category":"a"}"#,
            "category: unknown key `category`; did you mean `categories`?",
        ),
        (r#"{"not":{"not":{}}}"#, "not.not: unknown key `not`; "),
        (r#"{"and":[{"and":[]}]}"#, "and[0].and: unknown key `and`; "),
        (r#"{"and":{}}"#, "and: expected an array of objects"),
        (
            r#"{"types":["a.*","b c"]}"#,
            "types[1]: `types` does not take \"b c\"; expected a type or a glob",
        ),
        (r#"{"types":[]}"#, "types: expected at least one value"),
        (
            r#"{"types":[null]}"#,
            "types[0]: expected a string, a number or an array of them",
        ),
        (
            r#"{"text":["a",""]}"#,
            "text[1]: `text` does not take \"\"; expected characters to look for",
        ),
        (
            r#"{"tabs":1.5}"#,
            "tabs: `tabs` does not take \"1.5\"; expected a tab id",
        ),
        (
            r#"{"and":[{},{"not":{"severity":"loud"}}]}"#,
            "and[1].not.severity: `severity` does not take \"loud\"",
        ),
        (r#"[]"#, "expected an object of selector fields"),
        (r#"{"#, "not JSON: "),
        (r#""sevrity:warn""#, "column 1: unknown key `sevrity`"),
    ] {
        let error = Selector::from_json(object, NOW).expect_err(object).to_string();
        assert!(error.starts_with(message), "{object}: {error}");
    }
}

#[test]
fn a_selector_has_a_greatest_length_in_every_form() {
    let longest = "x".repeat(500);
    assert!(Selector::parse(&longest, NOW).is_ok());
    assert!(Selector::parse(&"x".repeat(513), NOW).is_err());
    let words = |count: usize| {
        (0..count)
            .map(|n| format!("{n:07}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert!(Selector::parse(&words(MAX_SELECTOR_BYTES / 8), NOW).is_ok());
    for text in [
        words(MAX_SELECTOR_BYTES / 8 + 1),
        format!("url:{}", vec!["a"; 4_000].join(",")),
    ] {
        // The second grows over the limit only in its canonical form, unless its values are one.
        let refused = Selector::parse(&text, NOW).map(|selector| selector.to_string());
        assert!(
            refused
                .as_ref()
                .map_or(true, |text| text.len() <= MAX_SELECTOR_BYTES),
            "{refused:?}"
        );
    }
    let grows: Vec<_> = (0..1_400).map(|n| format!("{n:04}")).collect();
    let error = Selector::parse(&format!("url:{}", grows.join(",")), NOW).unwrap_err();
    assert!(
        matches!(error.problem, Problem::TooLong { bytes } if bytes > MAX_SELECTOR_BYTES),
        "{error}"
    );
    let error = Selector::parse(&words(MAX_SELECTOR_BYTES / 8 + 1), NOW).unwrap_err();
    assert!(matches!(error.problem, Problem::TooLong { .. }), "{error}");
}
