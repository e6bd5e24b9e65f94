//! What pages show of a strumento: its head, and its items as groups of radio buttons.

use std::collections::{BTreeMap, BTreeSet};

use domain::instrument::{Answer, Azione, Id, Instrument, Item, Missing, Status, Text};
use domain::scoring::Sheet;
use domain::text::has_hidden_characters;
use serde::Serialize;

use super::report::answer_text;
use crate::form::{Field, Fields};

/// Characters of a note on an item.
const NOTE_MAX: usize = 2000;

/// The head of a strumento.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct InstrumentHead {
    pub(crate) path: String,
    pub(crate) title: String,
    pub(crate) subtitle: Option<String>,
    pub(crate) version: u32,
    pub(crate) is_unofficial: bool,
    pub(crate) count_items: usize,
    pub(crate) count_scales: usize,
}

impl InstrumentHead {
    pub(crate) fn new(instrument: &Instrument) -> Self {
        Self {
            path: format!("/strumenti/{}", instrument.id),
            title: instrument.title.to_string(),
            subtitle: instrument.subtitle.as_ref().map(ToString::to_string),
            version: instrument.version,
            is_unofficial: instrument.status == Status::Unofficial,
            count_items: instrument.items.len(),
            count_scales: instrument.scales.len(),
        }
    }
}

/// A section of the form.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SectionView {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) intro: Option<String>,
    pub(crate) items: Vec<ItemView>,
}

/// An item of the form.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ItemView {
    pub(crate) id: String,
    pub(crate) number: usize,
    pub(crate) text: String,
    pub(crate) help: Option<String>,
    pub(crate) options: Vec<ChoiceView>,
    pub(crate) missing: Vec<ChoiceView>,
    pub(crate) is_blank: bool,
    pub(crate) is_invalid: bool,
    /// The note, on pages that have notes.
    pub(crate) note: Option<Field>,
    /// The answer that the draft began with, where it did.
    pub(crate) before: Option<BeforeView>,
}

/// The answer of an earlier questionnaire.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct BeforeView {
    pub(crate) text: String,
    pub(crate) is_changed: bool,
}

/// A radio button; `code` is what the form sends and the lake stores.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ChoiceView {
    pub(crate) code: i16,
    pub(crate) text: String,
    pub(crate) is_chosen: bool,
}

/// The form's sections with the answers of `sheet` chosen; `invalid` holds ids of items whose answer was refused.
pub(crate) fn sections(instrument: &Instrument, sheet: &Sheet, invalid: &[String]) -> Vec<SectionView> {
    (0..instrument.sections.len()).map(|place| section(instrument, place, sheet, invalid)).collect()
}

/// One section of the form, by its place.
pub(crate) fn section(instrument: &Instrument, place: usize, sheet: &Sheet, invalid: &[String]) -> SectionView {
    let section = &instrument.sections[place];
    SectionView {
        id: section.id.to_string(),
        title: section.title.to_string(),
        intro: section.intro.as_ref().map(ToString::to_string),
        items: section
            .items
            .clone()
            .map(|index| item_view(instrument, index, sheet, invalid.contains(&instrument.items[index].id.to_string())))
            .collect(),
    }
}

fn item_view(instrument: &Instrument, index: usize, sheet: &Sheet, is_invalid: bool) -> ItemView {
    let item = &instrument.items[index];
    let answer = sheet.get(&item.id).copied().unwrap_or(Answer::Missing(Missing::NotAnswered));
    let choice =
        |this: Answer, text: &Text| ChoiceView { code: this.code(), text: text.to_string(), is_chosen: this == answer };
    ItemView {
        id: item.id.to_string(),
        number: index + 1,
        text: item.text.to_string(),
        help: item.help.as_ref().map(ToString::to_string),
        options: item.options.iter().map(|option| choice(Answer::Value(option.value), &option.text)).collect(),
        missing: instrument
            .missing
            .iter()
            .filter(|missing| item.missing.contains(&missing.kind))
            .map(|missing| choice(Answer::Missing(missing.kind), &missing.label))
            .collect(),
        is_blank: answer == Answer::Missing(Missing::NotAnswered),
        is_invalid,
        note: None,
        before: None,
    }
}

impl SectionView {
    /// The same with notes, by item.
    pub(crate) fn with_notes(mut self, notes: &Notes) -> Self {
        for item in &mut self.items {
            item.note = Some(notes.get(item.id.as_str()).cloned().unwrap_or_default());
        }
        self
    }

    /// How many notes cannot be kept as they are.
    pub(crate) fn count_invalid_notes(&self) -> usize {
        self.items.iter().filter(|item| item.note.as_ref().is_some_and(|note| note.error.is_some())).count()
    }

    /// The same with the answers that the sheet began with, and whether they were changed since.
    pub(crate) fn with_copied(mut self, instrument: &Instrument, sheet: &Sheet, copied: &Sheet) -> Self {
        for item in &mut self.items {
            let index = item.number - 1;
            let id = &instrument.items[index].id;
            if copied.contains_key(id) {
                let text = answer_text(instrument, copied, index);
                item.before = Some(BeforeView { text, is_changed: copied.get(id) != sheet.get(id) });
            }
        }
        self
    }
}

/// Notes by item, as a form shows them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes(BTreeMap<String, Field>);

impl Notes {
    pub(crate) fn new(saved: &BTreeMap<Id, String>) -> Self {
        Self(saved.iter().map(|(item, note)| (item.to_string(), Field::new(note.as_str()))).collect())
    }

    fn get(&self, item: &str) -> Option<&Field> {
        self.0.get(item)
    }

    /// Takes what a form sent for some items; whether all of it can be kept.
    pub(crate) fn read(&mut self, items: &[Item], fields: &Fields) -> bool {
        let mut fits = true;
        for item in items {
            // A page without notes leaves them as they are.
            let name = format!("note.{}", item.id);
            let Some(value) = fields.all(&name).next() else { continue };
            // Browsers count a line's end as one character and send two.
            let value = value.replace("\r\n", "\n");
            let error = if value.chars().count() > NOTE_MAX {
                Some("too_long")
            } else if has_hidden_characters(&value) {
                Some("text")
            } else {
                None
            };
            fits &= error.is_none();
            self.0.insert(item.id.to_string(), Field { value, error });
        }
        fits
    }

    /// Those that can be kept, over the ones that are saved.
    pub(crate) fn kept(&self, saved: &BTreeMap<Id, String>) -> BTreeMap<Id, String> {
        let mut notes = saved.clone();
        for (item, field) in self.0.iter().filter(|(_, field)| field.error.is_none()) {
            let Ok(id) = Id::parse(item) else { continue };
            if field.value.is_empty() {
                notes.remove(&id);
            } else {
                notes.insert(id, field.value.clone());
            }
        }
        notes
    }
}

/// The answer that a form's code stands for: an option, or a kind of missing that the item offers. Empty is blank.
pub(crate) fn read_answer(item: &Item, code: &str) -> Option<Answer> {
    if code.is_empty() {
        return Some(Answer::Missing(Missing::NotAnswered));
    }
    let missing = item.missing.iter().map(|missing| Answer::Missing(*missing));
    let options = item.options.iter().map(|option| Answer::Value(option.value));
    missing.chain(options).find(|answer| answer.code().to_string() == code)
}

/// The paragraphs of a text.
pub(crate) fn paragraphs(text: &Text) -> Vec<String> {
    text.paragraphs().map(ToOwned::to_owned).collect()
}

/// An azione as a report proposes it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AzioneView {
    pub(crate) title: String,
    pub(crate) text: String,
}

impl AzioneView {
    pub(crate) fn new(azione: &Azione) -> Self {
        Self { title: azione.title.to_string(), text: azione.text.to_string() }
    }
}

/// How far a block lets a scale go.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CapView {
    pub(crate) scale: String,
    pub(crate) level: String,
}

/// What a block caps.
pub(crate) fn caps(instrument: &Instrument, block: usize) -> Vec<CapView> {
    instrument.blocks[block]
        .caps
        .iter()
        .map(|(scale, level)| {
            let scale = &instrument.scales[*scale];
            CapView { scale: scale.title.to_string(), level: scale.levels[*level].title.to_string() }
        })
        .collect()
}

/// The strumenti shipped, and a bare one, as samples: scales without levels, no blocks, no profile, no help.
pub(crate) fn sample_instruments() -> Vec<Instrument> {
    let bare = Instrument::parse(
        r#"
        format = 1
        id = "bare"
        version = 1
        status = "ufficiale"
        languages = ["it"]
        title = "Prova"
        description = "Una prova."
        source = "Nessuna."
        licence = "CC0-1.0"
        [[section]]
        id = "only"
        title = "Sezione"
        [[section.item]]
        id = "first"
        text = "Prima?"
        options = [{ value = 0, text = "No" }, { value = 1, text = "Sì" }]
        keys = { scale = "forward" }
        [[scale]]
        id = "scale"
        title = "Scala"
        description = "Una scala."
        minimum_percent = 100
        "#,
    );
    crate::instruments::shipped().into_iter().flatten().chain(bare).collect()
}

/// Heads of the samples.
pub(crate) fn sample_heads() -> Vec<InstrumentHead> {
    sample_instruments().iter().map(InstrumentHead::new).collect()
}
/// What a section is called in D.Lgs. 147/2017 and in the ICF.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CrosswalkRow {
    pub(crate) part: String,
    pub(crate) areas: Vec<String>,
    pub(crate) chapters: Vec<CrosswalkChapter>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct CrosswalkChapter {
    pub(crate) code: String,
    pub(crate) title: String,
}

/// A row for each section; none where the definition does not say.
pub(crate) fn crosswalk(instrument: &Instrument) -> Vec<CrosswalkRow> {
    let row = |section: &domain::instrument::Section| {
        let items = &instrument.items[section.items.clone()];
        let areas: BTreeSet<_> = items.iter().flat_map(|item| item.areas_147.iter().copied()).collect();
        let chapters: BTreeSet<_> = items.iter().flat_map(|item| item.icf.iter().copied()).collect();
        CrosswalkRow {
            part: section.title.to_string(),
            areas: areas.iter().map(|area| area.label().to_owned()).collect(),
            chapters: chapters
                .iter()
                .map(|chapter| CrosswalkChapter { code: chapter.code(), title: chapter.title().to_owned() })
                .collect(),
        }
    };
    let rows: Vec<CrosswalkRow> = instrument.sections.iter().map(row).collect();
    if rows.iter().any(|row| !row.areas.is_empty() || !row.chapters.is_empty()) { rows } else { Vec::new() }
}
