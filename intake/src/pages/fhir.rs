//! A strumento and a questionnaire as HL7 FHIR R4 resources, for other programs.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use serde_json::Value;
use store::StoreError;

use super::assessment::{self, definition};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Desk, SeePersone, Visitor};

const MEDIA_TYPE: &str = "application/fhir+json; charset=utf-8";

fn file(name: &str, resource: &Value) -> Outcome {
    reply::file(name, MEDIA_TYPE, serde_json::to_vec_pretty(resource).map_err(|_| Failure::BadRequest)?)
}

/// The strumento as a `Questionnaire`.
pub(crate) async fn questionnaire(visitor: Visitor, path: Result<Path<String>, PathRejection>) -> Outcome {
    let found = path.ok().and_then(|Path(id)| visitor.portal().instrument(&id));
    let instrument = found.ok_or(Failure::NotFound)?;
    file("questionnaire.fhir.json", &domain::fhir::questionnaire(instrument))
}

/// A validated questionnaire as a `QuestionnaireResponse`: the persona by their id alone.
pub(crate) async fn response(desk: Desk<SeePersone>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let one = desk.store.assessment(&desk.scope, assessment::id(path)?, desk.now).await?;
    let instrument = definition(desk.portal(), &one)?;
    let resource = domain::fhir::questionnaire_response(instrument, &one.sheet, one.validated_at, one.persona.0)
        .map_err(|_| Failure::Store(StoreError::Damaged { table: "assessments", row: one.id.to_string() }))?;
    file("questionnaire-response.fhir.json", &resource)
}
