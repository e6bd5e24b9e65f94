//! What is recorded of a persona besides identity and answers: the categories that forms offer, the feed carries and
//! dashboards count. Codes are stored and never change meaning; the words people read are in `templates`.

use serde::{Deserialize, Serialize};

/// Defines a set of codes with its list, its text form, and its reading.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $code)] $variant,)+
        }

        impl $name {
            /// All, in the order in which forms and tables list them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code that is stored.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The one with this code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|this| this.code() == code)
            }
        }
    };
}

codes! {
    /// Sex as the registry office records it.
    Sex {
        /// Women.
        Female = "f",
        /// Men.
        Male = "m",
    }
}

impl From<territory::Sex> for Sex {
    fn from(sex: territory::Sex) -> Self {
        match sex {
            territory::Sex::Female => Self::Female,
            territory::Sex::Male => Self::Male,
        }
    }
}

impl From<Sex> for territory::Sex {
    fn from(sex: Sex) -> Self {
        match sex {
            Sex::Female => Self::Female,
            Sex::Male => Self::Male,
        }
    }
}

codes! {
    /// The highest qualification obtained, by ISCED 2011 level.
    Education {
        /// Less than primary, or primary (levels 0 and 1).
        Primary = "isced_0_1",
        /// Lower secondary: licenza media (level 2).
        LowerSecondary = "isced_2",
        /// Upper secondary and post-secondary: qualifica, diploma (levels 3 and 4).
        UpperSecondary = "isced_3_4",
        /// Tertiary (levels 5 to 8).
        Tertiary = "isced_5_8",
    }
}

codes! {
    /// Citizenship, as a group.
    Citizenship {
        /// Italian, whatever others there are.
        Italian = "it",
        /// Of another country of the European Union.
        Eu = "eu",
        /// Of a country outside the European Union, or of none.
        NonEu = "non_eu",
    }
}

codes! {
    /// With whom the persona lives.
    Household {
        /// Alone.
        Alone = "alone",
        /// With a partner, without children.
        Couple = "couple",
        /// With a partner and children.
        CoupleWithChildren = "couple_children",
        /// With children, without a partner.
        SingleParent = "single_parent",
        /// With parents or other relatives.
        Relatives = "relatives",
        /// In a community, a shelter, with people who are not family.
        Other = "other",
    }
}

codes! {
    /// How the persona stands to work.
    Work {
        /// Employed, even for a few hours.
        Employed = "employed",
        /// Looking for work for less than a year.
        UnemployedShort = "unemployed_short",
        /// Looking for work for a year or longer.
        UnemployedLong = "unemployed_long",
        /// Looking for a first job.
        FirstJob = "first_job",
        /// Not looking: studies, cares for others, cannot work.
        Inactive = "inactive",
        /// Retired.
        Retired = "retired",
    }
}

codes! {
    /// Categories of disadvantage; a persona may be in several, or in none.
    Disadvantage {
        /// A recognised disability or invalidity.
        Disability = "disability",
        /// Followed by mental health services.
        MentalHealth = "mental_health",
        /// Followed by services for addictions.
        Addiction = "addiction",
        /// Detained, or in an alternative measure, now or in the last years.
        Justice = "justice",
        /// Has suffered violence, trafficking or serious exploitation.
        Violence = "violence",
        /// Without a home, or in unsafe housing.
        Housing = "housing",
        /// Asks for or holds international protection.
        Protection = "protection",
        /// Grown up outside the family, just of age.
        CareLeaver = "care_leaver",
        /// In economic poverty: receives income support.
        Poverty = "poverty",
        /// Cares for a person who is not self-sufficient.
        Caregiver = "caregiver",
        /// Another one, noted by the operator.
        Other = "other",
    }
}

/// Age bands of tables: the first age of each; the last is open.
pub const AGE_BANDS: [u8; 6] = [0, 25, 35, 45, 55, 65];

/// The code of the band of an age, such as `25_34`; `0_24` and `65_plus` at the ends.
#[must_use]
pub fn age_band(age: u8) -> &'static str {
    match age {
        0..=24 => "0_24",
        25..=34 => "25_34",
        35..=44 => "35_44",
        45..=54 => "45_54",
        55..=64 => "55_64",
        65.. => "65_plus",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_read_back_and_are_what_serde_writes() {
        fn check<T: Copy + PartialEq + std::fmt::Debug + Serialize>(
            all: &[T],
            code: fn(T) -> &'static str,
            from_code: fn(&str) -> Option<T>,
        ) {
            let codes: BTreeSet<&str> = all.iter().map(|this| code(*this)).collect();
            assert_eq!(codes.len(), all.len());
            for this in all {
                assert_eq!(from_code(code(*this)), Some(*this));
                assert_eq!(serde_json::to_value(this).unwrap(), code(*this));
            }
            assert_eq!(from_code("?"), None);
        }
        check(Sex::ALL, Sex::code, Sex::from_code);
        check(Education::ALL, Education::code, Education::from_code);
        check(Citizenship::ALL, Citizenship::code, Citizenship::from_code);
        check(Household::ALL, Household::code, Household::from_code);
        check(Work::ALL, Work::code, Work::from_code);
        check(Disadvantage::ALL, Disadvantage::code, Disadvantage::from_code);
    }

    #[test]
    fn bands_start_where_they_say() {
        let bands: BTreeSet<&str> = (0..=120).map(age_band).collect();
        assert_eq!(bands.len(), AGE_BANDS.len());
        for start in AGE_BANDS.into_iter().skip(1) {
            assert_ne!(age_band(start - 1), age_band(start));
        }
    }
}
