//! `tabtape mcp install` on real files in the home folder of a user who has every client.

use crate::program::*;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each client, its file, and what a person has in it. Comments stand where the client takes them.
const FILES: [(&str, &str, &str); 8] = [
    (
        "claude-code",
        ".claude.json",
        "{\n  \"numStartups\": 34,\n  \"projects\": {\n    \"/src/shop\": { \"mcpServers\": {}, \"history\": [] }\n  },\n  \"mcpServers\": {\n    \"other\": { \"type\": \"http\", \"url\": \"https://example.com/mcp\" }\n  }\n}\n",
    ),
    (
        "claude-desktop",
        ".config/Claude/claude_desktop_config.json",
        "{\"globalShortcut\":\"\"}",
    ),
    ("cursor", ".cursor/mcp.json", ""),
    (
        "vscode",
        ".config/Code/User/mcp.json",
        "{\n\t// servers of mine\n\t\"inputs\": [],\n\t\"servers\": {\n\t\t\"other\": { \"type\": \"stdio\", \"command\": \"other\" },\n\t},\n}\n",
    ),
    (
        "codex",
        ".codex/config.toml",
        "# my model\nmodel = \"x\"\n\n[mcp_servers.other]\ncommand = \"other\" # keep\n",
    ),
    (
        "gemini-cli",
        ".gemini/settings.json",
        "{\n  \"theme\": \"Dracula\", /* dark */\n  \"mcpServers\": {}\n}\n",
    ),
    (
        "windsurf",
        ".codeium/windsurf/mcp_config.json",
        "{ \"mcpServers\": { \"other\": { \"serverUrl\": \"https://example.com/mcp\" } } }\r\n",
    ),
    (
        "zed",
        ".config/zed/settings.json",
        "// Zed settings\n{\n  \"vim_mode\": true,\n  \"context_servers\": {\n    // mine\n    \"other\": { \"command\": \"other\", \"args\": [] }\n  }\n}\n",
    ),
];

/// Parts of the files that stay as they are.
const KEPT: [&str; 7] = [
    "\"/src/shop\": { \"mcpServers\": {}, \"history\": [] }",
    "\"other\": { \"type\": \"http\", \"url\": \"https://example.com/mcp\" }",
    "// servers of mine\n\t\"inputs\": []",
    "[mcp_servers.other]\ncommand = \"other\" # keep\n",
    "\"theme\": \"Dracula\", /* dark */",
    "\"other\": { \"serverUrl\": \"https://example.com/mcp\" }",
    "// mine\n    \"other\": { \"command\": \"other\", \"args\": [] }",
];

/// A home folder with the files.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (_, name, text) in FILES {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    home
}

fn install(home: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(PROGRAM);
    command.args(["mcp", "install"]).args(args).env("HOME", home);
    for variable in [
        "XDG_CONFIG_HOME", "CODEX_HOME", "CLAUDE_CONFIG_DIR", "TABTAPE_DATA_DIR", "TABTAPE_URL",
        "TABTAPE_TOKEN",
    ] {
        command.env_remove(variable);
    }
    finish(command)
}

fn report(output: &str) -> Vec<Value> {
    let report: Value = serde_json::from_str(output).unwrap();
    report["clients"].as_array().unwrap().clone()
}

/// Command and arguments that a client of `name` reads from `text`.
fn entry(name: &str, text: &str) -> Value {
    if name == "codex" {
        let document: toml_edit::DocumentMut = text.parse().unwrap();
        let entry = &document["mcp_servers"]["tabtape"];
        let args: Vec<&str> = entry["args"]
            .as_array()
            .unwrap()
            .iter()
            .map(|arg| arg.as_str().unwrap())
            .collect();
        return json!({"command": entry["command"].as_str(), "args": args});
    }
    let root = jsonc_parser::cst::CstRootNode::parse(text, &jsonc_parser::ParseOptions::default()).unwrap();
    let value = root.to_serde_value().unwrap();
    let key = match name {
        "vscode" => "servers",
        "zed" => "context_servers",
        _ => "mcpServers",
    };
    value[key]["tabtape"].clone()
}

/// The files of a folder and those below it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

#[test]
fn every_client_gets_the_entry_once_and_keeps_what_it_had() {
    let home = home();
    let (status, output, error) = install(home.path(), &["--json"]);
    assert_eq!(status, 0, "{output} {error}");
    let clients = report(&output);
    assert_eq!(clients.len(), FILES.len(), "{output}");
    for ((name, file, before), done) in FILES.into_iter().zip(&clients) {
        assert_eq!(
            (&done["client"], &done["outcome"]),
            (&json!(name), &json!("written")),
            "{done}"
        );
        let backup = fs::read_to_string(done["backup"].as_str().unwrap()).unwrap();
        assert_eq!(backup, before, "{name}");
        let text = fs::read_to_string(home.path().join(file)).unwrap();
        let entry = entry(name, &text);
        assert_eq!(
            (&entry["command"], &entry["args"]),
            (&json!(PROGRAM), &json!(["mcp"])),
            "{text}"
        );
        let has_type = matches!(name, "claude-code" | "vscode");
        assert_eq!(entry["type"] == "stdio", has_type, "{text}");
        for kept in KEPT.into_iter().filter(|kept| before.contains(kept)) {
            assert!(text.contains(kept), "{kept} in {text}");
        }
    }
    let files_before = files(home.path());
    let (status, output, _) = install(home.path(), &["--json"]);
    assert_eq!(status, 0);
    assert!(
        report(&output).iter().all(|done| done["outcome"] == "unchanged"),
        "{output}"
    );
    assert_eq!(
        files(home.path()),
        files_before,
        "a run that changes nothing copies nothing"
    );
}

#[test]
fn a_file_that_cannot_be_read_stays_and_the_others_are_written() {
    let home = home();
    let broken = home.path().join(".cursor/mcp.json");
    fs::write(&broken, "{\"mcpServers\": {").unwrap();
    let (status, output, error) = install(home.path(), &["cursor", "codex"]);
    assert_eq!(status, 1, "{output}");
    assert!(
        error.contains(".cursor/mcp.json was not changed: it is not JSON"),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&broken).unwrap(), "{\"mcpServers\": {");
    assert_eq!(
        files(&home.path().join(".cursor")).len(),
        1,
        "no copy without a change"
    );
    let codex = fs::read_to_string(home.path().join(".codex/config.toml")).unwrap();
    assert!(codex.contains("[mcp_servers.tabtape]"), "{codex}");
    fs::write(&broken, b"{\"a\": \"\xff\"}").unwrap();
    let (_, _, error) = install(home.path(), &["cursor"]);
    assert!(error.contains("was not changed: it is not UTF-8"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_a_mode_stays_as_it_was() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let home = home();
    let link = home.path().join(".claude.json");
    let dotfile = home.path().join("dotfiles.json");
    fs::rename(&link, &dotfile).unwrap();
    fs::set_permissions(&dotfile, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&dotfile, &link).unwrap();
    let (status, _, error) = install(home.path(), &["claude-code"]);
    assert_eq!(status, 0, "{error}");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(
        fs::metadata(&dotfile).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert!(fs::read_to_string(&dotfile).unwrap().contains("\"tabtape\""));
}

#[test]
fn printing_changes_no_file_and_a_missing_file_is_made() {
    let home = tempfile::tempdir().unwrap();
    let (status, _, error) = install(home.path(), &[]);
    assert_eq!(status, 1);
    assert!(
        error.contains("no client was found; name one: claude-code, claude-desktop, cursor, vscode, codex, gemini-cli, windsurf, zed"),
        "{error}"
    );
    let wanted = [
        "cursor", "--print", "--sites", "localhost:3000,Shop.example", "--data-dir", "/d",
    ];
    let (status, output, error) = install(home.path(), &wanted);
    assert_eq!(status, 0, "{error}");
    assert!(error.contains(".cursor/mcp.json"), "{error}");
    let args = json!([
        "mcp", "--sites", "localhost:3000,shop.example", "--data-dir", "/d"
    ]);
    assert_eq!(entry("cursor", &output)["args"], args, "{output}");
    let (_, output, _) = install(home.path(), &["codex", "--print"]);
    assert_eq!(entry("codex", &output)["args"], json!(["mcp"]));
    assert!(files(home.path()).is_empty());
    let (status, ..) = install(home.path(), &["cursor"]);
    assert_eq!(status, 0);
    let made = fs::read_to_string(home.path().join(".cursor/mcp.json")).unwrap();
    assert_eq!(entry("cursor", &made)["command"], PROGRAM);
    for (args, why) in [
        (
            &["cursor", "--sites", "https://shop.example/"][..],
            "a host without scheme and path",
        ),
        (&["emacs"], "possible values: claude-code"),
        (&["cursor", "--token", "tt_x"], "no address or token is written"),
    ] {
        let (status, _, error) = install(home.path(), args);
        assert!(status != 0 && error.contains(why), "{error}");
    }
}
