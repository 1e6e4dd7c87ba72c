//! Coverage: the time in which a session was watched, so that an empty answer means something.
//!
//! A recorder says it itself: a session's start, each start of its worker and each change of its config carry
//! the config, and a worker's start the stretch in which no worker ran. [`Coverage`] folds those events, in order of
//! seq, into stretches with the categories and levels that were on.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

const STARTED: &str = "system.session_started";
const WORKER: &str = "system.worker_started";
const CONFIG: &str = "system.config_changed";
const ENDED: &str = "system.session_ended";
const LOST: &str = "system.relay_lost";
const UNCONFIRMED: &str = "system.relay_unconfirmed";
const FOUND: &str = "system.relay_found";

/// The types of the events it is read from.
pub const MILESTONES: [&str; 7] = [STARTED, WORKER, CONFIG, ENDED, LOST, UNCONFIRMED, FOUND];

/// Whether events of this type say what is watched.
pub fn is_milestone(type_: &str) -> bool {
    MILESTONES.contains(&type_)
}

/// A stretch of time in Unix microseconds; without an end it continues, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Window {
    /// First moment.
    pub from_ts: u64,
    /// Last moment.
    pub to_ts: Option<u64>,
}

impl Window {
    /// Returns the part within a range, both ends included.
    pub fn within(self, from_ts: u64, to_ts: u64) -> Option<Self> {
        if self.from_ts > to_ts || self.to_ts.is_some_and(|end| end < from_ts) {
            return None;
        }
        // An open end stays open unless the range has one.
        let end = self
            .to_ts
            .map_or_else(|| (to_ts < u64::MAX).then_some(to_ts), |end| Some(end.min(to_ts)));
        Some(Self {
            from_ts: self.from_ts.max(from_ts),
            to_ts: end,
        })
    }
}

/// A stretch of time, with the categories that were recorded in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Watched {
    /// When.
    #[serde(flatten)]
    pub window: Window,
    /// Categories that were on, each with its detail level.
    pub categories: BTreeMap<String, String>,
    /// Sites it was for, as the config says.
    pub sites: Value,
}

/// The stretches of one session that were watched, and those that were not.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Coverage {
    /// Stretches that were watched.
    pub watched: Vec<Watched>,
    /// When no worker ran, between the death of a worker and the start of the next.
    pub unwatched: Vec<Window>,
    /// Documents of which an unknown number of events is lost.
    pub lost: Vec<LostDocument>,
}

/// A document of which an unknown number of events is lost: its coverage ends where the window begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LostDocument {
    /// From its last committed event until it was found gone.
    #[serde(flatten)]
    pub window: Window,
    /// The browser's id of the document.
    pub document_id: String,
    /// The browser's id of its tab.
    pub tab_id: Option<String>,
    /// Why: `crashed`, `tab_closed`, `discarded`, `worker_stopped`, `document_ended`, `browser_ended`.
    pub reason: String,
}

/// How far a session was certainly watched. A recorder renews it while it runs, for the case that the whole browser is
/// killed: the session after it records it then.
///
/// ```text
///             events, each committed      renewed              the browser is killed
///   ──────────●───●──────────●────────────┼───────●────●───────✕
///   watched ─────────────────────────────▶│ unknown ──────────▶│
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedUntil {
    /// Everything that was observed up to here is committed, apart from that of documents which are `behind`.
    pub until_ts: u64,
    /// Documents that have not confirmed it.
    #[serde(default)]
    pub behind: Vec<DocumentBehind>,
}

/// A document of which less is known than of the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentBehind {
    /// The browser's id of the document.
    pub document_id: String,
    /// The browser's id of its tab.
    pub tab_id: Option<String>,
    /// Its last committed event, or when it last confirmed that it had nothing more.
    pub from_ts: u64,
}

/// Returns the session that the `system.session_started` with this data names as the one before it, and how far that
/// one was watched, if its recorder renewed that.
pub fn previous_session(data: &Value) -> Option<(String, Option<WatchedUntil>)> {
    let previous = data["previous"].as_str()?.to_owned();
    Some((
        previous,
        WatchedUntil::deserialize(&data["previous_watched"]).ok(),
    ))
}

impl Coverage {
    /// Takes the next milestone; of its categories only those that `wants` names count.
    pub fn take(&mut self, ts: u64, type_: &str, data: &Value, wants: impl Fn(&str) -> bool) {
        let unwatched = &data["unwatched"];
        if let (Some(from_ts), Some(to_ts)) = (unwatched["from_ts"].as_u64(), unwatched["to_ts"].as_u64()) {
            self.unwatched.push(Window {
                from_ts,
                to_ts: Some(to_ts),
            });
        }
        match type_ {
            ENDED => return self.end(ts),
            LOST | UNCONFIRMED => return self.lost.extend(lost_document(ts, data)),
            FOUND => {
                let found = data["document_id"].as_str();
                return self.lost.retain(|lost| Some(lost.document_id.as_str()) != found);
            }
            _ => {}
        }
        let config = &data["config"];
        let categories = categories(config, wants);
        let sites = config["sites"].clone();
        let continues = self.watched.last().is_some_and(|last| {
            last.window.to_ts.is_none() && last.categories == categories && last.sites == sites
        });
        if !continues {
            self.end(ts);
            self.watched.push(Watched {
                window: Window {
                    from_ts: ts,
                    to_ts: None,
                },
                categories,
                sites,
            });
        }
    }

    /// Nothing was watched from `ts` on.
    pub fn end(&mut self, ts: u64) {
        if let Some(last) = self.watched.last_mut().filter(|last| last.window.to_ts.is_none()) {
            last.window.to_ts = Some(ts.max(last.window.from_ts));
        }
    }

    /// Ends a session that ended without recording it. Without `until`, it ends with its last event.
    pub fn end_unclosed(&mut self, last_ts: u64, until: Option<&WatchedUntil>) {
        if self.watched.last().is_none_or(|last| last.window.to_ts.is_some()) {
            return;
        }
        let Some(WatchedUntil { until_ts, behind }) = until else {
            return self.end(last_ts);
        };
        self.watched.retain(|watched| watched.window.from_ts <= *until_ts);
        for watched in &mut self.watched {
            watched.window.to_ts = Some(
                watched
                    .window
                    .to_ts
                    .map_or(*until_ts, |to_ts| to_ts.min(*until_ts)),
            );
        }
        if last_ts > *until_ts {
            self.unwatched.push(Window {
                from_ts: *until_ts,
                to_ts: Some(last_ts),
            });
        }
        self.lost.extend(
            behind
                .iter()
                .filter(|behind| behind.from_ts < *until_ts)
                .map(|behind| LostDocument {
                    window: Window {
                        from_ts: behind.from_ts,
                        to_ts: Some(*until_ts),
                    },
                    document_id: behind.document_id.clone(),
                    tab_id: behind.tab_id.clone(),
                    reason: "browser_ended".to_owned(),
                }),
        );
    }

    /// Returns the part within a range.
    pub fn within(mut self, from_ts: u64, to_ts: u64) -> Self {
        self.watched
            .retain_mut(|watched| match watched.window.within(from_ts, to_ts) {
                Some(window) => {
                    watched.window = window;
                    true
                }
                None => false,
            });
        self.unwatched = self
            .unwatched
            .iter()
            .filter_map(|window| window.within(from_ts, to_ts))
            .collect();
        self.lost
            .retain(|lost| lost.window.within(from_ts, to_ts).is_some());
        self
    }
}

/// The categories that a config turns on.
fn categories(config: &Value, wants: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
    let all = config["categories"].as_object().into_iter().flatten();
    all.filter(|(name, category)| category["enabled"] != Value::Bool(false) && wants(name))
        .map(|(name, category)| {
            (
                name.clone(),
                category["detail_level"].as_str().unwrap_or("standard").to_owned(),
            )
        })
        .collect()
}

/// Reads `system.relay_lost` and `system.relay_unconfirmed`.
fn lost_document(ts: u64, data: &Value) -> Option<LostDocument> {
    let to_ts = data["to_ts"].as_u64().unwrap_or(ts);
    Some(LostDocument {
        window: Window {
            from_ts: data["from_ts"].as_u64().unwrap_or(to_ts).min(to_ts),
            to_ts: Some(to_ts),
        },
        document_id: data["document_id"].as_str()?.to_owned(),
        tab_id: data["tab_id"].as_str().map(str::to_owned),
        reason: data["reason"].as_str().unwrap_or("unknown").to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn config(console: bool) -> Value {
        json!({"config": {
            "categories": {"console": {"enabled": console}, "network": {"detail_level": "verbose"}},
            "sites": {"include": ["*"]},
        }})
    }

    fn windows(coverage: &Coverage) -> Vec<(u64, Option<u64>, Vec<&str>)> {
        let all = coverage.watched.iter();
        all.map(|watched| {
            let on = watched.categories.keys().map(String::as_str).collect();
            (watched.window.from_ts, watched.window.to_ts, on)
        })
        .collect()
    }

    #[test]
    fn a_config_counts_until_another_one_or_the_end() {
        let mut coverage = Coverage::default();
        coverage.take(10, STARTED, &config(true), |_| true);
        coverage.take(11, WORKER, &config(true), |_| true);
        coverage.take(20, CONFIG, &config(false), |_| true);
        assert_eq!(
            windows(&coverage),
            [
                (10, Some(20), vec!["console", "network"]),
                (20, None, vec!["network"])
            ]
        );
        assert_eq!(coverage.watched[0].categories["network"], "verbose");
        coverage.take(30, ENDED, &Value::Null, |_| true);
        assert_eq!(windows(&coverage)[1].1, Some(30));
    }

    #[test]
    fn what_is_not_asked_for_makes_no_new_stretch() {
        let mut coverage = Coverage::default();
        for (ts, console) in [(10, true), (20, false), (30, true)] {
            coverage.take(ts, CONFIG, &config(console), |name| name == "network");
        }
        assert_eq!(windows(&coverage), [(10, None, vec!["network"])]);
    }

    #[test]
    fn a_worker_reports_when_no_worker_ran() {
        let mut coverage = Coverage::default();
        let mut data = config(true);
        data["unwatched"] = json!({"from_ts": 12, "to_ts": 15});
        coverage.take(10, STARTED, &config(true), |_| true);
        coverage.take(15, WORKER, &data, |_| true);
        assert_eq!(
            coverage.unwatched,
            [Window {
                from_ts: 12,
                to_ts: Some(15)
            }]
        );
    }

    #[test]
    fn a_lost_relay_ends_the_coverage_of_its_document_until_it_is_found() {
        let mut coverage = Coverage::default();
        coverage.take(10, STARTED, &config(true), |_| true);
        for (type_, document, from) in [(LOST, "A", 12), (UNCONFIRMED, "B", 14)] {
            let data = json!({"document_id": document, "tab_id": "7", "reason": "crashed", "from_ts": from, "to_ts": 20});
            coverage.take(21, type_, &data, |_| true);
        }
        assert_eq!(
            windows(&coverage),
            [(10, None, vec!["console", "network"])],
            "the others are watched"
        );
        coverage.take(30, FOUND, &json!({"document_id": "A"}), |_| true);
        let window = Window {
            from_ts: 14,
            to_ts: Some(20),
        };
        let b = LostDocument {
            window,
            document_id: "B".into(),
            tab_id: Some("7".into()),
            reason: "crashed".into(),
        };
        assert_eq!(coverage.lost, [b]);
        assert_eq!(coverage.clone().within(10, 13).lost, []);
        assert_eq!(coverage.within(13, 15).lost.len(), 1);
    }

    #[test]
    fn a_session_without_an_end_is_watched_until_its_recorder_last_confirmed_it() {
        let mut coverage = Coverage::default();
        coverage.take(10, STARTED, &config(true), |_| true);
        coverage.take(20, CONFIG, &config(false), |_| true);
        coverage.take(40, CONFIG, &config(true), |_| true);
        let data = json!({"previous": "S", "previous_watched": {"until_ts": 30, "behind": [
            {"document_id": "A", "tab_id": "7", "from_ts": 25}, {"document_id": "B", "tab_id": null, "from_ts": 31},
        ]}});
        let (previous, until) = previous_session(&data).unwrap();
        assert_eq!(previous, "S");
        let mut ended = coverage.clone();
        ended.end_unclosed(50, until.as_ref());
        assert_eq!(
            windows(&ended),
            [
                (10, Some(20), vec!["console", "network"]),
                (20, Some(30), vec!["network"])
            ]
        );
        assert_eq!(
            ended.unwatched,
            [Window {
                from_ts: 30,
                to_ts: Some(50)
            }]
        );
        let lost: Vec<_> = ended
            .lost
            .iter()
            .map(|lost| (&*lost.document_id, lost.window, &*lost.reason))
            .collect();
        assert_eq!(
            lost,
            [(
                "A",
                Window {
                    from_ts: 25,
                    to_ts: Some(30)
                },
                "browser_ended"
            )]
        );

        let older = json!({"previous": "S", "previous_watched": null});
        coverage.end_unclosed(50, previous_session(&older).unwrap().1.as_ref());
        assert_eq!(
            windows(&coverage)[2].1,
            Some(50),
            "an older recorder says nothing of it"
        );
        let whole = coverage.clone();
        coverage.take(60, ENDED, &Value::Null, |_| true);
        coverage.end_unclosed(70, until.as_ref());
        assert_eq!(coverage, whole, "it has ended before");
        assert_eq!(previous_session(&json!({"previous": null})), None);
    }

    #[test]
    fn a_range_cuts_stretches_and_leaves_an_open_end_open() {
        let mut coverage = Coverage::default();
        coverage.take(10, STARTED, &config(true), |_| true);
        coverage.take(20, CONFIG, &config(false), |_| true);
        assert_eq!(
            windows(&coverage.clone().within(15, u64::MAX)),
            [
                (15, Some(20), vec!["console", "network"]),
                (20, None, vec!["network"])
            ]
        );
        assert_eq!(
            windows(&coverage.clone().within(12, 18)),
            [(12, Some(18), vec!["console", "network"])]
        );
        assert_eq!(
            windows(&coverage.clone().within(1000, u64::MAX)),
            [(1000, None, vec!["network"])]
        );
        assert_eq!(windows(&coverage.clone().within(1, 9)), []);
        coverage.end(5);
        assert_eq!(windows(&coverage)[1].1, Some(20), "never before it began");
    }
}
