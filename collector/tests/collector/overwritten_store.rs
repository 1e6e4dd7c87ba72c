//! The store's file is overwritten in place under a running collector: no receipt for what is not there.

use crate::common::*;
use crate::program::*;
use crate::replaced_store::{PATIENCE, doctor, health, publish_until_reopened, stored};
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::time::Instant;

/// A session whose events are delivered all the time.
const BUSY: &str = "0193b3a0-7c1e-7000-8000-0123456789ac";

/// Delivers one event after the other until `phase` is 2, and returns the lines that were sent from phase 1 on and
/// acknowledged.
fn keep_busy(process: &Process, phase: Arc<AtomicU8>) -> tokio::task::JoinHandle<Vec<String>> {
    let (url, token) = (process.url.clone(), process.ingest.clone());
    tokio::spawn(async move {
        let mut acked = Vec::new();
        for seq in 1.. {
            let sent_in = phase.load(SeqCst);
            if sent_in == 2 {
                break;
            }
            let line = event(BUSY, seq, "busy");
            let url = format!("{url}/v1/batches?session={BUSY}&first_seq={seq}&last_seq={seq}");
            let request = client().post(url).bearer_auth(&token).body(line.clone() + "\n");
            let request = request.header("content-type", "application/x-ndjson");
            let answer = request.send().await;
            if sent_in == 1 && answer.is_ok_and(|answer| answer.status() == 200) {
                acked.push(line);
            }
        }
        acked
    })
}

/// A collector that stores the events 1 to 900, and a copy of its files from when there were 100.
struct Overwritten {
    folder: tempfile::TempDir,
    backup: tempfile::TempDir,
    process: Process,
}

impl Overwritten {
    /// Makes the copy before the collector starts, or while it runs.
    async fn start(while_it_runs: bool) -> Self {
        let (folder, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut process = Process::start(folder.path());
        let first = events(SESSION, 1, 100);
        assert_eq!(process.deliver(SESSION, 1, 100, &first).await.0, 200);
        for name in ["events.db", "events.db-wal"] {
            std::fs::copy(folder.path().join(name), backup.path().join(name)).unwrap();
        }
        if !while_it_runs {
            process.kill();
            process = Process::start(folder.path());
        }
        let later = events(SESSION, 101, 900);
        assert_eq!(process.deliver(SESSION, 101, 900, &later).await.0, 200);
        // Readers have mapped the file.
        assert_eq!(process.lines(SESSION).await.len(), 900);
        Self {
            folder,
            backup,
            process,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Copies files of the backup over those of the store, as `cp` does.
    fn restore(&self, names: &[&str]) {
        for name in names {
            std::fs::copy(self.backup.path().join(name), self.path(name)).unwrap();
        }
    }

    /// Runs `change` while events are delivered, and requires that all that is acknowledged afterwards is stored
    /// after a kill and a restart. Returns the lines of [`SESSION`] after it, and what doctor said before it.
    async fn change(self, change: impl FnOnce(&Self)) -> (Vec<String>, String, tempfile::TempDir) {
        let before = health(&self.process).await["store_id"].clone();
        let phase = Arc::new(AtomicU8::new(0));
        let busy = keep_busy(&self.process, Arc::clone(&phase));
        while self.process.lines(BUSY).await.len() < 3 {}
        change(&self);
        phase.store(1, SeqCst);
        // A reader that has the file mapped does not end the collector. Connections may end meanwhile.
        let url = format!("{}/v1/events?session={SESSION}", self.process.url);
        let read = || client().get(&url).bearer_auth(&self.process.token).send();
        let answer = match read().await {
            Err(error) if error.is_request() && !error.is_connect() => read().await,
            other => other,
        };
        let status = answer.unwrap().status().as_u16();
        assert!([200, 503].contains(&status), "{status}");
        let acked = publish_until_reopened(&self.process, 1).await;
        phase.store(2, SeqCst);
        let busy = busy.await.unwrap();
        let after: Value = health(&self.process).await;
        assert_ne!(after["store_id"], before, "recorders rewind");
        assert_eq!(after["status"], "ok", "{after}");
        let said = doctor(self.folder.path());
        assert!(said.contains("overwritten in place"), "{said}");
        self.process.kill();
        let again = Process::start(self.folder.path());
        assert_eq!(stored(&again).await, acked);
        let kept = again.lines(BUSY).await;
        assert!(busy.iter().all(|line| kept.contains(line)), "{busy:?} {kept:?}");
        (again.lines(SESSION).await, said, self.folder)
    }
}

fn integrity(folder: &Path) -> String {
    let connection = rusqlite::Connection::open(folder.join("events.db")).unwrap();
    connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_store_is_begun_anew() {
    let store = Overwritten::start(false).await;
    let truncate = |store: &Overwritten| {
        let file = File::options().write(true).open(store.path("events.db")).unwrap();
        file.set_len(0).unwrap();
    };
    let (lines, _, folder) = store.change(truncate).await;
    assert_eq!((lines, &*integrity(folder.path())), (vec![], "ok"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_over_the_store_is_opened_whole_and_as_another_store() {
    for while_it_runs in [false, true] {
        let store = Overwritten::start(while_it_runs).await;
        let copy = |store: &Overwritten| store.restore(&["events.db", "events.db-wal"]);
        let (lines, _, folder) = store.change(copy).await;
        assert_eq!(lines, events(SESSION, 1, 100), "{while_it_runs}");
        assert_eq!(integrity(folder.path()), "ok", "{while_it_runs}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_over_the_store_without_its_write_ahead_log_is_another_store() {
    let mut store = Overwritten::start(false).await;
    // The copy has all its events in one file.
    let path = store.backup.path().join("events.db");
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .pragma_update(None, "wal_checkpoint", "TRUNCATE")
        .unwrap();
    drop(connection);
    let copy = |store: &Overwritten| {
        std::fs::remove_file(store.path("events.db-wal")).unwrap();
        store.restore(&["events.db"]);
    };
    assert!(store.process.is_alive());
    let (lines, _, folder) = store.change(copy).await;
    assert_eq!(lines, events(SESSION, 1, 100));
    assert_eq!(integrity(folder.path()), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_in_the_place_of_the_store_is_moved_away_and_reported() {
    let store = Overwritten::start(false).await;
    let damage = |store: &Overwritten| std::fs::write(store.path("events.db"), [7; 9000]).unwrap();
    let (lines, said, folder) = store.change(damage).await;
    assert!(lines.is_empty());
    assert!(said.contains("events.db.damaged-"), "{said}");
    let names = std::fs::read_dir(folder.path()).unwrap();
    let aside = names
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().contains(".damaged-"));
    assert_eq!(std::fs::read(aside.unwrap()).unwrap(), [7; 9000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_that_a_reader_finds_is_reported() {
    use std::io::{Seek as _, SeekFrom, Write as _};
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let lines = events(SESSION, 1, 900);
    assert_eq!(process.deliver(SESSION, 1, 900, &lines).await.0, 200);
    process.kill();
    // The start moves the write-ahead log into the file.
    let process = Process::start(folder.path());
    let mut file = File::options()
        .write(true)
        .open(folder.path().join("events.db"))
        .unwrap();
    let length = file.metadata().unwrap().len();
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0xff; length as usize - 4096]).unwrap();
    let started = Instant::now();
    while health(&process).await["status"] != "damaged" {
        assert!(started.elapsed() < PATIENCE, "{}", health(&process).await);
        let _ = process
            .get(&format!("/v1/events?session={SESSION}"))
            .await
            .text()
            .await;
    }
    assert!(doctor(folder.path()).contains("is damaged"));
}
