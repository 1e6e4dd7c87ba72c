//! Adds the entry of this server to the text of a client's configuration, and changes nothing else in it.
//!
//! A text that cannot be read, or in which the servers are not where they belong, is an error: it is not replaced.
//! The new text is parsed and compared with the old one before it is returned.

use super::clients::{ConfigFile, Syntax};
use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use serde_json::{Value, json};
use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike};

/// The name of the server in a configuration.
const NAME: &str = "tabtape";
const BYTE_ORDER_MARK: char = '\u{feff}';

/// How a client starts this server.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) command: String,
    pub(super) args: Vec<String>,
}

impl Entry {
    fn args(&self) -> CstInputValue {
        self.args.clone().into()
    }

    fn json(&self, has_type: bool) -> Vec<(String, CstInputValue)> {
        let mut fields = Vec::new();
        if has_type {
            fields.push(("type".to_owned(), "stdio".into()));
        }
        fields.push(("command".to_owned(), self.command.clone().into()));
        fields.push(("args".to_owned(), self.args()));
        fields
    }
}

/// Returns `text` with `entry` in it; the same text if it is there already.
///
/// # Errors
/// Why the text cannot be changed, without the name of its file.
pub(super) fn with_entry(text: &str, file: &ConfigFile, entry: &Entry) -> Result<String, String> {
    let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let edited = match file.syntax {
        Syntax::Json => in_json(body, file, entry)?,
        Syntax::Toml => in_toml(body, file, entry)?,
    };
    let mark = &text[..text.len() - body.len()];
    Ok(format!("{mark}{edited}"))
}

/// Comments and commas at the end are what clients accept; the rest of what the parser could accept is not JSON.
const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

fn read_json(text: &str) -> Result<CstRootNode, String> {
    CstRootNode::parse(text, &OPTIONS).map_err(|error| format!("it is not JSON: {error}"))
}

fn in_json(text: &str, file: &ConfigFile, entry: &Entry) -> Result<String, String> {
    let text = if text.trim().is_empty() { "{}\n" } else { text };
    let root = read_json(text)?;
    let top = root
        .object_value_or_create()
        .ok_or("expected an object at the top")?;
    let servers = object_in(&top, file.servers)?;
    match property(&servers, NAME)? {
        None => {
            servers.append(NAME, CstInputValue::Object(entry.json(file.has_type)));
        }
        Some(present) => match present.object_value().filter(is_started) {
            Some(present) => {
                for (field, value) in entry.json(file.has_type) {
                    set(&present, &field, value)?;
                }
            }
            // An entry of another kind: an address, or an older form.
            None => present.set_value(CstInputValue::Object(entry.json(file.has_type))),
        },
    }
    let edited = root.to_string();
    check_json(text, &edited, file, entry)?;
    Ok(edited)
}

fn is_started(entry: &CstObject) -> bool {
    let command = entry.get("command").and_then(|command| command.value());
    command.is_some_and(|command| command.as_string_lit().is_some())
}

fn set(object: &CstObject, field: &str, value: CstInputValue) -> Result<(), String> {
    let wanted = match &value {
        CstInputValue::String(text) => json!(text),
        CstInputValue::Array(items) => items
            .iter()
            .map(|item| match item {
                CstInputValue::String(text) => json!(text),
                _ => Value::Null,
            })
            .collect(),
        _ => Value::Null,
    };
    match property(object, field)? {
        // A value that is right keeps its form.
        Some(present) if present.to_serde_value() == Some(wanted) => {}
        Some(present) => present.set_value(value),
        None => {
            object.append(field, value);
        }
    }
    Ok(())
}

/// Returns the object at `key`, and adds an empty one if `key` is missing.
fn object_in(parent: &CstObject, key: &str) -> Result<CstObject, String> {
    match property(parent, key)? {
        None => Ok(parent.object_value_or_set(key)),
        Some(present) => present
            .object_value()
            .ok_or_else(|| format!("expected {key:?} to be an object")),
    }
}

/// Returns the property of a name. Readers differ in which of two they take.
fn property(object: &CstObject, key: &str) -> Result<Option<jsonc_parser::cst::CstObjectProp>, String> {
    let mut found = object
        .properties()
        .into_iter()
        .filter(|property| property.decoded_name().as_deref() == Some(key));
    match (found.next(), found.next()) {
        (first, None) => Ok(first),
        _ => Err(format!("it has {key:?} twice")),
    }
}

/// Checks that nothing but the entry differs.
fn check_json(before: &str, after: &str, file: &ConfigFile, entry: &Entry) -> Result<(), String> {
    let broken = || "the change would break it".to_owned();
    let value = |text| read_json(text).map(|root| root.to_serde_value().unwrap_or_else(|| json!({})));
    let (mut before_value, mut after_value) = (value(before)?, value(after)?);
    let written = &after_value[file.servers][NAME];
    if written["command"] != entry.command || written["args"] != json!(entry.args) {
        return Err(broken());
    }
    for value in [&mut before_value, &mut after_value] {
        if let Some(servers) = value[file.servers].as_object_mut() {
            servers.remove(NAME);
        } else {
            value[file.servers] = json!({});
        }
    }
    let is_strict = |text| serde_json::from_str::<Value>(text).is_ok();
    if before_value != after_value || is_strict(before) != is_strict(after) {
        return Err(broken());
    }
    Ok(())
}

fn in_toml(text: &str, file: &ConfigFile, entry: &Entry) -> Result<String, String> {
    let read = |text: &str| {
        text.parse::<DocumentMut>()
            .map_err(|error| format!("it is not TOML: {error}"))
    };
    let mut document = read(text)?;
    let mut implicit = Table::new();
    implicit.set_implicit(true);
    let servers = document.entry(file.servers).or_insert(Item::Table(implicit));
    let is_inline = servers.is_inline_table();
    let servers = servers
        .as_table_like_mut()
        .ok_or_else(|| format!("expected {:?} to be a table", file.servers))?;
    let is_started = servers
        .get(NAME)
        .and_then(|present| present.as_table_like()?.get("command")?.as_str())
        .is_some();
    if !is_started {
        let empty = if is_inline {
            Item::Value(InlineTable::new().into())
        } else {
            Item::Table(Table::new())
        };
        servers.insert(NAME, empty);
    }
    let present = servers.get_mut(NAME).and_then(Item::as_table_like_mut);
    let present = present.ok_or("the entry is not a table")?;
    let args: toml_edit::Array = entry.args.iter().collect();
    set_toml(present, "command", entry.command.as_str().into());
    set_toml(present, "args", args.into());
    let edited = document.to_string();
    let without = |text: &str| -> Result<String, String> {
        let mut document = read(text)?;
        if let Some(servers) = document.get_mut(file.servers).and_then(Item::as_table_like_mut) {
            servers.remove(NAME);
            if servers.is_empty() {
                document.remove(file.servers);
            }
        }
        Ok(document.to_string().trim().to_owned())
    };
    if without(text)? != without(&edited)? {
        return Err("the change would break it".into());
    }
    Ok(edited)
}

/// Sets a field, and keeps the space and the comment around it.
fn set_toml(table: &mut dyn TableLike, field: &str, value: toml_edit::Value) {
    let Some(present) = table.get_mut(field).and_then(Item::as_value_mut) else {
        table.insert(field, Item::Value(value));
        return;
    };
    if plain(present) != plain(&value) {
        let around = present.decor().clone();
        *present = value;
        *present.decor_mut() = around;
    }
}

/// Returns the strings of a value, without its form.
fn plain(value: &toml_edit::Value) -> Vec<&str> {
    match value {
        toml_edit::Value::Array(items) => items.iter().filter_map(toml_edit::Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    }
}

/// Returns a configuration that holds the entry alone.
pub(super) fn alone(file: &ConfigFile, entry: &Entry) -> Result<String, String> {
    with_entry("", file, entry).map(|text| text.trim_end().to_owned())
}
