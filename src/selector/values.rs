//! From the words after a colon, or the values of a JSON field, to a filter.

use super::nfc::nfc;
use super::{Filter, Glob, Key, Site, StatusRange, time};
use crate::levels::UnknownName;
use std::str::FromStr;

/// Longest word or phrase: looking for it costs at most this many steps a byte of a record.
const MAX_TEXT_BYTES: usize = 512;

/// The index of the wrong value, and the correct form.
pub(crate) struct BadValue {
    pub(crate) index: usize,
    pub(crate) expected: String,
}

/// The filter that `values` make of `key`. There is at least one value; times ago are before `now_micros`.
pub(crate) fn filter(key: Key, values: &[String], now_micros: u64) -> Result<Filter, BadValue> {
    match key {
        Key::Category => each(values, category).map(Filter::Category),
        Key::Type => each(values, type_glob).map(Filter::Type),
        Key::Kind => each(values, name).map(Filter::Kind),
        Key::Detail => one(values, name).map(Filter::Detail),
        Key::Severity => one(values, name).map(Filter::Severity),
        Key::Status => each(values, |text| {
            StatusRange::parse(text)
                .ok_or("a status from 100 to 599, like 404, 4xx, 400..599 or >=400".into())
        })
        .map(Filter::Status),
        Key::Tab => each(values, tab).map(Filter::Tab),
        Key::Site => each(values, |text| Site::parse(text).map_err(str::to_owned)).map(Filter::Site),
        Key::Url => each(values, |text| {
            some(text, "a glob, like */api/*").map(Glob::containing)
        })
        .map(Filter::Url),
        Key::Session => each(values, |text| {
            some(text, "a session id or a glob, like 0193*").map(Glob::new)
        })
        .map(Filter::Session),
        Key::Since => one(values, |text| moment(text, now_micros)).map(|at| Filter::Since(at.micros)),
        Key::Until => one(values, |text| moment(text, now_micros)).map(|at| Filter::Until(at.last_micros())),
        Key::Text => one(values, |text| match text.len() {
            0 => Err("characters to look for".into()),
            len if len > MAX_TEXT_BYTES => Err(format!("at most {MAX_TEXT_BYTES} bytes a word or phrase")),
            _ => Ok(nfc(text).into_owned()),
        })
        .map(Filter::Text),
    }
}

type Read<T> = Result<T, String>;

fn each<T>(values: &[String], read: impl Fn(&str) -> Read<T>) -> Result<Vec<T>, BadValue> {
    let read_one =
        |(index, text): (usize, &String)| read(text).map_err(|expected| BadValue { index, expected });
    values.iter().enumerate().map(read_one).collect()
}

fn one<T>(values: &[String], read: impl Fn(&str) -> Read<T>) -> Result<T, BadValue> {
    match values {
        [text] => read(text).map_err(|expected| BadValue { index: 0, expected }),
        _ => Err(BadValue {
            index: 1,
            expected: "one value alone".into(),
        }),
    }
}

fn some<'a>(text: &'a str, expected: &str) -> Read<&'a str> {
    if text.is_empty() {
        Err(expected.to_owned())
    } else {
        Ok(text)
    }
}

fn name<T: FromStr<Err = UnknownName>>(text: &str) -> Read<T> {
    text.parse()
        .map_err(|error: UnknownName| error.expected.join(", "))
}

fn category(text: &str) -> Read<String> {
    if crate::event::is_category_name(text.as_bytes()) {
        return Ok(text.to_owned());
    }
    let lower = text.to_ascii_lowercase();
    Err(if crate::event::is_category_name(lower.as_bytes()) {
        format!("lower case: {lower}")
    } else if text.contains('*') {
        "the name of a category; globs go with type:".into()
    } else {
        "the name of a category, [a-z][a-z0-9_]{0,31}".into()
    })
}

fn type_glob(text: &str) -> Read<Glob> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-*".contains(&byte);
    if !text.is_empty() && text.bytes().all(fits) {
        Ok(Glob::new(text))
    } else {
        Err("a type or a glob of letters, digits, . _ : - and *, like network.*".into())
    }
}

fn tab(text: &str) -> Read<i64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits
        .then(|| text.parse().ok())
        .flatten()
        .ok_or("a tab id, which is a whole number".into())
}

fn moment(text: &str, now_micros: u64) -> Read<time::Moment> {
    time::parse(text, now_micros).ok_or(time::EXPECTED.into())
}
