//! Values, attributes, resource and scope of whatever is sent to an OpenTelemetry endpoint.

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value as Any,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde_json::Value;

/// Deepest nesting of `data` that is sent as values. A level takes three messages, and decoders refuse a request that
/// nests more than 100 (<https://docs.rs/prost/latest/prost/#decoding>).
pub(super) const MAX_NESTING: usize = 24;

pub(super) const fn any(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Any::StringValue(value.to_owned()))
}

/// Returns a text attribute, if the value is a text.
pub(super) fn text_in(key: &str, value: &Value) -> Option<KeyValue> {
    Some(text(key, value.as_str()?))
}

pub(super) fn int(key: &str, value: u64) -> KeyValue {
    attribute(key, Any::IntValue(i64::try_from(value).unwrap_or(i64::MAX)))
}

/// An attribute that is true.
pub(super) fn flag(key: &str) -> KeyValue {
    attribute(key, Any::BoolValue(true))
}

pub(super) fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(any(value)),
        ..KeyValue::default()
    }
}

/// Returns `value` with at most `levels` of nesting; deeper values become their text.
pub(super) fn of_json(value: &Value, levels: usize, altered: &mut bool) -> AnyValue {
    if levels == 0 && matches!(value, Value::Array(_) | Value::Object(_)) {
        *altered = true;
        return any(Any::StringValue(value.to_string()));
    }
    let mut inner = |value: &Value| of_json(value, levels - 1, altered);
    AnyValue {
        value: match value {
            Value::Null => None,
            Value::Bool(flag) => Some(Any::BoolValue(*flag)),
            Value::String(text) => Some(Any::StringValue(text.clone())),
            Value::Number(number) => Some(match number.as_i64() {
                Some(whole) => Any::IntValue(whole),
                None => Any::DoubleValue(number.as_f64().unwrap_or(f64::NAN)),
            }),
            Value::Array(values) => Some(Any::ArrayValue(ArrayValue {
                values: values.iter().map(&mut inner).collect(),
            })),
            Value::Object(fields) => Some(Any::KvlistValue(KeyValueList {
                values: fields
                    .iter()
                    .map(|(key, value)| KeyValue {
                        key: key.clone(),
                        value: Some(inner(value)),
                        ..KeyValue::default()
                    })
                    .collect(),
            })),
        },
    }
}

pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "tabtape".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        ..InstrumentationScope::default()
    }
}

pub(super) fn resource() -> Resource {
    Resource {
        attributes: vec![text("service.name", "tabtape")],
        ..Resource::default()
    }
}
