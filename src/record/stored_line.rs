//! Reads a stored line as a value: the one reader of everything that shows, forwards or exports records.
//!
//! The gate keeps what JSON allows, byte for byte. `serde_json` is stricter: it refuses lone surrogates, numbers
//! beyond `f64` and deep nesting, so a consumer that used it would drop records that were acknowledged. This
//! reader accepts whatever the gate accepts, and reports what it had to write in another way:
//!
//! | in the line | in the value |
//! |---|---|
//! | a lone surrogate | U+FFFD |
//! | a number that no `i64`, `u64` or finite `f64` holds, or a whole number that `f64` would round | its text |
//! | a value nested deeper than the gate allows | its text |

use crate::json::{JsonError, MAX_DEPTH, Scanner, unescape};
use serde_json::{Map, Number, Value};

/// An envelope nests its event's fields two levels deep.
const MAX_LINE_DEPTH: usize = MAX_DEPTH + 2;

/// A line as a value.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredLine {
    /// The line's value.
    pub value: Value,
    /// Whether a part of it is written in another way than in the line.
    pub altered: bool,
}

/// Reads `line`.
///
/// # Errors
/// It is not JSON, so it was never stored.
pub fn read(line: &[u8]) -> Result<StoredLine, JsonError> {
    let mut reader = Reader {
        scanner: Scanner::new(line)?,
        altered: false,
    };
    let value = reader.value(0)?;
    reader.scanner.end()?;
    Ok(StoredLine {
        value,
        altered: reader.altered,
    })
}

/// Returns the value of `line`, null if it is not JSON.
pub fn value(line: &[u8]) -> Value {
    read(line).map_or(Value::Null, |read| read.value)
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    altered: bool,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        match self.scanner.peek() {
            Some(b'{' | b'[') if depth == MAX_LINE_DEPTH => self.raw(),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self
                .scanner
                .string()
                .map(|content| Value::String(self.text(content))),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.scanner.skip().map(|()| Value::Bool(true)),
            Some(b'f') => self.scanner.skip().map(|()| Value::Bool(false)),
            _ => self.scanner.skip().map(|()| Value::Null),
        }
    }

    fn raw(&mut self) -> Result<Value, JsonError> {
        self.altered = true;
        self.scanner
            .value()
            .map(|text| Value::String(String::from_utf8_lossy(text).into_owned()))
    }

    fn object(&mut self, depth: usize) -> Result<Value, JsonError> {
        let mut fields = Map::new();
        self.scanner.expect(b'{')?;
        if !self.scanner.eat(b'}') {
            loop {
                let key = self.scanner.key()?;
                let key = self.text(key);
                fields.insert(key, self.value(depth)?);
                if !self.scanner.eat(b',') {
                    self.scanner.expect(b'}')?;
                    break;
                }
            }
        }
        Ok(Value::Object(fields))
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonError> {
        let mut values = Vec::new();
        self.scanner.expect(b'[')?;
        if !self.scanner.eat(b']') {
            loop {
                values.push(self.value(depth)?);
                if !self.scanner.eat(b',') {
                    self.scanner.expect(b']')?;
                    break;
                }
            }
        }
        Ok(Value::Array(values))
    }

    fn text(&mut self, content: &[u8]) -> String {
        let text = unescape(content);
        // U+FFFD that is in the line as itself, or as its escape, is nothing that was altered.
        if text.contains(char::REPLACEMENT_CHARACTER) && has_lone_surrogate(content) {
            self.altered = true;
        }
        text
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let text = String::from_utf8_lossy(self.scanner.number()?).into_owned();
        let is_whole = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let number = if is_whole {
            text.parse::<i64>()
                .map(Number::from)
                .or_else(|_| text.parse::<u64>().map(Number::from))
                .ok()
        } else {
            text.parse::<f64>().ok().and_then(Number::from_f64)
        };
        Ok(number.map_or_else(
            || {
                self.altered = true;
                Value::String(text)
            },
            Value::Number,
        ))
    }
}

/// Whether valid string `content` escapes a surrogate without its other half.
fn has_lone_surrogate(content: &[u8]) -> bool {
    let mut pos = 0;
    let mut after_high = false;
    while pos < content.len() {
        let unit = (content[pos] == b'\\' && content.get(pos + 1) == Some(&b'u'))
            .then(|| std::str::from_utf8(content.get(pos + 2..pos + 6)?).ok())
            .flatten()
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let (is_high, is_low) = (
            unit.is_some_and(|unit| (0xD800..=0xDBFF).contains(&unit)),
            unit.is_some_and(|unit| (0xDC00..=0xDFFF).contains(&unit)),
        );
        if after_high != is_low {
            return true;
        }
        after_high = is_high;
        pos += match unit {
            Some(_) => 6,
            None if content[pos] == b'\\' => 2,
            None => 1,
        };
    }
    after_high
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_serde_refuses_is_read_and_reported() {
        let deep = format!("{}1{}", "[".repeat(130), "]".repeat(130));
        for (line, expected) in [
            (r#"{"text":"cut \ud83d"}"#, json!({"text": "cut \u{fffd}"})),
            (
                r#"{"text":"\udc00\ud83d\ude00"}"#,
                json!({"text": "\u{fffd}\u{1f600}"}),
            ),
            (r#"{"n":1e400,"m":-1e999}"#, json!({"n": "1e400", "m": "-1e999"})),
            (
                "123456789012345678901234567890",
                json!("123456789012345678901234567890"),
            ),
        ] {
            let read = read(line.as_bytes()).unwrap();
            assert_eq!((read.value, read.altered), (expected, true), "{line}");
        }
        assert!(serde_json::from_str::<Value>(&deep).is_err());
        assert!(!read(deep.as_bytes()).unwrap().altered);
        let deeper = format!("[{deep}]");
        assert!(read(deeper.as_bytes()).is_ok_and(|read| read.altered));
        assert!(read(b"{\"a\":").is_err() && read(b"nope").is_err() && read(b"1 2").is_err());
    }

    #[test]
    fn what_serde_reads_is_read_as_it_reads_it() {
        for line in [
            r#"{"a":[1,-2,18446744073709551615,0.5,-0.0,1e3],"b":{"c":null,"d":true,"e":false},"a":"twice"}"#,
            r#"["\u00e9\n\"\\\/\ud83d\ude00\ufffd","\ufffd"," "]"#,
            "{}",
            " [ ] ",
        ] {
            let read = read(line.as_bytes()).unwrap();
            assert_eq!(
                (read.value, read.altered),
                (serde_json::from_str(line).unwrap(), false),
                "{line}"
            );
        }
    }
}
