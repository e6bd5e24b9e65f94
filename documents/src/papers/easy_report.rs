//! The report in easy language, for the persona: large type, short sentences, one thing at a time.

use chrono::NaiveDate;
use serde::Serialize;

use super::{Contact, Issue, day};
use crate::press::Paper;

/// A report for the persona to read, or to have read aloud. Whoever writes its values keeps sentences short.
#[derive(Clone, Debug, Serialize)]
pub struct EasyReport {
    /// Who gives it out.
    pub issue: Issue,
    /// The persona's name.
    pub persona: String,
    /// The short title of the strumento.
    pub strumento: String,
    /// Whether it carries the mark "non ufficiale".
    pub is_unofficial: bool,
    /// The day of the conversation.
    pub assessed_on: NaiveDate,
    /// Whom the persona talked with.
    pub operator: Option<String>,
    /// What came out, a part at a time.
    pub scales: Vec<EasyScale>,
    /// What is missing today, a sentence each.
    pub missing: Vec<String>,
    /// Whether the operator sees it otherwise than the computed result.
    pub is_overridden: bool,
    /// What was agreed.
    pub actions: Vec<EasyAction>,
    /// The next conversation.
    pub next_on: Option<NaiveDate>,
    /// Whom to ask.
    pub contact: Contact,
}

/// A part of what came out.
#[derive(Clone, Debug, Serialize)]
pub struct EasyScale {
    /// Its name, in everyday words.
    pub title: String,
    /// The step reached, from 1; `None` when there were not enough answers.
    pub step: Option<u8>,
    /// Steps there are.
    pub steps: u8,
    /// What it means, a short sentence each.
    pub sentences: Vec<String>,
}

/// Something agreed.
#[derive(Clone, Debug, Serialize)]
pub struct EasyAction {
    /// What.
    pub what: String,
    /// Who does it, or helps.
    pub who: Option<String>,
    /// By when.
    pub by: Option<NaiveDate>,
}

impl Paper for EasyReport {
    const FILE: &'static str = "easy_report.typ";

    fn samples() -> Vec<Self> {
        let scale = |title: &str, step, sentences: &[&str]| EasyScale {
            title: title.to_owned(),
            step,
            steps: 4,
            sentences: sentences.iter().map(|&sentence| sentence.to_owned()).collect(),
        };
        let full = Self {
            issue: Issue::sample(),
            persona: "Maria Prova".to_owned(),
            strumento: "ASSO".to_owned(),
            is_unofficial: true,
            assessed_on: day(2026, 11, 20),
            operator: Some("Anna Prova".to_owned()),
            scales: vec![
                scale("Lavorare", Some(2), &["Lei sa fare un mestiere.", "Per ora è difficile arrivare al lavoro."]),
                scale(
                    "Lavorare con un aiuto",
                    Some(4),
                    &["Lei mantiene gli impegni.", "Con le altre persone va bene."],
                ),
                scale("Imparare cose nuove", None, &["Ne parliamo la prossima volta."]),
            ],
            missing: vec!["Un posto sicuro dove abitare.".to_owned()],
            is_overridden: true,
            actions: vec![
                EasyAction {
                    what: "Chiedere un alloggio per i prossimi mesi.".to_owned(),
                    who: Some("lei e Anna Prova".to_owned()),
                    by: Some(day(2026, 12, 15)),
                },
                EasyAction { what: "Parlare con chi aiuta a cercare lavoro.".to_owned(), who: None, by: None },
            ],
            next_on: Some(day(2027, 2, 10)),
            contact: Contact::sample("Sportello sociale", "Servizio sociale dei Comuni"),
        };
        let bare = Self {
            issue: Issue::bare_sample(),
            is_unofficial: false,
            operator: None,
            missing: Vec::new(),
            is_overridden: false,
            actions: Vec::new(),
            next_on: None,
            contact: Contact { name: "Servizio sociale".to_owned(), office: None, email: None, phone: None },
            ..full.clone()
        };
        vec![full, bare]
    }
}
