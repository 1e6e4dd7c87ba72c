//! The token that an endpoint needs. Every route belongs to a group with one [`Access`]; the group also writes
//! it into the OpenAPI document, where the security test reads it.

use super::guard::Origin;
use super::problem::Problem;
use super::sealed::SealedGrant;
use crate::app::App;
use crate::auth::{Auth, Grant, Scope};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use http::header;
use std::sync::Arc;
use utoipa::openapi::SecurityRequirement;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::PathItem;
use utoipa_axum::router::OpenApiRouter;

/// The name of the security scheme in the document.
pub(super) const TOKEN: &str = "token";

/// The callers that may use an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Every caller with the right Host.
    Public,
    /// Every caller but a foreign page: the body of the request contains its own proof.
    Open,
    /// A token of this scope.
    Scope(Scope),
    /// An admin token, or a sealed request of the person's own recorder from its extension.
    Owner,
}

impl Access {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Open => "open",
            Self::Scope(scope) => scope.as_str(),
            Self::Owner => "owner",
        }
    }

    /// Checks this access on every route of `router`.
    pub(super) fn guard(self, app: &App, mut router: OpenApiRouter<App>) -> OpenApiRouter<App> {
        for item in router.get_openapi_mut().paths.paths.values_mut() {
            self.document(item);
        }
        let checks = match self {
            Self::Public => return router,
            Self::Open => router,
            Self::Scope(_) | Self::Owner => {
                let app = app.clone();
                router.route_layer(middleware::from_fn_with_state(app, move |auth, request, next| {
                    check(self, auth, request, next)
                }))
            }
        };
        checks.route_layer(middleware::from_fn_with_state(app.clone(), super::guard::origin))
    }

    fn document(self, item: &mut PathItem) {
        let operations = [
            &mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.head, &mut item.patch,
            &mut item.options, &mut item.trace,
        ];
        for operation in operations.into_iter().flatten() {
            let noted = Extensions::builder()
                .add("x-tabtape-access", self.as_str())
                .build();
            operation.extensions = Some(noted);
            operation.security = Some(match self {
                Self::Public | Self::Open => Vec::new(),
                _ => vec![SecurityRequirement::new(TOKEN, [self.as_str()])],
            });
        }
    }
}

async fn check(
    access: Access,
    State(auth): State<Arc<Auth>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let sealed = request.extensions_mut().remove::<SealedGrant>();
    let is_sealed = sealed.is_some();
    let grant = match sealed {
        Some(SealedGrant(grant)) => grant,
        None => auth.check(bearer(&request)?)?,
    };
    let from_extension = matches!(request.extensions().get::<Origin>(), Some(Origin::Extension(_)));
    match (request.extensions().get::<Origin>(), &grant.pairing) {
        (Some(Origin::Extension(origin)), Some(pairing)) => auth.check_origin(pairing, origin)?,
        (Some(Origin::Extension(origin)), None) => {
            let detail = format!("this token is not paired and does not work from {origin}");
            return Err(Problem::forbidden("wrong_origin", detail));
        }
        (Some(Origin::Same), Some(_)) => {
            let detail = "a paired token works only from its extension, not from the viewer's origin";
            return Err(Problem::forbidden("wrong_origin", detail));
        }
        _ => {}
    }
    let allowed = match access {
        Access::Public | Access::Open => true,
        Access::Scope(needed) => grant.scope.allows(needed),
        Access::Owner => grant.scope == Scope::Admin || (grant.recorder && is_sealed && from_extension),
    };
    if !allowed {
        let has = grant.scope.as_str();
        let needs = access.as_str();
        let detail = match access {
            Access::Owner => format!(
                "this has scope {has}; this needs an admin token, or a sealed request of the person's own recorder"
            ),
            _ => format!("this has scope {has}; this needs {needs}"),
        };
        return Err(Problem::forbidden("wrong_scope", detail));
    }
    request.extensions_mut().insert::<Grant>(grant);
    Ok(next.run(request).await)
}

fn bearer(request: &Request) -> Result<&str, Problem> {
    let missing = || {
        Problem::unauthorized(
            "no_token",
            "the Authorization header is missing; expected `Authorization: Bearer tt_…`",
        )
    };
    let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(missing());
    };
    let value = value.to_str().map_err(|_| missing())?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(missing()),
    }
}
