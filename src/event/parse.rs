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
        let shape = "like {\"type\", \"category\", \"source\"}";
        return Field(scanner, "event").refuse(Expected::Object(shape));
    }
    let mut fields = Fields::default();
    scanner.object(|scanner, key| match key {
        b"ts" => Field(scanner, "ts").whole(Expected::Timestamp, &mut fields.ts_micros),
        b"type" => Field(scanner, "type").name(is_type_name, Expected::Type, &mut fields.type_),
        b"category" => {
            Field(scanner, "category").name(is_category_name, Expected::Category, &mut fields.category)
        }
        b"detail_level" => Field(scanner, "detail_level").member(
            DetailLevel::from_name,
            Expected::DetailLevel,
            &mut fields.detail_level,
        ),
        b"source" if shape != Shape::Relayed => once("source", &mut fields.source, source(scanner, shape)?),
        b"source_event" if shape == Shape::Relayed => {
            Field(scanner, "source_event").string(MAX_SOURCE_EVENT_BYTES, &mut fields.source_event)
        }
        b"interaction_id" if shape == Shape::Relayed => {
            Field(scanner, "interaction_id").name(is_type_name, Expected::Type, &mut fields.interaction_id)
        }
        b"cause_id" if shape == Shape::Relayed => {
            Field(scanner, "cause_id").name(is_cause_name, Expected::Type, &mut fields.cause_id)
        }
        b"detail_of" if shape == Shape::Relayed => {
            Field(scanner, "detail_of").whole(Expected::Seq, &mut fields.detail_of)
        }
        b"detail_id" if shape == Shape::Relayed => {
            Field(scanner, "detail_id").whole(Expected::Seq, &mut fields.detail_id)
        }
        b"url" => Field(scanner, "url").string(usize::MAX, &mut fields.url),
        b"data" => once("data", &mut fields.data, data(scanner, text, trust)?),
        b"truncated" => Field(scanner, "truncated").boolean(&mut fields.truncated),
        _ => pass_unknown(scanner, "", key, shape),
    })?;
    let source = match fields.source {
        // The provenance of a relay's event is stamped later.
        None if shape == Shape::Relayed => Source {
            kind: Some(SourceKind::Extension),
            event: fields.source_event,
            ..Source::default()
        },
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
        tab_id: source.tab_id.unwrap_or(-1),
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
    source_event: Option<&'a [u8]>,
    interaction_id: Option<&'a str>,
    cause_id: Option<&'a str>,
    detail_of: Option<u64>,
    detail_id: Option<u64>,
    url: Option<&'a [u8]>,
    data: Option<&'a [u8]>,
    truncated: Option<bool>,
}

#[derive(Default)]
struct Source<'a> {
    kind: Option<SourceKind>,
    event: Option<&'a [u8]>,
    metadata: Option<&'a [u8]>,
    tab_id: Option<i64>,
    is_detail: bool,
}

fn once<T>(path: &'static str, slot: &mut Option<T>, value: T) -> Result<(), EventError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(EventError::RepeatedField(path)),
    }
}

/// A field whose value is next, and its path.
struct Field<'s, 'a>(&'s mut Scanner<'a>, &'static str);

impl<'a> Field<'_, 'a> {
    /// Passes a value that is not what the field must hold, so that the error can quote it.
    fn refuse<T>(&mut self, expected: Expected) -> Result<T, EventError> {
        let value = self.0.value()?;
        Err(EventError::field(self.1, value, expected))
    }

    /// Reads the content of the string that the field must hold.
    fn content(&mut self, expected: Expected) -> Result<&'a [u8], EventError> {
        if self.0.peek() == Some(b'"') {
            Ok(self.0.string()?)
        } else {
            self.refuse(expected)
        }
    }

    /// Reads the content of a string of at most `max_bytes`.
    fn text(&mut self, max_bytes: usize) -> Result<&'a [u8], EventError> {
        let content = self.content(Expected::String(max_bytes))?;
        // An escape is never longer decoded than written.
        if content.len() > max_bytes && unescape(content).len() > max_bytes {
            return Err(EventError::field(self.1, content, Expected::String(max_bytes)));
        }
        Ok(content)
    }

    fn string(mut self, max_bytes: usize, slot: &mut Option<&'a [u8]>) -> Result<(), EventError> {
        let content = self.text(max_bytes)?;
        once(self.1, slot, content)
    }

    fn whole(mut self, expected: Expected, slot: &mut Option<u64>) -> Result<(), EventError> {
        if !matches!(self.0.peek(), Some(b'0'..=b'9' | b'-')) {
            return self.refuse(expected);
        }
        let text = self.0.number()?;
        match std::str::from_utf8(text).map(str::parse) {
            Ok(Ok(number)) if number <= max_safe_integer() => once(self.1, slot, number),
            _ => Err(EventError::field(self.1, text, expected)),
        }
    }

    fn name(
        mut self,
        is_name: fn(&[u8]) -> bool,
        expected: Expected,
        slot: &mut Option<&'a str>,
    ) -> Result<(), EventError> {
        let content = self.content(expected)?;
        match std::str::from_utf8(content) {
            Ok(name) if is_name(content) => once(self.1, slot, name),
            _ => Err(EventError::field(self.1, &quoted(content), expected)),
        }
    }

    fn member<T>(
        mut self,
        from_name: fn(&[u8]) -> Option<T>,
        expected: Expected,
        slot: &mut Option<T>,
    ) -> Result<(), EventError> {
        let content = self.content(expected)?;
        let member = from_name(content);
        let member = member.ok_or_else(|| EventError::field(self.1, &quoted(content), expected))?;
        once(self.1, slot, member)
    }

    fn boolean(self, slot: &mut Option<bool>) -> Result<(), EventError> {
        match self.0.value()? {
            b"true" => once(self.1, slot, true),
            b"false" => once(self.1, slot, false),
            other => Err(EventError::field(self.1, other, Expected::Boolean)),
        }
    }
}

fn quoted(content: &[u8]) -> Vec<u8> {
    [b"\"", content, b"\""].concat()
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
        return Field(scanner, "source").refuse(Expected::Object(SOURCE_SHAPE));
    }
    let mut source = Source::default();
    scanner.object(|scanner, key| match key {
        b"kind" => Field(scanner, "source.kind").member(
            SourceKind::from_name,
            Expected::SourceKind,
            &mut source.kind,
        ),
        b"event" => Field(scanner, "source.event").string(MAX_SOURCE_EVENT_BYTES, &mut source.event),
        b"metadata" => {
            let metadata = metadata(scanner, &mut source)?;
            once("source.metadata", &mut source.metadata, metadata)
        }
        _ => pass_unknown(scanner, "source", key, shape),
    })?;
    Ok(source)
}

fn metadata<'a>(scanner: &mut Scanner<'a>, source: &mut Source<'_>) -> Result<&'a [u8], EventError> {
    if scanner.peek() != Some(b'{') {
        return Field(scanner, "source.metadata").refuse(Expected::Object(METADATA_SHAPE));
    }
    let start = scanner.pos();
    scanner.object(|scanner, key| {
        let value = Field(scanner, "source.metadata").text(usize::MAX)?;
        if key == b"tab_id" {
            source.tab_id = decimal(value);
        } else if key == b"detail_of" {
            source.is_detail = true;
        }
        Ok::<(), EventError>(())
    })?;
    Ok(scanner.since(start))
}

fn decimal(text: &[u8]) -> Option<i64> {
    let number = std::str::from_utf8(text).ok()?.parse().ok()?;
    (number >= 0).then_some(number)
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
