//! The commands of the built program.

use crate::program::*;
use std::io::Read as _;

#[test]
fn commands_find_the_collector_and_say_when_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let (status, _, error) = run(folder.path(), &["tail", "--no-follow"]);
    assert_eq!(status, 3, "{error}");
    assert!(error.contains("start one with `tabtape serve`"), "{error}");

    let _process = Process::start(folder.path());
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(folder.path().join("collector.json")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let (status, stored, _) = run(folder.path(), &["mark", "it \u{1b}[31mhappened", "--json"]);
    assert_eq!(status, 0);
    assert!(stored.contains("system.mark"), "{stored}");
    let (status, shown, error) = run(folder.path(), &["tail", "--no-follow"]);
    assert_eq!(status, 0, "{error}");
    assert!(
        shown.contains("system.mark") && shown.contains("it \\x1b[31mhappened") && !shown.contains('\u{1b}'),
        "{shown}"
    );
    let (_, json, _) = run(folder.path(), &["query", "type:system.mark", "--json"]);
    assert_eq!(json, stored);
    let (status, _, error) = run(folder.path(), &["query", "severity:loud"]);
    assert_eq!(status, 4);
    assert!(error.contains("expected debug, info, warn, error"), "{error}");
    let (status, ..) = run(folder.path(), &["query", "--nonsense"]);
    assert_eq!(status, 2);
    let (status, script, _) = run(folder.path(), &["completions", "bash"]);
    assert!(status == 0 && script.contains("tabtape"));
    let (_, list, _) = run(folder.path(), &["sessions"]);
    assert!(list.contains("tabtape"), "{list}");
    let (status, found, _) = run(folder.path(), &["doctor"]);
    assert_eq!(status, 1, "no extension ever came");
    assert!(
        found.contains("BAD  extension") && found.contains("ok   hello") && found.contains("ok   token"),
        "{found}"
    );
    let (status, har, _) = run(folder.path(), &["export", "--format", "har"]);
    assert!(status == 0 && har.contains("\"version\":\"1.2\""), "{har}");
    let (_, otlp, _) = run(folder.path(), &["export", "--format", "otlp"]);
    assert!(otlp.contains("resourceLogs") && otlp.contains("system.mark"), "{otlp}");
    let zip = folder.path().join("bug.zip");
    let (status, ..) = run(folder.path(), &["export", "--format", "bundle", "-o", zip.to_str().unwrap()]);
    assert_eq!(status, 0);
    let mut bundle = zip::ZipArchive::new(std::fs::File::open(&zip).unwrap()).unwrap();
    let mut events = String::new();
    bundle.by_name("events.ndjson").unwrap().read_to_string(&mut events).unwrap();
    assert_eq!(events, stored);
    let (_, deleted, _) = run(folder.path(), &["delete", "type:system.mark"]);
    assert_eq!(deleted, "1 events deleted\n");
}
