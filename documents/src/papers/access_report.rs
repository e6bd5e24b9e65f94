//! The access report of article 15 GDPR: everything held on a persona, and what they are told beside it.

use chrono::{NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};

use super::{Contact, Fact, Issue, Questionnaire, day, moment};
use crate::press::Paper;

/// Everything held on a persona. Whoever fills it in leaves nothing out: the paper says that it is all.
#[derive(Clone, Debug, Serialize)]
pub struct AccessReport {
    /// Who gives it out: the controller.
    pub issue: Issue,
    /// Its number in the register of requests.
    pub number: Option<String>,
    /// When it was asked for.
    pub requested_on: Option<NaiveDate>,
    /// By whom.
    pub requested_by: Requester,
    /// The moment the data are of, in Italy.
    #[serde(serialize_with = "super::to_the_minute")]
    pub as_of: NaiveDateTime,
    /// The persona's name.
    pub persona: String,
    /// What is recorded of who they are.
    pub identity: Vec<Fact>,
    /// Free notes; line ends are kept.
    pub notes: Option<String>,
    /// What they were told of the processing, and when.
    pub notices: Vec<Notice>,
    /// Every version of every questionnaire, annulled ones too, from the newest.
    pub questionnaires: Vec<Questionnaire>,
    /// Questionnaires not finished.
    pub drafts: Vec<Draft>,
    /// Limits on the use of the data, past and present.
    pub restrictions: Vec<Restriction>,
    /// Who saw or changed the file, from the newest.
    pub viewings: Vec<Viewing>,
    /// Older lines that are not in it, because they would fill hundreds of pages.
    pub viewings_left_out: usize,
    /// What article 15 wants said beside the data.
    pub processing: Processing,
}

/// Who asked.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Requester {
    /// The persona.
    Persona,
    /// Somebody for them.
    Representative {
        /// Their name.
        name: String,
        /// By what title: "amministratore di sostegno".
        title: String,
    },
}

/// A notice that was given.
#[derive(Clone, Debug, Serialize)]
pub struct Notice {
    /// Which one, with its version.
    pub title: String,
    /// When.
    pub given_on: NaiveDate,
    /// How: on paper, read aloud.
    pub how: Option<String>,
    /// By whom.
    pub by: Option<String>,
}

/// A questionnaire not finished.
#[derive(Clone, Debug, Serialize)]
pub struct Draft {
    /// The strumento and its version.
    pub strumento: String,
    /// When it was begun.
    pub started_on: NaiveDate,
    /// When it was last saved.
    pub saved_on: NaiveDate,
    /// By whom.
    pub by: Option<String>,
    /// Each answer so far, under its question.
    pub answers: Vec<Fact>,
    /// Notes, each under its question.
    pub notes: Vec<Fact>,
}

/// A limit on the use of the data.
#[derive(Clone, Debug, Serialize)]
pub struct Restriction {
    /// Since when.
    pub from: NaiveDate,
    /// Until when; `None` while it lasts.
    pub until: Option<NaiveDate>,
    /// Why.
    pub reason: String,
}

/// Somebody saw or changed the file.
#[derive(Clone, Debug, Serialize)]
pub struct Viewing {
    /// When, in Italy.
    #[serde(serialize_with = "super::to_the_minute")]
    pub at: NaiveDateTime,
    /// Who, by name or by office.
    pub who: String,
    /// In which role.
    pub role: Option<String>,
    /// What they did.
    pub what: String,
}

/// What article 15 wants said beside the data.
#[derive(Clone, Debug, Serialize)]
pub struct Processing {
    /// How to reach the controller.
    pub controller: Contact,
    /// How to reach its data protection officer.
    pub dpo: Option<Contact>,
    /// What for, and by what right.
    pub purposes: Vec<Purpose>,
    /// Kinds of data.
    pub categories: Vec<String>,
    /// Who gets them.
    pub recipients: Vec<Recipient>,
    /// For how long.
    pub storage: Vec<Storage>,
    /// Where they come from, when not from the persona.
    pub sources: Vec<String>,
}

/// A purpose and its legal basis.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Purpose {
    /// What for.
    pub purpose: String,
    /// By what right.
    pub basis: String,
}

/// Somebody who gets data.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Recipient {
    /// Who.
    pub who: String,
    /// What for.
    pub why: String,
    /// Which data, and in what form.
    pub what: String,
}

/// How long something is kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Storage {
    /// What.
    pub what: String,
    /// How long.
    pub period: String,
}

impl Paper for AccessReport {
    const FILE: &'static str = "access_report.typ";

    fn samples() -> Vec<Self> {
        let recipient = |who: &str, why: &str, what: &str| Recipient {
            who: who.to_owned(),
            why: why.to_owned(),
            what: what.to_owned(),
        };
        let storage = |what: &str, period: &str| Storage { what: what.to_owned(), period: period.to_owned() };
        let viewing = |hour, who: &str, role: &str, what: &str| Viewing {
            at: moment(day(2026, 11, 20), hour, 5),
            who: who.to_owned(),
            role: Some(role.to_owned()),
            what: what.to_owned(),
        };
        let full = Self {
            issue: Issue::sample(),
            number: Some("2026/7".to_owned()),
            requested_on: Some(day(2026, 11, 18)),
            requested_by: Requester::Representative {
                name: "Bruno Esempio".to_owned(),
                title: "amministratore di sostegno".to_owned(),
            },
            as_of: moment(day(2026, 11, 25), 10, 30),
            persona: "Maria Prova".to_owned(),
            identity: vec![
                Fact::new("Nome e cognome", "Maria Prova"),
                Fact::new("Codice fiscale", "PRVMRA85T50G888X"),
                Fact::new("Nascita", "10 dicembre 1985, Pordenone"),
                Fact::new("Residenza", "Pordenone"),
                Fact::new("Telefono", "0434 000000"),
                Fact::new("Posta elettronica", "maria@example.org"),
            ],
            notes: Some("Preferisce essere chiamata al mattino.\n#set text(red) *non è grassetto*, costa 5 $ al giorno @maria \\ <fine> 🙂".to_owned()),
            notices: vec![Notice {
                title: "Informativa sul trattamento dei dati, versione 2".to_owned(),
                given_on: day(2026, 11, 20),
                how: Some("su carta e letta a voce".to_owned()),
                by: Some("Anna Prova".to_owned()),
            }],
            questionnaires: vec![Questionnaire::sample_with_profile(), Questionnaire::sample_imported()],
            drafts: vec![Draft {
                strumento: "ISA, versione 1".to_owned(),
                started_on: day(2026, 11, 21),
                saved_on: day(2026, 11, 22),
                by: Some("Anna Prova".to_owned()),
                notes: Vec::new(),
                answers: vec![Fact::new("Curare l'igiene del corpo", "Si lava senza che nessuno lo ricordi")],
            }],
            restrictions: vec![
                Restriction { from: day(2026, 11, 23), until: None, reason: "La persona contesta un dato.".to_owned() },
                Restriction {
                    from: day(2026, 3, 1),
                    until: Some(day(2026, 3, 20)),
                    reason: "Verifica della residenza.".to_owned(),
                },
            ],
            viewings: vec![
                viewing(15, "Anna Prova", "operatore o operatrice", "ha letto la scheda"),
                viewing(11, "Anna Prova", "operatore o operatrice", "ha validato un questionario ASSO"),
                viewing(9, "Carla Prova", "amministrazione dell'Ente", "ha cercato e aperto la scheda"),
            ],
            viewings_left_out: 1_204,
            processing: Processing {
                controller: Contact::sample("Ambito territoriale sociale del Noncello", "titolare del trattamento"),
                dpo: Some(Contact::sample("Ufficio del responsabile della protezione dei dati", "RPD")),
                purposes: vec![
                    Purpose {
                        purpose: "valutare insieme alla persona i suoi bisogni e costruire il progetto".to_owned(),
                        basis: "compito di interesse pubblico: art. 6, par. 1, lett. e) e art. 9, par. 2, lett. g) del Regolamento; art. 2-sexies, comma 2, lett. s) del D.Lgs. 196/2003".to_owned(),
                    },
                    Purpose {
                        purpose: "conoscere i bisogni del territorio".to_owned(),
                        basis: "compito di interesse pubblico: L. 328/2000".to_owned(),
                    },
                ],
                categories: vec!["dati che identificano".to_owned(), "condizioni sociali e, in parte, di salute".to_owned()],
                recipients: vec![
                    recipient("Comune di Pordenone", "gestisce la piattaforma per conto dell'Ente", "tutti, cifrati; non li legge"),
                    recipient("università", "ricerca scientifica", "soltanto dati anonimi"),
                ],
                storage: vec![
                    storage("dati della persona e questionari", "cinque anni dalla fine della presa in carico"),
                    storage("registro degli accessi", "dieci anni"),
                ],
                sources: vec!["archivio del 2019".to_owned()],
            },
        };
        let bare = Self {
            issue: Issue::bare_sample(),
            number: None,
            requested_on: None,
            requested_by: Requester::Persona,
            identity: vec![Fact::new("Nome e cognome", "Maria Prova")],
            notes: None,
            notices: Vec::new(),
            questionnaires: Vec::new(),
            drafts: Vec::new(),
            restrictions: Vec::new(),
            viewings: Vec::new(),
            viewings_left_out: 0,
            processing: Processing { dpo: None, sources: Vec::new(), ..full.processing.clone() },
            ..full.clone()
        };
        vec![full, bare]
    }
}
