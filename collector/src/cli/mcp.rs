//! `tabtape mcp`: the stdio form of `/mcp`, for agents that start a process.
//!
//! A bridge: each line of stdin is a JSON-RPC message, sent to the running collector; its answer is a line
//! of stdout. So there is one implementation, one store and one set of rights.

use super::CliError;
use super::client::Client;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::Mutex;

pub(super) async fn run(client: Client) -> Result<(), CliError> {
    let client = Arc::new(client);
    let out = Arc::new(Mutex::new(tokio::io::stdout()));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut open = tokio::task::JoinSet::new();
    while let Some(line) = lines.next_line().await? {
        if line.trim().is_empty() {
            continue;
        }
        let (client, out) = (Arc::clone(&client), Arc::clone(&out));
        // Each on its own: a waiting tool does not hold up the others.
        open.spawn(async move {
            if let Some(answer) = answer(&client, line).await {
                let mut out = out.lock().await;
                let _ = out.write_all(format!("{answer}\n").as_bytes()).await;
                let _ = out.flush().await;
            }
        });
    }
    while open.join_next().await.is_some() {}
    Ok(())
}

/// The answer to a message; `None` for a notification.
async fn answer(client: &Client, message: String) -> Option<String> {
    let id = serde_json::from_str::<Value>(&message).ok().and_then(|message| message.get("id").cloned());
    let answered = async { client.mcp(message).await?.text().await.map_err(CliError::failed) };
    match answered.await {
        Ok(text) if text.trim().is_empty() => None,
        Ok(text) => Some(text.trim().replace('\n', " ")),
        Err(error) => id.map(|id| {
            let error = json!({"code": -32000, "message": error.to_string()});
            json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string()
        }),
    }
}
