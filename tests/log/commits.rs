//! Writing.

use crate::log::fixture::{Recording, open, read_all, relay, seqs, session_id};
use tabtape::log::{Limits, LogError, LogStore};
use tabtape::recorder::RecorderLog;
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
async fn what_was_committed_reads_back_byte_for_byte() {
    let log = open("bytes").await;
    let mut recording = Recording::begin(&log, 1).await;
    log.commit(&recording.commit(&["console", "network", "console"]))
        .await
        .unwrap();
    let entries = read_all(&log, recording.session_id, 0).await;
    let lines: Vec<_> = entries
        .iter()
        .map(|entry| String::from_utf8(entry.line().to_vec()).unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            recording.line("console", 1),
            recording.line("network", 2),
            recording.line("console", 3)
        ]
    );
}

#[test]
async fn a_resumed_session_supersedes_its_earlier_owner() {
    let log = open("supersede").await;
    let mut earlier = Recording::begin(&log, 1).await;
    log.commit(&earlier.commit(&["console", "console"]))
        .await
        .unwrap();

    let head = log.resume_session(earlier.session_id).await.unwrap().unwrap();
    assert_eq!(
        (head.epoch, head.latest_seq, &head.categories[..]),
        (2, 2, &["console".to_owned()][..])
    );
    let mut later = Recording {
        epoch: head.epoch,
        ..earlier.clone()
    };

    let mut stale = earlier.commit(&["network", "network"]);
    stale.relays.push(relay("r", 9));
    assert_eq!(
        log.commit(&stale).await,
        Err(LogError::Superseded { ours: 1, theirs: 2 })
    );
    assert_eq!(log.relay_message("r").await, Ok(None));
    log.commit(&later.commit(&["console"])).await.unwrap();
    assert_eq!(
        seqs(&read_all(&log, later.session_id, 0).await),
        [(1, 1), (2, 2), (3, 3)]
    );
    assert_eq!(log.sessions().await.unwrap()[0].1.categories, ["console"]);
}

#[test]
async fn a_commit_dropped_at_any_moment_is_there_whole_or_not_at_all() {
    let log = open("dropped").await;
    let (mut whole, mut nothing) = (0, 0);
    // The last one is waited for.
    for (id, polls) in (1..8).chain([u32::MAX]).enumerate() {
        let mut recording = Recording::begin(&log, 1 + id as u64).await;
        let mut commit = recording.commit(&["console", "network"]);
        let relay_id = format!("relay {id}");
        commit.relays.push(relay(&relay_id, 1));
        let mut future = Box::pin(log.commit(&commit));
        for _ in 0..polls {
            if futures::poll!(future.as_mut()).is_ready() {
                break;
            }
            gloo_timers::future::TimeoutFuture::new(0).await;
        }
        drop(future);

        let entries = seqs(&read_all(&log, recording.session_id, 0).await);
        let head = log.resume_session(recording.session_id).await.unwrap().unwrap();
        let relay = log.relay_message(&relay_id).await.unwrap();
        match entries.len() {
            0 => assert_eq!((head.latest_seq, relay, nothing += 1), (0, None, ())),
            2 => assert_eq!((head.latest_seq, relay, whole += 1), (2, Some(1), ())),
            _ => panic!("a part of it: {entries:?}"),
        }
    }
    assert!(whole > 0 && nothing > 0, "{whole} whole, {nothing} not at all");
}

#[test]
async fn a_commit_whose_answer_was_lost_is_made_again_without_harm() {
    let log = open("again").await;
    let mut recording = Recording::begin(&log, 1).await;
    let mut commit = recording.commit(&["console", "network"]);
    commit.relays.push(relay("r", 3));
    log.commit(&commit).await.unwrap();
    let before = log.storage().await.unwrap();
    log.commit(&commit).await.unwrap();
    assert_eq!(
        log.storage().await.unwrap().bytes_by_category,
        before.bytes_by_category
    );
    assert_eq!(log.relay_message("r").await, Ok(Some(3)));
    log.commit(&recording.commit(&["console"])).await.unwrap();
    assert_eq!(
        seqs(&read_all(&log, recording.session_id, 0).await),
        [(1, 1), (2, 2), (3, 3)]
    );
}

#[test]
async fn a_session_without_a_head_is_missing_and_stays_so() {
    let log = open("missing").await;
    let mut recording = Recording {
        session_id: session_id(1),
        epoch: 1,
        latest_seq: 0,
        data_bytes: 8,
    };
    assert_eq!(log.resume_session(recording.session_id).await, Ok(None));
    assert_eq!(
        log.commit(&recording.commit(&["console"])).await,
        Err(LogError::Missing)
    );
    assert_eq!(
        log.read(recording.session_id, 0, Limits::new(10, 1000)).await,
        Err(LogError::Missing)
    );
    assert_eq!(log.sessions().await, Ok(vec![]));
}

#[test]
async fn a_session_begins_once() {
    let log = open("once").await;
    let mut recording = Recording::begin(&log, 1).await;
    log.commit(&recording.commit(&["console"])).await.unwrap();
    let again = log.begin_session(recording.session_id).await;
    assert_eq!(again, Err(LogError::NotResumable(recording.session_id)));
    assert_eq!(log.sessions().await.unwrap()[0].1.latest_seq, 1);
}

#[test]
async fn a_relay_is_known_in_every_session() {
    let log = open("relays").await;
    for (unix_millis, message) in [(1, 5), (2, 8)] {
        let mut recording = Recording::begin(&log, unix_millis).await;
        let mut commit = recording.commit(&["console"]);
        commit.relays.push(relay("r", message));
        log.commit(&commit).await.unwrap();
        assert_eq!(log.relay_message("r").await, Ok(Some(message)));
    }
    assert_eq!(log.relay_message("other").await, Ok(None));
}

#[test]
async fn acked_is_kept_by_store_and_may_go_back() {
    let log = open("acked").await;
    let session_id = session_id(1);
    assert_eq!(log.acked_seq(session_id, "a").await, Ok(0));
    for acked_seq in [7, 3] {
        log.set_acked_seq(session_id, "a", acked_seq).await.unwrap();
        assert_eq!(log.acked_seq(session_id, "a").await, Ok(acked_seq));
        assert_eq!(log.acked_seq(session_id, "b").await, Ok(0));
    }
}

#[test]
async fn sessions_come_oldest_first() {
    let log = open("sessions").await;
    for unix_millis in [3_000_000_000_000, 1, 2] {
        Recording::begin(&log, unix_millis).await;
    }
    let ids: Vec<_> = log
        .sessions()
        .await
        .unwrap()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(ids, [session_id(1), session_id(2), session_id(3_000_000_000_000)]);
}

#[test]
async fn the_install_key_is_made_once() {
    let log = open("key").await;
    let (first, second) = futures::join!(log.install_key(), log.install_key());
    let key = first.unwrap();
    assert_eq!(Ok(key), second);
    assert_ne!(key, [0; 32]);
    log.close();
    assert_eq!(log.install_key().await, Ok(key));
}
