//! Folders and stores that cannot be used: each is named, with what to do, and nothing good is lost.

use crate::common::*;
use crate::program::*;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[test]
fn a_second_collector_on_a_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Process::start(folder.path());
    let (status, _, error) = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(status, 1);
    assert!(error.contains("is in use by another collector"), "{error}");
}

#[test]
fn a_folder_or_store_it_cannot_use_is_named() {
    let serve = |folder: &Path| run(folder, &["serve", "--listen", "127.0.0.1:0"]);
    let (status, _, error) = serve(Path::new("/proc/nothing"));
    assert_eq!(status, 1);
    assert!(error.contains("/proc/nothing cannot be used"), "{error}");

    let newer = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(newer.path().join("events.db")).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    drop(connection);
    let (_, _, error) = serve(newer.path());
    assert!(
        error.contains("schema 999, this tabtape supports up to"),
        "{error}"
    );

    let garbage = tempfile::tempdir().unwrap();
    std::fs::write(garbage.path().join("events.db"), vec![7; 100_000]).unwrap();
    let (_, _, error) = serve(garbage.path());
    let file = garbage.path().join("events.db").display().to_string();
    assert!(
        error.contains("the store is damaged") && error.contains(&file),
        "{error}"
    );

    let auth = tempfile::tempdir().unwrap();
    std::fs::write(auth.path().join("auth.json"), "{").unwrap();
    let (_, _, error) = serve(auth.path());
    assert!(error.contains("auth.json: is not what tabtape wrote"), "{error}");
    let (_, found, _) = run(auth.path(), &["doctor"]);
    assert!(
        found.contains("BAD  tokens") && found.contains("auth.json"),
        "{found}"
    );
}

#[tokio::test]
async fn a_store_cut_off_in_a_page_is_found_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::open(folder.path()).await;
    for batch in 0..10 {
        let (first, last) = (batch * 500 + 1, batch * 500 + 500);
        collector
            .deliver(SESSION, first, last, &events(SESSION, first, last))
            .await;
    }
    collector.stop().await;
    let path = folder.path().join("events.db");
    let length = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(length / 2 + 1000)
        .unwrap();
    let (status, _, error) = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(status, 1);
    assert!(
        error.contains("the store is damaged") && error.contains("tabtape recover"),
        "{error}"
    );
    // As the error advises: a new store next to the damaged one, with the same tokens.
    std::fs::rename(&path, folder.path().join("damaged.db")).unwrap();
    let again = Process::start(folder.path());
    let back = recover(folder.path(), "damaged.db");
    let lines = again.lines(SESSION).await;
    let read = back["accepted"].as_u64().unwrap();
    assert!(
        read > 1000 && back["duplicates"] == 0,
        "half of it was left: {back}"
    );
    let kept: Vec<&String> = lines.iter().filter(|line| line.contains("\"event\"")).collect();
    assert_eq!(kept.len() as u64, read);
    assert!(
        kept.iter()
            .all(|line| **line == event(SESSION, seq_of(line), &format!("number {}", seq_of(line))))
    );
    // A recorder that still holds the rest brings it back; a repeat is a duplicate.
    assert_eq!(
        again.deliver(SESSION, 1, 5000, &events(SESSION, 1, 5000)).await.0,
        200
    );
    assert_eq!(again.lines(SESSION).await, events(SESSION, 1, 5000));
    assert_eq!(recover(folder.path(), "damaged.db")["accepted"], 0);
}

fn recover(folder: &Path, file: &str) -> serde_json::Value {
    let (status, out, error) = run(
        folder,
        &["recover", folder.join(file).to_str().unwrap(), "--json"],
    );
    assert_eq!(status, 0, "{error}");
    serde_json::from_str(&out).unwrap()
}

/// Every seq whose event can be had from a damaged file, asked for one by one.
fn readable(path: &Path, events: u64) -> Vec<u64> {
    let url = format!("file:{}?mode=ro&immutable=1", path.display());
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_URI;
    let connection = rusqlite::Connection::open_with_flags(url, flags).unwrap();
    connection.pragma_update(None, "writable_schema", true).unwrap();
    let mut statement = connection
        .prepare("SELECT seq FROM events WHERE position = ?1")
        .unwrap();
    let seq = |at: u64| statement.query_row([at as i64], |row| row.get::<_, i64>(0)).ok();
    (1..=events).filter_map(seq).map(|seq| seq as u64).collect()
}

#[tokio::test]
async fn all_that_is_whole_around_a_damage_is_brought_back() {
    const EVENTS: u64 = 2000;
    for (part, damaged) in [(4, 256 << 10), (2, 64 << 10), (1, 512 << 10)] {
        let folder = tempfile::tempdir().unwrap();
        let collector = Collector::open(folder.path()).await;
        for batch in 0..20 {
            let (first, last) = (batch * 100 + 1, batch * 100 + 100);
            let lines: Vec<String> = (first..=last)
                .map(|seq| event(SESSION, seq, noise(3_000, seq)))
                .collect();
            assert_eq!(collector.deliver(SESSION, first, last, &lines).await.0, 200);
        }
        let pairing = collector.json(&format!("/v1/sessions/{SESSION}")).await["pairing"].clone();
        assert_eq!(
            collector
                .deliver(SESSION, 2001, 2010, &[gap(SESSION, 2001, 2010, "quota")])
                .await
                .0,
            200
        );
        collector.stop().await;
        let path = folder.path().join("events.db");
        let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let length = file.metadata().unwrap().len();
        // The last one leaves something whole behind it.
        let at = if part == 1 {
            length - (1 << 20)
        } else {
            length / part
        };
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(at)).unwrap();
        std::io::Write::write_all(&mut file, &vec![0xff; damaged]).unwrap();
        drop(file);
        assert!(
            run(folder.path(), &["serve", "--listen", "127.0.0.1:0"])
                .2
                .contains("tabtape recover")
        );
        let moved = folder.path().join("damaged.db");
        std::fs::rename(&path, &moved).unwrap();
        let whole = readable(&moved, EVENTS);
        assert!(whole.len() > 1000 && whole.len() < 2000, "{}", whole.len());

        let again = Process::start(folder.path());
        let back = recover(folder.path(), "damaged.db");
        let lines = again.lines(SESSION).await;
        let events = lines.iter().filter(|line| line.contains("\"event\""));
        let came: Vec<u64> = events.map(|line| seq_of(line)).collect();
        // A row can be whole and hold a line that is not.
        let unreadable = back["unreadable"].as_u64().unwrap();
        assert!(came.iter().all(|seq| whole.contains(seq)), "{back}");
        assert_eq!(
            came.len() as u64 + unreadable,
            whole.len() as u64,
            "{part}: {back}"
        );
        let summary: serde_json::Value = again
            .get(&format!("/v1/sessions/{SESSION}"))
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(
            summary["missing"],
            serde_json::json!([]),
            "every seq is accounted for: {back}"
        );
        let lost = EVENTS - came.len() as u64;
        assert_eq!(
            (&back["missing"], &back["conflicts"]),
            (&lost.into(), &0.into()),
            "{back}"
        );
        assert_eq!(summary["gaps"], serde_json::json!({"quota": 10, "corrupt": lost}));
        assert_eq!(summary["pairing"], pairing, "whose it was, it still is");
    }
}

/// A record that damage has changed into another one never replaces the true one, and does not stop the others.
#[tokio::test]
async fn what_differs_from_what_is_stored_is_passed_over() {
    let (damaged, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let collector = Collector::open(damaged.path()).await;
    let mut changed = events(SESSION, 1, 9);
    changed[4] = changed[4].replace("number 5", "number X");
    assert_eq!(collector.deliver(SESSION, 1, 9, &changed).await.0, 200);
    collector.stop().await;
    std::fs::copy(damaged.path().join("events.db"), folder.path().join("other.db")).unwrap();
    let process = Process::start(folder.path());
    assert_eq!(
        process.deliver(SESSION, 1, 6, &events(SESSION, 1, 6)).await.0,
        200
    );
    let back = recover(folder.path(), "other.db");
    assert_eq!(
        (&back["conflicts"], &back["missing"]),
        (&1.into(), &0.into()),
        "{back}"
    );
    assert_eq!(process.lines(SESSION).await, events(SESSION, 1, 9));
    let (status, _, error) = run(folder.path(), &["recover", "/nowhere/events.db"]);
    assert!(status == 1 && error.contains("/nowhere/events.db"), "{error}");
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The program as a user who is not root, whom no mode stops.
fn as_nobody(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        std::os::unix::process::CommandExt::uid(&mut command, OTHER_USER);
    }
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder);
    command
}

const OTHER_USER: u32 = 65534;

#[test]
fn a_folder_that_is_read_only_or_of_another_is_named() {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    let folder = tempfile::tempdir().unwrap();
    let mode = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    if is_root() {
        chown(folder.path(), Some(OTHER_USER), None).unwrap();
    }
    // The folder of the build may be closed to other users.
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::set_permissions(elsewhere.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = elsewhere.path().join("tabtape");
    std::fs::copy(PROGRAM, &program).unwrap();
    mode(0o500);
    let (status, _, error) = finish(as_nobody(&program, folder.path()));
    assert_eq!(status, 1);
    assert!(error.contains("cannot be used: Permission denied"), "{error}");
    assert!(error.contains("--data-dir"), "it says what to do: {error}");

    // Open to all, but of another: he could put his own store and tokens there.
    let (status, _, error) = finish(as_nobody(&program, Path::new("/tmp")));
    assert_eq!(status, 1);
    assert!(
        error.contains("/tmp cannot be used: it belongs to user 0, this process runs as"),
        "{error}"
    );
    mode(0o700);
}

#[test]
fn a_folder_that_others_may_write_is_closed_to_them_or_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let set =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let mode_of = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    drop(Process::start(folder.path()));
    let store = folder.path().join("events.db");
    set(&store, 0o666);
    set(folder.path(), 0o777);

    let mut serve = Command::new(PROGRAM);
    serve
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path());
    let mut child = serve
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(child.stdout.take().unwrap()),
        &mut line,
    )
    .unwrap();
    child.kill().unwrap();
    let said = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    assert_eq!(
        (mode_of(folder.path()), mode_of(&store)),
        (0o755, 0o644),
        "{said}"
    );
    for path in [folder.path(), &store] {
        assert!(
            said.contains(&format!("others could write to {}", path.display())),
            "{said}"
        );
    }

    set(folder.path(), 0o1777);
    let (status, _, error) = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert!(status == 1 && error.contains("users share it"), "{error}");
    assert_eq!(mode_of(folder.path()), 0o1777);
}

/// A disk of a few megabytes, in a mount namespace that only a shell and the programs under test use.
struct SmallDisk {
    folder: tempfile::TempDir,
    shell: std::process::Child,
}

impl SmallDisk {
    /// `None` where the system does not allow to mount one.
    fn mount(bytes: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("unshare");
        // As root, or as a user who may be root in a namespace of its own.
        command.args(if is_root() {
            &["--mount"][..]
        } else {
            &["--mount", "--map-root-user"]
        });
        let script = "mount -t tmpfs -o size=$1,mode=0700 tmpfs \"$0\" && echo mounted && read end";
        command.args(["sh", "-c", script]).arg(folder.path()).arg(bytes);
        let mut shell = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .inspect_err(|error| println!("left out: unshare cannot be run: {error}"))
            .ok()?;
        let mut said = String::new();
        let output = shell.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut said).unwrap();
        let disk = Self { folder, shell };
        if said == "mounted\n" {
            return Some(disk);
        }
        println!("left out: this system does not allow to mount a small disk");
        None
    }

    /// The program in the namespace of the disk.
    fn program(&self, args: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.shell.id().to_string(), "--mount"]);
        if !is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command
            .arg(PROGRAM)
            .args(args)
            .arg("--data-dir")
            .arg(self.folder.path());
        command
    }

    fn serve(&self) -> Process {
        let serve = self.program(&["serve", "--json", "--listen", "127.0.0.1:0"]);
        Process::launch(serve, |_| self.path())
    }

    /// The disk as this process sees it.
    fn path(&self) -> PathBuf {
        let inside = self.folder.path().strip_prefix("/").unwrap();
        Path::new(&format!("/proc/{}/root", self.shell.id())).join(inside)
    }

    /// Writes a file until nothing more fits.
    fn fill(&self) {
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.path().join("filler"))
            .unwrap();
        let full = std::io::copy(&mut std::io::repeat(0), &mut file).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// Ten events that cannot be packed much.
fn large(first: u64) -> Vec<String> {
    (first..first + 10)
        .map(|seq| event(SESSION, seq, noise(20_000, seq)))
        .collect()
}

/// Delivers until a batch does not fit; the lines that were acknowledged, and the problem.
async fn deliver_until_full(process: &Process) -> (Vec<String>, serde_json::Value) {
    let mut stored = Vec::new();
    loop {
        let first = stored.len() as u64 + 1;
        assert!(first < 2000, "the disk never filled");
        let (status, answer) = process.deliver(SESSION, first, first + 9, &large(first)).await;
        if status != 200 {
            assert_eq!(status, 507, "{answer}");
            return (stored, answer);
        }
        stored.extend(large(first));
    }
}

#[tokio::test]
async fn a_full_disk_refuses_what_it_cannot_keep_and_keeps_what_it_has() {
    let Some(disk) = SmallDisk::mount("12m") else {
        return;
    };
    std::fs::write(disk.path().join("filler"), vec![0; 4 << 20]).unwrap();
    let mut process = disk.serve();
    let (mut stored, problem) = deliver_until_full(&process).await;
    assert_eq!(problem["code"], "disk_full");
    assert!(
        problem["detail"].as_str().unwrap().contains("make room"),
        "{problem}"
    );
    assert!(!stored.is_empty());
    assert_eq!(
        process.lines(SESSION).await,
        stored,
        "all that was acknowledged, and no more"
    );
    let health: serde_json::Value = process.get("/healthz").await.json().await.unwrap();
    assert_eq!(health["status"], "ok");

    // With room, it continues without a restart.
    std::fs::remove_file(disk.path().join("filler")).unwrap();
    let first = stored.len() as u64 + 1;
    let (status, receipt) = process.deliver(SESSION, first, first + 9, &large(first)).await;
    assert_eq!(
        (status, &receipt["acked_seq"]),
        (200, &(first + 9).into()),
        "{receipt}"
    );
    stored.extend(large(first));
    assert_eq!(process.lines(SESSION).await, stored);
    assert!(process.is_alive());
}

#[tokio::test]
async fn on_a_full_disk_it_starts_again_deletes_and_then_stores_again() {
    let Some(disk) = SmallDisk::mount("16m") else {
        return;
    };
    let process = disk.serve();
    let (stored, _) = deliver_until_full(&process).await;
    disk.fill();
    process.kill();
    let process = disk.serve();
    assert_eq!(process.lines(SESSION).await, stored);
    disk.fill();

    let count = stored.len();
    let (status, said, error) = finish(disk.program(&["delete", "--yes", "--session", SESSION]));
    assert_eq!(
        (status, said),
        (0, format!("{count} events deleted\n")),
        "{error}"
    );
    let first = count as u64 + 1;
    let (status, receipt) = process.deliver(SESSION, first, first + 9, &large(first)).await;
    assert_eq!(status, 200, "{receipt}");
    // On a full disk the deletion works in steps, each with its gaps.
    let lines = process.lines(SESSION).await;
    let (gaps, kept) = lines.split_at(lines.len() - 10);
    assert_eq!(kept, large(first));
    let mut next = 1;
    for line in gaps {
        let gap: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&gap["gap"]["reason"], &gap["gap"]["first_seq"]),
            (&"deleted".into(), &next.into())
        );
        next = gap["gap"]["last_seq"].as_u64().unwrap() + 1;
    }
    assert_eq!(next, first);

    // The space that the deletion has used is reserved again for the next one.
    disk.fill();
    process.kill();
    let process = disk.serve();
    let (status, said, error) = finish(disk.program(&["delete", "--yes", "--all"]));
    assert_eq!((status, &said[..]), (0, "10 events deleted\n"), "{error}");
    assert_eq!(process.deliver(OTHER, 1, 3, &events(OTHER, 1, 3)).await.0, 200);
}

/// Too large to be checked before it is used: the damage is found meanwhile and said, what is whole stays
/// readable, and what comes is stored.
#[tokio::test]
async fn damage_inside_a_large_store_is_found_while_it_works() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::open(folder.path()).await;
    for batch in 0..7 {
        let (first, last) = (batch * 20 + 1, batch * 20 + 20);
        let lines: Vec<String> = (first..=last)
            .map(|seq| event(SESSION, seq, noise(400_000, seq)))
            .collect();
        assert_eq!(collector.deliver(SESSION, first, last, &lines).await.0, 200);
    }
    collector.stop().await;
    let path = folder.path().join("events.db");
    let length = std::fs::metadata(&path).unwrap().len();
    assert!(length > 32 << 20, "{length}");
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(length / 2)).unwrap();
    std::io::Write::write_all(&mut file, &vec![0xff; 1 << 20]).unwrap();
    drop(file);

    let mut process = Process::start(folder.path());
    let health = loop {
        let health: serde_json::Value = process.get("/healthz").await.json().await.unwrap();
        if health["status"] != "ok" {
            break health;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(health["status"], "damaged", "{health}");
    let (_, found, _) = run(folder.path(), &["doctor"]);
    assert!(
        found.contains("BAD  store") && found.contains("tabtape recover"),
        "{found}"
    );
    let first: Vec<String> = (1..=3)
        .map(|seq| event(SESSION, seq, noise(400_000, seq)))
        .collect();
    let text = process
        .get(&format!("/v1/events?session={SESSION}&limit=3"))
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(text.lines().collect::<Vec<_>>(), first);
    assert_eq!(process.deliver(OTHER, 1, 3, &events(OTHER, 1, 3)).await.0, 200);
    assert_eq!(process.lines(OTHER).await, events(OTHER, 1, 3));
    assert!(process.is_alive());
}
