//! Requests of log records, and the count of what they do not carry as it is stored.

use super::SCHEMA_URL;
use super::attributes::{resource, scope};
use super::record::{ALTERED, UNREADABLE, gap_record, log_record};
use crate::clock::now_micros;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};

/// A request that carries these records.
pub(crate) fn request<'l>(lines: impl IntoIterator<Item = &'l [u8]>) -> ExportLogsServiceRequest {
    envelope(lines.into_iter().map(log_record).collect())
}

/// The numbers of records that a request does not carry exactly as they are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Records with a part that is written in another way.
    pub(crate) altered: u64,
    /// Lines that are sent as their text.
    pub(crate) unreadable: u64,
}

/// Counts the records of `request` that are not carried exactly as they are stored.
pub(crate) fn changed(request: &ExportLogsServiceRequest) -> Changed {
    let records = request.resource_logs.iter().flat_map(|logs| &logs.scope_logs);
    let mut changed = Changed::default();
    for record in records.flat_map(|scope| &scope.log_records) {
        changed.unreadable += u64::from(record.event_name == UNREADABLE);
        let is_altered = record.attributes.iter().any(|attribute| attribute.key == ALTERED);
        changed.altered += u64::from(is_altered);
    }
    changed
}

/// Returns a request that reports how many records retention removed before they were sent.
pub(crate) fn not_retained(count: u64) -> ExportLogsServiceRequest {
    let mut record = gap_record(Some(count), "not_retained");
    record.time_unix_nano = now_micros() * 1000;
    envelope(vec![record])
}

fn envelope(log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource()),
            scope_logs: vec![ScopeLogs {
                scope: Some(scope()),
                log_records,
                schema_url: SCHEMA_URL.into(),
            }],
            schema_url: SCHEMA_URL.into(),
        }],
    }
}
