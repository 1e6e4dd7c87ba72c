use super::*;
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn compacted(text: &str) -> String {
    let mut out = Vec::new();
    compact(text.as_bytes(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn what_json_allows_is_passed() {
    for text in [
        "null", "true", "false", "0", "-0", "1.5e-3", "\"\"", "\"\\u00e9\\n\"", "[]", "{}",
        "[1,[2,{\"a\":[]}]]", " { \"a\" : 1 , \"a\" : 2 } ", "\"\\ud800\"", "{\"__proto__\":1}", "1E400",
        "\"é😀\"",
    ] {
        assert_eq!(validate(text.as_bytes()), Ok(()), "{text}");
    }
}

#[test]
fn what_json_refuses_is_refused_where_it_stands() {
    use JsonErrorKind::*;
    for (text, kind, offset) in [
        ("", UnexpectedEnd, 0),
        ("[1,", UnexpectedEnd, 3),
        ("nul", UnexpectedByte(b'n'), 0),
        ("01", BadNumber, 1),
        ("1.", BadNumber, 2),
        ("-", BadNumber, 1),
        ("1e", BadNumber, 2),
        ("NaN", UnexpectedByte(b'N'), 0),
        ("[1,]", UnexpectedByte(b']'), 3),
        ("{\"a\"}", UnexpectedByte(b'}'), 4),
        ("{a:1}", UnexpectedByte(b'a'), 1),
        ("\"a\nb\"", ControlCharacter(b'\n'), 2),
        ("\"\\x\"", BadEscape, 1),
        ("\"\\u12g4\"", BadEscape, 1),
        ("\"abc", UnexpectedEnd, 4),
        ("1 2", UnexpectedByte(b'2'), 2),
        ("[1}", UnexpectedByte(b'}'), 2),
    ] {
        assert_eq!(
            validate(text.as_bytes()),
            Err(JsonError { kind, offset }),
            "{text}"
        );
    }
    assert_eq!(validate(b"\"\xff\"").map_err(|e| e.kind), Err(NotUtf8));
}

#[test]
fn depth_is_bounded_and_costs_no_stack() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(validate(nested(MAX_DEPTH).as_bytes()), Ok(()));
    assert!(!too_deep(nested(MAX_DEPTH).as_bytes()));
    for depth in [MAX_DEPTH + 1, 10_000, 1_000_000] {
        assert_eq!(
            validate(nested(depth).as_bytes()).map_err(|e| e.kind),
            Err(JsonErrorKind::TooDeep)
        );
        assert!(too_deep(nested(depth).as_bytes()));
    }
    let wide = format!("[{}[]]", "[],".repeat(5_000));
    assert!(!too_deep(wide.as_bytes()));
}

#[test]
fn compacting_keeps_what_strings_hold() {
    assert_eq!(
        compacted(" { \"a b\" : [ 1 , \" \\\" \" ] } "),
        "{\"a b\":[1,\" \\\" \"]}"
    );
}

#[test]
fn cuts_split_no_character_and_no_escape() {
    assert_eq!(char_boundary_at_most("aé".as_bytes(), 2), 1);
    assert_eq!(char_boundary_at_most("😀".as_bytes(), 3), 0);
    assert_eq!(char_boundary_at_most(b"a\\n", 2), 1);
    assert_eq!(char_boundary_at_most(b"a\\u00e9b", 6), 1);
    assert_eq!(char_boundary_at_most(b"a\\ud83d\\ude00b", 8), 1);
    assert_eq!(char_boundary_at_most(b"a\\ud83d\\ude00b", 13), 13);
    assert_eq!(char_boundary_at_most(b"abc", 3), 3);
}

#[test]
fn unescaping_follows_the_rfc_and_replaces_lone_surrogates() {
    assert_eq!(unescape(b"a\\n\\u00e9\\ud83d\\ude00\\/\\\\"), "a\né😀/\\");
    assert_eq!(unescape(b"\\ud83dx\\ude00"), "\u{fffd}x\u{fffd}");
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".*".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::hash_map(".*", inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn agrees_with_serde_json_on_what_is_json(text in "[\\[\\]{}:,\"\\\\0-9a-fnrtu.eE+\\- ]{0,24}") {
        let ours = validate(text.as_bytes()).is_ok();
        // serde_json also refuses numbers too large for an f64 and lone surrogates; both are JSON.
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(ours, theirs, "{}", text);
    }

    #[test]
    fn compacting_pretty_text_gives_the_compact_text(value in json_value()) {
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        prop_assert!(validate(pretty.as_bytes()).is_ok());
        prop_assert_eq!(compacted(&pretty), serde_json::to_string(&value).unwrap());
    }

    #[test]
    fn plain_runs_end_where_a_byte_is_special(text in prop::collection::vec(any::<u8>(), 0..64)) {
        let naive = text.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)).unwrap_or(text.len());
        prop_assert_eq!(plain_run(&text), naive);
    }

    #[test]
    fn a_cut_string_is_still_a_string(text in ".*", limit in 0usize..40) {
        let quoted = serde_json::to_string(&text).unwrap();
        let content = &quoted.as_bytes()[1..quoted.len() - 1];
        let cut = char_boundary_at_most(content, limit);
        prop_assert!(cut <= limit.max(content.len().min(limit)));
        let decoded = unescape(&content[..cut]);
        prop_assert!(text.starts_with(&decoded));
    }
}
