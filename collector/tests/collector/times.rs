//! Times: each one that a command prints finds its event when it is typed back, in every time zone.

use crate::common::*;
use crate::program::*;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// POSIX descriptions, so that no files of zones are needed.
const ZONES: [(&str, &str); 3] = [
    ("New York", "EST5EDT,M3.2.0,M11.1.0"),
    ("Kolkata", "IST-5:30"),
    ("UTC", "UTC0"),
];

fn run_in(zone: &str, folder: &Path, args: &[&str]) -> String {
    let (status, out, error) = finish(command_in(zone, folder, args));
    assert_eq!(status, 0, "{zone} {args:?}: {error}");
    out
}

/// Returns stdout and stderr of a command, whatever its status.
fn said_in(zone: &str, folder: &Path, args: &[&str]) -> (String, String) {
    let (_, out, error) = finish(command_in(zone, folder, args));
    (out, error)
}

fn command_in(zone: &str, folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).arg("--data-dir").arg(folder).env("TZ", zone);
    command.stdin(std::process::Stdio::null());
    command
}

/// The seqs of the console events that `args` find.
fn found(zone: &str, folder: &Path, args: &[&str]) -> Vec<u64> {
    let out = run_in(
        zone,
        folder,
        &[&["query", "--json", "category:console"], args].concat(),
    );
    out.lines().map(seq_of).collect()
}

#[tokio::test]
async fn every_printed_time_finds_its_event_when_it_is_typed_back() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let started = format!(
        r#"{{"capture_session_id":"{SESSION}","seq":1,"event":{{"ts":1763990000123456,"type":"system.session_started","category":"system","source":{{"kind":"extension"}},"data":{{"config":{{"categories":{{"console":{{}}}}}}}}}}}}"#
    );
    // Half a day apart, so that each zone prints more than one date.
    let at = |seq: u64| 1_764_000_000_123_456 + (seq - 2) * 43_200_000_000;
    let line = |seq: u64| {
        let mut value: Value = serde_json::from_str(&event(SESSION, seq, "tick")).unwrap();
        value["event"]["ts"] = at(seq).into();
        value.to_string()
    };
    let lines: Vec<String> = std::iter::once(started).chain((2..=4).map(line)).collect();
    assert_eq!(process.deliver(SESSION, 1, 4, &lines).await.0, 200);

    for (name, zone) in ZONES {
        let text = run_in(zone, folder.path(), &["query", "category:console"]);
        let (mut date, mut offset, mut seq) = ("", "", 1);
        for line in text.lines() {
            if let Some(day) = line.strip_prefix("── ") {
                (date, offset) = day.trim_end_matches(" ──").split_once(' ').unwrap();
                continue;
            }
            seq += 1;
            let clock = line.split_whitespace().next().unwrap();
            for typed in [format!("{date} {clock}"), format!("{date}T{clock}{offset}")] {
                let (since, until) = (format!("since:\"{typed}\""), format!("until:\"{typed}\""));
                let only = found(zone, folder.path(), &["--since", &typed, &until]);
                assert_eq!(only, [seq], "{name}: --since {typed}");
                assert_eq!(
                    found(zone, folder.path(), &[&since, &until]),
                    [seq],
                    "{name}: {since}"
                );
            }
        }
        assert_eq!(seq, 4, "{text}");

        // The tables print times in one word.
        let sessions = run_in(zone, folder.path(), &["sessions"]);
        let coverage = run_in(zone, folder.path(), &["coverage"]);
        let is_time = |word: &&str| word.starts_with("2025-") && word.contains('T');
        let printed: Vec<&str> = sessions
            .split_whitespace()
            .chain(coverage.split_whitespace())
            .collect();
        let printed: Vec<&str> = printed.into_iter().filter(is_time).collect();
        assert!(printed.len() >= 4, "{sessions}{coverage}");
        for time in printed {
            let since = run_in(zone, folder.path(), &["query", "--json", "--since", time]);
            let times: Vec<u64> = since.lines().map(ts_of).collect();
            let seconds = chrono::DateTime::parse_from_rfc3339(time).unwrap().timestamp() as u64;
            assert_eq!(
                times.first().unwrap() / 1_000_000,
                seconds,
                "{name}: {time} of {coverage}"
            );
        }
        // Commands that end with another status because of what they say.
        for args in [
            &["doctor"][..],
            &["pair", "list"],
            &["delete", "category:console"],
        ] {
            let (out, said) = said_in(zone, folder.path(), args);
            let events: Vec<String> = format!("{out} {said}")
                .split_whitespace()
                .map(|word| word.trim_matches(|c: char| !c.is_ascii_digit()).to_owned())
                .filter(|word| word.starts_with("2025-11-2") && word.contains('T'))
                .collect();
            assert!(!events.is_empty(), "{name} {args:?}: {out}{said}");
            for time in events {
                let seconds = chrono::DateTime::parse_from_rfc3339(&time).unwrap().timestamp() as u64;
                let since = run_in(zone, folder.path(), &["query", "--json", "--since", &time]);
                let first = since.lines().map(ts_of).next();
                assert_eq!(
                    first.map(|ts| ts / 1_000_000),
                    Some(seconds),
                    "{name} {args:?}: {time}"
                );
            }
        }
        for args in [&["token", "list"][..], &["pair", "list"]] {
            let list = run_in(zone, folder.path(), args);
            let time = list
                .split_whitespace()
                .find(|word| word.starts_with("20"))
                .unwrap();
            chrono::DateTime::parse_from_rfc3339(time).unwrap_or_else(|_| panic!("{name}: {list}"));
        }
    }
    for unit in [1, 1_000, 1_000_000] {
        let typed = (at(3) / unit).to_string();
        assert_eq!(
            found("UTC0", folder.path(), &["--since", &typed]),
            [3, 4],
            "{typed}"
        );
    }
}

#[test]
fn a_value_of_since_is_a_time_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let _process = Process::start(folder.path());
    for bad in ["1h type:x", "20260131", "31.01.2026", "tomorrow"] {
        let (status, _, error) = run(folder.path(), &["query", "--since", bad]);
        assert_eq!(status, 2, "{bad}: {error}");
        assert!(error.contains("2026-01-31"), "{bad}: {error}");
    }
    // In New York, this hour exists twice, and the other one does not exist.
    for (bad, right) in [
        ("2025-11-02 01:30", "2025-11-02 01:30-04:00"),
        ("2025-03-09 02:30", "2025-03-09 03:30"),
    ] {
        let query = |time: &str| {
            let mut command = Command::new(PROGRAM);
            command
                .args(["query", "--since", time, "--data-dir"])
                .arg(folder.path())
                .env("TZ", ZONES[0].1);
            finish(command)
        };
        let (status, _, error) = query(bad);
        assert!(
            status == 2 && error.contains("write its offset"),
            "{bad}: {error}"
        );
        assert_eq!(query(right).0, 0, "{right}");
    }
}

fn ts_of(line: &str) -> u64 {
    let value: Value = serde_json::from_str(line).unwrap();
    value["event"]["ts"].as_u64().unwrap()
}
