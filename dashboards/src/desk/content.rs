//! What a report says: sentences made of the figures, each with the page behind it, their tables, and what people wrote.
//!
//! Kept with an edition as JSON, in a format with a number: an edition says for ever what it said when it was made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use workspace::{CLOSING, INTRODUCTION, NewReport};

use super::{Trouble, sentences};
use crate::pages::bisogni::Bisogni;
use crate::pages::comunita::Comunita;
use crate::pages::notice::NoticeKind;
use crate::pages::percorsi::Percorsi;
use crate::pages::quadro::Quadro;
use crate::pages::qualita::Qualita;
use crate::pages::territorio::Territorio;
use crate::pages::{ALL_PERIODS, Choices, Data, Head, data};
use crate::protect::ALL;
use crate::table::{Column, Row, Table};
use crate::{Dashboards, Viewer, text};

/// The format of what is kept.
pub(crate) const FORMAT: u32 = 1;

/// The chapters that a report can have, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chapter {
    Quadro,
    Territorio,
    Comunita,
    Bisogni,
    Percorsi,
    Qualita,
}

impl Chapter {
    pub(crate) const ALL: [Self; 6] =
        [Self::Quadro, Self::Territorio, Self::Comunita, Self::Bisogni, Self::Percorsi, Self::Qualita];

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Quadro => "quadro",
            Self::Territorio => "territorio",
            Self::Comunita => "comunita",
            Self::Bisogni => "bisogni",
            Self::Percorsi => "percorsi",
            Self::Qualita => "qualita",
        }
    }
}

/// A sentence with the page that shows its figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sentence {
    pub(crate) text: String,
    pub(crate) address: String,
}

/// A table with its title.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Titled {
    pub(crate) title: String,
    pub(crate) table: Table,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    pub(crate) code: String,
    /// What people added.
    pub(crate) text: Option<String>,
    pub(crate) sentences: Vec<Sentence>,
    pub(crate) tables: Vec<Titled>,
}

/// A report with its figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    format: u32,
    pub(crate) title: String,
    pub(crate) ente: String,
    pub(crate) strumento: String,
    pub(crate) period: String,
    pub(crate) published_at: String,
    pub(crate) version: i64,
    pub(crate) last_seq: i64,
    pub(crate) source: String,
    pub(crate) introduction: Option<String>,
    pub(crate) chapters: Vec<Written>,
    pub(crate) closing: Option<String>,
}

/// Something kept that is no report of a format known.
#[derive(Debug, thiserror::Error)]
#[error("what is kept of an edition is no report of format {FORMAT}")]
pub(crate) struct NotAReport;

impl Content {
    /// Made of the figures of today.
    pub(crate) fn new(dashboards: &Dashboards, viewer: &Viewer, data: &Data, terms: &NewReport) -> Self {
        let choices = Choices {
            periodo: Some(terms.period.clone()),
            strumento: Some(data.strumento.id.clone()),
            ..Choices::default()
        };
        let head = Head::new(viewer, data, &data.period(&choices));
        let text_of = |texts: &BTreeMap<String, String>, code: &str| texts.get(code).cloned();
        let chapters =
            Chapter::ALL.into_iter().filter(|chapter| terms.chapters.iter().any(|one| one == chapter.code()));
        let chapters = chapters.map(|chapter| {
            let (sentences, tables) = written(dashboards, viewer, data, &choices, chapter);
            Written { code: chapter.code().to_owned(), text: text_of(&terms.texts, chapter.code()), sentences, tables }
        });
        Self {
            format: FORMAT,
            title: terms.title.clone(),
            ente: head.ente.clone(),
            strumento: head.strumento.clone(),
            period: head.period.clone(),
            published_at: head.published_at.clone(),
            version: head.version,
            last_seq: head.last_seq,
            source: head.attribution.to_owned(),
            introduction: text_of(&terms.texts, INTRODUCTION),
            chapters: chapters.collect(),
            closing: text_of(&terms.texts, CLOSING),
        }
    }

    /// The same of a report, when its figures are ready.
    pub(crate) async fn now(dashboards: &Dashboards, viewer: &Viewer, terms: &NewReport) -> Result<Self, Trouble> {
        let choices = Choices { strumento: Some(terms.strumento.clone()), ..Choices::default() };
        let asked = crate::pages::Asked { viewer: viewer.clone(), choices };
        let data = data(dashboards, &asked).await?;
        if data.strumento.id != terms.strumento {
            // Another one's figures would stand under words that were written for this.
            return Err(Trouble::Figures(NoticeKind::Empty));
        }
        let (dashboards, viewer, terms) = (dashboards.clone(), viewer.clone(), terms.clone());
        let made = tokio::task::spawn_blocking(move || Self::new(&dashboards, &viewer, &data, &terms)).await;
        made.map_err(|error| {
            tracing::error!(%error, "making a report broke off");
            Trouble::Broken
        })
    }

    pub(crate) fn kept(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    pub(crate) fn read(kept: &[u8]) -> Result<Self, NotAReport> {
        let content: Self = serde_json::from_slice(kept).map_err(|_| NotAReport)?;
        if content.format == FORMAT { Ok(content) } else { Err(NotAReport) }
    }
}

/// The sentences and tables of a chapter: those of its page.
fn written(
    dashboards: &Dashboards,
    viewer: &Viewer,
    data: &Data,
    choices: &Choices,
    chapter: Chapter,
) -> (Vec<Sentence>, Vec<Titled>) {
    let period = data.period(choices);
    let period = if period == ALL { ALL_PERIODS } else { &period };
    let address = |page: &str| format!("/cruscotti/{page}?periodo={period}&strumento={}", data.strumento.id);
    let title = text::word("report", "in_numbers");
    let titled = |tables: Vec<(Option<String>, Table)>| {
        let named = tables.into_iter().filter(|(_, table)| !table.rows.is_empty());
        named.map(|(of, table)| Titled { title: of.unwrap_or_else(|| title.clone()), table }).collect::<Vec<_>>()
    };
    let code = chapter.code();
    match chapter {
        Chapter::Quadro => {
            let page = Quadro::new(viewer, data, choices);
            (said(dashboards, code, &page, &address(code)), titled(page.tables()))
        }
        Chapter::Territorio => {
            let page = Territorio::new(viewer, data, choices);
            (said(dashboards, code, &page, &address(code)), titled(page.tables()))
        }
        Chapter::Comunita => {
            let (mut sentences, mut tables) = (Vec::new(), Vec::new());
            for characteristic in ["age_band", "sex", "disadvantage"] {
                let choices = Choices { caratteristica: Some(characteristic.to_owned()), ..choices.clone() };
                let page = Comunita::new(viewer, data, &choices);
                let address = format!("{}&caratteristica={characteristic}", address(code));
                sentences.extend(said(dashboards, code, &page, &address));
                let of_characteristic = text::word("characteristic", characteristic);
                let own = page.charts_tables().into_iter();
                tables.extend(own.map(|(title, table)| (Some(format!("{title} – {of_characteristic}")), table)));
                if characteristic == "disadvantage" {
                    tables.extend(page.other_tables());
                }
            }
            // What does not depend on the characteristic is said by each page.
            let mut once = Vec::<Sentence>::new();
            for sentence in sentences {
                if !once.iter().any(|known| known.text == sentence.text) {
                    once.push(sentence);
                }
            }
            (once, titled(tables))
        }
        Chapter::Bisogni => {
            let page = Bisogni::new(viewer, data, choices);
            (said(dashboards, code, &page, &address(code)), titled(page.tables()))
        }
        Chapter::Percorsi => {
            let page = Percorsi::new(viewer, data, choices);
            (said(dashboards, code, &page, &address(code)), titled(page.tables()))
        }
        Chapter::Qualita => {
            let page = Qualita::new(viewer, data, dashboards.cache.instruments());
            (said(dashboards, code, &page, &address(code)), titled(page.tables()))
        }
    }
}

/// What a page says, in sentences.
fn said<P: Serialize>(dashboards: &Dashboards, code: &str, page: &P, address: &str) -> Vec<Sentence> {
    let sentences = sentences::of(dashboards, code, page).into_iter();
    sentences.map(|text| Sentence { text, address: address.to_owned() }).collect()
}

/// A report for the samples of its page.
pub(crate) fn sample() -> Content {
    let table = Table {
        columns: vec![Column::text("Periodo"), Column::number("Persone")],
        rows: vec![Row { head: "2025".to_owned(), cells: vec!["412".to_owned()], is_total: false }],
    };
    let address = "/cruscotti/quadro?periodo=tutti&strumento=asso".to_owned();
    let sentence = Sentence { text: "L'Ente ha valutato 412 persone.".to_owned(), address };
    let chapter = |code: &str, text: Option<&str>| Written {
        code: code.to_owned(),
        text: text.map(str::to_owned),
        sentences: vec![sentence.clone()],
        tables: vec![Titled { title: "Persone per anno".to_owned(), table: table.clone() }],
    };
    Content {
        format: FORMAT,
        title: "Piano di Zona 2027".to_owned(),
        ente: "Ambito dimostrativo".to_owned(),
        strumento: "ASSO".to_owned(),
        period: "tutti gli anni".to_owned(),
        published_at: "30/11/2026 02:00".to_owned(),
        version: 7,
        last_seq: 1_234,
        source: territory::ATTRIBUTION.to_owned(),
        introduction: Some("Perché questa relazione.\n\nE per chi.".to_owned()),
        chapters: vec![chapter("quadro", Some("Una nota <nostra>.")), chapter("percorsi", None)],
        closing: Some("Che cosa proponiamo.".to_owned()),
    }
}
