//! Properties of capture configs and site patterns.

use super::{CaptureConfig, CategoryConfig, Noise, SitePattern};
use crate::levels::{BUILT_IN_CATEGORIES, DetailLevel};
use proptest::prelude::*;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn refusal(patch: &Value) -> String {
    CaptureConfig::default().merged(patch).unwrap_err().to_string()
}

#[test]
fn a_config_that_says_nothing_records_everything_at_standard() {
    let config = CaptureConfig::from_json("{}").unwrap();
    assert_eq!(config, CaptureConfig::default());
    for name in BUILT_IN_CATEGORIES {
        assert!(config.category(name).enabled);
        assert_eq!(config.category(name).detail_level, DetailLevel::Standard);
    }
    assert_eq!(config.categories.len(), BUILT_IN_CATEGORIES.len());
    assert_eq!(config.category("app"), CategoryConfig::default_of("app"));
    assert!(config.site_matches("https://example.com/") && config.site_matches("about:blank"));
}

#[test]
fn a_refused_patch_changes_nothing() {
    let mut config = CaptureConfig::default();
    let patch = r#"{"categories":{"console":{"enabled":false}},"sites":{"include":["a b"]}}"#;
    assert!(config.apply(patch).is_err());
    assert_eq!(config, CaptureConfig::default());
}

#[test]
fn a_patch_keeps_what_it_does_not_name_and_says_whether_anything_changed() {
    let mut config = CaptureConfig::default();
    let patch = r#"{"categories":{"network":{"detail_level":"raw"}}}"#;
    assert!(config.apply(patch).unwrap());
    assert!(!config.apply(patch).unwrap());
    let expected = CategoryConfig {
        detail_level: DetailLevel::Raw,
        ..CategoryConfig::default_of("network")
    };
    assert_eq!(config.category("network"), expected);
    assert_eq!(config.category("console"), CategoryConfig::default_of("console"));
}

#[test]
fn null_puts_the_default_back() {
    let mut config = CaptureConfig::default();
    config
        .apply(
            r#"{"categories":{"network":{"enabled":false,"detail_level":"raw"},"app":{"enabled":false}},
                   "sites":{"include":["localhost"]}}"#,
        )
        .unwrap();
    config
        .apply(r#"{"categories":{"network":{"detail_level":null}}}"#)
        .unwrap();
    assert_eq!(
        config.category("network"),
        CategoryConfig {
            enabled: false,
            ..CategoryConfig::default_of("network")
        }
    );
    config
        .apply(r#"{"categories":{"network":null,"app":null},"sites":{"include":null}}"#)
        .unwrap();
    assert_eq!(config, CaptureConfig::default());
}

#[test]
fn a_wrong_field_is_named_by_its_path_with_what_would_be_right() {
    for (patch, expected) in [
        (
            json!({"categories": {"network": {"detail_level": "vebose"}}}),
            "categories.network.detail_level: unknown detail level \"vebose\"; expected minimal, standard, verbose, raw",
        ),
        (
            json!({"categories": {"network": {"max_event_bytes": 0}}}),
            "categories.network.max_event_bytes: expected whole bytes from 1 to 1000000, got 0",
        ),
        (
            json!({"categories": {"network": {"max_event_bytes": 1_000_001}}}),
            "categories.network.max_event_bytes: expected whole bytes from 1 to 1000000, got 1000001",
        ),
        (
            json!({"categories": {"network": {"enabled": "yes"}}}),
            "categories.network.enabled: expected true or false, got \"yes\"",
        ),
        (
            json!({"categories": {"network": {"enabeld": true}}}),
            "categories.network.enabeld: unknown field; did you mean `enabled`?",
        ),
        (
            json!({"categories": {"network": true}}),
            "categories.network: expected an object of enabled, detail_level, max_event_bytes, got true",
        ),
        (
            json!({"sites": {"include": ["localhost", "a b"]}}),
            "sites.include[1]: unknown site pattern \"a b\"; expected *, a host, *.host, host:port or scheme://host/path*",
        ),
        (json!({"site": {}}), "site: unknown field; did you mean `sites`?"),
        (
            json!({"zebra": {}}),
            "zebra: unknown field; expected categories, sites, noise, observe_requests",
        ),
        (
            json!({"sites": {"include": "*"}}),
            "sites.include: expected an array of site patterns like *.example.com, got \"*\"",
        ),
        (
            json!({"sites": {"exclude": [7]}}),
            "sites.exclude[0]: expected a string, got 7",
        ),
        (
            json!({"categories": []}),
            "categories: expected an object of categories by name, got []",
        ),
        (
            json!({"categories": {"tab": {"detail_level": 1}}}),
            "categories.tab.detail_level: expected a string, got 1",
        ),
        (
            json!("x"),
            "expected an object of categories, sites, noise, observe_requests, got \"x\"",
        ),
    ] {
        assert_eq!(refusal(&patch), expected);
    }
    let of_name = refusal(&json!({"categories": {"../etc": {}}}));
    assert!(
        of_name.ends_with("no category can be named \"../etc\"; expected [a-z][a-z0-9_]{0,31}"),
        "{of_name}"
    );
    let many: serde_json::Map<_, _> = (0..60).map(|n| (format!("c{n}"), json!({}))).collect();
    assert_eq!(
        refusal(&json!({"categories": many})),
        "categories: 66 categories; expected at most 64"
    );
    assert!(
        CaptureConfig::from_json("{")
            .unwrap_err()
            .to_string()
            .starts_with("not JSON: ")
    );
}

#[test]
fn excluded_is_stronger_than_included() {
    let json = r#"{"sites":{"include":["*.example.com"],"exclude":["https://example.com/private*"]}}"#;
    let config = CaptureConfig::from_json(json).unwrap();
    assert!(config.site_matches("https://example.com/"));
    assert!(!config.site_matches("https://example.com/private?x"));
    assert!(!config.site_matches("https://elsewhere.test/"));
    let none = CaptureConfig::from_json(r#"{"sites":{"include":[]}}"#).unwrap();
    assert!(!none.site_matches("https://example.com/"));
}

#[test]
fn a_pattern_fits_what_it_says_and_no_more() {
    for (pattern, url, expected) in [
        ("example.com", "https://example.com", true),
        ("example.com", "https://www.example.com/", false),
        ("*.example.com", "https://www.example.com/", true),
        ("*.example.com", "https://example.com/", true),
        ("*.example.com", "https://notexample.com/", false),
        ("localhost:3000", "http://localhost:3000/x", true),
        ("localhost:3000", "http://localhost/", false),
        ("localhost:80", "http://localhost/", true),
        ("https://a.b/path*", "https://a.b/path/deep?q", true),
        ("https://a.b/path*", "https://a.b/", false),
        ("https://a.b/path*", "http://a.b/path", false),
        ("a.b/", "https://a.b", true),
        ("a.b/x", "https://a.b/x#fragment", true),
        ("*:3000", "https://anything.test:3000/", true),
        ("*://*", "https://anything.test/", true),
        ("*://*", "about:blank", false),
        ("*", "about:blank", true),
        ("file:///tmp/*", "file:///tmp/page.html", true),
        ("file:///tmp/*", "https://host/tmp/page.html", false),
        ("example.com", "https://example.com@evil.test/", false),
        ("[::1]:3000", "http://[::1]:3000/", true),
    ] {
        let parsed: SitePattern = pattern.parse().unwrap();
        assert_eq!(parsed.matches(url), expected, "{pattern} {url}");
    }
}

#[test]
fn what_is_no_pattern_is_refused() {
    for text in [
        "", "a b", "a..b", "*x.com", "a:0", "a:x", "u@a.b", "a.b/#x", "bücher.test", "://a", "a*", "[::1",
    ] {
        assert!(text.parse::<SitePattern>().is_err(), "{text}");
    }
}

#[test]
fn observing_requests_is_switched_off_and_on() {
    let mut config = CaptureConfig::default();
    assert!(config.observe_requests);
    assert!(config.apply(r#"{"observe_requests":false}"#).unwrap() && !config.observe_requests);
    let error = config.apply(r#"{"observe_requests":"no"}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "observe_requests: expected true or false, got \"no\""
    );
    assert!(config.apply(r#"{"observe_requests":null}"#).unwrap() && config.observe_requests);
}

#[test]
fn noise_is_left_out_by_preset() {
    let mut config = CaptureConfig::default();
    assert_eq!(config.noise.len(), Noise::ALL.len());
    assert!(config.apply(r#"{"noise":["data_urls","source_maps"]}"#).unwrap());
    assert_eq!(
        config.noise.iter().copied().collect::<Vec<_>>(),
        [Noise::SourceMaps, Noise::DataUrls]
    );
    let error = config
        .apply(r#"{"noise":["data_urls","sourcemaps"]}"#)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "noise[1]: unknown noise preset \"sourcemaps\"; expected source_maps, hot_updates, bundler_modules, data_urls"
    );
    assert!(config.apply(r#"{"noise":[]}"#).unwrap() && config.noise.is_empty());
    assert!(config.apply(r#"{"noise":null}"#).unwrap() && config.noise.len() == Noise::ALL.len());
}

#[test]
fn match_patterns_are_those_of_extensions() {
    for (pattern, expected) in [
        ("*", &["<all_urls>"][..]),
        ("*.example.com", &["*://*.example.com/*"]),
        ("a.b:3000/x*", &["http://a.b:3000/x*", "https://a.b:3000/x*"]),
        ("https://a.b:8443", &["https://a.b:8443/*"]),
        ("https://a.b/path*", &["https://a.b/path*"]),
        ("file:///tmp/*", &["file:///tmp/*"]),
        ("wss://a.b", &[]),
    ] {
        let parsed: SitePattern = pattern.parse().unwrap();
        assert_eq!(parsed.match_patterns(), expected, "{pattern}");
    }
}

fn any_pattern() -> impl Strategy<Value = String> {
    let scheme = prop_oneof![Just(""), Just("https://"), Just("*://"), Just("HTTP://")];
    let host = prop_oneof![
        Just("*"),
        Just("a.b"),
        Just("*.A.b"),
        Just("[::1]"),
        Just("localhost")
    ];
    let port = prop_oneof![Just(""), Just(":80"), Just(":3000")];
    let path = prop_oneof![Just(""), Just("/"), Just("/p*"), Just("/p**?q=1")];
    (scheme, host, port, path).prop_map(|(s, h, po, pa)| format!("{s}{h}{po}{pa}"))
}

prop_compose! {
    fn any_config()(
        categories in prop::collection::btree_map(
            "[a-z][a-z0-9_]{0,8}|console|network",
            (any::<bool>(), prop::sample::select(DetailLevel::ALL), 1_u32..=1_000_000),
            0..5,
        ),
        include in prop::collection::vec(any_pattern(), 0..3),
        exclude in prop::collection::vec(any_pattern(), 0..3),
    ) -> CaptureConfig {
        let categories: serde_json::Map<_, _> = categories
            .into_iter()
            .map(|(name, (enabled, detail_level, max_event_bytes))| {
                (name, json!({"enabled": enabled, "detail_level": detail_level, "max_event_bytes": max_event_bytes}))
            })
            .collect();
        let json = json!({"categories": categories, "sites": {"include": include, "exclude": exclude}});
        CaptureConfig::from_json(&json.to_string()).unwrap()
    }
}

/// RFC 7396's own words as a function that builds instead of changing.
fn merged_model(target: &Value, patch: &Value) -> Value {
    let Some(patch) = patch.as_object() else {
        return patch.clone();
    };
    let mut result = target.as_object().cloned().unwrap_or_default();
    result.retain(|name, _| !patch.get(name).is_some_and(Value::is_null));
    for (name, value) in patch.iter().filter(|(_, value)| !value.is_null()) {
        let before = target.get(name).cloned().unwrap_or_default();
        result.insert(name.clone(), merged_model(&before, value));
    }
    Value::Object(result)
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..9).prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_config_survives_being_written(config in any_config()) {
        let json = serde_json::to_string(&config).unwrap();
        prop_assert_eq!(serde_json::from_str::<CaptureConfig>(&json).unwrap(), config.clone());
        prop_assert_eq!(CaptureConfig::from_json(&json).unwrap(), config);
    }

    #[test]
    fn any_config_is_reached_by_patching_with_itself(from in any_config(), to in any_config()) {
        let mut patch = serde_json::to_value(&to).unwrap();
        for name in from.categories.keys() {
            patch["categories"].as_object_mut().unwrap().entry(name).or_insert(Value::Null);
        }
        prop_assert_eq!(from.merged(&patch).unwrap(), to);
    }

    #[test]
    fn merging_is_rfc_7396(target in any_json(), patch in any_json()) {
        let mut merged = target.clone();
        super::merge(&mut merged, &patch);
        prop_assert_eq!(merged, merged_model(&target, &patch));
    }

    #[test]
    fn a_pattern_survives_being_written(text in any_pattern()) {
        let pattern: SitePattern = text.parse().unwrap();
        prop_assert_eq!(pattern.as_str().parse::<SitePattern>().unwrap(), pattern);
    }

    #[test]
    fn no_text_makes_a_pattern_panic(text in any::<String>(), url in any::<String>()) {
        if let Ok(pattern) = text.parse::<SitePattern>() {
            let _ = pattern.matches(&url);
        }
    }
}
