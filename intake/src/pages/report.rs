//! The report of a scored sheet as values for its template: what was measured, what it means, why, and what would change it.

use std::collections::BTreeSet;

use domain::instrument::{Instrument, Minimum, Missing, Status};
use domain::scoring::changes::Raise;
use domain::scoring::{Refusal, ScaleScore, Scoring, Sheet};
use serde::Serialize;

use super::radar::Radar;
use super::view::{self, AzioneView, CapView, CrosswalkRow};

/// A whole report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    version: u32,
    is_unofficial: bool,
    count_answered: usize,
    count_items: usize,
    has_profile: bool,
    profile: Option<ProfileReport>,
    blocks: Vec<BlockReport>,
    scales: Vec<ScaleReport>,
    radar: Option<Radar>,
    crosswalk: Vec<CrosswalkRow>,
}

#[derive(Clone, Debug, Serialize)]
struct ProfileReport {
    label: String,
    title: String,
    paragraphs: Vec<String>,
    azioni: Vec<AzioneView>,
}

#[derive(Clone, Debug, Serialize)]
struct BlockReport {
    title: String,
    paragraphs: Vec<String>,
    items: Vec<String>,
    caps: Vec<CapView>,
    azioni: Vec<AzioneView>,
}

#[derive(Clone, Debug, Serialize)]
struct ScaleReport {
    title: String,
    description: String,
    is_valid: bool,
    minimum_items: Option<usize>,
    minimum_percent: Option<i32>,
    covered_percent: i32,
    items_answered: usize,
    items_total: usize,
    points: i32,
    reachable: i32,
    index_tenths: Option<i32>,
    /// The index as an SVG length out of 100, with one decimal.
    bar_width: String,
    levels: Vec<LevelMark>,
    level: Option<LevelReport>,
    capped_from: Option<String>,
    raise: Option<RaiseReport>,
    contributions: Vec<ContributionReport>,
}

#[derive(Clone, Debug, Serialize)]
struct LevelMark {
    title: String,
    from: i32,
    is_current: bool,
}

#[derive(Clone, Debug, Serialize)]
struct LevelReport {
    title: String,
    paragraphs: Vec<String>,
    azioni: Vec<AzioneView>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum RaiseReport {
    Highest,
    OutOfReach,
    Changes { to_level: String, changes: Vec<ChangeReport> },
}

#[derive(Clone, Debug, Serialize)]
struct ChangeReport {
    item: String,
    from: String,
    to: String,
}

#[derive(Clone, Debug, Serialize)]
struct ContributionReport {
    item: String,
    answer: String,
    points: i32,
    reachable: i32,
}

impl Report {
    /// Scores a sheet and says all that can be said of it.
    ///
    /// # Errors
    /// When an answer does not belong to the strumento.
    pub(crate) fn new(instrument: &Instrument, sheet: &Sheet) -> Result<Self, Refusal> {
        let scoring = instrument.score(sheet)?;
        let scales = (0..instrument.scales.len())
            .map(|scale| ScaleReport::new(instrument, sheet, scale, &scoring.scales[scale]))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            version: instrument.version,
            is_unofficial: instrument.status == Status::Unofficial,
            count_answered: sheet.values().filter(|answer| answer.code() >= 0).count(),
            count_items: instrument.items.len(),
            has_profile: instrument.profile.is_some(),
            profile: profile(instrument, &scoring),
            blocks: blocks(instrument, sheet, &scoring),
            radar: Radar::new(instrument, &scoring),
            crosswalk: view::crosswalk(instrument),
            scales,
        })
    }
}

fn azioni(instrument: &Instrument, indices: &[usize]) -> Vec<AzioneView> {
    indices.iter().map(|azione| AzioneView::new(&instrument.azioni[*azione])).collect()
}

/// The azioni that a report proposes, as indices of the catalogue in its order, each once.
pub(crate) fn proposed(instrument: &Instrument, scoring: &Scoring) -> BTreeSet<usize> {
    let levels = instrument
        .scales
        .iter()
        .zip(&scoring.scales)
        .filter_map(|(scale, score)| score.level.map(|scored| &scale.levels[scored.level].azioni));
    let blocks = scoring.blocks.keys().map(|block| &instrument.blocks[*block].azioni);
    let class = instrument.profile.as_ref().zip(scoring.profile).map(|(profile, class)| &profile.classes[class].azioni);
    levels.chain(blocks).chain(class).flatten().copied().collect()
}

fn profile(instrument: &Instrument, scoring: &Scoring) -> Option<ProfileReport> {
    let profile = instrument.profile.as_ref()?;
    let class = &profile.classes[scoring.profile?];
    Some(ProfileReport {
        label: profile.title.to_string(),
        title: class.title.to_string(),
        paragraphs: view::paragraphs(&class.paragraph),
        azioni: azioni(instrument, &class.azioni),
    })
}

fn blocks(instrument: &Instrument, sheet: &Sheet, scoring: &Scoring) -> Vec<BlockReport> {
    scoring
        .blocks
        .iter()
        .map(|(index, items)| {
            let block = &instrument.blocks[*index];
            BlockReport {
                title: block.title.to_string(),
                paragraphs: view::paragraphs(&block.text),
                items: items
                    .iter()
                    .map(|item| format!("{} {}", instrument.items[*item].text, answer_text(instrument, sheet, *item)))
                    .collect(),
                caps: view::caps(instrument, *index),
                azioni: azioni(instrument, &block.azioni),
            }
        })
        .collect()
}

/// What was answered, in the form's words; empty for a blank.
pub(crate) fn answer_text(instrument: &Instrument, sheet: &Sheet, item: usize) -> String {
    let item = &instrument.items[item];
    let Some(answer) = sheet.get(&item.id) else { return String::new() };
    let missing = |kind: Missing| instrument.missing.iter().find(|missing| missing.kind == kind);
    match *answer {
        domain::instrument::Answer::Value(value) => item.option(value).map(|option| option.text.to_string()),
        domain::instrument::Answer::Missing(kind) => missing(kind).map(|missing| missing.label.to_string()),
    }
    .unwrap_or_default()
}

impl ScaleReport {
    fn new(instrument: &Instrument, sheet: &Sheet, index: usize, score: &ScaleScore) -> Result<Self, Refusal> {
        let scale = &instrument.scales[index];
        let (minimum_items, minimum_percent) = match scale.minimum {
            Minimum::Items(items) => (Some(items), None),
            Minimum::WeightPercent(percent) => (None, Some(percent)),
        };
        let level = score.level.map(|scored| &scale.levels[scored.level]);
        let index_tenths = score.index_tenths();
        let tenths = index_tenths.unwrap_or(0);
        Ok(Self {
            title: scale.title.to_string(),
            description: scale.description.to_string(),
            is_valid: score.is_valid,
            minimum_items,
            minimum_percent,
            covered_percent: 100 * score.reachable / score.reachable_of_all.max(1),
            items_answered: score.items_answered,
            items_total: score.items,
            points: score.points,
            reachable: score.reachable,
            index_tenths,
            bar_width: format!("{}.{}", tenths / 10, tenths % 10),
            levels: scale
                .levels
                .iter()
                .enumerate()
                .map(|(place, level)| LevelMark {
                    title: level.title.to_string(),
                    from: level.from,
                    is_current: score.level.is_some_and(|scored| scored.level == place),
                })
                .collect(),
            level: level.map(|level| LevelReport {
                title: level.title.to_string(),
                paragraphs: view::paragraphs(&level.paragraph),
                azioni: azioni(instrument, &level.azioni),
            }),
            capped_from: score
                .level
                .filter(domain::scoring::ScoredLevel::is_capped)
                .map(|scored| scale.levels[scored.level_of_index].title.to_string()),
            raise: RaiseReport::new(instrument, sheet, index)?,
            contributions: score
                .contributions
                .iter()
                .map(|given| ContributionReport {
                    item: instrument.items[given.item].text.to_string(),
                    answer: answer_text(instrument, sheet, given.item),
                    points: given.points,
                    reachable: given.reachable,
                })
                .collect(),
        })
    }
}

impl RaiseReport {
    fn new(instrument: &Instrument, sheet: &Sheet, scale: usize) -> Result<Option<Self>, Refusal> {
        Ok(match instrument.raise(sheet, scale)? {
            Raise::NotScored => None,
            Raise::Highest => Some(Self::Highest),
            Raise::OutOfReach => Some(Self::OutOfReach),
            Raise::Changes { to_level, changes } => Some(Self::Changes {
                to_level: instrument.scales[scale].levels[to_level].title.to_string(),
                changes: changes
                    .iter()
                    .map(|change| {
                        let item = &instrument.items[change.item];
                        let text = |value| item.option(value).map(|option| option.text.to_string()).unwrap_or_default();
                        ChangeReport { item: item.text.to_string(), from: text(change.from), to: text(change.to) }
                    })
                    .collect(),
            }),
        })
    }
}
