//! The text of a console call, made from its arguments after their secrets have been replaced.
//!
//! `text` and `args` of a console event are two views of one value. A producer sends the arguments, and
//! in place of `text` how it is put together; the core replaces secrets once, in the arguments, and
//! then writes `text` from what is left. So a value that is redacted in one view is redacted in the other.
//!
//! ```json
//! {"text":["user ",1,[2,"42"]],"args":["user %s %d",{"name":"ann"},42.5]}
//! ```
//!
//! An element of `text` is a literal, the index of an argument, an index in an array of its own (the
//! argument in quotes, as `%o` prints a string), or an index with the text that represents the argument:
//! more of a string than `args` contains, or a number as `%d` prints it.
//!
//! The arguments are next to `text`, under `args`, under `error` (one argument), or under `text_args`, which
//! only serves the text and is not stored. `data` of any other form stays as it is.

mod cursor;
mod render;
#[cfg(test)]
mod tests;

use crate::redaction::{Finding, Redacted, Redactor};
use cursor::Cursor;
use std::borrow::Cow;
use std::ops::Range;

/// UTF-16 units of a text, as the hook counts them; fewer at the level `minimal`.
const MAX_TEXT: usize = 8_192;
const MAX_MINIMAL_TEXT: usize = 120;

/// More than a text can show.
const MAX_ARGUMENTS: usize = 1 << 17;

/// How often a text is written again because it showed a secret that the arguments alone did not. Each
/// time replaces all that it shows.
const MAX_PASSES: usize = 8;

/// The result of writing the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    /// Whether the text was longer than a text may be.
    pub(crate) truncated: bool,
}

/// Whether `data` says how its text is put together.
pub(crate) fn has_parts(data: &[u8]) -> bool {
    data.starts_with(br#"{"text":["#)
}

/// Writes `data` with its text to `out`, if it contains how to make one.
pub(crate) fn write_text(
    data: &[u8],
    minimal: bool,
    redactor: Option<&mut Redactor>,
    out: &mut Vec<u8>,
) -> Option<Written> {
    let call = Call::parse(data)?;
    let arguments = call.arguments.iter().map(|argument| Argument {
        json: Cow::Borrowed(*argument),
        hidden: false,
    });
    let mut line = Line {
        redactor,
        arguments: arguments.collect(),
    };
    line.redact_arguments();
    let text = line.text(&call.parts);
    let max = if minimal { MAX_MINIMAL_TEXT } else { MAX_TEXT };
    let end = render::end_of_units(&text, max);
    out.extend_from_slice(br#"{"text":""#);
    out.extend_from_slice(&text[..end]);
    out.push(b'"');
    if let Some(name) = call.kept_as {
        let is_list = name == "args";
        out.extend_from_slice(format!(",\"{name}\":{}", if is_list { "[" } else { "" }).as_bytes());
        for (at, argument) in line.arguments.iter().take(call.stored).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&argument.json);
        }
        if is_list {
            out.push(b']');
        }
    }
    match line.redactor.map(|redactor| redactor.redact(call.rest, out)) {
        Some(Redacted::Changed { .. }) => {}
        Some(Redacted::Unchanged) | None => out.extend_from_slice(call.rest),
    }
    Some(Written {
        truncated: end < text.len() && !minimal,
    })
}

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part<'a> {
    /// The content of a JSON string.
    Literal(&'a [u8]),
    Argument(usize),
    Quoted(usize),
    /// The content of the JSON string that represents an argument.
    Shown(usize, &'a [u8]),
}

impl Part<'_> {
    fn argument(&self) -> Option<usize> {
        match self {
            Self::Literal(_) => None,
            Self::Argument(at) | Self::Quoted(at) | Self::Shown(at, _) => Some(*at),
        }
    }
}

/// `data` as a producer sent it.
struct Call<'a> {
    parts: Vec<Part<'a>>,
    /// Those that are recorded, then those that only the text shows.
    arguments: Vec<&'a [u8]>,
    /// How many are recorded.
    stored: usize,
    /// The member that keeps the arguments.
    kept_as: Option<&'static str>,
    /// From the comma or brace after the arguments on.
    rest: &'a [u8],
}

impl<'a> Call<'a> {
    fn parse(data: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(data);
        cursor.literal(br#"{"text":["#)?;
        let mut parts = Vec::new();
        while !cursor.eat(b']') {
            parts.push(part(&mut cursor)?);
            cursor.eat(b',');
        }
        let mut arguments = Vec::new();
        let mut kept_as = None;
        let list = if cursor.literal(br#","args":["#).is_some() {
            kept_as = Some("args");
            true
        } else if cursor.literal(br#","error":"#).is_some() {
            kept_as = Some("error");
            arguments.push(cursor.value()?);
            false
        } else {
            // A producer that had no room for the arguments has left them out.
            cursor.literal(br#","text_args":["#).is_some()
        };
        while list && !cursor.eat(b']') {
            arguments.push(cursor.value()?);
            cursor.eat(b',');
        }
        let stored = arguments.len();
        let most = parts
            .iter()
            .filter_map(Part::argument)
            .max()
            .map_or(0, |at| at + 1);
        if most > MAX_ARGUMENTS {
            return None;
        }
        arguments.resize(most.max(stored), br#"{"$":"cut"}"#);
        matches!(cursor.peek(), b',' | b'}').then(|| Self {
            parts,
            arguments,
            stored,
            kept_as,
            rest: cursor.rest(),
        })
    }
}

fn part<'a>(cursor: &mut Cursor<'a>) -> Option<Part<'a>> {
    if cursor.peek() == b'"' {
        return Some(Part::Literal(cursor.string()?));
    }
    if !cursor.eat(b'[') {
        return Some(Part::Argument(cursor.index()?));
    }
    let at = cursor.index()?;
    let part = if cursor.eat(b',') {
        Part::Shown(at, cursor.string()?)
    } else {
        Part::Quoted(at)
    };
    cursor.literal(b"]")?;
    Some(part)
}

/// An argument as it is stored.
struct Argument<'a> {
    json: Cow<'a, [u8]>,
    /// Whether it was replaced because of the text around it, so that the text must show the replacement.
    hidden: bool,
}

/// A call whose secrets are being replaced.
struct Line<'a, 'r> {
    redactor: Option<&'r mut Redactor>,
    arguments: Vec<Argument<'a>>,
}

/// The content of a JSON string, and which part of the call each range of it shows.
#[derive(Default)]
struct Rendered {
    text: Vec<u8>,
    spans: Vec<(Range<usize>, usize)>,
}

impl Line<'_, '_> {
    /// Replaces what an argument gives away, by itself or by the argument before it.
    fn redact_arguments(&mut self) {
        let Some(redactor) = &mut self.redactor else {
            return;
        };
        for argument in &mut self.arguments {
            let mut redacted = Vec::new();
            if let Redacted::Changed { .. } = redactor.redact(&argument.json, &mut redacted) {
                argument.json = Cow::Owned(redacted);
            }
        }
        for at in 1..self.arguments.len() {
            let [before, argument] = &mut self.arguments[at - 1..=at] else {
                continue;
            };
            let Some(label) = before
                .json
                .strip_prefix(b"\"")
                .and_then(|text| text.strip_suffix(b"\""))
            else {
                continue;
            };
            let mut redacted = Vec::new();
            if let Redacted::Changed { .. } =
                redactor.redact_labelled(label, 0, &argument.json, &mut redacted)
            {
                *argument = Argument {
                    json: Cow::Owned(redacted),
                    hidden: true,
                };
            }
        }
    }

    /// Returns the text without secrets. A value that only the text around it shows to be a secret is
    /// replaced in the arguments, too.
    fn text(&mut self, parts: &[Part<'_>]) -> Vec<u8> {
        for pass in 1.. {
            let Rendered { text, spans } = self.render(parts);
            let Some(redactor) = &mut self.redactor else {
                return text;
            };
            let mut json = Vec::with_capacity(text.len() + 2);
            json.push(b'"');
            json.extend_from_slice(&text);
            json.push(b'"');
            let (mut redacted, mut findings) = (Vec::new(), Vec::new());
            if redactor.redact_reporting(&json, &mut redacted, &mut findings) == Redacted::Unchanged {
                return text;
            }
            if pass == MAX_PASSES || !self.replace_found(&findings, &spans) {
                return redacted.get(1..redacted.len() - 1).unwrap_or_default().to_vec();
            }
        }
        Vec::new()
    }

    fn render(&mut self, parts: &[Part<'_>]) -> Rendered {
        let mut rendered = Rendered::default();
        let mut part_start = 0;
        for part in parts {
            let start = rendered.text.len();
            if let Some(at) = part.argument() {
                self.redact_labelled(part, at, &rendered.text, part_start);
            }
            match part {
                Part::Literal(literal) => rendered.text.extend_from_slice(literal),
                Part::Quoted(at) => render::value(&self.arguments[*at].json, true, &mut rendered.text),
                Part::Shown(at, shown) if !self.arguments[*at].hidden => {
                    rendered.text.extend_from_slice(shown)
                }
                Part::Argument(at) | Part::Shown(at, _) => {
                    render::value(&self.arguments[*at].json, false, &mut rendered.text);
                }
            }
            if let Some(at) = part.argument() {
                rendered.spans.push((start..rendered.text.len(), at));
            }
            if rendered.text[start..].iter().any(|byte| *byte != b' ') {
                part_start = start;
            }
            // Four bytes of a character, or six of an escape, for each unit.
            if rendered.text.len() > 6 * MAX_TEXT {
                break;
            }
        }
        rendered
    }

    /// Replaces the argument at `at` if the text before it names it.
    fn redact_labelled(&mut self, part: &Part<'_>, at: usize, before: &[u8], part_start: usize) {
        let Some(redactor) = &mut self.redactor else {
            return;
        };
        let mut redacted = Vec::new();
        let argument = &mut self.arguments[at];
        if argument.hidden {
            return;
        }
        let shown = match part {
            Part::Shown(_, shown) => Cow::Owned([b"\"", *shown, b"\""].concat()),
            _ => Cow::Borrowed(&*argument.json),
        };
        if let Redacted::Changed { .. } = redactor.redact_labelled(before, part_start, &shown, &mut redacted)
        {
            *argument = Argument {
                json: Cow::Owned(redacted),
                hidden: true,
            };
        }
    }

    /// Replaces scalar arguments that a finding in the text begins at or before. Says whether there was one.
    fn replace_found(&mut self, findings: &[Finding], spans: &[(Range<usize>, usize)]) -> bool {
        let Some(redactor) = &mut self.redactor else {
            return false;
        };
        let mut replaced = false;
        for finding in findings {
            // One byte for the quote that the text was given.
            let (start, end) = (finding.range.start - 1, finding.range.end - 1);
            for (span, at) in spans {
                let covers = start <= span.start && span.start < end;
                let argument = &mut self.arguments[*at];
                if !covers || argument.hidden {
                    continue;
                }
                let mut redacted = Vec::new();
                let Some(scalar) = render::scalar_of(&argument.json) else {
                    continue;
                };
                if redactor.replace_scalar(scalar, finding.rule, &mut redacted) != Redacted::Unchanged {
                    *argument = Argument {
                        json: Cow::Owned(redacted),
                        hidden: true,
                    };
                    replaced = true;
                }
            }
        }
        replaced
    }
}
