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

/// A strumento with its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strumento {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) is_unofficial: bool,
    pub(crate) scales: Vec<ScaleNames>,
    /// The title and the classes, from the most favourable.
    pub(crate) profile: Option<(String, Vec<Named>)>,
}

impl Strumento {
    /// The names of a strumento from every definition known of it; a strumento without definition has its id alone.
    pub(crate) fn new(id: &str, known: &[Instrument]) -> Self {
        let mut versions: Vec<&Instrument> = known.iter().filter(|instrument| instrument.id.as_str() == id).collect();
        versions.sort_by_key(|instrument| std::cmp::Reverse(instrument.version));
        let mut names =
            Self { id: id.to_owned(), title: id.to_owned(), is_unofficial: false, scales: Vec::new(), profile: None };
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
