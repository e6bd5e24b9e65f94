//! The strumenti: what there is to fill in, and with which answers.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use domain::instrument::{Id, Instrument, Severity, Status};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{Answer, Asked, Problem};
use crate::portal::Portal;

/// The newest version of every strumento.
#[derive(Serialize, ToSchema)]
pub(crate) struct Strumenti {
    strumenti: Vec<Strumento>,
}

/// A strumento: what is needed to fill it in besides items and options, which are in its FHIR Questionnaire.
#[derive(Serialize, ToSchema)]
pub(crate) struct Strumento {
    id: String,
    version: u32,
    title: String,
    /// Whether its wording is the official one.
    is_official: bool,
    /// SHA-256 of its definition: questionnaires keep it.
    definition_sha256: String,
    items: Vec<Item>,
    scales: Vec<Scale>,
    /// The classes of its profile, where it has one: an evaluation that overrides may name one.
    classes: Vec<Named>,
    /// What can be agreed with a persona.
    azioni: Vec<Named>,
    /// Rules of consistency, asked when a questionnaire is made valid.
    rules: Vec<Rule>,
}

/// An item with the answers that it takes.
#[derive(Serialize, ToSchema)]
struct Item {
    id: String,
    /// Values of options, and -2 (not assessable) and -3 (refused to say) where the item offers them.
    answers: Vec<i16>,
}

/// A scale with its levels.
#[derive(Serialize, ToSchema)]
struct Scale {
    id: String,
    title: String,
    levels: Vec<Named>,
}

/// An id with the words people read.
#[derive(Serialize, ToSchema)]
struct Named {
    id: String,
    title: String,
}

/// A rule of consistency.
#[derive(Serialize, ToSchema)]
struct Rule {
    id: String,
    /// Refuses whatever is said; the others are accepted once the operator has looked again.
    is_hard: bool,
    text: String,
}

impl Strumento {
    fn of(instrument: &Instrument) -> Self {
        let named = |id: &Id, title: &dyn ToString| Named { id: id.to_string(), title: title.to_string() };
        let classes = instrument.profile.iter().flat_map(|profile| &profile.classes);
        Self {
            id: instrument.id.to_string(),
            version: instrument.version,
            title: instrument.title.to_string(),
            is_official: instrument.status == Status::Official,
            definition_sha256: instrument.sha256.clone(),
            items: instrument
                .items
                .iter()
                .map(|item| Item {
                    id: item.id.to_string(),
                    answers: item
                        .options
                        .iter()
                        .map(|option| option.value)
                        .chain(item.missing.iter().map(|missing| missing.code()))
                        .collect(),
                })
                .collect(),
            scales: instrument
                .scales
                .iter()
                .map(|scale| Scale {
                    id: scale.id.to_string(),
                    title: scale.title.to_string(),
                    levels: scale.levels.iter().map(|level| named(&level.id, &level.title)).collect(),
                })
                .collect(),
            classes: classes.map(|class| named(&class.id, &class.title)).collect(),
            azioni: instrument.azioni.iter().map(|azione| named(&azione.id, &azione.title)).collect(),
            rules: instrument
                .consistency
                .iter()
                .map(|rule| Rule {
                    id: rule.id.to_string(),
                    is_hard: rule.severity == Severity::Hard,
                    text: rule.text.to_string(),
                })
                .collect(),
        }
    }
}

/// A resource of FHIR as a response.
pub(super) fn fhir(resource: &Value) -> Response {
    ([(CONTENT_TYPE, "application/fhir+json")], resource.to_string()).into_response()
}

/// Every strumento, in its newest version
#[utoipa::path(
    get,
    operation_id = "list_strumenti",
    path = "/api/v1/strumenti",
    tag = "strumenti",
    security(()),
    responses((status = 200, description = "The strumenti.", body = Strumenti)),
)]
pub(crate) async fn list(State(portal): State<Portal>) -> Json<Strumenti> {
    Json(Strumenti { strumenti: portal.instruments().map(Strumento::of).collect() })
}

/// Which version.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Version {
    /// The version of the strumento; without it the newest.
    #[param(minimum = 1)]
    version: Option<u32>,
}

/// A strumento as an HL7 FHIR R4 Questionnaire
#[utoipa::path(
    get,
    operation_id = "read_strumento",
    path = "/api/v1/strumenti/{instrument}",
    tag = "strumenti",
    security(()),
    params(("instrument" = String, Path, description = "Its id.", example = "asso"), Version),
    responses(
        (status = 200, description = "The Questionnaire.", body = Object, content_type = "application/fhir+json"),
        (status = 400, description = "The query cannot be read.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such strumento.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn one(
    State(portal): State<Portal>,
    path: Result<Path<String>, PathRejection>,
    Asked(asked): Asked<Version>,
) -> Answer {
    let id = path.ok().and_then(|Path(id)| Id::parse(&id).ok()).ok_or_else(Problem::not_found)?;
    let found = match asked.version {
        Some(version) => portal.instrument_version(&id, version),
        None => portal.instrument(id.as_str()),
    };
    Ok(fhir(&domain::fhir::questionnaire(found.ok_or_else(Problem::not_found)?)))
}
