//! The rule table: which names and which shapes are secrets.
//!
//! The built-in table is on by default; a user extends it with JSON and switches single rules on and
//! off by id:
//!
//! ```json
//! {
//!   "disable": ["card_number"],
//!   "enable": ["email"],
//!   "names": [{ "id": "acme_session", "names": ["acme_sid"], "match": "exact", "in": ["json", "url"] }],
//!   "shapes": [{ "id": "acme_key", "prefix": "acme_", "charset": "A-Za-z0-9", "min_length": 20 }]
//! }
//! ```
//!
//! A table that exists is valid: whatever is wrong is refused here, with the path of the field.

use std::borrow::Cow;

use super::builtin;

/// The part of a written name that has to be the rule's name. Case, `-`, `_`, `.` and blanks never count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Matching {
    /// All of it, or the end of a header of one's own: `session_id` and `x-acme-session-id`.
    Exact,
    /// Its last word: `otp` in `user_otp` and `userOtp`, not in `laptop`.
    Word,
    /// Its end, wherever that begins: `password` in `dbpassword`.
    Suffix,
}

/// The places in which a name counts, as a set of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places(u8);

impl Places {
    /// Keys of JSON objects, also inside strings; `{name, value}` and `[name, value]` pairs.
    pub(super) const JSON: Self = Self(1);
    /// Parameters of URLs, fragments and form-encoded bodies.
    pub(super) const URL: Self = Self(2);
    /// `name: value` and `name=value` in free text.
    pub(super) const TEXT: Self = Self(4);
    /// Everywhere.
    pub(super) const ALL: Self = Self(7);

    /// Both sets.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether they have a place in common.
    pub(super) const fn overlap(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The kind of a name's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueKind {
    /// A secret: strings, numbers, and all of them inside arrays and objects.
    Secret,
    /// A secret if it is a string; a number is a count.
    Strings,
    /// A secret if it is a string; objects have names of their own.
    Scalar,
    /// A secret if it is made of digits, blanks and dashes.
    Digits,
    /// The value of an `Authorization` header: its scheme stays.
    Credentials,
    /// The value of a `Cookie` header: names stay.
    Cookies,
    /// The value of a `Set-Cookie` header: names and attributes stay.
    SetCookie,
    /// No secret, although its end looks like one (`nextPageToken`).
    Keep,
    /// The value of whatever its pair names: `{"value": …, "name": "Cookie"}`.
    Pair,
    /// An authorization code, which a product's or a country's code is not.
    OAuthCode,
    /// Base64, as the recorder writes binary content; a secret if there is one in it.
    Base64,
}

/// The names of a rule.
#[derive(Debug, Clone)]
pub(super) enum NameList {
    BuiltIn(&'static [&'static str]),
    Own(Vec<String>),
}

impl NameList {
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let (built_in, own): (&[&str], &[String]) = match self {
            Self::BuiltIn(names) => (names, &[]),
            Self::Own(names) => (&[], names),
        };
        built_in.iter().copied().chain(own.iter().map(String::as_str))
    }
}

/// A rule by name.
#[derive(Debug, Clone)]
pub(super) struct NameRule {
    pub(super) id: Cow<'static, str>,
    /// Words divided by `_`, lower case.
    pub(super) names: NameList,
    pub(super) matching: Matching,
    pub(super) places: Places,
    pub(super) value: ValueKind,
    /// Fewest bytes of the value.
    pub(super) min_length: usize,
}

/// A set of ASCII bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charset(u128);

impl Charset {
    /// From ranges and single characters: `A-Za-z0-9_-`.
    pub(super) const fn new(spec: &str) -> Self {
        let spec = spec.as_bytes();
        let mut set = 0u128;
        let mut i = 0;
        while i < spec.len() {
            let ranged = i + 2 < spec.len() && spec[i + 1] == b'-';
            let mut byte = spec[i];
            let last = if ranged { spec[i + 2] } else { spec[i] };
            while byte <= last && byte < 128 {
                set |= 1 << byte;
                byte += 1;
            }
            i += if ranged { 3 } else { 1 };
        }
        Self(set)
    }

    pub(super) const fn contains(self, byte: u8) -> bool {
        byte < 128 && self.0 >> byte & 1 == 1
    }
}

/// A token that begins with a literal.
#[derive(Debug, Clone)]
pub(super) struct TokenShape {
    pub(super) prefix: Cow<'static, str>,
    pub(super) charset: Charset,
    /// Bytes after the prefix.
    pub(super) min_length: usize,
    pub(super) max_length: usize,
    /// Fewest bytes after the prefix when the string ends there, so that it may have been cut off.
    pub(super) min_cut: usize,
    /// Whether it needs a digit and an upper-case letter, as only random text has.
    pub(super) mixed: bool,
}

/// How a shape is recognised.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Token(TokenShape),
    Jwt,
    Pem,
    Bearer,
    Basic,
    UserInfo,
    /// A web address whose path is the secret, from this literal on.
    SecretPath(&'static str),
    /// A path segment made up by a machine, after this literal.
    OpaqueSegment(&'static str),
    /// Base64 in which secrets are found.
    Hidden,
    Card,
    Email,
}

/// A rule by shape.
#[derive(Debug, Clone)]
pub(super) struct ShapeRule {
    pub(super) id: Cow<'static, str>,
    pub(super) shape: Shape,
}

impl ShapeRule {
    /// Whether the built-in spread has its patterns.
    pub(super) fn is_spread(&self) -> bool {
        match &self.shape {
            Shape::Token(token) => matches!(token.prefix, Cow::Borrowed(_)),
            Shape::Email => false,
            _ => true,
        }
    }
}

/// The rules for secrets: the built-in ones, some switched off, and a user's own.
#[derive(Debug, Clone)]
pub struct RuleTable {
    pub(super) names: Vec<NameRule>,
    pub(super) shapes: Vec<ShapeRule>,
    pub(super) disabled: Vec<String>,
}

impl Default for RuleTable {
    fn default() -> Self {
        Self {
            names: builtin::names(),
            shapes: builtin::shapes(),
            disabled: builtin::OFF_BY_DEFAULT
                .iter()
                .map(|id| (*id).to_owned())
                .collect(),
        }
    }
}

impl RuleTable {
    /// The id of every rule, on or off, each once, names before shapes.
    pub fn ids(&self) -> Vec<&str> {
        let names = self.names.iter().map(|rule| rule.id.as_ref());
        let mut ids = Vec::new();
        for id in names.chain(self.shapes.iter().map(|rule| rule.id.as_ref())) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// The names of members whose value is a secret whenever it is a string of some length.
    #[cfg(test)]
    pub(crate) fn names_of_members(&self) -> impl Iterator<Item = &str> {
        let any = |rule: &&NameRule| {
            rule.places.overlap(Places::JSON)
                && !matches!(
                    rule.value,
                    ValueKind::Digits | ValueKind::Keep | ValueKind::Pair | ValueKind::Base64
                )
                && rule.min_length <= 12
        };
        self.names.iter().filter(any).flat_map(|rule| rule.names.iter())
    }

    /// Whether the rule of this id is on.
    pub fn is_enabled(&self, id: &str) -> bool {
        !self.disabled.iter().any(|off| off == id)
    }
}
