use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const GOOD: &str = r#"{"ts":5,"type":"console.log","category":"console","detail_level":"verbose","source":{"kind":"extension","event":"console.log","metadata":{"tab_id":"7"}},"url":"https://a.b/","data":{"n":1.50,"n":2},"truncated":true}"#;

fn refusal(text: &str) -> String {
    match Event::parse(text.as_bytes(), Trust::Untrusted) {
        Ok(event) => panic!("accepted {event:?}"),
        Err(error) => error.to_string(),
    }
}

fn with(field: &str, value: &str) -> String {
    let mut fields = vec![
        ("type", "\"a\""),
        ("category", "\"c\""),
        ("source", "{\"kind\":\"extension\"}"),
    ];
    fields.retain(|(name, _)| *name != field);
    fields.push((field, value));
    let body: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", body.join(","))
}

#[test]
fn every_field_is_read_and_data_is_kept_byte_for_byte() {
    let event = Event::parse(GOOD.as_bytes(), Trust::Untrusted).unwrap();
    assert_eq!(event.ts_micros, Some(5));
    assert_eq!((event.type_, event.category), ("console.log", "console"));
    assert_eq!(event.detail_level, Some(DetailLevel::Verbose));
    assert_eq!(event.source_kind, SourceKind::Extension);
    assert_eq!(event.source_event, Some(&b"console.log"[..]));
    assert_eq!(event.metadata, Some(&br#"{"tab_id":"7"}"#[..]));
    assert_eq!(event.tab_id, 7);
    assert_eq!(event.url, Some(&b"https://a.b/"[..]));
    assert_eq!(event.data, Some(&br#"{"n":1.50,"n":2}"#[..]));
    assert!(event.truncated && !event.white_space);
}

#[test]
fn trusted_data_at_the_end_is_the_same_without_a_walk() {
    let text = with("data", r#"{"a":[1,{"b":"}"}]}"#);
    let walked = Event::parse(text.as_bytes(), Trust::Untrusted).unwrap();
    let trusted = Event::parse(text.as_bytes(), Trust::OwnDataLast).unwrap();
    assert_eq!(walked.data, trusted.data);
    let deep = with("data", &format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)));
    for trust in [Trust::Untrusted, Trust::OwnDataLast] {
        let error = Event::parse(deep.as_bytes(), trust).map(|_| ()).unwrap_err();
        assert!(
            error.to_string().contains("nested deeper than 128 levels"),
            "{error}"
        );
    }
}

#[test]
fn what_is_wrong_is_named_with_its_value_and_what_would_be_right() {
    for (text, message) in [
        (
            with("ts", "-1"),
            "ts: expected whole Unix microseconds from 0 to 9007199254740991, got -1",
        ),
        (
            with("ts", "1.5"),
            "ts: expected whole Unix microseconds from 0 to 9007199254740991, got 1.5",
        ),
        (
            with("ts", "null"),
            "ts: expected whole Unix microseconds from 0 to 9007199254740991, got null",
        ),
        (
            with("ts", "9007199254740992"),
            "ts: expected whole Unix microseconds from 0 to 9007199254740991, got 9007199254740992",
        ),
        (
            with("category", "\"../etc\""),
            "category: expected a name like [a-z][a-z0-9_]{0,31}, got \"../etc\"",
        ),
        (
            with("category", "\"\""),
            "category: expected a name like [a-z][a-z0-9_]{0,31}, got \"\"",
        ),
        (
            with("type", "\"Runtime.consoleAPICalled\""),
            "type: expected a name like [a-z][A-Za-z0-9_.:-]{0,127}, got \"Runtime.consoleAPICalled\"",
        ),
        (
            with("source", "{\"kind\":\"kernel\"}"),
            "source.kind: expected one of cdp, kernel_api, extension, local_process, got \"kernel\"",
        ),
        (with("source", "{}"), "source.kind: missing"),
        (
            with("source", "{\"kind\":\"cdp\",\"metadata\":{\"a\":1}}"),
            "source.metadata: expected a string, got 1",
        ),
        (
            with("source", "{\"kind\":\"cdp\",\"tab\":1}"),
            "unknown field \"tab\" in source, which has kind, event, metadata",
        ),
        (
            with("detail_level", "\"debug\""),
            "detail_level: expected one of minimal, standard, verbose, raw, got \"debug\"",
        ),
        (
            with("seq", "1"),
            "unknown field \"seq\"; an event has ts, type, category, detail_level, source, url, data, truncated",
        ),
        (
            with("__proto__", "{}"),
            "unknown field \"__proto__\"; an event has ts, type, category, detail_level, source, url, data, truncated",
        ),
        (
            with("data", "{\"a\":NaN}"),
            "the event is not JSON: unexpected 'N' at byte 69",
        ),
        (with("truncated", "1"), "truncated: expected true or false, got 1"),
        ("{}".into(), "source: missing"),
        (
            "[]".into(),
            "event: expected an object like {\"type\", \"category\", \"source\"}, got []",
        ),
        (
            format!("{{\"type\":\"a\",{}", &with("url", "\"\"")[1..]),
            "type: appears twice",
        ),
    ] {
        assert_eq!(refusal(&text), message);
    }
}

#[test]
fn names_are_bounded_in_length() {
    assert!(is_category_name(&b"a".repeat(32)) && !is_category_name(&b"a".repeat(33)));
    assert!(is_type_name(&b"a".repeat(128)) && !is_type_name(&b"a".repeat(129)));
    assert!(!is_category_name(b"1a") && !is_category_name(b"A") && !is_category_name("é".as_bytes()));
    let long = "x".repeat(257);
    let message = refusal(&with(
        "source",
        &format!("{{\"kind\":\"cdp\",\"event\":\"{long}\"}}"),
    ));
    assert!(
        message.starts_with("source.event: expected a string of at most 256 bytes, got xxx"),
        "{message}"
    );
}

#[test]
fn proto_keys_in_data_are_ordinary() {
    let text = with("data", "{\"__proto__\":{\"a\":1},\"constructor\":null}");
    let event = Event::parse(text.as_bytes(), Trust::Untrusted).unwrap();
    assert_eq!(
        event.data,
        Some(&b"{\"__proto__\":{\"a\":1},\"constructor\":null}"[..])
    );
}
