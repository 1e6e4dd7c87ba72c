//! OpenTelemetry logs, in and out.
//!
//! [`record`] maps our records to log records, [`event`] maps log records to events of a local process,
//! [`request`] decodes requests, [`forward`] delivers the stream to any OpenTelemetry Collector.

mod endpoint;
pub(crate) mod event;
pub(crate) mod forward;
pub(crate) mod record;
pub(crate) mod request;

/// Version of the semantic conventions that names of attributes are taken from.
pub(crate) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.37.0";
