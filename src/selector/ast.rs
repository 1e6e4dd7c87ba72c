//! A selector's terms, open to those who draw them as chips or compile them to SQL.

use super::{Glob, Key, Site, StatusRange};
use crate::levels::{DetailLevel, Severity, SourceKind};
use std::cmp::Ordering;

/// One condition. A selector wants what fits all of its terms.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Term {
    /// Whether it wants what the filter does *not* fit.
    pub negated: bool,
    /// The comparison.
    pub filter: Filter,
}

/// A comparison. Lists are alternatives: one that fits is enough. No list is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Filter {
    /// The category is one of these.
    Category(Vec<String>),
    /// The type fits one of these.
    Type(Vec<Glob>),
    /// The source kind is one of these.
    Kind(Vec<SourceKind>),
    /// At least this detail level.
    Detail(DetailLevel),
    /// At least this severity.
    Severity(Severity),
    /// There is a status and it lies in one of these, which are in order and apart.
    Status(Vec<StatusRange>),
    /// The tab is one of these.
    Tab(Vec<i64>),
    /// There is a url and it is on one of these.
    Site(Vec<Site>),
    /// There is a url and it fits one of these.
    Url(Vec<Glob>),
    /// The capture session's id fits one of these.
    Session(Vec<Glob>),
    /// Observed at this Unix microsecond or later.
    Since(u64),
    /// Observed at this Unix microsecond or earlier.
    Until(u64),
    /// Type, url or data hold this text, in either case.
    Text(String),
}

/// By key, wanted before unwanted, then by value.
impl Ord for Term {
    fn cmp(&self, other: &Self) -> Ordering {
        let place = |term: &Self| (term.filter.key(), term.negated);
        place(self)
            .cmp(&place(other))
            .then_with(|| self.filter.cmp(&other.filter))
    }
}

impl PartialOrd for Term {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Filter {
    /// Returns the subject of the filter.
    pub const fn key(&self) -> Key {
        match self {
            Self::Category(_) => Key::Category,
            Self::Type(_) => Key::Type,
            Self::Kind(_) => Key::Kind,
            Self::Detail(_) => Key::Detail,
            Self::Severity(_) => Key::Severity,
            Self::Status(_) => Key::Status,
            Self::Tab(_) => Key::Tab,
            Self::Site(_) => Key::Site,
            Self::Url(_) => Key::Url,
            Self::Session(_) => Key::Session,
            Self::Since(_) => Key::Since,
            Self::Until(_) => Key::Until,
            Self::Text(_) => Key::Text,
        }
    }

    /// Its values as the text form writes them, unquoted.
    pub fn values(&self) -> Vec<String> {
        fn all<T: ToString>(values: &[T]) -> Vec<String> {
            values.iter().map(ToString::to_string).collect()
        }
        match self {
            Self::Category(names) => names.clone(),
            Self::Type(globs) | Self::Url(globs) | Self::Session(globs) => all(globs),
            Self::Kind(kinds) => all(kinds),
            Self::Detail(level) => vec![level.to_string()],
            Self::Severity(severity) => vec![severity.to_string()],
            Self::Status(ranges) => all(ranges),
            Self::Tab(tabs) => all(tabs),
            Self::Site(sites) => all(sites),
            Self::Since(micros) | Self::Until(micros) => vec![super::time::format(*micros)],
            Self::Text(text) => vec![text.clone()],
        }
    }
}
