//! The portable Event that a producer publishes, apart from the Envelope that stores it.
//!
//! [`Event::parse`] reads one JSON object strictly: unknown or repeated fields, names outside the
//! closed sets, a negative or fractional `ts`, values of the wrong kind are refused with an
//! [`EventError`] that says which field, which value and what would be right. Nothing is copied and
//! nothing is spent: an [`Event`] borrows the text, `data` as it is.

mod error;
mod parse;

pub use error::{EventError, Expected};
pub use parse::{Shape, Trust, max_safe_integer};
pub(crate) use parse::{object, read};

use crate::levels::{DetailLevel, SourceKind};

/// Most bytes of a type.
pub const MAX_TYPE_BYTES: usize = 128;
/// Most bytes of `source.event`.
pub const MAX_SOURCE_EVENT_BYTES: usize = 256;
/// Most bytes of a category.
pub const MAX_CATEGORY_BYTES: usize = 32;

/// One observation, borrowed from the text it was read from.
///
/// The byte slices are JSON: `source_event` and `url` are string contents without quotes, escapes as
/// they are; `metadata` is an object of strings; `data` is any value, without white space between
/// its tokens unless [`Event::white_space`] says so.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// Unix microseconds, or `None` for "now".
    pub ts_micros: Option<u64>,
    /// Semantic name: `[a-z][A-Za-z0-9_.:-]*`, at most [`MAX_TYPE_BYTES`].
    pub type_: &'a str,
    /// `[a-z][a-z0-9_]*`, at most [`MAX_CATEGORY_BYTES`].
    pub category: &'a str,
    /// `None` for the default, `standard`.
    pub detail_level: Option<DetailLevel>,
    /// The kind of producer that observed it.
    pub source_kind: SourceKind,
    /// The producer's own name for it.
    pub source_event: Option<&'a [u8]>,
    /// Correlation, string to string.
    pub metadata: Option<&'a [u8]>,
    /// `metadata.tab_id` as a number; -1 for none.
    pub tab_id: i64,
    /// The name of a relayed interaction, and of what a relayed event came from: added to `metadata`.
    pub interaction_id: Option<&'a str>,
    /// See `interaction_id`.
    pub cause_id: Option<&'a str>,
    /// The seq of the event of which this one has more: a relayed event's, added to `metadata`.
    pub detail_of: Option<u64>,
    /// Whether this event has more of another one, which `metadata.detail_of` names.
    pub is_detail: bool,
    /// The relay's number for the detail that it may send later of this event.
    pub detail_id: Option<u64>,
    /// The address of the document.
    pub url: Option<&'a [u8]>,
    /// The data, as JSON.
    pub data: Option<&'a [u8]>,
    /// Whether content was cut.
    pub truncated: bool,
    /// Whether there is white space between tokens of `metadata` or `data`.
    pub white_space: bool,
}

/// The provenance of a relayed event, stamped by the code that received its message.
#[derive(Debug, Clone, Copy)]
pub struct Provenance<'a> {
    /// A compact JSON object of strings: tab, frame, document, window.
    pub metadata: &'a [u8],
    /// `metadata.tab_id` as a number; -1 for none.
    pub tab_id: i64,
    /// The document's url, as the content of a JSON string.
    pub url: &'a [u8],
}

impl<'a> Provenance<'a> {
    /// Returns `event` with this provenance. The event keeps its own url if that has the origin of ours.
    pub(crate) fn stamp<'e>(self, event: Event<'e>) -> Event<'e>
    where
        'a: 'e,
    {
        let own = event
            .url
            .filter(|url| origin(url).is_some() && origin(url) == origin(self.url));
        Event {
            metadata: Some(self.metadata),
            tab_id: self.tab_id,
            url: Some(own.unwrap_or(self.url)),
            ..event
        }
    }
}

/// Returns `scheme://authority` of a url, or `None` if it has none, as `about:blank` and `data:` do. The url is
/// the content of a JSON string: an escape never ends the authority.
fn origin(url: &[u8]) -> Option<&[u8]> {
    let authority = memchr::memmem::find(url, b"://")? + 3;
    let end = url[authority..]
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    Some(end.map_or(url, |end| &url[..authority + end]))
}

impl<'a> Event<'a> {
    /// Reads one event.
    pub fn parse(text: &'a [u8], trust: Trust) -> Result<Self, EventError> {
        parse::read(text, trust, Shape::Published)
    }
}

/// Whether `name` may name a category: `[a-z][a-z0-9_]{0,31}`.
pub fn is_category_name(name: &[u8]) -> bool {
    is_name(
        name,
        MAX_CATEGORY_BYTES,
        |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'),
    )
}

/// Whether `name` may name a type: `[a-z][A-Za-z0-9_.:-]{0,127}`. A first capital, as in
/// "Runtime.consoleAPICalled", marks a protocol's name, which belongs into `source.event`.
pub fn is_type_name(name: &[u8]) -> bool {
    is_name(
        name,
        MAX_TYPE_BYTES,
        |byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b':' | b'-'),
    )
}

/// Whether `name` may name a cause: an interaction, or a request, whose name is a number in most browsers.
pub(crate) fn is_cause_name(name: &[u8]) -> bool {
    is_type_name(name)
        || (name.len() <= MAX_TYPE_BYTES && !name.is_empty() && name.iter().all(u8::is_ascii_digit))
}

fn is_name(name: &[u8], max_bytes: usize, rest: fn(u8) -> bool) -> bool {
    name.len() <= max_bytes
        && name.first().is_some_and(u8::is_ascii_lowercase)
        && name.iter().all(|&byte| rest(byte))
}

#[cfg(test)]
mod tests;
