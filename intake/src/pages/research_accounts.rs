//! The accounts of the research area: universities' for the research office, the office's for who manages Enti. One page for
//! both, by the right that keeps them.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{Account, AccountId, ResearchAccounts};
use templates::{Area, Page};

use super::accounts::state;
use crate::reply::Outcome;
use crate::visitor::{ManageEnti, Need, PlatformDesk, Release, show_instant};

/// A right by which accounts of a kind are kept.
pub(crate) trait Keeps: Need {
    const KIND: ResearchAccounts;
    const AREA: Area;
    /// The page of the list, under which the others stand.
    const PATH: &'static str;
}

impl Keeps for Release {
    const KIND: ResearchAccounts = ResearchAccounts::Partners;
    const AREA: Area = Area::RicercaPartner;
    const PATH: &'static str = "/ricerca/partner";
}

impl Keeps for ManageEnti {
    const KIND: ResearchAccounts = ResearchAccounts::Officers;
    const AREA: Area = Area::RicercaUfficio;
    const PATH: &'static str = "/ricerca/ufficio";
}

/// The page of an account, under which its actions stand.
pub(crate) fn path<K: Keeps>(id: AccountId) -> String {
    format!("{}/{id}", K::PATH)
}

#[derive(Serialize)]
pub(crate) struct ResearchAccountsPage {
    /// The code of the role that they are of.
    role: &'static str,
    path: &'static str,
    done: Option<&'static str>,
    accounts: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    path: String,
    name: String,
    username: String,
    has_second_factor: bool,
    last_login_at: Option<String>,
    state: &'static str,
}

impl Row {
    fn sample(state: &'static str) -> Self {
        Self {
            path: "/ricerca/partner/1".to_owned(),
            name: "Università di prova".to_owned(),
            username: "universita".to_owned(),
            has_second_factor: state == "active",
            last_login_at: (state == "active").then(|| "3 novembre 2026, 9:00".to_owned()),
            state,
        }
    }

    fn of<K: Keeps>(account: &Account) -> Self {
        Self {
            path: path::<K>(account.id),
            name: account.display_name.clone(),
            username: account.username.clone(),
            has_second_factor: account.has_second_factor,
            last_login_at: account.last_login_at.map(show_instant),
            state: state(account),
        }
    }
}

impl Page for ResearchAccountsPage {
    const TEMPLATE: &'static str = "pages/research_accounts.html";

    fn samples() -> Vec<Self> {
        let of = |role, path, done, accounts| Self { role, path, done, accounts };
        let some = || ["active", "must_change", "suspended"].map(Row::sample).into();
        vec![
            of("university_partner", Release::PATH, None, Vec::new()),
            of("university_partner", Release::PATH, Some("suspended"), some()),
            of("research_officer", ManageEnti::PATH, Some("active"), some()),
            of("research_officer", ManageEnti::PATH, Some("second_factor"), Vec::new()),
        ]
    }
}

#[derive(Default, Deserialize)]
pub(crate) struct Asked {
    fatto: Option<String>,
}

pub(crate) async fn get<K: Keeps>(desk: PlatformDesk<K>, asked: Result<Query<Asked>, QueryRejection>) -> Outcome {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let done = match asked.fatto.as_deref() {
        Some("sospeso") => Some("suspended"),
        Some("riattivato") => Some("active"),
        Some("senza-secondo-fattore") => Some("second_factor"),
        Some(_) | None => None,
    };
    let accounts = desk.store.research_accounts(&desk.scope, K::KIND).await?;
    let page = ResearchAccountsPage {
        role: K::KIND.role().code(),
        path: K::PATH,
        done,
        accounts: accounts.iter().map(Row::of::<K>).collect(),
    };
    Ok(desk.visitor.page(K::AREA, StatusCode::OK, &page))
}
