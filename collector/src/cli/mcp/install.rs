//! `tabtape mcp install`: writes this server into the configuration of an agent's client.
//!
//! **Promises.** The file is copied before it is changed, and replaced in one step. Comments, order and whatever else
//! it holds are kept. A file that cannot be read is left as it is, with an error that names it. A second run changes
//! nothing. No token is written: the entry names the program, which finds the collector by itself.

use super::clients::{AgentClient, ConfigFile, Folders};
use super::edit::{self, Entry};
use super::{Sites, site};
use crate::cli::args::Target;
use crate::cli::{CliError, note};
use crate::render;
use clap::{Args, ValueEnum as _};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tabtape::selector::Site;

#[derive(Debug, Args)]
pub(in crate::cli) struct InstallArgs {
    /// The clients; all that are installed if absent
    #[arg(value_enum, value_name = "CLIENT")]
    clients: Vec<AgentClient>,
    /// Print the entry, and change no file
    #[arg(long)]
    print: bool,
    /// Only what was recorded of these sites and their subdomains can be read: localhost:3000,shop.example
    #[arg(long, value_name = "SITE", value_delimiter = ',', value_parser = site)]
    sites: Vec<Site>,
    /// Print JSON
    #[arg(long, conflicts_with = "print")]
    json: bool,
}

/// The change that was made to a file.
#[derive(Debug)]
enum Outcome {
    Unchanged,
    /// With the copy that was made before, if there was a file.
    Written(Option<PathBuf>),
}

pub(super) fn run(target: &Target, args: &InstallArgs) -> Result<(), CliError> {
    let entry = entry(target, Sites(&args.sites))?;
    let folders = Folders::of_user()?;
    let clients = chosen(&args.clients, &folders)?;
    let mut results = Vec::new();
    let mut is_failed = false;
    for client in clients {
        let file = client.config(&folders);
        let shown = file.path.display();
        if args.print {
            note(format_args!("{shown}:"));
            let text = edit::alone(&file, &entry).map_err(CliError::Failed)?;
            writeln!(io::stdout(), "{text}")?;
            continue;
        }
        let outcome = install(&file, &entry);
        is_failed |= outcome.is_err();
        let result = match &outcome {
            Ok(Outcome::Unchanged) => json!({"outcome": "unchanged"}),
            Ok(Outcome::Written(backup)) => json!({"outcome": "written", "backup": backup}),
            Err(error) => json!({"outcome": "failed", "error": error}),
        };
        results.push(named(client, &file, result));
        if args.json {
            continue;
        }
        match outcome {
            Ok(Outcome::Unchanged) => writeln!(io::stdout(), "{}: is in {shown} already", client.name())?,
            Ok(Outcome::Written(None)) => writeln!(io::stdout(), "{}: wrote {shown}", client.name())?,
            Ok(Outcome::Written(Some(backup))) => writeln!(
                io::stdout(),
                "{}: changed {shown}; the file before: {}",
                client.name(),
                backup.display()
            )?,
            Err(error) => note(format_args!(
                "{}: {shown} was not changed: {error}",
                client.name()
            )),
        }
    }
    if args.json {
        render::print_json(&json!({"clients": results}))?;
    } else if !args.print && args.sites.is_empty() && !is_failed {
        note(format_args!(
            "The agent can read what was recorded of all sites; --sites limits that. Start the client again."
        ));
    }
    match is_failed {
        true => Err(CliError::Failed("a configuration was not changed".into())),
        false => Ok(()),
    }
}

fn named(client: AgentClient, file: &ConfigFile, mut result: Value) -> Value {
    result["client"] = client.name().into();
    result["file"] = file.path.display().to_string().into();
    result
}

/// Returns the entry that starts this program with the same collector.
fn entry(target: &Target, sites: Sites<'_>) -> Result<Entry, CliError> {
    if target.has_address_or_token() {
        return Err(CliError::Failed(
            "no address or token is written into a client's configuration; say which collector with --data-dir".into(),
        ));
    }
    let program = std::env::current_exe()?;
    let mut args = vec!["mcp".to_owned()];
    if !sites.0.is_empty() {
        args.extend(["--sites".to_owned(), sites.to_string()]);
    }
    if let Some(folder) = &target.data_dir {
        let folder = std::path::absolute(folder)?;
        args.extend(["--data-dir".to_owned(), text(&folder)?]);
    }
    Ok(Entry {
        command: text(&program)?,
        args,
    })
}

fn text(path: &Path) -> Result<String, CliError> {
    let text = path.to_str().map(ToOwned::to_owned);
    text.ok_or_else(|| CliError::Failed(format!("{} is no Unicode path", path.display())))
}

/// Returns the named clients, else all that are installed.
fn chosen(named: &[AgentClient], folders: &Folders) -> Result<Vec<AgentClient>, CliError> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let all = AgentClient::value_variants();
    let installed: Vec<AgentClient> = all
        .iter()
        .copied()
        .filter(|client| client.config(folders).is_installed())
        .collect();
    if installed.is_empty() {
        let names: Vec<String> = all.iter().map(|client| client.name()).collect();
        return Err(CliError::Failed(format!(
            "no client was found; name one: {}",
            names.join(", ")
        )));
    }
    Ok(installed)
}

/// Writes the entry into a file.
///
/// # Errors
/// Why the file is as it was.
fn install(file: &ConfigFile, entry: &Entry) -> Result<Outcome, String> {
    // Through a link, so that the file of someone's dotfiles is changed and the link stays.
    let path = match fs::canonicalize(&file.path) {
        Ok(path) => path,
        Err(error) if error.kind() == io::ErrorKind::NotFound => file.path.clone(),
        Err(error) => return Err(error.to_string()),
    };
    let before = read(&path)?;
    let text = match &before {
        Some(bytes) => std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?,
        None => "",
    };
    let edited = edit::with_entry(text, file, entry)?;
    if before.is_some() && edited == text {
        return Ok(Outcome::Unchanged);
    }
    write(&path, before.as_deref(), &edited).map_err(|error| error.to_string())
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Replaces the file, after a copy of it.
fn write(path: &Path, before: Option<&[u8]>, edited: &str) -> io::Result<Outcome> {
    let Some(before) = before else {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        crate::files::replace_private(path, edited.as_bytes())?;
        return Ok(Outcome::Written(None));
    };
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".before-tabtape-{}", crate::clock::now_micros()));
    let backup = PathBuf::from(name);
    fs::copy(path, &backup)?;
    // A client that runs may write its file at any moment.
    if fs::read(path)? != before || fs::read(&backup)? != before {
        fs::remove_file(&backup)?;
        return Err(io::Error::other("another program is changing it; run this again"));
    }
    let permissions = fs::metadata(path)?.permissions();
    crate::files::replace_private(path, edited.as_bytes())?;
    fs::set_permissions(path, permissions)?;
    Ok(Outcome::Written(Some(backup)))
}

#[cfg(test)]
mod tests {
    use super::super::clients::Syntax;
    use super::*;

    fn file(syntax: Syntax, servers: &'static str, has_type: bool) -> ConfigFile {
        ConfigFile {
            path: PathBuf::new(),
            syntax,
            servers,
            has_type,
            folder: PathBuf::new(),
        }
    }

    fn entry() -> Entry {
        Entry {
            command: "/bin/tabtape".into(),
            args: vec!["mcp".into(), "--sites".into(), "localhost".into()],
        }
    }

    /// The two edits: the second one changes nothing.
    fn edited(text: &str, file: &ConfigFile) -> String {
        let once = edit::with_entry(text, file, &entry()).unwrap();
        assert_eq!(edit::with_entry(&once, file, &entry()).unwrap(), once);
        once
    }

    #[test]
    fn comments_order_and_unknown_keys_of_json_are_kept() {
        let text = "\u{feff}// mine\n{\n\t\"zeta\": 1, // last first\n\t\"servers\": {\n\t\t/* other */\n\t\t\"a\": { \"url\": \"http://x\" },\n\t},\n\t\"alpha\": [1,  2],\n}\n// end\n";
        let edited = edited(text, &file(Syntax::Json, "servers", true));
        let expected = "\u{feff}// mine\n{\n\t\"zeta\": 1, // last first\n\t\"servers\": {\n\t\t/* other */\n\t\t\"a\": { \"url\": \"http://x\" },\n\t\t\"tabtape\": {\n\t\t\t\"type\": \"stdio\",\n\t\t\t\"command\": \"/bin/tabtape\",\n\t\t\t\"args\": [\"mcp\", \"--sites\", \"localhost\"],\n\t\t},\n\t},\n\t\"alpha\": [1,  2],\n}\n// end\n";
        assert_eq!(edited, expected);
    }

    #[test]
    fn an_entry_of_before_keeps_what_the_person_added() {
        let file = file(Syntax::Json, "mcpServers", false);
        let text = "{\"mcpServers\":{\"tabtape\":{\"command\":\"old\",\"args\":[\"mcp\"],\"trust\":true,\"env\":{\"A\":\"1\"}}}}";
        let value: Value = serde_json::from_str(&edited(text, &file)).unwrap();
        let entry = &value["mcpServers"]["tabtape"];
        assert_eq!(entry["command"], "/bin/tabtape");
        assert_eq!(entry["trust"], true);
        assert_eq!(entry["env"]["A"], "1");
        // An entry of another kind has nothing that belongs to a program that is started.
        let other = "{\"mcpServers\":{\"tabtape\":{\"url\":\"http://127.0.0.1:1/mcp\"}}}";
        assert!(!edited(other, &file).contains("url"));
    }

    #[test]
    fn comments_order_and_unknown_keys_of_toml_are_kept() {
        let file = file(Syntax::Toml, "mcp_servers", false);
        let text = "# mine\nmodel = \"x\"   # aligned\n\n[mcp_servers.a]\ncommand = 'a'\n\n[profiles.z]\nk = 1979-05-27\n";
        let edited_text = edited(text, &file);
        for line in text.lines() {
            assert!(edited_text.contains(line), "{line} in {edited_text}");
        }
        let entry = "[mcp_servers.tabtape]\ncommand = \"/bin/tabtape\"\nargs = [\"mcp\", \"--sites\", \"localhost\"]\n";
        assert!(edited_text.contains(entry), "{edited_text}");
        assert_eq!(edited("", &file), entry);
        let inline = edited("mcp_servers = { a = { command = \"a\" } } # inline\n", &file);
        assert!(
            inline.contains("tabtape = { command = \"/bin/tabtape\"") && inline.ends_with("# inline\n"),
            "{inline}"
        );
        let old = "[mcp_servers.tabtape]\ncommand = \"old\" # mine\nenabled = false\n";
        let new = edited(old, &file);
        assert!(
            new.contains("command = \"/bin/tabtape\" # mine") && new.contains("enabled = false"),
            "{new}"
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let json = file(Syntax::Json, "mcpServers", false);
        for (text, why) in [
            ("{\"mcpServers\":", "it is not JSON"),
            ("{'mcpServers': {}}", "it is not JSON"),
            ("[]", "expected an object at the top"),
            ("{\"mcpServers\": []}", "expected \"mcpServers\" to be an object"),
            ("{\"mcpServers\": {}, \"mcpServers\": {}}", "twice"),
            ("{\"mcpServers\": {\"tabtape\": {}, \"tabtape\": {}}}", "twice"),
        ] {
            let error = edit::with_entry(text, &json, &entry()).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        let toml = file(Syntax::Toml, "mcp_servers", false);
        for (text, why) in [
            ("[mcp_servers", "it is not TOML"),
            ("mcp_servers = 1", "expected \"mcp_servers\" to be a table"),
        ] {
            let error = edit::with_entry(text, &toml, &entry()).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
