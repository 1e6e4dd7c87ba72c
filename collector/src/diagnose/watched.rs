//! Describes what was being watched, so that an empty or a small answer means something.

use super::time_ago;
use super::untrusted;
use crate::store::{SessionCoverage, is_silent};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tabtape::selector::Selector;

/// Categories that a browser's recorder has.
const CATEGORIES: [&str; 6] = ["console", "network", "page", "tab", "interaction", "system"];
/// Bytes of a name that a recorder or a process chose.
const MAX_NAME_BYTES: usize = 40;

/// Describes the coverage of one session in at most about 400 bytes. `handle` is its short name; `is_last` means that
/// no session was watched since.
pub(crate) fn describe(
    coverage: &SessionCoverage,
    handle: &str,
    selector: Option<&Selector>,
    is_last: bool,
    now: u64,
) -> String {
    let mut out = handle.to_owned();
    if let Some(producer) = &coverage.producer {
        let _ = write!(out, " process {}", untrusted::field(producer, MAX_NAME_BYTES));
    }
    match coverage.watched.last() {
        None if coverage.producer.is_some() => {
            out.push_str(": a process reports what it likes, so silence says nothing");
        }
        None => out.push_str(": nothing of this was watched"),
        Some(watched) => {
            let from = time_ago(now.saturating_sub(watched.window.from_ts));
            let until = watched.window.to_ts.map(|to| now.saturating_sub(to));
            let _ = match until.filter(|ago| *ago > 0) {
                None if until.is_none() && is_silent(coverage.last_ts, now) => {
                    let last = coverage.last_ts.map(|ts| time_ago(now.saturating_sub(ts)));
                    let last = last.map_or_else(String::new, |ago| format!(", last record {ago} ago"));
                    write!(out, ": watched from {from} ago to an unknown end{last}: ")
                }
                None => write!(out, ": watched since {from} ago, still: "),
                Some(ago) => {
                    let since = if is_last {
                        ", not watched since (ask the person to record)"
                    } else {
                        ""
                    };
                    write!(out, ": watched from {from} to {} ago{since}: ", time_ago(ago))
                }
            };
            out.push_str(&levels(&watched.categories));
            out.push_str(&off(&watched.categories, selector));
        }
    }
    if coverage.gap_seqs > 0 {
        let _ = write!(out, "; {} events missing (gaps)", coverage.gap_seqs);
    }
    if !coverage.unwatched.is_empty() {
        let _ = write!(out, "; {} times unwatched for a while", coverage.unwatched.len());
    }
    if !coverage.lost.is_empty() {
        let _ = write!(out, "; the last events of {} documents lost", coverage.lost.len());
    }
    out
}

fn levels(categories: &BTreeMap<String, String>) -> String {
    let mut by_level: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (category, level) in categories.iter().take(12) {
        let level = ["minimal", "standard", "verbose", "raw"]
            .into_iter()
            .find(|known| known == level);
        by_level
            .entry(level.unwrap_or("?"))
            .or_default()
            .push(untrusted::name(category));
    }
    let levels: Vec<String> = by_level
        .iter()
        .map(|(level, names)| format!("{} ({level})", names.join(" ")))
        .collect();
    if levels.is_empty() {
        "none of these categories".into()
    } else {
        levels.join(", ")
    }
}

/// Names what was off, with the mend.
fn off(categories: &BTreeMap<String, String>, selector: Option<&Selector>) -> String {
    let wants = |name: &str| selector.is_none_or(|selector| selector.wants_category(name));
    let mut off: Vec<&str> = CATEGORIES.into_iter().filter(|name| wants(name)).collect();
    off.retain(|name| !categories.contains_key(*name));
    let has_bodies = categories
        .get("network")
        .is_some_and(|level| level == "verbose" || level == "raw");
    if wants("network") && categories.contains_key("network") && !has_bodies {
        off.push("network bodies (tell the person, or ask them to set network to verbose with deep capture)");
    }
    if off.is_empty() {
        String::new()
    } else {
        format!("; off: {}", off.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use tabtape::coverage::{Watched, Window};

    #[test]
    fn an_answer_says_since_when_at_which_level_and_what_was_off() {
        let categories = [("console", "standard"), ("network", "standard")];
        let coverage = |to_ts, last_ts| SessionCoverage {
            session: "0193".into(),
            producer: None,
            first_ts: None,
            last_ts: Some(last_ts),
            watched: vec![Watched {
                window: Window { from_ts: 0, to_ts },
                categories: categories.map(|(name, level)| (name.into(), level.into())).into(),
                sites: Value::Null,
            }],
            unwatched: vec![],
            lost: vec![],
            tabs: vec![],
            gaps: vec![],
            gap_seqs: 3,
            missing: vec![],
            pruned: 0,
        };
        let now = 3_600_000_000;
        let network = Selector::parse("category:network", now).unwrap();
        assert_eq!(
            describe(&coverage(None, now - 1), "s1", Some(&network), false, now),
            "s1: watched since 60 min ago, still: console network (standard); off: network bodies (tell the person, or ask \
             them to set network to verbose with deep capture); 3 events missing (gaps)"
        );
        let all = describe(&coverage(Some(1_800_000_000), 0), "s1", None, true, now);
        assert!(
            all.contains("watched from 60 min to 30 min ago, not watched since (ask the person to record): "),
            "{all}"
        );
        assert!(
            all.contains("; off: page, tab, interaction, system, network bodies ("),
            "{all}"
        );
        let silent = describe(&coverage(None, 0), "s1", None, false, now + 1);
        assert!(
            silent.contains("watched from 60 min ago to an unknown end, last record 60 min ago: "),
            "{silent}"
        );
    }
}
