//! Forgetting.

use crate::log::fixture::{Recording, gaps, open, read_all, seqs};
use tabtape::log::LogStore;
use tabtape::selector::Selector;
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
async fn what_is_forgotten_is_a_gap_in_every_session_and_stays_accounted_for() {
    let log = open("forget").await;
    let mut sessions = [Recording::begin(&log, 1).await, Recording::begin(&log, 2).await];
    for recording in &mut sessions {
        for categories in [
            &["console", "network", "network", "page"][..],
            &["network"],
            &["page", "console"],
        ] {
            log.commit(&recording.commit(categories)).await.unwrap();
        }
    }
    let before = log.storage().await.unwrap().bytes_by_category;
    assert_eq!(
        log.forget(&Selector::parse("category:network", 0).unwrap()).await,
        Ok(6)
    );
    for recording in &sessions {
        let entries = read_all(&log, recording.session_id, 0).await;
        assert_eq!(seqs(&entries), [(1, 1), (2, 3), (4, 4), (5, 5), (6, 6), (7, 7)]);
        let deleted = |first, last| ("network".to_owned(), "deleted".to_owned(), first, last);
        assert_eq!(gaps(&entries), [deleted(2, 3), deleted(5, 5)]);
    }
    let after = log.storage().await.unwrap().bytes_by_category;
    assert_eq!(
        (after["console"], after["page"]),
        (before["console"], before["page"])
    );
    assert!(
        after["network"] < before["network"],
        "{} of {}",
        after["network"],
        before["network"]
    );
    assert_eq!(
        log.forget(&Selector::parse("category:network", 0).unwrap()).await,
        Ok(0)
    );
}

#[test]
async fn an_owner_continues_after_something_was_forgotten() {
    let log = open("forget-owner").await;
    let mut recording = Recording::begin(&log, 1).await;
    log.commit(&recording.commit(&["console", "page"])).await.unwrap();
    log.forget(&Selector::parse("category:console", 0).unwrap())
        .await
        .unwrap();
    log.commit(&recording.commit(&["console"])).await.unwrap();
    assert_eq!(
        seqs(&read_all(&log, recording.session_id, 0).await),
        [(1, 1), (2, 2), (3, 3)]
    );
    assert_eq!(gaps(&read_all(&log, recording.session_id, 0).await).len(), 1);
    let head = log.heads().await.unwrap().pop().unwrap().1;
    assert_eq!(head.latest_seq, 3);
}
