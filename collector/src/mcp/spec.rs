//! The tools as a client lists them, and the check of their arguments: one table for both.
//!
//! Schemas use scalar types only and no formats, so that every client takes them. What is not in the table is refused
//! by name: an argument that is ignored gives an answer to another question.

use super::ToolError;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};
use std::sync::Arc;

/// The kind of an argument.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    Choice(&'static [&'static str]),
    Flag,
    Whole { least: u64, most: u64 },
}

/// One argument.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) about: &'static str,
    pub(super) is_required: bool,
}

/// One tool.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) parameters: &'static [Parameter],
    /// Whether it stores something.
    pub(super) writes: bool,
    /// Arguments of the right form, for the error that refuses others.
    pub(super) example: &'static str,
}

const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Parameter {
    Parameter {
        name,
        kind,
        about,
        is_required: false,
    }
}

const fn required(name: &'static str, kind: Kind, about: &'static str) -> Parameter {
    Parameter {
        name,
        kind,
        about,
        is_required: true,
    }
}

/// Least tokens of an answer: room for what the lines share, one line, and the omission.
const MIN_BUDGET: u64 = (crate::diagnose::MIN_BYTES / BYTES_PER_TOKEN) as u64;
const MAX_BUDGET: u64 = 20_000;
const DEFAULT_BUDGET: u64 = 1_000;
/// A rough measure, as used for English text and JSON.
const BYTES_PER_TOKEN: usize = 4;

const Q: Parameter = optional("q", Kind::Text, "selector");
const BUDGET: Parameter = optional(
    "budget",
    Kind::Whole {
        least: MIN_BUDGET,
        most: MAX_BUDGET,
    },
    "tokens, 1000",
);
const EVENT: Parameter = required("event", Kind::Text, "like s3:1042");
const CURSOR: Parameter = optional("cursor", Kind::Text, "from an answer");

/// The tools, the one to begin with first.
pub(super) const TOOLS: &[Spec] = &[
    Spec {
        name: "diagnose",
        about: "What went wrong, ranked, each with the click and failed request before it. Start here.",
        parameters: &[
            optional("q", Kind::Text, "selector, like site:localhost tab:7 since:10m"),
            BUDGET,
        ],
        writes: false,
        example: r#"{"q":"site:localhost since:10m"}"#,
    },
    Spec {
        name: "search",
        about: "Finds events.",
        parameters: &[
            optional(
                "q",
                Kind::Text,
                "like severity:error status:4xx type:network.* words",
            ),
            optional("order", Kind::Choice(&["newest", "oldest"]), "first; newest"),
            CURSOR,
            BUDGET,
        ],
        writes: false,
        example: r#"{"q":"severity:error since:10m","order":"newest"}"#,
    },
    Spec {
        name: "event",
        about: "One event in full, with body and stack.",
        parameters: &[
            EVENT,
            optional("headers", Kind::Flag, "show HTTP headers"),
            BUDGET,
        ],
        writes: false,
        example: r#"{"event":"s3:1042"}"#,
    },
    Spec {
        name: "led_to",
        about: "What the tab did before an event, oldest first.",
        parameters: &[EVENT, BUDGET],
        writes: false,
        example: r#"{"event":"s3:1042"}"#,
    },
    Spec {
        name: "wait",
        about: "Waits for the next matching events, after cursor or from now.",
        parameters: &[
            Q,
            CURSOR,
            optional("seconds", Kind::Whole { least: 1, most: 300 }, "45"),
            BUDGET,
        ],
        writes: false,
        example: r#"{"q":"severity:error","seconds":45}"#,
    },
    Spec {
        name: "compare",
        about: "Errors that only one of two ranges has, and where their steps first differ.",
        parameters: &[
            required("a", Kind::Text, "selector, like session:s3"),
            required("b", Kind::Text, "selector"),
            BUDGET,
        ],
        writes: false,
        example: r#"{"a":"session:s3","b":"session:s4"}"#,
    },
    Spec {
        name: "coverage",
        about: "Sessions: what was watched, at which level, since when, and what is missing.",
        parameters: &[Q, BUDGET],
        writes: false,
        example: r#"{"q":"since:1h"}"#,
    },
    Spec {
        name: "mark",
        about: "Leaves a note in the recording.",
        parameters: &[required("text", Kind::Text, "note")],
        writes: true,
        example: r#"{"text":"pressed pay"}"#,
    },
];

impl Spec {
    /// Returns the tool of a name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        TOOLS.iter().find(|spec| spec.name == name)
    }

    /// Returns the tool as a client lists it.
    pub(super) fn tool(&self) -> Tool {
        let properties: JsonObject = self
            .parameters
            .iter()
            .map(|parameter| (parameter.name.to_owned(), parameter.kind.schema(parameter.about)))
            .collect();
        let mut schema = JsonObject::new();
        schema.insert("type".into(), "object".into());
        schema.insert("properties".into(), properties.into());
        let required: Vec<&str> = self
            .parameters
            .iter()
            .filter(|given| given.is_required)
            .map(|given| given.name)
            .collect();
        if !required.is_empty() {
            schema.insert("required".into(), required.into());
        }
        schema.insert("additionalProperties".into(), false.into());
        // Without it a client takes what writes for destructive, and asks the person each time.
        let annotations = if self.writes {
            ToolAnnotations::new().destructive(false)
        } else {
            ToolAnnotations::new().read_only(true)
        };
        Tool::new(self.name, self.about, Arc::new(schema)).with_annotations(annotations)
    }

    /// Checks arguments.
    ///
    /// # Errors
    /// The first that is unknown, missing or of the wrong kind, with the right form.
    pub(super) fn check(&self, given: Option<JsonObject>) -> Result<Arguments, ToolError> {
        let mut given = given.unwrap_or_default();
        // Clients send null for what is left out.
        given.retain(|_, value| !value.is_null());
        for (name, value) in &given {
            let Some(parameter) = self.parameters.iter().find(|parameter| parameter.name == name) else {
                let known: Vec<&str> = self.parameters.iter().map(|parameter| parameter.name).collect();
                let name: String = name.chars().take(40).collect();
                return Err(self.refuse(format!("has no argument {name:?}; it has {}", known.join(", "))));
            };
            if !parameter.kind.takes(value) {
                let mut shown = value.to_string();
                shown.truncate(shown.floor_char_boundary(80));
                let expected = parameter.kind.expected();
                return Err(self.refuse(format!("expects {name} to be {expected}, not {shown}")));
            }
        }
        match self
            .parameters
            .iter()
            .find(|it| it.is_required && !given.contains_key(it.name))
        {
            Some(missing) => Err(self.refuse(format!("needs {}", missing.name))),
            None => Ok(Arguments(given)),
        }
    }

    /// Returns the error that shows the right form.
    pub(super) fn refuse(&self, why: impl std::fmt::Display) -> ToolError {
        ToolError::Wrong(format!(
            "{} {why}. Right: {} {}",
            self.name, self.name, self.example
        ))
    }
}

impl Kind {
    fn schema(self, about: &str) -> Value {
        match self {
            Self::Text => json!({"type": "string", "description": about}),
            Self::Choice(choices) => json!({"type": "string", "enum": choices, "description": about}),
            Self::Flag => json!({"type": "boolean", "description": about}),
            Self::Whole { .. } => json!({"type": "integer", "description": about}),
        }
    }

    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Choice(choices) => value.as_str().is_some_and(|value| choices.contains(&value)),
            Self::Flag => value.is_boolean(),
            Self::Whole { least, most } => whole(value).is_some_and(|value| (least..=most).contains(&value)),
        }
    }

    fn expected(self) -> String {
        match self {
            Self::Text => "a string".into(),
            Self::Choice(choices) => choices.join(" or "),
            Self::Flag => "true or false".into(),
            Self::Whole { least, most } => format!("a whole number from {least} to {most}"),
        }
    }
}

/// JSON has one kind of number: 5.0 is whole as well.
fn whole(value: &Value) -> Option<u64> {
    let float = || {
        value
            .as_f64()
            .filter(|float| float.fract() == 0.0 && (0.0..1e15).contains(float))
    };
    value.as_u64().or_else(|| float().map(|float| float as u64))
}

/// Arguments that were checked.
#[derive(Debug)]
pub(super) struct Arguments(JsonObject);

impl Arguments {
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn whole(&self, name: &str, otherwise: u64) -> u64 {
        self.0.get(name).and_then(whole).unwrap_or(otherwise)
    }

    /// Returns the bytes that the answer may have.
    pub(super) fn budget(&self) -> usize {
        self.whole("budget", DEFAULT_BUDGET) as usize * BYTES_PER_TOKEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_costs_at_most_900_tokens() {
        let tools: Vec<Tool> = TOOLS.iter().map(Spec::tool).collect();
        let bytes = serde_json::to_string(&json!({"tools": tools})).unwrap().len();
        assert!(bytes <= 900 * 4, "{bytes} bytes");
        assert_eq!(TOOLS[0].name, "diagnose");
    }

    #[test]
    fn each_example_is_accepted_and_what_differs_is_refused_by_name() {
        for spec in TOOLS {
            let example: JsonObject = serde_json::from_str(spec.example).unwrap();
            spec.check(Some(example.clone())).unwrap();
            let mut more = example;
            more.insert("query".into(), "x".into());
            let refused = spec.check(Some(more)).unwrap_err().to_string();
            assert!(
                refused.contains("\"query\"") && refused.contains(spec.example),
                "{refused}"
            );
        }
        let check = |name, arguments: Value| {
            Spec::named(name)
                .unwrap()
                .check(arguments.as_object().cloned())
                .map_err(|error| error.to_string())
        };
        assert!(check("event", json!({})).unwrap_err().contains("needs event"));
        assert!(
            check("search", json!({"budget": 1.5}))
                .unwrap_err()
                .contains("from 250 to 20000")
        );
        assert!(
            check("search", json!({"order": "best"}))
                .unwrap_err()
                .contains("newest or oldest")
        );
        assert!(
            check("search", json!({"budget": 500.0, "q": null}))
                .unwrap()
                .budget()
                == 2_000
        );
    }
}
