//! An Ente, as the platform may know it: its agreements, how it stands, how many accounts it has.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use domain::feed::EnteId;
use serde::Serialize;
use store::{Agreement, AgreementId, AgreementKind, Ente, NewAgreement, Refused, Role, Standing, StoreError};
use templates::{Area, Page};

use super::accounts::{AccountCreated, refuse_account};
use super::people::comune_name;
use crate::form::{Field, Fields, Problem, Reading, show_date};
use crate::papers;
use crate::reply::{self, Failure, Outcome};
use crate::upload::{FILE_BYTES_MAX, Upload};
use crate::visitor::{ManageEnti, PlatformDesk};

/// The version of the standard text that is signed today.
pub(crate) const TEXT_VERSION: i32 = 1;

/// How an Ente stands, as pages show it.
#[derive(Clone, Serialize)]
pub(crate) struct StandingView {
    code: &'static str,
    day: Option<String>,
}

impl StandingView {
    pub(crate) fn of(standing: Standing) -> Self {
        Self { code: standing.code(), day: standing.day().map(show_date) }
    }

    pub(crate) fn sample(code: &'static str) -> Self {
        let day = (!matches!(code, "unrecorded" | "closed")).then(|| "31 dicembre 2026".to_owned());
        Self { code, day }
    }
}

#[derive(Serialize)]
pub(crate) struct EntePage {
    problems: Vec<Problem>,
    path: String,
    name: String,
    code: String,
    standing: StandingView,
    can_close: bool,
    /// Where the certificate of a closed Ente is.
    certificate: String,
    comuni: Vec<String>,
    accounts: Vec<Count>,
    agreements: Vec<AgreementView>,
    kinds: Vec<&'static str>,
    form: AgreementForm,
    agreement: Field,
    file: Field,
    megabytes_max: usize,
    administrator_name: Field,
    username: Field,
}

#[derive(Serialize)]
struct Count {
    role: &'static str,
    count: u64,
}

/// An agreement, as pages show it.
#[derive(Serialize)]
pub(crate) struct AgreementView {
    kind: &'static str,
    number: String,
    text_version: i32,
    signed_on: String,
    from: String,
    until: String,
    maintenance: String,
    /// Its id, and where it is to be printed from, for who may.
    id: Option<String>,
    pdf: Option<String>,
    /// Where the signed copy is, where one is kept.
    signed: Option<String>,
}

impl AgreementView {
    pub(crate) fn of(agreement: &Agreement) -> Self {
        let terms = &agreement.terms;
        Self {
            kind: terms.kind.code(),
            number: terms.number.clone(),
            text_version: terms.text_version,
            signed_on: show_date(terms.signed_on),
            from: show_date(terms.from),
            until: show_date(terms.until),
            maintenance: terms.maintenance.clone(),
            id: None,
            pdf: None,
            signed: None,
        }
    }

    /// The same, with links to the papers.
    fn printable(agreement: &Agreement, ente: EnteId, is_signed: bool) -> Self {
        let path = format!("/enti/{ente}/convenzioni/{}", agreement.id);
        Self {
            id: Some(agreement.id.to_string()),
            pdf: Some(format!("{path}/convenzione.pdf")),
            signed: is_signed.then(|| format!("{path}/firmata.pdf")),
            ..Self::of(agreement)
        }
    }

    pub(crate) fn sample() -> Self {
        Self {
            kind: "first",
            number: "12/2026".to_owned(),
            text_version: 1,
            signed_on: "2 gennaio 2026".to_owned(),
            from: "2 gennaio 2026".to_owned(),
            until: "31 dicembre 2028".to_owned(),
            maintenance: "ordinaria".to_owned(),
            id: None,
            pdf: None,
            signed: None,
        }
    }
}

/// The fields of an agreement in a form.
#[derive(Default, Serialize)]
pub(crate) struct AgreementForm {
    kind: Field,
    number: Field,
    signed_on: Field,
    from: Field,
    until: Field,
    maintenance: Field,
}

impl AgreementForm {
    pub(crate) fn of(reading: &Reading<'_>) -> Self {
        Self {
            kind: reading.field("kind"),
            number: reading.field("number"),
            signed_on: reading.field("signed_on"),
            from: reading.field("from"),
            until: reading.field("until"),
            maintenance: reading.field("maintenance"),
        }
    }
}

/// An agreement as a form gives it; what is missing is noted.
pub(crate) fn read_agreement(reading: &mut Reading<'_>, kind: Option<AgreementKind>) -> Option<NewAgreement> {
    let signed_on = reading.required_date("signed_on");
    let from = reading.required_date("from");
    let until = reading.required_date("until");
    let number = reading.required("number", 60);
    let maintenance = reading.required("maintenance", 200);
    if let (Some(from), Some(until)) = (from, until)
        && until < from
    {
        reading.refuse("until", "agreement_days");
    }
    Some(NewAgreement {
        kind: kind?,
        number: number?,
        text_version: TEXT_VERSION,
        signed_on: signed_on?,
        from: from?,
        until: until?,
        maintenance: maintenance?,
    })
}

impl Page for EntePage {
    const TEMPLATE: &'static str = "pages/ente.html";

    fn samples() -> Vec<Self> {
        ["unrecorded", "not_yet", "active", "running_out", "expired", "closed"]
            .map(|code| Self {
                problems: match code {
                    "expired" => vec![Problem { name: "until", code: "agreement_days" }],
                    _ => Vec::new(),
                },
                path: "/enti/1".to_owned(),
                name: "Pordenone".to_owned(),
                code: "pordenone-demo".to_owned(),
                standing: StandingView::sample(code),
                can_close: matches!(code, "expired" | "unrecorded"),
                certificate: "/chiusure/1/attestato.pdf".to_owned(),
                comuni: vec!["Pordenone".to_owned()],
                accounts: vec![Count { role: "operator", count: 3 }],
                agreements: if code == "unrecorded" {
                    Vec::new()
                } else {
                    vec![AgreementView {
                        id: Some("1".to_owned()),
                        pdf: Some("/enti/1/convenzioni/1/convenzione.pdf".to_owned()),
                        signed: (code == "active").then(|| "/enti/1/convenzioni/1/firmata.pdf".to_owned()),
                        ..AgreementView::sample()
                    }]
                },
                kinds: AgreementKind::ALL.map(AgreementKind::code).into(),
                form: AgreementForm::default(),
                agreement: Field::default(),
                file: Field::default(),
                megabytes_max: FILE_BYTES_MAX / 1024 / 1024,
                administrator_name: Field::default(),
                username: Field::default(),
            })
            .into()
    }
}

/// The Ente of a path.
pub(crate) fn id(path: Result<Path<String>, PathRejection>) -> Result<EnteId, Failure> {
    super::id(path).map(EnteId)
}

pub(crate) async fn found(desk: &PlatformDesk<ManageEnti>, id: EnteId) -> Result<Ente, Failure> {
    let enti = desk.store.enti(&desk.scope, desk.now).await?;
    enti.into_iter().find(|ente| ente.id == id).ok_or(Failure::NotFound)
}

/// The Ente of a path, unless it is closed.
pub(crate) async fn open(
    desk: &PlatformDesk<ManageEnti>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Ente, Failure> {
    let ente = found(desk, id(path)?).await?;
    if ente.standing == Standing::Closed { Err(Failure::NotFound) } else { Ok(ente) }
}

async fn page(desk: &PlatformDesk<ManageEnti>, id: EnteId, status: StatusCode, reading: &Reading<'_>) -> Outcome {
    let ente = found(desk, id).await?;
    let counts = desk.store.account_counts(&desk.scope).await?;
    let count = |role: Role| counts.get(&(Some(id), role)).copied().unwrap_or(0);
    let roles = Role::ALL.into_iter().filter(|role| role.is_of_an_ente());
    let signed = desk.store.signed_agreements(&desk.scope, id).await?;
    let page = EntePage {
        problems: reading.problems.clone(),
        path: format!("/enti/{id}"),
        standing: StandingView::of(ente.standing),
        can_close: ente.standing.may_close(),
        certificate: format!("/chiusure/{id}/attestato.pdf"),
        comuni: ente.comuni.iter().map(|code| comune_name(code)).collect(),
        name: ente.name,
        code: ente.code,
        accounts: roles.map(|role| Count { role: role.code(), count: count(role) }).collect(),
        agreements: desk
            .store
            .agreements(&desk.scope, id)
            .await?
            .iter()
            .map(|one| AgreementView::printable(one, id, signed.contains(&one.id)))
            .collect(),
        kinds: AgreementKind::ALL.map(AgreementKind::code).into(),
        form: AgreementForm::of(reading),
        agreement: reading.field("agreement"),
        file: reading.hidden("file"),
        megabytes_max: FILE_BYTES_MAX / 1024 / 1024,
        administrator_name: reading.field("administrator_name"),
        username: reading.field("username"),
    };
    Ok(desk.visitor.page(Area::Enti, status, &page))
}

pub(crate) async fn get(desk: PlatformDesk<ManageEnti>, path: Result<Path<String>, PathRejection>) -> Outcome {
    page(&desk, id(path)?, StatusCode::OK, &Reading::new(&Fields::default())).await
}

pub(crate) async fn add_agreement(
    desk: PlatformDesk<ManageEnti>,
    path: Result<Path<String>, PathRejection>,
    fields: Fields,
) -> Outcome {
    let ente = id(path)?;
    let mut reading = Reading::new(&fields);
    let kind = reading.required_code("kind", AgreementKind::from_code);
    let read = read_agreement(&mut reading, kind);
    if let (Some(new), true) = (read, reading.problems.is_empty()) {
        let mut chance = desk.visitor.portal().chance();
        match desk.store.add_agreement(&desk.scope, ente, &new, desk.now, &mut chance).await {
            Ok(_) => return Ok(reply::see(&format!("/enti/{ente}"))),
            Err(StoreError::Refused(Refused::AgreementDays)) => reading.refuse("from", "agreement_days"),
            Err(error) => return Err(error.into()),
        }
    }
    page(&desk, ente, StatusCode::UNPROCESSABLE_ENTITY, &reading).await
}

/// An agreement and the appointment as processor, to be signed.
pub(crate) async fn agreement_pdf(
    desk: PlatformDesk<ManageEnti>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Outcome {
    let (ente, agreement) = ids(path)?;
    let ente = found(&desk, ente).await?;
    let agreements = desk.store.agreements(&desk.scope, ente.id).await?;
    let agreement = agreements.iter().find(|one| one.id == agreement).ok_or(Failure::NotFound)?;
    let portal = desk.visitor.portal();
    let issue = papers::issue_of_platform(portal, desk.name(), ente.is_demo, desk.now);
    let paper = papers::agreement(portal, issue, &ente, agreement).ok_or(Failure::NotFound)?;
    reply::file("convenzione.pdf", "application/pdf", papers::print(portal, paper).await?)
}

/// Keeps the signed copy of an agreement.
pub(crate) async fn keep_signed(
    desk: PlatformDesk<ManageEnti>,
    path: Result<Path<String>, PathRejection>,
    fields: Fields,
    upload: Upload,
) -> Outcome {
    let ente = id(path)?;
    let mut reading = Reading::new(&fields);
    let agreement = reading.required("agreement", 36).and_then(|id| id.parse::<AgreementId>().ok());
    let known = desk.store.agreements(&desk.scope, ente).await?;
    let agreement = agreement.filter(|agreement| known.iter().any(|one| one.id == *agreement));
    if agreement.is_none() {
        reading.refuse("agreement", "choice");
    }
    let file = upload.file(&mut reading, "file");
    if let (Some(agreement), Some(file), true) = (agreement, file, reading.is_fine()) {
        let mut chance = desk.visitor.portal().chance();
        match desk.store.keep_signed_agreement(&desk.scope, ente, agreement, &file, desk.now, &mut chance).await {
            Ok(()) => return Ok(reply::see(&format!("/enti/{ente}"))),
            Err(StoreError::Refused(Refused::NotPdf)) => reading.refuse("file", "file_pdf"),
            Err(error) => return Err(error.into()),
        }
    }
    page(&desk, ente, StatusCode::UNPROCESSABLE_ENTITY, &reading).await
}

/// The signed copy of an agreement.
pub(crate) async fn signed_pdf(
    desk: PlatformDesk<ManageEnti>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Outcome {
    let (ente, agreement) = ids(path)?;
    let pdf = desk.store.signed_agreement(&desk.scope, ente, agreement, desk.now).await?;
    reply::file("convenzione-firmata.pdf", "application/pdf", pdf)
}

/// An Ente and an agreement of a path.
fn ids(path: Result<Path<(String, String)>, PathRejection>) -> Result<(EnteId, AgreementId), Failure> {
    let Path((ente, agreement)) = path.map_err(|_| Failure::NotFound)?;
    let ente = EnteId(ente.parse().map_err(|_| Failure::NotFound)?);
    Ok((ente, agreement.parse().map_err(|_| Failure::NotFound)?))
}

/// One more administrator: for the first one who left, or who has lost both password and second factor.
pub(crate) async fn add_administrator(
    desk: PlatformDesk<ManageEnti>,
    path: Result<Path<String>, PathRejection>,
    fields: Fields,
) -> Outcome {
    let id = id(path)?;
    let ente = found(&desk, id).await?;
    let mut reading = Reading::new(&fields);
    let name = reading.required("administrator_name", 100);
    let username = reading.required("username", 64);
    if let (Some(name), Some(username), true) = (name, username, reading.problems.is_empty()) {
        let mut chance = desk.visitor.portal().chance();
        let made = desk.store.create_ente_administrator(&desk.scope, id, &username, &name, desk.now, &mut chance).await;
        match made {
            Ok((_, password)) => {
                let page = AccountCreated {
                    ente: Some(ente.name),
                    ente_code: Some(ente.code),
                    name,
                    username,
                    password: password.expose().to_owned(),
                    path_back: format!("/enti/{id}"),
                };
                return Ok(page.answer(&desk.visitor, Area::Enti));
            }
            Err(StoreError::Refused(Refused::Administered)) => reading.refuse("username", "administered"),
            Err(error) => refuse_account(&mut reading, error)?,
        }
    }
    page(&desk, id, StatusCode::UNPROCESSABLE_ENTITY, &reading).await
}
