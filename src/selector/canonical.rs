//! One form for all selectors that were meant alike, so that equal ones compare equal.

use super::{Filter, Glob, StatusRange, Term};

/// Orders terms by key, wanted before unwanted, and the values within a term, because order means
/// nothing; and folds what can be folded:
///
/// - two thresholds of one key are the stricter one;
/// - unwanted alternatives of one key are one list, for "neither a nor b" is "not (a or b)";
/// - a term said twice is said once.
///
/// Wanted lists of one key stay apart: `type:network.* type:*.failed` asks for both.
pub(crate) fn canonical(terms: Vec<Term>) -> Vec<Term> {
    let mut kept: Vec<Term> = Vec::with_capacity(terms.len());
    for mut term in terms {
        order_values(&mut term.filter);
        if !kept.iter_mut().any(|earlier| absorb(earlier, &term)) {
            kept.push(term);
        }
    }
    sort(&mut kept);
    kept
}

fn order_values(filter: &mut Filter) {
    match filter {
        Filter::Category(names) => sort(names),
        Filter::Type(globs) | Filter::Url(globs) | Filter::Session(globs) => {
            if globs.iter().any(Glob::matches_everything) {
                *globs = vec![Glob::new("*")];
            }
            sort(globs);
        }
        Filter::Kind(kinds) => sort(kinds),
        Filter::Tab(tabs) => sort(tabs),
        Filter::Site(sites) => sort(sites),
        Filter::Status(ranges) => *ranges = StatusRange::merge(std::mem::take(ranges)),
        Filter::Detail(_) | Filter::Severity(_) | Filter::Since(_) | Filter::Until(_) | Filter::Text(_) => {}
    }
}

/// Orders a few values and drops repeats. The standard library's sorts, one copy a type, would be a
/// twentieth of the wasm.
pub(crate) fn sort<T: Ord>(values: &mut Vec<T>) {
    let mut sorted: Vec<T> = Vec::with_capacity(values.len());
    for value in values.drain(..) {
        if let Err(at) = sorted.binary_search(&value) {
            sorted.insert(at, value);
        }
    }
    *values = sorted;
}

/// Takes `later` into `earlier` if one term can say both; false when it cannot.
fn absorb(earlier: &mut Term, later: &Term) -> bool {
    if earlier == later {
        return true;
    }
    if earlier.negated != later.negated {
        return false;
    }
    let negated = earlier.negated;
    match (&mut earlier.filter, &later.filter) {
        (Filter::Detail(a), Filter::Detail(b)) => *a = stricter(*a, *b, negated),
        (Filter::Severity(a), Filter::Severity(b)) => *a = stricter(*a, *b, negated),
        (Filter::Since(a), Filter::Since(b)) => *a = stricter(*a, *b, negated),
        (Filter::Until(a), Filter::Until(b)) => *a = stricter(*a, *b, !negated),
        (Filter::Category(a), Filter::Category(b)) if negated => a.extend_from_slice(b),
        (Filter::Type(a), Filter::Type(b)) if negated => a.extend_from_slice(b),
        (Filter::Kind(a), Filter::Kind(b)) if negated => a.extend_from_slice(b),
        (Filter::Status(a), Filter::Status(b)) if negated => a.extend_from_slice(b),
        (Filter::Tab(a), Filter::Tab(b)) if negated => a.extend_from_slice(b),
        (Filter::Site(a), Filter::Site(b)) if negated => a.extend_from_slice(b),
        (Filter::Url(a), Filter::Url(b)) if negated => a.extend_from_slice(b),
        (Filter::Session(a), Filter::Session(b)) if negated => a.extend_from_slice(b),
        _ => return false,
    }
    order_values(&mut earlier.filter);
    true
}

/// "At least a and at least b" is the greater; "below a and below b" the lesser.
fn stricter<T: Ord>(a: T, b: T, negated: bool) -> T {
    if negated { a.min(b) } else { a.max(b) }
}
