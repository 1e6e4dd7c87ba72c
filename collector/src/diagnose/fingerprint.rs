//! Decides which errors are the same.

use super::stored::Stored;

/// Returns the type, the message with its varying parts replaced, and the top own frame.
pub(super) fn of(stored: &Stored) -> String {
    let data = stored.data();
    let url = data["url"]
        .as_str()
        .or_else(|| data["blocked_url"].as_str())
        .unwrap_or_else(|| stored.url());
    let address = url.split(['?', '#']).next().unwrap_or_default();
    let frame = stored.top_frame().map(ToOwned::to_owned);
    let place = if stored.category() == "console" {
        frame.or_else(|| stored.place())
    } else {
        None
    };
    let text = format!(
        "{} {}",
        data["method"].as_str().unwrap_or_default(),
        first_line(stored.message())
    );
    let status = &data["status"];
    format!(
        "{} {status} {} {}",
        stored.type_(),
        general(&text),
        general(place.as_deref().unwrap_or(address))
    )
}

/// Reports whether an error rarely matters: of an extension, an aborted request, ResizeObserver, a missing icon.
pub(super) fn is_noise(stored: &Stored) -> bool {
    let text = stored.message();
    text.contains("ResizeObserver loop")
        || text.contains("ERR_ABORTED")
        || stored
            .top_frame()
            .is_some_and(|frame| frame.contains("-extension://"))
        || (stored.category() == "network" && stored.url().ends_with("/favicon.ico"))
}

/// The lines after it are of a stack.
pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Replaces each word that has a digit: numbers, ids, hashes, times.
pub(crate) fn general(text: &str) -> String {
    let is_word = |character: char| character.is_alphanumeric() || character == '-' || character == '_';
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(|character| !is_word(character)) {
        let name = word.trim_end_matches(|character| !is_word(character));
        out.push_str(if name.contains(|character: char| character.is_ascii_digit()) {
            "#"
        } else {
            name
        });
        out.push_str(&word[name.len()..]);
    }
    out
}
