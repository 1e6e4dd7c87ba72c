use super::Archive;
use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn event(id: &str, url: &str, type_: &str, data: &str) -> String {
    format!(
        r#"{{"capture_session_id":"s","seq":1,"event":{{"ts":1764000000123456,"type":"network.{type_}","category":"network","source":{{"kind":"extension","metadata":{{"request_id":"{id}"}}}},"url":"{url}","data":{data}}}}}"#
    )
}

fn line(type_: &str, data: &str) -> String {
    event("9", "https://a.b/x?q=1%202+3#f?g=1", type_, data)
}

fn log_of(archive: Archive) -> Value {
    let mut archive: Value = serde_json::from_str(&archive.text(&[])).unwrap();
    archive["log"].take()
}

fn log(lines: &[String]) -> Value {
    let mut archive = Archive::new();
    lines.iter().for_each(|line| archive.take(line.as_bytes()));
    log_of(archive)
}

#[test]
fn a_record_that_serde_refuses_is_an_entry() {
    let deep = format!("{}1{}", "[".repeat(127), "]".repeat(127));
    for odd in [r#""cut \ud83d""#, "1e400", &deep] {
        let log = log(&[line("response", &format!(r#"{{"status":200,"odd":{odd}}}"#))]);
        assert_eq!(log["entries"][0]["response"]["status"], 200, "{odd}");
    }
}

#[test]
fn a_redirect_ends_an_entry_and_what_is_unknown_is_minus_one() {
    let log = log(&[
        line(
            "request",
            r#"{"method":"POST","headers":[["a","1"],["Content-Type","text/x"]],"body":"x"}"#,
        ),
        line(
            "redirect",
            r#"{"method":"POST","status":302,"redirect_url":"/y"}"#,
        ),
        line("request", r#"{"method":"GET","body_bytes":7}"#),
        line(
            "response",
            r#"{"status":200,"status_line":"HTTP/1.1 200 All is well","duration_ms":12.5,"ttfb_ms":10,"ip":"[::1]"}"#,
        ),
        line(
            "failed",
            r#"{"method":"GET","error":"net::ERR_FAILED","cors_error":"MissingAllowOriginHeader","duration_ms":1000}"#,
        ),
    ]);
    let entries = log["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[0]["startedDateTime"], "2025-11-24T16:00:00.123Z");
    assert_eq!(entries[0]["response"]["redirectURL"], "/y");
    assert_eq!(entries[0]["request"]["postData"]["mimeType"], "text/x");
    assert_eq!(entries[0]["request"]["queryString"][0]["value"], "1 2 3");
    assert_eq!(entries[1]["request"]["comment"], "the body was not recorded");
    assert_eq!(entries[1]["response"]["statusText"], "All is well");
    assert_eq!(entries[1]["response"]["httpVersion"], "HTTP/1.1");
    assert_eq!(entries[1]["serverIPAddress"], "::1");
    assert_eq!(
        (
            &entries[1]["time"],
            &entries[1]["timings"]["receive"],
            &entries[1]["timings"]["dns"]
        ),
        (&12.5.into(), &2.5.into(), &(-1).into())
    );
    let failed = &entries[2]["response"];
    assert_eq!(
        (&failed["status"], &failed["bodySize"]),
        (&0.into(), &(-1).into())
    );
    assert_eq!(failed["_corsError"], "MissingAllowOriginHeader");
    assert_eq!(entries[2]["startedDateTime"], "2025-11-24T15:59:59.123Z");
}

#[test]
fn deep_capture_gives_protocol_status_text_and_phases() {
    let log = log(&[line(
        "response",
        r#"{"status":404,"protocol":"h2","status_text":"Not Found","duration_ms":100.5,"timing":{"dnsStart":1,"dnsEnd":3,
        "connectStart":3,"connectEnd":13,"sslStart":5,"sslEnd":12,"sendStart":13,"sendEnd":14,"receiveHeadersEnd":60}}"#,
    )]);
    let entry = &log["entries"][0];
    assert_eq!(entry["response"]["httpVersion"], "h2");
    assert_eq!(entry["response"]["statusText"], "Not Found");
    let expected = serde_json::json!({
        "blocked": 1.0, "dns": 2.0, "connect": 10.0, "ssl": 7.0, "send": 1.0, "wait": 46.0, "receive": 40.5,
    });
    assert_eq!(entry["timings"], expected);
    assert_eq!(entry["time"], 100.5);
}

#[test]
fn content_has_the_size_of_the_whole_body() {
    let size = |data: &str| {
        let log = log(&[line("response", data)]);
        let content = &log["entries"][0]["response"]["content"];
        (
            content["size"].as_i64().unwrap(),
            content["comment"].as_str().map(ToOwned::to_owned),
        )
    };
    let zipped = r#""headers":{"Content-Encoding":"gzip"},"content_length":9"#;
    assert_eq!(size(&format!(r#"{{"body":"é!",{zipped}}}"#)), (3, None));
    assert_eq!(
        size(r#"{"body":"AAEC/w==","body_encoding":"base64","content_length":9}"#),
        (4, None)
    );
    assert_eq!(
        size(&format!("{{{zipped}}}")),
        (0, Some("the size is not known".to_owned()))
    );
    assert_eq!(size(r#"{"content_length":9}"#), (9, None));
    assert_eq!(size(r#"{"content_length":9,"method":"HEAD"}"#), (0, None));
    let cut = size(r#"{"body":"ab","body_cut_from":7,"content_length":9}"#);
    assert_eq!(cut, (9, Some("truncated: the body had 7 characters".to_owned())));
}

#[test]
fn reports_of_the_page_complete_their_request() {
    let log = log(&[
        line(
            "response_body",
            r#"{"response_status":500,"body":"{\"error\":1}","content_type":"application/json","body_stopped":"size"}"#,
        ),
        line("call", r#"{"api":"fetch","stack":"at pay (shop.js:3:1)"}"#),
        line("request", r#"{"method":"POST"}"#),
        line("redirect", r#"{"status":307}"#),
        line("request", r#"{"method":"POST"}"#),
        line("response", r#"{"status":500}"#),
        event("8", "https://a.b/", "response_body", "{}"),
    ]);
    let entries = &log["entries"];
    assert_eq!(entries[0]["_calledFrom"], "at pay (shop.js:3:1)");
    let content = &entries[1]["response"]["content"];
    assert_eq!(content["text"], "{\"error\":1}");
    assert_eq!(content["mimeType"], "application/json");
    assert!(
        content["comment"].as_str().unwrap().contains("truncated"),
        "{content}"
    );
    assert!(entries[0]["response"]["content"]["text"].is_null());
    assert!(
        log["comment"]
            .as_str()
            .unwrap()
            .starts_with("1 reports of pages are left out")
    );
}

#[test]
fn a_stream_is_one_entry_that_says_whether_it_ended() {
    let begun = [
        line("request", r#"{"method":"GET"}"#),
        line(
            "response",
            r#"{"status":200,"streaming":true,"duration_ms":5,"ttfb_ms":5}"#,
        ),
    ];
    let open = log(&begun);
    assert_eq!(
        open["entries"][0]["comment"],
        "the end of the body is not in this export"
    );
    let ends = [
        line(
            "stream_ended",
            r#"{"status":200,"duration_ms":905,"body":"data: 1"}"#,
        ),
        line(
            "failed",
            r#"{"status":200,"duration_ms":905,"error":"net::ERR_FAILED","streaming":true}"#,
        ),
    ];
    for end in ends {
        let log = log(&[&begun[..], &[end]].concat());
        assert_eq!(log["entries"].as_array().unwrap().len(), 1);
        let entry = &log["entries"][0];
        assert_eq!((&entry["time"], &entry["comment"]), (&905.0.into(), &Value::Null));
        assert!(
            entry["response"]["content"]["text"] == "data: 1"
                || entry["response"]["_error"] == "net::ERR_FAILED"
        );
    }
}

#[test]
fn what_is_left_out_is_said() {
    let gap = r#"{"capture_session_id":"s","gap":{"first_seq":5,"last_seq":9,"category":"network","reason":"quota"}}"#;
    let log = log(&[
        event("1", "data:text/plain,x", "request", "{}"),
        event("1", "data:text/plain,x", "response", "{}"),
        event("2", "blob:https://a.b/1", "request", "{}"),
        gap.to_owned(),
        line("request", "{}"),
    ]);
    assert_eq!(log["entries"].as_array().unwrap().len(), 1);
    assert_eq!(
        log["entries"][0]["comment"],
        "no end of the request is in this export"
    );
    let comment = log["comment"].as_str().unwrap();
    assert!(
        comment.contains("2 requests to data: and blob: addresses are left out"),
        "{comment}"
    );
    assert!(
        comment.contains("5 network records are missing, reason \"quota\""),
        "{comment}"
    );
}

#[test]
fn one_request_is_picked_by_its_id() {
    let mut archive = Archive::of_request("8".to_owned());
    archive.take(line("request", "{}").as_bytes());
    archive.take(event("8", "https://a.b/8", "request", "{}").as_bytes());
    let log = log_of(archive);
    assert_eq!(log["entries"].as_array().unwrap().len(), 1);
    assert_eq!(log["entries"][0]["request"]["url"], "https://a.b/8");
}
