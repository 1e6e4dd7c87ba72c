//! The times in which categories were off. A page continues until it hears of a switch, and its events of that time are
//! not recorded.

use crate::config::CaptureConfig;
use crate::levels::BUILT_IN_CATEGORIES;

/// An event of a time that is over for longer comes from a page whose clock is wrong: it is kept.
const FORGOTTEN_AFTER_MICROS: u64 = 10_000_000;

/// The last times in which categories were off.
#[derive(Debug, Default)]
pub(super) struct OffTimes(Vec<OffTime>);

/// One time, in Unix microseconds.
#[derive(Debug)]
struct OffTime {
    category: &'static str,
    since: u64,
    /// `None` while it is off.
    until: Option<u64>,
}

impl OffTime {
    fn is_forgotten(&self, now: u64) -> bool {
        self.until
            .is_some_and(|until| now >= until.saturating_add(FORGOTTEN_AFTER_MICROS))
    }
}

impl OffTimes {
    /// Follows `config`, which holds from `now` on.
    pub(super) fn follow(&mut self, config: &CaptureConfig, now: u64) {
        self.0.retain(|off| !off.is_forgotten(now));
        for category in BUILT_IN_CATEGORIES {
            let is_on = config.category(category).enabled;
            let present = self
                .0
                .iter_mut()
                .find(|off| off.category == category && off.until.is_none());
            match present {
                Some(off) if is_on => off.until = Some(now),
                None if !is_on => self.0.push(OffTime {
                    category,
                    since: now,
                    until: None,
                }),
                _ => {}
            }
        }
    }

    /// Whether `category` was off at `ts`. `now` is called only if any category was off lately.
    pub(super) fn contain(&self, category: &str, ts: u64, now: impl Fn() -> u64) -> bool {
        self.0.iter().any(|off| {
            off.category == category
                && off.since <= ts
                && off.until.is_none_or(|until| ts < until)
                && !off.is_forgotten(now())
        })
    }
}
