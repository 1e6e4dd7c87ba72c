use crate::common::*;
use proptest::prelude::*;

#[tokio::test]
async fn a_batch_is_stored_byte_for_byte_plain_or_gzipped() {
    let collector = Collector::start().await;
    // White space, odd numbers, unknown fields and key order are the producer's.
    let odd = format!(
        r#"{{"capture_session_id":"{SESSION}","v":2,"seq":1,"event":{{"type":"app.x","category":"app","ts":1,"source":{{"kind":"extension","mood":[1.0]}},"data":{{"n":1.50e3,"n":"é"}}}}}}"#
    );
    assert_eq!(
        collector
            .deliver(SESSION, 1, 1, std::slice::from_ref(&odd))
            .await
            .1["accepted"],
        1
    );
    let more = events(SESSION, 2, 500);
    let body = gzip((more.join("\n") + "\n").as_bytes());
    let (status, receipt) = collector.deliver_bytes(SESSION, 2, 500, body, true).await;
    assert_eq!(
        (status, &receipt["accepted"], &receipt["acked_seq"]),
        (200, &499.into(), &500.into())
    );
    assert_eq!(receipt["store_id"], collector.app.store.store_id());
    let stored = collector.lines(SESSION).await;
    assert_eq!(stored[0], odd);
    assert_eq!(stored[1..], more);
}

#[tokio::test]
async fn a_repeat_is_a_duplicate_and_other_bytes_are_a_conflict() {
    let collector = Collector::start().await;
    let first = events(SESSION, 1, 5);
    collector.deliver(SESSION, 1, 5, &first).await;
    let (_, receipt) = collector.deliver(SESSION, 1, 5, &first).await;
    assert_eq!(
        (&receipt["accepted"], &receipt["duplicates"]),
        (&0.into(), &5.into())
    );

    let mut other = events(SESSION, 4, 8);
    other[1] = event(SESSION, 5, "another");
    let (status, problem) = collector.deliver(SESSION, 4, 8, &other).await;
    assert_eq!(status, 409);
    assert_eq!(problem["code"], "seq_conflict");
    assert_eq!(
        (&problem["seq"], &problem["line"], &problem["duplicates"]),
        (&5.into(), &2.into(), &1.into())
    );
    assert_eq!(collector.lines(SESSION).await, first, "the stored bytes stay");
}

#[tokio::test]
async fn good_lines_before_a_bad_one_are_kept_and_acknowledged() {
    let collector = Collector::start().await;
    let mut lines = events(SESSION, 1, 50);
    lines[36] = "{\"capture_session_id\":".into();
    let (status, problem) = collector.deliver(SESSION, 1, 50, &lines).await;
    assert_eq!((status, &problem["code"]), (400, &"invalid_record".into()));
    assert_eq!(
        (&problem["line"], &problem["seq"], &problem["acked_seq"]),
        (&37.into(), &37.into(), &36.into())
    );
    assert!(
        problem["detail"].as_str().unwrap().starts_with("line 37: "),
        "{problem}"
    );
    assert_eq!(collector.lines(SESSION).await, events(SESSION, 1, 36));
    // And the session continues.
    let (status, receipt) = collector.deliver(SESSION, 37, 50, &events(SESSION, 37, 50)).await;
    assert_eq!((status, &receipt["acked_seq"]), (200, &50.into()));
}

#[tokio::test]
async fn what_a_batch_gets_wrong_is_named() {
    let collector = Collector::start().await;
    let one = |line: String| vec![line];
    let too_long = event(SESSION, 1, &"x".repeat(1_000_000));
    for (first, last, lines, status, code, detail) in [
        (
            1,
            1,
            one(event(OTHER, 1, "x")),
            400,
            "mixed_sessions",
            "of session 0193b3a0-7c1e-7000-8000-ba98",
        ),
        (
            1,
            1,
            one(event(SESSION, 0, "x")),
            400,
            "invalid_record",
            "seq: expected a whole number from 1",
        ),
        (
            1,
            1,
            one(event(SESSION, 7, "x").replace("\"seq\":7", "\"seq\":9007199254740992")),
            400,
            "invalid_record",
            "got 9007199254740992",
        ),
        (
            1,
            2,
            one(event(SESSION, 1, "x")),
            400,
            "incomplete_batch",
            "ends before seq 2",
        ),
        (
            1,
            1,
            one(event(SESSION, 2, "x")),
            400,
            "seq_out_of_order",
            "the next of this batch is 1",
        ),
        (
            1,
            1,
            one(gap(SESSION, 1, 9, "quota")),
            400,
            "seq_out_of_order",
            "covers seq 1 to 9",
        ),
        (1, 1, one(too_long), 413, "record_too_large", "at most 1000000"),
        (1, 1, one("\u{1}".into()), 400, "invalid_record", "not JSON"),
        (
            0,
            1,
            one(String::new()),
            400,
            "invalid_parameter",
            "first_seq: expected",
        ),
        (
            2,
            1,
            one(String::new()),
            400,
            "invalid_parameter",
            "last_seq: 1 is before first_seq 2",
        ),
        (
            1,
            1 << 53,
            one(String::new()),
            400,
            "invalid_parameter",
            "last_seq: expected",
        ),
    ] {
        let (got, problem) = collector.deliver(SESSION, first, last, &lines).await;
        assert_eq!(
            (got, problem["code"].as_str().unwrap()),
            (status, code),
            "{problem}"
        );
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
    let (_, problem) = collector.deliver("nonsense", 1, 1, &[]).await;
    assert_eq!(problem["code"], "invalid_parameter");
    let (_, problem) = collector
        .deliver_bytes(SESSION, 1, 1, b"\xff\xfe".to_vec(), false)
        .await;
    assert_eq!(problem["code"], "invalid_record");
    // Only the first line of the batch that broke off was valid.
    assert_eq!(collector.lines(SESSION).await, [event(SESSION, 1, "x")]);
}

#[tokio::test]
async fn acked_seq_waits_for_a_missing_seq_and_survives_a_restart() {
    let collector = Collector::start().await;
    collector.deliver(SESSION, 1, 10, &events(SESSION, 1, 10)).await;
    let (_, receipt) = collector.deliver(SESSION, 21, 30, &events(SESSION, 21, 30)).await;
    assert_eq!(receipt["acked_seq"], 10);
    let store_id = collector.app.store.store_id().to_owned();
    let folder = collector.stop().await.unwrap();
    let collector = Collector::open(folder.path()).await;
    assert_eq!(collector.app.store.store_id(), store_id);
    let summary = collector.json(&format!("/v1/sessions/{SESSION}")).await;
    assert_eq!(summary["missing"], serde_json::json!([[11, 20]]));
    let (_, receipt) = collector.deliver(SESSION, 11, 20, &events(SESSION, 11, 20)).await;
    assert_eq!(receipt["acked_seq"], 30);
    assert_eq!(collector.lines(SESSION).await, events(SESSION, 1, 30));
}

#[tokio::test]
async fn a_stored_event_beats_a_gap_whichever_came_first() {
    let collector = Collector::start().await;
    let expected = [
        event(SESSION, 1, "1"),
        gap(SESSION, 2, 3, "quota"),
        event(SESSION, 4, "4"),
        gap(SESSION, 5, 6, "quota"),
    ];
    // The event first, then the gap over it.
    collector.deliver(SESSION, 1, 1, &expected[..1]).await;
    collector.deliver(SESSION, 4, 4, &expected[2..3]).await;
    let (_, receipt) = collector
        .deliver(SESSION, 2, 6, &[gap(SESSION, 2, 6, "quota")])
        .await;
    assert_eq!(receipt["acked_seq"], 6);
    assert_eq!(collector.lines(SESSION).await, expected);
    // The gap first, then the event in it.
    collector.deliver(OTHER, 1, 6, &[gap(OTHER, 1, 6, "quota")]).await;
    collector.deliver(OTHER, 4, 4, &[event(OTHER, 4, "4")]).await;
    let mirrored = [
        gap(OTHER, 1, 3, "quota"),
        event(OTHER, 4, "4"),
        gap(OTHER, 5, 6, "quota"),
    ];
    assert_eq!(collector.lines(OTHER).await, mirrored);
}

#[derive(Debug, Clone)]
struct Piece {
    first: u64,
    length: u64,
    is_gap: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever arrives, in whatever order and however often: what is stored is every event that was sent,
    /// once, and gaps over exactly the rest of what was covered.
    #[test]
    fn the_store_does_not_depend_on_the_order_of_arrival(
        pieces in prop::collection::vec((1u64..40, 1u64..8, any::<bool>()), 1..14),
        order in any::<prop::sample::Index>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let collector = Collector::start().await;
            let mut pieces: Vec<Piece> =
                pieces.into_iter().map(|(first, length, is_gap)| Piece { first, length, is_gap }).collect();
            let at = order.index(pieces.len());
            pieces.rotate_left(at);
            let (mut events_sent, mut covered) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
            for Piece { first, length, is_gap } in &pieces {
                let last = first + length - 1;
                let lines = if *is_gap { vec![gap(SESSION, *first, last, "quota")] } else { events(SESSION, *first, last) };
                let (status, receipt) = collector.deliver(SESSION, *first, last, &lines).await;
                assert_eq!(status, 200, "{receipt}");
                covered.extend(*first..=last);
                if !is_gap {
                    events_sent.extend(*first..=last);
                }
                let prefix = (1..).take_while(|seq| covered.contains(seq)).last().unwrap_or(0);
                assert_eq!(receipt["acked_seq"], prefix);
            }
            let (mut stored, mut in_gaps) = (Vec::new(), Vec::new());
            for line in collector.lines(SESSION).await {
                let value: serde_json::Value = serde_json::from_str(&line).unwrap();
                match value["gap"]["first_seq"].as_u64() {
                    Some(first) => in_gaps.extend(first..=value["gap"]["last_seq"].as_u64().unwrap()),
                    None => stored.push(value["seq"].as_u64().unwrap()),
                }
            }
            assert_eq!(stored, events_sent.iter().copied().collect::<Vec<_>>());
            let lost: Vec<u64> = covered.difference(&events_sent).copied().collect();
            assert_eq!(in_gaps, lost);
        });
    }
}

#[tokio::test]
async fn sessions_are_counted_by_category_and_severity() {
    let collector = Collector::start().await;
    let mut lines = events(SESSION, 1, 3);
    lines.push(event(SESSION, 4, "x").replace("console.log", "console.error"));
    lines.push(gap(SESSION, 5, 9, "quota"));
    collector.deliver(SESSION, 1, 9, &lines).await;
    let list = collector.json("/v1/sessions").await;
    let summary = &list["sessions"][0];
    assert_eq!(
        summary["counts"],
        serde_json::json!({"console": {"info": 3, "error": 1}})
    );
    assert_eq!(summary["gaps"], serde_json::json!({"quota": 5}));
    assert_eq!(
        (&summary["latest_seq"], &summary["events"]),
        (&9.into(), &4.into())
    );
    assert_eq!(summary["first_ts"], 1_764_000_000_000_001_u64);
    assert_eq!(
        collector.get(&format!("/v1/sessions/{OTHER}")).await.status(),
        404
    );
}
