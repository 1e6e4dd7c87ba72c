use super::*;
use crate::levels::Severity;
use crate::log::MemoryLog;
use crate::record::{Line, SessionId, parse_line};
use crate::ring::{ReadResult, RingBuffer};
use crate::selector::Selector;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn provenance() -> Provenance<'static> {
    Provenance {
        metadata: br#"{"tab_id":"7","frame_id":"0"}"#,
        tab_id: 7,
        url: b"https://a.b/",
    }
}

struct Fixture {
    ring: RingBuffer,
    session: CaptureSession,
    ledger: RelayLedger,
}

impl Fixture {
    fn new() -> Self {
        let ring = RingBuffer::new(1_000, 1 << 20).unwrap();
        let session = CaptureSession::new(SessionId::from_time(0, [0; 10]), ring.clone());
        Self {
            ring,
            session,
            ledger: RelayLedger::default(),
        }
    }

    fn take(&mut self, first: u64, lines: &[&str]) -> Result<RelayReceipt, RelayError> {
        let ndjson = lines.join("\n");
        self.ledger.take(
            &mut self.session,
            "r1",
            provenance(),
            first,
            ndjson.as_bytes(),
            99,
        )
    }

    fn stored(&self) -> Vec<String> {
        let mut reader = self.ring.reader(0, Selector::default()).unwrap();
        std::iter::from_fn(|| match reader.try_read()? {
            ReadResult::Record(entry) => Some(String::from_utf8(entry.line().to_vec()).unwrap()),
            _ => None,
        })
        .collect()
    }
}

const LOG: &str =
    r#"{"ts":5,"type":"console.log","category":"console","source_event":"console.log","data":{"a":1}}"#;

#[test]
fn provenance_is_stamped() {
    let mut fixture = Fixture::new();
    let receipt = fixture.take(1, &[LOG]).unwrap();
    assert_eq!((receipt.message, receipt.seq, receipt.accepted), (1, 1, 1));
    assert!(fixture.stored()[0].ends_with(
        r#""event":{"ts":5,"type":"console.log","category":"console","detail_level":"standard","source":{"kind":"extension","event":"console.log","metadata":{"tab_id":"7","frame_id":"0"}},"url":"https://a.b/","data":{"a":1}}}"#
    ));
}

#[test]
fn an_event_keeps_the_address_it_had_within_the_origin_of_its_document() {
    let mut fixture = Fixture::new();
    let urls = [
        "https://a.b/then?x=1", "https://a.b", "https://a.b.evil/", "https://a.b:444/", "https://a.b@evil/",
        "http://a.b/", "https://evil/#https://a.b/", "https:a.b/", "about:blank", r"https://a.b\u0040evil/",
    ];
    let lines =
        urls.map(|url| format!(r#"{{"type":"console.log","category":"console","url":"{url}","data":1}}"#));
    fixture.take(1, &lines.each_ref().map(String::as_str)).unwrap();
    let url_of = |line: String| {
        serde_json::from_str::<serde_json::Value>(&line).unwrap()["event"]["url"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let stored: Vec<_> = fixture.stored().into_iter().map(url_of).collect();
    assert_eq!(stored[..2], urls[..2]);
    assert_eq!(stored[2..], ["https://a.b/"; 8]);
}

#[test]
fn a_page_can_forge_nothing_but_its_own_events() {
    let mut fixture = Fixture::new();
    let forgeries = [
        r#"{"type":"tab.created","category":"tab"}"#,
        r#"{"type":"network.response","category":"network","data":{"status":200}}"#,
        r#"{"type":"system.mark","category":"system"}"#,
        r#"{"type":"system.mark","category":"console"}"#,
        r#"{"type":"page.navigation_committed","category":"page"}"#,
        r#"{"type":"page.settled","category":"page"}"#,
        r#"{"type":"console.log","category":"console","source":{"kind":"cdp"}}"#,
        r#"{"drop":{"category":"tab","count":5,"reason":"queue_full"}}"#,
        "not json",
    ];
    let receipt = fixture.take(1, &forgeries).unwrap();
    assert_eq!(
        (receipt.accepted, receipt.refused.len(), receipt.message),
        (0, forgeries.len(), 9)
    );
    // Refused messages are counted.
    assert!(
        fixture.stored()[0]
            .contains(r#""gap":{"first_seq":1,"last_seq":9,"category":"console","reason":"invalid"}"#)
    );
}

#[test]
fn a_page_reports_its_own_requests_and_their_bodies() {
    let mut fixture = Fixture::new();
    let lines = [
        r#"{"type":"network.call","category":"network","data":{"call":1}}"#,
        r#"{"type":"network.response_body","category":"network","data":{"call":1,"body":"out of stock"}}"#,
        r#"{"drop":{"category":"network","count":2,"reason":"hook_failed"}}"#,
        r#"{"type":"network.calling","category":"network"}"#,
        r#"{"type":"network.call","category":"console"}"#,
    ];
    let receipt = fixture.take(1, &lines).unwrap();
    assert_eq!((receipt.accepted, receipt.refused.len()), (3, 2));
    assert!(fixture.stored()[1].ends_with(r#""data":{"call":1,"body":"out of stock"}}}"#));
}

#[test]
fn an_interaction_and_what_came_from_it_are_linked_in_their_metadata() {
    let mut fixture = Fixture::new();
    let lines = [
        r#"{"type":"input.click","category":"interaction","interaction_id":"i1.1"}"#,
        r#"{"type":"console.log","category":"console","cause_id":"i1.1"}"#,
        r#"{"type":"console.log","category":"console","cause_id":"42"}"#,
        r#"{"type":"console.log","category":"console","cause_id":"\"},{"}"#,
        r#"{"type":"console.log","category":"console","cause_id":7}"#,
    ];
    let receipt = fixture.take(1, &lines).unwrap();
    assert_eq!((receipt.accepted, receipt.refused.len()), (3, 2));
    let stored = fixture.stored();
    let links = [
        r#""interaction_id":"i1.1""#, r#""cause_id":"i1.1""#, r#""cause_id":"42""#,
    ];
    for (line, link) in stored.iter().zip(links) {
        assert!(line.contains(link), "{line}");
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["event"]["source"]["metadata"]["tab_id"], "7", "{line}");
    }
}

#[test]
fn a_detail_names_the_seq_that_the_receipt_gave_and_is_no_second_error() {
    let mut fixture = Fixture::new();
    let lines = [
        LOG,
        r#"{"type":"console.exception","category":"console","detail_id":12,"data":{"text":"a"}}"#,
        r#"{"type":"console.log","category":"console","detail_id":-1}"#,
    ];
    let receipt = fixture.take(1, &lines).unwrap();
    assert_eq!((receipt.details, receipt.refused.len()), (vec![(12, 2)], 1));
    let detail = r#"{"type":"console.exception","category":"console","detail_level":"verbose","data":{"text":"ab"},"detail_of":2}"#;
    let receipt = fixture.take(4, &[detail]).unwrap();
    assert_eq!((receipt.accepted, receipt.exceptions), (1, 0));
    let stored = fixture.stored();
    assert!(!stored[1].contains("detail_id"), "{}", stored[1]);
    let detail = stored.last().unwrap();
    assert!(
        detail.contains(r#""metadata":{"tab_id":"7","frame_id":"0","detail_of":"2"}"#),
        "{detail}"
    );
    assert_eq!(fixture.session.counts().errors, 1);
    let Ok(Line::Event { header, .. }) = parse_line(detail.as_bytes()) else {
        panic!("{detail}");
    };
    assert_eq!(header.severity, Severity::Debug);
}

#[test]
fn a_skipped_message_takes_its_number_and_no_seq() {
    let mut fixture = Fixture::new();
    let receipt = fixture
        .take(1, &[LOG, r#"{"skip":"network"}"#, LOG, r#"{"skip":"network"}"#])
        .unwrap();
    assert_eq!(
        (
            receipt.message,
            receipt.seq,
            receipt.accepted,
            receipt.refused.len()
        ),
        (4, 2, 2, 0)
    );
    assert_eq!(fixture.take(5, &[LOG]).unwrap().seq, 3);
}

#[test]
fn an_event_from_a_time_in_which_its_category_was_off_is_not_recorded() {
    let mut fixture = Fixture::new();
    let switched = |on: bool| {
        let config = format!(r#"{{"categories":{{"console":{{"enabled":{on}}}}}}}"#);
        CaptureConfig::from_json(&config).unwrap()
    };
    let said = |ts: u64| LOG.replace(r#""ts":5"#, &format!(r#""ts":{ts}"#));
    fixture.ledger.follow(&switched(false), 5);
    let lines = [4, 5, 98].map(said);
    let input = r#"{"ts":50,"type":"input.click","category":"interaction","source_event":"click","data":{}}"#;
    let receipt = fixture
        .take(1, &[&lines[0], &lines[1], &lines[2], input])
        .unwrap();
    assert_eq!((receipt.message, receipt.seq, receipt.accepted), (4, 2, 2));
    // It is delivered only after the category is on again.
    fixture.ledger.follow(&switched(true), 20);
    let lines = [19, 20].map(said);
    let receipt = fixture.take(5, &[&lines[0], &lines[1]]).unwrap();
    assert_eq!((receipt.message, receipt.seq, receipt.accepted), (6, 3, 1));
    // A second time off does not take the first one's place, and neither holds back a clock that is far behind.
    fixture.ledger.follow(&switched(false), 30);
    fixture.ledger.follow(&switched(true), 40);
    let lines = [10, 25, 35].map(said);
    let receipt = fixture.take(7, &[&lines[0], &lines[1], &lines[2]]).unwrap();
    assert_eq!((receipt.message, receipt.accepted), (9, 1));
    let mut take_at = |now: u64| {
        let Fixture { session, ledger, .. } = &mut fixture;
        let line = said(35);
        let first = ledger.relays["r1"].message + 1;
        ledger
            .take(session, "r1", provenance(), first, line.as_bytes(), now)
            .unwrap()
    };
    assert_eq!(take_at(10_000_039).accepted, 0);
    assert_eq!(take_at(10_000_040).accepted, 1);
}

#[test]
fn uncaught_errors_are_counted_by_their_type_not_by_their_text() {
    let mut fixture = Fixture::new();
    let lines = [
        r#"{"type":"console.log","category":"console","data":{"args":[{"type":"console.exception"}]}}"#,
        r#"{"type":"console.exception","category":"console","data":{"text":"x"}}"#,
        r#"{"type":"console.exception","category":"network"}"#,
    ];
    let receipt = fixture.take(1, &lines).unwrap();
    assert_eq!((receipt.accepted, receipt.exceptions), (2, 1));
}

#[test]
fn repeats_are_passed_over_and_gaps_refused() {
    let mut fixture = Fixture::new();
    fixture.take(1, &[LOG, LOG]).unwrap();
    let receipt = fixture.take(1, &[LOG, LOG, LOG]).unwrap();
    assert_eq!(
        (receipt.accepted, receipt.repeated, receipt.message, receipt.seq),
        (1, 2, 3, 3)
    );
    let only_repeats = fixture.take(2, &[LOG]).unwrap();
    assert_eq!(
        (only_repeats.accepted, only_repeats.repeated, only_repeats.seq),
        (0, 1, 3)
    );
    assert_eq!(
        fixture.take(5, &[LOG]),
        Err(RelayError::Gap {
            first: 5,
            expected: 4
        })
    );
    assert_eq!(fixture.session.latest_seq(), 3);
}

#[test]
fn a_relay_in_the_log_continues_where_it_was() {
    let mut fixture = Fixture::new();
    assert!(!fixture.ledger.contains("r1"));
    fixture.ledger.restore(&fixture.session, "r1", 7);
    let receipt = fixture.take(6, &[LOG, LOG, LOG]).unwrap();
    assert_eq!((receipt.accepted, receipt.repeated, receipt.message), (1, 2, 8));
}

#[test]
fn what_a_relay_dropped_is_a_gap_with_its_reason() {
    let mut fixture = Fixture::new();
    let receipt = fixture
        .take(
            1,
            &[
                r#"{"drop":{"category":"console","count":3,"reason":"queue_full"}}"#,
                LOG,
            ],
        )
        .unwrap();
    assert_eq!((receipt.seq, receipt.accepted), (4, 2));
    assert!(
        fixture.stored()[0]
            .contains(r#""gap":{"first_seq":1,"last_seq":3,"category":"console","reason":"queue_full"}"#)
    );
}

#[test]
fn no_page_can_spend_the_seqs_of_a_session() {
    let mut fixture = Fixture::new();
    let drop = |count: u64| format!(r#"{{"drop":{{"category":"console","count":{count},"reason":"lost"}}}}"#);
    let receipt = fixture.take(1, &[&drop(MAX_DROP), &drop(MAX_DROP + 1)]).unwrap();
    assert_eq!(receipt.refused[0].message, 2);
    assert_eq!(
        receipt.refused[0].error,
        "count: expected a number from 1 to 100000000, got \"100000001\""
    );
    // The refused line is one that was lost.
    assert_eq!(receipt.seq, MAX_DROP + 1);
}

#[test]
fn only_relays_whose_counter_is_in_the_log_are_forgotten() {
    let log = MemoryLog::default();
    let session_id = SessionId::from_time(0, [0; 10]);
    let ring = RingBuffer::new(10, 1 << 20).unwrap();
    let mut session = CaptureSession::with_log(session_id, ring, &log.open(session_id));
    let mut ledger = RelayLedger::default();
    let take = |session: &mut CaptureSession, ledger: &mut RelayLedger, relay: &str| {
        ledger.restore(session, relay, 0);
        ledger
            .take(session, relay, provenance(), 1, LOG.as_bytes(), 99)
            .unwrap()
    };
    take(&mut session, &mut ledger, "durable");
    let commit = session.begin_commit(0.0).unwrap();
    take(&mut session, &mut ledger, "pending");
    session.finish_commit(Ok(())).unwrap();
    for relay in 0..MAX_RELAYS {
        ledger.restore(&session, &format!("r{relay}"), 0);
    }
    assert_eq!(
        (ledger.contains("durable"), ledger.contains("pending")),
        (false, true)
    );
    assert_eq!(commit.relays[0].relay_id, "durable");
    // Nothing of a volatile session is in a log.
    session.degrade_to_memory();
    for relay in 0..MAX_RELAYS {
        ledger.restore(&session, &format!("again{relay}"), 0);
    }
    assert!(ledger.contains("pending"));
}

#[test]
fn a_closed_session_takes_nothing_and_counts_nothing() {
    let mut fixture = Fixture::new();
    fixture.session.close();
    assert_eq!(
        fixture.take(1, &[LOG]),
        Err(RelayError::Session(PublishError::Closed))
    );
    assert_eq!(fixture.ledger.relays["r1"].message, 0);
}
