//! How a script finds an element: by its role or label if they are recorded, else by its selector.

use super::literal;
use crate::diagnose::Stored;
use std::collections::HashMap;

/// A recorded selector or label of this length was truncated.
const MAX_SELECTOR_CHARS: usize = 256;
const MAX_LABEL_CHARS: usize = 80;
const MAX_NAME_CHARS: usize = 40;

/// The types of fields by selector: only changes have them.
#[derive(Debug, Default)]
pub(super) struct FieldTypes(HashMap<String, String>);

impl FieldTypes {
    pub(super) fn of(events: &[Stored]) -> Self {
        let changes = events.iter().filter(|event| event.type_() == "input.change");
        let types = changes.filter_map(|event| {
            let data = event.data();
            Some((
                data["selector"].as_str()?.to_owned(),
                data["field_type"].as_str()?.to_owned(),
            ))
        });
        Self(types.collect())
    }
}

/// An element.
#[derive(Debug)]
pub(super) struct Target {
    selector: String,
    label: String,
    tag: String,
    /// The name of the field that was changed.
    field: String,
    field_type: String,
    /// Whether text can be typed into it although it is no field.
    is_editable: bool,
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.selector == other.selector
    }
}

impl Target {
    pub(super) fn of(event: &Stored, fields: &FieldTypes) -> Self {
        let data = event.data();
        let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        let selector = text("selector");
        let last = selector.rsplit(" > ").next().unwrap_or_default();
        let end = last
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .unwrap_or(last.len());
        Self {
            tag: last[..end].to_owned(),
            label: text("label"),
            field: text("field"),
            field_type: fields.0.get(&selector).cloned().unwrap_or_default(),
            is_editable: data["label"].is_null(),
            selector,
        }
    }

    pub(super) fn is_field(&self) -> bool {
        self.is_editable || matches!(self.tag.as_str(), "input" | "textarea") || !self.field_type.is_empty()
    }

    pub(super) fn is_select(&self) -> bool {
        self.tag == "select"
    }

    /// Returns an expression for a promise of the element.
    pub(super) fn find(&self) -> String {
        let selected = (self.selector.chars().count() < MAX_SELECTOR_CHARS && !self.selector.is_empty())
            .then(|| format!("page.locator({})", literal(&self.selector)));
        match (self.named(), selected) {
            (Some(named), Some(selected)) => format!("find({named}, {selected})"),
            (Some(one), None) | (None, Some(one)) => format!("find({one}, {one})"),
            (None, None) => r#"find(page.locator("body"), page.locator("body"))"#.to_owned(),
        }
    }

    fn named(&self) -> Option<String> {
        if let Some(id) = test_id(&self.selector) {
            return Some(format!("page.getByTestId({})", literal(id)));
        }
        let is_whole = self.label.chars().count() < MAX_LABEL_CHARS && !self.label.contains("[redacted:");
        if self.label.is_empty() || !is_whole {
            return None;
        }
        let label = literal(&self.label);
        let role = match (self.tag.as_str(), self.field_type.as_str()) {
            ("button", _) | ("input", "submit" | "button" | "reset" | "image") => "button",
            ("a", _) => "link",
            ("select", _) => "combobox",
            (_, "checkbox") => "checkbox",
            (_, "radio") => "radio",
            ("input" | "textarea", _) => {
                return Some(format!(
                    "page.getByLabel({label}, {{ exact: true }}).or(page.getByPlaceholder({label}, {{ exact: true }}))"
                ));
            }
            _ => return None,
        };
        Some(format!(
            r#"page.getByRole("{role}", {{ name: {label}, exact: true }})"#
        ))
    }
}

/// Returns the test id, if the selector is nothing else.
fn test_id(selector: &str) -> Option<&str> {
    let id = selector.strip_prefix("[data-testid=\"")?.strip_suffix("\"]")?;
    (!id.contains(['"', '\\'])).then_some(id)
}

/// The names of typed values in the environment, one per element.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, String>);

impl Names {
    pub(super) fn of(&mut self, target: &Target) -> String {
        if let Some(name) = self.0.get(&target.selector) {
            return name.clone();
        }
        let texts = [&target.field, &target.label, &target.selector];
        let source = texts
            .into_iter()
            .find(|text| !text.is_empty())
            .map_or("", String::as_str);
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        };
        let mut name: String = "TYPED_"
            .chars()
            .chain(source.chars().take(MAX_NAME_CHARS).map(plain))
            .collect();
        let same = self.0.values().filter(|taken| taken.starts_with(&name)).count();
        if same > 0 {
            name = format!("{name}_{}", same + 1);
        }
        self.0.insert(target.selector.clone(), name.clone());
        name
    }
}
