//! The programs that start MCP servers: where each keeps its configuration, and in which form.

use crate::cli::CliError;
use std::path::{Path, PathBuf};

/// A program that starts MCP servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum AgentClient {
    ClaudeCode,
    ClaudeDesktop,
    Cursor,
    Vscode,
    Codex,
    GeminiCli,
    Windsurf,
    Zed,
}

/// The form of a configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    /// JSON; comments and commas at the end are kept where a file has them.
    Json,
    Toml,
}

/// The configuration of a client.
#[derive(Debug)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    pub(super) syntax: Syntax,
    /// The key that holds the servers by name.
    pub(super) servers: &'static str,
    /// Whether an entry says `"type": "stdio"`.
    pub(super) has_type: bool,
    /// A folder that exists if the client is installed.
    pub(super) folder: PathBuf,
}

/// The user's folders in which clients keep their configuration.
#[derive(Debug)]
pub(super) struct Folders {
    home: PathBuf,
    /// `~/.config`, `~/Library/Application Support`, `%APPDATA%`.
    config: PathBuf,
}

impl Folders {
    pub(super) fn of_user() -> Result<Self, CliError> {
        let folders = directories::BaseDirs::new()
            .ok_or_else(|| CliError::Failed("there is no home folder to look for clients in".into()))?;
        Ok(Self {
            home: folders.home_dir().to_owned(),
            config: folders.config_dir().to_owned(),
        })
    }
}

impl AgentClient {
    /// Returns its name, as it is typed.
    pub(super) fn name(self) -> String {
        use clap::ValueEnum as _;
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Returns where this client keeps its user's servers. Sources, read in November 2026: code.claude.com/docs/en/mcp;
    /// modelcontextprotocol.io (Claude Desktop); cursor.com/docs/mcp;
    /// code.visualstudio.com/docs/agents/reference/mcp-configuration; developers.openai.com/codex/mcp;
    /// geminicli.com/docs/tools/mcp-server; docs.windsurf.com/windsurf/cascade/mcp; zed.dev/docs/ai/mcp.
    pub(super) fn config(self, folders: &Folders) -> ConfigFile {
        let Folders { home, config } = folders;
        let json = |folder: PathBuf, path: PathBuf, servers| ConfigFile {
            path,
            syntax: Syntax::Json,
            servers,
            has_type: false,
            folder,
        };
        let within = |folder: PathBuf, name: &str, servers| {
            let path = folder.join(name);
            json(folder, path, servers)
        };
        match self {
            Self::ClaudeCode => {
                let (folder, path) = match named_folder("CLAUDE_CONFIG_DIR") {
                    Some(folder) => (folder.clone(), folder.join(".claude.json")),
                    None => (home.join(".claude"), home.join(".claude.json")),
                };
                ConfigFile {
                    has_type: true,
                    ..json(folder, path, "mcpServers")
                }
            }
            Self::ClaudeDesktop => within(config.join("Claude"), "claude_desktop_config.json", "mcpServers"),
            Self::Cursor => within(home.join(".cursor"), "mcp.json", "mcpServers"),
            Self::Vscode => ConfigFile {
                has_type: true,
                ..json(
                    config.join("Code"),
                    config.join("Code").join("User").join("mcp.json"),
                    "servers",
                )
            },
            Self::Codex => {
                let folder = named_folder("CODEX_HOME").unwrap_or_else(|| home.join(".codex"));
                ConfigFile {
                    syntax: Syntax::Toml,
                    ..within(folder, "config.toml", "mcp_servers")
                }
            }
            Self::GeminiCli => within(home.join(".gemini"), "settings.json", "mcpServers"),
            Self::Windsurf => within(
                home.join(".codeium").join("windsurf"),
                "mcp_config.json",
                "mcpServers",
            ),
            Self::Zed => within(zed_folder(home, config), "settings.json", "context_servers"),
        }
    }
}

impl ConfigFile {
    /// Whether the client seems to be installed.
    pub(super) fn is_installed(&self) -> bool {
        self.folder.is_dir() || self.path.exists()
    }
}

fn named_folder(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
}

/// Zed keeps to `~/.config` on macOS as well.
fn zed_folder(home: &Path, config: &Path) -> PathBuf {
    if cfg!(target_os = "macos") {
        home.join(".config").join("zed")
    } else if cfg!(windows) {
        config.join("Zed")
    } else {
        config.join("zed")
    }
}
