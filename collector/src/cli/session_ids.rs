//! Sessions named by the beginning of their id.

use super::CliError;
use super::client::Client;
use super::terms::map_values;
use serde_json::Value;

/// Length of a whole id.
const ID_BYTES: usize = 36;

/// Returns the id of the session that `given` is, or begins.
pub(super) async fn whole_id(client: &Client, given: &str) -> Result<String, CliError> {
    if !is_beginning(given) {
        return Ok(given.to_owned());
    }
    only_one(&ids(client).await?, given)
}

/// Returns the id of an optional session.
pub(super) async fn whole_id_of(client: &Client, given: Option<&str>) -> Result<Option<String>, CliError> {
    match given {
        Some(given) => Ok(Some(whole_id(client, given).await?)),
        None => Ok(None),
    }
}

/// Returns `selector` with whole ids in its `session:` terms.
pub(super) async fn with_whole_ids(client: &Client, selector: String) -> Result<String, CliError> {
    let mut has_beginning = false;
    map_values(&selector, |key, value| {
        has_beginning |= key == "session" && value.split(',').any(is_beginning);
        None
    });
    if !has_beginning {
        return Ok(selector);
    }
    let ids = ids(client).await?;
    let mut failed = None;
    let whole = map_values(&selector, |key, value| {
        if key != "session" {
            return None;
        }
        let whole = value.split(',').map(|given| {
            if is_beginning(given) {
                only_one(&ids, given)
            } else {
                Ok(given.to_owned())
            }
        });
        match whole.collect::<Result<Vec<_>, _>>() {
            Ok(whole) => Some(whole.join(",")),
            Err(error) => {
                failed = Some(error);
                None
            }
        }
    });
    failed.map_or(Ok(whole), Err)
}

/// Whether `given` may be the beginning of an id: a shorter text of the same characters. A text that was copied with its
/// ellipsis counts too.
fn is_beginning(given: &str) -> bool {
    let digits = given.trim_end_matches('…');
    (4..ID_BYTES).contains(&digits.len())
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

async fn ids(client: &Client) -> Result<Vec<String>, CliError> {
    let list: Value = client.json("/v1/sessions", &[]).await?;
    let sessions = list["sessions"].as_array().into_iter().flatten();
    Ok(sessions
        .filter_map(|session| Some(session["session"].as_str()?.to_owned()))
        .collect())
}

fn only_one(ids: &[String], given: &str) -> Result<String, CliError> {
    let beginning = given.trim_end_matches('…');
    let found: Vec<&String> = ids.iter().filter(|id| id.starts_with(beginning)).collect();
    match found[..] {
        [only] => Ok(only.clone()),
        [] => Err(CliError::Failed(format!(
            "no session begins with {given:?}; `tabtape sessions` lists them"
        ))),
        _ => {
            let list: Vec<&str> = found.iter().map(|id| id.as_str()).collect();
            let detail = format!(
                "{} sessions begin with {given:?}: {}",
                list.len(),
                list.join(", ")
            );
            Err(CliError::Failed(detail))
        }
    }
}
