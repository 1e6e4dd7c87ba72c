//! Writing lines.

use super::{Gap, MAX_LINE_BYTES, SessionId, truncation};
use crate::event::Event;
use crate::levels::DetailLevel;
use crate::record::{Header, Span, http_status};
use crate::severity::severity_of;

const BEFORE_TYPE: &[u8] = b",\"type\":\"";

/// Writes the lines of one capture session.
#[derive(Debug, Clone)]
pub struct LineWriter {
    prefix: Vec<u8>,
}

/// The part of an event's line from its type up to its data, to be written again.
#[derive(Debug, Clone)]
pub(crate) struct LineTemplate {
    text: Vec<u8>,
    /// The header of the line, with spans that count from where `text` begins.
    header: Header,
}

impl LineTemplate {
    /// Returns the template of `line`, the line of an event with `data` and `header`.
    pub(crate) fn of(header: &Header, line: &[u8]) -> Self {
        let start = header.type_.start - BEFORE_TYPE.len() as u32;
        let text = Span {
            start,
            end: header.data.start,
        };
        Self {
            text: text.of(line).to_vec(),
            header: Header {
                type_: header.type_.moved(start, 0),
                category: header.category.moved(start, 0),
                url: header.url.moved(start, 0),
                ..*header
            },
        }
    }
}

impl LineWriter {
    /// A writer for `session_id`.
    pub fn new(session_id: SessionId) -> Self {
        Self {
            prefix: format!("{{\"capture_session_id\":\"{session_id}\",").into_bytes(),
        }
    }

    /// Appends the line of `event`, which has no white space between tokens, to `out`, without a newline, and
    /// returns its header, whose spans count from where the line begins. Content over [`MAX_LINE_BYTES`] is truncated.
    pub fn event(&self, out: &mut Vec<u8>, seq: u64, ts_micros: u64, event: &Event<'_>) -> Header {
        let start = out.len();
        let header = self.whole_event(out, seq, ts_micros, event);
        let length = out.len() - start;
        if length <= MAX_LINE_BYTES {
            return header;
        }
        out.truncate(start);
        truncation::fit(event, length - MAX_LINE_BYTES, |event| {
            out.truncate(start);
            let header = self.whole_event(out, seq, ts_micros, event);
            (out.len() - start <= MAX_LINE_BYTES).then_some(header)
        })
        .unwrap_or(header)
    }

    fn whole_event(&self, out: &mut Vec<u8>, seq: u64, ts_micros: u64, event: &Event<'_>) -> Header {
        let start = out.len();
        let content = event.data.map_or(0, <[u8]>::len)
            + event.metadata.map_or(0, <[u8]>::len)
            + event.url.map_or(0, <[u8]>::len);
        out.reserve(content + 512 + self.prefix.len());
        let level = event.detail_level.unwrap_or(DetailLevel::Standard);
        self.seq_and_ts(out, seq, ts_micros);
        out.extend_from_slice(BEFORE_TYPE);
        let type_ = append(out, start, event.type_.as_bytes());
        out.extend_from_slice(b"\",\"category\":\"");
        let category = append(out, start, event.category.as_bytes());
        out.extend_from_slice(b"\",\"detail_level\":\"");
        out.extend_from_slice(level.as_str().as_bytes());
        out.extend_from_slice(b"\",\"source\":{\"kind\":\"");
        out.extend_from_slice(event.source_kind.as_str().as_bytes());
        out.push(b'"');
        if let Some(name) = event.source_event {
            out.extend_from_slice(b",\"event\":\"");
            out.extend_from_slice(name);
            out.push(b'"');
        }
        if let Some(metadata) = event.metadata {
            out.extend_from_slice(b",\"metadata\":");
            write_metadata(out, metadata, event);
        }
        out.push(b'}');
        let mut url_span = Span::default();
        if let Some(url) = event.url {
            out.extend_from_slice(b",\"url\":\"");
            url_span = append(out, start, url);
            out.push(b'"');
        }
        let mut data_span = Span::default();
        if let Some(data) = event.data {
            out.extend_from_slice(b",\"data\":");
            data_span = append(out, start, data);
        }
        if event.truncated {
            out.extend_from_slice(b",\"truncated\":true");
        }
        out.extend_from_slice(b"}}");
        let status = http_status(event.category, event.data.unwrap_or_default());
        Header {
            seq,
            ts_micros,
            source_kind: event.source_kind,
            detail_level: level,
            severity: severity_of(event, status),
            status,
            tab_id: event.tab_id,
            type_,
            category,
            url: url_span,
            data: data_span,
        }
    }

    /// Appends the line of an event that fits `template`, as [`event`](Self::event) does, but truncates nothing.
    pub(crate) fn event_from_template(
        &self,
        out: &mut Vec<u8>,
        seq: u64,
        ts_micros: u64,
        template: &LineTemplate,
        data: &[u8],
    ) -> Header {
        let start = out.len();
        out.reserve(self.prefix.len() + template.text.len() + data.len() + 64);
        self.seq_and_ts(out, seq, ts_micros);
        let text_start = (out.len() - start) as u32;
        out.extend_from_slice(&template.text);
        let data = append(out, start, data);
        out.extend_from_slice(b"}}");
        let Header {
            type_, category, url, ..
        } = template.header;
        Header {
            seq,
            ts_micros,
            type_: type_.moved(0, text_start),
            category: category.moved(0, text_start),
            url: url.moved(0, text_start),
            data,
            ..template.header
        }
    }

    fn seq_and_ts(&self, out: &mut Vec<u8>, seq: u64, ts_micros: u64) {
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(b"\"seq\":");
        out.extend_from_slice(digits.format(seq).as_bytes());
        out.extend_from_slice(b",\"event\":{\"ts\":");
        out.extend_from_slice(digits.format(ts_micros).as_bytes());
    }

    /// Appends the line of `gap` to `out`, without a newline.
    pub fn gap(&self, out: &mut Vec<u8>, gap: &Gap) {
        out.extend_from_slice(&self.prefix);
        let Gap {
            first_seq,
            last_seq,
            category,
            reason,
        } = gap;
        out.extend_from_slice(
            format!(
                "\"gap\":{{\"first_seq\":{first_seq},\"last_seq\":{last_seq},\"category\":\"{category}\",\"reason\":\"{reason}\"}}}}"
            )
            .as_bytes(),
        );
    }
}

/// Appends `metadata`, an object, with the links of a relayed event.
fn write_metadata(out: &mut Vec<u8>, metadata: &[u8], event: &Event<'_>) {
    let mut digits = itoa::Buffer::new();
    let links = [
        ("interaction_id", event.interaction_id),
        ("cause_id", event.cause_id),
        ("detail_of", event.detail_of.map(|seq| digits.format(seq))),
    ];
    if links.iter().all(|(_, id)| id.is_none()) {
        out.extend_from_slice(metadata);
        return;
    }
    let fields = metadata.strip_suffix(b"}").unwrap_or(metadata);
    out.extend_from_slice(fields);
    let mut is_first = fields == b"{";
    for (name, id) in links {
        let Some(id) = id else { continue };
        if !std::mem::take(&mut is_first) {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":\"");
        out.extend_from_slice(id.as_bytes());
        out.push(b'"');
    }
    out.push(b'}');
}

fn append(out: &mut Vec<u8>, line_start: usize, text: &[u8]) -> Span {
    let start = out.len() - line_start;
    out.extend_from_slice(text);
    // A line over 4 GiB never survives the truncation that follows; a wrong span is then never read.
    Span {
        start: start as u32,
        end: (start + text.len()) as u32,
    }
}
