//! The name of one recording.

use std::fmt;

/// A capture session's id: a UUID, lower case, version 7 when made here, so that ids sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; 36]);

/// Text that is no session id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("capture_session_id: expected a lower-case UUID, got {0:?}")]
pub struct BadSessionId(String);

impl SessionId {
    /// A new id from the time and ten random bytes.
    pub fn from_time(unix_millis: u64, random: [u8; 10]) -> Self {
        let uuid = uuid::Builder::from_unix_timestamp_millis(unix_millis, &random).into_uuid();
        let mut text = [0; 36];
        uuid.hyphenated().encode_lower(&mut text);
        Self(text)
    }

    /// Reads an id.
    ///
    /// # Errors
    /// Anything but 36 characters of a lower-case UUID.
    pub fn parse(text: &[u8]) -> Result<Self, BadSessionId> {
        let bad = || BadSessionId(String::from_utf8_lossy(&text[..text.len().min(64)]).into_owned());
        let id: [u8; 36] = text.try_into().map_err(|_| bad())?;
        let well_formed = id.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
        if well_formed { Ok(Self(id)) } else { Err(bad()) }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for SessionId {
    type Err = BadSessionId;
    fn from_str(text: &str) -> Result<Self, BadSessionId> {
        Self::parse(text.as_bytes())
    }
}

impl serde::Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for SessionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
