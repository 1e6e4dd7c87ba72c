//! Short names for events and places in the store.

use crate::store::Store;

/// Characters of the store's id in a cursor: its random end, enough to tell stores apart.
const STORE_CHARS: usize = 8;

/// Reads the short name of an event, like `s3:1042`: the row of its session and its seq.
pub(super) fn event(text: &str) -> Option<(i64, u64)> {
    let (session, seq) = text.trim().strip_prefix('s')?.split_once(':')?;
    Some((
        session.parse().ok().filter(|row| *row > 0)?,
        seq.parse().ok().filter(|seq| *seq > 0)?,
    ))
}

/// Returns the cursor of a position.
pub(super) fn cursor(store: &Store, position: u64) -> String {
    format!("{}:{position}", store_name(store))
}

/// Reads a cursor.
///
/// # Errors
/// It is not a cursor, or of another store.
pub(super) fn position(store: &Store, cursor: &str) -> Result<u64, String> {
    let Some((name, position)) = cursor.trim().rsplit_once(':') else {
        return Err(format!(
            "expects cursor to be a text that an answer showed, not {cursor:?}"
        ));
    };
    if name != store_name(store) && name != store.store_id() {
        return Err("got a cursor of another store; begin again without cursor".to_owned());
    }
    let latest = store.latest_position();
    match position.parse() {
        Ok(position) if position <= latest => Ok(position),
        _ => Err(format!(
            "expects cursor to be a text that an answer showed, not {cursor:?}"
        )),
    }
}

fn store_name(store: &Store) -> &str {
    let id = store.store_id();
    &id[id.floor_char_boundary(id.len().saturating_sub(STORE_CHARS))..]
}

/// Replaces `session:s3` in a selector by the id of the session with that short name.
pub(super) async fn with_session_ids(store: &Store, q: &str) -> Result<String, crate::store::StoreError> {
    let mut words = Vec::new();
    for word in q.split(' ') {
        let row = word
            .trim_start_matches('-')
            .strip_prefix("session:s")
            .and_then(|row| row.parse().ok());
        let id = match row {
            Some(row) => store.session_id(row).await?,
            None => None,
        };
        words.push(id.map_or_else(
            || word.to_owned(),
            |id| format!("{}session:{id}", if word.starts_with('-') { "-" } else { "" }),
        ));
    }
    Ok(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::event;

    #[test]
    fn a_short_name_is_read_and_nothing_else() {
        assert_eq!(event(" s3:1042 "), Some((3, 1042)));
        for wrong in ["", "s3", "3:1042", "s0:1", "s3:0", "s3:x", "s-1:2", "s3:1:2"] {
            assert_eq!(event(wrong), None, "{wrong}");
        }
    }
}
