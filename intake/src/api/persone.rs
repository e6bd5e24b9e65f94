//! Persone: found, read, entered and changed, by the rules of the portal's own form.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use domain::identifier::{Identifier, IdentifierKind};
use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use serde::{Deserialize, Serialize};
use store::{PersonaData, PersonaId, PersonaSummary, TokenScope};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};
use uuid::Uuid;

use super::{Answer, Problem, Program, RequestKey, Sent, id};
use crate::form::{Fields, show_date};
use crate::pages::persona_form;

/// Persone found at once.
const FOUND_MAX: usize = 50;

/// An identifier.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdentifierBody {
    #[schema(schema_with = identifier_kinds)]
    kind: String,
    #[schema(min_length = 1, max_length = 40)]
    code: String,
}

/// What is recorded of a persona. Codes are those of the definitions' rules and of extractions.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonaBody {
    #[schema(max_length = 100)]
    surname: String,
    #[schema(max_length = 100)]
    name: String,
    identifier: Option<IdentifierBody>,
    birth_date: Option<NaiveDate>,
    /// Belfiore code of the comune or country of birth, which existed on the birth date.
    #[schema(max_length = 4, example = "G888")]
    birth_place: Option<String>,
    #[schema(schema_with = sexes)]
    sex: Option<Sex>,
    /// ISTAT code of the comune of residence.
    #[schema(max_length = 6, example = "093033")]
    residence: Option<String>,
    #[schema(schema_with = educations)]
    education: Option<Education>,
    #[schema(schema_with = citizenships)]
    citizenship: Option<Citizenship>,
    #[schema(schema_with = households)]
    household: Option<Household>,
    #[schema(schema_with = works)]
    work: Option<Work>,
    /// `null` when nobody asked, empty when there are none.
    #[schema(schema_with = disadvantages)]
    disadvantage: Option<BTreeSet<Disadvantage>>,
    #[schema(max_length = 40)]
    phone: Option<String>,
    #[schema(max_length = 120)]
    email: Option<String>,
    #[schema(max_length = 2000)]
    note: Option<String>,
}

/// One of a set of codes, or `null`.
fn codes(codes: impl Iterator<Item = &'static str>) -> Object {
    let values = codes.map(serde_json::Value::from).chain([serde_json::Value::Null]);
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(values.collect::<Vec<_>>()))
        .build()
}

fn identifier_kinds() -> Object {
    let kinds = IdentifierKind::ALL.map(IdentifierKind::code);
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).enum_values(Some(kinds)).build()
}

fn sexes() -> Object {
    codes(Sex::ALL.iter().map(|this| this.code()))
}

fn educations() -> Object {
    codes(Education::ALL.iter().map(|this| this.code()))
}

fn citizenships() -> Object {
    codes(Citizenship::ALL.iter().map(|this| this.code()))
}

fn households() -> Object {
    codes(Household::ALL.iter().map(|this| this.code()))
}

fn works() -> Object {
    codes(Work::ALL.iter().map(|this| this.code()))
}

fn disadvantages() -> utoipa::openapi::schema::Array {
    let codes = Disadvantage::ALL.iter().map(|this| this.code());
    let items = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).enum_values(Some(codes)).build();
    ArrayBuilder::new().schema_type(SchemaType::from_iter([Type::Array, Type::Null])).items(items).build()
}

impl PersonaBody {
    fn of(data: &PersonaData) -> Self {
        let data = data.clone();
        Self {
            surname: data.surname,
            name: data.name,
            identifier: data.identifier.as_ref().map(IdentifierBody::of),
            birth_date: data.birth_date,
            birth_place: data.birth_place,
            sex: data.sex,
            residence: data.residence,
            education: data.education,
            citizenship: data.citizenship,
            household: data.household,
            work: data.work,
            disadvantage: data.disadvantage,
            phone: data.phone,
            email: data.email,
            note: data.note,
        }
    }

    /// As the portal's form would send it.
    fn fields(&self) -> Fields {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let code = |code: Option<&'static str>| code.unwrap_or_default().to_owned();
        let (kind, identifier) =
            self.identifier.as_ref().map(|given| (given.kind.clone(), given.code.clone())).unwrap_or_default();
        let birth_place = self.birth_place.as_deref().filter(|code| !code.is_empty());
        let mut pairs = vec![
            ("surname", self.surname.clone()),
            ("name", self.name.clone()),
            ("identifier_kind", kind),
            ("identifier", identifier),
            ("birth_date", self.birth_date.map(show_date).unwrap_or_default()),
            (
                "birth_place",
                birth_place.map(|code| persona_form::place_name(code, self.birth_date)).unwrap_or_default(),
            ),
            ("birth_place_code", text(&self.birth_place)),
            ("sex", code(self.sex.map(Sex::code))),
            ("comune", text(&self.residence)),
            ("education", code(self.education.map(Education::code))),
            ("citizenship", code(self.citizenship.map(Citizenship::code))),
            ("household", code(self.household.map(Household::code))),
            ("work", code(self.work.map(Work::code))),
            ("phone", text(&self.phone)),
            ("email", text(&self.email)),
            ("notes", text(&self.note)),
        ];
        if let Some(categories) = &self.disadvantage {
            let asked = if categories.is_empty() { "none" } else { "some" };
            pairs.push(("disadvantage_asked", asked.to_owned()));
            pairs.extend(categories.iter().map(|this| ("disadvantage", this.code().to_owned())));
        }
        Fields::new(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    fn read(&self, today: NaiveDate) -> Result<PersonaData, Problem> {
        persona_form::read(&self.fields(), today).map_err(|problems| Problem::of_form(&problems))
    }
}

impl IdentifierBody {
    fn of(identifier: &Identifier) -> Self {
        Self { kind: identifier.kind().code().to_owned(), code: identifier.expose().to_owned() }
    }

    fn read(&self, today: NaiveDate) -> Result<Identifier, Problem> {
        let kind = IdentifierKind::ALL.into_iter().find(|kind| kind.code() == self.kind);
        let kind = kind.ok_or_else(|| Problem::bad_request("no such kind of identifier"))?;
        Identifier::parse(kind, &self.code, today)
            .map_err(|error| Problem::unprocessable("identifier", error.to_string()))
    }
}

/// A persona.
#[derive(Serialize, ToSchema)]
pub(crate) struct Persona {
    id: Uuid,
    /// To be given back when changing.
    revision: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Their data may not be used for now: they can be read and not changed.
    is_restricted: bool,
    /// The persona who goes on in their place.
    merged_into: Option<Uuid>,
    data: PersonaBody,
}

/// A persona in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Summary {
    id: Uuid,
    surname: String,
    name: String,
    birth_date: Option<NaiveDate>,
    residence: Option<String>,
    identifier: Option<IdentifierBody>,
    updated_at: DateTime<Utc>,
    is_restricted: bool,
}

impl Summary {
    fn of(one: PersonaSummary) -> Self {
        Self {
            id: one.id.0,
            identifier: one.identifier.as_ref().map(IdentifierBody::of),
            surname: one.surname,
            name: one.name,
            birth_date: one.birth_date,
            residence: one.residence,
            updated_at: one.updated_at,
            is_restricted: one.is_restricted,
        }
    }
}

/// Whom to look for: by name or by identifier, exactly one of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    /// Words that begin words of surname and name; case and accents do not matter.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// The whole code.
    identifier: Option<IdentifierBody>,
}

/// The persone found.
#[derive(Serialize, ToSchema)]
pub(crate) struct Found {
    persone: Vec<Summary>,
    /// Whether there are more than the fifty given: a longer name narrows them.
    has_more: bool,
}

/// What was written.
#[derive(Serialize, ToSchema)]
pub(crate) struct Written {
    id: Uuid,
    /// To be given back when changing.
    revision: i32,
}

/// A persona with the revision that was read.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// As it was read: when somebody else has changed the persona since, nothing is written.
    revision: i32,
    data: PersonaBody,
}

/// Something new as a response, with its address.
pub(super) fn created(path: String, body: impl Serialize) -> Response {
    (StatusCode::CREATED, [(LOCATION, path)], Json(body)).into_response()
}

/// Finds persone by name or identifier
///
/// A search names people, so it is a POST: addresses end up in logs.
#[utoipa::path(
    post,
    operation_id = "search_persone",
    path = "/api/v1/persone/cerca",
    tag = "persone",
    security(("token" = ["persone:read"])),
    request_body = Search,
    responses(
        (status = 200, description = "Those found, by surname and name.", body = Found),
        super::description::Refusals,
        super::description::BodyRefusals,
    ),
)]
pub(crate) async fn search(program: Program, Sent(search): Sent<Search>) -> Answer {
    let scope = program.scope(TokenScope::PersoneRead)?;
    let (store, now) = (&program.store, program.now);
    let failed = |error| Problem::of_store(&program.portal, error);
    let (persone, has_more) = match (search.name, search.identifier) {
        (Some(name), None) => {
            if name.chars().count() > 200 {
                return Err(Problem::bad_request("a name has 200 characters at most"));
            }
            let found = store.find_by_name(&scope, &name, FOUND_MAX, now).await.map_err(failed)?;
            (found.persone, found.has_more)
        }
        (None, Some(identifier)) => {
            let identifier = identifier.read(program.today())?;
            let found = store.find_by_identifier(&scope, &identifier, now).await.map_err(failed)?;
            (found.into_iter().collect(), false)
        }
        (None, None) | (Some(_), Some(_)) => {
            return Err(Problem::unprocessable("search", "give a name or an identifier, and not both"));
        }
    };
    let found = Found { persone: persone.into_iter().map(Summary::of).collect(), has_more };
    Ok(Json(found).into_response())
}

/// Enters a persona
///
/// The rules are those of the portal's form. Search by identifier first: one that another persona has is refused. The
/// persona is followed by the account of the token.
#[utoipa::path(
    post,
    operation_id = "create_persona",
    path = "/api/v1/persone",
    tag = "persone",
    security(("token" = ["persone:write"])),
    params(("Idempotency-Key" = Option<Uuid>, Header, description = "The same request with the same key is done once.")),
    request_body = PersonaBody,
    responses(
        (status = 201, description = "Entered.", body = Written, headers(("Location" = String, description = "Its address."))),
        super::description::Refusals,
        super::description::BodyRefusals,
        super::description::Conflicts,
    ),
)]
pub(crate) async fn create(program: Program, RequestKey(request): RequestKey, Sent(body): Sent<PersonaBody>) -> Answer {
    let scope = program.scope(TokenScope::PersoneWrite)?;
    let data = body.read(program.today())?;
    let (store, now, chance) = (&program.store, program.now, &mut program.portal.chance());
    let made = match request {
        Some(request) => store.create_persona_once(&scope, request, &data, now, chance).await,
        None => store.create_persona(&scope, &data, now, chance).await,
    };
    let made = made.map_err(|error| Problem::of_store(&program.portal, error))?;
    Ok(created(format!("/api/v1/persone/{made}"), Written { id: made.0, revision: 1 }))
}

/// Reads a persona
#[utoipa::path(
    get,
    operation_id = "read_persona",
    path = "/api/v1/persone/{persona}",
    tag = "persone",
    security(("token" = ["persone:read"])),
    params(("persona" = Uuid, Path, description = "Their id.")),
    responses(
        (status = 200, description = "The persona.", body = Persona),
        super::description::Refusals,
        super::description::Absent,
    ),
)]
pub(crate) async fn one(program: Program, path: Result<Path<String>, PathRejection>) -> Answer {
    let scope = program.scope(TokenScope::PersoneRead)?;
    let persona = program.store.persona(&scope, id(path)?, program.now).await;
    let persona = persona.map_err(|error| Problem::of_store(&program.portal, error))?;
    Ok(Json(Persona {
        id: persona.id.0,
        revision: persona.revision,
        created_at: persona.created_at,
        updated_at: persona.updated_at,
        is_restricted: persona.is_restricted,
        merged_into: persona.merged_into.map(|into| into.0),
        data: PersonaBody::of(&persona.data),
    })
    .into_response())
}

/// Changes what is recorded of a persona
///
/// The whole record, not a part. Questionnaires made valid before keep what was recorded then.
#[utoipa::path(
    put,
    operation_id = "change_persona",
    path = "/api/v1/persone/{persona}",
    tag = "persone",
    security(("token" = ["persone:write"])),
    params(("persona" = Uuid, Path, description = "Their id.")),
    request_body = Change,
    responses(
        (status = 200, description = "Changed.", body = Written),
        super::description::Refusals,
        super::description::BodyRefusals,
        super::description::Absent,
        super::description::Conflicts,
    ),
)]
pub(crate) async fn change(
    program: Program,
    path: Result<Path<String>, PathRejection>,
    Sent(body): Sent<Change>,
) -> Answer {
    let scope = program.scope(TokenScope::PersoneWrite)?;
    let persona: PersonaId = id(path)?;
    let data = body.data.read(program.today())?;
    let chance = &mut program.portal.chance();
    let written = program.store.update_persona(&scope, persona, body.revision, &data, program.now, chance).await;
    written.map_err(|error| Problem::of_store(&program.portal, error))?;
    Ok(Json(Written { id: persona.0, revision: body.revision.saturating_add(1) }).into_response())
}
