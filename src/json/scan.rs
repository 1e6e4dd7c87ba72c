//! The walk itself: iterative, so that depth costs no stack.

use super::{JsonError, JsonErrorKind, MAX_DEPTH, strings::plain_run};

/// A cursor over JSON text that checks what it passes.
#[derive(Debug)]
pub struct Scanner<'a> {
    text: &'a [u8],
    pos: usize,
    white_space: bool,
}

impl<'a> Scanner<'a> {
    /// Begins at the first token of `text`.
    ///
    /// # Errors
    /// [`JsonErrorKind::NotUtf8`].
    pub fn new(text: &'a [u8]) -> Result<Self, JsonError> {
        match std::str::from_utf8(text) {
            Ok(_) => Ok(Self::trusted(text)),
            Err(error) => Err(JsonError {
                kind: JsonErrorKind::NotUtf8,
                offset: error.valid_up_to(),
            }),
        }
    }

    /// Begins at the first token of `text`, which is known to be UTF-8.
    pub fn trusted(text: &'a [u8]) -> Self {
        let mut scanner = Self {
            text,
            pos: 0,
            white_space: false,
        };
        scanner.skip_white_space();
        scanner
    }

    /// Byte offset of the next token.
    pub const fn pos(&self) -> usize {
        self.pos
    }

    /// Whether white space was passed between tokens.
    pub const fn saw_white_space(&self) -> bool {
        self.white_space
    }

    /// The next byte, or `None` at the end.
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.text.get(self.pos).copied()
    }

    /// The bytes from `start` to the end of the last token.
    pub fn since(&self, start: usize) -> &'a [u8] {
        let mut end = self.pos;
        while end > start && matches!(self.text[end - 1], b' ' | b'\t' | b'\n' | b'\r') {
            end -= 1;
        }
        &self.text[start..end]
    }

    /// Continues at byte `pos`.
    pub fn jump(&mut self, pos: usize) {
        self.pos = pos.min(self.text.len());
        self.skip_white_space();
    }

    /// An error at the current position: the unexpected byte, or the unexpected end.
    pub fn unexpected(&self) -> JsonError {
        let kind = self
            .peek()
            .map_or(JsonErrorKind::UnexpectedEnd, JsonErrorKind::UnexpectedByte);
        JsonError {
            kind,
            offset: self.pos,
        }
    }

    fn error(&self, kind: JsonErrorKind) -> JsonError {
        JsonError {
            kind,
            offset: self.pos,
        }
    }

    #[inline]
    fn skip_white_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.pos += 1;
            self.white_space = true;
        }
    }

    /// Passes `byte` if it is next.
    #[inline]
    pub fn eat(&mut self, byte: u8) -> bool {
        let next = self.peek() == Some(byte);
        if next {
            self.pos += 1;
            self.skip_white_space();
        }
        next
    }

    /// Passes `byte`.
    ///
    /// # Errors
    /// Something else is next.
    #[inline]
    pub fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.eat(byte) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// Something is.
    pub fn end(&self) -> Result<(), JsonError> {
        if self.pos == self.text.len() {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// Passes a string and returns its content, escapes as they are.
    ///
    /// # Errors
    /// No string is next, or it is not JSON.
    #[inline]
    pub fn string(&mut self) -> Result<&'a [u8], JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected());
        }
        let start = self.pos + 1;
        self.pos = start;
        loop {
            self.pos += plain_run(&self.text[self.pos..]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(byte) => return Err(self.error(JsonErrorKind::ControlCharacter(byte))),
                None => return Err(self.error(JsonErrorKind::UnexpectedEnd)),
            }
        }
        let content = &self.text[start..self.pos];
        self.pos += 1;
        self.skip_white_space();
        Ok(content)
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        match self.text.get(self.pos + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.pos += 2,
            Some(b'u') => match self.text.get(self.pos + 2..self.pos + 6) {
                Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => self.pos += 6,
                Some(_) => return Err(self.error(JsonErrorKind::BadEscape)),
                None => return Err(self.error(JsonErrorKind::UnexpectedEnd)),
            },
            Some(_) => return Err(self.error(JsonErrorKind::BadEscape)),
            None => return Err(self.error(JsonErrorKind::UnexpectedEnd)),
        }
        Ok(())
    }

    /// Passes a number and returns its text.
    ///
    /// # Errors
    /// No number is next, or it is not JSON.
    pub fn number(&mut self) -> Result<&'a [u8], JsonError> {
        let start = self.pos;
        if self.peek() == Some(b'-') {
            self.pos += 1;
        }
        match self.peek() {
            Some(b'0') => self.pos += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.error(JsonErrorKind::BadNumber)),
        }
        if self.peek() == Some(b'.') {
            self.pos += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.pos += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.pos += 1;
            }
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.error(JsonErrorKind::BadNumber));
        }
        let text = &self.text[start..self.pos];
        self.skip_white_space();
        Ok(text)
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.pos;
        while let Some(b'0'..=b'9') = self.peek() {
            self.pos += 1;
        }
        if self.pos == start {
            Err(self.error(JsonErrorKind::BadNumber))
        } else {
            Ok(())
        }
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if self.text[self.pos..].starts_with(word) {
            self.pos += word.len();
            self.skip_white_space();
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// Passes one value of any kind and returns its text.
    ///
    /// # Errors
    /// It is not JSON, or nested too deep.
    pub fn value(&mut self) -> Result<&'a [u8], JsonError> {
        let start = self.pos;
        // One bit a level, lowest innermost: 1 for an object.
        let mut objects: u128 = 0;
        let mut depth = 0;
        'value: loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(open @ (b'{' | b'[')) => {
                    if depth == MAX_DEPTH {
                        return Err(self.error(JsonErrorKind::TooDeep));
                    }
                    let is_object = open == b'{';
                    self.eat(open);
                    if !self.eat(if is_object { b'}' } else { b']' }) {
                        depth += 1;
                        objects = objects << 1 | u128::from(is_object);
                        if is_object {
                            self.key()?;
                        }
                        continue 'value;
                    }
                }
                Some(b'-' | b'0'..=b'9') => {
                    self.number()?;
                }
                Some(b't') => self.literal(b"true")?,
                Some(b'f') => self.literal(b"false")?,
                Some(b'n') => self.literal(b"null")?,
                _ => return Err(self.unexpected()),
            }
            loop {
                if depth == 0 {
                    return Ok(self.since(start));
                }
                let is_object = objects & 1 == 1;
                if self.eat(b',') {
                    if is_object {
                        self.key()?;
                    }
                    continue 'value;
                }
                self.expect(if is_object { b'}' } else { b']' })?;
                objects >>= 1;
                depth -= 1;
            }
        }
    }

    /// Passes one value of any kind.
    ///
    /// # Errors
    /// It is not JSON, or nested too deep.
    pub fn skip(&mut self) -> Result<(), JsonError> {
        self.value().map(|_| ())
    }

    /// Passes an object's key and its colon; returns the key's content, escapes as they are.
    ///
    /// # Errors
    /// No key is next.
    #[inline]
    pub fn key(&mut self) -> Result<&'a [u8], JsonError> {
        let key = self.string()?;
        self.expect(b':')?;
        Ok(key)
    }

    /// Passes an object, handing each key to `member`, which must pass the value.
    ///
    /// # Errors
    /// No object is next, it is not JSON, or `member` failed.
    pub fn object<E: From<JsonError>>(
        &mut self,
        mut member: impl FnMut(&mut Self, &'a [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.expect(b'{')?;
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            let key = self.key()?;
            member(self, key)?;
            if !self.eat(b',') {
                return Ok(self.expect(b'}')?);
            }
        }
    }
}
