//! Who can do what in an Ente, as a table to be checked once or twice a year.

use chrono::NaiveDate;
use serde::Serialize;

use super::{Issue, day};
use crate::press::Paper;

/// The accounts of an Ente, their roles, and what the roles may do.
#[derive(Clone, Debug, Serialize)]
pub struct AccountsList {
    /// Who gives it out.
    pub issue: Issue,
    /// The accounts, in the order they are to be read in.
    pub accounts: Vec<AccountRow>,
    /// The roles that an Ente has, in words.
    pub roles: Vec<String>,
    /// What each of them may do.
    pub rights: Vec<RightRow>,
}

/// An account.
#[derive(Clone, Debug, Serialize)]
pub struct AccountRow {
    /// Whose, by the name that people read.
    pub name: String,
    /// What they log in with.
    pub username: String,
    /// Its roles, in words.
    pub roles: Vec<String>,
    /// The service or municipality it works for.
    pub unit: Option<String>,
    /// Which persone it sees, in words.
    pub sees: Option<String>,
    /// Rights given to it by name, beyond those of its roles, in words.
    pub extra_rights: Vec<String>,
    /// Its state, in words.
    pub state: String,
    /// Since when it exists.
    pub since: Option<NaiveDate>,
    /// When it was last used.
    pub last_seen_on: Option<NaiveDate>,
    /// Whether it needs a second factor; `None` where that is not known.
    pub has_second_factor: Option<bool>,
}

/// A right, and which roles have it.
#[derive(Clone, Debug, Serialize)]
pub struct RightRow {
    /// What may be done, in words.
    pub right: String,
    /// For each role of the list, whether it may.
    pub allowed: Vec<bool>,
}

impl Paper for AccountsList {
    const FILE: &'static str = "accounts_list.typ";

    fn samples() -> Vec<Self> {
        let roles = ["amministrazione dell'Ente", "operatore o operatrice", "responsabile", "analista"];
        let right = |right: &str, allowed: [bool; 4]| RightRow { right: right.to_owned(), allowed: allowed.into() };
        let accounts = (0..40_usize)
            .map(|place| AccountRow {
                name: ["Anna Prova", "Bruno Esempio", "Carla Prova", "Šimun Đorđević"][place % 4].to_owned(),
                username: format!("utente.di.prova{place}"),
                roles: vec![roles[place % 4].to_owned()],
                unit: (place % 3 == 0).then(|| "Servizio sociale dei Comuni, sede di Cordenons".to_owned()),
                sees: Some("tutte quelle dell'Ente".to_owned()),
                extra_rights: if place == 3 {
                    vec!["estrae i dati dell'Ente senza nomi".to_owned()]
                } else {
                    Vec::new()
                },
                state: if place == 7 { "sospeso" } else { "attivo" }.to_owned(),
                since: Some(day(2026, 1, 10)),
                last_seen_on: (place % 5 != 0).then(|| day(2026, 11, 20)),
                has_second_factor: Some(place % 2 == 0),
            })
            .collect();
        let full = Self {
            issue: Issue::sample(),
            accounts,
            roles: roles.map(str::to_owned).into(),
            rights: vec![
                right("leggere le schede delle persone e i questionari", [true, true, false, false]),
                right("compilare e validare questionari", [false, true, false, false]),
                right("gestire gli account", [true, false, false, false]),
                right("leggere i quadri del territorio", [false, false, true, true]),
                right("interrogare i dati dell'Ente con SQL", [false, false, false, true]),
            ],
        };
        let bare = Self { issue: Issue::bare_sample(), accounts: Vec::new(), ..full.clone() };
        vec![full, bare]
    }
}
