//! Names and values side by side: headers as webRequest and HAR list them, entries of a `Headers` or
//! `FormData`, arguments of a console call, inputs of a form.

use super::escapes::{Quote, at, closing_quote, quote_at, run_len_back, skip_blank};
use super::follow::Replaced;
use super::names::NameMatch;
use super::placeholder::Decoding;
use super::rules::{Places, ValueKind};
use super::scan::Scan;
use super::sink::between;
use super::values::end_of_scalar;

impl Scan<'_> {
    /// `"value":"…","name":"Cookie"`: the value comes first.
    pub(super) fn redact_value_before_name(&mut self, value: usize, level: u32) -> Replaced {
        const NAMES: &[&[u8]] = &[b"name", b"key", b"field", b"header", b"param", b"k"];
        let json = self.json;
        let open = quote_at(json, value).filter(|quote| quote.level == level)?;
        let close = closing_quote(json, open.end, level);
        let name = self.member_after(close.end, level, NAMES)?;
        let name = quote_at(json, name).filter(|quote| quote.level == level)?;
        let name_end = closing_quote(json, name.end, level);
        let found = self.engine.names.ending_at(json, name.end, name_end.start)?;
        if !found.name.places.overlap(Places::JSON) || found.name.value == ValueKind::Pair {
            return None;
        }
        self.redact_content(between(open, close), Decoding::string(level), found.name, false)
    }

    /// The value of the first of the members that follow in an object whose key is among `keys`.
    fn member_after(&self, mut i: usize, level: u32, keys: &[&[u8]]) -> Option<usize> {
        /// Far beyond any real pair; bounds the look ahead.
        const MOST: usize = 6;
        const MOST_BYTES: usize = 2_048;
        let json = self.json;
        let from = i;
        for _ in 0..MOST {
            if at(json, i) != b',' || i > from + MOST_BYTES {
                return None;
            }
            let open = quote_at(json, skip_blank(json, i + 1)).filter(|quote| quote.level == level)?;
            let close = closing_quote(json, open.end, level);
            let colon = skip_blank(json, close.end);
            if close.level != level || at(json, colon) != b':' {
                return None;
            }
            let value = skip_blank(json, colon + 1);
            if keys.contains(&&json[between(open, close)]) {
                return Some(value);
            }
            i = skip_blank(json, end_of_scalar(json, value, level));
        }
        None
    }

    /// Redacts a value in an array that follows a string which is a rule's name, as in `["token", "…"]`.
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
            return self.redact_content(between(open, close), Decoding::TEXT, name, false);
        }
        if level > 0 && at(json, i) == b'\\' {
            // multipart/form-data: an empty line, then the value.
            let breaks = [br"\r\n\r\n".as_slice(), br"\n\n"];
            let blank = breaks.iter().find(|blank| rest.starts_with(blank))?.len();
            return self.redact_content(self.line_value(i + blank), Decoding::TEXT, name, false);
        }
        if at(json, i) != b',' {
            return None;
        }
        let next = skip_blank(json, i + 1);
        let open = quote_at(json, next).filter(|quote| quote.level == level)?;
        let close = closing_quote(json, open.end, level);
        let after = skip_blank(json, close.end);
        if at(json, after) == b':' {
            let value = self.member_after(i, level, &[b"value", b"binaryValue", b"val", b"v"])?;
            return self.redact_json_value(value, level, name);
        }
        // `["cookie","a=b"]`, and `"token:","abc"` as console.log("token:", token) leaves it.
        let labelled = matches!(json[name_end..i].first(), Some(b':' | b'='));
        let alone = || {
            at(json, after) == b']'
                && self.array_before(found.start, level).is_some_and(|array| {
                    // `["password","email"]` is a list of names, `[["password","letmein"]]` one of entries.
                    self.is_in_array(array)
                        || !json[between(open, close)]
                            .iter()
                            .all(|b| b.is_ascii_lowercase() || *b == b'_')
                })
        };
        if !labelled && !alone() {
            return None;
        }
        self.redact_content(between(open, close), Decoding::string(level), name, false)
    }

    /// Returns the start of the array whose first element is the string around `i`.
    fn array_before(&self, i: usize, level: u32) -> Option<usize> {
        let is_in_word = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let start = i - run_len_back(&self.json[..i], is_in_word);
        let before = start.checked_sub((1 << level) + 1)?;
        (self.string_starts_at(start, level) && self.json[before] == b'[').then_some(before)
    }

    /// Whether the array at `i` is an element of another that has arrays only.
    fn is_in_array(&self, i: usize) -> bool {
        matches!(
            &self.json[..i],
            [.., b'['] | [.., b']', b','] | [.., b']', b',', b' ']
        )
    }
}

/// Whether a quote ends one element of an array and the next is a string as well.
pub(super) fn ends_element(json: &[u8], quote: Quote) -> bool {
    at(json, quote.end) == b','
        && quote_at(json, skip_blank(json, quote.end + 1)).is_some_and(|next| next.level == quote.level)
}
