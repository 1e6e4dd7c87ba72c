//! The built program as a process, killed when dropped.

use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_tabtape");

/// A collector that runs.
pub struct Process {
    pub child: Child,
    pub url: String,
    pub token: String,
    pub ingest: String,
}

impl Process {
    pub fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    pub fn start_with(folder: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command
            .args(["serve", "--json", "--listen", "127.0.0.1:0"])
            .args(more)
            .arg("--data-dir")
            .arg(folder);
        Self::launch(command, |_| folder.to_owned())
    }

    /// Runs `command`, which serves on the folder that this process sees at `folder` of its pid.
    pub fn launch(command: Command, folder: impl FnOnce(u32) -> PathBuf) -> Self {
        Self::launch_logging(command, Stdio::null(), folder)
    }

    /// As [`Self::launch`], with the log in `log`.
    pub fn launch_logging(mut command: Command, log: Stdio, folder: impl FnOnce(u32) -> PathBuf) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let announced: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("not started: {line:?}"));
        let file = folder(child.id()).join("collector.json");
        let running: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        assert_eq!(announced["url"], running["url"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            child,
            url: text(&running["url"]),
            token: text(&running["token"]),
            ingest: text(&running["pairing"]["token"]),
        }
    }

    pub async fn deliver(&self, session: &str, first: u64, last: u64, lines: &[String]) -> (u16, Value) {
        let url = format!(
            "{}/v1/batches?session={session}&first_seq={first}&last_seq={last}",
            self.url
        );
        let request = crate::common::client().post(url).bearer_auth(&self.ingest);
        let request = request
            .header("content-type", "application/x-ndjson")
            .body(lines.join("\n") + "\n");
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        let request = crate::common::client()
            .get(format!("{}{path}", self.url))
            .bearer_auth(&self.token);
        request.send().await.unwrap()
    }

    pub async fn lines(&self, session: &str) -> Vec<String> {
        let text = self
            .get(&format!("/v1/events?session={session}"))
            .await
            .text()
            .await
            .unwrap();
        text.lines().map(ToOwned::to_owned).collect()
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end: exit status, stdout, stderr.
pub fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(PROGRAM);
    command.args(args).arg("--data-dir").arg(folder);
    finish(command)
}

pub fn finish(mut command: Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}
