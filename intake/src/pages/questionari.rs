//! Validated questionnaires: what an operator made valid (one's own; the Ente administrator sees every operator's), and a
//! search over all that one may see.

use std::collections::BTreeMap;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use chrono::NaiveDate;
use domain::instrument::Id;
use serde::{Deserialize, Serialize};
use store::{AccountId, Assessment, HistoryFilter, PersonaId, Right, Role};
use templates::{Area, Page};

use super::account_form::Choice;
use super::history::State;
use super::people;
use super::persona::{evaluation_code, state};
use super::{accounts, assessment, identified};
use crate::form::{Field, read_date, show_date};
use crate::portal::Portal;
use crate::reply::{Failure, Outcome};
use crate::visitor::{Desk, ManageAccounts, Need, SeeOwnWork, SeePersone};

/// Rows of a page.
const ROWS_MAX: u64 = 50;

#[derive(Serialize)]
pub(crate) struct Questionari {
    whose: Whose,
    path: String,
    operators: Vec<OperatorLink>,
    filter: FilterForm,
    /// `None` when what is asked cannot be read.
    rows: Option<Vec<Row>>,
    first_row: u64,
    previous: Option<String>,
    next: Option<String>,
    /// Where those that count can be taken out as a file, for whoever may.
    extract: Option<String>,
}

/// Whose questionnaires.
#[derive(Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Whose {
    Mine,
    Operator { name: String },
    All,
}

#[derive(Serialize)]
struct OperatorLink {
    path: String,
    name: String,
    is_current: bool,
}

/// The filters as the form shows them.
#[derive(Serialize)]
struct FilterForm {
    instrument: String,
    instruments: Vec<Choice>,
    from: Field,
    until: Field,
    unita: String,
    units: Vec<Choice>,
    level: String,
    scales: Vec<ScaleChoice>,
    only_current: bool,
    is_any: bool,
}

/// A scale with its levels, to choose from.
#[derive(Serialize)]
pub(super) struct ScaleChoice {
    title: String,
    levels: Vec<Choice>,
}

impl ScaleChoice {
    /// Of every strumento; a level's code is strumento, scale and level, with dots between.
    pub(super) fn all(portal: &Portal) -> Vec<Self> {
        let scales = portal.instruments().flat_map(|instrument| {
            let scales = instrument.scales.iter().filter(|scale| !scale.levels.is_empty());
            scales.map(move |scale| {
                let code = |level| format!("{}.{}.{level}", instrument.id, scale.id);
                let levels = scale.levels.iter().map(|level| Choice::new(code(&level.id), level.title.as_str()));
                Self { title: format!("{}, {}", instrument.title, scale.title), levels: levels.collect() }
            })
        });
        scales.collect()
    }

    pub(super) fn samples() -> Vec<Self> {
        vec![Self { title: "S".to_owned(), levels: vec![Choice::new("a", "A")] }]
    }
}

/// Strumento, scale and level, from a code of [`ScaleChoice::all`].
pub(super) fn read_level(code: &str) -> Option<(Id, Id, Id)> {
    let ids: Vec<Id> = code.split('.').map(Id::parse).collect::<Result<_, _>>().ok()?;
    <[Id; 3]>::try_from(ids).ok().map(|[instrument, scale, level]| (instrument, scale, level))
}

#[derive(Serialize)]
struct Row {
    path: String,
    assessed_on: String,
    persona: String,
    persona_path: String,
    instrument: String,
    operator: Option<String>,
    evaluation: &'static str,
    state: State,
}

/// What an address asks for.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    strumento: String,
    #[serde(default)]
    dal: String,
    #[serde(default)]
    al: String,
    #[serde(default)]
    unita: String,
    /// Strumento, scale and level, with dots between.
    #[serde(default)]
    livello: String,
    #[serde(default)]
    stato: String,
    #[serde(default)]
    da: u64,
}

/// What an address asks for, read.
struct Reading {
    filter: HistoryFilter,
    from: Field,
    until: Field,
}

impl Asked {
    /// The filter; codes that nobody offers ask for nothing, and a day that is none is told.
    fn read(&self) -> Reading {
        let day = |text: &str| {
            let day = read_date(text.trim());
            let error = (day.is_none() && !text.trim().is_empty()).then_some("date");
            (day, Field { value: day.map_or_else(|| text.trim().to_owned(), show_date), error })
        };
        let (from_day, from) = day(&self.dal);
        let (until_day, mut until) = day(&self.al);
        if until.error.is_none() && from_day.zip(until_day).is_some_and(|(from, until)| until < from) {
            until.error = Some("date_before_first");
        }
        let level = read_level(&self.livello).map(|(instrument, scale, level)| (instrument, (scale, level)));
        let (of_level, level) = level.unzip();
        let filter = HistoryFilter {
            operator: None,
            instrument: of_level.or_else(|| Id::parse(&self.strumento).ok()),
            from: from_day,
            until: until_day,
            unita: self.unita.parse().ok().map(domain::feed::UnitaId),
            level,
            is_current_only: self.stato == "validi",
        };
        Reading { filter, from, until }
    }

    /// The same question from another row on.
    fn address(&self, path: &str, filter: &HistoryFilter, from_row: u64) -> String {
        let day = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
        let parts = [
            ("strumento", filter.instrument.as_ref().map(ToString::to_string).unwrap_or_default()),
            ("dal", day(filter.from)),
            ("al", day(filter.until)),
            ("unita", filter.unita.map(|unita| unita.to_string()).unwrap_or_default()),
            ("livello", if filter.level.is_some() { self.livello.clone() } else { String::new() }),
            ("stato", if filter.is_current_only { "validi".to_owned() } else { String::new() }),
            ("da", if from_row > 0 { from_row.to_string() } else { String::new() }),
        ];
        // Ids, days and numbers need no escaping.
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if parts.is_empty() { path.to_owned() } else { format!("{path}?{}", parts.join("&")) }
    }
}

impl FilterForm {
    fn new(portal: &Portal, units: Vec<Choice>, reading: Reading, asked: &Asked) -> Self {
        let Reading { filter, from, until } = reading;
        let instruments = portal.instruments().map(|instrument| Choice::new(&instrument.id, instrument.title.as_str()));
        let asks_nothing = HistoryFilter { operator: None, ..filter.clone() } == HistoryFilter::default();
        Self {
            instrument: filter.instrument.map(|id| id.to_string()).unwrap_or_default(),
            instruments: instruments.collect(),
            from,
            until,
            unita: filter.unita.map(|unita| unita.to_string()).unwrap_or_default(),
            units,
            level: asked.livello.clone(),
            scales: ScaleChoice::all(portal),
            only_current: filter.is_current_only,
            is_any: !asks_nothing,
        }
    }
}

impl Page for Questionari {
    const TEMPLATE: &'static str = "pages/questionari.html";

    fn samples() -> Vec<Self> {
        let row = |state| Row {
            path: "/questionari/1".to_owned(),
            assessed_on: "3/7/2026".to_owned(),
            persona: "Rossi Maria".to_owned(),
            persona_path: "/persone/1".to_owned(),
            instrument: "ASSO".to_owned(),
            operator: Some("Anna Prova".to_owned()),
            evaluation: "confirmed",
            state,
        };
        let rows = || [State::Current, State::Superseded, State::Annulled].map(row).into();
        let links = [true, false].map(|is_current| OperatorLink {
            path: "/operatori/1/questionari".to_owned(),
            name: "Anna Prova".to_owned(),
            is_current,
        });
        let choice = || vec![Choice::new("a", "A")];
        let filter = |is_any: bool| FilterForm {
            instrument: "a".to_owned(),
            instruments: choice(),
            from: Field { value: "x".to_owned(), error: is_any.then_some("date") },
            until: Field::default(),
            unita: "a".to_owned(),
            units: if is_any { choice() } else { Vec::new() },
            level: "a".to_owned(),
            scales: ScaleChoice::samples(),
            only_current: is_any,
            is_any,
        };
        let page = |whose, rows, is_any| Self {
            whose,
            path: "/questionari".to_owned(),
            operators: Vec::new(),
            filter: filter(is_any),
            rows,
            first_row: 1,
            previous: is_any.then(|| "/questionari".to_owned()),
            next: is_any.then(|| "/questionari?da=50".to_owned()),
            extract: is_any.then(|| "/estrazioni-con-nomi/nuova?strumento=asso".to_owned()),
        };
        let operator = Whose::Operator { name: "Anna Prova".to_owned() };
        vec![
            page(Whose::Mine, Some(Vec::new()), false),
            page(Whose::Mine, None, true),
            page(Whose::All, Some(rows()), true),
            Self { operators: links.into(), ..page(operator, Some(rows()), true) },
        ]
    }
}

async fn page<N: Need>(
    desk: &Desk<N>,
    whose: Whose,
    operator: Option<AccountId>,
    path: String,
    operators: Vec<OperatorLink>,
    asked: &Asked,
) -> Result<(StatusCode, Questionari), Failure> {
    let portal = desk.portal();
    let mut reading = asked.read();
    reading.filter.operator = operator;
    let units = desk.store.unita(&desk.scope).await?;
    let units = units.into_iter().map(|unita| Choice::new(unita.id, &unita.name)).collect();
    let filter = reading.filter.clone();
    if reading.from.error.is_some() || reading.until.error.is_some() {
        let filter = FilterForm::new(portal, units, reading, asked);
        let (rows, first_row, previous, next, extract) = (None, 0, None, None, None);
        let page = Questionari { whose, path, operators, filter, rows, first_row, previous, next, extract };
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page));
    }
    let mut past = desk.store.history(&desk.scope, &filter, asked.da, ROWS_MAX + 1, desk.now).await?;
    let shown = usize::try_from(ROWS_MAX).unwrap_or(usize::MAX);
    let next = (past.len() > shown).then(|| asked.address(&path, &filter, asked.da + ROWS_MAX));
    past.truncate(shown);
    let previous = (asked.da > 0).then(|| asked.address(&path, &filter, asked.da.saturating_sub(ROWS_MAX)));
    let rows = Some(rows(desk, &past).await?);
    let extract = desk.may(Right::ExtractIdentified).then(|| identified::form_address(&filter));
    let filter = FilterForm::new(portal, units, reading, asked);
    let first_row = asked.da + 1;
    Ok((StatusCode::OK, Questionari { whose, path, operators, filter, rows, first_row, previous, next, extract }))
}

async fn rows<N: Need>(desk: &Desk<N>, past: &[Assessment]) -> Result<Vec<Row>, Failure> {
    let mut names: BTreeMap<PersonaId, String> = BTreeMap::new();
    let mut rows = Vec::new();
    for one in past {
        let persona = match names.get(&one.persona) {
            Some(name) => name.clone(),
            None => {
                let data = desk.store.persona(&desk.scope, one.persona, desk.now).await?.data;
                let name = people::name(&data.surname, &data.name, one.persona);
                names.insert(one.persona, name.clone());
                name
            }
        };
        rows.push(row(desk.portal(), one, persona));
    }
    Ok(rows)
}

fn row(portal: &Portal, one: &Assessment, persona: String) -> Row {
    let instrument = portal.instrument_version(&one.instrument, one.version);
    Row {
        path: assessment::path(one.id),
        assessed_on: show_date(one.assessed_on),
        persona,
        persona_path: people::path(one.persona),
        instrument: instrument.map_or_else(|| one.instrument.to_string(), |instrument| instrument.title.to_string()),
        operator: one.operator.as_ref().map(|operator| operator.display_name.clone()),
        evaluation: evaluation_code(&one.evaluation),
        state: state(one),
    }
}

/// What the address asks for; nothing where it cannot be read.
fn asked(query: Result<Query<Asked>, QueryRejection>) -> Asked {
    query.map(|Query(asked)| asked).unwrap_or_default()
}

pub(crate) async fn mine(desk: Desk<SeeOwnWork>, query: Result<Query<Asked>, QueryRejection>) -> Outcome {
    let (asked, path) = (asked(query), "/questionari".to_owned());
    let operator = Some(desk.session.account());
    let (status, page) = page(&desk, Whose::Mine, operator, path, Vec::new(), &asked).await?;
    Ok(desk.visitor.page(Area::Questionari, status, &page))
}

/// All that one may see.
pub(crate) async fn all(desk: Desk<SeePersone>, query: Result<Query<Asked>, QueryRejection>) -> Outcome {
    let (asked, path) = (asked(query), "/questionari/tutti".to_owned());
    let (status, page) = page(&desk, Whose::All, None, path, Vec::new(), &asked).await?;
    Ok(desk.visitor.page(Area::Questionari, status, &page))
}

pub(crate) async fn of_operator(
    desk: Desk<ManageAccounts>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Outcome {
    let (asked, id) = (asked(query), super::id(path)?);
    let account = desk.store.account(&desk.scope, id).await?;
    let all = desk.store.accounts(&desk.scope).await?;
    let path = |id| format!("{}/questionari", accounts::path(id));
    let operators = all.iter().filter(|other| other.role == Role::Operator).map(|other| OperatorLink {
        path: path(other.id),
        name: other.display_name.clone(),
        is_current: other.id == id,
    });
    let whose = Whose::Operator { name: account.display_name };
    let (status, page) = page(&desk, whose, Some(id), path(id), operators.collect(), &asked).await?;
    Ok(desk.visitor.page(Area::Operatori, status, &page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_was_read_and_nothing_else() {
        let asked = Asked {
            strumento: "asso".to_owned(),
            dal: "3/7/2026".to_owned(),
            al: " 2026-12-31 ".to_owned(),
            unita: "x&y".to_owned(),
            livello: "isa.cura.alto".to_owned(),
            stato: "validi".to_owned(),
            da: 50,
        };
        let reading = asked.read();
        assert_eq!((reading.from.value.as_str(), reading.until.value.as_str()), ("3/7/2026", "31/12/2026"));
        assert_eq!(reading.filter.instrument, Id::parse("isa").ok(), "a level is one of its own strumento");
        assert_eq!(
            asked.address("/questionari", &reading.filter, 100),
            "/questionari?strumento=isa&dal=2026-07-03&al=2026-12-31&livello=isa.cura.alto&stato=validi&da=100"
        );
        assert_eq!(Asked::default().address("/questionari", &HistoryFilter::default(), 0), "/questionari");
        let wrong = Asked { dal: "ieri".to_owned(), livello: "isa.cura".to_owned(), ..Asked::default() }.read();
        assert_eq!((wrong.from.error, wrong.filter), (Some("date"), HistoryFilter::default()));
        let swapped = Asked { dal: "2/1/2026".to_owned(), al: "1/1/2026".to_owned(), ..Asked::default() }.read();
        assert_eq!(swapped.until.error, Some("date_before_first"));
    }
}
