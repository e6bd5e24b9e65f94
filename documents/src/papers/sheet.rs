//! A sheet of sections, paragraphs and tables: the register of processing, the DPIA, the data dictionary.

use serde::Serialize;

use super::{Fact, Issue};
use crate::press::Paper;

/// A sheet whose words all come from the caller.
#[derive(Clone, Debug, Serialize)]
pub struct Sheet {
    /// Who gives it out.
    pub issue: Issue,
    /// Its title.
    pub title: String,
    /// What it is, in a sentence.
    pub subtitle: Option<String>,
    /// Its number or version.
    pub version: Option<String>,
    /// Whether pages lie on their side, for wide tables.
    pub is_landscape: bool,
    /// Its sections.
    pub sections: Vec<Section>,
}

/// A section of a sheet.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// Its title.
    pub title: String,
    /// What stands in it.
    pub parts: Vec<Part>,
    /// Sections within it, up to three deep.
    pub sections: Vec<Section>,
}

/// A part of a section.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Part {
    /// A paragraph; line ends make several.
    Paragraph {
        /// Its text.
        text: String,
    },
    /// A list.
    List {
        /// Its entries.
        entries: Vec<String>,
    },
    /// Names and values.
    Facts {
        /// One row each.
        facts: Vec<Fact>,
    },
    /// A table. Rows shorter than the head are filled up.
    Table {
        /// What it shows.
        caption: String,
        /// Its columns.
        columns: Vec<String>,
        /// Its rows.
        rows: Vec<Vec<String>>,
        /// Whether the first cell of a row names the row.
        has_row_headers: bool,
    },
}

impl Paper for Sheet {
    const FILE: &'static str = "sheet.typ";

    fn samples() -> Vec<Self> {
        let row = |place: usize| {
            vec![
                format!("trattamento {place}"),
                "valutare insieme alla persona i suoi bisogni".to_owned(),
                "art. 6, par. 1, lett. e)".to_owned(),
                "cinque anni".to_owned(),
            ]
        };
        let full = Self {
            issue: Issue::sample(),
            title: "Registro delle attività di trattamento".to_owned(),
            subtitle: Some("Registro del titolare, art. 30, paragrafo 1, del Regolamento (UE) 2016/679.".to_owned()),
            version: Some("3".to_owned()),
            is_landscape: true,
            sections: vec![
                Section {
                    title: "Titolare".to_owned(),
                    parts: vec![
                        Part::Paragraph {
                            text: "Chi decide perché e come si usano i dati.\nSecondo paragrafo.".to_owned(),
                        },
                        Part::Facts {
                            facts: vec![Fact::new("Denominazione", "Ambito territoriale sociale del Noncello")],
                        },
                        Part::List { entries: vec!["prima voce".to_owned(), "seconda voce".to_owned()] },
                    ],
                    sections: vec![Section { title: "Contatti".to_owned(), parts: Vec::new(), sections: Vec::new() }],
                },
                Section {
                    title: "Trattamenti".to_owned(),
                    parts: vec![Part::Table {
                        caption: "Trattamenti in corso".to_owned(),
                        columns: ["Trattamento", "Finalità", "Base giuridica", "Conservazione"]
                            .map(str::to_owned)
                            .into(),
                        rows: (1..40).map(row).chain([vec!["riga corta".to_owned()]]).collect(),
                        has_row_headers: true,
                    }],
                    sections: Vec::new(),
                },
            ],
        };
        let bare = Self {
            issue: Issue::bare_sample(),
            title: "Foglio vuoto".to_owned(),
            subtitle: None,
            version: None,
            is_landscape: false,
            sections: Vec::new(),
        };
        vec![full, bare]
    }
}
