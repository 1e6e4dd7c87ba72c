//! Reading an event's fields out of its text.

use super::{
    Event, Expected, MAX_SOURCE_EVENT_BYTES, error::EventError, error::excerpt, is_category_name,
    is_cause_name, is_type_name,
};
use crate::json::{JsonError, JsonErrorKind, Scanner, too_deep, unescape};
use crate::levels::{DetailLevel, SourceKind};

/// The largest whole number every reader keeps exactly: 2⁵³ − 1.
pub const fn max_safe_integer() -> u64 {
    (1 << 53) - 1
}

/// How much of the text is known to be JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Nothing: every byte is checked.
    Untrusted,
    /// It came out of our own `JSON.stringify` a moment ago, and `data` is its last field: `data` is
    /// then not walked, only bounded in depth.
    OwnDataLast,
}

const SOURCE_SHAPE: &str = "{\"kind\", \"event\"?, \"metadata\"?}";
const METADATA_SHAPE: &str = "of strings, {\"tab_id\": \"7\"}";

/// The fields that an event may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A published event: the fields of an event and no others.
    Published,
    /// A stored event: fields of a newer version are ignored.
    Stored,
    /// A relay's event: without `source`, which is stamped, and with `source_event`.
    Relayed,
}

/// Reads the event that `text` is.
pub(crate) fn read(text: &[u8], trust: Trust, shape: Shape) -> Result<Event<'_>, EventError> {
    let mut scanner = match trust {
        Trust::Untrusted => Scanner::new(text)?,
        Trust::OwnDataLast => Scanner::trusted(text),
    };
    let event = object(&mut scanner, text, trust, shape)?;
    scanner.end()?;
    Ok(event)
}

/// Reads the event that `scanner`, somewhere in `text`, is about to read.
pub(crate) fn object<'a>(
    scanner: &mut Scanner<'a>,
    text: &'a [u8],
    trust: Trust,
    shape: Shape,
) -> Result<Event<'a>, EventError> {
    if scanner.peek().is_some_and(|byte| byte != b'{') {
        return refuse(
            scanner,
            "event",
            Expected::Object("like {\"type\", \"category\", \"source\"}"),
        );
    }
    let mut fields = Fields::default();
    scanner.object(|scanner, key| match key {
        b"ts" => once(
            "ts",
            &mut fields.ts_micros,
            whole(scanner, "ts", Expected::Timestamp)?,
        ),
        b"type" => once(
            "type",
            &mut fields.type_,
            name(scanner, "type", is_type_name, Expected::Type)?,
        ),
        b"category" => once(
            "category",
            &mut fields.category,
            name(scanner, "category", is_category_name, Expected::Category)?,
        ),
        b"detail_level" => once(
            "detail_level",
            &mut fields.detail_level,
            member(
                scanner,
                "detail_level",
                DetailLevel::from_name,
                Expected::DetailLevel,
            )?,
        ),
        b"source" if shape != Shape::Relayed => once("source", &mut fields.source, source(scanner, shape)?),
        b"source_event" if shape == Shape::Relayed => {
            let event = string(scanner, "source_event", MAX_SOURCE_EVENT_BYTES)?;
            once(
                "source_event",
                &mut fields.source,
                Source {
                    event: Some(event),
                    ..Source::STAMPED
                },
            )
        }
        b"interaction_id" if shape == Shape::Relayed => once(
            "interaction_id",
            &mut fields.interaction_id,
            name(scanner, "interaction_id", is_type_name, Expected::Type)?,
        ),
        b"cause_id" if shape == Shape::Relayed => once(
            "cause_id",
            &mut fields.cause_id,
            name(scanner, "cause_id", is_cause_name, Expected::Type)?,
        ),
        b"detail_of" if shape == Shape::Relayed => once(
            "detail_of",
            &mut fields.detail_of,
            whole(scanner, "detail_of", Expected::Seq)?,
        ),
        b"detail_id" if shape == Shape::Relayed => once(
            "detail_id",
            &mut fields.detail_id,
            whole(scanner, "detail_id", Expected::Seq)?,
        ),
        b"url" => once("url", &mut fields.url, string(scanner, "url", usize::MAX)?),
        b"data" => once("data", &mut fields.data, data(scanner, text, trust)?),
        b"truncated" => once("truncated", &mut fields.truncated, boolean(scanner, "truncated")?),
        _ => pass_unknown(scanner, "", key, shape),
    })?;
    let source = match fields.source {
        None if shape == Shape::Relayed => Source::STAMPED,
        source => source.ok_or(EventError::MissingField("source"))?,
    };
    Ok(Event {
        ts_micros: fields.ts_micros,
        type_: fields.type_.ok_or(EventError::MissingField("type"))?,
        category: fields.category.ok_or(EventError::MissingField("category"))?,
        detail_level: fields.detail_level,
        source_kind: source.kind.ok_or(EventError::MissingField("source.kind"))?,
        source_event: source.event,
        metadata: source.metadata,
        tab_id: source.tab_id,
        interaction_id: fields.interaction_id,
        cause_id: fields.cause_id,
        detail_of: fields.detail_of,
        is_detail: source.is_detail || fields.detail_of.is_some(),
        detail_id: fields.detail_id,
        url: fields.url,
        data: fields.data,
        truncated: fields.truncated.unwrap_or(false),
        white_space: scanner.saw_white_space(),
    })
}

#[derive(Default)]
struct Fields<'a> {
    ts_micros: Option<u64>,
    type_: Option<&'a str>,
    category: Option<&'a str>,
    detail_level: Option<DetailLevel>,
    source: Option<Source<'a>>,
    interaction_id: Option<&'a str>,
    cause_id: Option<&'a str>,
    detail_of: Option<u64>,
    detail_id: Option<u64>,
    url: Option<&'a [u8]>,
    data: Option<&'a [u8]>,
    truncated: Option<bool>,
}

struct Source<'a> {
    kind: Option<SourceKind>,
    event: Option<&'a [u8]>,
    metadata: Option<&'a [u8]>,
    tab_id: i64,
    is_detail: bool,
}

impl Source<'_> {
    /// The source of a relay's event before its provenance is stamped.
    const STAMPED: Self = Self {
        kind: Some(SourceKind::Extension),
        event: None,
        metadata: None,
        tab_id: -1,
        is_detail: false,
    };
}

fn once<T>(path: &'static str, slot: &mut Option<T>, value: T) -> Result<(), EventError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(EventError::RepeatedField(path)),
    }
}

/// Passes a value that is not what `path` must hold, so that the error can quote it.
fn refuse<T>(scanner: &mut Scanner<'_>, path: &'static str, expected: Expected) -> Result<T, EventError> {
    let value = scanner.value()?;
    Err(EventError::field(path, value, expected))
}

fn whole(scanner: &mut Scanner<'_>, path: &'static str, expected: Expected) -> Result<u64, EventError> {
    if !matches!(scanner.peek(), Some(b'0'..=b'9' | b'-')) {
        return refuse(scanner, path, expected);
    }
    let text = scanner.number()?;
    let whole = std::str::from_utf8(text)
        .ok()
        .and_then(|digits| digits.parse::<u64>().ok());
    match whole {
        Some(number) if number <= max_safe_integer() => Ok(number),
        _ => Err(EventError::field(path, text, expected)),
    }
}

/// Reads the content of the string that `path` must hold.
fn content<'a>(
    scanner: &mut Scanner<'a>,
    path: &'static str,
    expected: Expected,
) -> Result<&'a [u8], EventError> {
    if scanner.peek() == Some(b'"') {
        Ok(scanner.string()?)
    } else {
        refuse(scanner, path, expected)
    }
}

fn string<'a>(
    scanner: &mut Scanner<'a>,
    path: &'static str,
    max_bytes: usize,
) -> Result<&'a [u8], EventError> {
    let content = content(scanner, path, Expected::String(max_bytes))?;
    // An escape is never longer decoded than written.
    if content.len() > max_bytes && unescape(content).len() > max_bytes {
        return Err(EventError::field(path, content, Expected::String(max_bytes)));
    }
    Ok(content)
}

fn name<'a>(
    scanner: &mut Scanner<'a>,
    path: &'static str,
    is_name: fn(&[u8]) -> bool,
    expected: Expected,
) -> Result<&'a str, EventError> {
    let content = content(scanner, path, expected)?;
    match std::str::from_utf8(content) {
        Ok(name) if is_name(content) => Ok(name),
        _ => Err(EventError::field(path, &quoted(content), expected)),
    }
}

fn member<T>(
    scanner: &mut Scanner<'_>,
    path: &'static str,
    from_name: fn(&[u8]) -> Option<T>,
    expected: Expected,
) -> Result<T, EventError> {
    let content = content(scanner, path, expected)?;
    from_name(content).ok_or_else(|| EventError::field(path, &quoted(content), expected))
}

fn quoted(content: &[u8]) -> Vec<u8> {
    [b"\"", content, b"\""].concat()
}

fn boolean(scanner: &mut Scanner<'_>, path: &'static str) -> Result<bool, EventError> {
    match scanner.value()? {
        b"true" => Ok(true),
        b"false" => Ok(false),
        other => Err(EventError::field(path, other, Expected::Boolean)),
    }
}

fn pass_unknown(
    scanner: &mut Scanner<'_>,
    within: &'static str,
    key: &[u8],
    shape: Shape,
) -> Result<(), EventError> {
    if shape == Shape::Stored {
        return Ok(scanner.skip()?);
    }
    let within = if shape == Shape::Relayed {
        "relayed"
    } else {
        within
    };
    Err(EventError::UnknownField {
        within,
        name: excerpt(key),
    })
}

fn source<'a>(scanner: &mut Scanner<'a>, shape: Shape) -> Result<Source<'a>, EventError> {
    if scanner.peek() != Some(b'{') {
        return refuse(scanner, "source", Expected::Object(SOURCE_SHAPE));
    }
    let mut source = Source {
        kind: None,
        ..Source::STAMPED
    };
    scanner.object(|scanner, key| match key {
        b"kind" => once(
            "source.kind",
            &mut source.kind,
            member(
                scanner,
                "source.kind",
                SourceKind::from_name,
                Expected::SourceKind,
            )?,
        ),
        b"event" => once(
            "source.event",
            &mut source.event,
            string(scanner, "source.event", MAX_SOURCE_EVENT_BYTES)?,
        ),
        b"metadata" => once(
            "source.metadata",
            &mut source.metadata,
            metadata(scanner, &mut source.tab_id, &mut source.is_detail)?,
        ),
        _ => pass_unknown(scanner, "source", key, shape),
    })?;
    Ok(source)
}

fn metadata<'a>(
    scanner: &mut Scanner<'a>,
    tab_id: &mut i64,
    is_detail: &mut bool,
) -> Result<&'a [u8], EventError> {
    if scanner.peek() != Some(b'{') {
        return refuse(scanner, "source.metadata", Expected::Object(METADATA_SHAPE));
    }
    let start = scanner.pos();
    scanner.object(|scanner, key| {
        let value = string(scanner, "source.metadata", usize::MAX)?;
        if key == b"tab_id" {
            *tab_id = decimal(value).unwrap_or(-1);
        } else if key == b"detail_of" {
            *is_detail = true;
        }
        Ok::<(), EventError>(())
    })?;
    Ok(scanner.since(start))
}

fn decimal(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text)
        .ok()?
        .parse()
        .ok()
        .filter(|number| *number >= 0)
}

fn data<'a>(scanner: &mut Scanner<'a>, text: &'a [u8], trust: Trust) -> Result<&'a [u8], EventError> {
    if trust == Trust::Untrusted {
        return Ok(scanner.value()?);
    }
    // Our own stringify wrote `…,"data":<value>}` and nothing after it.
    let start = scanner.pos();
    match text.split_last() {
        Some((b'}', rest)) if rest.len() > start => {
            let value = &rest[start..];
            if too_deep(value) {
                return Err(EventError::NotJson(JsonError {
                    kind: JsonErrorKind::TooDeep,
                    offset: start,
                }));
            }
            scanner.jump(text.len() - 1);
            Ok(value)
        }
        _ => Err(EventError::NotJson(scanner.unexpected())),
    }
}
