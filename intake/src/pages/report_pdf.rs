//! The report of a questionnaire as PDF: the whole one, and the one in easy words for the person.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use chrono::Days;

use super::assessment::id;
use super::people;
use crate::papers;
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Desk, SeePersone};

pub(crate) async fn whole(desk: Desk<SeePersone>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let portal = desk.portal();
    let one = desk.store.assessment(&desk.scope, id(path)?, desk.now).await?;
    let persona = desk.store.persona(&desk.scope, one.persona, desk.now).await?;
    let past = desk.store.history_of_persona(&desk.scope, one.persona, desk.now).await?;
    let instrument = portal.instrument_version(&one.instrument, one.version).ok_or(Failure::NotFound)?;
    let name = people::name(&persona.data.surname, &persona.data.name, persona.id);
    let issue = papers::issue(portal, &desk.session, desk.now);
    let paper = papers::report(issue, name, instrument, &one, &past).map_err(|_| Failure::BadRequest)?;
    reply::file("relazione.pdf", "application/pdf", papers::print(portal, paper).await?)
}

pub(crate) async fn easy(desk: Desk<SeePersone>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let portal = desk.portal();
    let one = desk.store.assessment(&desk.scope, id(path)?, desk.now).await?;
    let persona = desk.store.persona(&desk.scope, one.persona, desk.now).await?;
    let instrument = portal.instrument_version(&one.instrument, one.version).ok_or(Failure::NotFound)?;
    let days = match desk.store.reassess_days(&desk.scope).await?.get(&one.instrument) {
        Some(0) => None,
        Some(days) => Some(*days),
        None => instrument.reassess_after_days,
    };
    let next_on = days.and_then(|days| one.assessed_on.checked_add_days(Days::new(days.into())));
    let name = people::name(&persona.data.surname, &persona.data.name, persona.id);
    let issue = papers::issue(portal, &desk.session, desk.now);
    let paper = papers::easy_report(issue, name, instrument, &one, next_on).map_err(|_| Failure::BadRequest)?;
    let paper = paper.ok_or(Failure::NotFound)?;
    reply::file("relazione-facile.pdf", "application/pdf", papers::print(portal, paper).await?)
}
