//! `collector.json`: where the running collector is, for commands, scripts and preconfigured browsers.

use super::CliError;
use crate::auth::NewPairing;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The contents of `collector.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Running {
    /// `http://127.0.0.1:PORT`.
    pub(super) url: String,
    /// Its process.
    pub(super) pid: u32,
    /// Identity of its store.
    pub(super) store_id: String,
    /// An admin token for this user's commands.
    pub(super) token: String,
    /// The pairing of a preconfigured recorder.
    pub(super) pairing: NewPairing,
}

const FILE: &str = "collector.json";

/// The folder of the collector: as given, else this user's own.
pub(super) fn folder(given: Option<&Path>) -> Result<PathBuf, CliError> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    directories::ProjectDirs::from("", "", "tabtape")
        .map(|dirs| {
            dirs.state_dir()
                .unwrap_or_else(|| dirs.data_local_dir())
                .to_owned()
        })
        .ok_or_else(|| CliError::Failed("there is no home folder; give --data-dir".into()))
}

pub(super) fn write(folder: &Path, running: &Running) -> Result<(), CliError> {
    let text = serde_json::to_vec_pretty(running).map_err(CliError::failed)?;
    crate::files::replace_private(&folder.join(FILE), &text)
        .map_err(|error| CliError::Failed(format!("{}: {error}", folder.join(FILE).display())))
}

/// Removes the file, if this process wrote it.
pub(super) fn remove(folder: &Path) {
    if read(folder).is_ok_and(|running| running.is_some_and(|running| running.pid == std::process::id())) {
        let _ = std::fs::remove_file(folder.join(FILE));
    }
}

/// Whether an earlier collector ended without removing the file.
pub(super) fn is_stale(folder: &Path) -> bool {
    folder.join(FILE).exists()
}

fn read(folder: &Path) -> Result<Option<Running>, CliError> {
    let path = folder.join(FILE);
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            CliError::Failed(format!(
                "{}: not what tabtape wrote ({error}); start `tabtape serve` again, which writes it",
                path.display()
            ))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CliError::Failed(format!("{}: {error}", path.display()))),
    }
}

/// Returns the `collector.json` of the collector that runs on `folder`.
pub(super) fn find(folder: &Path) -> Result<Running, CliError> {
    read(folder)?.ok_or_else(|| {
        CliError::NotRunning(format!(
            "no collector runs on {}; start one with `tabtape serve`, or say which with --data-dir",
            folder.display()
        ))
    })
}
