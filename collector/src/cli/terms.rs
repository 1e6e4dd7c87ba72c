//! Terms of a selector's text, changed before it is sent.

use std::ffi::OsString;

/// Returns `selector` with other values for some of its terms. `change` receives a term's key and its value without
/// quotes, and returns the new value, or `None` if the term stays as it is. Quoted text is no term, and the object form
/// stays as it is.
pub(super) fn map_values(selector: &str, mut change: impl FnMut(&str, &str) -> Option<String>) -> String {
    if selector.trim_start().starts_with('{') {
        return selector.to_owned();
    }
    let mut out = String::with_capacity(selector.len());
    let mut rest = selector;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(end_of_word(rest));
        rest = after;
        let (minus, term) = word.strip_prefix('-').map_or(("", word), |term| ("-", term));
        let changed = term
            .split_once(':')
            .and_then(|(key, value)| Some((key, change(key, value.trim_matches('"'))?)));
        match changed {
            Some((key, value)) => out += &format!("{minus}{key}:{value}"),
            None => out += word,
        }
    }
    out
}

/// Returns the length of the word, or of the whitespace, at the beginning of `text`. A quoted text is part of a word.
fn end_of_word(text: &str) -> usize {
    let is_space = text.starts_with(char::is_whitespace);
    let mut in_quotes = false;
    let mut is_escaped = false;
    for (at, letter) in text.char_indices() {
        if !in_quotes && letter.is_whitespace() != is_space {
            return at;
        }
        if letter == '"' && !is_escaped {
            in_quotes = !in_quotes;
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    text.len()
}

/// Returns the command line with each `-key:value` as `--not=key:value`, in commands that take a selector. Otherwise
/// `-type:tab.*` would be read as the flags `-t`, `-y`, …
pub(super) fn exclusions_as_flags(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut takes_selector = false;
    let mut is_literal = false;
    let as_flag = |argument: OsString| {
        let text = argument.to_str().unwrap_or_default();
        is_literal |= text == "--";
        takes_selector |= matches!(text, "tail" | "query" | "export" | "delete" | "coverage");
        match text
            .strip_prefix('-')
            .filter(|term| takes_selector && !is_literal && is_term(term))
        {
            Some(term) => format!("--not={term}").into(),
            None => argument,
        }
    };
    arguments.into_iter().map(as_flag).collect()
}

/// Whether `text` begins with the key of a term. A key has more than one letter, a short flag has one.
fn is_term(text: &str) -> bool {
    let key = text.split_once(':').map_or("", |(key, _)| key);
    key.len() > 1 && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_terms_change_and_quoted_text_stays() {
        let upper = |key: &str, value: &str| (key == "a").then(|| value.to_uppercase());
        for (text, expected) in [
            ("a:x  -a:y b:z a", "a:X  -a:Y b:z a"),
            (r#"a:"x y" "a:z""#, r#"a:X Y "a:z""#),
            (r#"b:"x a:y \" a:z" a:w"#, r#"b:"x a:y \" a:z" a:W"#),
            (r#"{"a:x": 1}"#, r#"{"a:x": 1}"#),
            ("", ""),
        ] {
            assert_eq!(map_values(text, upper), expected, "{text}");
        }
    }

    #[test]
    fn an_excluded_term_is_no_flag_and_flags_stay() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        for (typed, expected) in [
            (
                "tabtape query -type:tab.* -n 5",
                "tabtape query --not=type:tab.* -n 5",
            ),
            (
                "tabtape --data-dir d tail -url:*/x --json",
                "tabtape --data-dir d tail --not=url:*/x --json",
            ),
            ("tabtape query -- -type:x", "tabtape query -- -type:x"),
            ("tabtape mark -type:x", "tabtape mark -type:x"),
            ("tabtape query -n5 -x:y", "tabtape query -n5 -x:y"),
        ] {
            assert_eq!(exclusions_as_flags(words(typed)), words(expected));
        }
    }
}
