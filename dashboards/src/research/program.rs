//! Releases for programs with a token: the list of them, their files, and the description of both in OpenAPI 3.1, put together
//! from the handlers.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi as Description};
use utoipa::{IntoResponses, Modify, OpenApi, ToSchema};

use super::{Research, ResearchAct, ResearchEvent, ScholarProgram, TABLE, Trouble, files, release};
use crate::pages::NO_STORE;

/// The releases that the account may use today.
#[derive(Serialize, ToSchema)]
struct Releases {
    releases: Vec<Listed>,
}

/// A release, as programs read it.
#[derive(Serialize, ToSchema)]
struct Listed {
    /// Its id, as it is cited.
    #[schema(example = "asso-2024-12-31-01")]
    id: String,
    /// How many people its table has, one a row.
    rows: u64,
    /// How many people share each combination of quasi-identifiers, at least.
    k: u32,
    /// SHA-256 of its table, lower-case hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    sha256: String,
    /// What it may be used for.
    licence: String,
    /// How it is cited.
    citation: String,
    /// The last day on which it may be used.
    expires_on: chrono::NaiveDate,
    /// The address of its table.
    href: String,
}

/// Why a request got no answer (RFC 9457), as the portal gives it: this describes the members that programs need.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what the portal answers in front of these addresses")]
struct Problem {
    /// Always `about:blank`: `code` says which problem it is.
    r#type: String,
    /// The phrase of the status.
    title: String,
    /// The status of the response.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// Which problem it is. Codes keep their meaning within a version of the API.
    code: String,
    /// What is wrong, for the programmer.
    detail: String,
}

/// What every operation with a token may answer besides.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes answers; the portal gives them")]
enum Refusals {
    /// No token, or one that is not good (any more).
    #[response(status = 401, content_type = "application/problem+json")]
    NoToken(#[to_schema] Problem),
    /// The token has not the scope, or its account not the right.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] Problem),
    /// Too many wrong tokens from this address: `Retry-After` says when to come back.
    #[response(status = 429, content_type = "application/problem+json")]
    Throttled(#[to_schema] Problem),
}

struct Token;

impl Modify for Token {
    fn modify(&self, description: &mut Description) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("noncello_ and 64 hexadecimal digits")
            .description(Some(
                "A token with the scope rilasci:read, made on the page of one's account. It opens the releases of the \
                 projects that the account is in, and nothing else.",
            ))
            .build();
        let components = description.components.get_or_insert_with(Components::new);
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Noncello, releases",
        version = "1",
        description = "Anonymous data for research: the releases of one's projects, read by programs. Errors are problems (RFC 9457).",
        license(name = "EUPL-1.2", identifier = "EUPL-1.2"),
    ),
    paths(describe, list, file),
    modifiers(&Token),
    tags(
        (name = "rilasci", description = "Releases and their files."),
        (name = "openapi", description = "This description."),
    ),
)]
struct Api;

/// This description
#[utoipa::path(
    get,
    operation_id = "read_description",
    path = "/api/v1/rilasci/openapi.json",
    tag = "openapi",
    security(()),
    responses((status = 200, description = "OpenAPI 3.1.", body = Object)),
)]
pub(super) async fn describe() -> Json<Description> {
    Json(Api::openapi())
}

impl ScholarProgram {
    async fn tell(&self, act: ResearchAct, subject: String, detail: String) -> Result<(), Trouble> {
        Ok((self.record)(ResearchEvent { act, subject, detail }).await?)
    }
}

/// The releases that may be used today
#[utoipa::path(
    get,
    operation_id = "list_rilasci",
    path = "/api/v1/rilasci",
    tag = "rilasci",
    security(("token" = ["rilasci:read"])),
    responses((status = 200, description = "All of them, of all projects of the account.", body = Releases), Refusals),
)]
pub(super) async fn list(State(research): State<Research>, program: ScholarProgram) -> Result<Response, Trouble> {
    program.tell(ResearchAct::See, "/api/v1/rilasci".into(), String::new()).await?;
    let releases = research.workspace().releases_of(program.person.account, research.today()).await?;
    let listed = releases.into_iter().map(|release| Listed {
        href: format!("/api/v1/rilasci/{}/{TABLE}", release.id),
        id: release.id.to_string(),
        rows: release.content.rows,
        k: release.content.k,
        sha256: release.content.sha256,
        licence: release.content.licence,
        citation: release.content.citation,
        expires_on: release.content.expires_on,
    });
    Ok(([NO_STORE], Json(Releases { releases: listed.collect() })).into_response())
}

/// A file of a release, whole or by ranges
///
/// `dati.parquet` and `dati.csv` are the table; `SHA256SUMS` lists the others with their hashes. Readers of Parquet over HTTP
/// (DuckDB, pyarrow with fsspec) take only the columns that they need.
#[utoipa::path(
    get,
    operation_id = "read_rilascio_file",
    path = "/api/v1/rilasci/{id}/{name}",
    tag = "rilasci",
    security(("token" = ["rilasci:read"])),
    params(
        ("id" = String, Path, description = "The id of the release."),
        ("name" = String, Path, description = "The name of the file."),
        ("Range" = Option<String>, Header, description = "Which bytes (RFC 9110, section 14.2)."),
    ),
    responses(
        (status = 200, description = "The whole file.", content(
            (String = "application/vnd.apache.parquet"),
            (String = "text/csv"),
            (String = "application/json"),
            (String = "application/xml"),
            (String = "text/turtle"),
            (String = "text/plain"),
        )),
        (status = 206, description = "The bytes asked for; `Content-Range` says which they are.", content(
            (String = "application/vnd.apache.parquet"),
            (String = "text/csv"),
            (String = "application/json"),
            (String = "application/xml"),
            (String = "text/turtle"),
            (String = "text/plain"),
        )),
        (status = 404, description = "There is no such file, or it is of a release that the account may not use: which of them is not said.",
            body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "The file has no such bytes."),
        Refusals,
    ),
)]
pub(super) async fn file(
    State(research): State<Research>,
    program: ScholarProgram,
    Path((release, name)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let release = release::own(&research, program.person.account, &release).await?;
    let range = headers.get(axum::http::header::RANGE).and_then(|range| range.to_str().ok()).unwrap_or_default();
    program.tell(ResearchAct::Download, release.id.to_string(), format!("file={name} {range}")).await?;
    files::send(method, &headers, &research.part(&release.id), &name).await
}
