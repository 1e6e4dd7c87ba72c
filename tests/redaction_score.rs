//! How well redaction tells secrets from what only looks like one: `npm run redaction-score` prints the table.
//!
//! The corpora are `tests/fixtures/redaction/*.jsonl`: secrets, some of them known to be missed
//! (`documented`, see `docs/redaction.md`), and harmless values, of which nothing may be replaced.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test without its corpus has nothing to say")]

use std::collections::BTreeMap;

use serde_json::Value;
use tabtape::redaction::{Finding, Redacted, Redactor, RuleTable};

/// Percentage of harmless values that may be changed.
const MAX_WRONG_PERCENT: usize = 1;

fn corpus(name: &str) -> Vec<Value> {
    let file = format!(
        "{}/tests/fixtures/redaction/{name}.jsonl",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(file).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The value without secrets, and the rules that found them.
fn redact(value: &Value) -> (String, Vec<String>) {
    let mut redactor = Redactor::new([7; 32], &RuleTable::default());
    let json = value.to_string();
    let (mut out, mut findings) = (Vec::new(), Vec::<Finding>::new());
    let redacted = match redactor.redact_reporting(json.as_bytes(), &mut out, &mut findings) {
        Redacted::Unchanged => json,
        Redacted::Changed { .. } => String::from_utf8(out).unwrap(),
    };
    (
        redacted,
        findings
            .iter()
            .map(|finding| redactor.rule_id(finding.rule).to_owned())
            .collect(),
    )
}

#[derive(Default)]
struct Score {
    total: usize,
    documented: usize,
    failed: Vec<String>,
}

#[test]
fn no_secret_is_missed_but_documented_ones_and_little_else_is_redacted() {
    let (mut missed, mut wrong) = (BTreeMap::<String, Score>::new(), BTreeMap::<String, Score>::new());
    let mut stale = Vec::new();
    for entry in corpus("secrets") {
        let score = missed
            .entry(entry["kind"].as_str().unwrap().to_owned())
            .or_default();
        score.total += 1;
        let (text, _) = redact(&entry["in"]);
        let shows = text.contains(entry["secret"].as_str().unwrap());
        match (shows, entry.get("documented").is_some()) {
            (true, true) => score.documented += 1,
            (true, false) => score.failed.push(format!("{} → {text}", entry["in"])),
            (false, true) => stale.push(format!("{}", entry["in"])),
            (false, false) => {}
        }
    }
    for entry in corpus("harmless") {
        let score = wrong
            .entry(entry["kind"].as_str().unwrap().to_owned())
            .or_default();
        score.total += 1;
        let (text, rules) = redact(&entry["in"]);
        if !rules.is_empty() {
            score
                .failed
                .push(format!("{} → {text} ({})", entry["in"], rules.join(", ")));
        }
    }
    println!(
        "{:<9}{:<9}{:>7}{:>12}{:>8}",
        "corpus", "kind", "values", "documented", "failed"
    );
    for (corpus, scores) in [("secrets", &missed), ("harmless", &wrong)] {
        for (kind, score) in scores {
            let failed = score.failed.len();
            println!(
                "{corpus:<9}{kind:<9}{:>7}{:>12}{failed:>8}",
                score.total, score.documented
            );
        }
    }
    let all = |scores: &BTreeMap<String, Score>| -> Vec<String> {
        scores
            .values()
            .flat_map(|score| score.failed.iter().cloned())
            .collect()
    };
    let (missed_all, wrong_all) = (all(&missed), all(&wrong));
    missed_all.iter().for_each(|line| println!("missed: {line}"));
    wrong_all.iter().for_each(|line| println!("wrong: {line}"));
    let harmless: usize = wrong.values().map(|score| score.total).sum();
    assert!(
        stale.is_empty(),
        "no longer missed; remove `documented`: {stale:?}"
    );
    assert!(missed_all.is_empty(), "{} secrets missed", missed_all.len());
    assert!(
        wrong_all.len() * 100 <= harmless * MAX_WRONG_PERCENT,
        "{} of {harmless} harmless values redacted",
        wrong_all.len()
    );
}
