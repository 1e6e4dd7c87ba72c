//! The findings of `tabtape doctor`: each fault of a set-up, made for real, and its remedy.

use crate::common::*;
use crate::program::*;
use serde_json::Value;
use std::path::Path;

/// The findings, and whether all were said to be well.
fn findings(folder: &Path, more: &[&str]) -> (Vec<Value>, bool) {
    let mut args = vec!["doctor", "--json"];
    if !more.contains(&"--listen") {
        args.extend(["--listen", "127.0.0.1:1"]); // no program listens there, whatever else runs on this machine
    }
    args.extend(more);
    let (status, out, error) = run(folder, &args);
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{error}"));
    let ok = report["ok"].as_bool().unwrap();
    assert_eq!(status, i32::from(!ok), "{out}{error}");
    (report["findings"].as_array().unwrap().clone(), ok)
}

/// The faults, each as `what: says`.
fn wrong(folder: &Path, more: &[&str]) -> Vec<String> {
    let (found, _) = findings(folder, more);
    let wrong = found.iter().filter(|finding| finding["ok"] == false);
    wrong
        .map(|finding| {
            format!(
                "{}: {}",
                finding["what"].as_str().unwrap(),
                finding["says"].as_str().unwrap()
            )
        })
        .collect()
}

/// Whether `wrong` is just this one: what it is about, and a part of its mend.
#[track_caller]
fn is_only(wrong: &[String], what: &str, mend: &str) {
    assert!(
        wrong.len() == 1 && wrong[0].starts_with(&format!("{what}: ")) && wrong[0].contains(mend),
        "{wrong:#?}"
    );
}

/// A collector to which a recorder has delivered.
async fn used(folder: &Path) -> Process {
    let process = Process::start(folder);
    assert_eq!(
        process.deliver(SESSION, 1, 3, &events(SESSION, 1, 3)).await.0,
        200
    );
    process
}

/// Changes the contents of collector.json.
fn change(folder: &Path, change: impl FnOnce(&mut Value)) {
    let path = folder.join("collector.json");
    let mut running: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut running);
    std::fs::write(path, running.to_string()).unwrap();
}

#[tokio::test]
async fn a_set_up_that_works_has_no_faults_also_by_address_and_token() {
    let folder = tempfile::tempdir().unwrap();
    let process = used(folder.path()).await;
    let (found, ok) = findings(folder.path(), &[]);
    assert!(ok && found.len() >= 8, "{found:#?}");
    let (_, ok) = findings(folder.path(), &["--url", &process.url, "--token", &process.token]);
    assert!(ok);
    is_only(
        &wrong(folder.path(), &["--token", "tt_nobodys"]),
        "token",
        "start the collector again",
    );
}

#[test]
fn without_a_collector_it_says_how_to_start_one() {
    let folder = tempfile::tempdir().unwrap();
    is_only(
        &wrong(folder.path(), &[]),
        "collector",
        "start one with `tabtape serve`",
    );
    let missing = wrong(&folder.path().join("not/there"), &[]);
    assert!(
        missing
            .iter()
            .any(|says| says.starts_with("folder: ") && says.contains("`tabtape serve` makes it")),
        "{missing:#?}"
    );
    std::fs::write(folder.path().join("collector.json"), "{").unwrap();
    is_only(&wrong(folder.path(), &[]), "collector", "not what tabtape wrote");
}

#[tokio::test]
async fn a_collector_that_died_leaves_its_pid_to_look_for() {
    let folder = tempfile::tempdir().unwrap();
    let process = used(folder.path()).await;
    let pid = process.child.id();
    process.kill();
    is_only(
        &wrong(folder.path(), &[]),
        "collector",
        &format!("says pid {pid}; if it is gone"),
    );
}

#[tokio::test]
async fn a_taken_port_is_reported_with_its_owner() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let process = used(other.path()).await;
    let at = process.url.trim_start_matches("http://");
    let found = wrong(folder.path(), &["--listen", at]);
    assert!(
        found.len() == 2 && found[1].contains("a collector with another folder"),
        "{found:#?}"
    );

    // A program that accepts connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap().to_string();
    let found = wrong(folder.path(), &["--listen", &at]);
    assert!(
        found.len() == 2 && found[1].contains("taken by another program"),
        "{found:#?}"
    );

    // Another collector answers at the address of this folder's.
    let gone = used(folder.path()).await;
    change(folder.path(), |running| {
        running["url"] = process.url.as_str().into()
    });
    let found = wrong(folder.path(), &[]);
    assert!(
        found
            .iter()
            .any(|says| says.starts_with("port: ") && says.contains("taken by another collector")),
        "{found:#?}"
    );
    assert!(
        found.iter().any(|says| says.starts_with("hello: ")),
        "nor does it know the pairing: {found:#?}"
    );
    drop(gone);
}

#[tokio::test]
async fn a_wrong_token_and_a_wrong_secret_are_distinguished() {
    let folder = tempfile::tempdir().unwrap();
    let _process = used(folder.path()).await;
    let file = folder.path().join("collector.json");
    let right = std::fs::read(&file).unwrap();
    change(folder.path(), |running| {
        running["pairing"]["secret"] = "00".repeat(32).into()
    });
    is_only(
        &wrong(folder.path(), &[]),
        "hello",
        "does not have the pairing secret",
    );
    std::fs::write(&file, &right).unwrap();
    change(folder.path(), |running| {
        running["pairing"]["pairing"] = "p_unknown".into()
    });
    is_only(
        &wrong(folder.path(), &[]),
        "hello",
        "pair again with `tabtape pair`",
    );
    std::fs::write(&file, &right).unwrap();
    change(folder.path(), |running| running["token"] = "no\ntoken".into());
    is_only(
        &wrong(folder.path(), &[]),
        "token",
        "characters that no token has",
    );
}

#[tokio::test]
async fn a_recorder_that_never_came_or_has_not_sent_all_or_lives_in_the_future() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    is_only(
        &wrong(folder.path(), &[]),
        "extension",
        "press record, and pair with `tabtape pair`",
    );

    assert_eq!(
        process.deliver(SESSION, 5, 6, &events(SESSION, 5, 6)).await.0,
        200
    );
    is_only(&wrong(folder.path(), &[]), "delivery", "misses seqs [[1,4]]");
    assert_eq!(
        process.deliver(SESSION, 1, 4, &events(SESSION, 1, 4)).await.0,
        200
    );
    assert_eq!(wrong(folder.path(), &[]), Vec::<String>::new());

    let mut ahead: Value = serde_json::from_str(&event(OTHER, 1, "tomorrow")).unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_micros() as u64;
    ahead["event"]["ts"] = (now + 86_400_000_000).into();
    assert_eq!(process.deliver(OTHER, 1, 1, &[ahead.to_string()]).await.0, 200);
    is_only(
        &wrong(folder.path(), &[]),
        "clock",
        "s ahead of this one; set the clocks",
    );
}

#[tokio::test]
async fn a_recorder_that_has_not_ended_and_went_silent_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let line = |seq: u64, kind: &str, data: &str| {
        let mut value: Value = serde_json::from_str(&event(SESSION, seq, "x")).unwrap();
        value["event"]["type"] = kind.into();
        value["event"]["category"] = "system".into();
        value["event"]["data"] = serde_json::from_str(data).unwrap();
        value.to_string()
    };
    let started = line(
        1,
        "system.session_started",
        r#"{"config":{"categories":{"console":{}}}}"#,
    );
    assert_eq!(process.deliver(SESSION, 1, 1, &[started]).await.0, 200);
    is_only(&wrong(folder.path(), &[]), "extension", "silent since 2025-");
    let (_, list, _) = run(folder.path(), &["pair", "list"]);
    assert!(list.contains("last event 2025-"), "{list}");

    let ended = line(2, "system.session_ended", "{}");
    assert_eq!(process.deliver(SESSION, 2, 2, &[ended]).await.0, 200);
    assert_eq!(wrong(folder.path(), &[]), Vec::<String>::new());
    let extension = |found: Vec<Value>| found.into_iter().find(|one| one["what"] == "extension").unwrap();
    let says = extension(findings(folder.path(), &[]).0)["says"].to_string();
    assert!(
        says.contains("its last recording has ended; last event 2025-"),
        "{says}"
    );

    let mut begun: Value = serde_json::from_str(&line(
        1,
        "system.session_started",
        r#"{"config":{"categories":{"console":{}}}}"#,
    ))
    .unwrap();
    begun["capture_session_id"] = OTHER.into();
    begun["event"]["ts"] = tabtape_collector::clock::now_micros().into();
    assert_eq!(process.deliver(OTHER, 1, 1, &[begun.to_string()]).await.0, 200);
    let says = extension(findings(folder.path(), &[]).0)["says"].to_string();
    assert!(says.contains(" s ago"), "{says}");
    let (_, coverage, _) = run(folder.path(), &["coverage"]);
    assert!(coverage.contains("to now, last record "), "{coverage}");
}

/// A folder in which nothing can be written; root may write everywhere, so this one is on a file.
#[test]
fn a_folder_that_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let found = wrong(&file.join("inside"), &[]);
    assert!(
        found.iter().any(|says| says.starts_with("folder: ")),
        "{found:#?}"
    );
}

#[tokio::test]
async fn a_file_in_place_of_the_folder_and_a_damaged_database_are_found_without_a_collector() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let found = wrong(&file, &[]);
    assert!(
        found
            .iter()
            .any(|says| says.starts_with("folder: ") && says.contains("is a file")),
        "{found:#?}"
    );

    let process = used(folder.path()).await;
    process.kill();
    let is_store = |says: &&String| says.starts_with("store: ");
    assert_eq!(
        wrong(folder.path(), &[]).iter().find(is_store),
        None,
        "an intact store that was killed"
    );
    let database = folder.path().join("events.db");
    for (garbage, part) in [
        (vec![b'x'; 8192], "not a database"),
        (vec![b"z"[0]; 600], "not a database"),
    ] {
        std::fs::write(&database, garbage).unwrap();
        let found = wrong(folder.path(), &[]);
        let store = found
            .iter()
            .find(is_store)
            .unwrap_or_else(|| panic!("{found:#?}"));
        assert!(
            store.contains(part) && store.contains("events.db") && store.contains("recover"),
            "{store}"
        );
    }
}
