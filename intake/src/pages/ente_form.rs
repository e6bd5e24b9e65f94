//! Admitting an Ente, with its comuni and the first account of its administrator.

use std::collections::BTreeSet;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use store::{Admission, AgreementKind, InterestId, NewEnte, Refused, StoreError};
use templates::{Area, Page};
use territory::ComuneCode;

use super::accounts::{AccountCreated, refuse_account};
use super::ente::{AgreementForm, read_agreement};
use super::persona_form::comuni_named;
use crate::form::{Field, Fields, Problem, Reading};
use crate::reply::{Failure, Outcome};
use crate::visitor::{ManageEnti, PlatformDesk, italian_day};

#[derive(Serialize)]
pub(crate) struct EnteForm {
    problems: Vec<Problem>,
    unknown: Vec<String>,
    form: FormView,
}

#[derive(Default, Serialize)]
struct FormView {
    name: Field,
    code: Field,
    comuni: Field,
    administrator_name: Field,
    username: Field,
    agreement: AgreementForm,
    /// The expression of interest that it comes from.
    interest: String,
}

impl Page for EnteForm {
    const TEMPLATE: &'static str = "pages/ente_form.html";

    fn samples() -> Vec<Self> {
        let problem = Problem { name: "comuni", code: "comune_unknown" };
        vec![
            Self { problems: Vec::new(), unknown: Vec::new(), form: FormView::default() },
            Self { problems: vec![problem], unknown: vec!["Atlantide".to_owned()], form: FormView::default() },
        ]
    }
}

fn page(
    desk: &PlatformDesk<ManageEnti>,
    status: StatusCode,
    reading: &Reading<'_>,
    fields: &Fields,
    unknown: Vec<String>,
) -> Response {
    let form = FormView {
        name: reading.field("name"),
        code: reading.field("code"),
        comuni: reading.field("comuni"),
        administrator_name: reading.field("administrator_name"),
        username: reading.field("username"),
        agreement: AgreementForm::of(reading),
        interest: fields.get("interest").to_owned(),
    };
    desk.visitor.page(Area::Enti, status, &EnteForm { problems: reading.problems.clone(), unknown, form })
}

#[derive(Deserialize)]
pub(crate) struct From {
    interesse: Option<String>,
}

pub(crate) async fn get(desk: PlatformDesk<ManageEnti>, from: Result<Query<From>, QueryRejection>) -> Outcome {
    let id: Option<InterestId> = from.ok().and_then(|Query(from)| from.interesse).and_then(|text| text.parse().ok());
    let fields = match id {
        Some(id) => {
            let data = desk.store.interest(&desk.scope, id).await?.data;
            let pairs = [
                ("interest", id.to_string()),
                ("name", data.administration),
                ("comuni", data.comuni),
                ("administrator_name", data.contact),
            ];
            Fields::new(pairs.map(|(name, value)| (name.to_owned(), value)).into())
        }
        None => Fields::default(),
    };
    Ok(page(&desk, StatusCode::OK, &Reading::new(&fields), &fields, Vec::new()))
}

/// The comuni of a text, one on each line, by name or code; and the lines that are none, or several.
fn read_comuni(text: &str, today: NaiveDate) -> (BTreeSet<String>, Vec<String>) {
    let mut comuni = BTreeSet::new();
    let mut unknown = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(comune) = line.parse::<ComuneCode>().ok().and_then(territory::comune) {
            comuni.insert(comune.code.to_string());
            continue;
        }
        let found = comuni_named(line, today);
        let exact: Vec<_> = found.iter().filter(|comune| comune.text.to_lowercase() == line.to_lowercase()).collect();
        match (exact.as_slice(), found.as_slice()) {
            ([only], _) => comuni.insert(only.code.clone()),
            ([], [only]) => comuni.insert(only.code.clone()),
            _ => {
                unknown.push(line.to_owned());
                false
            }
        };
    }
    (comuni, unknown)
}

/// The same, of which there is one at least; what is wrong is noted.
pub(super) fn required_comuni(
    reading: &mut Reading<'_>,
    text: &str,
    today: NaiveDate,
) -> (BTreeSet<String>, Vec<String>) {
    let (comuni, unknown) = read_comuni(text, today);
    if !unknown.is_empty() {
        reading.refuse("comuni", "comune_unknown");
    } else if comuni.is_empty() {
        reading.refuse("comuni", "comuni_empty");
    }
    (comuni, unknown)
}

pub(crate) async fn post(desk: PlatformDesk<ManageEnti>, fields: Fields) -> Outcome {
    let today = italian_day(desk.now);
    let mut reading = Reading::new(&fields);
    let name = reading.required("name", 200);
    let code = reading.required("code", 40);
    let administrator = reading.required("administrator_name", 100);
    let username = reading.required("username", 64);
    let (comuni, unknown) = required_comuni(&mut reading, fields.get("comuni"), today);
    let agreement = read_agreement(&mut reading, Some(AgreementKind::First));
    let interest: Option<InterestId> = fields.get("interest").parse().ok();
    if let (Some(name), Some(code), Some(display_name), Some(username), Some(agreement), true) =
        (name, code, administrator, username, agreement, reading.is_fine())
    {
        let ente = NewEnte { code: code.clone(), name: name.clone(), from: today, comuni, is_demo: false };
        let (given_username, given_name) = (username.clone(), display_name.clone());
        let admission = Admission { ente, agreement, username, display_name, interest };
        match desk.store.admit(&desk.scope, &admission, desk.now, &mut desk.visitor.portal().chance()).await {
            Ok((_, password)) => {
                let page = AccountCreated {
                    ente: Some(name),
                    ente_code: Some(code),
                    name: given_name,
                    username: given_username,
                    password: password.expose().to_owned(),
                    path_back: "/enti".to_owned(),
                };
                return Ok(page.answer(&desk.visitor, Area::Enti));
            }
            Err(StoreError::Refused(Refused::CodeTaken)) => reading.refuse("code", "ente_code_taken"),
            Err(StoreError::Refused(Refused::CodeForm)) => reading.refuse("code", "ente_code_form"),
            Err(StoreError::NotFound("interest")) => return Err(Failure::BadRequest),
            Err(error) => refuse_account(&mut reading, error)?,
        }
    }
    Ok(page(&desk, StatusCode::UNPROCESSABLE_ENTITY, &reading, &fields, unknown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comuni_are_read_by_name_or_code() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 25).unwrap();
        let (comuni, unknown) = read_comuni("Pordenone\n 030129 \nudine\n\nAtlantide\nSan\n", today);
        assert_eq!(comuni, ["030129", "093033"].map(ToOwned::to_owned).into());
        assert_eq!(unknown, ["Atlantide", "San"]);
    }
}
