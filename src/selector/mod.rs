//! The selector of a reader: a pure filter over records.
//!
//! A [`Selector`] never turns a producer on (that is [`crate::config`]); it skips, and what it skips is
//! not dropped. One implementation serves ring, logs, queries, streams, the command line and the
//! viewer's filter bar. It is compiled once and matches a record by its header; only `text` looks into
//! the line, and nothing allocates.
//!
//! ## Text form
//!
//! Terms are separated by white space, and **all of them must hold**. Within a term a comma means **or**,
//! and `-` before it means **not**. A selector without terms wants everything.
//!
//! | term | wants |
//! |---|---|
//! | `category:console,network` | one of these categories |
//! | `type:network.*` | types by [`Glob`]: `*` is any run of characters |
//! | `kind:cdp` | a source kind: cdp, kernel_api, extension, local_process |
//! | `detail:verbose` | at least this detail level: minimal < standard < verbose < raw |
//! | `severity:warn` | at least this severity: debug < info < warn < error |
//! | `status:404` `4xx` `400..599` `>=400` | an HTTP status in the range; records without one do not fit |
//! | `tab:7` | this tab |
//! | `site:example.com` `site:localhost:3000` | urls of this host and its subdomains, of this port if given |
//! | `url:*/api/*` | urls by glob; a pattern without `*` means contains |
//! | `session:0193*` | this capture session, by glob |
//! | `since:10m` `until:2026-01-31` | from then on, up to and with then: a time ago, ISO 8601 (UTC unless a zone is given; a date alone is its whole day), Unix microseconds |
//! | `word` `"a phrase"` | type, url or data hold it, however its accents are composed |
//!
//! Letter case never matters, but in names of categories, kinds and levels. Values with white space or
//! commas go in quotes: `url:"*?a=1,2"`. Inside quotes `\"` is a quote and `\\` a backslash. To look for what
//! would otherwise be a key, an operator or a negation, quote it: `"error:"`, `"OR"`, `"-1"`.
//! A host with its port is a word without quotes: `localhost:3000`.
//!
//! A key said twice narrows twice: `type:network.* type:*.failed` wants both,
//! `severity:warn severity:error` wants errors. Unwanted terms add up: `-tab:1 -tab:2` wants neither.
//! A missing field matches no term, and therefore every negated one: `-status:404` keeps records that
//! have no status.
//!
//! ```
//! use tabtape::selector::Selector;
//!
//! let now_micros = 1_764_000_000_000_000; // relative times are resolved once, against this
//! let selector = Selector::parse(
//!     "category:network,console severity:warn status:4xx,5xx -url:*/hot-update* checkout since:10m",
//!     now_micros,
//! )?;
//! assert_eq!(
//!     selector.to_string(),
//!     "category:console,network severity:warn status:400..599 -url:*/hot-update* \
//!      since:2025-11-24T15:50:00Z checkout",
//! );
//! assert_eq!(Selector::parse(&selector.to_string(), 0)?, selector);
//! # Ok::<(), tabtape::selector::SelectorError>(())
//! ```
//!
//! ## Object form
//!
//! The same terms as JSON: plural field names for lists of alternatives, `text` for words that must all
//! occur, `not` for what is unwanted, `and` for further objects.
//!
//! ```
//! use tabtape::selector::Selector;
//!
//! let object = r#"{"types": ["network.*"], "status": "4xx", "tabs": 7, "not": {"urls": "*/hot-update*"}}"#;
//! let selector = Selector::from_json(object, 0)?;
//! assert_eq!(selector, Selector::parse("type:network.* status:4xx tab:7 -url:*/hot-update*", 0)?);
//! assert_eq!(
//!     serde_json::to_string(&selector).unwrap(),
//!     r#"{"not":{"urls":["*/hot-update*"]},"status":["400..499"],"tabs":[7],"types":["network.*"]}"#,
//! );
//! # Ok::<(), tabtape::selector::SelectorError>(())
//! ```
//!
//! ## Refusals
//!
//! A [`SelectorError`] names what is wrong, where, and what would be right.
//!
//! ```
//! # use tabtape::selector::Selector;
//! let error = Selector::parse("category:console severity:loud", 0).unwrap_err();
//! assert_eq!(error.offset(), Some(26));
//! assert_eq!(
//!     error.to_string(),
//!     "column 27: `severity` does not take \"loud\"; expected debug, info, warn, error",
//! );
//! ```

mod ast;
mod canonical;
mod caseless;
mod error;
mod glob;
pub(crate) mod key;
mod needle;
mod nfc;
mod object_form;
mod parse;
mod program;
pub(crate) mod site;
mod status;
mod text_form;
mod time;
pub(crate) mod url_parts;
mod values;

#[cfg(test)]
mod tests;

pub use ast::{Filter, Term};
pub use error::{Place, Problem, SelectorError};
pub use glob::Glob;
pub use key::Key;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub(crate) use nfc::compose_by;
pub use site::Site;
pub use status::StatusRange;
pub(crate) use time::iso_millis;

use crate::record::{Entry, Record};
use program::Program;

/// Longest selector, in bytes of either form: enough for hundreds of terms, too little to be an attack.
pub const MAX_SELECTOR_BYTES: usize = 8 << 10;

/// A compiled selector. Two are equal when they say the same.
#[derive(Debug, Clone)]
pub struct Selector {
    terms: Vec<Term>,
    program: Program,
}

impl Selector {
    /// Reads the text form. Times ago are before `now_micros`, Unix microseconds.
    ///
    /// # Errors
    /// The first thing that is not of the grammar, with its place.
    pub fn parse(text: &str, now_micros: u64) -> Result<Self, SelectorError> {
        if text.len() > MAX_SELECTOR_BYTES {
            return Err(SelectorError::in_text(
                "",
                0..0,
                Problem::TooLong { bytes: text.len() },
            ));
        }
        let selector = Self::from_terms(parse::parse(text, now_micros)?);
        selector.bounded(|problem| SelectorError::in_text(text, 0..text.len(), problem))
    }

    /// Reads JSON: a string in the text form, or an object. Times ago are before `now_micros`.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place in the text or its path in the object.
    pub fn from_json(json: &str, now_micros: u64) -> Result<Self, SelectorError> {
        if json.len() > MAX_SELECTOR_BYTES {
            return Err(SelectorError::in_object(
                "",
                Problem::TooLong { bytes: json.len() },
            ));
        }
        let value = serde_json::from_str(json)
            .map_err(|error| SelectorError::in_object("", Problem::NotJson(error.to_string())))?;
        match value {
            serde_json::Value::String(text) => Self::parse(&text, now_micros),
            object => {
                let selector = Self::from_terms(object_form::parse(&object, now_micros)?);
                selector.bounded(|problem| SelectorError::in_object("", problem))
            }
        }
    }

    /// Refuses a selector whose canonical text could not be read back.
    fn bounded(self, error: impl FnOnce(Problem) -> SelectorError) -> Result<Self, SelectorError> {
        let bytes = self.to_string().len();
        if bytes > MAX_SELECTOR_BYTES {
            Err(error(Problem::TooLong { bytes }))
        } else {
            Ok(self)
        }
    }

    /// Wants everything.
    pub fn everything() -> Self {
        Self::from_terms(Vec::new())
    }

    fn from_terms(terms: Vec<Term>) -> Self {
        let terms = canonical::canonical(terms);
        Self {
            program: Program::new(&terms),
            terms,
        }
    }

    /// The selector that wants what both want. Of two long ones the text can be over
    /// [`MAX_SELECTOR_BYTES`]: it matches all the same, but does not parse back.
    pub fn and(&self, other: &Self) -> Self {
        Self::from_terms(self.terms.iter().chain(&other.terms).cloned().collect())
    }

    /// The terms, in canonical order; all must hold.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whether the record is wanted.
    pub fn matches(&self, record: &Record<'_>) -> bool {
        self.program.matches(record)
    }

    /// Whether a reader is shown `entry`: an event that matches, or a gap of a wanted category.
    pub fn wants(&self, entry: &Entry) -> bool {
        match entry {
            Entry::Event(event) => self.matches(&event.record()),
            Entry::Gap(stored) => self.wants_category(&stored.gap.category),
        }
    }

    /// Whether any record is wanted, so that matching can be left out.
    pub fn always_true(&self) -> bool {
        self.program.always_true()
    }

    /// Whether it is plain that no record can be wanted (`since` after `until`, `-type:*`).
    pub fn never_true(&self) -> bool {
        self.program.never_true()
    }

    /// Whether records of this category can be wanted: lets a reader leave out whole category logs, and
    /// show a gap only where its category is wanted.
    pub fn wants_category(&self, category: &str) -> bool {
        self.program.wants_category(category)
    }

    /// First and last microsecond that can be wanted, both inclusive.
    pub fn time_range(&self) -> (u64, u64) {
        self.program.time
    }
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        self.terms == other.terms
    }
}

impl Eq for Selector {}

impl Default for Selector {
    /// Wants everything.
    fn default() -> Self {
        Self::everything()
    }
}
