//! One strumento, whole: items, points, levels, minimum conditions, profile.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::Response;
use domain::instrument::{Instrument, Minimum};
use serde::Serialize;
use templates::{Area, Page};

use super::view::{self, CapView, InstrumentHead};
use crate::reply;
use crate::visitor::Visitor;

#[derive(Serialize)]
pub(crate) struct InstrumentPage {
    head: InstrumentHead,
    description: Vec<String>,
    source: Vec<String>,
    scale_titles: Vec<String>,
    sections: Vec<SectionOfItems>,
    scales: Vec<ScaleOfLevels>,
    blocks: Vec<BlockView>,
    profile: Option<ProfileView>,
}

#[derive(Serialize)]
struct SectionOfItems {
    id: String,
    title: String,
    intro: Option<String>,
    items: Vec<ItemOfOptions>,
}

#[derive(Serialize)]
struct ItemOfOptions {
    text: String,
    help: Option<String>,
    options: Vec<OptionOfPoints>,
}

#[derive(Serialize)]
struct OptionOfPoints {
    text: String,
    /// Per scale; `None` where the item does not count for it.
    points: Vec<Option<i32>>,
    blocks: Vec<String>,
}

#[derive(Serialize)]
struct ScaleOfLevels {
    title: String,
    description: String,
    minimum_items: Option<usize>,
    minimum_percent: Option<i32>,
    count_items: usize,
    reliability: Option<ReliabilityView>,
    levels: Vec<LevelOfText>,
}

#[derive(Serialize)]
struct ReliabilityView {
    sem_hundredths: i32,
    source: String,
}

#[derive(Serialize)]
struct LevelOfText {
    title: String,
    from: i32,
    paragraphs: Vec<String>,
    azioni: Vec<String>,
}

#[derive(Serialize)]
struct BlockView {
    title: String,
    paragraphs: Vec<String>,
    caps: Vec<CapView>,
}

#[derive(Serialize)]
struct ProfileView {
    title: String,
    classes: Vec<ClassView>,
}

#[derive(Serialize)]
struct ClassView {
    title: String,
    paragraphs: Vec<String>,
}

impl InstrumentPage {
    fn new(instrument: &Instrument) -> Self {
        let item = |index: usize| {
            let item = &instrument.items[index];
            let weights: Vec<i32> = (0..instrument.scales.len()).map(|scale| item.weight(scale)).collect();
            ItemOfOptions {
                text: item.text.to_string(),
                help: item.help.as_ref().map(ToString::to_string),
                options: item
                    .options
                    .iter()
                    .map(|option| OptionOfPoints {
                        text: option.text.to_string(),
                        points: option
                            .points
                            .iter()
                            .zip(&weights)
                            .map(|(points, weight)| (*weight > 0).then_some(*points))
                            .collect(),
                        blocks: option.blocks.iter().map(|block| instrument.blocks[*block].title.to_string()).collect(),
                    })
                    .collect(),
            }
        };
        Self {
            head: InstrumentHead::new(instrument),
            description: view::paragraphs(&instrument.description),
            source: view::paragraphs(&instrument.source),
            scale_titles: instrument.scales.iter().map(|scale| scale.title.to_string()).collect(),
            sections: instrument
                .sections
                .iter()
                .map(|section| SectionOfItems {
                    id: section.id.to_string(),
                    title: section.title.to_string(),
                    intro: section.intro.as_ref().map(ToString::to_string),
                    items: section.items.clone().map(item).collect(),
                })
                .collect(),
            scales: (0..instrument.scales.len()).map(|scale| ScaleOfLevels::new(instrument, scale)).collect(),
            blocks: (0..instrument.blocks.len())
                .map(|block| BlockView {
                    title: instrument.blocks[block].title.to_string(),
                    paragraphs: view::paragraphs(&instrument.blocks[block].text),
                    caps: view::caps(instrument, block),
                })
                .collect(),
            profile: instrument.profile.as_ref().map(|profile| ProfileView {
                title: profile.title.to_string(),
                classes: profile
                    .classes
                    .iter()
                    .map(|class| ClassView {
                        title: class.title.to_string(),
                        paragraphs: view::paragraphs(&class.paragraph),
                    })
                    .collect(),
            }),
        }
    }
}

impl ScaleOfLevels {
    fn new(instrument: &Instrument, index: usize) -> Self {
        let scale = &instrument.scales[index];
        let (minimum_items, minimum_percent) = match scale.minimum {
            Minimum::Items(items) => (Some(items), None),
            Minimum::WeightPercent(percent) => (None, Some(percent)),
        };
        Self {
            title: scale.title.to_string(),
            description: scale.description.to_string(),
            minimum_items,
            minimum_percent,
            count_items: instrument.items.iter().filter(|item| item.weight(index) > 0).count(),
            reliability: scale.reliability.as_ref().map(|reliability| ReliabilityView {
                sem_hundredths: reliability.sem_hundredths,
                source: reliability.source.to_string(),
            }),
            levels: scale
                .levels
                .iter()
                .map(|level| LevelOfText {
                    title: level.title.to_string(),
                    from: level.from,
                    paragraphs: view::paragraphs(&level.paragraph),
                    azioni: level.azioni.iter().map(|azione| instrument.azioni[*azione].title.to_string()).collect(),
                })
                .collect(),
        }
    }
}

impl Page for InstrumentPage {
    const TEMPLATE: &'static str = "pages/instrument.html";

    fn samples() -> Vec<Self> {
        view::sample_instruments().iter().map(Self::new).collect()
    }
}

pub(crate) async fn get(visitor: Visitor, path: Result<Path<String>, PathRejection>) -> Response {
    match path.ok().and_then(|Path(id)| visitor.portal().instrument(&id)) {
        Some(instrument) => reply::page(&visitor, Area::Instruments, StatusCode::OK, &InstrumentPage::new(instrument)),
        None => reply::not_found(&visitor),
    }
}
