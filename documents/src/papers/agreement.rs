//! The agreement between the administration that runs the platform and an Ente, with the appointment as processor.

use chrono::NaiveDate;
use serde::Serialize;

use super::{Contact, Issue, Party, day};
use crate::press::Paper;

/// An agreement to be signed. Its words are a standard text with a version, which is never changed once used.
#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    /// Who gives it out.
    pub issue: Issue,
    /// Which words.
    pub text: AgreementText,
    /// Its number; left blank without.
    pub number: Option<String>,
    /// The administration that runs the platform: the processor.
    pub platform: Party,
    /// The Ente: the controller.
    pub ente: Party,
    /// The comuni it stands for.
    pub comuni: Vec<String>,
    /// The strumenti it will use.
    pub strumenti: Vec<String>,
    /// Whom the platform's administration asks about the agreement.
    pub ente_contact: Option<Contact>,
    /// Whom the Ente asks.
    pub platform_contact: Option<Contact>,
    /// Its first day; left blank without.
    pub starts_on: Option<NaiveDate>,
    /// Its last day; left blank without.
    pub ends_on: Option<NaiveDate>,
    /// Who else processes on the platform's behalf.
    pub sub_processors: Vec<SubProcessor>,
}

/// Which standard text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum AgreementText {
    /// The first.
    #[serde(rename = "1")]
    One,
}

/// Somebody who processes on the processor's behalf.
#[derive(Clone, Debug, Serialize)]
pub struct SubProcessor {
    /// Who.
    pub name: String,
    /// What they do.
    pub task: String,
    /// Where the data are.
    pub place: String,
}

impl Paper for Agreement {
    const FILE: &'static str = "agreement.typ";

    fn samples() -> Vec<Self> {
        let full = Self {
            issue: Issue { ente: "Comune di Pordenone".to_owned(), unit: None, ..Issue::sample() },
            text: AgreementText::One,
            number: Some("12/2026".to_owned()),
            platform: Party::sample_platform(),
            ente: Party::sample_ente(),
            comuni: ["Cordenons", "Porcia", "Pordenone", "Roveredo in Piano", "San Quirino"].map(str::to_owned).into(),
            strumenti: vec!["ASSO, versione 1".to_owned(), "ISA, versione 1".to_owned()],
            ente_contact: Some(Contact::sample("Carla Prova", "responsabile del servizio sociale")),
            platform_contact: Some(Contact::sample("Ufficio della piattaforma", "assistenza agli Enti")),
            starts_on: Some(day(2027, 1, 1)),
            ends_on: Some(day(2029, 12, 31)),
            sub_processors: vec![SubProcessor {
                name: "Centro elaborazione dati di prova".to_owned(),
                task: "ospita i server e le copie di sicurezza, cifrate".to_owned(),
                place: "Italia".to_owned(),
            }],
        };
        let bare = Self {
            issue: Issue { ente: "Comune di Pordenone".to_owned(), ..Issue::bare_sample() },
            number: None,
            ente: Party {
                name: "Comune di Prova".to_owned(),
                ipa_code: None,
                fiscal_code: None,
                address: None,
                pec: None,
                represented_by: None,
                office: None,
                dpo: None,
            },
            comuni: vec!["Prova".to_owned()],
            strumenti: Vec::new(),
            ente_contact: None,
            platform_contact: None,
            starts_on: None,
            ends_on: None,
            sub_processors: Vec::new(),
            ..full.clone()
        };
        vec![full, bare]
    }
}
