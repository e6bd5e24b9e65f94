//! What is recorded of a persona, as pages name and order it.

use std::ops::RangeInclusive;

use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use serde::{Deserialize, Serialize};

use crate::merge::POOL;
use crate::pages::Choice;
use crate::text;

/// The disadvantage of those who are known to have none: who is in it is in no other.
pub(crate) const NONE: &str = "none";

/// What is recorded of a persona, in the order of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

    /// A category in words.
    pub(crate) fn category(self, code: &str) -> String {
        if code == POOL { text::word("dashboard", "category_pool") } else { text::word(self.code(), code) }
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
            Self::Disadvantage => Disadvantage::ALL.iter().map(|one| one.code()).chain([NONE]).collect(),
        }
    }
}

/// By what pages narrow down whom they count: where people live, or what is recorded of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Filter {
    Comune,
    Of(Characteristic),
}

impl Filter {
    pub(crate) const ALL: [Self; 8] = [
        Self::Of(Characteristic::Sex),
        Self::Of(Characteristic::AgeBand),
        Self::Of(Characteristic::Education),
        Self::Of(Characteristic::Citizenship),
        Self::Of(Characteristic::Household),
        Self::Of(Characteristic::Work),
        Self::Of(Characteristic::Disadvantage),
        Self::Comune,
    ];

    /// Its name in addresses.
    pub(crate) const fn parameter(self) -> &'static str {
        match self {
            Self::Comune => "comune",
            Self::Of(Characteristic::AgeBand) => "eta",
            Self::Of(Characteristic::Sex) => "sesso",
            Self::Of(Characteristic::Education) => "istruzione",
            Self::Of(Characteristic::Citizenship) => "cittadinanza",
            Self::Of(Characteristic::Household) => "nucleo",
            Self::Of(Characteristic::Work) => "lavoro",
            Self::Of(Characteristic::Disadvantage) => "svantaggio",
        }
    }

    /// Whether people can be counted by this and another filter together: whoever may be in several categories cannot.
    pub(crate) fn is_crossed(self) -> bool {
        match self {
            Self::Comune => true,
            Self::Of(of) => !of.is_multiple(),
        }
    }

    pub(crate) fn title(self) -> String {
        match self {
            Self::Comune => text::word("dashboard", "comune"),
            Self::Of(of) => text::word("characteristic", of.code()),
        }
    }

    /// A category in words.
    pub(crate) fn category(self, code: &str) -> String {
        match self {
            Self::Comune => text::comune(code),
            Self::Of(of) => of.category(code),
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
