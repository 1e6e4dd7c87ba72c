//! A selector compiled for matching: numbers of the header first, then names, then urls, then text.

use super::needle::Needle;
use super::{Filter, Glob, Site, StatusRange, Term};
use crate::levels::{DetailLevel, Severity, SourceKind};
use crate::record::Record;
use std::borrow::Cow;

/// The terms, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// First and last microsecond; first after last: nothing matches.
    pub(crate) time: (u64, u64),
    kinds: Set,
    details: Set,
    severities: Set,
    tests: Box<[Test]>,
}

/// One term that the header's numbers alone do not settle. The order of variants is the order of cost.
#[derive(Debug, Clone)]
struct Test {
    negated: bool,
    check: Check,
}

#[derive(Debug, Clone)]
enum Check {
    Never,
    Tab(Box<[i64]>),
    Status(Box<[StatusRange]>),
    Category(Box<[String]>),
    Type(Box<[Glob]>),
    Session(Box<[Glob]>),
    Site(Box<[Site]>),
    Url(Box<[Glob]>),
    Text(Needle),
}

impl Program {
    pub(crate) fn new(terms: &[Term]) -> Self {
        let mut program = Self {
            time: (0, u64::MAX),
            kinds: Set::ALL,
            details: Set::ALL,
            severities: Set::ALL,
            tests: Box::default(),
        };
        let mut tests: Vec<Test> = Vec::with_capacity(terms.len());
        for test in terms.iter().filter_map(|term| program.add(term)) {
            let at = tests.partition_point(|earlier| earlier.check.cost() <= test.check.cost());
            tests.insert(at, test);
        }
        program.tests = tests.into();
        program
    }

    /// Takes what the header's numbers can settle into the program; the rest comes back as a test.
    fn add(&mut self, term: &Term) -> Option<Test> {
        let negated = term.negated;
        let check = match &term.filter {
            Filter::Kind(kinds) => {
                self.kinds.keep(SourceKind::ALL.len(), negated, |bit| {
                    kinds.iter().any(|kind| *kind as u8 == bit)
                });
                return None;
            }
            Filter::Detail(least) => {
                self.details
                    .keep(DetailLevel::ALL.len(), negated, |bit| bit >= *least as u8);
                return None;
            }
            Filter::Severity(least) => {
                self.severities
                    .keep(Severity::ALL.len(), negated, |bit| bit >= *least as u8);
                return None;
            }
            Filter::Since(first) => {
                return self.limit_time(if negated {
                    (Some(0), first.checked_sub(1))
                } else {
                    (Some(*first), Some(u64::MAX))
                });
            }
            Filter::Until(last) => {
                return self.limit_time(if negated {
                    (last.checked_add(1), Some(u64::MAX))
                } else {
                    (Some(0), Some(*last))
                });
            }
            Filter::Type(globs) if globs.iter().any(Glob::matches_everything) => {
                return negated.then_some(Test {
                    negated: false,
                    check: Check::Never,
                });
            }
            Filter::Tab(tabs) => Check::Tab(tabs.as_slice().into()),
            Filter::Status(ranges) => Check::Status(ranges.as_slice().into()),
            Filter::Category(names) => Check::Category(names.as_slice().into()),
            Filter::Type(globs) => Check::Type(globs.as_slice().into()),
            Filter::Session(globs) => Check::Session(globs.as_slice().into()),
            Filter::Site(sites) => Check::Site(sites.as_slice().into()),
            Filter::Url(globs) => Check::Url(globs.as_slice().into()),
            Filter::Text(text) => Check::Text(Needle::new(text)?),
        };
        Some(Test { negated, check })
    }

    /// Narrows the time; a limit that does not exist is one that nothing keeps to.
    fn limit_time(&mut self, limits: (Option<u64>, Option<u64>)) -> Option<Test> {
        match limits {
            (Some(first), Some(last)) => {
                self.time = (self.time.0.max(first), self.time.1.min(last));
                None
            }
            _ => Some(Test {
                negated: false,
                check: Check::Never,
            }),
        }
    }

    pub(crate) fn matches(&self, record: &Record<'_>) -> bool {
        let header = record.header;
        self.time.0 <= header.ts_micros
            && header.ts_micros <= self.time.1
            && self.severities.has(header.severity as u8)
            && self.details.has(header.detail_level as u8)
            && self.kinds.has(header.source_kind as u8)
            && self
                .tests
                .iter()
                .all(|test| test.check.fits(record) != test.negated)
    }

    pub(crate) fn always_true(&self) -> bool {
        self.tests.is_empty()
            && self.time == (0, u64::MAX)
            && [self.kinds, self.details, self.severities] == [Set::ALL; 3]
    }

    pub(crate) fn never_true(&self) -> bool {
        let nothing_of = |set: Set, members: usize| (0..members).all(|bit| !set.has(bit as u8));
        self.time.0 > self.time.1
            || self.tests.iter().any(|test| matches!(test.check, Check::Never))
            || nothing_of(self.kinds, SourceKind::ALL.len())
            || nothing_of(self.details, DetailLevel::ALL.len())
            || nothing_of(self.severities, Severity::ALL.len())
    }

    pub(crate) fn wants_category(&self, category: &str) -> bool {
        self.tests.iter().all(|test| match &test.check {
            Check::Category(names) => is_one_of(names, category) != test.negated,
            _ => true,
        })
    }
}

/// Members of a closed set of at most eight, by their place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set(u8);

impl Set {
    const ALL: Self = Self(u8::MAX);

    const fn has(self, bit: u8) -> bool {
        self.0 >> bit & 1 == 1
    }

    /// Keeps those of the first `members` bits that are wanted.
    fn keep(&mut self, members: usize, negated: bool, wanted: impl Fn(u8) -> bool) {
        for bit in 0..members as u8 {
            if wanted(bit) == negated {
                self.0 &= !(1 << bit);
            }
        }
    }
}

impl Check {
    const fn cost(&self) -> u8 {
        match self {
            Self::Never => 0,
            Self::Tab(_) => 1,
            Self::Status(_) => 2,
            Self::Category(_) => 3,
            Self::Type(_) => 4,
            Self::Session(_) => 5,
            Self::Site(_) => 6,
            Self::Url(_) => 7,
            Self::Text(_) => 8,
        }
    }

    fn fits(&self, record: &Record<'_>) -> bool {
        match self {
            Self::Never => false,
            Self::Tab(tabs) => record.tab_id().is_some_and(|tab| tabs.contains(&tab)),
            Self::Status(ranges) => record
                .status()
                .is_some_and(|status| ranges.iter().any(|range| range.contains(status))),
            Self::Category(names) => is_one_of(names, record.category()),
            Self::Type(globs) => globs.iter().any(|glob| glob.matches(record.type_())),
            Self::Session(globs) => {
                session_id(record.line).is_some_and(|id| globs.iter().any(|glob| glob.matches(&id)))
            }
            Self::Site(sites) => url(record).is_some_and(|url| sites.iter().any(|site| site.matches(&url))),
            Self::Url(globs) => url(record).is_some_and(|url| globs.iter().any(|glob| glob.matches(&url))),
            Self::Text(needle) => {
                needle.is_in(record.header.type_.of(record.line))
                    || needle.is_in(record.header.url.of(record.line))
                    || needle.is_in(record.data())
            }
        }
    }
}

fn is_one_of(names: &[String], name: &str) -> bool {
    names.iter().any(|wanted| wanted == name)
}

/// The url without JSON escapes. Urls of browsers have none, so this borrows but for odd producers.
fn url<'a>(record: &Record<'a>) -> Option<Cow<'a, str>> {
    let raw = record.url();
    if raw.is_empty() {
        None
    } else if memchr::memchr(b'\\', raw.as_bytes()).is_some() {
        Some(Cow::Owned(crate::json::unescape(raw.as_bytes())))
    } else {
        Some(Cow::Borrowed(raw))
    }
}

/// The capture session of a line. Our own lines begin with it; others are parsed.
fn session_id(line: &[u8]) -> Option<Cow<'_, str>> {
    #[derive(serde::Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        capture_session_id: Cow<'a, str>,
    }
    let first = line.strip_prefix(br#"{"capture_session_id":""#).and_then(|rest| {
        let id = &rest[..memchr::memchr2(b'"', b'\\', rest)?];
        (rest.get(id.len()) == Some(&b'"'))
            .then(|| std::str::from_utf8(id).ok())
            .flatten()
    });
    match first {
        Some(id) => Some(Cow::Borrowed(id)),
        None => serde_json::from_slice::<Envelope<'_>>(line)
            .ok()
            .map(|envelope| envelope.capture_session_id),
    }
}
