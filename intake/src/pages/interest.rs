//! An administration says that it would like to join: a public form, counted by address, with a copy to print and send by
//! certified mail.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use store::{InterestData, Refused, StoreError};
use templates::{Area, Page};

use super::login::with_login_cookie;
use crate::form::{Field, Fields, Problem, Reading, show_id};
use crate::papers;
use crate::reply::{Failure, Outcome};
use crate::visitor::{Peer, Visitor, show_instant};

#[derive(Serialize)]
pub(crate) struct InterestForm {
    csrf: String,
    problems: Vec<Problem>,
    is_full: bool,
    form: Form,
}

#[derive(Default, Serialize)]
struct Form {
    administration: Field,
    ipa_code: Field,
    pec: Field,
    comuni: Field,
    contact: Field,
    contact_role: Field,
    phone: Field,
    email: Field,
    note: Field,
}

impl Page for InterestForm {
    const TEMPLATE: &'static str = "pages/interest_form.html";

    fn samples() -> Vec<Self> {
        let problem = Problem { name: "pec", code: "email" };
        [(vec![], false), (vec![problem], false), (vec![], true)]
            .map(|(problems, is_full)| Self { csrf: "0".to_owned(), problems, is_full, form: Form::default() })
            .into()
    }
}

/// What was received, to be printed.
#[derive(Serialize)]
pub(crate) struct InterestReceived {
    number: String,
    at: String,
    data: InterestView,
    copy: Option<Copy>,
}

/// The copy on paper, inside the page: whoever sent it has no account to ask for it with, and nothing more is kept for it.
#[derive(Serialize)]
struct Copy {
    base64: String,
    kilobytes: usize,
}

impl Copy {
    fn new(pdf: &[u8]) -> Self {
        Self { base64: BASE64_STANDARD.encode(pdf), kilobytes: pdf.len().div_ceil(1000) }
    }
}

/// An expression of interest as pages show it.
#[derive(Serialize)]
pub(crate) struct InterestView {
    administration: String,
    ipa_code: String,
    pec: String,
    comuni: Vec<String>,
    contact: String,
    contact_role: String,
    phone: String,
    email: String,
    note: String,
}

impl InterestView {
    pub(crate) fn of(data: &InterestData) -> Self {
        Self {
            administration: data.administration.clone(),
            ipa_code: data.ipa_code.clone(),
            pec: data.pec.clone(),
            comuni: data.comuni.lines().map(str::trim).filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect(),
            contact: data.contact.clone(),
            contact_role: data.contact_role.clone(),
            phone: data.phone.clone(),
            email: data.email.clone(),
            note: data.note.clone(),
        }
    }

    pub(crate) fn sample() -> Self {
        Self::of(&InterestData {
            administration: "Comune di Prova".to_owned(),
            ipa_code: "c_x000".to_owned(),
            pec: "comune@pec.example".to_owned(),
            comuni: "Prova\nProva di Sotto".to_owned(),
            contact: "Anna Neri".to_owned(),
            contact_role: "responsabile dei servizi sociali".to_owned(),
            phone: String::new(),
            email: "a.neri@comune.example".to_owned(),
            note: String::new(),
        })
    }
}

impl Page for InterestReceived {
    const TEMPLATE: &'static str = "pages/interest_received.html";

    fn samples() -> Vec<Self> {
        [Some(Copy::new(b"%PDF")), None]
            .map(|copy| Self {
                number: "1".to_owned(),
                at: "3 novembre 2026, 9:00".to_owned(),
                data: InterestView::sample(),
                copy,
            })
            .into()
    }
}

fn page(visitor: &Visitor, headers: &HeaderMap, status: StatusCode, reading: &Reading<'_>, is_full: bool) -> Response {
    let form = Form {
        administration: reading.field("administration"),
        ipa_code: reading.field("ipa_code"),
        pec: reading.field("pec"),
        comuni: reading.field("comuni"),
        contact: reading.field("contact"),
        contact_role: reading.field("contact_role"),
        phone: reading.field("phone"),
        email: reading.field("email"),
        note: reading.field("note"),
    };
    with_login_cookie(visitor, headers, |csrf| {
        visitor.page(Area::Home, status, &InterestForm { csrf, problems: reading.problems.clone(), is_full, form })
    })
}

pub(crate) async fn get(visitor: Visitor, headers: HeaderMap) -> Outcome {
    visitor.portal().store().ok_or(Failure::NotFound)?;
    Ok(page(&visitor, &headers, StatusCode::OK, &Reading::new(&Fields::default()), false))
}

pub(crate) async fn post(visitor: Visitor, headers: HeaderMap, Peer(peer): Peer, fields: Fields) -> Outcome {
    let portal = visitor.portal();
    let store = portal.store().ok_or(Failure::NotFound)?;
    let now = portal.now();
    let mut reading = Reading::new(&fields);
    let mut required = |name, length_max| reading.required(name, length_max).unwrap_or_default();
    let data = InterestData {
        administration: required("administration", 200),
        ipa_code: required("ipa_code", 20),
        pec: required("pec", 254),
        comuni: required("comuni", 2_000),
        contact: required("contact", 100),
        email: required("email", 254),
        contact_role: reading.text("contact_role", 100).unwrap_or_default(),
        phone: reading.text("phone", 40).unwrap_or_default(),
        note: reading.text("note", 2_000).unwrap_or_default(),
    };
    for (name, address) in [("pec", &data.pec), ("email", &data.email)] {
        if !address.is_empty() && !is_address(address) {
            reading.refuse(name, "email");
        }
    }
    // A field that nobody sees: who fills it in is a program, and is told what a person would be told.
    let is_program = !fields.get("website").is_empty();
    if !reading.problems.is_empty() {
        return Ok(page(&visitor, &headers, StatusCode::UNPROCESSABLE_ENTITY, &reading, false));
    }
    let number = if is_program {
        String::new()
    } else {
        match store.express_interest(&data, peer, now, &mut portal.chance()).await {
            Ok(id) => show_id(id),
            Err(StoreError::Refused(Refused::Throttled { .. } | Refused::InterestsFull)) => {
                return Ok(page(&visitor, &headers, StatusCode::TOO_MANY_REQUESTS, &reading, true));
            }
            Err(error) => return Err(error.into()),
        }
    };
    // It was received whether the copy can be made or not. A program gets none: it would be work for nobody.
    let copy = if is_program {
        None
    } else {
        let issue = papers::issue_of_platform(portal, None, false, now);
        let paper = papers::interest(issue, number.clone(), now, &data);
        papers::print(portal, paper).await.ok().map(|pdf| Copy::new(&pdf))
    };
    let received = InterestReceived { number, at: show_instant(now), data: InterestView::of(&data), copy };
    Ok(visitor.page(Area::Home, StatusCode::OK, &received))
}

fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !text.contains(' '))
}
