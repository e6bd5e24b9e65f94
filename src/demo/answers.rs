//! Invented answers that hang together: what a person is able to do, how it grows, and who looks at it.
//!
//! Works for any strumento. Answers that follow from what is known of the person (their age, say) are told by
//! `answers.toml`, so that no strumento is named in code.

use std::collections::BTreeMap;

use domain::instrument::{Answer, Instrument, Item, Missing};
use domain::scoring::Sheet;
use rand::{Rng, RngExt};
use serde::Deserialize;

use super::people::DemoPersona;

/// How an operator fills in forms: nobody does it the same way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Practice {
    /// Added to what is seen, in thousandths: strict below zero, kind above.
    pub(crate) leaning: i32,
    /// Answers left out, in thousandths.
    pub(crate) missing: u32,
    /// Questionnaires whose result the operator does not confirm, in percent.
    pub(crate) overrides: u32,
}

impl Practice {
    /// Draws one.
    pub(crate) fn draw(chance: &mut impl Rng) -> Self {
        Self {
            leaning: chance.random_range(-55..=55),
            missing: chance.random_range(5..=60),
            overrides: chance.random_range(3..=20),
        }
    }
}

/// Per strumento and item: the answer that follows from what is known of the person.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Known(BTreeMap<String, BTreeMap<String, KnownItem>>);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KnownItem {
    /// First age and value, in the order of ages.
    FromAge(Vec<(u8, i16)>),
    /// Value by the code of the education.
    ByEducation(BTreeMap<String, i16>),
}

impl Known {
    /// The table in the binary.
    pub(crate) fn read() -> anyhow::Result<Self> {
        Ok(toml::from_str(include_str!("answers.toml"))?)
    }

    fn answer(&self, instrument: &Instrument, item: &Item, persona: &DemoPersona, age: u8) -> Option<i16> {
        let value = match self.0.get(instrument.id.as_str())?.get(item.id.as_str())? {
            KnownItem::FromAge(steps) => steps.iter().rev().find(|(from, _)| age >= *from)?.1,
            KnownItem::ByEducation(values) => *values.get(persona.education.code())?,
        };
        item.option(value).map(|option| option.value)
    }
}

/// The places of an item's options from the least to the most favourable, by the points they give.
fn ladder(item: &Item) -> Vec<i16> {
    let mut options: Vec<(i32, i16)> =
        item.options.iter().map(|option| (option.points.iter().sum(), option.value)).collect();
    options.sort_unstable();
    options.into_iter().map(|(_, value)| value).collect()
}

/// A sheet about `persona` at `age`, whose ability has grown by `growth` thousandths.
pub(crate) fn sheet(
    instrument: &Instrument,
    known: &Known,
    persona: &DemoPersona,
    age: u8,
    growth: i32,
    practice: Practice,
    chance: &mut impl Rng,
) -> Sheet {
    instrument
        .items
        .iter()
        .map(|item| {
            let answer = if let Some(value) = known.answer(instrument, item, persona, age) {
                Answer::Value(value)
            } else if chance.random_ratio(practice.missing, 1000) {
                missing(item, chance)
            } else {
                let scatter: i32 = (0..3).map(|_| chance.random_range(-130..=130)).sum();
                let seen = (persona.ability + growth + practice.leaning + scatter).clamp(0, 999);
                let ladder = ladder(item);
                let place = usize::try_from(seen).unwrap_or(0) * ladder.len() / 1000;
                Answer::Value(ladder[place])
            };
            (item.id.clone(), answer)
        })
        .collect()
}

/// One of the kinds of missing that the form offers, or a blank.
fn missing(item: &Item, chance: &mut impl Rng) -> Answer {
    let kinds: Vec<Missing> = item.missing.iter().copied().chain([Missing::NotAnswered]).collect();
    Answer::Missing(kinds[chance.random_range(0..kinds.len())])
}
