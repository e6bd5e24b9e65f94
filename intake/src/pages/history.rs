//! The visura storica of a persona: validated questionnaires by strumento, with indices over time and what can be said
//! of each change.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::feed::ScaleResult;
use domain::instrument::{Id, Instrument, Scale, Status};
use domain::scoring::ScaleScore;
use domain::scoring::change::{Change, reliable_change};
use serde::Serialize;

use crate::form::show_date;

/// Where the chart begins and how wide it is, in its own units.
const LEFT: i64 = 40;
const WIDTH: i64 = 590;
const TOP: i64 = 10;
const HEIGHT: i64 = 200;
/// The first line of the legend, and the distance between two.
const LEGEND: i64 = 252;
const LEGEND_STEP: i64 = 18;
/// Colours that noncello.css has.
const COLOURS: usize = 6;

/// What became of a validated questionnaire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It counts.
    Current,
    /// A correction took its place.
    Superseded,
    /// It no longer counts at all.
    Annulled,
}

/// A validated questionnaire, as the store gives it.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    pub(crate) path: String,
    pub(crate) assessed_on: NaiveDate,
    pub(crate) instrument: Id,
    pub(crate) version: u32,
    pub(crate) scores: Vec<ScaleResult>,
    pub(crate) profile: Option<Id>,
    pub(crate) state: State,
    pub(crate) is_correction: bool,
    pub(crate) evaluation: &'static str,
    pub(crate) origin: &'static str,
    pub(crate) operator: Option<String>,
    /// The standard errors of measurement that were used, by scale.
    pub(crate) sem_hundredths: BTreeMap<Id, i32>,
}

/// The questionnaires of one version of a strumento.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct History {
    title: String,
    is_unofficial: bool,
    /// The strumento, where two questionnaires count and can be compared.
    compare: Option<String>,
    scales: Vec<String>,
    profile_title: Option<String>,
    has_error_of_measure: bool,
    rows: Vec<Row>,
    chart: Option<Chart>,
}

#[derive(Clone, Debug, Serialize)]
struct Row {
    path: String,
    assessed_on: String,
    note: Option<&'static str>,
    cells: Vec<Cell>,
    profile: Option<String>,
    evaluation: &'static str,
    origin: &'static str,
    operator: Option<String>,
}

/// A result on a scale.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cell {
    index_tenths: Option<i32>,
    level: Option<String>,
    /// Against the questionnaire that counts before this one.
    change: Option<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
struct Chart {
    height: i64,
    marks: Vec<Mark>,
    dates: Vec<DateMark>,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, Serialize)]
struct Mark {
    y: i64,
    text: i64,
}

#[derive(Clone, Debug, Serialize)]
struct DateMark {
    x: i64,
    anchor: &'static str,
    text: String,
}

#[derive(Clone, Debug, Serialize)]
struct Line {
    title: String,
    colour: usize,
    points: String,
    dots: Vec<Dot>,
    legend_y: i64,
}

#[derive(Clone, Debug, Serialize)]
struct Dot {
    x: i64,
    y: i64,
}

/// Histories by strumento, newest version first; questionnaires of a strumento that is not known here are left out.
/// `past` may come in any order.
pub(crate) fn histories<'a>(mut past: Vec<Past>, find: impl Fn(&Id, u32) -> Option<&'a Instrument>) -> Vec<History> {
    past.sort_by(|a, b| {
        (a.assessed_on, a.state == State::Current, &a.path).cmp(&(b.assessed_on, b.state == State::Current, &b.path))
    });
    let mut groups: BTreeMap<(Id, std::cmp::Reverse<u32>), Vec<Past>> = BTreeMap::new();
    for one in past {
        groups.entry((one.instrument.clone(), std::cmp::Reverse(one.version))).or_default().push(one);
    }
    groups.into_iter().filter_map(|((id, version), group)| Some(History::new(find(&id, version.0)?, &group))).collect()
}

impl History {
    /// `past` from the oldest.
    fn new(instrument: &Instrument, past: &[Past]) -> Self {
        let mut before: Option<&Past> = None;
        let mut rows: Vec<Row> = Vec::new();
        for one in past {
            rows.push(Row::new(instrument, one, before.filter(|_| one.state == State::Current)));
            if one.state == State::Current {
                before = Some(one);
            }
        }
        rows.reverse();
        Self {
            title: format!("{} {}", instrument.title, instrument.version),
            is_unofficial: instrument.status == Status::Unofficial,
            compare: (past.iter().filter(|one| one.state == State::Current).count() > 1)
                .then(|| format!("{}-{}", instrument.id, instrument.version)),
            scales: instrument.scales.iter().map(|scale| scale.title.to_string()).collect(),
            profile_title: instrument.profile.as_ref().map(|profile| profile.title.to_string()),
            has_error_of_measure: instrument.scales.iter().all(|scale| scale.reliability.is_some()),
            rows,
            chart: chart(instrument, &past.iter().filter(|one| one.state == State::Current).collect::<Vec<_>>()),
        }
    }
}

impl Row {
    fn new(instrument: &Instrument, one: &Past, before: Option<&Past>) -> Self {
        let cells = instrument
            .scales
            .iter()
            .map(|scale| {
                Cell::new(scale, &one.scores, before.map(|before| before.scores.as_slice()), &one.sem_hundredths)
            })
            .collect();
        let profile = instrument.profile.as_ref().zip(one.profile.as_ref()).and_then(|(profile, id)| {
            profile.classes.iter().find(|class| class.id == *id).map(|class| class.title.to_string())
        });
        Self {
            path: one.path.clone(),
            assessed_on: show_date(one.assessed_on),
            note: match one.state {
                State::Annulled => Some("annulled"),
                State::Superseded => Some("superseded"),
                State::Current => one.is_correction.then_some("correction"),
            },
            cells,
            profile,
            evaluation: one.evaluation,
            origin: one.origin,
            operator: one.operator.clone(),
        }
    }
}

impl Cell {
    /// The result on a scale, and whether it differs from the one before by more than the error of measurement that was kept
    /// with the questionnaire; the definition's where none was.
    pub(crate) fn new(
        scale: &Scale,
        scores: &[ScaleResult],
        before: Option<&[ScaleResult]>,
        sem_hundredths: &BTreeMap<Id, i32>,
    ) -> Self {
        let result = |scores: &[ScaleResult]| scores.iter().find(|score| score.scale == scale.id).cloned();
        let here = result(scores);
        let level = here.as_ref().and_then(|result| result.level.clone());
        let level = level.and_then(|id| scale.levels.iter().find(|level| level.id == id));
        let here = here.as_ref().map(score).filter(|score| score.is_valid);
        let definition = scale.reliability.as_ref().map(|reliability| reliability.sem_hundredths);
        let sem = sem_hundredths.get(&scale.id).copied().or(definition);
        let change = match (before.and_then(result), &here, sem) {
            (Some(there), Some(here), Some(sem)) => reliable_change(&score(&there), here, sem).map(change_code),
            _ => None,
        };
        Self {
            index_tenths: here.as_ref().and_then(ScaleScore::index_tenths),
            level: level.map(|level| level.title.to_string()),
            change,
        }
    }
}

const fn change_code(change: Change) -> &'static str {
    match change {
        Change::ReliableImprovement => "up",
        Change::WithinError => "same",
        Change::ReliableWorsening => "down",
    }
}

/// A stored result as the scoring's own type, for comparing.
fn score(result: &ScaleResult) -> ScaleScore {
    ScaleScore {
        points: result.points,
        reachable: result.reachable,
        reachable_of_all: result.reachable,
        items_answered: usize::try_from(result.items_answered).unwrap_or(0),
        items: usize::try_from(result.items_answered).unwrap_or(0),
        is_valid: result.is_valid,
        level: None,
        contributions: Vec::new(),
    }
}

/// Lines over time, when there are at least two days to draw.
fn chart(instrument: &Instrument, current: &[&Past]) -> Option<Chart> {
    let (first, last) = (current.first()?.assessed_on, current.last()?.assessed_on);
    let days = (last - first).num_days();
    if days <= 0 {
        return None;
    }
    let x = |on: NaiveDate| LEFT + WIDTH * (on - first).num_days() / days;
    let y = |tenths: i64| TOP + HEIGHT - HEIGHT * tenths / 1000;
    let lines: Vec<Line> = instrument
        .scales
        .iter()
        .enumerate()
        .map(|(place, scale)| {
            let dots: Vec<Dot> = current
                .iter()
                .filter_map(|past| {
                    let result = past.scores.iter().find(|score| score.scale == scale.id && score.is_valid)?;
                    Some(Dot { x: x(past.assessed_on), y: y(i64::from(score(result).index_tenths()?)) })
                })
                .collect();
            Line {
                title: scale.title.to_string(),
                colour: place % COLOURS,
                points: dots.iter().map(|dot| format!("{},{}", dot.x, dot.y)).collect::<Vec<_>>().join(" "),
                dots,
                legend_y: LEGEND + LEGEND_STEP * i64::try_from(place).unwrap_or(0),
            }
        })
        .collect();
    let height = lines.last().map_or(LEGEND, |line| line.legend_y) + 10;
    Some(Chart {
        height,
        marks: [0, 25, 50, 75, 100].map(|text| Mark { y: y(10 * text), text }).into(),
        dates: vec![
            DateMark { x: LEFT, anchor: "start", text: show_date(first) },
            DateMark { x: LEFT + WIDTH, anchor: "end", text: show_date(last) },
        ],
        lines,
    })
}

/// Histories for samples: three questionnaires of each strumento, one of them corrected and one annulled.
pub(crate) fn samples(instruments: &[Instrument]) -> Vec<History> {
    let past = instruments.iter().flat_map(|instrument| {
        [(1, State::Current), (5, State::Superseded), (9, State::Current), (3, State::Annulled), (7, State::Current)]
            .into_iter()
            .zip(0_u64..)
            .filter_map(move |((month, state), seed)| {
                let sheet = crate::example::sheet(instrument, seed);
                let scoring = instrument.score(&sheet).ok()?;
                let class = instrument
                    .profile
                    .as_ref()
                    .zip(scoring.profile)
                    .map(|(profile, class)| profile.classes[class].id.clone());
                Some(Past {
                    path: format!("/questionari/{seed}"),
                    assessed_on: NaiveDate::from_ymd_opt(2025, month, 12)?,
                    instrument: instrument.id.clone(),
                    version: instrument.version,
                    scores: ScaleResult::all(instrument, &scoring),
                    profile: class,
                    state,
                    is_correction: seed == 2,
                    evaluation: if seed == 0 { "absent" } else { "confirmed" },
                    origin: if seed == 0 { "import" } else { "portal" },
                    operator: (seed != 0).then(|| "Anna Prova".to_owned()),
                    sem_hundredths: BTreeMap::new(),
                })
            })
            .collect::<Vec<_>>()
    });
    histories(past.collect(), |id, version| {
        instruments.iter().find(|instrument| instrument.id == *id && instrument.version == version)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::view;

    fn past(instrument: &Instrument, month: u32, value: usize, state: State) -> Past {
        let answers = instrument.items.iter().map(|item| {
            let place = value.min(item.options.len() - 1);
            (item.id.clone(), domain::instrument::Answer::Value(item.options[place].value))
        });
        let scoring = instrument.score(&answers.collect()).unwrap();
        Past {
            path: format!("/questionari/{month}"),
            assessed_on: NaiveDate::from_ymd_opt(2026, month, 1).unwrap(),
            instrument: instrument.id.clone(),
            version: instrument.version,
            scores: ScaleResult::all(instrument, &scoring),
            profile: None,
            state,
            is_correction: false,
            evaluation: "confirmed",
            origin: "portal",
            operator: None,
            sem_hundredths: BTreeMap::new(),
        }
    }

    #[test]
    fn a_change_is_told_from_noise_and_only_against_what_counts() {
        let instruments = view::sample_instruments();
        let isa =
            instruments.iter().find(|instrument| instrument.scales.iter().all(|scale| scale.reliability.is_some()));
        let isa = isa.expect("a strumento shipped gives its error of measure");
        let given = vec![
            past(isa, 5, 4, State::Current),
            past(isa, 1, 0, State::Current),
            past(isa, 3, 4, State::Annulled),
            past(isa, 9, 4, State::Current),
        ];
        let found = histories(given, |_, _| Some(isa));
        let changes: Vec<_> = found[0].rows.iter().map(|row| (row.assessed_on.as_str(), row.cells[0].change)).collect();
        assert_eq!(
            changes,
            [("1/9/2026", Some("same")), ("1/5/2026", Some("up")), ("1/3/2026", None), ("1/1/2026", None)]
        );
        let chart = found[0].chart.as_ref().unwrap();
        assert_eq!(chart.lines[0].dots.len(), 3, "what is annulled is not drawn");
        assert!(chart.lines.iter().flat_map(|line| &line.dots).all(|dot| (TOP..=TOP + HEIGHT).contains(&dot.y)));
    }

    #[test]
    fn one_day_has_no_chart() {
        let instruments = view::sample_instruments();
        let one = past(&instruments[0], 5, 1, State::Current);
        assert!(histories(vec![one], |_, _| instruments.first())[0].chart.is_none());
    }
}
