//! The keys of terms: one table of names for text form, object form, errors and completion.

/// The subject of a term, in the order of the canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The category, exactly.
    Category,
    /// The type, by glob.
    Type,
    /// The source kind.
    Kind,
    /// At least this detail level.
    Detail,
    /// At least this severity.
    Severity,
    /// HTTP status ranges.
    Status,
    /// The browser's tab id.
    Tab,
    /// The host of the url and its subdomains.
    Site,
    /// The url, by glob.
    Url,
    /// The capture session, by glob.
    Session,
    /// Not before this moment.
    Since,
    /// Not after this moment.
    Until,
    /// Words and phrases in type, url and data.
    Text,
}

impl Key {
    /// Every key, in canonical order.
    pub const ALL: &'static [Self] = &[
        Self::Category,
        Self::Type,
        Self::Kind,
        Self::Detail,
        Self::Severity,
        Self::Status,
        Self::Tab,
        Self::Site,
        Self::Url,
        Self::Session,
        Self::Since,
        Self::Until,
        Self::Text,
    ];

    /// The word before the colon in the text form. Text has no key there: its words are bare.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Type => "type",
            Self::Kind => "kind",
            Self::Detail => "detail",
            Self::Severity => "severity",
            Self::Status => "status",
            Self::Tab => "tab",
            Self::Site => "site",
            Self::Url => "url",
            Self::Session => "session",
            Self::Since => "since",
            Self::Until => "until",
            Self::Text => "text",
        }
    }

    /// The field of the object form: plural where it holds a list of alternatives.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Category => "categories",
            Self::Type => "types",
            Self::Kind => "kinds",
            Self::Tab => "tabs",
            Self::Site => "sites",
            Self::Url => "urls",
            Self::Session => "sessions",
            other => other.name(),
        }
    }

    /// One line for a person who is about to type a value.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Category => "console, network, page, tab, interaction, system or a third party's",
            Self::Type => "a type or a glob, like network.*",
            Self::Kind => "cdp, kernel_api, extension or local_process",
            Self::Detail => "at least minimal, standard, verbose or raw",
            Self::Severity => "at least debug, info, warn or error",
            Self::Status => "404, 4xx, 400..599 or >=400",
            Self::Tab => "a tab id",
            Self::Site => "a host and its subdomains, like example.com or localhost:3000",
            Self::Url => "a glob, like */api/*; without * it means contains",
            Self::Session => "a capture session id or a glob, like 0193*",
            Self::Since => "10m, 2h, 1d or 2026-01-31T09:00Z",
            Self::Until => "10m, 2h, 1d or 2026-01-31",
            Self::Text => "words or \"a phrase\"",
        }
    }

    /// The key of this name in the text form, whatever its case.
    pub fn from_name(name: &str) -> Option<Self> {
        let named = |key: &&Self| **key != Self::Text && key.name().eq_ignore_ascii_case(name);
        Self::ALL.iter().find(named).copied()
    }

    /// The key of this field in the object form.
    pub fn from_field(field: &str) -> Option<Self> {
        Self::ALL.iter().find(|key| key.field() == field).copied()
    }
}

/// Names of other tools, and what they are called here.
const KNOWN_ELSEWHERE: &[(&str, &str)] = &[
    ("level", "severity"),
    ("log", "severity"),
    ("domain", "site"),
    ("host", "site"),
    ("hostname", "site"),
    ("source", "kind"),
    ("after", "since"),
    ("from", "since"),
    ("before", "until"),
    ("to", "until"),
    ("code", "status"),
    ("path", "url"),
    ("event", "type"),
    ("name", "type"),
];

/// Typing errors further off than this are no longer guesses but noise.
const MAX_EDITS: usize = 2;

/// The name among `known` that `wrong` was probably meant to be.
pub(crate) fn nearest(wrong: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let wrong = wrong.to_ascii_lowercase();
    let elsewhere = KNOWN_ELSEWHERE
        .iter()
        .find(|(name, _)| *name == wrong)
        .map(|(_, here)| *here);
    let mut best: Option<(usize, &'static str)> = None;
    for name in known {
        if elsewhere.is_some_and(|here| name.starts_with(here)) {
            return Some(name);
        }
        let edits = if name.len() > 3 && name.trim_end_matches('s') == wrong.trim_end_matches('s') {
            0
        } else {
            strsim::osa_distance(&wrong, name)
        };
        if edits <= MAX_EDITS && edits < name.len() / 2 + 1 && best.is_none_or(|(least, _)| edits < least) {
            best = Some((edits, name));
        }
    }
    best.map(|(_, name)| name)
}
