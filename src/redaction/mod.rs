//! Redaction: secrets are replaced before an event reaches a log, a reader or the disk.
//!
//! A [`Redactor`] looks once over the bytes of valid, compact JSON and replaces what is a secret by its
//! name (`password`, `Authorization`, `?code=`) or by its shape (`ghp_…`, a JWT, a card number), in
//! every string at every depth: JSON inside strings, URLs inside JSON, header lines inside console text.
//! Promises:
//!
//! - the result is valid JSON, and every byte that is not part of a secret stays as it was;
//! - redacting twice changes nothing more;
//! - equal secrets get equal placeholders, `[redacted:7f3a91c2]`, which say nothing without the key;
//! - clean input is not copied: [`Redacted::Unchanged`];
//! - time is linear in the input, whatever a page puts into it.
//!
//! It is a filter for accidents, not a proof: a secret that neither its name nor its shape gives away
//! stays.
//!
//! ```
//! use tabtape::redaction::{Redacted, Redactor, RuleTable};
//!
//! let mut redactor = Redactor::new([7; 32], &RuleTable::default());
//! let mut out = Vec::new();
//! assert_eq!(redactor.redact(br#"{"user":"ann"}"#, &mut out), Redacted::Unchanged);
//! assert_eq!(redactor.redact(br#"{"user":"ann","password":"hunter2"}"#, &mut out), Redacted::Changed { secrets: 1 });
//! assert!(out.starts_with(br#"{"user":"ann","password":"[redacted:"#));
//! ```

use std::ops::Range;

mod base64;
mod builtin;
mod card;
mod cookies;
mod detect;
mod escaped;
mod escapes;
mod extension;
mod fields;
mod follow;
mod frequency;
mod harmless;
mod hidden;
mod label;
mod names;
mod overview;
mod pairs;
mod placeholder;
mod prefilter;
mod rules;
mod scan;
mod shapes;
mod simd;
mod sink;
mod spread;
mod text;
mod trial;
mod values;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use fields::RuleError;
use names::Names;
pub use overview::RuleOverview;
use placeholder::Decoding;
use prefilter::Pattern;
pub use rules::RuleTable;
use rules::{NameList, NameRule, Shape, ShapeRule};
use scan::{Engine, Scan};
use shapes::Shapes;
use simd::Kernel;
use sink::Sink;
pub use trial::{Replaced, Trial};

/// The result for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Redacted {
    /// Nothing was found and nothing written: keep the original.
    Unchanged,
    /// The redacted text was appended to the output.
    Changed {
        /// How many secrets were replaced.
        secrets: u32,
    },
}

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its range in the text that was redacted.
    pub range: Range<usize>,
    /// The rule that found it; see [`Redactor::rule_id`].
    pub rule: u16,
}

/// Finds and replaces secrets. Holds the compiled rules, the install's key and the counts.
pub struct Redactor {
    key: [u8; 32],
    /// Boxed, so that moving a redactor is cheap.
    engine: Box<Engine>,
    ids: Vec<String>,
    counts: Vec<u64>,
    /// Secrets that rules replaced which are in the table no more.
    counts_of_removed: u64,
}

impl std::fmt::Debug for Redactor {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor")
            .field("ids", &self.ids)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl Redactor {
    /// A redactor with the rules of a table that are on. Costs about a millisecond; keep it.
    pub fn new(key: [u8; 32], rules: &RuleTable) -> Self {
        let ids: Vec<String> = rules.ids().into_iter().map(str::to_owned).collect();
        let engine = Self::compile(rules, &ids);
        let counts = vec![0; ids.len()];
        Self {
            key,
            engine,
            ids,
            counts,
            counts_of_removed: 0,
        }
    }

    /// Applies another table from the next text on. The key and the counts stay.
    pub fn set_rules(&mut self, rules: &RuleTable) {
        let mut next = Self::new(self.key, rules);
        next.counts_of_removed = self.counts_of_removed;
        for (id, count) in self.counts() {
            match next.ids.iter().position(|known| known == id) {
                Some(index) => next.counts[index] = count,
                None => next.counts_of_removed += count,
            }
        }
        *self = next;
    }

    fn compile(rules: &RuleTable, ids: &[String]) -> Box<Engine> {
        let counter = |id: &str| ids.iter().position(|known| known == id).map_or(0, |i| i as u16);
        let names = || rules.names.iter().filter(|rule| rules.is_enabled(&rule.id));
        let shapes = rules.shapes.iter().filter(|rule| rules.is_enabled(&rule.id));
        let compiled = Names::new(names().map(|rule| (rule, counter(&rule.id))));
        let shapes = Shapes::new(shapes.map(|rule| (rule, counter(&rule.id))));
        let card = shapes.counter_of(|shape| matches!(shape, Shape::Card));
        let email = shapes.counter_of(|shape| matches!(shape, Shape::Email));
        let mut tables = spread::built_in();
        tables.add(&escaped::pattern());
        let own_names = names().filter(|rule| matches!(rule.names, NameList::Own(_)));
        let more = rules
            .shapes
            .iter()
            .filter(|rule| !rule.is_spread() && rules.is_enabled(&rule.id));
        patterns(own_names, more)
            .iter()
            .for_each(|pattern| tables.add(pattern));
        Box::new(Engine {
            tables,
            kernel: Kernel::detect(),
            names: compiled,
            shapes,
            card,
            email,
        })
    }

    /// Redacts one valid, compact JSON value. What is found is appended to `out`, redacted; if nothing
    /// is, `out` stays as it is.
    pub fn redact(&mut self, json: &[u8], out: &mut Vec<u8>) -> Redacted {
        self.redact_values(json, std::slice::from_ref(&(0..json.len())), out)
    }

    /// Redacts the JSON values at `values` in `json`, in rising order; the bytes around them
    /// are copied. So an event's `url`, `source.metadata` and `data` are redacted in one go, and its
    /// `ts`, `type` and `category` not looked at.
    pub fn redact_values(&mut self, json: &[u8], values: &[Range<usize>], out: &mut Vec<u8>) -> Redacted {
        self.scan(json, out, None, |scan| {
            values.iter().for_each(|value| scan.run_value(value));
        })
    }

    /// Redacts one value as [`redact`](Self::redact) does, and appends to `findings` what was replaced
    /// and by which rule.
    pub fn redact_reporting(
        &mut self,
        json: &[u8],
        out: &mut Vec<u8>,
        findings: &mut Vec<Finding>,
    ) -> Redacted {
        self.scan(json, out, Some(findings), |scan| scan.run(0))
    }

    /// Redacts `value`, a whole JSON value, if the text before it names it as a secret.
    pub(crate) fn redact_labelled(
        &mut self,
        before: &[u8],
        part_start: usize,
        value: &[u8],
        out: &mut Vec<u8>,
    ) -> Redacted {
        let Some(label) = label::ending(&self.engine.names, before, part_start) else {
            return Redacted::Unchanged;
        };
        self.scan(value, out, None, |scan| scan.redact_labelled(label))
    }

    /// Replaces `value`, a whole string or number, as the rule of a finding did in another view of it.
    pub(crate) fn replace_scalar(&mut self, value: &[u8], rule: u16, out: &mut Vec<u8>) -> Redacted {
        self.scan(value, out, None, |scan| match value {
            [b'"', content @ .., b'"'] => {
                scan.sink.replace(1..1 + content.len(), rule, Decoding::TEXT);
            }
            _ => scan.sink.replace_bare(0..value.len(), rule, 0),
        })
    }

    /// The id of the rule with this counter.
    pub fn rule_id(&self, rule: u16) -> &str {
        self.ids.get(usize::from(rule)).map_or("", String::as_str)
    }

    fn scan(
        &mut self,
        json: &[u8],
        out: &mut Vec<u8>,
        findings: Option<&mut Vec<Finding>>,
        run: impl FnOnce(&mut Scan<'_>),
    ) -> Redacted {
        let sink = Sink::new(json, &self.key, out, &mut self.counts, findings);
        let mut scan = Scan::new(&self.engine, sink);
        run(&mut scan);
        scan.sink.finish();
        match scan.sink.found {
            0 => Redacted::Unchanged,
            secrets => Redacted::Changed { secrets },
        }
    }

    /// How many secrets each rule has replaced so far, by rule id, in the table's order.
    pub fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.ids
            .iter()
            .map(String::as_str)
            .zip(self.counts.iter().copied())
    }

    /// How many secrets were replaced so far.
    pub fn total(&self) -> u64 {
        self.counts_of_removed + self.counts.iter().sum::<u64>()
    }
}

/// The literals of the prefilter: ends of names with what may follow one, and the literals of shapes.
fn patterns<'a>(
    names: impl Iterator<Item = &'a NameRule>,
    shapes: impl Iterator<Item = &'a ShapeRule>,
) -> Vec<Pattern> {
    // A quote, `%3D` or `%22`; `=`, `:`, `>`, an escape or `]`.
    const AFTER: &[u8] = b"\"%'=:>\\]";
    let mut patterns = Vec::new();
    for tail in Names::tails(names) {
        let [a, b, c] = tail.map(|byte| [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()]);
        patterns.push(Pattern::new([&a, &b, &c, AFTER]));
    }
    patterns.extend(shapes.flat_map(|rule| Shapes::patterns(&rule.shape)));
    patterns
}
