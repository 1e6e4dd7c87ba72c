use crate::event::Trust;
use crate::json::MAX_DEPTH;
use crate::record::{Entry, Header, MAX_LINE_BYTES, SessionId};
use crate::redaction::{Redactor, RuleTable};
use crate::ring::{ReadResult, RingBuffer};
use crate::selector::Selector;
use crate::session::{BatchReceipt, CaptureSession, RefusedAt};
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Events but for their `ts` and `data`. Some are refused.
const HEADS: &[&str] = &[
    r#""type":"console.log","category":"console","source":{"kind":"extension"},"#,
    r#""type":"console.error","category":"console","source":{"kind":"extension","event":"console.error"},"url":"https://a.test/","#,
    r#""type":"app.ready","category":"app","source":{"kind":"extension","metadata":{"tab_id":"7","frame_id":"0"}},"#,
    r#""type":"app.more_error","category":"app","source":{"kind":"extension","metadata":{"detail_of":"3"}},"#,
    r#""type":"network.response","category":"network","source":{"kind":"extension"},"#,
    r#""type":"app.truncated","category":"app","source":{"kind":"extension"},"truncated":true,"#,
    r#""type":"app.all","category":"app","detail_level":"verbose","source":{"kind":"extension"},"#,
    r#""category":"app","type":"app.turned","source":{"kind":"local_process"},"#,
    r#""type":"app.late","category":"app","source":{"kind":"extension"},"ts":12,"#,
    r#""type":"app.secret","category":"app","source":{"kind":"extension"},"url":"https://a.test/?password=x7Kq92LmZ4","#,
    r#""type":"app.data","category":"app","source":{"kind":"extension","metadata":{"data":"1"}},"#,
    r#""type":"app.url","category":"app","source":{"kind":"extension"},"url":"https://b.test/\"data\":","#,
    r#""type":"app.empty","category":"app","source":{"kind":"extension"},"url":"","#,
    r#""type":"app.unknown","category":"app","source":{"kind":"extension"},"extra":1,"#,
    r#""type":"Wrong","category":"app","source":{"kind":"extension"},"#,
];
const DATA: &[&str] = &[
    "1",
    r#""}""#,
    r#"{"a":1}"#,
    r#"{"data":{"data":2}}"#,
    r#"{"status":404}"#,
    r#"{"text":["n ",0],"args":[1]}"#,
    r#"{"password":"x7Kq92LmZ4"}"#,
    r#"["Authorization: Bearer abcdefghijklmnopqrstuvwxyz012345"]"#,
];
/// Data that only untrusted text has.
const UNTRUSTED_DATA: &[&str] = &[
    "", "}", " 1", "1 ", "{\"a\": 1}", "1,\"data\":2", "1,\"url\":\"https://c.test/\"", "1}x", "01",
    "\"\u{1}\"", "[1", "\"a", "1\r",
];
const TIMES: &[&str] = &[
    "", "\"ts\":5,", "\"ts\":1764000000123456,", "\"ts\":9007199254740991,", "\"ts\":9007199254740992,",
    "\"ts\":12345678901234567,", "\"ts\":1.5,", "\"ts\":-1,", "\"ts\":null,",
];

fn text(ts: &str, head: &str, data: &str) -> String {
    format!("{{{ts}{head}\"data\":{data}}}")
}

/// A `ts` that only untrusted text has.
const UNTRUSTED_TIMES: &[&str] = &[
    "\"ts\":007,", "\"ts\":00,", "\"ts\":-0,", "\"ts\": 5,", "\"ts\":5 ,", "\"ts\":5", "\"ts\":5{",
    "\"ts\":,",
];

fn session(redacts: bool) -> CaptureSession {
    let ring = RingBuffer::new(10_000, 1 << 24).unwrap();
    let mut session = CaptureSession::new(SessionId::from_time(0, [7; 10]), ring);
    session.set_redactor(redacts.then(|| Redactor::new([7; 32], &RuleTable::default())));
    session
}

fn shown(session: &CaptureSession) -> Vec<(Header, String)> {
    let mut reader = session.reader(0, Selector::default()).unwrap();
    std::iter::from_fn(|| match reader.try_read()? {
        ReadResult::Record(Entry::Event(event)) => {
            Some((event.header, String::from_utf8(event.line.to_vec()).unwrap()))
        }
        read => panic!("expected an event, got {read:?}"),
    })
    .collect()
}

/// Compares a session with one that has no templates, so that it reads every byte of every text.
fn compare(redacts: bool, trust: Trust, texts: &[String]) {
    let (mut fitting, mut read) = (session(redacts), session(redacts));
    // One by one, and then all again in a batch.
    let mut expected = BatchReceipt::default();
    for batched in [false, true] {
        for (index, text) in texts.iter().enumerate() {
            read.event_templates.clear();
            let published = read.publish(text.as_bytes(), Trust::Untrusted, 77);
            if !batched {
                assert_eq!(fitting.publish(text.as_bytes(), trust, 77), published, "{text}");
                continue;
            }
            match published {
                Ok(seq) if expected.first_seq == 0 => (expected.first_seq, expected.last_seq) = (seq, seq),
                Ok(seq) => expected.last_seq = seq,
                Err(error) => expected.refused.push(RefusedAt { index, error }),
            }
        }
    }
    let batch = texts.join("\n");
    assert_eq!(
        fitting.publish_batch(batch.as_bytes(), trust, 77).unwrap(),
        expected
    );
    assert_eq!(shown(&fitting), shown(&read));
    assert_eq!(fitting.counts(), read.counts());
    let by_category = |session: &CaptureSession| -> Vec<_> {
        let bytes = session.bytes_by_category().map(|(_, bytes)| bytes);
        let counts = session.counts_by_category().zip(bytes);
        counts
            .map(|((name, events, gaps), bytes)| (name.to_owned(), events, gaps, bytes))
            .collect()
    };
    assert_eq!(by_category(&fitting), by_category(&read));
}

fn events(times: Vec<&'static str>, data: Vec<&'static str>) -> impl Strategy<Value = Vec<String>> {
    let of = proptest::sample::select::<&'static str>;
    proptest::collection::vec((of(times), proptest::sample::select(HEADS), of(data)), 0..40).prop_map(
        |events| {
            events
                .iter()
                .map(|(ts, head, data)| text(ts, head, data))
                .collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(target_arch = "wasm32") { 32 } else { 256 }))]

    #[test]
    fn an_event_that_fits_a_template_is_stored_as_if_it_were_read(redacts: bool, texts in events(TIMES.to_vec(), DATA.to_vec())) {
        compare(redacts, Trust::OwnDataLast, &texts);
    }

    #[test]
    fn an_untrusted_event_that_fits_a_template_is_stored_as_if_it_were_read(
        redacts: bool,
        texts in events([TIMES, UNTRUSTED_TIMES].concat(), [DATA, UNTRUSTED_DATA].concat()),
    ) {
        compare(redacts, Trust::Untrusted, &texts);
    }
}

#[test]
fn each_event_repeated_is_stored_as_if_it_were_read() {
    for head in HEADS {
        for ts in TIMES {
            for redacts in [false, true] {
                let twice = |data| [text(ts, head, data), text(ts, head, data)];
                let texts: Vec<_> = DATA.iter().copied().flat_map(twice).collect();
                compare(redacts, Trust::OwnDataLast, &texts);
                compare(redacts, Trust::Untrusted, &texts);
            }
        }
    }
}

/// Returns whether `text` fits a template of the session.
fn fits(session: &CaptureSession, text: &str) -> bool {
    session
        .event_templates
        .find(text.as_bytes(), Trust::OwnDataLast)
        .is_some()
}

#[test]
fn an_event_fits_a_template_with_any_ts_and_data() {
    let mut session = session(true);
    let publish = |session: &mut CaptureSession, text: &str| {
        session.publish(text.as_bytes(), Trust::OwnDataLast, 77).unwrap();
    };
    publish(&mut session, &text(TIMES[1], HEADS[0], DATA[0]));
    assert!(fits(&session, &text(TIMES[2], HEADS[0], DATA[2])));
    assert!(
        !fits(&session, &text(TIMES[0], HEADS[0], DATA[2])),
        "without a ts"
    );
    assert!(!fits(&session, &text(TIMES[2], HEADS[1], DATA[2])));

    let nested = |depth: usize| text(TIMES[1], HEADS[0], &("[".repeat(depth) + &"]".repeat(depth)));
    assert!(fits(&session, &nested(MAX_DEPTH)));
    assert!(!fits(&session, &nested(MAX_DEPTH + 1)));
}

#[test]
fn an_event_whose_line_depends_on_more_than_its_text_is_no_template() {
    for (head, data) in [
        (HEADS[4], DATA[4]), // a status
        (HEADS[5], DATA[0]), // `truncated`
        (HEADS[8], DATA[0]), // `ts` is not first
        (HEADS[9], DATA[0]), // a secret
        (HEADS[0], DATA[5]), // text to be written
    ] {
        let mut session = session(true);
        let text = text("", head, data);
        session.publish(text.as_bytes(), Trust::OwnDataLast, 77).unwrap();
        assert!(!fits(&session, &text), "{text}");
    }
}

#[test]
fn other_rules_remove_the_templates() {
    let mut session = session(true);
    let text = text(
        "",
        r#""type":"a.b","category":"app","source":{"kind":"extension"},"url":"https://a.test/?acme_ref=x7Kq92LmZ4","#,
        "1",
    );
    let has_secret = |line: &str| line.contains("x7Kq92LmZ4");
    for _ in 0..2 {
        session.publish(text.as_bytes(), Trust::OwnDataLast, 77).unwrap();
    }
    assert!(fits(&session, &text));
    let rules = br#"{"names":[{"id":"acme","names":["acme ref"]}]}"#;
    session.set_redaction_rules(&RuleTable::from_json(rules).unwrap());
    session.publish(text.as_bytes(), Trust::OwnDataLast, 77).unwrap();
    let secrets: Vec<bool> = shown(&session).iter().map(|(_, line)| has_secret(line)).collect();
    assert_eq!(secrets, [true, true, false]);
}

#[test]
fn a_line_that_redaction_makes_too_long_is_truncated() {
    // Each number after the name becomes a placeholder between quotes with as many backslashes as the name's.
    let data = format!(
        "\"password{}\":[x,{}1234]\"",
        "\\".repeat((1 << 8) - 1),
        "1234,".repeat(2_000)
    );
    let event = text(TIMES[1], HEADS[0], &data);
    let mut session = session(true);
    for text in [&text(TIMES[1], HEADS[0], DATA[0]), &event] {
        session.publish(text.as_bytes(), Trust::OwnDataLast, 77).unwrap();
    }
    assert!(fits(&session, &event));
    let (_, line) = shown(&session).pop().unwrap();
    assert!(line.len() <= MAX_LINE_BYTES, "{} bytes", line.len());
    assert!(line.ends_with(r#","truncated":true}}"#));
}

#[test]
fn a_template_stays_while_events_that_fit_it_have_to_be_read() {
    let mut session = session(false);
    let first = text("", HEADS[0], DATA[0]);
    let others = HEADS[2..4].iter().map(|head| text("", head, DATA[0]));
    // Data of this form is read, and in another category than console is not written anew.
    let read = text("", HEADS[2], DATA[5]);
    for text in std::iter::once(first.clone())
        .chain(others)
        .chain(std::iter::repeat_n(read, 16 * 8))
    {
        session.publish(text.as_bytes(), Trust::OwnDataLast, 77).unwrap();
    }
    assert!(fits(&session, &first));
}

#[test]
fn a_text_without_its_beginning_fits_no_template() {
    let mut session = session(false);
    let (with_ts, without) = (text(TIMES[1], HEADS[0], DATA[0]), text("", HEADS[0], DATA[0]));
    session.publish(with_ts.as_bytes(), Trust::Untrusted, 77).unwrap();
    let beheaded = with_ts.strip_prefix(r#"{"ts":5"#).unwrap();
    session
        .publish(beheaded.as_bytes(), Trust::Untrusted, 77)
        .unwrap_err();

    session.event_templates.clear();
    session.publish(without.as_bytes(), Trust::Untrusted, 77).unwrap();
    let twice = format!(r#"{{"ts":5{without}"#);
    session
        .publish(twice.as_bytes(), Trust::Untrusted, 77)
        .unwrap_err();
}
