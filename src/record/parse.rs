//! Reading lines back.

use super::{BadSessionId, Gap, MAX_LINE_BYTES, SessionId, is_reason};
use crate::event::{self, EventError, Shape, Trust, is_category_name, max_safe_integer};
use crate::json::{JsonError, Scanner};
use crate::levels::DetailLevel;
use crate::record::{Header, Span, http_status};
use crate::severity::severity_of;

/// A record, as a reader meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Something happened.
    Event {
        /// In which recording.
        session_id: SessionId,
        /// The fields that readers filter on; its spans are ranges of the parsed line.
        header: Header,
    },
    /// Something is missing.
    Gap {
        /// From which recording.
        session_id: SessionId,
        /// The gap.
        gap: Gap,
    },
}

impl Line {
    /// The recording.
    pub const fn session_id(&self) -> SessionId {
        match self {
            Self::Event { session_id, .. } | Self::Gap { session_id, .. } => *session_id,
        }
    }

    /// The first seq it covers.
    pub const fn first_seq(&self) -> u64 {
        match self {
            Self::Event { header, .. } => header.seq,
            Self::Gap { gap, .. } => gap.first_seq,
        }
    }

    /// The last seq it covers.
    pub const fn last_seq(&self) -> u64 {
        match self {
            Self::Event { header, .. } => header.seq,
            Self::Gap { gap, .. } => gap.last_seq,
        }
    }
}

/// Why a line is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Longer than [`MAX_LINE_BYTES`]; how long.
    #[error("the record has {0} bytes; at most {most} are allowed", most = MAX_LINE_BYTES)]
    TooLong(usize),
    /// It contains a newline, at this byte.
    #[error("a raw newline at byte {0} of a record, which must be one line")]
    Newline(usize),
    /// Not JSON.
    #[error("the record is not JSON: {0}")]
    NotJson(#[from] JsonError),
    /// The session id is malformed.
    #[error("{0}")]
    SessionId(BadSessionId),
    /// The event is wrong.
    #[error("event: {0}")]
    Event(EventError),
    /// A number that is no seq: its field and its text.
    #[error("{0}: expected a whole number from 1 to {most}, got {1}", most = max_safe_integer())]
    Seq(&'static str, String),
    /// A gap whose `last_seq` lies before its `first_seq`.
    #[error("gap.last_seq: {1} lies before gap.first_seq {0}")]
    Reversed(u64, u64),
    /// A gap's category or reason is no name: the field and its text.
    #[error("{0}: expected a name like [a-z][a-z0-9_]*, got {1:?}")]
    GapName(&'static str, String),
    /// A field that must be there is not.
    #[error("{0}: missing")]
    Missing(&'static str),
    /// Both an event and a gap.
    #[error("a record is either an event or a gap, not both")]
    Both,
}

impl LineError {
    /// The code of this error in every interface.
    pub const CODE: &'static str = "invalid_record";
}

impl From<EventError> for LineError {
    fn from(error: EventError) -> Self {
        match error {
            EventError::NotJson(error) => Self::NotJson(error),
            error => Self::Event(error),
        }
    }
}

/// Reads one line, without its newline. Fields it does not know are kept where they are.
pub fn parse_line(line: &[u8]) -> Result<Line, LineError> {
    if line.len() > MAX_LINE_BYTES {
        return Err(LineError::TooLong(line.len()));
    }
    if let Some(offset) = memchr::memchr2(b'\n', b'\r', line) {
        return Err(LineError::Newline(offset));
    }
    let mut scanner = Scanner::new(line)?;
    let mut session_id = None;
    let mut seq = None;
    let mut event = None;
    let mut gap = None;
    scanner.object(|scanner, key| {
        match key {
            b"capture_session_id" => {
                session_id = Some(SessionId::parse(scanner.string()?).map_err(LineError::SessionId)?);
            }
            b"seq" => seq = Some(read_seq(scanner, "seq")?),
            b"event" => event = Some(event::object(scanner, line, Trust::Untrusted, Shape::Stored)?),
            b"gap" => gap = Some(read_gap(scanner)?),
            _ => scanner.skip()?,
        }
        Ok::<(), LineError>(())
    })?;
    scanner.end()?;
    let session_id = session_id.ok_or(LineError::Missing("capture_session_id"))?;
    match (event, gap) {
        (Some(event), None) => {
            let seq = seq.ok_or(LineError::Missing("seq"))?;
            Ok(Line::Event {
                session_id,
                header: header_of(line, seq, &event)?,
            })
        }
        (None, Some(gap)) => Ok(Line::Gap { session_id, gap }),
        (Some(_), Some(_)) => Err(LineError::Both),
        (None, None) => Err(LineError::Missing("event")),
    }
}

fn header_of(line: &[u8], seq: u64, event: &event::Event<'_>) -> Result<Header, LineError> {
    let span = |part: Option<&[u8]>| {
        part.map_or_else(Span::default, |part| {
            let start = part.as_ptr() as usize - line.as_ptr() as usize;
            Span {
                start: start as u32,
                end: (start + part.len()) as u32,
            }
        })
    };
    let status = http_status(event.category, event.data.unwrap_or_default());
    Ok(Header {
        seq,
        ts_micros: event.ts_micros.ok_or(LineError::Missing("event.ts"))?,
        source_kind: event.source_kind,
        detail_level: event.detail_level.unwrap_or(DetailLevel::Standard),
        severity: severity_of(event, status),
        status,
        tab_id: event.tab_id,
        type_: span(Some(event.type_.as_bytes())),
        category: span(Some(event.category.as_bytes())),
        url: span(event.url),
        data: span(event.data),
    })
}

fn read_seq(scanner: &mut Scanner<'_>, field: &'static str) -> Result<u64, LineError> {
    let text = scanner.value()?;
    std::str::from_utf8(text)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .filter(|seq| (1..=max_safe_integer()).contains(seq))
        .ok_or_else(|| {
            LineError::Seq(
                field,
                String::from_utf8_lossy(&text[..text.len().min(64)]).into_owned(),
            )
        })
}

fn read_gap(scanner: &mut Scanner<'_>) -> Result<Gap, LineError> {
    let mut first = None;
    let mut last = None;
    let mut category = None;
    let mut reason = None;
    let name = |field, text: &[u8], good: bool| {
        let text = String::from_utf8_lossy(&text[..text.len().min(128)]).into_owned();
        if good {
            Ok(text)
        } else {
            Err(LineError::GapName(field, text))
        }
    };
    scanner.object(|scanner, key| {
        match key {
            b"first_seq" => first = Some(read_seq(scanner, "gap.first_seq")?),
            b"last_seq" => last = Some(read_seq(scanner, "gap.last_seq")?),
            b"category" => {
                let text = scanner.string()?;
                category = Some(name("gap.category", text, is_category_name(text))?);
            }
            b"reason" => {
                let text = scanner.string()?;
                reason = Some(name("gap.reason", text, is_reason(text))?);
            }
            _ => scanner.skip()?,
        }
        Ok::<(), LineError>(())
    })?;
    let first_seq = first.ok_or(LineError::Missing("gap.first_seq"))?;
    let last_seq = last.ok_or(LineError::Missing("gap.last_seq"))?;
    if last_seq < first_seq {
        return Err(LineError::Reversed(first_seq, last_seq));
    }
    Ok(Gap {
        first_seq,
        last_seq,
        category: category.ok_or(LineError::Missing("gap.category"))?,
        reason: reason.ok_or(LineError::Missing("gap.reason"))?,
    })
}
