//! A questionnaire being filled in: one page for each section, saved at every step.
//!
//! A page carries the revision that it was made from. When another window has saved since, nothing is written: the page
//! comes back with what was sent, what the other window has instead, and the new revision.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{Datelike, NaiveDate};
use domain::instrument::{Answer, Id, Instrument, Missing, Status};
use domain::person::PersonaFacts;
use domain::scoring::Sheet;
use serde::Serialize;
use store::{Assessment, Copied, Draft, DraftId, Filling, NewDraft, Persona, PersonaData, StoreError};
use templates::{Area, Page};

use super::id;
use super::people::PersonaHead;
use super::report::answer_text;
use super::view::{self, Notes, SectionView};
use crate::form::{Field, Fields, read_date, show_date};
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Assess, Desk, show_instant};

/// No questionnaire of these services is older.
const YEAR_MIN: i32 = 2000;

#[derive(Serialize)]
pub(crate) struct DraftPage {
    path: String,
    persona: PersonaHead,
    instrument: String,
    is_unofficial: bool,
    window_days: Option<u32>,
    revision: i32,
    number: usize,
    is_first: bool,
    date: Field,
    section: SectionView,
    steps: Vec<Step>,
    next: String,
    previous: Option<String>,
    count_answered: usize,
    count_items: usize,
    count_invalid: usize,
    count_invalid_notes: usize,
    /// The day of the questionnaire whose answers it began with.
    copied_from: Option<String>,
    conflict: Option<Conflict>,
    saved_at: String,
    can_take: bool,
}

/// A step of the questionnaire; the last is the summary, which has no title of its own.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    id: String,
    path: String,
    title: Option<String>,
    is_current: bool,
    is_done: bool,
}

#[derive(Serialize)]
struct Conflict {
    differences: Vec<Difference>,
    /// Notes that read differently.
    notes: Vec<Difference>,
}

#[derive(Serialize)]
struct Difference {
    id: String,
    number: usize,
    text: String,
    here: String,
    there: String,
}

/// How a section stands besides what is saved.
#[derive(Default)]
struct Sent {
    sheet: Option<Sheet>,
    notes: Option<Notes>,
    date: Option<Field>,
    invalid: Vec<String>,
    /// What the other window saved.
    conflict: bool,
}

/// The steps of a draft; `current` is the section's place, the number of sections for the summary.
pub(crate) fn steps(instrument: &Instrument, id: DraftId, sheet: &Sheet, current: usize) -> Vec<Step> {
    let sections = instrument.sections.iter().enumerate().map(|(place, section)| Step {
        id: section.id.to_string(),
        path: part_path(id, section.id.as_str()),
        title: Some(section.title.to_string()),
        is_current: place == current,
        is_done: section.items.clone().all(|item| is_given(sheet, instrument, item)),
    });
    let summary = Step {
        id: "riepilogo".to_owned(),
        path: format!("/bozze/{id}/riepilogo"),
        title: None,
        is_current: current == instrument.sections.len(),
        is_done: false,
    };
    sections.chain([summary]).collect()
}

/// The page of a section.
pub(crate) fn part_path(id: DraftId, section: &str) -> String {
    format!("/bozze/{id}/parte/{section}")
}

/// Whether an item has an option or a reason why it has none.
pub(crate) fn is_given(sheet: &Sheet, instrument: &Instrument, item: usize) -> bool {
    sheet.get(&instrument.items[item].id).is_some_and(|answer| *answer != Answer::Missing(Missing::NotAnswered))
}

/// How many items have an option chosen.
pub(crate) fn count_answered(sheet: &Sheet) -> usize {
    sheet.values().filter(|answer| matches!(answer, Answer::Value(_))).count()
}

impl DraftPage {
    fn new(instrument: &Instrument, draft: &Draft, persona: PersonaHead, place: usize, sent: Sent) -> Self {
        let shown = sent.sheet.as_ref().unwrap_or(&draft.sheet);
        let notes = sent.notes.unwrap_or_else(|| Notes::new(&draft.notes));
        let mut section = view::section(instrument, place, shown, &sent.invalid).with_notes(&notes);
        if let Some(copied) = &draft.copied {
            section = section.with_copied(instrument, shown, &copied.sheet);
        }
        let conflict = sent.conflict.then(|| Conflict {
            differences: differences(instrument, place, shown, draft),
            notes: note_differences(&section, &draft.notes),
        });
        let id = |place: usize| instrument.sections[place].id.to_string();
        Self {
            path: part_path(draft.id, &id(place)),
            persona,
            instrument: instrument.title.to_string(),
            is_unofficial: instrument.status == Status::Unofficial,
            window_days: instrument.window_days,
            revision: draft.revision,
            number: place + 1,
            is_first: place == 0,
            date: sent.date.unwrap_or_else(|| Field::new(show_date(draft.assessed_on))),
            steps: steps(instrument, draft.id, shown, place),
            next: if place + 1 < instrument.sections.len() { id(place + 1) } else { "riepilogo".to_owned() },
            previous: place.checked_sub(1).map(id),
            count_answered: count_answered(shown),
            count_items: instrument.items.len(),
            count_invalid: sent.invalid.len(),
            count_invalid_notes: section.count_invalid_notes(),
            copied_from: draft.copied.as_ref().map(|copied| show_date(copied.assessed_on)),
            conflict,
            section,
            saved_at: show_instant(draft.updated_at),
            can_take: false,
        }
    }
}

/// Notes of a section that are not those of the other window.
fn note_differences(section: &SectionView, there: &BTreeMap<Id, String>) -> Vec<Difference> {
    let there = |id: &str| Id::parse(id).ok().and_then(|id| there.get(&id).cloned()).unwrap_or_default();
    let items =
        section.items.iter().filter_map(|item| Some((item, item.note.as_ref()?.value.clone(), there(&item.id))));
    items
        .filter(|(_, here, there)| here != there)
        .map(|(item, here, there)| Difference {
            id: item.id.clone(),
            number: item.number,
            text: item.text.clone(),
            here,
            there,
        })
        .collect()
}

/// Where a section reads differently here and in the draft as the other window saved it.
fn differences(instrument: &Instrument, place: usize, here: &Sheet, draft: &Draft) -> Vec<Difference> {
    let there = &draft.sheet;
    let words = |sheet: &Sheet, item: usize| {
        let text = answer_text(instrument, sheet, item);
        if text.is_empty() { templates::term("missing", "not_answered").unwrap_or_default().to_owned() } else { text }
    };
    instrument.sections[place]
        .items
        .clone()
        .filter(|item| code(here, instrument, *item) != code(there, instrument, *item))
        .map(|item| Difference {
            id: instrument.items[item].id.to_string(),
            number: item + 1,
            text: instrument.items[item].text.to_string(),
            here: words(here, item),
            there: words(there, item),
        })
        .collect()
}

fn code(sheet: &Sheet, instrument: &Instrument, item: usize) -> i16 {
    sheet.get(&instrument.items[item].id).map_or(Missing::NotAnswered.code(), |answer| answer.code())
}

impl Page for DraftPage {
    const TEMPLATE: &'static str = "pages/draft.html";
    const SCRIPTS: &'static [&'static str] = &["draft.js"];

    fn samples() -> Vec<Self> {
        let on = NaiveDate::from_ymd_opt(2026, 11, 25).unwrap_or_default();
        let mut samples = Vec::new();
        for instrument in view::sample_instruments() {
            let draft = sample_draft(&instrument, on);
            let last = instrument.sections.len() - 1;
            let other = crate::example::sheet(&instrument, 2);
            let date = Some(Field { value: "x".to_owned(), error: Some("date") });
            let invalid = vec![instrument.items[0].id.to_string()];
            samples.push(Self::new(
                &instrument,
                &draft,
                PersonaHead::sample(),
                0,
                Sent { date, invalid, ..Sent::default() },
            ));
            let taken = Self::new(&instrument, &draft, PersonaHead::sample(), last, Sent::default());
            samples.push(Self { can_take: true, ..taken });
            let copied = Draft {
                copied: Some(Copied {
                    from: domain::feed::AssessmentId(uuid::Uuid::nil()),
                    assessed_on: on,
                    sheet: crate::example::sheet(&instrument, 3),
                }),
                notes: instrument.items.iter().take(1).map(|item| (item.id.clone(), "Una nota.".to_owned())).collect(),
                ..draft.clone()
            };
            samples.push(Self::new(&instrument, &copied, PersonaHead::sample(), 0, Sent::default()));
            let same = Sent { conflict: true, ..Sent::default() };
            samples.push(Self::new(&instrument, &draft, PersonaHead::sample(), last, same));
            let mut notes = Notes::default();
            let hidden = Fields::new(vec![(format!("note.{}", instrument.items[0].id), "zz\u{202e}".to_owned())]);
            notes.read(&instrument.items, &hidden);
            let differs = Sent { conflict: true, sheet: Some(other), notes: Some(notes), ..Sent::default() };
            samples.push(Self::new(&instrument, &draft, PersonaHead::sample(), last, differs));
        }
        samples
    }
}

/// A draft for samples.
pub(crate) fn sample_draft(instrument: &Instrument, on: NaiveDate) -> Draft {
    let at = on.and_time(chrono::NaiveTime::MIN).and_utc();
    Draft {
        id: DraftId(uuid::Uuid::nil()),
        persona: store::PersonaId(uuid::Uuid::nil()),
        instrument: instrument.id.clone(),
        version: instrument.version,
        assessed_on: on,
        sheet: crate::example::sheet(instrument, 1),
        notes: BTreeMap::new(),
        copied: None,
        revision: 1,
        started_at: at,
        updated_at: at,
    }
}

/// A draft with its definition and whose it is.
pub(crate) struct Loaded {
    pub(crate) draft: Draft,
    pub(crate) persona: Persona,
}

impl Loaded {
    pub(crate) fn sample(instrument: &Instrument, on: NaiveDate, data: PersonaData) -> Self {
        let draft = sample_draft(instrument, on);
        let persona = Persona {
            id: draft.persona,
            data,
            revision: 1,
            created_at: draft.started_at,
            updated_at: draft.updated_at,
            is_restricted: false,
            merged_into: None,
        };
        Self { draft, persona }
    }

    pub(crate) async fn read(desk: &Desk<Assess>, id: DraftId) -> Result<Self, Failure> {
        let draft = desk.store.draft(&desk.scope, id, desk.now).await?;
        let persona = desk.store.persona(&desk.scope, draft.persona, desk.now).await?;
        Ok(Self { draft, persona })
    }

    pub(crate) fn instrument<'a>(&self, desk: &'a Desk<Assess>) -> Result<&'a Instrument, Failure> {
        // A definition that has been used stays in the data folder; one that was taken away is not a visitor's doing.
        let found = desk.portal().instrument_version(&self.draft.instrument, self.draft.version);
        found.ok_or(Failure::Store(StoreError::Damaged { table: "drafts", row: self.draft.id.to_string() }))
    }

    /// What is recorded of the persona on the day of the assessment.
    pub(crate) fn facts(&self) -> PersonaFacts {
        self.persona.data.categories(self.draft.assessed_on).facts
    }

    pub(crate) fn head(&self) -> PersonaHead {
        PersonaHead::new(self.draft.persona, &self.persona.data)
    }
}

pub(crate) async fn start(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let persona = id(path)?;
    desk.store.persona(&desk.scope, persona, desk.now).await?;
    let instrument = desk.portal().instrument(fields.get("instrument")).ok_or(Failure::BadRequest)?;
    let copied = match fields.get("copy") {
        "" => None,
        from => {
            let past = desk.store.history_of_persona(&desk.scope, persona, desk.now).await?;
            let one = past.iter().find(|one| one.id.to_string() == from && one.is_current());
            Some(one.and_then(|one| copy(instrument, one)).ok_or(Failure::BadRequest)?)
        }
    };
    let new = NewDraft {
        persona,
        instrument: instrument.id.clone(),
        version: instrument.version,
        assessed_on: desk.today(),
        copied,
    };
    let id = desk.store.start_draft(&desk.scope, &new, desk.now, &mut desk.portal().chance()).await?;
    Ok(reply::see(&part_path(id, instrument.sections[0].id.as_str())))
}

/// The answers of an earlier questionnaire to begin another one with, where they can be read in its definition.
pub(crate) fn copy(instrument: &Instrument, one: &Assessment) -> Option<Copied> {
    if one.instrument != instrument.id {
        return None;
    }
    let sheet = instrument.from_version(one.version, &one.sheet)?;
    Some(Copied { from: one.id, assessed_on: one.assessed_on, sheet })
}

/// To the first section that is not complete, or the summary.
pub(crate) async fn open(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let id = id(path)?;
    let loaded = Loaded::read(&desk, id).await?;
    let instrument = loaded.instrument(&desk)?;
    let steps = steps(instrument, id, &loaded.draft.sheet, 0);
    let next = steps.iter().find(|step| !step.is_done).ok_or(Failure::NotFound)?;
    Ok(reply::see(&next.path))
}

/// The draft and the section's place.
async fn load(
    desk: &Desk<Assess>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<(Loaded, usize), Failure> {
    let Path((draft, section)) = path.map_err(|_| Failure::NotFound)?;
    let loaded = Loaded::read(desk, draft.parse().map_err(|_| Failure::NotFound)?).await?;
    let sections = &loaded.instrument(desk)?.sections;
    let place = sections.iter().position(|known| known.id.as_str() == section).ok_or(Failure::NotFound)?;
    Ok((loaded, place))
}

pub(crate) async fn get(desk: Desk<Assess>, path: Result<Path<(String, String)>, PathRejection>) -> Outcome {
    let (loaded, place) = load(&desk, path).await?;
    page(&desk, StatusCode::OK, &loaded, place, Sent::default()).await
}

async fn page(
    desk: &Desk<Assess>,
    status: StatusCode,
    loaded: &Loaded,
    place: usize,
    sent: Sent,
) -> Result<Response, Failure> {
    let instrument = loaded.instrument(desk)?;
    let mut page = DraftPage::new(instrument, &loaded.draft, loaded.head(), place, sent);
    page.can_take = desk.store.allows_offline(&desk.scope).await?;
    Ok(desk.visitor.page(Area::Persone, status, &page))
}

pub(crate) async fn save(
    desk: Desk<Assess>,
    path: Result<Path<(String, String)>, PathRejection>,
    fields: Fields,
) -> Outcome {
    let (mut loaded, place) = load(&desk, path).await?;
    let instrument = loaded.instrument(&desk)?;
    let revision: i32 = fields.get("revision").parse().map_err(|_| Failure::BadRequest)?;
    let (answers, invalid) = read_section(instrument, place, &fields)?;
    let mut sheet = loaded.draft.sheet.clone();
    sheet.extend(answers);
    sheet.retain(|_, answer| *answer != Answer::Missing(Missing::NotAnswered));
    let mut notes = Notes::new(&loaded.draft.notes);
    let notes_fit = notes.read(&instrument.items[instrument.sections[place].items.clone()], &fields);
    let (assessed_on, date) = read_day(&loaded, place, &fields, desk.today());
    if revision != loaded.draft.revision {
        let sent = Sent { sheet: Some(sheet), notes: Some(notes), invalid, date, conflict: true };
        return page(&desk, StatusCode::CONFLICT, &loaded, place, sent).await;
    }
    let id = loaded.draft.id;
    let filling = Filling { sheet, notes: notes.kept(&loaded.draft.notes), assessed_on };
    let mut chance = desk.portal().chance();
    match desk.store.save_draft(&desk.scope, id, revision, &filling, desk.now, &mut chance).await {
        Ok(_) => {}
        Err(StoreError::Conflict(_)) => {
            loaded = Loaded::read(&desk, id).await?;
            let sent = Sent { sheet: Some(filling.sheet), notes: Some(notes), invalid, date, conflict: true };
            return page(&desk, StatusCode::CONFLICT, &loaded, place, sent).await;
        }
        Err(error) => return Err(error.into()),
    }
    if !invalid.is_empty() || !notes_fit || date.as_ref().is_some_and(|date| date.error.is_some()) {
        loaded = Loaded::read(&desk, id).await?;
        let sent = Sent { date, invalid, notes: Some(notes), ..Sent::default() };
        return page(&desk, StatusCode::UNPROCESSABLE_ENTITY, &loaded, place, sent).await;
    }
    let to = match fields.get("go") {
        "desk" => "/scrivania".to_owned(),
        "riepilogo" => format!("/bozze/{id}/riepilogo"),
        "fuori-rete" => format!("/bozze/{id}/fuori-rete"),
        section if instrument.sections.iter().any(|known| known.id.as_str() == section) => part_path(id, section),
        _ => return Err(Failure::BadRequest),
    };
    Ok(reply::see(&to))
}

/// The answers of every section as a form sent them, without blanks, and the items whose code is not offered.
pub(crate) fn read_sheet(instrument: &Instrument, fields: &Fields) -> Result<(Sheet, Vec<String>), Failure> {
    let mut sheet = Sheet::new();
    let mut invalid = Vec::new();
    for place in 0..instrument.sections.len() {
        let (answers, wrong) = read_section(instrument, place, fields)?;
        sheet.extend(answers);
        invalid.extend(wrong);
    }
    sheet.retain(|_, answer| *answer != Answer::Missing(Missing::NotAnswered));
    Ok((sheet, invalid))
}

/// The answers of a section as the form sent them, and the items whose code is not offered. An item without a button
/// chosen is blank.
pub(crate) fn read_section(
    instrument: &Instrument,
    place: usize,
    fields: &Fields,
) -> Result<(BTreeMap<Id, Answer>, Vec<String>), Failure> {
    let mut answers = BTreeMap::new();
    let mut invalid = Vec::new();
    for item in &instrument.items[instrument.sections[place].items.clone()] {
        // Items are sent under `item.`, so that none can be taken for a field of the page.
        let name = format!("item.{}", item.id);
        let mut sent = fields.all(&name);
        let value = sent.next().unwrap_or_default();
        if sent.next().is_some() {
            return Err(Failure::BadRequest);
        }
        match view::read_answer(item, value) {
            Some(answer) => {
                answers.insert(item.id.clone(), answer);
            }
            None => invalid.push(item.id.to_string()),
        }
    }
    Ok((answers, invalid))
}

/// The day of the assessment: only the first section asks; one that cannot be read leaves the saved one.
fn read_day(loaded: &Loaded, place: usize, fields: &Fields, today: NaiveDate) -> (NaiveDate, Option<Field>) {
    let saved = loaded.draft.assessed_on;
    if place != 0 {
        return (saved, None);
    }
    let text = fields.get("assessed_on");
    match day(text, loaded.persona.data.birth_date, today) {
        Ok(day) => (day, Some(Field::new(text))),
        Err(code) => (saved, Some(Field { value: text.to_owned(), error: Some(code) })),
    }
}

/// Reads a day of assessment.
pub(crate) fn day(text: &str, birth: Option<NaiveDate>, today: NaiveDate) -> Result<NaiveDate, &'static str> {
    if text.is_empty() {
        return Err("required");
    }
    let day = read_date(text).ok_or("date")?;
    if day > today {
        Err("date_future")
    } else if birth.is_some_and(|birth| day < birth) {
        Err("date_before_birth")
    } else if day.year() < YEAR_MIN {
        Err("date_old")
    } else {
        Ok(day)
    }
}

pub(crate) async fn delete(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>) -> Outcome {
    desk.store.delete_draft(&desk.scope, id(path)?, desk.now).await?;
    Ok(reply::see("/scrivania"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_must_be_possible() {
        let on = |text: &str| read_date(text).unwrap();
        let check = |text: &str, expected: Result<NaiveDate, &'static str>| {
            assert_eq!(day(text, Some(on("1/1/1990")), on("25/11/2026")), expected, "{text}");
        };
        check("25/11/2026", Ok(on("25/11/2026")));
        check("26/11/2026", Err("date_future"));
        check("1/1/1989", Err("date_before_birth"));
        check("31/12/1999", Err("date_old"));
        check("", Err("required"));
        check("ieri", Err("date"));
    }
}
