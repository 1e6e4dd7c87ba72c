//! `POST /v1/logs`: OpenTelemetry logs of local processes.

use super::body::{Bodies, content_type, unsupported_type};
use super::problem::Problem;
use crate::otlp::{event, request};
use crate::producers::Producers;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use prost::Message as _;
use std::sync::Arc;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// Publish OpenTelemetry logs.
///
/// OTLP/HTTP, as JSON or protobuf, optionally gzip. Each `service.instance.id` becomes a session. Records
/// that are refused are counted in `partial_success`.
#[utoipa::path(
    post, path = "/v1/logs", tag = "deliver",
    request_body(content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
    responses(
        (status = OK, description = "ExportLogsServiceResponse", content((serde_json::Value = "application/json"), (Vec<u8> = "application/x-protobuf"))),
        (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
        (status = UNSUPPORTED_MEDIA_TYPE, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn post(
    State(producers): State<Arc<Producers>>,
    State(bodies): State<Bodies>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let is_json = match content_type(&headers).as_str() {
        PROTOBUF => false,
        JSON => true,
        _ => {
            return Err(unsupported_type(
                &headers,
                "application/json or application/x-protobuf",
            ));
        }
    };
    let unpacked = bodies.read_unpacked(&headers, body).await?;
    let bytes = unpacked.bytes.clone();
    let decoded = if is_json {
        request::of_json(&bytes)
    } else {
        request::of_protobuf(&bytes)
    };
    let request::Decoded {
        request,
        refused: mut rejected,
        why: mut error_message,
    } = decoded.map_err(|error| {
        Problem::bad_request(
            "invalid_otlp",
            format!("the body is no ExportLogsServiceRequest: {error}"),
        )
    })?;
    for producer in event::events(&request) {
        for events in producer.events.chunks(crate::producers::MAX_EVENTS) {
            let mut rest = events;
            // A refused record is passed over, the others are stored.
            while !rest.is_empty() {
                let published = producers.publish(&producer.name, rest, None).await?;
                let Some((index, error)) = published.refused else {
                    break;
                };
                rejected += 1;
                error_message = error;
                rest = &rest[index + 1..];
            }
        }
    }
    let partial_success = (rejected > 0).then_some(ExportLogsPartialSuccess {
        rejected_log_records: rejected,
        error_message,
    });
    let response = ExportLogsServiceResponse { partial_success };
    Ok(if is_json {
        super::typed(
            JSON,
            Body::from(serde_json::to_vec(&response).unwrap_or_default()),
        )
    } else {
        super::typed(PROTOBUF, Body::from(response.encode_to_vec()))
    })
}
