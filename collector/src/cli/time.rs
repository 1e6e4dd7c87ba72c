//! Times as people type them, and as commands print them: everything that is printed can be typed back.
//!
//! | typed | read as |
//! |---|---|
//! | `10m`, `1h30m`, `2h ago` | that long before now |
//! | `now`, `today`, `yesterday`, `yesterday 09:00` | local |
//! | `09:00`, `09:00:01.250` | local, today |
//! | `2026-01-31`, `2026-01-31 09:00`, `2026-01-31T09:00:01` | local |
//! | `2026-01-31T09:00Z`, `2026-01-31 09:00:01+05:30` | with that offset |
//! | `1769850000`, `1769850000000`, `1769850000000000` | Unix seconds, milliseconds, microseconds |
//!
//! A local time that a change of the clock repeats or skips is refused.

use super::terms::map_values;
use chrono::{DateTime, Days, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};

const EXPECTED: &str = "expected a time like 10m, 2h ago, yesterday, 09:00, 2026-01-31 09:00, 2026-01-31T09:00+01:00 or Unix seconds";

/// A time that was typed, with everything that its digits leave open: `09:00:01` names a whole second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    first_micros: u64,
    last_micros: u64,
}

impl Span {
    const fn at(micros: u64) -> Self {
        Self {
            first_micros: micros,
            last_micros: micros,
        }
    }
}

/// Parses the beginning of a range, in Unix microseconds.
pub(super) fn since(text: &str) -> Result<u64, String> {
    Ok(parse(text, &Local::now())?.first_micros)
}

/// Returns `selector` with the times of its `since:` and `until:` terms in Unix microseconds. Times that are not
/// understood here, and quoted text, stay as they are.
pub(super) fn with_micros(selector: &str) -> String {
    let now = Local::now();
    map_values(selector, |key, value| {
        let span = parse(value, &now).ok();
        match key {
            "since" => span.map(|span| span.first_micros.to_string()),
            "until" => span.map(|span| span.last_micros.to_string()),
            _ => None,
        }
    })
}

fn parse<Z: TimeZone>(text: &str, now: &DateTime<Z>) -> Result<Span, String> {
    let text = text.trim();
    let refused = || Err(format!("{EXPECTED}, got {text:?}"));
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return number(text);
    }
    if let Some(micros) = ago(text.strip_suffix("ago").unwrap_or(text).trim()) {
        return Ok(Span::at(micros_of(now)?.saturating_sub(micros)));
    }
    if text == "now" {
        return Ok(Span::at(micros_of(now)?));
    }
    let (text, offset) = split_offset(text)?;
    let (date, time) = split_date(text, now.date_naive());
    let Some(date) = date else { return refused() };
    let Some(time) = time else {
        let next = date.checked_add_days(Days::new(1)).ok_or(EXPECTED)?;
        let first_micros = in_zone(date.into(), offset, now, text)?;
        let last_micros = in_zone(next.into(), offset, now, text)?.saturating_sub(1);
        return Ok(Span {
            first_micros,
            last_micros,
        });
    };
    let Some((time, open_micros)) = time_of_day(time) else {
        return refused();
    };
    let first_micros = in_zone(date.and_time(time), offset, now, text)?;
    Ok(Span {
        first_micros,
        last_micros: first_micros + open_micros,
    })
}

/// Reads a Unix time, whose magnitude shows its unit.
fn number(text: &str) -> Result<Span, String> {
    let number: u64 = text.parse().map_err(|_| format!("{EXPECTED}, got {text:?}"))?;
    let unit_micros = match text.trim_start_matches('0').len() {
        9..=11 => 1_000_000,
        12..=14 => 1_000,
        15..=17 => 1,
        _ => {
            return Err(format!(
                "{text} is no Unix time in seconds, milliseconds or microseconds; a date is written 2026-01-31"
            ));
        }
    };
    let first_micros = number.saturating_mul(unit_micros);
    Ok(Span {
        first_micros,
        last_micros: first_micros + unit_micros - 1,
    })
}

/// Reads `1h30m` or `2 hours` in microseconds.
fn ago(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (count, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        let unit_millis = match unit {
            "ms" => 1,
            "s" | "sec" | "second" | "seconds" => 1_000,
            "m" | "min" | "minute" | "minutes" => 60_000,
            "h" | "hour" | "hours" => 3_600_000,
            "d" | "day" | "days" => 86_400_000,
            "w" | "week" | "weeks" => 7 * 86_400_000,
            _ => return None,
        };
        let micros = count.parse::<u64>().ok()?.checked_mul(unit_millis * 1_000)?;
        total = total.checked_add(micros)?;
        rest = after.trim_start();
    }
    (!text.is_empty()).then_some(total)
}

/// Splits `Z` or `+05:30` from the end of a time.
fn split_offset(text: &str) -> Result<(&str, Option<FixedOffset>), String> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Ok((clock, FixedOffset::east_opt(0)));
    }
    let Some((at, sign)) = text
        .char_indices()
        .rev()
        .find(|(_, letter)| matches!(letter, '+' | '-'))
    else {
        return Ok((text, None));
    };
    let (clock, offset) = text.split_at(at);
    // The last hyphen of a date is no sign.
    if sign == '-' && !clock.contains(':') {
        return Ok((text, None));
    }
    let digits = offset[1..].replace(':', "");
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let minutes = match digits.len() {
        2 if all_digits => digits.parse::<i32>().ok().map(|hours| hours * 60),
        4 if all_digits => digits
            .parse::<i32>()
            .ok()
            .map(|number| number / 100 * 60 + number % 100),
        _ => None,
    };
    let seconds = minutes.map(|minutes| minutes * if sign == '-' { -60 } else { 60 });
    match seconds.and_then(FixedOffset::east_opt) {
        Some(offset) => Ok((clock.trim_end(), Some(offset))),
        None => Err(format!("{offset:?} is no offset like +05:30")),
    }
}

/// Splits a text into its date, today without one, and its time, if it has one.
fn split_date(text: &str, today: NaiveDate) -> (Option<NaiveDate>, Option<&str>) {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        // `today` and `yesterday` contain such letters.
        Some((date, time)) if date.contains('-') => (date, Some(time)),
        _ => match text.split_once(' ') {
            Some((day, time)) => (day, Some(time)),
            None => (text, None),
        },
    };
    match date {
        "today" => (Some(today), time),
        "yesterday" => (today.pred_opt(), time),
        _ if date.contains(':') => (Some(today), Some(text)),
        _ => (NaiveDate::parse_from_str(date, "%Y-%m-%d").ok(), time),
    }
}

/// Reads a time of day, and how many microseconds its digits leave open.
fn time_of_day(text: &str) -> Option<(NaiveTime, u64)> {
    let text = text.trim();
    if let Ok(time) = NaiveTime::parse_from_str(text, "%H:%M") {
        return Some((time, 0));
    }
    let time = NaiveTime::parse_from_str(text, "%H:%M:%S%.f").ok()?;
    let digits = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let open_micros = 10_u64.pow(6_u32.saturating_sub(u32::try_from(digits).ok()?)) - 1;
    Some((time, open_micros))
}

fn in_zone<Z: TimeZone>(
    time: NaiveDateTime,
    offset: Option<FixedOffset>,
    now: &DateTime<Z>,
    text: &str,
) -> Result<u64, String> {
    let resolved = match offset {
        Some(offset) => offset
            .from_local_datetime(&time)
            .map(|time| time.timestamp_micros()),
        None => now
            .timezone()
            .from_local_datetime(&time)
            .map(|time| time.timestamp_micros()),
    };
    let micros = resolved.single().ok_or_else(|| {
        format!("the local time {text} exists twice or not at all, because the clock was changed; write its offset, like {text}+01:00")
    })?;
    u64::try_from(micros).map_err(|_| format!("{text} is before 1970"))
}

fn micros_of<Z: TimeZone>(time: &DateTime<Z>) -> Result<u64, String> {
    u64::try_from(time.timestamp_micros()).map_err(|_| "the clock is before 1970".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fixed moment in Kolkata: 2026-02-01T10:00+05:30.
    fn now() -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339("2026-02-01T10:00:00+05:30").unwrap()
    }

    fn micros(text: &str) -> u64 {
        u64::try_from(DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()).unwrap()
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, expected) in [
            ("2h ago", "2026-02-01T08:00:00+05:30"),
            ("2h", "2026-02-01T08:00:00+05:30"),
            ("1h30m", "2026-02-01T08:30:00+05:30"),
            ("2 hours ago", "2026-02-01T08:00:00+05:30"),
            ("yesterday", "2026-01-31T00:00:00+05:30"),
            ("yesterday 09:00", "2026-01-31T09:00:00+05:30"),
            ("today", "2026-02-01T00:00:00+05:30"),
            ("09:00:01.250", "2026-02-01T09:00:01.250+05:30"),
            ("2026-01-31", "2026-01-31T00:00:00+05:30"),
            ("2026-01-31 09:00", "2026-01-31T09:00:00+05:30"),
            ("2026-01-31T09:00:01", "2026-01-31T09:00:01+05:30"),
            ("2026-01-31T09:00Z", "2026-01-31T09:00:00Z"),
            ("2026-01-31T09:00:00-05:00", "2026-01-31T09:00:00-05:00"),
            ("2026-01-31 09:00:00.5+0100", "2026-01-31T09:00:00.5+01:00"),
        ] {
            assert_eq!(
                parse(text, &now()).unwrap().first_micros,
                micros(expected),
                "{text}"
            );
        }
        let moment = micros("2026-01-31T09:00:00Z");
        for unit in [1_000_000, 1_000, 1] {
            let typed = (moment / unit).to_string();
            assert_eq!(parse(&typed, &now()).unwrap().first_micros, moment, "{typed}");
        }
    }

    #[test]
    fn the_end_of_a_range_contains_all_that_its_digits_leave_open() {
        for (text, last) in [
            ("2026-01-31", "2026-01-31T23:59:59.999999+05:30"),
            ("2026-01-31 09:00", "2026-01-31T09:00:00+05:30"),
            ("2026-01-31 09:00:01", "2026-01-31T09:00:01.999999+05:30"),
            ("2026-01-31 09:00:01.250", "2026-01-31T09:00:01.250999+05:30"),
        ] {
            assert_eq!(parse(text, &now()).unwrap().last_micros, micros(last), "{text}");
        }
    }

    #[test]
    fn a_time_that_has_two_meanings_or_none_is_refused() {
        for bad in [
            "", "20260131", "12345", "1764000000000000000", "25:00", "2026-02-30", "tomorrow", "10", "5x",
            "2026-01-31T09:00+99:00", "31.01.2026", "1h type:x",
        ] {
            assert!(parse(bad, &now()).is_err(), "{bad}: {:?}", parse(bad, &now()));
        }
    }

    #[test]
    fn times_in_a_selector_become_microseconds_and_quoted_text_stays() {
        let moment = micros("2026-01-31T09:00:00Z");
        for (text, expected) in [
            ("type:x since:2026-01-31T09:00Z", format!("type:x since:{moment}")),
            (
                "-until:2026-01-31T09:00Z checkout",
                format!("-until:{moment} checkout"),
            ),
            (r#"since:"2026-01-31 09:00Z""#, format!("since:{moment}")),
            (
                r#""since:2026-01-31T09:00Z""#,
                r#""since:2026-01-31T09:00Z""#.to_owned(),
            ),
            (r#"url:"x since:2h y""#, r#"url:"x since:2h y""#.to_owned()),
            ("since:nonsense", "since:nonsense".to_owned()),
        ] {
            assert_eq!(with_micros(text), expected, "{text}");
        }
    }
}
