//! The sheets about the processing of data, as PDF, from how the platform runs for the Ente at this moment.

use documents::{Issue, Sheet};
use store::Right;
use templates::term;

use super::people::comune_name;
use crate::form::show_date;
use crate::papers::{self, Running};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Desk, ManageAccounts};

async fn running(desk: &Desk<ManageAccounts>) -> Result<Running<'_>, Failure> {
    let scope = desk.session.scope(Right::SeeEnte)?;
    let ente = desk.store.ente(&scope, desk.now).await?;
    let standing = desk.session.standing();
    let words = term("standing", standing.code()).unwrap_or_default();
    Ok(Running {
        ente: ente.name,
        comuni: ente.comuni.iter().map(|code| comune_name(code)).collect(),
        standing: standing.day().map_or_else(|| words.to_owned(), |day| format!("{words} {}", show_date(day))),
        accounts: desk.store.accounts(&desk.scope).await?,
        retention_months: desk.store.retention_months(&scope).await?,
        is_offline: desk.store.allows_offline(&scope).await?,
        strumenti: desk.portal().instruments().collect(),
    })
}

async fn print(
    desk: &Desk<ManageAccounts>,
    name: &'static str,
    sheet: impl FnOnce(Issue, &Running<'_>) -> Sheet,
) -> Outcome {
    let issue = papers::issue(desk.portal(), &desk.session, desk.now);
    let sheet = sheet(issue, &running(desk).await?);
    reply::file(name, "application/pdf", papers::print(desk.portal(), sheet).await?)
}

pub(crate) async fn register(desk: Desk<ManageAccounts>) -> Outcome {
    print(&desk, "registro-dei-trattamenti.pdf", papers::register).await
}

pub(crate) async fn impact(desk: Desk<ManageAccounts>) -> Outcome {
    print(&desk, "valutazione-di-impatto.pdf", papers::impact).await
}

pub(crate) async fn dictionary(desk: Desk<ManageAccounts>) -> Outcome {
    print(&desk, "dizionario-dei-dati.pdf", papers::dictionary).await
}
