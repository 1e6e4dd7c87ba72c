//! The canonical text of a selector, which parses back to the same selector.

use super::{Filter, Key, Selector, Term};
use std::fmt::{self, Write as _};

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms().iter().enumerate() {
            if index > 0 {
                f.write_char(' ')?;
            }
            term.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negated {
            f.write_char('-')?;
        }
        if let Filter::Text(text) = &self.filter {
            return f.write_str(&quoted_if_need_be(text, Key::Text));
        }
        let key = self.filter.key();
        write!(f, "{}:", key.name())?;
        for (index, text) in self.filter.values().iter().enumerate() {
            if index > 0 {
                f.write_char(',')?;
            }
            f.write_str(&quoted_if_need_be(text, key))?;
        }
        Ok(())
    }
}

/// A value, in quotes where the parser would otherwise end it or take it for something else.
pub(crate) fn quoted_if_need_be(text: &str, key: Key) -> String {
    let ends_value = |c: char| c.is_whitespace() || c == '"' || (c == ',' && key != Key::Text);
    let means_more = key == Key::Text
        && (text.starts_with('-') || text.contains(':') || matches!(text, "AND" | "OR" | "NOT"));
    if !text.is_empty() && !text.contains(ends_value) && !means_more {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
