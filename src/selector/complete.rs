//! Completions of a selector that is being typed, for filter bars and shells.

use super::Key;
use crate::levels::BUILT_IN_CATEGORIES;
use crate::levels::{DetailLevel, Severity, SourceKind};
use std::ops::Range;

/// Suggestions for the key or value before the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The bytes that a suggestion replaces: the typed part of a key or value, up to the cursor.
    pub replace: Range<usize>,
    /// In the order of the grammar, then of the values seen.
    pub suggestions: Vec<Suggestion>,
}

/// One thing that could be typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The text to insert: a key with its colon, or a value, quoted if need be.
    pub insert: String,
    /// The form of the key's values; empty for values.
    pub help: &'static str,
}

/// Types that every recorder can publish, as the globs people ask for.
const TYPES: &[&str] = &[
    "console.*",
    "console.error",
    "console.exception",
    "console.rejection",
    "network.*",
    "network.failed",
    "network.request",
    "network.response",
    "network.websocket_*",
    "page.*",
    "page.navigation_*",
    "tab.*",
    "window.*",
    "input.*",
    "system.*",
    "system.mark",
];

/// Returns completions at `cursor`, a byte offset in `text`.
///
/// `seen` adds values to the fixed ones: sites, tabs or third parties' types that occur in the records on
/// screen.
///
/// ```
/// use tabtape::selector::{Key, complete};
///
/// let completion = complete("tab:7 sev", 9, &[]);
/// assert_eq!(completion.suggestions[0].insert, "severity:");
/// assert_eq!(completion.replace, 6..9);
///
/// let completion = complete("site:loc", 8, &[(Key::Site, "localhost:3000".into())]);
/// assert_eq!(completion.suggestions[0].insert, "localhost:3000");
/// ```
#[must_use]
pub fn complete(text: &str, cursor: usize, seen: &[(Key, String)]) -> Completion {
    let mut cursor = cursor.min(text.len());
    while !text.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let before = &text[..cursor];
    let (start, last_comma) = current_term(before);
    let start = start + usize::from(before[start..].starts_with('-'));
    let typed = &before[start..];
    let Some((key, colon)) = typed
        .find(':')
        .and_then(|at| Some((Key::from_name(&typed[..at])?, at)))
    else {
        return Completion {
            replace: start..cursor,
            suggestions: keys(typed),
        };
    };
    let first_value = start + colon + 1;
    let value = last_comma.map_or(first_value, |comma| first_value.max(comma + 1));
    let others: Vec<&str> = before[first_value..value]
        .split(',')
        .map(|other| other.trim_matches('"'))
        .collect();
    let partial = before[value..].trim_start_matches('"').to_ascii_lowercase();
    let values = fixed_values(key)
        .into_iter()
        .chain(seen.iter().filter(|(of, _)| *of == key).map(|(_, v)| v.clone()));
    let mut suggestions: Vec<Suggestion> = Vec::new();
    for candidate in values {
        let fits = candidate.to_ascii_lowercase().contains(&partial) && !others.contains(&candidate.as_str());
        let insert = super::text_form::quoted_if_need_be(&candidate, key);
        if fits && !suggestions.iter().any(|earlier| earlier.insert == insert) {
            suggestions.push(Suggestion { insert, help: "" });
        }
    }
    Completion {
        replace: value..cursor,
        suggestions,
    }
}

/// Returns the start of the last term of `before`, and its last comma, both outside quotes.
fn current_term(before: &str) -> (usize, Option<usize>) {
    let mut start = 0;
    let mut comma = None;
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in before.char_indices() {
        match c {
            '"' if !escaped => quoted = !quoted,
            ',' if !quoted => comma = Some(at),
            c if c.is_whitespace() && !quoted => (start, comma) = (at + c.len_utf8(), None),
            _ => {}
        }
        escaped = c == '\\' && quoted && !escaped;
    }
    (start, comma)
}

fn keys(typed: &str) -> Vec<Suggestion> {
    let typed = typed.to_ascii_lowercase();
    let fits = |key: &&Key| **key != Key::Text && key.name().starts_with(&typed);
    let suggestion = |key: &Key| Suggestion {
        insert: format!("{}:", key.name()),
        help: key.help(),
    };
    Key::ALL.iter().filter(fits).map(suggestion).collect()
}

fn fixed_values(key: Key) -> Vec<String> {
    fn all<T: ToString>(values: &[T]) -> Vec<String> {
        values.iter().map(ToString::to_string).collect()
    }
    match key {
        Key::Category => all(&BUILT_IN_CATEGORIES),
        Key::Type => all(TYPES),
        Key::Kind => all(SourceKind::ALL),
        Key::Detail => all(DetailLevel::ALL),
        Key::Severity => all(Severity::ALL),
        Key::Status => all(&["4xx", "5xx", "400..599", "2xx", "3xx"]),
        Key::Since | Key::Until => all(&["1m", "10m", "1h", "1d"]),
        Key::Tab | Key::Site | Key::Url | Key::Session | Key::Text => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, complete};
    use crate::selector::Selector;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn inserts(text: &str, seen: &[(Key, String)]) -> Vec<String> {
        complete(text, text.len(), seen)
            .suggestions
            .into_iter()
            .map(|suggestion| suggestion.insert)
            .collect()
    }

    #[test]
    fn keys_are_suggested_until_there_is_a_colon_and_values_after_it() {
        assert_eq!(
            inserts("s", &[]),
            ["severity:", "status:", "site:", "session:", "since:"]
        );
        assert_eq!(inserts("word -SE", &[]), ["severity:", "session:"]);
        assert_eq!(inserts("", &[]).len(), Key::ALL.len() - 1);
        assert_eq!(inserts("severity:", &[]), ["debug", "info", "warn", "error"]);
        assert_eq!(inserts("category:net", &[]), ["network"]);
        assert_eq!(inserts("sevrity:", &[]), [""; 0]);
        assert_eq!(inserts("url:", &[]), [""; 0]);
    }

    #[test]
    fn what_is_already_listed_is_not_suggested_again() {
        let left = inserts("category:console,network,", &[]);
        assert_eq!(left, ["page", "tab", "interaction", "system"]);
    }

    #[test]
    fn seen_values_come_last_quoted_where_the_grammar_needs_it() {
        let seen = [
            (Key::Url, "a,b".to_owned()),
            (Key::Site, "x.y".to_owned()),
            (Key::Url, "a,b".to_owned()),
        ];
        assert_eq!(inserts("url:A", &seen), ["\"a,b\""]);
        assert_eq!(inserts("word url:\"a", &seen), ["\"a,b\""]);
    }

    #[test]
    fn only_text_before_the_cursor_counts() {
        let completion = complete("cat severity:warn", 3, &[]);
        assert_eq!(
            (completion.replace, completion.suggestions[0].insert.as_str()),
            (0..3, "category:")
        );
    }

    proptest! {
        #[test]
        fn any_value_suggested_is_taken_by_its_key(
            key in "-?(category|type|kind|detail|severity|status|since|until):", partial in "[a-z0-9]{0,2}",
        ) {
            let text = format!("{key}{partial}");
            let completion = complete(&text, text.len(), &[]);
            prop_assert_eq!(completion.replace.clone(), key.len()..text.len());
            prop_assert!(!partial.is_empty() || !completion.suggestions.is_empty());
            for suggestion in &completion.suggestions {
                let taken = format!("{key}{}", suggestion.insert);
                prop_assert!(Selector::parse(&taken, 0).is_ok(), "{}", taken);
            }
        }

        #[test]
        fn no_text_and_no_cursor_make_it_panic(text in "[a-z:,\\\\\" é-]{0,20}|\\PC{0,20}", cursor in 0..24_usize) {
            let completion = complete(&text, cursor, &[(Key::Url, "é".into())]);
            prop_assert!(text.get(completion.replace).is_some());
        }
    }
}
