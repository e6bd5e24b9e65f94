//! The printable copy of an expression of interest, for the certified mail.

use chrono::NaiveDateTime;
use serde::Serialize;

use super::{Contact, Issue, Party, day, moment};
use crate::press::Paper;

/// An expression of interest, as the Ente filled it in.
#[derive(Clone, Debug, Serialize)]
pub struct Interest {
    /// Who gives the copy out: the platform's administration.
    pub issue: Issue,
    /// Its number.
    pub number: String,
    /// When it was sent, in Italy.
    #[serde(serialize_with = "super::to_the_minute")]
    pub sent_at: NaiveDateTime,
    /// Whom it is for.
    pub platform: Party,
    /// Who is interested.
    pub ente: Party,
    /// The comuni it stands for.
    pub comuni: Vec<String>,
    /// Their residents.
    pub population: Option<u32>,
    /// The year of that figure.
    pub population_year: Option<i32>,
    /// Whom to ask.
    pub contact: Contact,
    /// The strumenti it would use.
    pub strumenti: Vec<String>,
    /// About how many people would work with it.
    pub accounts_expected: Option<u32>,
    /// Free words; line ends are kept.
    pub message: Option<String>,
}

impl Paper for Interest {
    const FILE: &'static str = "interest.typ";

    fn samples() -> Vec<Self> {
        let full = Self {
            issue: Issue { ente: "Comune di Pordenone".to_owned(), unit: None, made_by: None, ..Issue::sample() },
            number: "MI-2026-0012".to_owned(),
            sent_at: moment(day(2026, 11, 25), 9, 12),
            platform: Party::sample_platform(),
            ente: Party::sample_ente(),
            comuni: ["Cordenons", "Porcia", "Pordenone"].map(str::to_owned).into(),
            population: Some(101_234),
            population_year: Some(2023),
            contact: Contact::sample("Carla Prova", "responsabile del servizio sociale"),
            strumenti: vec!["ASSO".to_owned(), "ISA".to_owned()],
            accounts_expected: Some(25),
            message: Some("Vorremmo cominciare in primavera.\nCi servirebbe una giornata di formazione.".to_owned()),
        };
        let bare = Self {
            issue: Issue { ente: "Comune di Pordenone".to_owned(), ..Issue::bare_sample() },
            population: None,
            population_year: None,
            strumenti: Vec::new(),
            accounts_expected: None,
            message: None,
            comuni: vec!["Prova".to_owned()],
            ..full.clone()
        };
        vec![full, bare]
    }
}
