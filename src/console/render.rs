//! A recorded value in the short form of a console: `{a: 1, b: 'x', …}`, `(12) [1, 2, …]`, `Map(3)`.
//!
//! Values are JSON; what JSON does not have is an object whose `$` names it, as the hook's previews and
//! the CDP producer write them (`extension/page/preview.ts`). What is written is the content of a JSON
//! string. Never deeper than two objects.

use super::cursor::Cursor;

const DEPTH: u32 = 2;
/// UTF-16 units of a string inside an object.
const MAX_NESTED: usize = 100;
const MAX_MESSAGE: usize = 2_048;
const MAX_ITEMS: usize = 5;
const MAX_ARRAY_ITEMS: usize = 10;
const ELLIPSIS: &[u8] = "…".as_bytes();

/// Appends an argument as a console prints it; a string in quotes if `quoted`.
pub(super) fn value(argument: &[u8], quoted: bool, out: &mut Vec<u8>) {
    node(argument, DEPTH, quoted, out);
}

/// The string or number that an argument is; of a string that is truncated, what is recorded.
pub(super) fn scalar_of(argument: &[u8]) -> Option<&[u8]> {
    let scalar = match Tagged::read(argument) {
        Some(tagged) if tagged.name == b"string" => tagged.member(b"value")?,
        _ => argument,
    };
    matches!(scalar.first(), Some(b'"' | b'0'..=b'9' | b'-')).then_some(scalar)
}

/// The end of the first `max` UTF-16 units of the content of a JSON string.
pub(super) fn end_of_units(text: &[u8], max: usize) -> usize {
    if text.len() <= max {
        return text.len();
    }
    let mut at = 0;
    let mut units = 0;
    while at < text.len() {
        let (bytes, width) = match text[at] {
            b'\\' if text.get(at + 1) == Some(&b'u') => (6, 1),
            b'\\' => (2, 1),
            0..0x80 => (1, 1),
            0x80..0xE0 => (2, 1),
            0xE0..0xF0 => (3, 1),
            _ => (4, 2),
        };
        if units + width > max {
            return at;
        }
        (at, units) = (at + bytes, units + width);
    }
    text.len()
}

fn node(value: &[u8], depth: u32, quoted: bool, out: &mut Vec<u8>) {
    match value.first() {
        Some(b'"') => {
            let content = value.get(1..value.len() - 1).unwrap_or_default();
            string(content, quoted, out);
        }
        Some(b'[') => items(value, None, depth, out),
        Some(b'{') => match Tagged::read(value) {
            Some(tagged) => tagged.write(depth, quoted, out),
            None => properties(b"", value, false, depth, out),
        },
        _ => out.extend_from_slice(value),
    }
}

fn string(content: &[u8], quoted: bool, out: &mut Vec<u8>) {
    if quoted {
        out.push(b'\'');
        shortened(content, MAX_NESTED, out);
        out.push(b'\'');
    } else {
        out.extend_from_slice(content);
    }
}

fn shortened(content: &[u8], max_units: usize, out: &mut Vec<u8>) {
    let end = end_of_units(content, max_units);
    out.extend_from_slice(&content[..end]);
    if end < content.len() {
        out.extend_from_slice(ELLIPSIS);
    }
}

/// An array: its items, and how many it had if some are left out.
fn items(array: &[u8], length: Option<&[u8]>, depth: u32, out: &mut Vec<u8>) {
    let mut cursor = Cursor::new(array);
    cursor.eat(b'[');
    let mut values = Vec::new();
    let mut count = 0;
    while let Some(value) = cursor.value() {
        if count < MAX_ARRAY_ITEMS {
            values.push(value);
        }
        count += 1;
        cursor.eat(b',');
    }
    let counted = count.to_string();
    let length = length.unwrap_or(counted.as_bytes());
    if depth == 0 {
        return write(out, &[b"Array(", length, b")"]);
    }
    let is_whole = counted.as_bytes() == length && count <= MAX_ARRAY_ITEMS;
    if !is_whole {
        write(out, &[b"(", length, b") "]);
    }
    out.push(b'[');
    for (at, value) in values.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b"" } else { b", " });
        node(value, depth - 1, true, out);
    }
    if !is_whole {
        out.extend_from_slice(if values.is_empty() { b"" } else { b", " });
        out.extend_from_slice(ELLIPSIS);
    }
    out.push(b']');
}

/// An object of the class `name`; `has_more` if it had more than are recorded.
fn properties(name: &[u8], object: &[u8], has_more: bool, depth: u32, out: &mut Vec<u8>) {
    if !name.is_empty() && name != b"Object" {
        write(out, &[name, b" "]);
    }
    if depth == 0 {
        return write(out, &[b"{", ELLIPSIS, b"}"]);
    }
    out.push(b'{');
    let mut shown = 0;
    let mut is_cut = has_more;
    for (key, value) in Members::of(object) {
        if shown == MAX_ITEMS {
            is_cut = true;
            break;
        }
        out.extend_from_slice(if shown == 0 { b"" } else { b", " });
        shortened(key, MAX_NESTED, out);
        out.extend_from_slice(b": ");
        node(value, depth - 1, true, out);
        shown += 1;
    }
    if is_cut {
        out.extend_from_slice(if shown == 0 { b"" } else { b", " });
        out.extend_from_slice(ELLIPSIS);
    }
    out.push(b'}');
}

fn write(out: &mut Vec<u8>, pieces: &[&[u8]]) {
    pieces.iter().for_each(|piece| out.extend_from_slice(piece));
}

/// The members of an object, keys as they are.
struct Members<'a>(Cursor<'a>);

impl<'a> Members<'a> {
    fn of(object: &'a [u8]) -> Self {
        let mut cursor = Cursor::new(object);
        cursor.eat(b'{');
        Self(cursor)
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.0.string()?;
        self.0.literal(b":")?;
        let value = self.0.value()?;
        self.0.eat(b',');
        Some((key, value))
    }
}

/// An object whose first member is `$`.
struct Tagged<'a> {
    name: &'a [u8],
    object: &'a [u8],
}

impl<'a> Tagged<'a> {
    fn read(object: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(object);
        cursor.literal(br#"{"$":"#)?;
        Some(Self {
            name: cursor.string()?,
            object,
        })
    }

    fn member(&self, name: &[u8]) -> Option<&'a [u8]> {
        Members::of(self.object)
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// The content of a string member, as much of it as is recorded.
    fn text(&self, name: &[u8]) -> &'a [u8] {
        let Some(value) = self.member(name) else {
            return b"";
        };
        match Tagged::read(value) {
            Some(cut) => cut.text(b"value"),
            None => value
                .strip_prefix(b"\"")
                .and_then(|text| text.strip_suffix(b"\""))
                .unwrap_or_default(),
        }
    }

    fn write(&self, depth: u32, quoted: bool, out: &mut Vec<u8>) {
        let name = self.name;
        if let Some(props) = self.member(b"props").filter(|props| props.starts_with(b"{")) {
            return properties(name, props, self.member(b"more").is_some(), depth, out);
        }
        if self.member(b"message").is_some() && self.member(b"value").is_none() {
            write(out, &[name]);
            let message = self.text(b"message");
            if !message.is_empty() {
                out.extend_from_slice(b": ");
                shortened(message, MAX_MESSAGE, out);
            }
            return;
        }
        match name {
            b"string" => string(self.text(b"value"), quoted, out),
            b"number" | b"Date" => write(out, &[self.text(b"value")]),
            b"RegExp" => shortened(self.text(b"value"), MAX_NESTED, out),
            b"bigint" if self.text(b"value").contains(&b' ') => write(out, &[b"bigint"]),
            b"bigint" => write(out, &[self.text(b"value"), b"n"]),
            b"undefined" | b"empty" => write(out, &[name]),
            b"symbol" => shortened(self.text(b"text"), MAX_NESTED, out),
            b"function" => write(out, &["ƒ ".as_bytes(), self.text(b"name")]),
            b"getter" => write(out, &[b"(...)"]),
            b"circular" => write(out, &[b"[Circular]"]),
            b"cut" => write(out, &[ELLIPSIS]),
            b"closed" => write(out, &[b"Object {", ELLIPSIS, b"}"]),
            b"Promise" => write(out, &[b"Promise {}"]),
            b"Proxy" => self.write_proxy(depth, out),
            b"deep" => self.write_deep(out),
            _ => self.write_other(depth, out),
        }
    }

    fn write_proxy(&self, depth: u32, out: &mut Vec<u8>) {
        match self
            .member(b"target")
            .filter(|target| depth > 0 && *target != br#"{"$":"function"}"#)
        {
            Some(target) => {
                out.extend_from_slice(b"Proxy ");
                node(target, depth - 1, true, out);
            }
            None => write(out, &[b"Proxy {", ELLIPSIS, b"}"]),
        }
    }

    fn write_deep(&self, out: &mut Vec<u8>) {
        let class = self.text(b"class");
        match self.member(b"length").or(self.member(b"size")) {
            Some(length) => write(out, &[class, b"(", length, b")"]),
            None if class.is_empty() || class == b"Object" => write(out, &[b"{", ELLIPSIS, b"}"]),
            None => write(out, &[class, b" {", ELLIPSIS, b"}"]),
        }
    }

    fn write_other(&self, depth: u32, out: &mut Vec<u8>) {
        let name = self.name;
        if self.member(b"cross_origin").is_some() {
            return write(out, &[name, b" (cross-origin)"]);
        }
        if self.member(b"node").is_some() {
            return write(out, &[b"<", self.text(b"node"), b">"]);
        }
        if let Some(length) = self.member(b"byte_length") {
            return write(out, &[name, b"(", length, b")"]);
        }
        if let Some(size) = self.member(b"size") {
            return write(out, &[name, b"(", size, b")"]);
        }
        if self.member(b"type").is_some() {
            return write(out, &[name, b" {type: '", self.text(b"type"), b"'}"]);
        }
        if let Some(length) = self.member(b"length") {
            return match self.member(b"items") {
                Some(array) if !is_typed_array(name) => items(array, Some(length), depth, out),
                _ => write(out, &[name, b"(", length, b")"]),
            };
        }
        let text = self.text(b"text");
        write(out, &[if text.is_empty() { name } else { text }]);
    }
}

fn is_typed_array(name: &[u8]) -> bool {
    const ELEMENTS: &[&[u8]] = &[
        b"Int8", b"Uint8", b"Uint8Clamped", b"Int16", b"Uint16", b"Int32", b"Uint32", b"Float16", b"Float32",
        b"Float64", b"BigInt64", b"BigUint64",
    ];
    name.strip_suffix(b"Array")
        .is_some_and(|element| ELEMENTS.contains(&element))
}
