//! Writing lines.

use super::{Gap, MAX_LINE_BYTES, SessionId, truncation};
use crate::event::Event;
use crate::levels::DetailLevel;
use crate::record::{Header, Span, http_status};
use crate::severity::severity_of;

/// Writes the lines of one capture session.
#[derive(Debug, Clone)]
pub struct LineWriter {
    prefix: Vec<u8>,
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
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(b"\"seq\":");
        out.extend_from_slice(digits.format(seq).as_bytes());
        out.extend_from_slice(b",\"event\":{\"ts\":");
        out.extend_from_slice(digits.format(ts_micros).as_bytes());
        out.extend_from_slice(b",\"type\":\"");
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
