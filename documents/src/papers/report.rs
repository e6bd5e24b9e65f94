//! The report of a questionnaire: what was measured, what it means, why, what would change it, and how it went over time.

use chrono::NaiveDate;
use serde::Serialize;

use super::{Issue, Questionnaire, day};
use crate::press::Paper;

/// A report, for the file of the persona and for those who follow them.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Who gives it out.
    pub issue: Issue,
    /// The persona's name.
    pub persona: String,
    /// What it is about.
    pub questionnaire: Questionnaire,
    /// The same dimensions on several days; `None` when there is one day, or nothing to compare.
    pub course: Option<Course>,
    /// What the parts of the strumento are called elsewhere.
    pub crosswalk: Option<Crosswalk>,
}

/// Dimensions over time.
#[derive(Clone, Debug, Serialize)]
pub struct Course {
    /// The days, from the oldest. The radar draws the last five.
    pub dates: Vec<NaiveDate>,
    /// The dimensions, in the order of the strumento. Three or more make a radar.
    pub dimensions: Vec<Dimension>,
}

/// A dimension over time.
#[derive(Clone, Debug, Serialize)]
pub struct Dimension {
    /// Its name.
    pub title: String,
    /// The index in tenths on each day; `None` where there were not enough answers.
    pub indices_tenths: Vec<Option<i32>>,
    /// What can be said of each day against the one before; `None` for the first, and where nothing can be said.
    pub changes: Vec<Option<Change>>,
    /// The standard error of measurement that was used, in hundredths of a point.
    pub sem_hundredths: Option<i32>,
}

/// A change against the error of measurement.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Higher by more than the error.
    Improvement,
    /// Not more than the error.
    WithinError,
    /// Lower by more than the error.
    Worsening,
}

/// What the parts of a strumento are called in the law and in the classification of functioning.
#[derive(Clone, Debug, Serialize)]
pub struct Crosswalk {
    /// A row for each part.
    pub rows: Vec<CrosswalkRow>,
}

/// A part of a strumento and its names elsewhere.
#[derive(Clone, Debug, Serialize)]
pub struct CrosswalkRow {
    /// The part.
    pub part: String,
    /// The areas of article 5 of D.Lgs. 147/2017.
    pub areas: Vec<String>,
    /// The chapters of the ICF.
    pub chapters: Vec<IcfChapter>,
}

/// A chapter of the ICF.
#[derive(Clone, Debug, Serialize)]
pub struct IcfChapter {
    /// Its code: `d5`.
    pub code: String,
    /// Its name.
    pub title: String,
}

impl Paper for Report {
    const FILE: &'static str = "report.typ";

    fn samples() -> Vec<Self> {
        let dimensions = Questionnaire::sample_with_dimensions();
        let course = Course {
            dates: vec![day(2025, 11, 4), day(2026, 3, 10), day(2026, 7, 2), day(2026, 11, 12)],
            dimensions: dimensions
                .scales
                .iter()
                .zip([
                    [Some(150), Some(200), Some(330), Some(340)],
                    [Some(500), Some(475), Some(550), Some(525)],
                    [Some(425), Some(400), Some(260), Some(275)],
                    [Some(300), Some(425), Some(500), Some(610)],
                    [Some(325), None, Some(400), None],
                ])
                .map(|(scale, indices)| Dimension {
                    title: scale.title.clone(),
                    indices_tenths: indices.to_vec(),
                    changes: std::iter::once(None)
                        .chain(indices.windows(2).map(|pair| match (pair[0], pair[1]) {
                            (Some(before), Some(after)) if after - before > 118 => Some(Change::Improvement),
                            (Some(before), Some(after)) if before - after > 118 => Some(Change::Worsening),
                            (Some(_), Some(_)) => Some(Change::WithinError),
                            _ => None,
                        }))
                        .collect(),
                    sem_hundredths: Some(425),
                })
                .collect(),
        };
        let row = |part: &str, areas: &[&str], chapters: &[(&str, &str)]| CrosswalkRow {
            part: part.to_owned(),
            areas: areas.iter().map(|&area| area.to_owned()).collect(),
            chapters: chapters
                .iter()
                .map(|&(code, title)| IcfChapter { code: code.to_owned(), title: title.to_owned() })
                .collect(),
        };
        let crosswalk = Crosswalk {
            rows: vec![
                row(
                    "Cura di sé e vita quotidiana",
                    &["condizioni e funzionamenti personali e sociali", "condizione abitativa"],
                    &[("d5", "Cura della propria persona"), ("d6", "Vita domestica")],
                ),
                row(
                    "Relazione e comunicazione",
                    &["reti familiari, di prossimità e sociali"],
                    &[("d3", "Comunicazione"), ("d7", "Interazioni e relazioni interpersonali")],
                ),
                row(
                    "Organizzazione, tempo e risorse",
                    &["situazione economica"],
                    &[("d2", "Compiti e richieste generali")],
                ),
                row(
                    "Apprendimento e soluzione di problemi",
                    &["educazione, istruzione e formazione"],
                    &[("d1", "Apprendimento e applicazione delle conoscenze")],
                ),
                row(
                    "Lavoro, cittadinanza e partecipazione",
                    &["situazione lavorativa e profilo di occupabilità"],
                    &[("d8", "Aree di vita principali"), ("d9", "Vita sociale, civile e di comunità")],
                ),
            ],
        };
        vec![
            Self {
                issue: Issue::sample(),
                persona: "Maria Prova".to_owned(),
                questionnaire: Questionnaire::sample_with_profile(),
                course: None,
                crosswalk: None,
            },
            Self {
                issue: Issue::sample(),
                persona: "Łucja Đorđević-Šimić, محمد, 王小明".to_owned(),
                questionnaire: dimensions,
                course: Some(course),
                crosswalk: Some(crosswalk),
            },
            Self {
                issue: Issue::bare_sample(),
                persona: "Senza nome".to_owned(),
                questionnaire: Questionnaire::sample_imported(),
                course: None,
                crosswalk: None,
            },
        ]
    }
}
