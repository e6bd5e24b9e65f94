//! A strumento: a questionnaire definition that has passed every rule of docs/definition-format.md.
//!
//! `file` is the stored format, `check` the rules; what leaves here can be scored without checking again.
//! Nothing in the code knows a strumento by name.

mod check;
pub mod consistency;
pub mod crosswalk;
mod file;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::scoring::Sheet;

pub use check::{DefinitionError, RESERVED_ITEM_IDS, Rule};
pub use consistency::{Consistency, Severity};
pub use crosswalk::{Area147, IcfChapter};

/// An id of a definition: `[a-z][a-z0-9_]*`, at most 32 characters. Never changes meaning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(String);

impl Id {
    /// Reads an id.
    ///
    /// # Errors
    /// When `text` has not the form of an id.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let mut characters = text.chars();
        let starts_well = characters.next().is_some_and(|first| first.is_ascii_lowercase());
        let goes_on_well = characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if starts_well && goes_on_well && text.len() <= 32 {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(text.to_owned()))
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Id {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

/// A text that is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("«{0}» is not an id: a lower-case letter, then lower-case letters, digits and _, 32 characters at most")]
pub struct InvalidId(pub String);

/// A text in one or more languages; white space folded, paragraphs parted by `\n\n`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    default: String,
    others: BTreeMap<String, String>,
}

impl Text {
    /// The text in the definition's first language.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.default
    }

    /// The text in `language` where it is translated, else in the definition's first language.
    #[must_use]
    pub fn in_language(&self, language: &str) -> &str {
        self.others.get(language).unwrap_or(&self.default)
    }

    /// The paragraphs, in the definition's first language.
    pub fn paragraphs(&self) -> impl Iterator<Item = &str> {
        self.default.split("\n\n")
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.default)
    }
}

/// Whether the wording is the one its owner publishes. Shown wherever the strumento is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The owner's own wording.
    Official,
    /// Somebody's wording, ours included.
    Unofficial,
}

/// Why an item has no option chosen: three different things, none of them zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Left blank.
    NotAnswered,
    /// The operator could not observe it.
    NotAssessable,
    /// The person preferred not to say.
    Refused,
}

impl Missing {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::NotAnswered, Self::NotAssessable, Self::Refused];

    /// The code stored in the lake in place of an option's value.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Self::NotAnswered => -1,
            Self::NotAssessable => -2,
            Self::Refused => -3,
        }
    }
}

/// What stands for an item on a sheet: an option's value, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The value of the option chosen.
    Value(i16),
    /// No option chosen.
    Missing(Missing),
}

impl Answer {
    /// The code stored in the lake: the option's value, or the negative code of the kind of missing.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Self::Value(value) => value,
            Self::Missing(missing) => missing.code(),
        }
    }
}

/// A kind of missing that the form offers, with its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingChoice {
    /// The kind.
    pub kind: Missing,
    /// What the form says.
    pub label: Text,
}

/// A group of items under one heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its id.
    pub id: Id,
    /// Its heading.
    pub title: Text,
    /// A sentence above the items.
    pub intro: Option<Text>,
    /// Where its items stand in [`Instrument::items`].
    pub items: std::ops::Range<usize>,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id, under which answers are stored.
    pub id: Id,
    /// The question.
    pub text: Text,
    /// For the operator: what to look at.
    pub help: Option<Text>,
    /// What it is about, by areas of the assessment of D.Lgs. 147/2017; its own, or else its section's.
    pub areas_147: Vec<Area147>,
    /// What it is about, by chapters of the ICF; its own, or else its section's.
    pub icf: Vec<IcfChapter>,
    /// Nothing that anyone does can change the answer: never proposed as a change.
    pub is_fixed: bool,
    /// The kinds of missing that the form offers here, besides leaving it blank.
    pub missing: Vec<Missing>,
    /// The options, as the form lists them.
    pub options: Vec<AnswerOption>,
}

impl Item {
    /// The option with this value.
    #[must_use]
    pub fn option(&self, value: i16) -> Option<&AnswerOption> {
        self.options.iter().find(|option| option.value == value)
    }

    /// The most points that the item can give on a scale (its index in [`Instrument::scales`]): its weight.
    #[must_use]
    pub fn weight(&self, scale: usize) -> i32 {
        self.options.iter().map(|option| option.points[scale]).max().unwrap_or(0)
    }
}

/// One anchored option of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerOption {
    /// What is stored.
    pub value: i16,
    /// What the form says.
    pub text: Text,
    /// Points, one per scale of the strumento.
    pub points: Vec<i32>,
    /// Indices in [`Instrument::blocks`] of the minimum conditions that are missing when it is chosen.
    pub blocks: Vec<usize>,
}

/// From where on a result on a scale is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Minimum {
    /// Share of the weight, in percent.
    WeightPercent(i32),
    /// Number of items answered.
    Items(usize),
}

/// How precisely a scale measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reliability {
    /// Standard error of measurement, in hundredths of an index point.
    pub sem_hundredths: i32,
    /// Cronbach's alpha, in thousandths.
    pub alpha_thousandths: Option<i32>,
    /// Where the figures come from.
    pub source: Text,
}

/// What a strumento measures: a sum of points over items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub title: Text,
    /// Its name in easy words, for the person.
    pub easy_title: Option<Text>,
    /// What a high index means.
    pub description: Text,
    /// From where on a result is valid.
    pub minimum: Minimum,
    /// How precisely it measures, if that is known.
    pub reliability: Option<Reliability>,
    /// From the lowest; empty when the scale has no levels.
    pub levels: Vec<Level>,
}

/// A stretch of a scale with what the report says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// Its id, unique in the scale.
    pub id: Id,
    /// Its name.
    pub title: Text,
    /// Lowest index of the level, in whole points.
    pub from: i32,
    /// What the report says.
    pub paragraph: Text,
    /// The same in easy words, for the person; all levels of a scale have it, or none.
    pub easy: Option<Text>,
    /// Indices in [`Instrument::azioni`].
    pub azioni: Vec<usize>,
}

/// A minimum condition that, when it is missing, caps levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its id.
    pub id: Id,
    /// How the report names it.
    pub title: Text,
    /// What is missing and why it comes first.
    pub text: Text,
    /// Index of a scale, index of the highest level reachable while the block holds.
    pub caps: BTreeMap<usize, usize>,
    /// Indices in [`Instrument::azioni`].
    pub azioni: Vec<usize>,
}

/// A development action that a report proposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Azione {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub title: Text,
    /// What is done, by whom, how long.
    pub text: Text,
}

/// A class from the levels of some scales.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub title: Text,
    /// Indices in [`Instrument::scales`].
    pub scales: Vec<usize>,
    /// From the most favourable.
    pub classes: Vec<ProfileClass>,
    /// The first that fits decides.
    rules: Vec<ProfileRule>,
}

/// One class of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileClass {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub title: Text,
    /// What the report says.
    pub paragraph: Text,
    /// The same in easy words, for the person; all classes have it, or none.
    pub easy: Option<Text>,
    /// Indices in [`Instrument::azioni`].
    pub azioni: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ProfileRule {
    class: usize,
    /// Per scale of the profile, in its order: the levels that fit.
    levels: Vec<Vec<usize>>,
}

impl Profile {
    /// The class of a combination of levels, one per scale of the profile in its order.
    #[must_use]
    pub fn class_of(&self, levels: &[usize]) -> Option<usize> {
        self.rules.iter().find(|rule| rule.fits(levels)).map(|rule| rule.class)
    }
}

impl ProfileRule {
    fn fits(&self, levels: &[usize]) -> bool {
        self.levels.len() == levels.len()
            && self.levels.iter().zip(levels).all(|(fitting, level)| fitting.contains(level))
    }
}

/// How answers of an earlier version read in this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The earlier version.
    pub from_version: u32,
    /// By id in the earlier version.
    pub items: BTreeMap<Id, MappedItem>,
}

/// The successor of an item of an earlier version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedItem {
    /// Index in [`Instrument::items`].
    pub to: usize,
    /// New value by old value; `None` when values stay as they are.
    pub values: Option<BTreeMap<i16, i16>>,
}

/// A strumento: one version of a questionnaire definition, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Its id.
    pub id: Id,
    /// Its version, from 1.
    pub version: u32,
    /// Whether the wording is official.
    pub status: Status,
    /// Language tags; the first is the default.
    pub languages: Vec<String>,
    /// Its name.
    pub title: Text,
    /// Its full name.
    pub subtitle: Option<Text>,
    /// What it assesses and how.
    pub description: Text,
    /// Who wrote it, from what.
    pub source: Text,
    /// Under which licence the wording may be used.
    pub licence: String,
    /// The days before the assessment that the answers are about.
    pub window_days: Option<u32>,
    /// The days after which to assess again, unless the operator decides otherwise.
    pub reassess_after_days: Option<u32>,
    /// From how many people on the reliability computed on an Ente's own data takes the place of the definition's;
    /// `None`: never.
    pub reliability_enough: Option<u32>,
    /// The kinds of missing that the form offers.
    pub missing: Vec<MissingChoice>,
    /// In the form's order.
    pub sections: Vec<Section>,
    /// All items, in the form's order.
    pub items: Vec<Item>,
    /// In the report's order.
    pub scales: Vec<Scale>,
    /// Minimum conditions.
    pub blocks: Vec<Block>,
    /// The catalogue.
    pub azioni: Vec<Azione>,
    /// The class made of the levels, if there is one.
    pub profile: Option<Profile>,
    /// What cannot, or can hardly, be true at once.
    pub consistency: Vec<Consistency>,
    /// How earlier versions read in this one.
    pub mappings: Vec<Mapping>,
    /// SHA-256 of the file's bytes, lower-case hexadecimal.
    pub sha256: String,
}

impl Instrument {
    /// Reads a definition file and checks every rule.
    ///
    /// # Errors
    /// All that is wrong, each with the item and the rule; one error alone when the file is not TOML of this format.
    pub fn parse(toml: &str) -> Result<Self, Vec<DefinitionError>> {
        let file = file::VersionedDefinition::read(toml)?;
        check::check(file, hex::encode(Sha256::digest(toml.as_bytes())))
    }

    /// A sheet of `version` as it reads in this one: answers of items that have no successor here are left out. `None`
    /// where this definition does not say how that version reads.
    #[must_use]
    pub fn from_version(&self, version: u32, sheet: &Sheet) -> Option<Sheet> {
        if version == self.version {
            return Some(sheet.clone());
        }
        let mapping = self.mappings.iter().find(|mapping| mapping.from_version == version)?;
        let mapped = sheet.iter().filter_map(|(id, answer)| {
            let item = mapping.items.get(id)?;
            let answer = match (answer, &item.values) {
                (Answer::Value(value), Some(values)) => Answer::Value(*values.get(value)?),
                (answer, _) => *answer,
            };
            Some((self.items[item.to].id.clone(), answer))
        });
        Some(mapped.collect())
    }

    /// The index of an item.
    #[must_use]
    pub fn item_index(&self, id: &str) -> Option<usize> {
        self.items.iter().position(|item| item.id.as_str() == id)
    }

    /// The index of a scale.
    #[must_use]
    pub fn scale_index(&self, id: &str) -> Option<usize> {
        self.scales.iter().position(|scale| scale.id.as_str() == id)
    }
}

#[cfg(test)]
mod tests;
