//! One record as one line, for a terminal.
//!
//! Everything captured is hostile: a page chooses its console text, and a terminal obeys what it prints.
//! [`escape_untrusted`] shows control characters, escapes and text-direction marks instead of sending them.

use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use tabtape::levels::Severity;
use tabtape::record::stored_line::{self, StoredLine};
use tabtape::record::{Line, parse_line};

/// Longest text of a line; `--json` shows all of it.
const MAX_TEXT_CHARS: usize = 400;

/// `text` with everything a terminal might obey made visible.
pub(crate) fn escape_untrusted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => out.push('⏎'),
            '\t' => out.push(' '),
            // Invisible characters are shown, so that the output has no hidden part.
            _ if hides(character) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            }
            _ if character.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out
}

/// Whether `character` hides text or changes its direction.
const fn hides(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// Returns JSON text for stdout: on a terminal with `\u` escapes for everything that the terminal would obey or that
/// hides text, which is the same JSON; elsewhere as it is.
pub(crate) fn json_for_stdout(text: &str) -> Cow<'_, str> {
    if std::io::stdout().is_terminal() {
        visible_json(text)
    } else {
        Cow::Borrowed(text)
    }
}

/// Prints a JSON value as one line.
pub(crate) fn print_json(value: &impl std::fmt::Display) -> std::io::Result<()> {
    let text = value.to_string();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", json_for_stdout(&text))?;
    out.flush()
}

/// JSON has such characters inside of strings only, where each may be written as an escape.
pub(crate) fn visible_json(text: &str) -> Cow<'_, str> {
    let obeyed = |character: char| (character.is_control() && character != '\n') || hides(character);
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 64);
    for character in text.chars() {
        if obeyed(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// How lines are drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Whether colours are sent.
    pub(crate) colour: bool,
}

impl Style {
    /// Colours only on a terminal that wants them.
    pub(crate) fn of_stdout() -> Self {
        let terminal = std::io::stdout().is_terminal();
        Self {
            colour: terminal && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Whether a record has more of another one, which is shown already.
pub(crate) fn is_detail(record: &Value) -> bool {
    record["event"]["source"]["metadata"]["detail_of"].is_string()
}

/// Returns the severity of a stored event, as the core grades it: a status counts where it is one of HTTP.
pub(crate) fn severity_of(record: &Value) -> Severity {
    if is_detail(record) {
        return Severity::Debug;
    }
    let event = &record["event"];
    let status = event["data"]["status"]
        .as_u64()
        .filter(|_| event["category"] == "network");
    let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or(0);
    tabtape::severity::severity(event["type"].as_str().unwrap_or("?"), status)
}

/// The same for a line as it is stored.
pub(crate) fn is_detail_line(record: &str) -> bool {
    record.contains(r#""detail_of":"#)
        && stored_line::read(record.as_bytes()).is_ok_and(|stored| is_detail(&stored.value))
}

/// One line for a record.
pub(crate) fn line(record: &str, style: Style) -> String {
    let Ok(StoredLine { value, .. }) = stored_line::read(record.as_bytes()) else {
        return cut(&escape_untrusted(record));
    };
    if let Some(gap) = value.get("gap") {
        return gap_line(gap, style);
    }
    let event = &value["event"];
    let type_ = event["type"].as_str().unwrap_or("?");
    let severity = severity_of(&value);
    let mut line = style.paint("2", &time_of_day(event["ts"].as_u64().unwrap_or(0)));
    let tab = event["source"]["metadata"]["tab_id"]
        .as_str()
        .map(|tab| format!("tab {tab}"))
        .unwrap_or_default();
    let _ = write!(
        line,
        "  {}  {}  {}  {}",
        style.paint(colour_of(severity), &format!("{:<5}", severity.as_str())),
        style.paint("36", &format!("{:<22}", escape_untrusted(type_))),
        style.paint("2", &format!("{:<8}", escape_untrusted(&tab))),
        style.paint(
            if severity >= Severity::Warn {
                colour_of(severity)
            } else {
                "0"
            },
            &cut(&escape_untrusted(&summary(event)))
        ),
    );
    line
}

fn gap_line(gap: &Value, style: Style) -> String {
    let (first, last) = (
        gap["first_seq"].as_u64().unwrap_or(0),
        gap["last_seq"].as_u64().unwrap_or(0),
    );
    let text = format!(
        "── {} {} events missing: {} (seq {first} to {last}) ──",
        last.saturating_sub(first) + 1,
        escape_untrusted(gap["category"].as_str().unwrap_or("?")),
        escape_untrusted(gap["reason"].as_str().unwrap_or("?")),
    );
    style.paint("35", &text)
}

const fn colour_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Debug => "2",
        Severity::Info => "32",
        Severity::Warn => "33",
        Severity::Error => "31",
    }
}

/// Returns an event in a few words, with the URL of its document unless they contain it.
fn summary(event: &Value) -> String {
    let text = crate::summary::of(event).line();
    let url = event["url"].as_str().unwrap_or_default();
    if event["category"] == "network" || text.contains(url) {
        text
    } else {
        format!("{text}  ({url})")
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns the local day of an event, with its offset, as in `2026-01-31 +05:30`; `None` for a gap.
pub(crate) fn day_of(record: &str) -> Option<String> {
    match parse_line(record.as_bytes()) {
        Ok(Line::Event { header, .. }) => Some(local(header.ts_micros, "%Y-%m-%d %:z")),
        _ => None,
    }
}

/// Returns the line above the first record of a day.
pub(crate) fn day_header(day: &str, style: Style) -> String {
    style.paint("2", &format!("── {day} ──"))
}

/// Returns the local date and time of a moment with its offset, in one word that every command reads.
pub(crate) fn local_time(ts_micros: u64) -> String {
    local(ts_micros, "%Y-%m-%dT%H:%M:%S%:z")
}

/// Returns the local time of a moment. Its day and offset are in the line that [`day_header`] returns.
fn time_of_day(ts_micros: u64) -> String {
    local(ts_micros, "%H:%M:%S%.3f")
}

fn local(ts_micros: u64, format: &str) -> String {
    let moment = i64::try_from(ts_micros)
        .ok()
        .and_then(chrono::DateTime::from_timestamp_micros);
    moment.map_or_else(
        || "??:??:??".to_owned(),
        |moment| moment.with_timezone(&chrono::Local).format(format).to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { colour: false };

    #[test]
    fn captured_text_cannot_steer_the_terminal() {
        let hostile = "\u{1b}]0;pwned\u{7}\u{1b}[2J\u{9b}31mred\r\u{202e}evil\u{200b}\n\0";
        let record = serde_json::json!({"event": {
            "ts": 1, "type": "console.log", "data": {"text": hostile}, "url": hostile,
            "source": {"metadata": {"tab_id": hostile}},
        }});
        let shown = line(&record.to_string(), PLAIN);
        assert!(
            !shown
                .chars()
                .any(|c| c.is_control() || matches!(c, '\u{202e}' | '\u{200b}')),
            "{shown:?}"
        );
        assert!(
            shown.contains("\\x1b]0;pwned\\x07") && shown.contains("\\u{202e}evil"),
            "{shown}"
        );
        assert!(!escape_untrusted(hostile).contains('\u{1b}'));
    }

    #[test]
    fn json_for_a_terminal_says_the_same_and_hides_nothing() {
        let hostile =
            "\u{9b}31m\u{7f}\u{85}\u{202e}evil\u{200b}\u{ad}\u{e0041}\u{2066}é日\u{1f600}\"\\\u{1b}\n";
        let json = serde_json::json!({"text": hostile, hostile: [hostile]}).to_string();
        let shown = visible_json(&json);
        assert!(!shown.chars().any(|c| c.is_control() || hides(c)), "{shown:?}");
        assert!(
            shown.contains("\\u009b31m\\u007f") && shown.contains("\\udb40\\udc41"),
            "{shown}"
        );
        assert!(shown.contains("é日\u{1f600}"), "what is seen stays");
        assert_eq!(
            serde_json::from_str::<Value>(&shown).unwrap(),
            serde_json::from_str::<Value>(&json).unwrap()
        );
        assert!(matches!(visible_json("{\"a\":1}\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_serde_refuses_is_a_line_like_any_other() {
        let long = "x".repeat(9_000);
        for text in [&format!(r"cut \ud83d {long}"), &long] {
            let record = format!(
                r#"{{"event":{{"ts":1,"type":"console.error","data":{{"text":"{text}","n":1e400}}}}}}"#
            );
            let shown = line(&record, PLAIN);
            assert!(
                shown.contains("  error  console.error") && shown.chars().count() < 500,
                "{shown}"
            );
        }
        assert!(line(&format!("{{{long}"), PLAIN).chars().count() < 500);
    }

    #[test]
    fn colour_is_sent_only_when_asked_for() {
        let record = r#"{"event":{"ts":1,"type":"console.error","data":{"text":"x"}}}"#;
        assert!(!line(record, PLAIN).contains('\u{1b}'));
        assert!(line(record, Style { colour: true }).contains("\u{1b}[31m"));
    }

    #[test]
    fn a_status_makes_an_error_only_of_a_network_event() {
        let with = |category| {
            let record = serde_json::json!({"event": {
                "ts": 1, "type": "job.ended", "category": category, "data": {"status": 500},
            }});
            line(&record.to_string(), PLAIN)
        };
        assert!(with("network").contains(" error ") && with("app").contains(" info "));
    }

    #[test]
    fn a_gap_says_how_many_and_why() {
        let record = r#"{"capture_session_id":"x","gap":{"first_seq":901,"last_seq":912,"category":"network","reason":"quota"}}"#;
        assert_eq!(
            line(record, PLAIN),
            "── 12 network events missing: quota (seq 901 to 912) ──"
        );
    }
}
