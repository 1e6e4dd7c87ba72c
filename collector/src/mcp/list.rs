//! A list of events within a budget: what its lines share is said once, repeats are folded, and what is left out is
//! named with the call that gets it.

use crate::clock::utc;
use crate::diagnose::{
    FIELD_BYTES, LEGEND, Stored, common_origin, field, pattern, phrase, severity, time_ago,
};
use crate::store::PageRecord;
use std::collections::HashMap;
use std::fmt::Write as _;
use tabtape::levels::Severity;

/// Bytes that the last lines may have.
pub(super) const FOOTER_BYTES: usize = 240;
const MAX_ORIGIN_BYTES: usize = 60;
/// Captured text of one line.
const MAX_TEXT_BYTES: usize = 280;
const MIN_TEXT_BYTES: usize = 60;
/// ` ×12345 alike to s3:1042`
const FOLD_BYTES: usize = 48;

/// An event or a gap, in the order of the answer.
#[derive(Debug)]
pub(super) enum Item {
    Event(Box<Stored>),
    /// A gap as text, with its position.
    Gap(String, u64),
}

impl Item {
    fn of(record: &PageRecord) -> Self {
        match Stored::of(record) {
            Some(stored) => Self::Event(Box::new(stored)),
            None => {
                let gap = &tabtape::record::stored_line::value(&record.line)["gap"];
                let count = record.last_seq.saturating_sub(record.first_seq) + 1;
                let name = |field: &str| crate::diagnose::name(gap[field].as_str().unwrap_or("?"));
                let text = format!(
                    "s{}:{} gap: {count} {} events missing, reason {}",
                    record.session,
                    record.first_seq,
                    name("category"),
                    name("reason")
                );
                Self::Gap(text, record.position)
            }
        }
    }

    /// Returns the items to show; a detail is shown with its event.
    pub(super) fn shown(records: &[PageRecord]) -> Vec<Self> {
        let mut items: Vec<Self> = records.iter().map(Self::of).collect();
        items.retain(|item| !matches!(item, Self::Event(event) if event.is_detail()));
        items
    }

    /// Returns its place in the store.
    pub(super) fn position(&self) -> u64 {
        match self {
            Self::Event(stored) => stored.position,
            Self::Gap(_, position) => *position,
        }
    }
}

/// The lines that fit.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) text: String,
    /// The position of the last item that is shown or folded; `None` without one.
    pub(super) last: Option<u64>,
    /// Items that did not fit.
    pub(super) left_out: usize,
}

/// Shows `items` in at most `bytes` bytes, [`FOOTER_BYTES`] of which stay free for the last lines.
pub(super) fn list(items: &[&Item], bytes: usize, now: u64) -> Listed {
    let shared = Shared::of(items);
    let mut text = shared.header(now);
    let max_text = (bytes / 6).clamp(MIN_TEXT_BYTES, MAX_TEXT_BYTES);
    let room = bytes.saturating_sub(FOOTER_BYTES + text.len());
    let mut lines: Vec<Line> = Vec::new();
    let mut by_phrase: HashMap<String, usize> = HashMap::new();
    let (mut used, mut last, mut shown) = (0, None, 0);
    for item in items {
        let (line, phrase) = match item {
            Item::Gap(text, _) => (Line::new(text.clone(), String::new()), None),
            Item::Event(stored) => {
                let phrase = shared.phrase(stored, max_text);
                // One of several errors that differ in numbers only says what the others say.
                let is_error = severity(stored) >= Severity::Warn;
                let key = if is_error {
                    pattern(&phrase)
                } else {
                    phrase.clone()
                };
                (
                    Line::new(shared.lead(stored), phrase),
                    Some((key, stored.handle())),
                )
            }
        };
        match phrase.as_ref().and_then(|(key, _)| by_phrase.get(key)) {
            Some(index) => {
                let first = &mut lines[*index];
                first.count += 1;
                first.is_alike |= first.phrase != line.phrase;
                first.to = phrase.map(|(_, handle)| handle).unwrap_or_default();
            }
            None => {
                used += line.bytes();
                if used > room {
                    break;
                }
                if let Some((key, _)) = phrase {
                    by_phrase.insert(key, lines.len());
                }
                lines.push(line);
            }
        }
        last = Some(item.position());
        shown += 1;
    }
    for line in &lines {
        line.write_to(&mut text);
    }
    Listed {
        text,
        last,
        left_out: items.len() - shown,
    }
}

#[derive(Debug)]
struct Line {
    lead: String,
    phrase: String,
    count: usize,
    /// Whether what is folded into it differs in numbers.
    is_alike: bool,
    /// The handle of the last event that is folded into it.
    to: String,
}

impl Line {
    fn new(lead: String, phrase: String) -> Self {
        Self {
            lead,
            phrase,
            count: 1,
            is_alike: false,
            to: String::new(),
        }
    }

    fn bytes(&self) -> usize {
        self.lead.len() + self.phrase.len() + FOLD_BYTES + "  \n".len()
    }

    fn write_to(&self, out: &mut String) {
        let _ = write!(out, "{} {}", self.lead, self.phrase);
        if self.count > 1 {
            let alike = if self.is_alike { " alike" } else { "" };
            let _ = write!(out, " ×{}{alike} to {}", self.count, self.to);
        }
        out.push('\n');
    }
}

/// The values that all lines have in common.
#[derive(Debug)]
struct Shared {
    first_ts: u64,
    session: Option<i64>,
    tab: Option<u64>,
    origin: String,
}

impl Shared {
    fn of(items: &[&Item]) -> Self {
        let events = || {
            items.iter().filter_map(|item| match item {
                Item::Event(stored) => Some(stored),
                Item::Gap(..) => None,
            })
        };
        let first = events().next();
        Self {
            first_ts: first.map_or(0, |first| first.ts()),
            session: first
                .map(|first| first.session)
                .filter(|session| events().all(|event| event.session == *session)),
            tab: first
                .and_then(|first| first.tab())
                .filter(|tab| events().all(|event| event.tab() == Some(*tab))),
            origin: common_origin(events().map(|event| event.url())),
        }
    }

    fn header(&self, now: u64) -> String {
        let mut out = String::new();
        if let Some(session) = self.session {
            let _ = write!(out, "Session s{session}");
        }
        if let Some(tab) = self.tab {
            let _ = write!(out, " tab {tab}");
        }
        if !self.origin.is_empty() {
            let _ = write!(out, " at {}", field(&self.origin, MAX_ORIGIN_BYTES));
        }
        let moment = utc(self.first_ts);
        let ago = time_ago(now.saturating_sub(self.first_ts));
        let _ = write!(out, "; times from {moment} ({ago} ago). {LEGEND}");
        format!("{}\n", out.trim_start_matches([' ', ';']))
    }

    fn lead(&self, stored: &Stored) -> String {
        let after = stored.ts() as i64 - self.first_ts as i64;
        let mut out = format!("{} {:+.3}s", stored.handle(), after as f64 / 1e6);
        if self.tab.is_none()
            && let Some(tab) = stored.tab()
        {
            let _ = write!(out, " t{tab}");
        }
        out
    }

    fn phrase(&self, stored: &Stored, max_text: usize) -> String {
        phrase(stored, &self.origin, max_text - FIELD_BYTES)
    }
}
