//! Giving up: who goes first, and that every seq stays accounted for.

use crate::log::fixture::{Recording, covered, gaps, meddle, open, read_all};
use tabtape::log::{Limits, LogStore, RetentionPolicy};
use tabtape::recorder::RecorderLog;
use tabtape::web::indexed_db::{Durability, IndexedDbLog};
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Ten commits of two console events and one network event: seqs 1 to 30.
async fn ten_commits(log: &IndexedDbLog, unix_millis: u64) -> Recording {
    let mut recording = Recording {
        data_bytes: 2_000,
        ..Recording::begin(log, unix_millis).await
    };
    for _ in 0..10 {
        log.commit(&recording.commit(&["console", "network", "console"]))
            .await
            .unwrap();
    }
    recording
}

/// Keeps nothing it may give up by bytes, everything by age.
fn no_bytes() -> RetentionPolicy {
    RetentionPolicy {
        max_bytes: 0,
        ..RetentionPolicy::default()
    }
}

/// The bytes of all segments, counted one by one.
async fn stored_bytes(log: &IndexedDbLog, recording: &Recording) -> u64 {
    let count = "
        const values = await ask(tx.objectStore('segments').getAll());
        return values.reduce((bytes, value) => bytes + value.length, 0)";
    meddle(log, recording.session_id, count).await.as_f64().unwrap() as u64
}

async fn recorded_bytes(log: &IndexedDbLog) -> u64 {
    log.storage().await.unwrap().bytes_by_category.values().sum()
}

#[test]
async fn what_no_store_has_acked_stays() {
    let log = open("unacked").await;
    let recording = ten_commits(&log, 1).await;
    log.set_acked_seq(recording.session_id, "a", 9).await.unwrap();
    log.set_acked_seq(recording.session_id, "b", 6).await.unwrap();
    let retained = log.retain(&no_bytes()).await.unwrap();
    assert_eq!((retained.segments, retained.unacked_seqs), (4, 0));

    let entries = read_all(&log, recording.session_id, 0).await;
    assert_eq!(covered(&entries), (1, 30));
    let gaps = gaps(&entries);
    assert!(
        gaps.iter()
            .all(|(_, reason, _, last_seq)| reason == "not_retained" && *last_seq <= 6),
        "{gaps:?}"
    );
    let seqs_of = |category: &str| {
        gaps.iter()
            .filter(|gap| gap.0 == category)
            .map(|gap| gap.3 - gap.2 + 1)
            .sum::<u64>()
    };
    assert_eq!((seqs_of("console"), seqs_of("network")), (4, 2));
}

#[test]
async fn each_category_keeps_its_own_bytes_and_the_newest() {
    let log = open("bytes-kept").await;
    let recording = ten_commits(&log, 1).await;
    log.set_acked_seq(recording.session_id, "a", 30).await.unwrap();
    let mut policy = RetentionPolicy::default();
    let console_bytes = async || log.storage().await.unwrap().bytes_by_category["console"];
    let limit = console_bytes().await / 2;
    policy.max_bytes_by_category.insert("console".to_owned(), limit);
    log.retain(&policy).await.unwrap();
    let left = console_bytes().await;
    assert!(left <= limit && left > limit - limit / 5, "{left} of {limit}");

    let gaps = gaps(&read_all(&log, recording.session_id, 0).await);
    assert!(
        gaps.iter().all(|gap| gap.0 == "console" && gap.3 <= 18),
        "{gaps:?}"
    );
    assert_eq!(log.retain(&policy).await.unwrap().segments, 0);
}

#[test]
async fn the_account_of_bytes_is_true() {
    let log = open("account").await;
    let mut recording = ten_commits(&log, 1).await;
    assert_eq!(recorded_bytes(&log).await, stored_bytes(&log, &recording).await);
    log.set_acked_seq(recording.session_id, "a", 12).await.unwrap();
    let before = recorded_bytes(&log).await;
    let retained = log.retain(&no_bytes()).await.unwrap();
    assert_eq!(recorded_bytes(&log).await, stored_bytes(&log, &recording).await);
    assert_eq!(before - recorded_bytes(&log).await, retained.freed_bytes);
    log.commit(&recording.commit(&["console"])).await.unwrap();
    assert_eq!(recorded_bytes(&log).await, stored_bytes(&log, &recording).await);
}

#[test]
async fn without_any_store_the_limits_alone_decide() {
    let log = open("no-store").await;
    let recording = ten_commits(&log, 1).await;
    assert_eq!(log.retain(&RetentionPolicy::default()).await.unwrap().segments, 0);
    assert_eq!(log.retain(&no_bytes()).await.unwrap().segments, 20);
    let entries = read_all(&log, recording.session_id, 0).await;
    assert_eq!(covered(&entries), (1, 30));
    assert_eq!(gaps(&entries).len(), entries.len());
}

#[test]
async fn in_need_the_unacked_of_the_largest_category_goes_as_a_gap() {
    let log = open("need").await;
    let mut recording = ten_commits(&log, 1).await;
    log.set_acked_seq(recording.session_id, "a", 3).await.unwrap();
    let retained = log.make_room(8_000).await.unwrap();
    assert!(retained.freed_bytes >= 8_000, "{retained:?}");

    let entries = read_all(&log, recording.session_id, 0).await;
    assert_eq!(covered(&entries), (1, 30));
    let gaps = gaps(&entries);
    let (quota, acked): (Vec<_>, Vec<_>) = gaps.iter().partition(|gap| gap.1 == "quota");
    assert!(
        acked.iter().all(|gap| gap.1 == "not_retained" && gap.3 <= 3),
        "{gaps:?}"
    );
    assert!(
        !quota.is_empty() && quota.iter().all(|gap| gap.0 == "console" && gap.2 > 3),
        "{gaps:?}"
    );
    assert_eq!(
        quota.iter().map(|gap| gap.3 - gap.2 + 1).sum::<u64>(),
        retained.unacked_seqs
    );

    // The owner continues as if nothing had been.
    log.commit(&recording.commit(&["console"])).await.unwrap();
    assert_eq!(covered(&read_all(&log, recording.session_id, 0).await), (1, 31));
}

#[test]
async fn a_flood_does_not_cost_the_others_their_history() {
    for store in [None, Some("a")] {
        let log = open("flood").await;
        let recording = ten_commits(&log, 1).await;
        if let Some(store_id) = store {
            log.set_acked_seq(recording.session_id, store_id, 30)
                .await
                .unwrap();
        }
        log.make_room(12_000).await.unwrap();
        let gaps = gaps(&read_all(&log, recording.session_id, 0).await);
        assert!(
            !gaps.is_empty() && gaps.iter().all(|gap| gap.0 == "console"),
            "{gaps:?}"
        );
    }
}

#[test]
async fn a_drained_session_past_its_age_goes_whole() {
    let log = open("drained").await;
    let old = ten_commits(&log, 1).await;
    let undrained = ten_commits(&log, 2).await;
    log.set_acked_seq(old.session_id, "a", 30).await.unwrap();
    log.set_acked_seq(undrained.session_id, "a", 29).await.unwrap();
    gloo_timers::future::TimeoutFuture::new(300).await;
    let policy = RetentionPolicy {
        max_age_ms: 290,
        ..RetentionPolicy::default()
    };
    // Our own sessions have an owner.
    assert_eq!(log.retain(&policy).await.unwrap().sessions, 0);

    let later = IndexedDbLog::open(&log.name(), Durability::Relaxed)
        .await
        .unwrap();
    for session in [&old, &undrained] {
        // Still present: otherwise retention would not wait for this store.
        let acked_seq = later.acked_seq(session.session_id, "a").await.unwrap();
        later
            .set_acked_seq(session.session_id, "a", acked_seq)
            .await
            .unwrap();
    }
    assert_eq!(later.retain(&policy).await.unwrap().sessions, 1);
    let ids: Vec<_> = later
        .sessions()
        .await
        .unwrap()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(ids, [undrained.session_id]);
    assert_eq!(later.acked_seq(old.session_id, "a").await, Ok(0));
    assert_eq!(covered(&read_all(&later, undrained.session_id, 0).await), (1, 30));
}

#[test]
async fn gaps_without_room_are_read_from_memory_and_written_with_the_next_commit() {
    let log = open("pending").await;
    let mut recording = Recording::begin(&log, 1).await;
    for _ in 0..4 {
        log.commit(&recording.commit(&["console", "network"]))
            .await
            .unwrap();
    }
    let delete =
        "for (const seq of [3, 5]) await ask(tx.objectStore('segments').delete([session, 'console', seq]))";
    meddle(&log, recording.session_id, delete).await;
    // One row of a tombstone: first seq, seqs covered, number of the reason.
    let tombstone = |seq: u8| {
        [
            b"TTR1\x01\0\0\0",
            &[seq][..],
            b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0quota\n",
        ]
        .concat()
    };
    let pending = [5, 3].map(|seq| {
        serde_json::json!({
            "session_id": recording.session_id, "category": "console", "first_seq": seq,
            "tombstone": tombstone(seq), "freed_bytes": 0,
        })
    });
    let is_lost = gaps(&read_all(&log, recording.session_id, 0).await);
    assert_eq!(
        is_lost.iter().map(|gap| gap.0.as_str()).collect::<Vec<_>>(),
        ["system", "system"]
    );

    log.restore_pending_gaps(serde_json::from_value(pending.as_slice().into()).unwrap());
    let quota = |seqs: &[u64]| -> Vec<_> {
        seqs.iter()
            .map(|seq| ("console".to_owned(), "quota".to_owned(), *seq, *seq))
            .collect()
    };
    for (after_seq, missing) in [(0, &[3, 5][..]), (2, &[3, 5]), (3, &[5]), (4, &[5]), (5, &[])] {
        let entries = read_all(&log, recording.session_id, after_seq).await;
        assert_eq!(gaps(&entries), quota(missing), "after {after_seq}");
        assert_eq!(covered(&entries), (after_seq + 1, 8), "after {after_seq}");
    }
    let newest = log
        .tail(recording.session_id, Limits::new(5, usize::MAX))
        .await
        .unwrap();
    assert_eq!(gaps(&newest), quota(&[5]));

    log.commit(&recording.commit(&["network"])).await.unwrap();
    assert_eq!(log.pending_gaps(), []);
    let entries = read_all(&log, recording.session_id, 0).await;
    assert_eq!(gaps(&entries), quota(&[3, 5]));
    assert_eq!(covered(&entries), (1, 9));
}
