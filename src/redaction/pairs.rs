//! Names and values side by side: headers as webRequest and HAR list them, entries of a `Headers` or
//! `FormData`, arguments of a console call, inputs of a form.

use super::escapes::{Quote, at, closing_quote, quote_at, skip_blank};
use super::follow::Replaced;
use super::names::NameMatch;
use super::placeholder::Decoding;
use super::rules::{Places, ValueKind};
use super::scan::Scan;
use super::sink::between;

impl Scan<'_> {
    /// `"value":"…","name":"Cookie"`: the value comes first.
    pub(super) fn redact_value_before_name(&mut self, value: usize, level: u32) -> Replaced {
        let json = self.json;
        let open = quote_at(json, value).filter(|quote| quote.level == level)?;
        let close = closing_quote(json, open.end, level);
        let key = quote_at(json, close.end + usize::from(at(json, close.end) == b','))?;
        if !json.get(key.end..)?.starts_with(b"name") {
            return None;
        }
        let key_end = quote_at(json, key.end + 4)?;
        let name = quote_at(json, key_end.end + usize::from(at(json, key_end.end) == b':'))?;
        let name_end = closing_quote(json, name.end, level);
        let found = self.engine.names.ending_at(json, name.end, name_end.start)?;
        if !found.name.places.overlap(Places::JSON) || found.name.value == ValueKind::Pair {
            return None;
        }
        self.redact_content(between(open, close), Decoding::string(level), found.name, false).then_some(())
    }

    /// What comes after a string that **is** a name: the second half of a pair.
    pub(super) fn redact_pair(
        &mut self,
        found: NameMatch,
        name_end: usize,
        i: usize,
        level: u32,
    ) -> Replaced {
        let json = self.json;
        let name = found.name;
        if name.value == ValueKind::Pair || !name.places.overlap(Places::JSON) {
            return None;
        }
        let rest = json.get(i..)?;
        if level > 0 && rest.starts_with(b" value=") {
            let open = quote_at(json, i + 7)?;
            let close = closing_quote(json, open.end, open.level);
            return self.redact_content(between(open, close), Decoding::TEXT, name, false).then_some(());
        }
        if level > 0 && at(json, i) == b'\\' {
            // multipart/form-data: an empty line, then the value.
            let breaks = [br"\r\n\r\n".as_slice(), br"\n\n"];
            let blank = breaks.iter().find(|blank| rest.starts_with(blank))?.len();
            let value = self.line_value(i + blank);
            return self.redact_content(value, Decoding::TEXT, name, false).then_some(());
        }
        if at(json, i) != b',' {
            return None;
        }
        let next = skip_blank(json, i + 1);
        let open = quote_at(json, next).filter(|quote| quote.level == level)?;
        let close = closing_quote(json, open.end, level);
        let after = skip_blank(json, close.end);
        if at(json, after) == b':' {
            let key = &json[between(open, close)];
            let is_value = key == b"value" || key == b"binaryValue";
            let replaced = is_value && self.redact_json_value(skip_blank(json, after + 1), level, name);
            return replaced.then_some(());
        }
        // `["cookie","a=b"]`, and `"token:","abc"` as console.log("token:", token) leaves it.
        let labelled = matches!(json[name_end..i].first(), Some(b':' | b'='));
        let alone = || {
            at(json, after) == b']'
                && self.array_starts_before(found.start, level)
                // `["password","email"]` is a list of names.
                && !json[between(open, close)].iter().all(|b| b.is_ascii_lowercase() || *b == b'_')
        };
        if !labelled && !alone() {
            return None;
        }
        self.redact_content(between(open, close), Decoding::string(level), name, false).then_some(())
    }

    /// Whether the string around `i` is the first of its array.
    fn array_starts_before(&self, i: usize, level: u32) -> bool {
        let word =
            self.json[..i].iter().rev().take_while(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b));
        let start = i - word.count();
        let before = start.checked_sub((1 << level) + 1).map(|before| self.json[before]);
        self.string_starts_at(start, level) && before == Some(b'[')
    }
}

/// Whether a quote ends one element of an array and the next is a string as well.
pub(super) fn ends_element(json: &[u8], quote: Quote) -> bool {
    at(json, quote.end) == b','
        && quote_at(json, skip_blank(json, quote.end + 1)).is_some_and(|next| next.level == quote.level)
}
