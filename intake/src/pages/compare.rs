//! Two questionnaires of a persona side by side: the result on each scale, and item by item what was answered.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use domain::instrument::{Id, Instrument};
use serde::{Deserialize, Serialize};
use store::Assessment;
use templates::{Area, Page};

use super::account_form::Choice;
use super::assessment;
use super::history::Cell;
use super::people::PersonaHead;
use super::report::answer_text;
use super::view;
use crate::form::show_date;
use crate::reply::{Failure, Outcome};
use crate::visitor::{Desk, SeePersone};

#[derive(Serialize)]
pub(crate) struct Compare {
    persona: PersonaHead,
    path: String,
    instrument: String,
    is_unofficial: bool,
    days: Vec<Choice>,
    before: Side,
    after: Side,
    only_changed: bool,
    count_changed: usize,
    scales: Vec<ScaleRow>,
    items: Vec<ItemRow>,
}

/// One of the two.
#[derive(Serialize)]
struct Side {
    id: String,
    path: String,
    assessed_on: String,
}

#[derive(Serialize)]
struct ScaleRow {
    title: String,
    before: Cell,
    after: Cell,
}

#[derive(Serialize)]
struct ItemRow {
    number: usize,
    text: String,
    before: String,
    after: String,
    is_changed: bool,
}

/// Which two, and how much of them.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    prima: String,
    #[serde(default)]
    dopo: String,
    #[serde(default)]
    solo: String,
}

impl Side {
    fn new(one: &Assessment) -> Self {
        Self { id: one.id.to_string(), path: assessment::path(one.id), assessed_on: show_date(one.assessed_on) }
    }
}

impl Compare {
    /// `past` are those that can be compared, the latest day first.
    fn new(
        instrument: &Instrument,
        persona: PersonaHead,
        past: &[&Assessment],
        (before, after): (&Assessment, &Assessment),
        only_changed: bool,
    ) -> Self {
        let scales = instrument.scales.iter().map(|scale| ScaleRow {
            title: scale.title.to_string(),
            before: Cell::new(scale, &before.scores, None, &before.sem_hundredths),
            after: Cell::new(scale, &after.scores, Some(&before.scores), &after.sem_hundredths),
        });
        let items: Vec<ItemRow> = instrument
            .items
            .iter()
            .enumerate()
            .map(|(place, item)| ItemRow {
                number: place + 1,
                text: item.text.to_string(),
                before: answer_text(instrument, &before.sheet, place),
                after: answer_text(instrument, &after.sheet, place),
                is_changed: before.sheet.get(&item.id) != after.sheet.get(&item.id),
            })
            .collect();
        let count_changed = items.iter().filter(|row| row.is_changed).count();
        Self {
            path: format!("{}/confronto/{}-{}", persona.path, instrument.id, instrument.version),
            persona,
            instrument: instrument.title.to_string(),
            is_unofficial: instrument.status == domain::instrument::Status::Unofficial,
            days: past.iter().map(|one| Choice::new(one.id, &show_date(one.assessed_on))).collect(),
            before: Side::new(before),
            after: Side::new(after),
            only_changed,
            count_changed,
            scales: scales.collect(),
            items: items.into_iter().filter(|row| !only_changed || row.is_changed).collect(),
        }
    }
}

impl Page for Compare {
    const TEMPLATE: &'static str = "pages/compare.html";

    fn samples() -> Vec<Self> {
        let samples = view::sample_instruments().into_iter().flat_map(|instrument| {
            let after = assessment::sample(&instrument);
            let mut before = after.clone();
            before.sheet = crate::example::sheet(&instrument, 4);
            before.assessed_on = chrono::NaiveDate::from_ymd_opt(2026, 1, 12).unwrap_or_default();
            let past = [&after, &before];
            [
                Self::new(&instrument, PersonaHead::sample(), &past, (&before, &after), false),
                Self::new(&instrument, PersonaHead::sample(), &past, (&after, &after), true),
            ]
        });
        samples.collect()
    }
}

pub(crate) async fn get(
    desk: Desk<SeePersone>,
    path: Result<Path<(String, String)>, PathRejection>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Outcome {
    let Path((persona, of)) = path.map_err(|_| Failure::NotFound)?;
    let id = persona.parse().map_err(|_| Failure::NotFound)?;
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let data = desk.store.persona(&desk.scope, id, desk.now).await?.data;
    let all = desk.store.history_of_persona(&desk.scope, id, desk.now).await?;
    let (instrument, version) = of.rsplit_once('-').ok_or(Failure::NotFound)?;
    let (instrument, version) = Id::parse(instrument).ok().zip(version.parse().ok()).ok_or(Failure::NotFound)?;
    let instrument = desk.portal().instrument_version(&instrument, version).ok_or(Failure::NotFound)?;
    let fits = |one: &&Assessment| one.is_current() && one.instrument == instrument.id && one.version == version;
    let past: Vec<&Assessment> = all.iter().filter(fits).collect();
    // The last two, unless the address says which; the earlier day comes first whichever way they were chosen.
    let last = past.first().ok_or(Failure::NotFound)?;
    let before_last = past.get(1).unwrap_or(last);
    let find = |wanted: &str| past.iter().copied().find(|one| one.id.to_string() == wanted);
    let mut pair = [find(&asked.prima).unwrap_or(before_last), find(&asked.dopo).unwrap_or(last)];
    pair.sort_by_key(|one| one.assessed_on);
    let head = PersonaHead::new(id, &data);
    let page = Compare::new(instrument, head, &past, (pair[0], pair[1]), asked.solo == "cambiate");
    Ok(desk.visitor.page(Area::Persone, StatusCode::OK, &page))
}
