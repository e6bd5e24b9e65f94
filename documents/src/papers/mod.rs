//! The papers, one file each, and the shapes that several share.
//!
//! Words for codes (a title of study, a role, a kind of missing) are the caller's, who has them in one table for all pages;
//! every other word stands in the `.typ` files.

mod access_report;
mod accounts_list;
mod agreement;
mod certificate;
mod easy_report;
mod interest;
mod questionnaire;
mod report;
mod sheet;

use chrono::{NaiveDate, NaiveDateTime};
use serde::Serialize;

pub use access_report::{
    AccessReport, Draft, Notice, Processing, Purpose, Recipient, Requester, Restriction, Storage, Viewing,
};
pub use accounts_list::{AccountRow, AccountsList, RightRow};
pub use agreement::{Agreement, AgreementText, SubProcessor};
pub use certificate::{Certificate, DestroyedKey, DigestLine, Erased, Remainder, Removed};
pub use easy_report::{EasyAction, EasyReport, EasyScale};
pub use interest::Interest;
pub use questionnaire::{
    AgreedAzione, Answer, AnswerChange, AnswerSection, Azione, AzioneResult, Block, Cap, Contribution, Evaluation,
    Level, LevelMark, Minimum, Origin, Outcome, Profile, Questionnaire, Raise, Scale, Standing, Strumento,
};
pub use report::{Change, Course, Crosswalk, CrosswalkRow, Dimension, IcfChapter, Report};
pub use sheet::{Part, Section, Sheet};

/// Who gives a paper out, and when: the head and the foot of every page.
#[derive(Clone, Debug, Serialize)]
pub struct Issue {
    /// The administration that gives it out, by its full name.
    pub ente: String,
    /// The service or associated municipality within it.
    pub unit: Option<String>,
    /// The day, in Italy.
    pub made_on: NaiveDate,
    /// Who had it made, by the name that people read; `None` when it was not a person.
    pub made_by: Option<String>,
    /// Whether nobody in it exists: "bozza dimostrativa" then stands on every page.
    pub is_demonstration: bool,
}

/// Something recorded, under the name it has on a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is.
    pub label: String,
    /// What is recorded; several lines are several paragraphs.
    pub value: String,
}

/// Somebody to be asked.
#[derive(Clone, Debug, Serialize)]
pub struct Contact {
    /// Their name, or that of their office.
    pub name: String,
    /// What they are there for.
    pub office: Option<String>,
    /// Electronic mail.
    pub email: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
}

/// An administration as an agreement names it. What is missing is left blank, to be filled in by hand.
#[derive(Clone, Debug, Serialize)]
pub struct Party {
    /// Its full name.
    pub name: String,
    /// Its code in the index of public administrations (IPA).
    pub ipa_code: Option<String>,
    /// Its codice fiscale.
    pub fiscal_code: Option<String>,
    /// Its seat.
    pub address: Option<String>,
    /// Its certified mail.
    pub pec: Option<String>,
    /// Who signs for it.
    pub represented_by: Option<String>,
    /// In which office they sign.
    pub office: Option<String>,
    /// Its data protection officer.
    pub dpo: Option<Contact>,
}

/// A moment as the `.typ` files read it: to the minute. A longer text would be taken for a long word, and given places to
/// break.
pub(crate) fn to_the_minute<S: serde::Serializer>(at: &NaiveDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&at.format("%Y-%m-%dT%H:%M"))
}

impl Fact {
    /// A fact.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into() }
    }
}

impl Issue {
    pub(crate) fn sample() -> Self {
        Self {
            ente: "Ambito territoriale sociale del Noncello".to_owned(),
            unit: Some("Servizio sociale dei Comuni, sede di Cordenons".to_owned()),
            made_on: day(2026, 11, 25),
            made_by: Some("Anna Prova".to_owned()),
            is_demonstration: true,
        }
    }

    /// Of an administration that exists, made by nobody in particular.
    pub(crate) fn bare_sample() -> Self {
        Self {
            ente: "Comune di Prova".to_owned(),
            unit: None,
            made_on: day(2026, 2, 1),
            made_by: None,
            is_demonstration: false,
        }
    }
}

impl Contact {
    pub(crate) fn sample(name: &str, office: &str) -> Self {
        Self {
            name: name.to_owned(),
            office: Some(office.to_owned()),
            email: Some("rpd@example.org".to_owned()),
            phone: Some("0434 000000".to_owned()),
        }
    }
}

impl Party {
    pub(crate) fn sample_platform() -> Self {
        Self {
            name: "Comune di Pordenone".to_owned(),
            ipa_code: Some("c_g888".to_owned()),
            fiscal_code: Some("80002150938".to_owned()),
            address: Some("corso Vittorio Emanuele II 64, 33170 Pordenone".to_owned()),
            pec: Some("pec.di.prova@example.org".to_owned()),
            represented_by: None,
            office: Some("dirigente del settore Servizi alla persona".to_owned()),
            dpo: Some(Contact::sample("Ufficio del responsabile della protezione dei dati", "RPD")),
        }
    }

    pub(crate) fn sample_ente() -> Self {
        Self {
            name: "Ambito territoriale sociale del Noncello".to_owned(),
            ipa_code: Some("atsn_pn".to_owned()),
            fiscal_code: None,
            address: None,
            pec: Some("ambito.noncello@example.org".to_owned()),
            represented_by: Some("Bruno Esempio".to_owned()),
            office: Some("direttore".to_owned()),
            dpo: None,
        }
    }
}

/// A day of a sample.
pub(crate) fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

/// A moment of a sample.
pub(crate) fn moment(on: NaiveDate, hour: u32, minute: u32) -> NaiveDateTime {
    on.and_hms_nano_opt(hour, minute, 7, 392_629_123).unwrap_or_default()
}
