//! Logs that something else has broken: what is lost is a gap, the rest is read.

use crate::log::fixture::{Recording, covered, gaps, meddle, open, read_all, seqs};
use tabtape::log::{LogError, LogStore};
use tabtape::recorder::RecorderLog;
use tabtape::web::indexed_db::IndexedDbLog;
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Three commits of console, network: seqs 1 to 6.
async fn three_commits(log: &IndexedDbLog) -> Recording {
    let mut recording = Recording::begin(log, 1).await;
    for _ in 0..3 {
        log.commit(&recording.commit(&["console", "network"]))
            .await
            .unwrap();
    }
    recording
}

fn gap(category: &str, reason: &str, first_seq: u64, last_seq: u64) -> (String, String, u64, u64) {
    (category.to_owned(), reason.to_owned(), first_seq, last_seq)
}

#[test]
async fn a_corrupt_segment_is_a_gap_reported_once() {
    for (value, what) in [
        ("new Uint8Array([84, 84, 83, 49, 1])", "cut off"),
        ("new Uint8Array(0)", "TTS1"),
        ("{ not: 'bytes' }", "Uint8Array"),
    ] {
        let log = open("corrupt").await;
        let recording = three_commits(&log).await;
        let put = format!("await ask(tx.objectStore('segments').put({value}, [session, 'console', 3]))");
        meddle(&log, recording.session_id, &put).await;

        for _ in 0..2 {
            let entries = read_all(&log, recording.session_id, 0).await;
            assert_eq!(seqs(&entries), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6)]);
            assert_eq!(gaps(&entries), [gap("console", "corrupt", 3, 3)]);
        }
        match &log.take_problems()[..] {
            [
                LogError::Corrupt {
                    category,
                    first_seq: 3,
                    reason,
                },
            ] => {
                assert!(category == "console" && reason.contains(what), "{reason}");
            }
            problems => panic!("{problems:?}"),
        }
        // It was repaired: the gap is where the bytes were.
        assert_eq!(
            gaps(&read_all(&log, recording.session_id, 2).await),
            [gap("console", "corrupt", 3, 3)]
        );
        assert_eq!(log.take_problems(), []);
    }
}

#[test]
async fn a_corrupt_line_costs_one_record() {
    let log = open("corrupt-line").await;
    let mut recording = Recording::begin(&log, 1).await;
    log.commit(&recording.commit(&["console"; 3])).await.unwrap();
    let spoil = "
        const store = tx.objectStore('segments');
        const value = await ask(store.get([session, 'console', 1]));
        const line = value.subarray(16 + 3 * 16 + (value.length - 16 - 3 * 16) / 3);
        line[0] = 33;
        await ask(store.put(value, [session, 'console', 1]))";
    meddle(&log, recording.session_id, spoil).await;
    let entries = read_all(&log, recording.session_id, 0).await;
    assert_eq!(gaps(&entries), [gap("console", "corrupt", 2, 2)]);
    assert_eq!(covered(&entries), (1, 3));
    assert_eq!(log.take_problems().len(), 1);
}

#[test]
async fn a_half_deleted_log_still_adds_up() {
    let log = open("half-deleted").await;
    let mut recording = three_commits(&log).await;
    let delete = "
        await ask(tx.objectStore('segments').delete([session, 'network', 4]));
        await ask(tx.objectStore('segments').delete([session, 'network', 6]));";
    meddle(&log, recording.session_id, delete).await;
    let entries = read_all(&log, recording.session_id, 0).await;
    assert_eq!(covered(&entries), (1, 6));
    assert_eq!(
        gaps(&entries),
        [
            gap("system", "not_retained", 4, 4),
            gap("system", "not_retained", 6, 6)
        ]
    );

    meddle(
        &log,
        recording.session_id,
        "await ask(tx.objectStore('segments').clear())",
    )
    .await;
    let entries = read_all(&log, recording.session_id, 0).await;
    assert_eq!(gaps(&entries), [gap("system", "not_retained", 1, 6)]);
    let head = log.resume_session(recording.session_id).await.unwrap().unwrap();
    assert_eq!(head.latest_seq, 6);
    recording.epoch = head.epoch;
    log.commit(&recording.commit(&["console"])).await.unwrap();
    assert_eq!(covered(&read_all(&log, recording.session_id, 0).await), (1, 7));
}

#[test]
async fn a_session_that_lost_its_head_is_drained_and_not_resumed() {
    let log = open("headless").await;
    let mut recording = three_commits(&log).await;
    meddle(
        &log,
        recording.session_id,
        "await ask(tx.objectStore('heads').clear())",
    )
    .await;
    assert_eq!(log.resume_session(recording.session_id).await, Ok(None));
    assert_eq!(
        log.commit(&recording.commit(&["console"])).await,
        Err(LogError::Missing)
    );

    let sessions = log.sessions().await.unwrap();
    assert_eq!(
        (sessions.len(), sessions[0].0, sessions[0].1.latest_seq),
        (1, recording.session_id, 6)
    );
    assert_eq!(sessions[0].1.categories, ["console", "network"]);
    let entries = read_all(&log, recording.session_id, 0).await;
    assert_eq!((covered(&entries), gaps(&entries)), ((1, 6), vec![]));
    // Its last seq may have been spent and lost: the session cannot be resumed from the rest.
    assert_eq!(
        log.begin_session(recording.session_id).await,
        Err(LogError::NotResumable(recording.session_id))
    );
    assert_eq!(log.resume_session(recording.session_id).await, Ok(None));
}

#[test]
async fn an_emptied_store_takes_a_new_session() {
    let log = open("emptied").await;
    let mut recording = three_commits(&log).await;
    meddle(
        &log,
        recording.session_id,
        "for (const store of tx.objectStoreNames) tx.objectStore(store).clear()",
    )
    .await;
    assert_eq!(
        log.commit(&recording.commit(&["console"])).await,
        Err(LogError::Missing)
    );
    assert_eq!(log.sessions().await, Ok(vec![]));
    let mut next = Recording::begin(&log, 2).await;
    log.commit(&next.commit(&["console"])).await.unwrap();
    assert_eq!(seqs(&read_all(&log, next.session_id, 0).await), [(1, 1)]);
}
