//! The report of a questionnaire as data: what was measured, what it means, why, and what would change it.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::IntoResponse;
use domain::instrument::{Azione, Instrument};
use domain::scoring::changes::Raise;
use domain::scoring::{Refusal, ScaleScore, Sheet};
use serde::Serialize;
use store::{Assessment, StoreError};
use utoipa::ToSchema;
use uuid::Uuid;

use super::questionari::read;
use super::{Answer, Problem, Program};
use crate::pages::{assessment, report as page};

/// A thing of the strumento: its id there, and how it is called.
#[derive(Serialize, ToSchema)]
struct Named {
    id: String,
    title: String,
}

impl Named {
    fn azioni(instrument: &Instrument, places: &[usize]) -> Vec<Self> {
        let named = |azione: &Azione| Self { id: azione.id.to_string(), title: azione.title.to_string() };
        places.iter().map(|place| named(&instrument.azioni[*place])).collect()
    }
}

/// What a level, a class or a missing condition means, in the strumento's words.
#[derive(Serialize, ToSchema)]
struct Meaning {
    id: String,
    title: String,
    /// Paragraphs are apart by an empty line.
    text: String,
    /// What is proposed.
    azioni: Vec<Named>,
}

/// What an answer gave to a scale.
#[derive(Serialize, ToSchema)]
struct Contribution {
    item: String,
    /// The item's words.
    question: String,
    /// The answer's words.
    answer: String,
    points: i32,
    /// The most points that the item can give.
    reachable: i32,
}

/// An answer that would have to change.
#[derive(Serialize, ToSchema)]
struct Change {
    item: String,
    /// The value of the option that was chosen.
    from: i16,
    /// The value of the nearest option that is enough.
    to: i16,
}

/// The fewest answers that would have to change for the next level.
#[derive(Serialize, ToSchema)]
struct NextLevel {
    level: Named,
    changes: Vec<Change>,
}

/// A scale.
#[derive(Serialize, ToSchema)]
struct ScaleReport {
    id: String,
    title: String,
    /// Whether enough was answered; else there is neither index nor level.
    is_valid: bool,
    points: i32,
    /// The most points that the answered items can give.
    reachable: i32,
    items_answered: usize,
    items: usize,
    /// Points of a hundred that can be reached, in tenths.
    index_tenths: Option<i32>,
    /// The level that counts.
    level: Option<Meaning>,
    /// The level of the index alone, where a minimum condition that is missing lowers it.
    lowered_from: Option<Named>,
    /// `null` at the highest level, and where no change of answers is enough.
    next_level: Option<NextLevel>,
    contributions: Vec<Contribution>,
}

/// A report. The computed result beside the operator's own word, which is in the questionnaire.
#[derive(Serialize, ToSchema)]
pub(crate) struct Report {
    questionario: Uuid,
    instrument: Named,
    version: u32,
    /// Whether the strumento's words are not the official ones.
    is_unofficial: bool,
    /// The class that the rules give, where the strumento has a profile.
    profile: Option<Meaning>,
    /// The minimum conditions that are missing.
    blocks: Vec<Meaning>,
    scales: Vec<ScaleReport>,
}

impl Report {
    fn new(instrument: &Instrument, one: &Assessment) -> Result<Self, Refusal> {
        let scoring = instrument.score(&one.sheet)?;
        let class = scoring.profile.zip(instrument.profile.as_ref()).map(|(place, profile)| &profile.classes[place]);
        let blocks = scoring.blocks.keys().map(|place| &instrument.blocks[*place]);
        let scales = scoring.scales.iter().enumerate();
        Ok(Self {
            questionario: one.id.0,
            instrument: Named { id: instrument.id.to_string(), title: instrument.title.to_string() },
            version: instrument.version,
            is_unofficial: instrument.status == domain::instrument::Status::Unofficial,
            profile: class.map(|class| Meaning {
                id: class.id.to_string(),
                title: class.title.to_string(),
                text: class.paragraph.to_string(),
                azioni: Named::azioni(instrument, &class.azioni),
            }),
            blocks: blocks
                .map(|block| Meaning {
                    id: block.id.to_string(),
                    title: block.title.to_string(),
                    text: block.text.to_string(),
                    azioni: Named::azioni(instrument, &block.azioni),
                })
                .collect(),
            scales: scales
                .map(|(place, score)| scale(instrument, &one.sheet, place, score))
                .collect::<Result<_, _>>()?,
        })
    }
}

fn scale(instrument: &Instrument, sheet: &Sheet, place: usize, score: &ScaleScore) -> Result<ScaleReport, Refusal> {
    let scale = &instrument.scales[place];
    let named = |level: usize| {
        let level = &scale.levels[level];
        Named { id: level.id.to_string(), title: level.title.to_string() }
    };
    let next_level = match instrument.raise(sheet, place)? {
        Raise::NotScored | Raise::Highest | Raise::OutOfReach => None,
        Raise::Changes { to_level, changes } => Some(NextLevel {
            level: named(to_level),
            changes: changes
                .iter()
                .map(|change| Change {
                    item: instrument.items[change.item].id.to_string(),
                    from: change.from,
                    to: change.to,
                })
                .collect(),
        }),
    };
    Ok(ScaleReport {
        id: scale.id.to_string(),
        title: scale.title.to_string(),
        is_valid: score.is_valid,
        points: score.points,
        reachable: score.reachable,
        items_answered: score.items_answered,
        items: score.items,
        index_tenths: score.index_tenths(),
        level: score.level.map(|scored| {
            let level = &scale.levels[scored.level];
            Meaning {
                id: level.id.to_string(),
                title: level.title.to_string(),
                text: level.paragraph.to_string(),
                azioni: Named::azioni(instrument, &level.azioni),
            }
        }),
        lowered_from: score
            .level
            .filter(domain::scoring::ScoredLevel::is_capped)
            .map(|scored| named(scored.level_of_index)),
        next_level,
        contributions: score
            .contributions
            .iter()
            .map(|given| Contribution {
                item: instrument.items[given.item].id.to_string(),
                question: instrument.items[given.item].text.to_string(),
                answer: page::answer_text(instrument, sheet, given.item),
                points: given.points,
                reachable: given.reachable,
            })
            .collect(),
    })
}

/// The report of a questionnaire as data
///
/// Levels and what they mean, azioni proposed, missing conditions, what each answer gave, and the fewest answers that would
/// have to change. It names nobody.
#[utoipa::path(
    get,
    operation_id = "read_report",
    path = "/api/v1/questionari/{assessment}/relazione",
    tag = "questionari",
    security(("token" = ["questionari:read"])),
    params(("assessment" = Uuid, Path, description = "Its id.")),
    responses(
        (status = 200, description = "The report.", body = Report),
        super::description::Refusals,
        super::description::Absent,
    ),
)]
pub(crate) async fn report(program: Program, path: Result<Path<String>, PathRejection>) -> Answer {
    let one = read(&program, path).await?;
    let portal = &program.portal;
    let instrument = assessment::definition(portal, &one).map_err(|failure| Problem::of_failure(portal, failure))?;
    let damaged = |_| Problem::of_store(portal, StoreError::Damaged { table: "assessments", row: one.id.to_string() });
    Ok(Json(Report::new(instrument, &one).map_err(damaged)?).into_response())
}
