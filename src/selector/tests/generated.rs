//! Random records and random selectors from one small world, so that they meet often.

use super::{NOW, SESSION, written};
use crate::levels::{DetailLevel, Severity, SourceKind};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

/// A term as a person means it, before any of the code under test has seen it.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    pub(super) negated: bool,
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Category(Vec<&'static str>),
    Type(Vec<String>),
    Kind(Vec<SourceKind>),
    Detail(DetailLevel),
    Severity(Severity),
    Status(Vec<(u16, u16)>),
    Tab(Vec<i64>),
    Site(Vec<(&'static str, Option<u16>)>),
    Url(Vec<String>),
    Session(Vec<String>),
    Since(u64),
    Until(u64),
    Text(String),
}

const CATEGORIES: [&str; 4] = ["console", "network", "page", "app"];
const TYPES: [&str; 6] = [
    "console.log", "console.warn", "network.failed", "network.response", "app.debug", "page.loaded",
];
const URLS: [&str; 6] = [
    "http://localhost:3000/a?b=c,d",
    "https://example.com/Api/Users#x",
    "https://www.example.com:8443/",
    "https://user:pw@example.com/\"quoted\"",
    "about:blank",
    "https://notexample.com/api/usersé",
];

/// A short text of letters that clash with JSON's escapes and the grammar's own characters.
fn text() -> impl Strategy<Value = String> {
    "[aAnu/\\\\\",:{1é -]{1,3}|fail|Users|EXAMPLE|OR|É|null|\\n"
}

fn micros() -> impl Strategy<Value = u64> {
    prop_oneof![0..3_u64, (NOW - 2)..=(NOW + 2), Just(u64::from(u32::MAX))]
}

fn glob_of(pool: &'static [&'static str]) -> impl Strategy<Value = String> {
    (select(pool), 0..30_usize, 0..30_usize, any::<u8>()).prop_map(|(text, from, len, shape)| {
        let from = text.len().min(from);
        let to = text.len().min(from + len + 1);
        match (text.get(from..to), shape % 4) {
            (Some(part), 0) if !part.is_empty() => format!("*{part}*"),
            (_, 1) => format!("{}*", text.get(..to).unwrap_or(text)),
            (_, 2) => format!("*{}", text.get(from.min(text.len() - 1)..).unwrap_or(text)),
            _ => text.to_owned(),
        }
    })
}

/// One to all of these, in order.
fn some_of<T: Clone + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = Vec<T>> {
    subsequence(all, 1..=all.len())
}

fn what() -> impl Strategy<Value = What> {
    let site = (
        select(&["localhost", "example.com", "com"][..]),
        select(&[None, Some(443), Some(3000)][..]),
    );
    let status = (100_u16..=599, 0_u16..300).prop_map(|(first, len)| (first, (first + len).min(599)));
    prop_oneof![
        some_of(&CATEGORIES).prop_map(What::Category),
        prop::collection::vec(glob_of(&TYPES), 1..3).prop_map(What::Type),
        some_of(SourceKind::ALL).prop_map(What::Kind),
        select(DetailLevel::ALL).prop_map(What::Detail),
        select(Severity::ALL).prop_map(What::Severity),
        prop::collection::vec(status, 1..3).prop_map(What::Status),
        prop::collection::vec(0..4_i64, 1..3).prop_map(What::Tab),
        prop::collection::vec(site, 1..3).prop_map(What::Site),
        prop::collection::vec(glob_of(&URLS), 1..3).prop_map(What::Url),
        Just(What::Session(vec!["0193*".into()])),
        Just(What::Session(vec![format!("x{SESSION}"), "0194*".into()])),
        micros().prop_map(What::Since),
        micros().prop_map(What::Until),
        text().prop_map(What::Text),
    ]
}

pub(super) fn specs(max: usize) -> impl Strategy<Value = Vec<Spec>> {
    let spec = (any::<bool>(), what()).prop_map(|(negated, what)| Spec { negated, what });
    prop::collection::vec(spec, 0..=max)
}

fn data() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-20..600_i32).prop_map(Value::from),
        text().prop_map(Value::from),
        (text(), text()).prop_map(|(a, b)| Value::from(a + &b)),
    ];
    leaf.prop_recursive(2, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// JSON with the strings of `value` escaped in ever other ways.
fn json_text(value: &Value, styles: &[u8]) -> String {
    match value {
        Value::String(text) => written(text, styles),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| json_text(item, styles)).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                // The header finds its status by this name as `JSON.stringify` writes it.
                let styles_of_name = if name == "status" { &[3] } else { styles };
                format!("{}:{}", written(name, styles_of_name), json_text(value, styles))
            };
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

prop_compose! {
    /// The line of an event.
    pub(super) fn line()(
        (type_, category) in (select(&TYPES[..]), select(&CATEGORIES[..])),
        ts in micros(),
        level in select(DetailLevel::ALL),
        kind in select(SourceKind::ALL),
        tab in prop::option::of(0..4_i64),
        url in prop::option::of(select(&URLS[..])),
        status in prop::option::of(100_u16..=599),
        data in prop::option::of(data()),
        styles in prop::collection::vec(prop_oneof![Just(3_u8), any::<u8>()], 1..4),
    ) -> String {
        let metadata = tab.map(|tab| json!({"tab_id": tab.to_string()})).unwrap_or(json!({}));
        let url = url.map(|url| format!(",\"url\":{}", written(url, &styles))).unwrap_or_default();
        let data = match (status, data) {
            (Some(status), data) => Some(json!({"body": data, "status": status})),
            (None, data) => data,
        };
        let data = data.map(|data| format!(",\"data\":{}", json_text(&data, &styles))).unwrap_or_default();
        format!(
            "{{\"capture_session_id\":\"{SESSION}\",\"seq\":1,\"event\":{{\"ts\":{ts},\"type\":\"{type_}\",\
             \"category\":\"{category}\",\"detail_level\":\"{level}\",\
             \"source\":{{\"kind\":\"{kind}\",\"metadata\":{metadata}}}{url}{data}}}}}"
        )
    }
}

fn quoted(values: impl IntoIterator<Item = String>) -> String {
    let quote = |value: String| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    values.into_iter().map(quote).collect::<Vec<_>>().join(",")
}

impl Spec {
    /// Key, field of the object form and values.
    pub(super) fn parts(&self) -> (&'static str, &'static str, Vec<String>) {
        fn all<T: ToString>(values: &[T]) -> Vec<String> {
            values.iter().map(ToString::to_string).collect()
        }
        match &self.what {
            What::Category(names) => ("category", "categories", all(names)),
            What::Type(globs) => ("type", "types", globs.clone()),
            What::Kind(kinds) => ("kind", "kinds", all(kinds)),
            What::Detail(level) => ("detail", "detail", vec![level.to_string()]),
            What::Severity(severity) => ("severity", "severity", vec![severity.to_string()]),
            What::Status(ranges) => (
                "status",
                "status",
                ranges
                    .iter()
                    .map(|(first, last)| format!("{first}..{last}"))
                    .collect(),
            ),
            What::Tab(tabs) => ("tab", "tabs", all(tabs)),
            What::Site(sites) => {
                let site = |(host, port): &(&str, Option<u16>)| match port {
                    Some(port) => format!("{host}:{port}"),
                    None => (*host).to_owned(),
                };
                ("site", "sites", sites.iter().map(site).collect())
            }
            What::Url(globs) => ("url", "urls", globs.clone()),
            What::Session(globs) => ("session", "sessions", globs.clone()),
            What::Since(micros) => ("since", "since", vec![micros.to_string()]),
            What::Until(micros) => ("until", "until", vec![micros.to_string()]),
            What::Text(text) => ("", "text", vec![text.clone()]),
        }
    }
}

/// The specs as a person could type them.
pub(super) fn typed(specs: &[Spec]) -> String {
    let term = |spec: &Spec| {
        let (key, _, values) = spec.parts();
        let colon = if key.is_empty() { "" } else { ":" };
        format!(
            "{}{key}{colon}{}",
            if spec.negated { "-" } else { "" },
            quoted(values)
        )
    };
    specs.iter().map(term).collect::<Vec<_>>().join("  ")
}

/// The specs as a program could build them.
pub(super) fn built(specs: &[Spec]) -> Value {
    let object = |spec: &Spec| {
        let (_, field, values) = spec.parts();
        let object = json!({field: values});
        if spec.negated {
            json!({"not": object})
        } else {
            object
        }
    };
    json!({"and": specs.iter().map(object).collect::<Vec<_>>()})
}
