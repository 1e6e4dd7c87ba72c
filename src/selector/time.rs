//! Moments: Unix microseconds, ISO 8601, or a time ago, without ever asking a clock.
//!
//! ISO 8601 is read as `2026-01-31`, `2026-01-31T09:00`, with optional seconds, fraction (to the
//! microsecond, further digits dropped) and zone (`Z`, `+01:00`, `+0100`); without a zone it is UTC. The
//! calendar is a dozen lines instead of a date library, which would be a tenth of the wasm; a test
//! holds it against the `time` crate.

use std::fmt::Write as _;

const SECOND: u64 = 1_000_000;
const DAY: u64 = 86_400 * SECOND;
/// 9999-12-31T23:59:59.999999Z, the last moment that ISO 8601 writes with four digits of year.
const LAST_ISO: u64 = 253_402_300_799_999_999;

/// A moment that was read, and whether it was a date alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) micros: u64,
    pub(crate) whole_day: bool,
}

impl Moment {
    /// The last microsecond it names: of its day for a date, else itself.
    pub(crate) const fn last_micros(self) -> u64 {
        if self.whole_day {
            self.micros.saturating_add(DAY - 1)
        } else {
            self.micros
        }
    }
}

pub(crate) const EXPECTED: &str =
    "a time ago (30s, 10m, 2h, 1d, 1h30m), a date (2026-01-31, 2026-01-31T09:00Z) or Unix microseconds";

/// Reads a moment; times ago are before `now_micros`.
pub(crate) fn parse(text: &str, now_micros: u64) -> Option<Moment> {
    let exactly = |micros| Moment {
        micros,
        whole_day: false,
    };
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().map(exactly);
    }
    match text.as_bytes().get(4) {
        Some(b'-') => iso(text),
        _ => ago(text).map(|ago| exactly(now_micros.saturating_sub(ago))),
    }
}

/// `1h30m` in microseconds.
fn ago(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (count, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        let unit = match unit {
            "ms" => 1_000,
            "s" => SECOND,
            "m" | "min" => 60 * SECOND,
            "h" => 3_600 * SECOND,
            "d" => DAY,
            "w" => 7 * DAY,
            _ => return None,
        };
        total = total.checked_add(count.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

fn iso(text: &str) -> Option<Moment> {
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4)?;
    let (month, day) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    if parts.next().is_some() || year < 1970 || !(1..=12).contains(&month) {
        return None;
    }
    if day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let midnight = days_from_civil(year, month, day) * DAY;
    let Some(time) = time else {
        return Some(Moment {
            micros: midnight,
            whole_day: true,
        });
    };
    let (clock, zone_minutes) = zone(time)?;
    let micros = i64::try_from(midnight + time_of_day(clock)?).ok()? - zone_minutes * 60 * SECOND as i64;
    Some(Moment {
        micros: u64::try_from(micros).ok()?,
        whole_day: false,
    })
}

/// `09:00`, `09:00:00`, `09:00:00.123456`.
fn time_of_day(clock: &str) -> Option<u64> {
    let (clock, fraction) = clock
        .split_once(['.', ','])
        .map_or((clock, None), |(c, f)| (c, Some(f)));
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |second| number(second, 2))?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micros = match fraction {
        None => 0,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{digits:0<6}")[..6].parse().ok()?
        }
        Some(_) => return None,
    };
    Some((hour * 3_600 + minute * 60 + second) * SECOND + micros)
}

/// Splits off the zone and gives its minutes east of UTC.
fn zone(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else {
        return Some((time, 0));
    };
    let (clock, zone) = time.split_at(at);
    let (sign, digits) = (
        if zone.starts_with('-') { -1 } else { 1 },
        zone[1..].replace(':', ""),
    );
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits, 2)?, 0),
        4 => (number(digits.get(..2)?, 2)?, number(digits.get(2..)?, 2)?),
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some((clock, sign * i64::try_from(hours * 60 + minutes).ok()?))
}

fn number(digits: &str, len: usize) -> Option<u64> {
    let ok = digits.len() == len && digits.bytes().all(|b| b.is_ascii_digit());
    if ok { digits.parse().ok() } else { None }
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01. From <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>.
const fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month, day. The inverse, from the same page.
const fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

/// Returns the moment in ISO 8601 with milliseconds, the rest dropped; of a moment after the year 9999, its last one.
pub(crate) fn iso_millis(micros: u64) -> String {
    let millis = micros.min(LAST_ISO) / 1_000;
    let whole = format(millis / 1_000 * SECOND);
    format!("{}.{:03}Z", whole.trim_end_matches('Z'), millis % 1_000)
}

/// The shortest ISO 8601 text that [`parse`] reads as exactly this moment; digits after the year 9999.
pub(crate) fn format(micros: u64) -> String {
    if micros > LAST_ISO {
        return micros.to_string();
    }
    let (year, month, day) = civil_from_days(micros / DAY);
    let (seconds, fraction) = (micros % DAY / SECOND, micros % SECOND);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if fraction != 0 {
        // Writing to a String cannot fail.
        let _ = write!(text, ".{}", format!("{fraction:06}").trim_end_matches('0'));
    }
    text.push('Z');
    text
}

#[cfg(test)]
mod tests {
    use super::{DAY, LAST_ISO, Moment, format, parse};
    use proptest::prelude::*;
    use time::{OffsetDateTime, format_description::well_known::Rfc3339};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NOW: u64 = 1_764_000_000_000_000;

    fn at(text: &str) -> Option<u64> {
        parse(text, NOW).map(|moment| moment.micros)
    }

    proptest! {
        #[test]
        fn every_moment_survives_being_written(micros in prop_oneof![0..=LAST_ISO, any::<u64>()]) {
            prop_assert_eq!(parse(&format(micros), NOW), Some(Moment { micros, whole_day: false }));
        }

        #[test]
        fn the_calendar_agrees_with_the_time_crate(micros in 0..=LAST_ISO) {
            let theirs = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).unwrap();
            prop_assert_eq!(format(micros), theirs.format(&Rfc3339).unwrap());
        }

        #[test]
        fn what_is_read_with_a_zone_agrees_with_the_time_crate(
            seconds in 86_400_i64..253_402_200_000, hours in -23_i8..=23, minutes in 0_i8..=59,
        ) {
            let minutes = if hours < 0 { -minutes } else { minutes };
            let offset = time::UtcOffset::from_hms(hours, minutes, 0).unwrap();
            let there = OffsetDateTime::from_unix_timestamp(seconds).unwrap().to_offset(offset);
            let text = there.format(&Rfc3339).unwrap();
            prop_assert_eq!(at(&text), Some(u64::try_from(seconds).unwrap() * 1_000_000), "{}", text);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = parse(&text, NOW);
        }
    }

    #[test]
    fn a_time_ago_counts_back_from_the_now_handed_in() {
        assert_eq!(at("10m"), Some(NOW - 600_000_000));
        assert_eq!(at("1h30m"), Some(NOW - 5_400_000_000));
        assert_eq!(at("1d"), Some(NOW - DAY));
        assert_eq!(at("250ms"), Some(NOW - 250_000));
        assert_eq!(at("99999w"), Some(0), "before 1970 is 1970");
    }

    #[test]
    fn a_date_alone_is_its_whole_day() {
        let day = parse("2026-01-31", NOW).unwrap();
        assert_eq!(
            (format(day.micros), format(day.last_micros())),
            (
                "2026-01-31T00:00:00Z".to_owned(),
                "2026-01-31T23:59:59.999999Z".to_owned(),
            )
        );
    }

    #[test]
    fn no_zone_is_utc() {
        assert_eq!(at("2026-01-31T09:00"), at("2026-01-31T09:00:00.000Z"));
        assert_eq!(at("2026-01-31T09:00+01"), at("2026-01-31T08:00Z"));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "", "m", "10x", "-10m", "10 m", "yesterday", "2026-02-29", "2026-13-01", "2026-00-10",
            "1969-12-31", "2026-01-31T", "2026-01-31T24:00", "2026-01-31T09:60", "2026-01-31T09:00:00.",
            "2026-01-31T09:00+1", "2026-01-31T09:00+24:00", "1970-01-01T00:00+01:00", "2026-1-1",
            "18446744073709551616", "99999999999999999999w",
        ] {
            assert_eq!(parse(text, NOW), None, "{text}");
        }
    }
}
