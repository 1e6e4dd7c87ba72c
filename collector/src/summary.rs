//! An event in one line, by the rules of `www/src/list/summary.ts`; `tests/fixtures/summaries.ndjson` holds both to them.
//! Here URLs keep their scheme, because a terminal makes links of them, and the fields of unknown types are in the order of
//! their names.

use serde_json::Value;

/// The parts of a line.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Summary {
    /// A word before the text: a method, a transition.
    lead: String,
    /// The status of an HTTP response.
    status: Option<u64>,
    text: String,
    /// A duration, a size, a reason or a place.
    aside: String,
}

impl Summary {
    fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Joins the parts.
    pub(crate) fn line(self) -> String {
        let status = self.status.map(|status| status.to_string());
        let text = joined([&self.lead, &status.unwrap_or_default(), &self.text], " ");
        joined([&text, &self.aside], "  ")
    }
}

/// Returns the summary of an event: for an unknown type it is made from the data.
pub(crate) fn of(event: &Value) -> Summary {
    let data = &event["data"];
    let by_category = match event["category"].as_str().unwrap_or_default() {
        "console" => console(event, data),
        "network" => network(event, data),
        "page" => page(event, data),
        "interaction" => Some(interaction(data)),
        "tab" => tab(event, data),
        "system" => system(event, data),
        _ => None,
    };
    by_category.unwrap_or_else(|| Summary::text(fallback(event)))
}

/// Joins the parts that are not empty.
fn joined<const N: usize>(parts: [&str; N], separator: &str) -> String {
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(separator)
}

fn string(value: &Value) -> Option<&str> {
    value.as_str()
}

fn string_or_empty(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn console(event: &Value, data: &Value) -> Option<Summary> {
    if event["type"] == "console.group_end" {
        return Some(Summary {
            lead: "end of the group".into(),
            ..Summary::default()
        });
    }
    let text = string(&data["text"])?;
    let elapsed = data["elapsed_ms"].as_f64().map(|ms| duration(ms * 1_000.0));
    let count = data["count"].as_u64().map(|count| format!("×{count}"));
    let location = &data["location"];
    let place = || {
        let file = file_of(string(&location["url"])?);
        Some(format!("{file}:{}:{}", location["line"], location["column"]))
    };
    Some(Summary {
        aside: count.or(elapsed).or_else(place).unwrap_or_default(),
        ..Summary::text(text)
    })
}

fn network(event: &Value, data: &Value) -> Option<Summary> {
    let url = string(&data["url"]).or_else(|| string(&event["url"]))?;
    let mut aside = Vec::new();
    aside.extend(data["response_status"].as_u64().map(|status| status.to_string()));
    aside.extend(string(&data["error"]).map(reason));
    let is_cached = data["from_cache"] == true;
    if is_cached {
        aside.push("cache".into());
    }
    let sizes = ["transfer_bytes", "content_length", "length"];
    let size = sizes.iter().find_map(|field| data[field].as_f64());
    aside.extend(size.filter(|_| !is_cached).map(bytes));
    aside.extend(data["duration_ms"].as_f64().map(|ms| duration(ms * 1_000.0)));
    Some(Summary {
        lead: string_or_empty(&data["method"]).into(),
        status: data["status"].as_u64(),
        text: match string(&data["redirect_url"]) {
            Some(to) => format!("{url} → {to}"),
            None => url.into(),
        },
        aside: aside.join(" · "),
    })
}

fn page(event: &Value, data: &Value) -> Option<Summary> {
    let ms = data["value_ms"].as_f64().or_else(|| data["duration_ms"].as_f64());
    let took = ms.map(|ms| duration(ms * 1_000.0));
    let rated = |value: String| match string(&data["rating"]) {
        Some(rating) => Summary::text(format!("{value} · {}", rating.replace('-', " "))),
        None => Summary::text(value),
    };
    let led = |lead: &Value, text: &str| Summary {
        lead: string_or_empty(lead).into(),
        ..Summary::text(text)
    };
    let url = string_or_empty(&event["url"]);
    match event["type"].as_str().unwrap_or_default() {
        "page.lcp" | "page.inp" | "page.fcp" | "page.ttfb" => took.map(rated),
        "page.layout_shift" => data["value"].as_f64().map(|value| rated(fixed(value, 3))),
        "page.long_frame" => {
            let caller = [&data["script"]["invoker"], &data["script"]["url"]].map(string_or_empty);
            took.map(|aside| Summary {
                aside,
                ..Summary::text(joined(caller, "  "))
            })
        }
        "page.csp_violation" => {
            let blocked = format!("blocked {}", string_or_empty(&data["blocked_url"]));
            Some(led(&data["directive"], &blocked))
        }
        "page.resource_failed" => Some(led(&data["element"], string_or_empty(&data["url"]))),
        "page.history_updated" => Some(led(&"route →".into(), route(url))),
        "page.visibility" => Some(led(&data["state"], url)),
        "page.deprecation" | "page.intervention" => {
            let said = string(&data["message"]).or_else(|| string(&data["id"]));
            Some(Summary::text(said.unwrap_or_default()))
        }
        "page.screenshot" => {
            let taken = || format!("taken: {}", string_or_empty(&data["why"]).replace('_', " "));
            let same = if data["same_as"].is_null() {
                ""
            } else {
                "same picture as before"
            };
            Some(Summary {
                aside: same.into(),
                ..Summary::text(string(&data["error"]).map_or_else(taken, ToOwned::to_owned))
            })
        }
        _ => Some(Summary {
            aside: took
                .or_else(|| string(&data["error"]).map(reason))
                .unwrap_or_default(),
            ..led(&data["transition"], url)
        }),
    }
}

fn interaction(data: &Value) -> Summary {
    let selector = string_or_empty(&data["selector"]);
    if let Some(key) = string(&data["key"]) {
        let times = data["count"].as_u64().filter(|times| *times > 1);
        let times = times.map(|times| format!(" ×{times}")).unwrap_or_default();
        return Summary::text(format!("{key}{times}  {selector}"));
    }
    if let Some(percent) = data["percent"].as_number() {
        return Summary::text(format!("to {percent} %  {selector}"));
    }
    let label = string(&data["label"]).filter(|label| !label.is_empty());
    let label = label.map(|label| format!("“{label}”")).unwrap_or_default();
    let action = string(&data["action"]).map(|action| format!("→ {action}"));
    Summary::text(joined([&label, selector, &action.unwrap_or_default()], "  "))
}

fn tab(event: &Value, data: &Value) -> Option<Summary> {
    let url = string(&event["url"]).or_else(|| string(&data["url"]));
    let text = joined([string_or_empty(&data["title"]), url.unwrap_or_default()], "  ");
    let status = string(&data["status"]);
    (!text.is_empty() || status.is_some()).then(|| Summary {
        lead: status.unwrap_or_default().into(),
        ..Summary::text(text)
    })
}

fn system(event: &Value, data: &Value) -> Option<Summary> {
    let text = match event["type"].as_str().unwrap_or_default() {
        "system.mark" => string(&data["note"])
            .or_else(|| string(&data["text"]))
            .unwrap_or_default()
            .into(),
        "system.worker_started" => string_or_empty(&data["reason"]).replace('_', " "),
        "system.original_places" => {
            let places = data["places"].as_array().map_or(&[][..], Vec::as_slice);
            let more = match places.len() {
                0 | 1 => String::new(),
                many => format!(" and {} more", many - 1),
            };
            let place = places.first().map(|place| &place["original"]);
            place.map_or_else(String::new, |place| {
                format!("{}:{}{more}", string_or_empty(&place["source"]), place["line"])
            })
        }
        "system.collector_connected" => format!("store {}", string_or_empty(&data["store_id"])),
        "system.session_started" => string(&data["previous"])
            .map(|previous| format!("after {previous}"))
            .unwrap_or_default(),
        _ => string(&data["error"])?.into(),
    };
    Some(Summary::text(text))
}

fn fallback(event: &Value) -> String {
    let data = &event["data"];
    let said = ["message", "text", "name"]
        .iter()
        .find_map(|field| string(&data[field]));
    if let Some(said) = said {
        return said.into();
    }
    match data {
        Value::Null => string_or_empty(&event["url"]).into(),
        Value::Object(fields) if !fields.is_empty() => {
            let parts: Vec<String> = fields
                .iter()
                .map(|(name, value)| match value {
                    Value::String(text) => format!("{name}: {text}"),
                    other => format!("{name}: {other}"),
                })
                .collect();
            parts.join("  ")
        }
        other => other.to_string(),
    }
}

/// Returns the last part of an address, or its host if it has no path.
fn file_of(url: &str) -> &str {
    let path = &url[..url.find(['?', '#']).unwrap_or(url.len())];
    match path.rsplit_once('/') {
        Some((_, name)) if !name.is_empty() => name,
        _ => path.split_once("://").map_or(path, |(_, rest)| rest),
    }
}

/// Returns the browser's reason without the prefix that each has.
fn reason(error: &str) -> String {
    error.strip_prefix("net::").unwrap_or(error).into()
}

/// Returns the part of a URL that a route change can change.
fn route(url: &str) -> &str {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    let Some(rest) = rest else {
        return if url.is_empty() { "/" } else { url };
    };
    rest.find(['/', '?', '#']).map_or("/", |at| &rest[at..])
}

/// Writes microseconds as `480 µs`, `1.2 ms`, `12 ms`, `1.20 s`, `3 min 04 s`, `2 h 05 min`.
fn duration(micros: f64) -> String {
    let ms = micros / 1_000.0;
    let seconds = ms / 1_000.0;
    let minutes = (seconds / 60.0).floor();
    if ms < 1.0 {
        format!("{} µs", micros.round())
    } else if ms < 10.0 {
        format!("{} ms", fixed(ms, 1))
    } else if ms < 1_000.0 {
        format!("{} ms", ms.round())
    } else if seconds < 10.0 {
        format!("{} s", fixed(seconds, 2))
    } else if seconds < 60.0 {
        format!("{} s", fixed(seconds, 1))
    } else if minutes < 60.0 {
        format!("{minutes} min {:02} s", (seconds % 60.0).floor())
    } else {
        format!("{} h {:02} min", (minutes / 60.0).floor(), minutes % 60.0)
    }
}

/// Writes a number as JavaScript's `toFixed`, which rounds a tie up.
fn fixed(value: f64, digits: u8) -> String {
    let halves = 2.0 * 10_f64.powi(digits.into());
    let nearest = (value * halves).round();
    let is_tie = nearest % 2.0 == 1.0 && value.mul_add(halves, -nearest) == 0.0;
    let value = if is_tie { (nearest + 1.0) / halves } else { value };
    format!("{value:.digits$}", digits = usize::from(digits))
}

/// Writes a size as `480 B`, `1.2 kB`, `34 MB`.
fn bytes(size: f64) -> String {
    let scaled =
        |unit: f64, name: &str| format!("{} {name}", fixed(size / unit, u8::from(size < unit * 10.0)));
    if size < 1e3 {
        format!("{size} B")
    } else if size < 1e6 {
        scaled(1e3, "kB")
    } else if size < 1e9 {
        scaled(1e6, "MB")
    } else {
        format!("{} GB", fixed(size / 1e9, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_summary_that_the_viewers_list_shows() {
        let fixture = include_str!("../../tests/fixtures/summaries.ndjson");
        let short = |text: String| text.replace("http://", "").replace("https://", "");
        for case in fixture.lines() {
            let case: Value = serde_json::from_str(case).unwrap();
            let wanted = &case["summary"];
            let found = of(&case["event"]);
            assert_eq!(found.lead, string_or_empty(&wanted["lead"]), "{case}");
            assert_eq!(found.status, wanted["status"].as_u64(), "{case}");
            assert_eq!(
                short(found.text),
                short(string_or_empty(&wanted["text"]).into()),
                "{case}"
            );
            assert_eq!(found.aside, string_or_empty(&wanted["aside"]), "{case}");
        }
    }
}
