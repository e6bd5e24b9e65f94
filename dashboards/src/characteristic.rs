//! What is recorded of a persona, as pages name and order it.

use std::ops::RangeInclusive;

use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};

use crate::pages::Choice;
use crate::text;

/// What is recorded of a persona, in the order of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Characteristic {
    AgeBand,
    Sex,
    Education,
    Citizenship,
    Household,
    Work,
    Disadvantage,
}

impl Characteristic {
    pub(crate) const ALL: [Self; 7] =
        [Self::AgeBand, Self::Sex, Self::Education, Self::Citizenship, Self::Household, Self::Work, Self::Disadvantage];

    /// The code of marts and of messages/terms.toml.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::AgeBand => "age_band",
            Self::Sex => "sex",
            Self::Education => "education",
            Self::Citizenship => "citizenship",
            Self::Household => "household",
            Self::Work => "work",
            Self::Disadvantage => "disadvantage",
        }
    }

    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|this| this.code() == code)
    }

    /// All of them, to choose from.
    pub(crate) fn choices(chosen: Self) -> Vec<Choice> {
        let choice = |one: &Self| Choice::new(one.code(), text::word("characteristic", one.code()), chosen.code());
        Self::ALL.iter().map(choice).collect()
    }

    /// Whether one may be in several categories.
    pub(crate) fn is_multiple(self) -> bool {
        self == Self::Disadvantage
    }

    /// All its categories but "unknown".
    pub(crate) fn categories(self) -> Vec<&'static str> {
        match self {
            Self::AgeBand => vec!["0_24", "25_34", "35_44", "45_54", "55_64", "65_plus"],
            Self::Sex => Sex::ALL.iter().map(|one| one.code()).collect(),
            Self::Education => Education::ALL.iter().map(|one| one.code()).collect(),
            Self::Citizenship => Citizenship::ALL.iter().map(|one| one.code()).collect(),
            Self::Household => Household::ALL.iter().map(|one| one.code()).collect(),
            Self::Work => Work::ALL.iter().map(|one| one.code()).collect(),
            Self::Disadvantage => Disadvantage::ALL.iter().map(|one| one.code()).chain(["none"]).collect(),
        }
    }
}

/// The ages of residents that a band of people is held against: who is under 18 is hardly ever assessed. None of other codes.
pub(crate) fn ages_of_residents(band: &str) -> Option<RangeInclusive<u8>> {
    Some(match band {
        "0_24" => 18..=24,
        "25_34" => 25..=34,
        "35_44" => 35..=44,
        "45_54" => 45..=54,
        "55_64" => 55..=64,
        "65_plus" => 65..=territory::AGE_MAX,
        _ => return None,
    })
}
