//! The OpenAPI document: collected from the handlers, so that it cannot miss one, and completed here by what
//! holds for all of them.

use super::access::TOKEN;
use super::problem::Problem;
use http::StatusCode;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{OpenApi as _, ToSchema as _};

#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "Tabtape collector",
    description = "Stores, streams and answers what browser tabs did. Every error is a problem (RFC 9457) with a code."
))]
struct Document;

/// Errors that every endpoint with a body can answer.
const BODY: &[(StatusCode, &str)] = &[
    (StatusCode::BAD_REQUEST, "The body is not what is expected"),
    (
        StatusCode::REQUEST_TIMEOUT,
        "`slow_body`: the body did not arrive in time",
    ),
    (StatusCode::PAYLOAD_TOO_LARGE, "`body_too_large`"),
    (
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "`unsupported_type` or `unsupported_encoding`",
    ),
];
/// Errors that every endpoint with a token can answer.
const TOKENS: &[(StatusCode, &str)] = &[
    (StatusCode::UNAUTHORIZED, "`no_token` or `unknown_token`"),
    (StatusCode::FORBIDDEN, "`wrong_scope`: the token may not do this"),
];
/// Errors that the guard answers.
const GUARD: &[(StatusCode, &str)] = &[(StatusCode::FORBIDDEN, "`wrong_host` or `wrong_origin`")];

/// Returns the document without its paths.
pub(super) fn new() -> OpenApi {
    Document::openapi()
}

/// Adds the responses and the security scheme that handlers share.
pub(super) fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let operations = [
            ("get", &mut item.get),
            ("put", &mut item.put),
            ("post", &mut item.post),
            ("delete", &mut item.delete),
            ("head", &mut item.head),
            ("patch", &mut item.patch),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            operation.operation_id = Some(operation_id(method, path));
            if operation.request_body.is_some() {
                add(operation, BODY);
            }
            if operation
                .security
                .as_ref()
                .is_some_and(|security| !security.is_empty())
            {
                add(operation, TOKENS);
            }
            add(operation, GUARD);
            describe(operation);
        }
    }
    let token = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    document
        .components
        .get_or_insert_default()
        .add_security_scheme(TOKEN, token);
}

/// Returns the id of an operation, which is unique: `post_tokens_id_rotate`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty() && *word != "v1");
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

/// Describes the responses that have no description by their status, because OpenAPI requires one.
fn describe(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let reason = status
                .parse()
                .ok()
                .and_then(|status: StatusCode| status.canonical_reason());
            reason.unwrap_or("Error").clone_into(&mut response.description);
        }
    }
}

/// Adds responses that the handler does not document itself.
fn add(operation: &mut Operation, responses: &[(StatusCode, &str)]) {
    for (status, description) in responses {
        let problem = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(Problem::name())))
            .build();
        let response = ResponseBuilder::new()
            .description(*description)
            .content("application/problem+json", problem);
        operation
            .responses
            .responses
            .entry(status.as_str().to_owned())
            .or_insert_with(|| RefOr::T(response.build()));
    }
}
