//! The grammar, example by example: what is typed, and what it comes to.

use super::{NOW, parse};
use crate::selector::{Filter, Selector, Term};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn every_way_to_say_a_thing_comes_to_one_canonical_text() {
    for (typed, canonical) in [
        ("", ""),
        ("free  words\there", "free here words"),
        ("words category:network", "category:network words"),
        ("category:network,console,network", "category:console,network"),
        (
            "CATEGORY:console Type:console.*",
            "category:console type:console.*",
        ),
        ("severity:warn severity:error", "severity:error"),
        ("-severity:warn -severity:error", "-severity:warn"),
        (
            "since:1h since:10m until:0s",
            "since:2025-11-24T15:50:00Z until:2025-11-24T16:00:00Z",
        ),
        ("until:2026-01-31", "until:2026-01-31T23:59:59.999999Z"),
        ("status:>=400", "status:400..599"),
        ("status:404,4xx,500", "status:400..500"),
        ("-tab:2 -tab:1 -tab:2", "-tab:1,2"),
        ("type:network.* type:*.failed", "type:*.failed type:network.*"),
        ("type:network.*,*", "type:*"),
        ("type:a**b", "type:a*b"),
        ("url:login", "url:*login*"),
        ("url:https://a.b/", "url:*https://a.b/*"),
        ("url:\"*?a=1,2\"", "url:\"*?a=1,2\""),
        ("site:*.Example.COM:8080", "site:example.com:8080"),
        ("\"quoted\"", "quoted"),
        ("\"two words\"", "\"two words\""),
        ("\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\""),
        ("C:\\temp", "\"C:\\\\temp\""),
        ("-word -\"two words\"", "-\"two words\" -word"),
        ("\"-1\" -\"-1\"", "\"-1\" -\"-1\""),
        ("word word", "word"),
        ("\"OR\"", "\"OR\""),
    ] {
        let selector = parse(typed);
        assert_eq!(selector.to_string(), canonical, "{typed}");
        assert_eq!(parse(canonical), selector, "{canonical}");
    }
}

#[test]
fn wanted_lists_of_one_key_stay_apart_and_unwanted_ones_are_one() {
    for (key, a, b) in [
        ("category", "a,b", "b,c"),
        ("type", "a.*,b", "b,c"),
        ("kind", "cdp,kernel_api", "kernel_api,extension"),
        ("status", "200..299", "204..404"),
        ("tab", "1,2", "2,3"),
        ("site", "a.b,b.c", "b.c,c.d"),
        ("url", "*a,b*", "b*,c*"),
        ("session", "a*,b*", "b*,c*"),
    ] {
        assert_eq!(parse(&format!("{key}:{a} {key}:{b}")).terms().len(), 2, "{key}");
        let unwanted = parse(&format!("-{key}:{a} -{key}:{b}"));
        assert_eq!(unwanted, parse(&format!("-{key}:{a},{b}")), "{key}");
        assert_eq!(unwanted.terms().len(), 1, "{key}");
    }
}

#[test]
fn words_that_happen_to_hold_a_colon_are_words() {
    for word in [
        "Error:", "TypeError:x", "https://a.b/c", "sevrity:", "12:30", ":", "::", "a-b:c",
    ] {
        let terms = parse(word).terms().to_vec();
        assert_eq!(
            terms,
            [Term {
                negated: false,
                filter: Filter::Text(word.to_owned())
            }],
            "{word}"
        );
    }
}

#[test]
fn the_object_form_takes_single_values_numbers_and_lists() {
    for (object, text) in [
        (r#"{}"#, ""),
        (r#""category:console word""#, "category:console word"),
        (r#"{"categories":"console","tabs":7}"#, "category:console tab:7"),
        (
            r#"{"tabs":[7,"8"],"status":[404,"5xx"]}"#,
            "tab:7,8 status:404,5xx",
        ),
        (r#"{"text":["two words","x"]}"#, "\"two words\" x"),
        (r#"{"text":"severity:warn"}"#, "\"severity:warn\""),
        (
            r#"{"since":1764000000000000,"until":"10m"}"#,
            "since:1764000000000000 until:10m",
        ),
        (
            r#"{"not":{"types":["a.*","b.*"],"text":["x","y"]}}"#,
            "-type:a.* -type:b.* -x -y",
        ),
        (
            r#"{"types":"a.*","and":[{"types":"*.b"},{"not":{"tabs":1}}]}"#,
            "type:a.* type:*.b -tab:1",
        ),
    ] {
        assert_eq!(Selector::from_json(object, NOW).unwrap(), parse(text), "{object}");
    }
}
