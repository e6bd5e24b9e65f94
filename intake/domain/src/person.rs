//! What is recorded of a persona besides identity and answers: the categories that forms offer, the feed carries and
//! dashboards count. Codes are stored and never change meaning; the words people read are in `templates`.

use std::collections::BTreeSet;

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
    /// The titles of Italian education by their official codes: ISTAT's list D.2, as AgID publishes it in the controlled
    /// vocabulary «Grado di istruzione / Titoli di studio» (classifications-for-people/education-level, 2018-02-13,
    /// CC BY 4.0). Other systems of the administration give these; what is stored of a persona is [`Education`].
    EducationTitle {
        /// No title.
        None = "ZZ_NED",
        /// Licenza elementare.
        PrimarySchool = "ZZ_PSE",
        /// Licenza media, or avviamento professionale up to 1965.
        LowerSecondarySchool = "ZZ_LSE",
        /// Qualifica of two or three years, without access to university.
        VocationalUpperSecondary = "ZZ_USV",
        /// Qualifica or diploma of the Regions' vocational training (IeFP), three or four years.
        RegionalVocational = "ZZ_IFP",
        /// Diploma of four or five years, with access to university.
        UpperSecondarySchool = "ZZ_USG",
        /// Certificate of higher technical specialisation (IFTS), a year after the diploma.
        HigherTechnicalCertificate = "ZZ_IFTS",
        /// Diploma of higher technical education (ITS), two years after the diploma.
        HigherTechnicalDiploma = "ZZ_ITS",
        /// University diploma of two or three years, old order.
        UniversityDiploma = "ZZ_CDU",
        /// Laurea of first level.
        Bachelor = "ZZ_L",
        /// Academic diploma in arts and music, first level.
        ArtsFirstLevel = "ZZ_FLA",
        /// Laurea specialistica or magistrale of two years.
        Master = "ZZ_LS",
        /// Laurea of four to six years: single cycle, or old order.
        LongDegree = "ZZ_LD",
        /// Academic diploma in arts and music, second level.
        ArtsSecondLevel = "ZZ_SLA",
        /// Diploma of an academy or conservatory, old order.
        ArtsOldOrder = "ZZ_ACO",
        /// Doctorate of research, or its equal in arts and music.
        Doctorate = "ZZ_RDD",
    }
}

impl EducationTitle {
    /// The level of ISCED 2011, 0 to 8. The vocabulary names no level: this is read from the definitions in it (length,
    /// what gives access). Between 5 and 8 the old orders can be argued over; [`Education`] is the same for all of them.
    #[must_use]
    pub const fn isced(self) -> u8 {
        match self {
            Self::None => 0,
            Self::PrimarySchool => 1,
            Self::LowerSecondarySchool => 2,
            Self::VocationalUpperSecondary | Self::RegionalVocational | Self::UpperSecondarySchool => 3,
            Self::HigherTechnicalCertificate => 4,
            Self::HigherTechnicalDiploma => 5,
            Self::UniversityDiploma | Self::Bachelor | Self::ArtsFirstLevel | Self::ArtsOldOrder => 6,
            Self::Master | Self::LongDegree | Self::ArtsSecondLevel => 7,
            Self::Doctorate => 8,
        }
    }

    /// What is stored of it.
    #[must_use]
    pub const fn education(self) -> Education {
        match self.isced() {
            0 | 1 => Education::Primary,
            2 => Education::LowerSecondary,
            3 | 4 => Education::UpperSecondary,
            5.. => Education::Tertiary,
        }
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

/// What is recorded of a persona on the day of an assessment, as far as anybody recorded it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonaFacts {
    /// Completed years on that day.
    pub age: Option<u8>,
    /// Sex.
    pub sex: Option<Sex>,
    /// Education.
    pub education: Option<Education>,
    /// Citizenship.
    pub citizenship: Option<Citizenship>,
    /// Household.
    pub household: Option<Household>,
    /// Work condition.
    pub work: Option<Work>,
    /// Categories of disadvantage; `None` when nobody asked, empty when there are none.
    pub disadvantage: Option<BTreeSet<Disadvantage>>,
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
        check(EducationTitle::ALL, EducationTitle::code, EducationTitle::from_code);
        check(Citizenship::ALL, Citizenship::code, Citizenship::from_code);
        check(Household::ALL, Household::code, Household::from_code);
        check(Work::ALL, Work::code, Work::from_code);
        check(Disadvantage::ALL, Disadvantage::code, Disadvantage::from_code);
    }

    #[test]
    fn official_titles_rise_through_all_levels() {
        let levels: Vec<u8> = EducationTitle::ALL.iter().map(|title| title.isced()).collect();
        assert_eq!(levels.iter().copied().collect::<BTreeSet<_>>(), (0..=8).collect());
        let education = |code| EducationTitle::from_code(code).map(EducationTitle::education);
        for (code, expected) in [
            ("ZZ_NED", Education::Primary),
            ("ZZ_PSE", Education::Primary),
            ("ZZ_LSE", Education::LowerSecondary),
            ("ZZ_USV", Education::UpperSecondary),
            ("ZZ_IFP", Education::UpperSecondary),
            ("ZZ_USG", Education::UpperSecondary),
            ("ZZ_IFTS", Education::UpperSecondary),
            ("ZZ_ITS", Education::Tertiary),
            ("ZZ_ACO", Education::Tertiary),
            ("ZZ_RDD", Education::Tertiary),
        ] {
            assert_eq!(education(code), Some(expected), "{code}");
        }
        assert_eq!(EducationTitle::ALL.len(), 16);
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
