//! OpenTelemetry, in and out.
//!
//! | module | what |
//! |---|---|
//! | [`event`], [`request`] | log records in, as events of a local process |
//! | [`logs`], [`record`] | our records as log records, and requests of them |
//! | [`walk`], [`life`], [`span`] | our records as spans and measurements of documents |
//! | [`metrics`] | measurements and the recorder's own figures as metrics |
//! | [`forward`], [`derived`] | the cursor of logs, and that of traces and of metrics |
//! | [`delivery`], [`endpoint`] | sending, with retries |

mod attributes;
mod delivery;
pub(crate) mod derived;
mod endpoint;
pub(crate) mod event;
pub(crate) mod forward;
mod life;
pub(crate) mod logs;
mod metrics;
mod record;
pub(crate) mod request;
mod span;
mod walk;

pub(crate) use delivery::{Delivery, task};

/// Version of the semantic conventions that names of attributes are taken from.
pub(crate) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.37.0";
