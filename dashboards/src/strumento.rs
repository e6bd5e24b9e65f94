//! What the pages need of a strumento: the names of its scales, levels and profile classes, over all its versions.
//!
//! Marts carry codes; the latest definition names them. A level that only an earlier version had keeps its name from
//! there, so that a new version never empties an old year.

use domain::instrument::{Instrument, Scale};

use crate::protect::PROFILE;
use crate::text;

/// A code with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) id: String,
    pub(crate) title: String,
}

/// A scale, by its latest definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScaleNames {
    pub(crate) id: String,
    pub(crate) title: String,
    /// From the lowest; empty when the scale has none.
    pub(crate) levels: Vec<Named>,
}

/// What a strumento asks and proposes, by its latest definition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) version: i64,
    pub(crate) reassess_after_days: Option<u32>,
    pub(crate) items: Vec<ItemNames>,
    pub(crate) blocks: Vec<Named>,
    pub(crate) azioni: Vec<Named>,
}

/// An item with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemNames {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) section: String,
    /// It cannot change, as an age.
    pub(crate) is_fixed: bool,
    pub(crate) options: Vec<OptionNames>,
}

/// An option of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OptionNames {
    pub(crate) value: i16,
    pub(crate) text: String,
    /// It gives less than half of the points that the item can give, over all scales, or a minimum condition is missing with it.
    pub(crate) is_low: bool,
}

impl ItemNames {
    /// The answers that hold somebody back.
    pub(crate) fn low(&self) -> impl Iterator<Item = i16> {
        self.options.iter().filter(|option| option.is_low).map(|option| option.value)
    }

    /// Whether any answer can.
    pub(crate) fn can_be_low(&self) -> bool {
        self.low().next().is_some()
    }
}

impl Content {
    fn new(instrument: &Instrument) -> Self {
        let named = |id: &str, title: &str| Named { id: id.to_owned(), title: title.to_owned() };
        let items = instrument.sections.iter().flat_map(|section| {
            let items = instrument.items[section.items.clone()].iter();
            items.map(|item| {
                let most: i32 = (0..instrument.scales.len()).map(|scale| item.weight(scale)).sum();
                let options = item.options.iter().map(|option| OptionNames {
                    value: option.value,
                    text: option.text.as_str().to_owned(),
                    is_low: option.points.iter().sum::<i32>() * 2 < most || !option.blocks.is_empty(),
                });
                ItemNames {
                    id: item.id.as_str().to_owned(),
                    text: item.text.as_str().to_owned(),
                    section: section.title.as_str().to_owned(),
                    is_fixed: item.is_fixed,
                    options: options.collect(),
                }
            })
        });
        Self {
            version: instrument.version.into(),
            reassess_after_days: instrument.reassess_after_days,
            items: items.collect(),
            blocks: instrument.blocks.iter().map(|block| named(block.id.as_str(), block.title.as_str())).collect(),
            azioni: instrument.azioni.iter().map(|azione| named(azione.id.as_str(), azione.title.as_str())).collect(),
        }
    }
}

/// A strumento with its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strumento {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) is_unofficial: bool,
    pub(crate) scales: Vec<ScaleNames>,
    /// The title and the classes, from the most favourable.
    pub(crate) profile: Option<(String, Vec<Named>)>,
    pub(crate) content: Content,
}

impl Strumento {
    /// The names of a strumento from every definition known of it; a strumento without definition has its id alone.
    pub(crate) fn new(id: &str, known: &[Instrument]) -> Self {
        let mut versions: Vec<&Instrument> = known.iter().filter(|instrument| instrument.id.as_str() == id).collect();
        versions.sort_by_key(|instrument| std::cmp::Reverse(instrument.version));
        let mut names = Self {
            id: id.to_owned(),
            title: id.to_owned(),
            is_unofficial: false,
            scales: Vec::new(),
            profile: None,
            content: versions.first().map(|latest| Content::new(latest)).unwrap_or_default(),
        };
        if let Some(latest) = versions.first() {
            latest.title.as_str().clone_into(&mut names.title);
            names.is_unofficial = latest.status == domain::instrument::Status::Unofficial;
        }
        for version in versions {
            for scale in &version.scales {
                names.add_scale(scale);
            }
            if let Some(profile) = &version.profile {
                let (_, classes) = names.profile.get_or_insert_with(|| (profile.title.as_str().to_owned(), Vec::new()));
                add(classes, profile.classes.iter().map(|class| (class.id.as_str(), class.title.as_str())));
            }
        }
        names
    }

    fn add_scale(&mut self, scale: &Scale) {
        let place = self.scales.iter().position(|known| known.id == scale.id.as_str()).unwrap_or_else(|| {
            self.scales.push(ScaleNames {
                id: scale.id.as_str().to_owned(),
                title: scale.title.as_str().to_owned(),
                levels: Vec::new(),
            });
            self.scales.len() - 1
        });
        add(&mut self.scales[place].levels, scale.levels.iter().map(|level| (level.id.as_str(), level.title.as_str())));
    }

    /// What people call an outcome of a scale or of the profile.
    pub(crate) fn outcome_title(&self, target: &str, outcome: &str) -> String {
        let profile = self.profile.iter().map(|(_, classes)| (PROFILE, classes));
        let scales = self.scales.iter().map(|scale| (scale.id.as_str(), &scale.levels));
        let named = scales.chain(profile).find(|(id, _)| *id == target).and_then(|(_, outcomes)| {
            outcomes.iter().find(|named| named.id == outcome).map(|named| named.title.clone())
        });
        named.unwrap_or_else(|| text::word("dashboard", outcome))
    }

    /// What people are told apart by: the profile, then the scales with levels, each with its title.
    pub(crate) fn targets(&self) -> Vec<(&str, &str)> {
        let scales = self.scales.iter().filter(|scale| !scale.levels.is_empty());
        let scales = scales.map(|scale| (scale.id.as_str(), scale.title.as_str()));
        self.profile.iter().map(|(title, _)| (PROFILE, title.as_str())).chain(scales).collect()
    }

    /// A scale by its id.
    pub(crate) fn scale(&self, id: &str) -> Option<&ScaleNames> {
        self.scales.iter().find(|scale| scale.id == id)
    }
}

fn add<'a>(known: &mut Vec<Named>, more: impl Iterator<Item = (&'a str, &'a str)>) {
    for (id, title) in more {
        if !known.iter().any(|named| named.id == id) {
            known.push(Named { id: id.to_owned(), title: title.to_owned() });
        }
    }
}
