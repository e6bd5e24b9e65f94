//! The description of the API, OpenAPI 3.1, put together from the handlers. A test holds it against the table of routes.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi as Description};
use utoipa::{IntoResponses, Modify, OpenApi};

use super::{Problem, estrazioni, interrogazioni, persone, questionari, report, strumenti};

/// What every operation with a token may answer besides.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes answers; handlers give a `Problem`")]
pub(super) enum Refusals {
    /// No token, or one that is not good (any more).
    #[response(status = 401, content_type = "application/problem+json")]
    NoToken(#[to_schema] Problem),
    /// The token has not the scope, its account not the right, or no agreement of the Ente is in force.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] Problem),
    /// Too many wrong tokens from this address: `Retry-After` says when to come back.
    #[response(status = 429, content_type = "application/problem+json")]
    Throttled(#[to_schema] Problem),
}

/// What an operation on one thing may answer besides.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes answers; handlers give a `Problem`")]
pub(super) enum Absent {
    /// There is no such thing, or it is another Ente's, or out of the account's reach: which of them is not said.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Problem),
}

/// What an operation with a body may answer besides.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes answers; handlers give a `Problem`")]
pub(super) enum BodyRefusals {
    /// The body cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(#[to_schema] Problem),
    /// The body has more than 256 KiB.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] Problem),
    /// The body is not `application/json`.
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(#[to_schema] Problem),
    /// The body breaks a rule; `code` says which.
    #[response(status = 422, content_type = "application/problem+json")]
    Unprocessable(#[to_schema] Problem),
}

/// What an operation that changes something may answer besides.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes answers; handlers give a `Problem`")]
pub(super) enum Conflicts {
    /// What is there does not allow it: changed meanwhile, restricted, merged, corrected, annulled, identifier taken.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] Problem),
}

struct Token;

impl Modify for Token {
    fn modify(&self, description: &mut Description) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("noncello_ and 64 hexadecimal digits")
            .description(Some(
                "A token made on the page of one's account. Scopes: persone:read, persone:write, questionari:read, \
                 questionari:write, estrazioni:identified, interrogazioni:ask. It opens what its scopes name and its \
                 account may still do. One with rilasci:read opens what /api/v1/rilasci/openapi.json describes, and \
                 nothing here.",
            ))
            .build();
        let components = description.components.get_or_insert_with(Components::new);
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Noncello",
        version = "1",
        description = "Persone and questionnaires of an Ente, for its own programs. Errors are problems (RFC 9457). \
                       Dates are civil dates in Italy, instants UTC.",
        license(name = "EUPL-1.2", identifier = "EUPL-1.2"),
    ),
    paths(
        openapi,
        strumenti::list,
        strumenti::one,
        persone::search,
        persone::create,
        persone::one,
        persone::change,
        questionari::of_persona,
        questionari::create,
        questionari::list,
        questionari::one,
        questionari::fhir,
        questionari::report,
        report::report,
        questionari::amend,
        questionari::annul,
        estrazioni::list,
        estrazioni::ask,
        estrazioni::one,
        estrazioni::file,
        estrazioni::delete,
        interrogazioni::ask,
    ),
    modifiers(&Token),
    tags(
        (name = "strumenti", description = "What there is to fill in; public."),
        (name = "persone", description = "Who is assessed."),
        (name = "questionari", description = "Validated questionnaires."),
        (name = "estrazioni", description = "Persone and questionnaires in bulk, with names."),
        (name = "interrogazioni", description = "What is published of the Ente, asked in SQL, without names."),
        (name = "openapi", description = "This description."),
    ),
)]
struct Api;

/// The description.
pub(crate) fn description() -> Description {
    Api::openapi()
}

/// This description
#[utoipa::path(
    get,
    operation_id = "read_description",
    path = "/api/v1/openapi.json",
    tag = "openapi",
    security(()),
    responses((status = 200, description = "OpenAPI 3.1.", body = Object)),
)]
pub(crate) async fn openapi() -> Response {
    let text = description().to_json().unwrap_or_default();
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}
