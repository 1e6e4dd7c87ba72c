//! Attributes, resource and scope of whatever is sent to an OpenTelemetry endpoint.

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value as Any,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

pub(super) const fn any(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Any::StringValue(value.to_owned()))
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
