use super::*;
use crate::event::{Event, Trust};
use crate::levels::{DetailLevel, Severity, SourceKind};
use crate::record::Record;
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const ID: &str = "0193b3a0-7c1e-7000-8000-0123456789ab";

fn writer() -> LineWriter {
    LineWriter::new(ID.parse().unwrap())
}

fn line_of(event: &str) -> (Vec<u8>, crate::record::Header) {
    let event = Event::parse(event.as_bytes(), Trust::Untrusted).unwrap();
    // Lines are appended to segments: spans must not depend on what precedes them.
    let mut out = b"before\n".to_vec();
    let header = writer().event(&mut out, 42, event.ts_micros.unwrap_or(9), &event);
    (out[7..].to_vec(), header)
}

fn event_with(fields: &str) -> String {
    format!(
        "{{\"type\":\"console.log\",\"category\":\"console\",\"source\":{{\"kind\":\"extension\"}}{fields}}}"
    )
}

#[test]
fn an_event_becomes_the_line_of_the_contract() {
    let (line, header) = line_of(
        r#"{"data":{"b":1.0,"a":"\u00e9"},"source":{"metadata":{"tab_id":"7"},"kind":"extension","event":"console.log"},"url":"https://x.y/","category":"console","type":"console.error","ts":17}"#,
    );
    assert_eq!(
        String::from_utf8(line.clone()).unwrap(),
        format!(
            r#"{{"capture_session_id":"{ID}","seq":42,"event":{{"ts":17,"type":"console.error","category":"console","detail_level":"standard","source":{{"kind":"extension","event":"console.log","metadata":{{"tab_id":"7"}}}},"url":"https://x.y/","data":{{"b":1.0,"a":"\u00e9"}}}}}}"#
        )
    );
    let record = Record {
        header: &header,
        line: &line,
    };
    assert_eq!((record.type_(), record.category()), ("console.error", "console"));
    assert_eq!(
        (record.url(), record.data()),
        ("https://x.y/", &br#"{"b":1.0,"a":"\u00e9"}"#[..])
    );
    assert_eq!(
        (header.severity, header.detail_level),
        (Severity::Error, DetailLevel::Standard)
    );
    assert_eq!(
        (record.tab_id(), header.source_kind),
        (Some(7), SourceKind::Extension)
    );
}

#[test]
fn a_line_reads_back_to_its_header() {
    let (line, header) = line_of(&event_with(r#","url":"http://a/","data":[1],"truncated":true"#));
    assert_eq!(
        parse_line(&line),
        Ok(Line::Event {
            session_id: ID.parse().unwrap(),
            header
        })
    );
}

#[test]
fn a_gap_reads_back() {
    let gap = Gap::new(901..=912, "network", "quota");
    let mut line = Vec::new();
    writer().gap(&mut line, &gap);
    assert_eq!(gap.count(), 12);
    assert_eq!(
        String::from_utf8(line.clone()).unwrap(),
        format!(
            r#"{{"capture_session_id":"{ID}","gap":{{"first_seq":901,"last_seq":912,"category":"network","reason":"quota"}}}}"#
        )
    );
    assert_eq!(
        parse_line(&line),
        Ok(Line::Gap {
            session_id: ID.parse().unwrap(),
            gap
        })
    );
}

#[test]
fn a_collector_older_than_its_producer_keeps_what_it_does_not_know() {
    let (line, _) = line_of(&event_with(""));
    let newer = String::from_utf8(line)
        .unwrap()
        .replace("\"event\":{", "\"v\":2,\"event\":{\"mood\":[],");
    assert!(matches!(parse_line(newer.as_bytes()), Ok(Line::Event { .. })));
}

#[test]
fn what_is_wrong_with_a_line_is_named() {
    let (line, _) = line_of(&event_with(""));
    let line = String::from_utf8(line).unwrap();
    let end = format!("the record is not JSON: unexpected 'x' at byte {}", line.len());
    for (text, message) in [
        (
            line.replace("\"seq\":42", "\"seq\":0"),
            "seq: expected a whole number from 1 to 9007199254740991, got 0",
        ),
        (
            line.replace("\"seq\":42", "\"seq\":9007199254740992"),
            "seq: expected a whole number from 1 to 9007199254740991, got 9007199254740992",
        ),
        (line.replace("\"seq\":42,", ""), "seq: missing"),
        (
            line.replace(ID, "x"),
            "capture_session_id: expected a lower-case UUID, got \"x\"",
        ),
        (line.replace("\"ts\":9,", ""), "event.ts: missing"),
        (
            line.replace("extension", "magic"),
            "event: source.kind: expected one of cdp, kernel_api, extension, local_process, got \"magic\"",
        ),
        (format!("{line}x"), &end),
        (
            format!("\n{line}"),
            "a raw newline at byte 0 of a record, which must be one line",
        ),
        (format!("{{\"capture_session_id\":\"{ID}\"}}"), "event: missing"),
        (
            format!(
                "{{\"capture_session_id\":\"{ID}\",\"gap\":{{\"first_seq\":5,\"last_seq\":4,\"category\":\"a\",\"reason\":\"b\"}}}}"
            ),
            "gap.last_seq: 4 lies before gap.first_seq 5",
        ),
        (
            format!(
                "{{\"capture_session_id\":\"{ID}\",\"gap\":{{\"first_seq\":5,\"last_seq\":5,\"category\":\"a\",\"reason\":\"B!\"}}}}"
            ),
            "gap.reason: expected a name like [a-z][a-z0-9_]*, got \"B!\"",
        ),
    ] {
        assert_eq!(parse_line(text.as_bytes()).unwrap_err().to_string(), message);
    }
    assert_eq!(
        parse_line(&vec![b' '; MAX_LINE_BYTES + 1]),
        Err(LineError::TooLong(MAX_LINE_BYTES + 1))
    );
}

#[test]
fn new_ids_sort_by_time_and_are_version_7() {
    let ids: Vec<_> = (0..3)
        .map(|t| SessionId::from_time(1_764_000_000_000 + t, [0xff; 10]))
        .collect();
    assert!(ids.is_sorted());
    assert_eq!(&ids[0].as_str()[14..15], "7");
    assert_eq!(ids[0].as_str().parse(), Ok(ids[0]));
}

#[test]
fn a_record_of_exactly_the_limit_is_whole() {
    let (empty, _) = line_of(&event_with(",\"data\":\"\""));
    let room = MAX_LINE_BYTES - empty.len();
    let (whole, _) = line_of(&event_with(&format!(",\"data\":\"{}\"", "x".repeat(room))));
    assert_eq!(whole.len(), MAX_LINE_BYTES);
    assert!(!String::from_utf8(whole).unwrap().contains("truncated"));
    let (cut, _) = line_of(&event_with(&format!(",\"data\":\"{}\"", "x".repeat(room + 1))));
    let cut = String::from_utf8(cut).unwrap();
    assert!(
        cut.len() <= MAX_LINE_BYTES && cut.ends_with(" bytes]\",\"truncated\":true}}"),
        "{}",
        &cut[cut.len() - 80..]
    );
}

#[test]
fn long_strings_are_cut_before_anything_else_goes() {
    let huge = "é".repeat(25_000_000);
    let (line, header) = line_of(&event_with(&format!(
        ",\"data\":{{\"a\":\"{huge}\",\"b\":\"short\"}}"
    )));
    let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
    let cut = value["event"]["data"]["a"].as_str().unwrap();
    let kept = cut.find('…').unwrap();
    assert_eq!(cut[kept..], format!("…[truncated {} bytes]", 50_000_000 - kept));
    assert_eq!(value["event"]["data"]["b"], "short");
    assert_eq!(value["event"]["truncated"], true);
    assert!(line.len() > MAX_LINE_BYTES - 100 && line.len() <= MAX_LINE_BYTES);
    assert_eq!(
        parse_line(&line),
        Ok(Line::Event {
            session_id: ID.parse().unwrap(),
            header
        })
    );
}

#[test]
fn data_that_no_cut_can_fit_becomes_null() {
    let numbers = vec!["1234567890"; 100_000].join(",");
    let (line, _) = line_of(&event_with(&format!(",\"data\":[{numbers}]")));
    assert!(line.ends_with(b",\"data\":null,\"truncated\":true}}"));
}

#[test]
fn metadata_and_url_go_last() {
    let text = event_with(&format!(",\"url\":\"{}\",\"data\":1", "\\u00e9".repeat(300_000))).replace(
        "\"extension\"",
        &format!("\"extension\",\"metadata\":{{\"a\":\"{}\"}}", "m".repeat(10)),
    );
    let (line, _) = line_of(&text);
    let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(value["event"]["data"], serde_json::Value::Null);
    assert_eq!(value["event"]["source"], serde_json::json!({"kind": "extension"}));
    assert_eq!(
        value["event"]["url"].as_str().unwrap(),
        "é".repeat(MAX_CUT_URL_BYTES / 6)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_record_is_ever_over_the_limit(
        parts in prop::collection::vec(("[a-z\\\\\"é😀\u{0}]{1,8}", 1usize..200_000), 1..12),
        url in 0usize..1_500_000,
        metadata in 0usize..1_500_000,
    ) {
        let data: Vec<String> = parts.iter().map(|(text, times)| text.repeat(*times)).collect();
        let event = serde_json::json!({
            "type": "a", "category": "c", "url": "u".repeat(url), "data": data,
            "source": {"kind": "cdp", "metadata": {"m": "m".repeat(metadata)}},
        });
        let (line, header) = line_of(&event.to_string());
        prop_assert!(line.len() <= MAX_LINE_BYTES);
        prop_assert_eq!(parse_line(&line), Ok(Line::Event { session_id: ID.parse().unwrap(), header }));
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        let same = value["event"]["data"] == event["data"] && value["event"]["url"] == event["url"];
        prop_assert_eq!(value["event"].get("truncated").is_some(), !same || value["event"]["source"] != event["source"]);
    }
}
