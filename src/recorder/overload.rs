//! Lowers the detail of what is recorded while the recorder cannot keep up, and raises it again.
//!
//! ```text
//!   OVER_BEATS beats over a limit                   calm for as long as `calm_beats` says
//! ──────────────▶ one category, one level lower ──────────────▶ the last lowered level, one higher
//!        ▲                     │        ▲                                │
//!        └── still over a limit ┘        └──── over a limit again: calm has to last twice as long
//! ```
//!
//! A beat is one call of [`Overload::beat`]. Each step concerns the category that produced the most bytes since the
//! load began. The settings of a person never change here: [`Overload::apply`] returns what holds now.

use crate::config::CaptureConfig;
use crate::levels::{BUILT_IN_CATEGORIES, DetailLevel};
use serde::Serialize;
use std::collections::BTreeMap;

/// Messages that wait in one page: half of what its relay holds before it drops any.
const MAX_RELAY_QUEUE: u64 = 10_000;
/// Bytes accepted and not committed: an eighth of what makes a session give up its log.
const MAX_UNCOMMITTED_BYTES: u64 = 2 << 20;
/// Events that a collector which answers has not acknowledged yet, while they become more.
const MAX_UNDELIVERED_EVENTS: u64 = 50_000;

/// So many beats over a limit are a load, if it was never calm for [`MIN_CALM_BEATS`] between them. A burst, or the start
/// of a worker, is shorter.
const OVER_BEATS: u32 = 3;
/// The shortest calm before a level is raised.
const MIN_CALM_BEATS: u32 = 5;
/// About ten minutes of beats.
const MAX_CALM_BEATS: u32 = 320;
/// A load that returns within so many beats after a level was raised returned because of it.
const RELAPSE_BEATS: u32 = 30;

/// A category with a smaller part of the bytes is not lowered: one part in so many.
const LEAST_PART: u64 = 10;

/// The recorder's own events are few, and report what is missing.
const NEVER_LOWERED: &str = "system";

/// The load at one beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// The most messages that one relay held since the last beat.
    pub relay_queue: u64,
    /// Bytes accepted and not committed.
    pub uncommitted_bytes: u64,
    /// Events committed and not acknowledged by a collector that answers; 0 without one.
    pub undelivered_events: u64,
}

/// One category that is recorded at a lower level than its setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lowered {
    /// The category.
    pub category: &'static str,
    /// The level of its setting.
    pub from: DetailLevel,
    /// The level that holds now.
    pub to: DetailLevel,
    /// The figure that was over its limit.
    pub reason: String,
}

/// A change of one category's level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The category.
    pub category: &'static str,
    /// Its level from now on.
    pub to: DetailLevel,
    /// Why.
    pub reason: String,
}

/// The decisions about a recorder's load.
#[derive(Debug)]
pub struct Overload {
    /// In the order in which they were lowered; a category that went down two levels occurs twice.
    steps: Vec<Step>,
    over_beats: u32,
    calm_beats: u32,
    calm_needed: u32,
    /// Beats since a level was raised.
    since_raise: u32,
    undelivered_before: u64,
    /// Bytes of each category when the load began.
    bytes_before: BTreeMap<&'static str, u64>,
}

#[derive(Debug)]
struct Step {
    category: &'static str,
    to: DetailLevel,
    reason: String,
}

impl Default for Overload {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            over_beats: 0,
            calm_beats: 0,
            calm_needed: MIN_CALM_BEATS,
            since_raise: RELAPSE_BEATS,
            // An old backlog is not one that grows.
            undelivered_before: u64::MAX,
            bytes_before: BTreeMap::new(),
        }
    }
}

impl Overload {
    /// Decides what one more beat changes. `settings` is the config as a person set it, and `bytes` returns the bytes
    /// that a category has produced so far.
    pub fn beat(
        &mut self,
        load: Load,
        settings: &CaptureConfig,
        bytes: impl Fn(&str) -> u64,
    ) -> Option<Change> {
        let grows = load.undelivered_events > self.undelivered_before;
        self.undelivered_before = load.undelivered_events;
        self.since_raise = self.since_raise.saturating_add(1);
        let Some(reason) = over(load, grows) else {
            if self.over_beats == 0 {
                self.remember(&bytes);
            }
            return self.calm(load, settings);
        };
        self.calm_beats = 0;
        self.over_beats += 1;
        if self.over_beats < OVER_BEATS {
            return None;
        }
        self.over_beats = 0;
        let change = self.lower(reason, settings, &bytes);
        self.remember(&bytes);
        change
    }

    /// Returns `settings` with the lowered levels in place.
    pub fn apply(&self, settings: &CaptureConfig) -> CaptureConfig {
        let mut config = settings.clone();
        for Lowered { category, to, .. } in self.lowered(settings) {
            config.set_detail_level(category, to);
        }
        config
    }

    /// Returns the categories that are recorded at a lower level than `settings` say.
    pub fn lowered(&self, settings: &CaptureConfig) -> Vec<Lowered> {
        let lowered = |category: &'static str| {
            let step = self.steps.iter().rev().find(|step| step.category == category)?;
            let from = settings.category(category).detail_level;
            (step.to < from).then(|| Lowered {
                category,
                from,
                to: step.to,
                reason: step.reason.clone(),
            })
        };
        BUILT_IN_CATEGORIES.into_iter().filter_map(lowered).collect()
    }

    /// A person has set the level of `category`: it holds until the load lowers it again.
    pub fn forget(&mut self, category: &str) {
        self.steps.retain(|step| step.category != category);
    }

    fn lower(
        &mut self,
        reason: String,
        settings: &CaptureConfig,
        bytes: impl Fn(&str) -> u64,
    ) -> Option<Change> {
        let now = self.apply(settings);
        let produced = |category: &'static str| {
            bytes(category).saturating_sub(self.bytes_before.get(category).copied().unwrap_or(0))
        };
        let all: u64 = BUILT_IN_CATEGORIES.into_iter().map(produced).sum();
        let largest = BUILT_IN_CATEGORIES
            .into_iter()
            .filter(|category| *category != NEVER_LOWERED && now.category(category).enabled)
            .filter(|category| produced(category) > 0 && produced(category) >= all / LEAST_PART)
            .filter_map(|category| Some((category, below(now.category(category).detail_level)?)))
            .max_by_key(|(category, _)| produced(category));
        let (category, to) = largest?;
        self.calm_needed = if self.since_raise < RELAPSE_BEATS {
            (self.calm_needed * 2).min(MAX_CALM_BEATS)
        } else {
            MIN_CALM_BEATS
        };
        self.steps.push(Step {
            category,
            to,
            reason: reason.clone(),
        });
        Some(Change { category, to, reason })
    }

    fn calm(&mut self, load: Load, settings: &CaptureConfig) -> Option<Change> {
        self.calm_beats = if is_calm(load) { self.calm_beats + 1 } else { 0 };
        if self.calm_beats >= MIN_CALM_BEATS {
            self.over_beats = 0;
        }
        if self.calm_beats < self.calm_needed || self.steps.is_empty() {
            return None;
        }
        self.calm_beats = 0;
        self.since_raise = 0;
        let category = self.steps.pop()?.category;
        Some(Change {
            category,
            to: self.apply(settings).category(category).detail_level,
            reason: "the load has ended".to_owned(),
        })
    }

    fn remember(&mut self, bytes: impl Fn(&str) -> u64) {
        for category in BUILT_IN_CATEGORIES {
            self.bytes_before.insert(category, bytes(category));
        }
    }
}

/// Returns the figure that is over its limit, in words.
fn over(load: Load, undelivered_grows: bool) -> Option<String> {
    let Load {
        relay_queue,
        uncommitted_bytes,
        undelivered_events,
    } = load;
    if relay_queue >= MAX_RELAY_QUEUE {
        return Some(format!(
            "{relay_queue} events wait in a page; the limit is {MAX_RELAY_QUEUE}"
        ));
    }
    if uncommitted_bytes >= MAX_UNCOMMITTED_BYTES {
        return Some(format!(
            "{uncommitted_bytes} bytes wait for their commit; the limit is {MAX_UNCOMMITTED_BYTES}"
        ));
    }
    (undelivered_events >= MAX_UNDELIVERED_EVENTS && undelivered_grows).then(|| {
        format!(
            "{undelivered_events} events wait for the collector and become more; the limit is {MAX_UNDELIVERED_EVENTS}"
        )
    })
}

/// Whether every figure is at half of its limit or below, so that one more level does not bring the load back at once.
const fn is_calm(load: Load) -> bool {
    load.relay_queue <= MAX_RELAY_QUEUE / 2
        && load.uncommitted_bytes <= MAX_UNCOMMITTED_BYTES / 2
        && load.undelivered_events <= MAX_UNDELIVERED_EVENTS / 2
}

fn below(level: DetailLevel) -> Option<DetailLevel> {
    DetailLevel::ALL
        .iter()
        .rev()
        .find(|lower| **lower < level)
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const FLOOD: Load = Load {
        relay_queue: MAX_RELAY_QUEUE,
        uncommitted_bytes: 0,
        undelivered_events: 0,
    };

    /// Beats with a load until something changes, at most so often.
    fn beats(
        overload: &mut Overload,
        load: Load,
        settings: &CaptureConfig,
        most: u32,
    ) -> Option<(u32, Change)> {
        // Console produces more than network, which produces more than page; the others produce nothing.
        let mut sums = BTreeMap::new();
        let mut beat = 0;
        (1..=most).find_map(|n| {
            beat += 1;
            for (category, bytes) in [("console", 300), ("network", 200), ("page", 100), ("system", 300)] {
                sums.insert(category, bytes * (1_000 * u64::from(n) + beat));
            }
            let produced = |category: &str| sums.get(category).copied().unwrap_or(0);
            Some((n, overload.beat(load, settings, produced)?))
        })
    }

    fn settings(patch: &str) -> CaptureConfig {
        CaptureConfig::from_json(patch).unwrap()
    }

    #[test]
    fn a_burst_lowers_nothing() {
        let (mut overload, settings) = (Overload::default(), CaptureConfig::default());
        assert_eq!(beats(&mut overload, FLOOD, &settings, OVER_BEATS - 1), None);
        assert_eq!(
            beats(&mut overload, Load::default(), &settings, MIN_CALM_BEATS),
            None
        );
        assert_eq!(beats(&mut overload, FLOOD, &settings, OVER_BEATS - 1), None);
        assert_eq!(overload.apply(&settings), settings);
    }

    #[test]
    fn a_load_that_lasts_lowers_the_largest_category_first_and_a_level_at_a_time() {
        let mut overload = Overload::default();
        let settings = settings(
            r#"{"categories":{"console":{"detail_level":"verbose"},"network":{"enabled":false},"page":{"detail_level":"minimal"}}}"#,
        );
        let (after, change) = beats(&mut overload, FLOOD, &settings, 10).unwrap();
        assert_eq!(after, OVER_BEATS);
        assert_eq!((change.category, change.to), ("console", DetailLevel::Standard));
        assert!(
            change.reason.contains("10000 events wait in a page"),
            "{}",
            change.reason
        );
        let (_, change) = beats(&mut overload, FLOOD, &settings, 10).unwrap();
        assert_eq!((change.category, change.to), ("console", DetailLevel::Minimal));
        // Nothing else can be lowered: it is off, or at the lowest level, or the recorder's own.
        assert_eq!(beats(&mut overload, FLOOD, &settings, 10), None);
        assert_eq!(
            overload.apply(&settings).category("console").detail_level,
            DetailLevel::Minimal
        );
        let [lowered] = &overload.lowered(&settings)[..] else {
            panic!("one category")
        };
        assert_eq!(
            (lowered.from, lowered.to),
            (DetailLevel::Verbose, DetailLevel::Minimal)
        );
    }

    #[test]
    fn a_load_that_comes_in_waves_is_a_load() {
        let (mut overload, settings) = (Overload::default(), CaptureConfig::default());
        for _ in 1..OVER_BEATS {
            assert_eq!(beats(&mut overload, FLOOD, &settings, 1), None);
            assert_eq!(
                beats(&mut overload, Load::default(), &settings, MIN_CALM_BEATS - 1),
                None
            );
        }
        assert!(beats(&mut overload, FLOOD, &settings, 1).is_some());
    }

    #[test]
    fn a_category_that_produces_little_is_not_lowered() {
        let (mut overload, settings) = (Overload::default(), CaptureConfig::default());
        let mut lowered = Vec::new();
        for sum in 1..=u64::from(OVER_BEATS * 5) {
            let produced = |category: &str| sum * if category == "console" { 1_000 } else { 10 };
            lowered.extend(overload.beat(FLOOD, &settings, produced));
        }
        let categories: Vec<&str> = lowered.iter().map(|change| change.category).collect();
        assert_eq!(categories, ["console"]);
    }

    #[test]
    fn levels_return_one_at_a_time_when_the_load_has_ended() {
        let mut overload = Overload::default();
        let settings = settings(r#"{"categories":{"console":{"detail_level":"verbose"}}}"#);
        while beats(&mut overload, FLOOD, &settings, 10).is_some() {}
        let half = Load {
            relay_queue: MAX_RELAY_QUEUE / 2 + 1,
            ..Load::default()
        };
        assert_eq!(beats(&mut overload, half, &settings, 100), None, "not calm yet");
        let mut raised = Vec::new();
        while let Some((after, change)) = beats(&mut overload, Load::default(), &settings, 100) {
            assert_eq!(after, MIN_CALM_BEATS);
            raised.push((change.category, change.to));
        }
        assert_eq!(
            raised,
            [
                ("page", DetailLevel::Standard),
                ("network", DetailLevel::Standard),
                ("console", DetailLevel::Standard),
                ("console", DetailLevel::Verbose),
            ]
        );
        assert_eq!(overload.apply(&settings), settings);
    }

    #[test]
    fn a_load_that_returns_with_the_level_has_to_be_gone_twice_as_long() {
        let (mut overload, settings) = (Overload::default(), CaptureConfig::default());
        for calm in [MIN_CALM_BEATS, MIN_CALM_BEATS * 2, MIN_CALM_BEATS * 4] {
            beats(&mut overload, FLOOD, &settings, 10).unwrap();
            let (after, _) = beats(&mut overload, Load::default(), &settings, 100).unwrap();
            assert_eq!(after, calm);
        }
        assert_eq!(
            beats(&mut overload, Load::default(), &settings, RELAPSE_BEATS),
            None
        );
        beats(&mut overload, FLOOD, &settings, 10).unwrap();
        let (after, _) = beats(&mut overload, Load::default(), &settings, 100).unwrap();
        assert_eq!(after, MIN_CALM_BEATS);
    }

    #[test]
    fn a_backlog_is_a_load_only_while_it_grows() {
        let (mut overload, settings) = (Overload::default(), CaptureConfig::default());
        let backlog = |undelivered_events| Load {
            undelivered_events,
            ..Load::default()
        };
        assert_eq!(beats(&mut overload, backlog(900_000), &settings, 100), None);
        let produced = |_: &str| 1;
        for n in 1..OVER_BEATS {
            assert_eq!(
                overload.beat(backlog(900_000 + u64::from(n)), &settings, produced),
                None
            );
        }
        let produced = |_: &str| 2;
        assert!(overload.beat(backlog(900_100), &settings, produced).is_some());
    }

    #[test]
    fn a_level_that_a_person_sets_holds_at_once() {
        let (mut overload, settings) = (Overload::default(), CaptureConfig::default());
        beats(&mut overload, FLOOD, &settings, 10).unwrap();
        overload.forget("console");
        assert_eq!(overload.apply(&settings), settings);
    }

    proptest! {
        #[test]
        fn no_level_is_ever_above_its_setting_and_all_of_them_return(
            loads in prop::collection::vec((0..30_000_u64, 0..(4_u64 << 20), 0..100_000_u64), 0..200),
        ) {
            let mut overload = Overload::default();
            let settings = settings(r#"{"categories":{"network":{"detail_level":"raw"}}}"#);
            let mut sum = 0;
            for (relay_queue, uncommitted_bytes, undelivered_events) in loads {
                sum += 1;
                overload.beat(
                    Load { relay_queue, uncommitted_bytes, undelivered_events },
                    &settings,
                    |category| sum * category.len() as u64,
                );
                let now = overload.apply(&settings);
                for category in BUILT_IN_CATEGORIES {
                    prop_assert!(now.category(category).detail_level <= settings.category(category).detail_level);
                }
                prop_assert_eq!(now.category("system"), settings.category("system"));
            }
            for _ in 0..MAX_CALM_BEATS * 20 {
                overload.beat(Load::default(), &settings, |_| sum);
            }
            prop_assert_eq!(overload.apply(&settings), settings);
        }
    }
}
