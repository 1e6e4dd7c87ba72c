//! `tabtape mcp`: the stdio form of `/mcp`, for agents that start a process.
//!
//! A bridge: each line of stdin is a JSON-RPC message, sent to the running collector; its answer is a line of stdout.
//! So there is one implementation, one store and one set of rights.
//!
//! **Promises.** It starts without a collector: the handshake and the list of tools are answered here then, and a call
//! is a tool error that says how to start one. Address and token are looked up anew whenever a call finds no
//! collector. A line that is not a message is answered with an error and ends nothing. A cancelled call is stopped and
//! not answered. At the end of stdin, open calls get [`LAST_ANSWERS`] to finish.

mod clients;
mod edit;
mod install;

use super::CliError;
use super::args::Target;
use super::client::Client;
use crate::mcp;
use clap::{Args, Subcommand};
use futures_util::StreamExt as _;
use http::HeaderValue;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tabtape::selector::Site;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::{Mutex, mpsc};
use tokio::task::{AbortHandle, JoinSet};

/// A longer line is refused; a message of the protocol is far shorter.
const MAX_LINE_BYTES: u64 = 4 << 20;
/// Time for open calls after the end of stdin.
const LAST_ANSWERS: Duration = Duration::from_millis(700);
/// Answers that wait for the reader of stdout.
const QUEUED_ANSWERS: usize = 64;

const PARSE_ERROR: i32 = -32_700;
const INVALID_REQUEST: i32 = -32_600;
const NO_COLLECTOR: i32 = -32_000;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct McpArgs {
    #[command(subcommand)]
    command: Option<McpCommand>,
    /// Only what was recorded of these sites and their subdomains can be read: localhost:3000,shop.example
    #[arg(long, value_name = "SITE", value_delimiter = ',', value_parser = site)]
    sites: Vec<Site>,
}

#[derive(Debug, Subcommand)]
enum McpCommand {
    /// Add this server to the configuration of an agent's client; the file is copied before it is changed
    #[command(
        after_help = "Examples:\n  tabtape mcp install\n  tabtape mcp install claude-code cursor --sites localhost,shop.example\n  tabtape mcp install codex --print"
    )]
    Install(install::InstallArgs),
}

fn site(text: &str) -> Result<Site, String> {
    Site::parse(text).map_err(|right| format!("expected {right}"))
}

/// Sites as they are typed: with commas.
#[derive(Debug, Clone, Copy)]
struct Sites<'a>(&'a [Site]);

impl fmt::Display for Sites<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, site) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(out, "{comma}{site}")?;
        }
        Ok(())
    }
}

pub(super) async fn run(target: Target, args: McpArgs) -> Result<(), CliError> {
    match args.command {
        Some(McpCommand::Install(args)) => install::run(&target, &args),
        None => answer(target, &args.sites).await,
    }
}

async fn answer(target: Target, sites: &[Site]) -> Result<(), CliError> {
    let sites = match sites {
        [] => None,
        sites => Some(HeaderValue::try_from(Sites(sites).to_string()).map_err(CliError::failed)?),
    };
    let bridge = Arc::new(Bridge {
        target,
        sites,
        client: Mutex::new(None),
    });
    let (answers, queue) = mpsc::channel(QUEUED_ANSWERS);
    let mut writer = tokio::spawn(write(queue));
    let mut input = BufReader::new(tokio::io::stdin());
    let mut calls = Calls::default();
    loop {
        let line = tokio::select! {
            line = read_line(&mut input) => line?,
            // The client has closed the pipe.
            _ = &mut writer => return Err(CliError::OutputClosed),
        };
        let message = match line {
            Line::End => break,
            Line::TooLong => Err((INVALID_REQUEST, "the line is longer than 4 MiB")),
            Line::Bytes(line) if line.iter().all(u8::is_ascii_whitespace) => continue,
            Line::Bytes(line) => read_message(&line),
        };
        match message {
            Ok(message) if message["method"] == "notifications/cancelled" => {
                calls.cancel(&message["params"]["requestId"]);
            }
            // An answer to a request, which this side never sends.
            Ok(message) if message["method"].is_null() => {}
            Ok(message) => calls.start(Arc::clone(&bridge), answers.clone(), message),
            Err((code, text)) => {
                let _ = answers.send(error(&Value::Null, code, text)).await;
            }
        }
    }
    let _ = tokio::time::timeout(LAST_ANSWERS, calls.finish()).await;
    drop((calls, answers));
    let _ = tokio::time::timeout(LAST_ANSWERS, writer).await;
    Ok(())
}

/// Reads a message.
fn read_message(line: &[u8]) -> Result<Value, (i32, &'static str)> {
    let message: Value = serde_json::from_slice(line).map_err(|_| (PARSE_ERROR, "the line is not JSON"))?;
    match &message {
        Value::Array(_) => Err((
            INVALID_REQUEST,
            "batches are not supported; send one message per line",
        )),
        Value::Object(fields) if fields.get("jsonrpc") == Some(&json!("2.0")) => {
            let is_answer = fields.contains_key("result") || fields.contains_key("error");
            let has_method = fields.get("method").is_some_and(Value::is_string);
            if has_method || is_answer {
                Ok(message)
            } else {
                Err((INVALID_REQUEST, "the message has no method"))
            }
        }
        _ => Err((INVALID_REQUEST, "expected an object with \"jsonrpc\": \"2.0\"")),
    }
}

fn error(id: &Value, code: i32, message: &str) -> String {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}).to_string()
}

/// The calls that are not answered yet.
#[derive(Debug, Default)]
struct Calls {
    tasks: JoinSet<()>,
    by_id: HashMap<String, AbortHandle>,
}

impl Calls {
    /// Starts a call; each on its own, so that a waiting tool does not hold up the others.
    fn start(&mut self, bridge: Arc<Bridge>, answers: mpsc::Sender<String>, message: Value) {
        while self.tasks.try_join_next().is_some() {}
        self.by_id.retain(|_, call| !call.is_finished());
        let id = message.get("id").map(Value::to_string);
        let call = self
            .tasks
            .spawn(async move { bridge.answer(&message, &answers).await });
        self.by_id.extend(id.map(|id| (id, call)));
    }

    /// Stops a call. Its request is dropped, and the collector stops as well.
    fn cancel(&mut self, id: &Value) {
        if let Some(call) = self.by_id.remove(&id.to_string()) {
            call.abort();
        }
    }

    async fn finish(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The way to the collector.
#[derive(Debug)]
struct Bridge {
    target: Target,
    /// The only sites that can be read; `None` for all.
    sites: Option<HeaderValue>,
    /// `None` until a collector was found.
    client: Mutex<Option<Arc<Client>>>,
}

impl Bridge {
    /// Sends a message to the collector and its answers to `answers`.
    async fn answer(&self, message: &Value, answers: &mpsc::Sender<String>) {
        let id = message.get("id");
        if let Err(why) = self.forward(message, answers).await
            && let Some(id) = id
        {
            let result = match message["method"].as_str() {
                // An agent reads the result of a call; it does not see an error of the protocol.
                Some("tools/call") => {
                    let text = crate::render::escape_untrusted(&why.to_string());
                    Some(json!({"content": [{"type": "text", "text": text}], "isError": true}))
                }
                _ => mcp::answer_without_collector(message),
            };
            let answer = match result {
                Some(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string(),
                None => error(id, NO_COLLECTOR, &why.to_string()),
            };
            let _ = answers.send(answer).await;
        }
    }

    async fn forward(&self, message: &Value, answers: &mpsc::Sender<String>) -> Result<(), CliError> {
        let client = self.client().await?;
        let response = client.mcp(message.to_string(), self.sites.as_ref()).await?;
        let content_type = response.headers().get(http::header::CONTENT_TYPE);
        let is_stream = content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        if !is_stream {
            let text = response.text().await.map_err(CliError::failed)?;
            if !text.trim().is_empty() {
                let _ = answers.send(text.trim().replace('\n', " ")).await;
            }
            return Ok(());
        }
        // Progress comes before the answer, as server-sent events.
        let (mut stream, mut pending) = (response.bytes_stream(), Vec::new());
        while let Some(chunk) = stream.next().await {
            pending.extend_from_slice(&chunk.map_err(CliError::failed)?);
            while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = pending.drain(..=end).collect();
                let data = String::from_utf8_lossy(&line);
                let data = data.strip_prefix("data:").map(str::trim).unwrap_or_default();
                if !data.is_empty() {
                    let _ = answers.send(data.to_owned()).await;
                }
            }
        }
        Ok(())
    }

    async fn client(&self) -> Result<Arc<Client>, CliError> {
        let mut client = self.client.lock().await;
        if let Some(client) = &*client {
            return Ok(Arc::clone(client));
        }
        let found = Arc::new(self.target.client()?);
        *client = Some(Arc::clone(&found));
        Ok(found)
    }
}

/// One line of stdin.
enum Line {
    Bytes(Vec<u8>),
    TooLong,
    End,
}

async fn read_line(input: &mut (impl AsyncBufRead + Unpin)) -> Result<Line, CliError> {
    let mut line = Vec::new();
    if (&mut *input)
        .take(MAX_LINE_BYTES)
        .read_until(b'\n', &mut line)
        .await?
        == 0
    {
        return Ok(Line::End);
    }
    if line.len() as u64 == MAX_LINE_BYTES && !line.ends_with(b"\n") {
        loop {
            line.clear();
            let read = (&mut *input)
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut line)
                .await?;
            if read == 0 || line.ends_with(b"\n") {
                return Ok(Line::TooLong);
            }
        }
    }
    Ok(Line::Bytes(line))
}

/// Writes answers to stdout, each as a line; ends when stdout is closed or no sender is left.
async fn write(mut answers: mpsc::Receiver<String>) {
    let mut out = tokio::io::stdout();
    while let Some(mut answer) = answers.recv().await {
        answer.push('\n');
        if out.write_all(answer.as_bytes()).await.is_err() || out.flush().await.is_err() {
            return;
        }
    }
}
