//! Several connections, and databases of other versions.

use crate::log::fixture::{Recording, database_name, open, read_all, run, seqs, session_id};
use tabtape::log::{LogError, LogStore};
use tabtape::recorder::RecorderLog;
use tabtape::web::indexed_db::{Durability, IndexedDbLog};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
async fn two_open_a_new_database_at_once() {
    let name = database_name("two");
    let (one, two) = futures::join!(
        IndexedDbLog::open(&name, Durability::Relaxed),
        IndexedDbLog::open(&name, Durability::Strict)
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    let mut recording = Recording::begin(&one, 1).await;
    two.commit(&recording.commit(&["console"])).await.unwrap();
    assert_eq!(seqs(&read_all(&one, recording.session_id, 0).await), [(1, 1)]);
}

#[test]
async fn of_two_that_resume_at_once_one_continues() {
    let name = database_name("race");
    let one = IndexedDbLog::open(&name, Durability::Relaxed).await.unwrap();
    let two = IndexedDbLog::open(&name, Durability::Relaxed).await.unwrap();
    let mut recording = Recording::begin(&one, 1).await;
    let (first, second) = futures::join!(
        one.resume_session(recording.session_id),
        two.resume_session(recording.session_id)
    );
    let (first, second) = (first.unwrap().unwrap(), second.unwrap().unwrap());
    let mut epochs = [first.epoch, second.epoch];
    epochs.sort_unstable();
    assert_eq!(epochs, [2, 3]);
    recording.epoch = 2;
    let stale = recording.clone().commit(&["console"]);
    recording.epoch = 3;
    let fresh = recording.commit(&["network"]);
    let (stale, fresh) = futures::join!(one.commit(&stale), two.commit(&fresh));
    assert_eq!(
        (stale, fresh),
        (Err(LogError::Superseded { ours: 2, theirs: 3 }), Ok(()))
    );
}

#[test]
async fn a_closed_log_opens_again_when_asked() {
    let log = open("reopen").await;
    let mut recording = Recording::begin(&log, 1).await;
    log.close();
    log.commit(&recording.commit(&["console"])).await.unwrap();
    log.close();
    assert_eq!(seqs(&read_all(&log, recording.session_id, 0).await), [(1, 1)]);
}

#[test]
async fn a_deleted_database_is_given_up_at_once_and_made_again() {
    let log = open("deleted").await;
    let mut recording = Recording::begin(&log, 1).await;
    // It would wait for ever if the log held on to it.
    IndexedDbLog::delete(&log.name()).await.unwrap();
    assert_eq!(
        log.commit(&recording.commit(&["console"])).await,
        Err(LogError::Missing)
    );
    let mut next = Recording::begin(&log, 2).await;
    log.commit(&next.commit(&["console"])).await.unwrap();
}

#[test]
async fn a_newer_version_takes_the_database_over() {
    let log = open("newer").await;
    let mut recording = Recording::begin(&log, 1).await;
    let upgrade = format!(
        "new Promise((resolve, reject) => {{
            const request = indexedDB.open('{}', 1000);
            request.onsuccess = () => {{ request.result.close(); resolve(); }};
            request.onerror = () => reject(request.error);
            request.onblocked = () => reject(new Error('the log holds on to it'));
        }})",
        log.name()
    );
    run(&upgrade).await;
    assert_eq!(
        log.commit(&recording.commit(&["console"])).await,
        Err(LogError::VersionChange)
    );
    let again = IndexedDbLog::open(&log.name(), Durability::Relaxed)
        .await
        .map(drop);
    assert_eq!(again, Err(LogError::VersionChange));
}

#[test]
async fn a_blocked_upgrade_says_so_and_works_once_it_is_free() {
    let name = database_name("blocked");
    let hold = format!(
        "new Promise((resolve, reject) => {{
            const request = indexedDB.open('{name}', 1);
            request.onsuccess = () => {{ globalThis['{name}'] = request.result; resolve(); }};
            request.onerror = () => reject(request.error);
        }})"
    );
    run(&hold).await;
    let blocked = IndexedDbLog::open(&name, Durability::Relaxed).await.map(drop);
    assert_eq!(blocked, Err(LogError::Blocked));
    js_sys::eval(&format!("globalThis['{name}'].close()")).unwrap();
    let log = IndexedDbLog::open(&name, Durability::Relaxed).await.unwrap();
    Recording::begin(&log, 1).await;
}

#[test]
async fn an_older_database_is_upgraded_without_loss() {
    let name = database_name("older");
    let recording = Recording {
        session_id: session_id(1),
        epoch: 4,
        latest_seq: 0,
        data_bytes: 8,
    };
    let segment = recording
        .clone()
        .commit(&["console", "console"])
        .segments
        .remove(0);
    let stored = [segment.table(1), segment.lines.to_vec()].concat();
    // Before version 10 there were two stores, and heads without an account of bytes.
    let make = format!(
        "new Promise((resolve, reject) => {{
            const request = indexedDB.open('{name}', 1);
            request.onupgradeneeded = () => {{
                request.result.createObjectStore('segments');
                request.result.createObjectStore('heads');
            }};
            request.onsuccess = () => {{
                const tx = request.result.transaction(['segments', 'heads'], 'readwrite');
                const session = '{}';
                tx.objectStore('segments').put(new Uint8Array({stored:?}), [session, 'console', 1]);
                tx.objectStore('heads').put({{ epoch: 4, latest_seq: 2, categories: ['console'] }}, session);
                tx.oncomplete = () => {{ request.result.close(); resolve(); }};
                tx.onabort = () => reject(tx.error);
            }};
            request.onerror = () => reject(request.error);
        }})",
        recording.session_id
    );
    run(&make).await;

    let log = IndexedDbLog::open(&name, Durability::Relaxed).await.unwrap();
    let head = log.resume_session(recording.session_id).await.unwrap().unwrap();
    assert_eq!((head.epoch, head.latest_seq), (5, 2));
    let mut resumed = Recording {
        epoch: 5,
        latest_seq: 2,
        ..recording.clone()
    };
    log.commit(&resumed.commit(&["network"])).await.unwrap();
    let entries = read_all(&log, recording.session_id, 0).await;
    let lines: Vec<_> = entries
        .iter()
        .map(|entry| String::from_utf8_lossy(entry.line()).into_owned())
        .collect();
    assert_eq!(
        lines,
        [
            recording.line("console", 1),
            recording.line("console", 2),
            recording.line("network", 3)
        ]
    );
    assert_eq!(log.relay_message("r").await, Ok(None));
    assert_eq!(log.acked_seq(recording.session_id, "a").await, Ok(0));
}

#[test]
async fn a_worker_that_asks_whether_the_logs_are_kept_gets_the_browsers_answer() {
    let log = open("persist").await;
    let storage = log.storage().await.unwrap();
    // In a page a person is asked, and no person is there to answer.
    if !js_sys::Reflect::has(&js_sys::global(), &"document".into()).unwrap() {
        assert_eq!(log.persist().await, Ok(storage.persisted));
    }
    assert!(storage.quota_bytes.unwrap() > storage.usage_bytes.unwrap());
}

#[test]
async fn a_database_that_is_set_aside_stays_and_its_name_leads_to_the_next() {
    let name = database_name("aside");
    let damaged = IndexedDbLog::open(&name, Durability::Relaxed).await.unwrap();
    Recording::begin(&damaged, 1).await;
    damaged.close();

    let log = IndexedDbLog::new(&name, Durability::Relaxed);
    log.set_aside().await.unwrap();
    assert_eq!(log.name(), format!("{name}.2"));
    let mut recording = Recording::begin(&log, 2).await;
    log.commit(&recording.commit(&["console"])).await.unwrap();
    let reader = IndexedDbLog::open(&name, Durability::Relaxed).await.unwrap();
    let sessions: Vec<_> = reader
        .sessions()
        .await
        .unwrap()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(sessions, [recording.session_id]);
    let listed = format!("indexedDB.databases().then((all) => all.some(({{ name }}) => name === '{name}'))");
    assert_eq!(run(&listed).await, JsValue::TRUE);

    reader.close();
    log.set_aside().await.unwrap();
    assert_eq!(log.name(), format!("{name}.3"));
    // One is kept; the one before it is deleted, which nothing waits for.
    while run(&listed).await == JsValue::TRUE {}
}
